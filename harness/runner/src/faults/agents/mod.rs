//! What has to be done on the nodes of pods: by agents, one for each node that has a target, made for one firing.
//!
//! [`orders`] (pure) says what each of them is told, [`pod`] (pure) what its pod is; [`leash`] keeps the Lease on which
//! they hang and by which they are told to inject and to heal; [`crew`] hears what they report; [`ways`] finds the addresses of
//! services by which the far end of a link is spoken to. Nothing of the fault itself is
//! done here.

mod again;
mod crew;
mod fault;
mod leash;
mod names;
mod orders;
mod pod;
mod ways;

pub(super) use fault::Agents;
pub(crate) use names::object_name;

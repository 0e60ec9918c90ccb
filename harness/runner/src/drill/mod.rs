//! One drill at a time on a system in a cluster, and what is known of it there when its runner is gone.
//!
//! A run holds a Lease ([`Drill`]), so that two runners anywhere cannot hit one system at once; and what its undo journal
//! says of things that are not taken back yet stands in a config map beside it ([`ClusterCopy`]), so that
//! [`recover`](crate::recover) finds it from any machine. Both lie in the namespace that the profile names for drills, and both
//! are gone when the run is over. A runner that dies stops to renew its Lease: once that is over, the system is free, and the
//! journal may be replayed.

mod copy;
mod hold;
mod mark;
mod open_entries;

pub use copy::ClusterCopy;
pub(crate) use hold::acquire;
pub use hold::{Drill, DrillError, HALT_ANNOTATION, Taken};
pub use mark::{Adopted, DrillAbout, DrillMark};
pub(crate) use mark::{COPY_LABEL, LEASES_BEGIN_WITH, RUN_LABEL, recoverer, rights};
pub(crate) use open_entries::entries_of;

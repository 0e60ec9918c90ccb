//! Bandwidth, delay, jitter, loss and reordering, by the kernel's queueing disciplines.
//!
//! They act on what *leaves* an interface. [`Scope::Whole`] takes all of it. [`Scope::Steered`] takes only packets
//! that a rule of an [`crate::mechanisms::net::OwnedTable`] steers there ([`crate::mechanisms::net::Action::Steer`]);
//! all others pass untouched. As the rules end with their owner, a discipline that is left behind by a SIGKILL has
//! nothing to act on any more, and can be removed later ([`remove_leftover`]). Where a kernel's nftables cannot do that,
//! filters of the discipline's own steer by address ([`Qdisc::steer`]); those stay until it is removed.
//!
//! Everything of ours has a handle of its own (`5348:`), and nothing is put in the place of a discipline that
//! somebody else has set up.

mod encode;
mod filter;
mod install;
mod shape;

pub(super) use encode::GET_QDISC;
pub use encode::STEERED_CLASS;
pub use install::{Qdisc, QdiscError, QdiscKinds, QdiscStatistics, remove_leftover};
pub use shape::{Netem, Rate, Scope, Shape, ShapeError};

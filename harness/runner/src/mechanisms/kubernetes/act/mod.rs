//! Doing things to a cluster.
//!
//! What can be taken back is done in two steps: [`Cluster::prepare`] reads what is there and says what would change,
//! which a journal keeps as an [`Undo`]; then [`Change::make`] makes it, and refuses if somebody else was faster.
//!
//! [`Cluster::prepare`]: super::Cluster::prepare
//! [`Undo`]: super::Undo

mod change;
mod config_map;
mod drain;
mod edit;
mod exec;
mod lease;
mod log;
mod own;
mod place;
mod pod;
mod unblock;

pub(super) use change::back as change_back;
pub use change::{Change, Made};
pub use config_map::ConfigMapLook;
pub use drain::{DrainEnd, DrainOrder, DrainReport, Drainable, DrainedPod, drainable};
pub use edit::Edit;
pub use exec::{Command, Conversation};
pub use lease::{Acquired, HeldLease, LeaseClaim};
pub use log::LogLines;
pub use own::{ObjectKind, OwnObject};
pub use pod::{Deleted, Evicted};

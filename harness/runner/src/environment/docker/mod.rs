//! Containers that somebody else has started: found, watched, started again when a fault has ended them. Shakedown
//! never creates or removes one.
//!
//! [`discover`] finds the container of each replica by what the profile says and by nothing else. [`DockerTarget`]
//! turns replicas into handles: the container, its main process (pinned, and found again when the container was
//! restarted), its network namespace and, through the process, its control groups. What acts on these handles is the
//! same code as for local processes.

mod container;
mod discovery;
mod target;

pub use discovery::{Found, discover, images};
pub use target::DockerTarget;

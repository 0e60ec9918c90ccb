//! The pods of this node, found without asking anybody: a container's processes are in its control group, and the path
//! of that group names the pod and the container.
//!
//! ```text
//! /proc/PID/cgroup --path--> (pod uid, container id) --find--> main process, pinned --guard--> may it be touched?
//! ```
//!
//! No socket of a container runtime is needed, so that whoever uses this needs no right to start containers. It takes
//! the node's pid namespace (`hostPID`), and it does not care whether the node is itself in a group of another one.

mod find;
mod guard;
mod path;

pub use find::{ContainerId, Member, NodePods, PodContainer, PodError, choose_main};
pub use guard::{Forbidden, forbidden};
pub use path::{ContainerPath, is_static};

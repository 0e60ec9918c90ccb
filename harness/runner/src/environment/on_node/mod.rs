//! Pods of the node on which an agent runs, as an environment: the near ends of its order have processes and network
//! namespaces here, the far ends have addresses only.
//!
//! Nothing is asked of an API: containers are found by their control groups, readiness is a connection that comes
//! about, and a container that was ended comes back because the kubelet starts it again.

mod choice;
mod ends;
mod seat;
mod target;

pub use target::{NodeTarget, NodeTargetError};

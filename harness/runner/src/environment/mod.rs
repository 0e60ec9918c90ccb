//! Environments turn *replicas* (`engine-1`) into *handles* (a process); mechanisms act on handles and know nothing
//! of environments.
//!
//! [`LocalCluster`] owns what it starts and takes it down again, whatever happens. [`ExternalTarget`] knows only
//! addresses. Every difference between them is a match in [`Environment`].

mod engine_command;
mod error;
mod external;
mod handle;
mod health;
mod kind;
mod local;
mod network;
mod node;
mod ports;
mod teardown;

pub use error::EnvironmentError;
pub use external::ExternalTarget;
pub use handle::{Handle, Replica, ReplicaHealth};
pub(crate) use health::refuses;
pub use health::{HttpAnswer, ask};
pub use kind::{Environment, StartContext};
pub use local::LocalCluster;
pub use network::{ClusterNetwork, LinkError};

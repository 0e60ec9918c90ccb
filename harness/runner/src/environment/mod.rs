//! Environments turn *replicas* (`engine-1`) into *handles* (a process); mechanisms act on handles and know nothing
//! of environments.
//!
//! [`LocalCluster`] owns what it starts and takes it down again, whatever happens. [`ExternalTarget`] knows only
//! addresses, [`DockerTarget`] containers that run already. Every difference between them is a match in [`Environment`].

mod docker;
mod engine_command;
mod error;
mod external;
mod handle;
mod health;
mod kind;
mod local;
mod means;
mod network;
mod node;
mod ports;
mod round_trip;
mod teardown;
mod web;
mod wiring;

pub use docker::{DockerTarget, Found, discover, images};
pub use error::EnvironmentError;
pub use external::ExternalTarget;
pub use handle::{Handle, Replica, ReplicaHealth};
pub(crate) use health::refuses;
pub use health::{HttpAnswer, ask};
pub use kind::{Environment, StartContext, replicas_of};
pub use local::LocalCluster;
pub use means::{Means, mechanisms_here};
pub use network::{ClusterNetwork, LinkError};
pub(crate) use round_trip::{Heard, Route, ask_on};
pub use web::{End, LinkKey, LinkWeb};

//! Environments turn *replicas* (`engine-1`) into *handles* (a process); mechanisms act on handles and know nothing
//! of environments.
//!
//! [`LocalCluster`] owns what it starts and takes it down again, whatever happens. [`ExternalTarget`] knows only
//! addresses, [`DockerTarget`] containers and [`KubernetesTarget`] pods that run already, [`NodeTarget`] the pods of the
//! node that it is on. Every difference between them is a match in [`Environment`].

mod address_book;
mod alike;
mod cast;
mod data;
mod disks;
mod docker;
mod engine_command;
mod error;
mod external;
mod gateway_urls;
mod handle;
mod health;
mod keeper;
mod kind;
mod kubernetes;
mod local;
mod means;
mod network;
mod node;
mod on_node;
mod players;
mod ports;
mod postgresql;
mod programs;
mod redis;
mod round_trip;
mod teardown;
mod web;
mod wiring;

pub use address_book::AddressBook;
pub use docker::{DockerTarget, Found, discover, images};
pub use error::EnvironmentError;
pub use external::ExternalTarget;
pub use handle::{Handle, Replica, ReplicaHealth};
pub(crate) use health::refuses;
pub use health::{HttpAnswer, ask};
pub use kind::{Environment, StartContext, replicas_of};
pub use kubernetes::{FoundPod, KubernetesTarget, Place, connect, own_node, pods_of, service_urls};
pub use local::LocalCluster;
pub use means::{Means, Steering, mechanisms_here};
pub use network::{ClusterNetwork, LinkError};
pub(crate) use node::INHERITED;
pub use on_node::{NodeTarget, NodeTargetError};
pub(crate) use round_trip::{Heard, Route, ask_on};
pub use web::{End, LinkKey, LinkWeb};

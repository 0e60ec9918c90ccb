//! Pods that somebody else has made: found by their labels, followed when they are replaced, never made or removed here.
//!
//! `slots` (pure) says which pod is which replica, at the start and after every change. [`KubernetesTarget`] watches the
//! pods and nodes, keeps the addresses of the replicas up to date, and puts what the platform does on the timeline.

mod discovery;
mod entry;
mod placed;
mod seen;
mod slots;
mod target;
mod told;
mod whereabouts;

pub use discovery::{FoundPod, connect, pods_of};
pub use entry::service_urls;
pub use target::{KubernetesTarget, Place};
pub use whereabouts::own_node;

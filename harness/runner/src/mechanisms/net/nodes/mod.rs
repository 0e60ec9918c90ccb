//! A network of its own for the nodes of a local cluster.
//!
//! ```text
//! our namespace: shk1a2b-0 198.18.7.1/24 ----+ [ shkbr, a bridge in a namespace without a name ]
//! node 0:        shk0      198.18.7.2/24 ----+
//! node 1:        shk0      198.18.7.3/24 ----+
//! ```
//!
//! The bridge has a namespace of its own, so that no rule of this machine's firewall sees what nodes say to each
//! other, and so that the one interface in our own namespace is the end of a pair whose other end only we hold.
//! When Shakedown ends, however it ends, the kernel takes down the namespaces and with them that interface.

mod network;
mod reach;
mod subnet;

pub use network::{NodeLink, NodeNetwork, NodeNetworkError, remove_leftover};
pub use reach::Unreachable;
pub use subnet::Subnet;

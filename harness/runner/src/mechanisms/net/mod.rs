//! What is done to a network namespace: links cut, made lossy, slow or narrow, and given back.
//!
//! ```text
//! Netns (a pinned namespace) --> OwnedTable: nftables rules that end with their owner     partition, loss, reset
//!                            --> Qdisc:      queueing disciplines under a handle of ours  bandwidth, delay
//!                            --> NetSnapshot before and after: what is not ours is as it was
//! NodeNetwork: namespaces of its own for the nodes of a local cluster
//! ```
//!
//! Everything speaks netlink directly: no `nft`, `ip` or `tc` is needed on the machine, and no text is parsed.
//! What is made here is bound to an open file of this process wherever the kernel offers that, so that SIGKILL is
//! a clean-up and not an accident. All calls block, for milliseconds; call them from a blocking thread.

pub mod links;
pub mod netlink;
pub mod netns;
pub mod nodes;
pub mod qdisc;
pub mod snapshot;
mod sys;
pub mod table;

pub use netns::{Netns, NetnsError, NetnsId};
pub use nodes::{NodeNetwork, NodeNetworkError};
pub use qdisc::{Netem, Qdisc, QdiscError, QdiscKinds, Rate, Scope, Shape};
pub use snapshot::NetSnapshot;
pub use table::{
    Action, Direction, Evidence, OwnedTable, Peers, PortMatch, PortSide, Rule, Share, TableError,
    Transport,
};

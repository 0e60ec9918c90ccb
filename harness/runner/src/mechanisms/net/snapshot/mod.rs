//! The whole network state of a namespace as one picture, to prove that what was not ours is as it was.
//!
//! The picture holds the kernel's own bytes, without what changes by itself: counters, times that run down, numbers
//! of users. So a foreign rule counts as untouched only when nothing in it, its place and its handle included, is
//! different.

mod nft;
mod picture;
mod route;
mod trim;

pub use picture::{Change, Difference, NetSnapshot, SnapshotError};

//! Just enough netlink: requests with an acknowledgement, dumps, and nftables transactions.
//!
//! Own code because what hangs on it is the heart of this product: the *lifetime* of a socket decides whether a
//! fault is still there, so the socket must be ours.

mod error;
mod message;
mod socket;

pub use error::NetlinkError;
pub use message::{Attributes, Message, Reply, attributes, find, text, u32_be, u32_ne, u64_be};
pub use socket::{Family, NetlinkSocket};

/// Flags of a request header.
pub mod flags {
    /// Fail if it is there already.
    pub const EXCL: u16 = 0x200;
    /// Make it if it is not there.
    pub const CREATE: u16 = 0x400;
    /// Put it behind the others.
    pub const APPEND: u16 = 0x800;
}

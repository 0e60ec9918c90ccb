//! The replicated state: every order ever accepted, every trade, the books, and the sequence number.
//!
//! It changes only by applying commands of the log, deterministically: no clock, no chance, no iteration over
//! hash maps. Two replicas that applied the same entries are equal.

mod accounts;
mod apply;
mod chunks;
mod digest;
mod exchange;
mod exposures;
mod image;
mod lines;
mod orders;
mod replica;
mod timers;

pub use accounts::Accounts;
pub use apply::{MAX_OPEN_ORDERS_PER_ACCOUNT, Memory};
pub use chunks::Chunks;
pub use exchange::{Depth, DepthOrder, Exchange, OrderView, Page, PriceLevel, Trade};
pub use exposures::{Exposures, Limits};
pub use image::{Image, ImageError};
pub use lines::Lines;
pub use orders::{Bound, End, Order, Orders, Replaced, Stop, Timing};
pub use replica::{Applied, Replica, SharedReplica};
pub use timers::Timers;

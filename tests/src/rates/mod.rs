//! How many events one process sends, and that each of them is accounted for on both sides.
//!
//! ```text
//! sink      counts frames and answers them, as little as an engine can do
//! receiver  the sink, or one node of the reference engine in memory, as another process
//! sender    the generator over the binary gateway, and what it used
//! soak      the same for half an hour
//! ```

pub mod receiver;
mod sender;
mod sink;
pub mod soak;

pub use sender::{Asked, Sent, send};
pub use sink::serve;

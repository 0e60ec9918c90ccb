//! How many events one process sends, and that each of them is accounted for on both sides.
//!
//! ```text
//! sink     another process: counts frames and answers them, as little as an engine can do
//! sender   the generator over the binary gateway, and what it used
//! ```

mod sender;
mod sink;

pub use sender::{Asked, Sent, send};
pub use sink::serve;

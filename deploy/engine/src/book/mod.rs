//! The order book of one instrument: price levels in price order, each a queue in time order.
//!
//! A book knows order ids, prices and open lots, and nothing of clients. All prices are ticks, all quantities lots.

mod level;
mod matching;
mod orders;

pub use level::{Level, Place, Take};
pub use matching::Execution;
pub use orders::Book;

//! A small market maker: a stand-in for the systems that *send* orders.
//!
//! ```text
//! POST /ticks  -> quote, kept --> order at the venue (WebSocket or FIX), with the tick's id as its tag
//! GET /trades  <- trades, kept <-- fills of the venue
//! ```
//!
//! It quotes what it is told, on the side, at the price and in the quantity of the tick, and keeps everything in memory. It
//! logs on to the venue under its name with the last report that it has, so that it is told what it missed.

mod args;
mod books;
mod fix_link;
mod http;
mod link;
mod run;

pub(crate) use books::{Books, Quote, Said, Trade};
pub(crate) use http::{Shop, trading};
pub(crate) use link::{Link, MOST_WAITING, order_id};

pub use args::MakerArgs;
pub use fix_link::VenueOverFix;
pub use run::{MakerConfig, run};

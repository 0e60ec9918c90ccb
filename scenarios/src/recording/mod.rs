//! Recorded streams: LOBSTER message files, read line by line and held against an instrument.
//!
//! ```text
//! 34200.017459617,5,0,1,2238200,-1      time in seconds, type, order id, size, price times 10,000, direction
//! ```

mod line;
mod resolve;

pub(crate) use line::{Mistake, lines};
pub(crate) use resolve::{Against, LeftOut, Placed, Resolved, resolve};

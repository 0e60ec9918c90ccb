//! What went between a trading system and the venue that Shakedown played for it: how soon a message led to an order, and
//! whether the system booked what the venue filled; how much of it was filled, and how long orders stood.

mod flow;
mod measure;
mod trades;

pub(crate) use flow::Flow;
pub(crate) use measure::{VenueFigures, measure};
pub(crate) use trades::Trades;

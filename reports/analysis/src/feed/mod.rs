//! What a market-data feed told, and when: numbers that are missing or twice, the age of messages, and how the feed
//! compares with acknowledgements.
//!
//! An order that was acknowledged and of which the feed never told counts as later than everything that was told, up to
//! the end of listening: a feed that dies does not improve its figures.

mod measure;
mod numbers;
mod phantoms;

pub(crate) use measure::{FeedFigures, FeedMeasured, measure};

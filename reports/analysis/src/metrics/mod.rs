//! The system's own series: from what was read at moments to what can be said about stretches of time.
//!
//! ```text
//! series.jsonl --Store--> looks, gaps, points   in run time
//!   counter    rises between two looks, resets   a fall is a reset, and so is another start of the process
//!   stretch    the most that a counter grew by in any stretch: at least, at most
//!   growth     what counters grew by in a phase, and over which time: at least, at most
//!   mean       two gauges or histograms side by side
//!   classic, native    what a histogram grew by between two looks, as parts: observations between two values
//!   spread     a histogram's observations above a limit: at least, at most
//!   share       CPU, memory and disk in use, as shares of what there is
//!   level      values of a gauge, holes in them, and how long they were beyond a limit
//! ```
//!
//! What a target counted is only known at the moments at which it was asked, a histogram only at the bounds of its buckets,
//! and of a process that was replaced nobody knows what it counted last. So every figure here has a least and a
//! greatest value, and a limit between the two is neither kept nor broken.

mod classic;
mod counter;
mod growth;
mod level;
mod mean;
mod native;
mod parts;
mod share;
mod spread;
mod store;
mod stretch;

pub(crate) use counter::{Course, course};
pub(crate) use growth::{Stretch, growth, length_ns, stretches};
pub(crate) use level::{Beyond, Hole, Rules, levels};
pub(crate) use mean::{Compared, Means, Pair, Total};
pub(crate) use share::shares;
pub(crate) use spread::{Spread, spread};
pub(crate) use store::{Looks, Point, SNAP_NS, Store, fires_at};
pub(crate) use stretch::{Bounds, most_in_a_stretch};

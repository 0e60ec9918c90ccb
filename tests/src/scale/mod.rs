//! Run directories of any size whose losses are known, and how `shakedown report` fares with them: seconds, and memory of its
//! own. What is mapped from files is not counted: the kernel takes it back when it needs it.

mod judge;
mod make;

pub use judge::{Judged, judge};
pub use make::{Made, make};

/// How many orders of each kind are planted, or were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planted {
    /// Acknowledged, and on no copy.
    pub lost: u64,
    /// On every copy with another quantity.
    pub corrupt: u64,
    /// On every copy, though the engine said no.
    pub phantom: u64,
}

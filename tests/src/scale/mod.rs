//! Run directories of any size whose losses are known, and how `shakedown report` fares with them: seconds, and memory of its
//! own. What is mapped from files is not counted: the kernel takes it back when it needs it.

mod claim;
mod judge;
mod make;
mod measured;

pub use claim::{COLUMNS, ROWS, row, supports};
pub use judge::{Judged, judge};
pub use make::{Made, make};
pub use measured::{Measured, Planted, keep};

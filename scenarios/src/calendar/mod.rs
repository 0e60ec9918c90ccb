//! Market calendars: when a market trades, so that a run can be kept out of its hours.
//!
//! Pure: a text in, answers for given dates and instants out. Nothing here knows what day it is today. A calendar is
//! believed from `valid-from` to `valid-until` and nowhere else: an old file must not be able to allow anything.

mod day;
mod file;
mod report;
mod spans;
mod zone;

pub(crate) use day::instant_in;
pub use day::{Day, DayKind};
pub use file::Calendar;
pub(crate) use file::weekday;
pub use report::{DayReport, Stretch};
pub use spans::Span;
pub(crate) use spans::{gaps, merged};
pub(crate) use zone::zone;

#[cfg(test)]
mod tests;

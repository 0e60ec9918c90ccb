//! Single values: each with its unit, a message that shows how to write it, and a pattern for editors.

mod byte_rate;
mod civil;
mod duration;
mod macros;
mod name;
mod number;
mod percent;
mod rate;
mod size;

pub(crate) use byte_rate::ByteRate;
pub(crate) use civil::{Date, TimeOfDay, Zone};
pub(crate) use duration::Duration;
pub(crate) use name::{HeaderName, Id, Method, Pointer, Shown, Symbol};
pub(crate) use number::Number;
pub(crate) use percent::Percent;
pub(crate) use rate::Rate;
pub(crate) use size::Size;

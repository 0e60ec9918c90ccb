//! Guards as pure decisions: a plan, an instant and calendars in, refusals out.
//!
//! ```text
//! Plan + now + calendars  --refusals-->  every guard that says no, with what it saw and what to do
//! ```
//!
//! Asking the target and taking the lock is the runner's; whether a person may overrule a guard stands here.

mod at_fire;
mod before;
mod guard;
mod length;
mod outage;
mod protected;
mod radius;
mod windows;

pub use at_fire::{Down, room_for};
pub use before::{Calendars, Circumstances, calendars_of, confirmation, refusals, sentences};
pub use guard::{Guard, Refusal, UnknownGuard};
pub use length::planned_longest_ns;
pub use protected::{PROTECTING_LABEL, protection, refusals as protected_refusals};

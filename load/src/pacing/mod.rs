//! When slots are due: pure schedules in integer nanoseconds. They know nothing of the engine.

mod schedule;

pub use schedule::{Schedule, Slot};

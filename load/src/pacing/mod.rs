//! When slots are due: pure schedules in integer nanoseconds. They know nothing of the engine.

mod hawkes;
mod schedule;
mod walk;

pub use schedule::{Schedule, Slot};

//! A monotonic clock that is ahead or behind, for a process that is about to be started.
//!
//! `CLOCK_MONOTONIC` and `CLOCK_BOOTTIME` differ from one machine to another, and start again at every boot; software
//! that keeps or exchanges their readings breaks when it moves. A time namespace gives a process offsets of its own on
//! both. Offsets can be set before the first process enters the namespace and never again: that is why the clocks of a
//! running process cannot be skewed, and why the skew ends with the process and nothing has to be undone.
//!
//! **Wall-clock skew is not offered.** The kernel has no namespace for `CLOCK_REALTIME`. It could only be set for the
//! whole host, with every other process on it, the load generator and its measurements included, or faked inside the
//! process by preloading a library or by tracing, which sees neither static binaries nor the vDSO and costs latency.
//!
//! ```text
//! TimeNamespace::new(skew) --> preflight() --> prepare(&mut command), then spawn as ever --> confirm(&process)
//! ```

mod enter;
mod namespace;
mod offsets;

pub use namespace::{TimeNamespace, TimeNamespaceError, TimeSkewProof};
pub use offsets::ClockOffsets;

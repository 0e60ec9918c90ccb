//! Containers of a Docker Engine: looked at, paused, killed, stopped, started, taken out of a network and put back.
//!
//! Only through the engine's own interface, over its unix socket, and every call is bounded in time: an engine that
//! hangs is an error, not a run that hangs. Containers are named by their ids, which no other container ever has.
//! Nothing here creates or removes one. [`Undo`] takes a change back by somebody who knows nothing but that record:
//! `recover`, and [`Watchdog`](super::Watchdog), a process of its own that does it when Shakedown dies.

mod engine;
mod error;
mod look;
mod undo;
mod watchdog;

pub use engine::Engine;
pub use error::EngineError;
pub use look::{ContainerLook, ContainerState, Endpoint};
pub use undo::Undo;
pub use watchdog::container_watchdog_main;

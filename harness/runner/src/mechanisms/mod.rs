//! Mechanisms: what is done to a handle. They know nothing of environments, so that the same code serves a local
//! process, a container and, run by an agent on its node, a pod.
//!
//! [`process`] pins, signals and watches a process; [`spawn`] starts children that cannot outlive Shakedown;
//! [`watchdog`] thaws what Shakedown froze if Shakedown dies.

pub mod child;
pub mod process;
pub mod spawn;
pub mod watchdog;
pub mod world;

pub use child::{Child, Exit};
pub use process::{Delivery, ProcessError, ProcessHandle, ProcessId, ProcessState};
pub use spawn::{SpawnError, SpawnThread, Spawner};
pub use watchdog::{Watchdog, WatchdogError, watchdog_main};
pub use world::World;

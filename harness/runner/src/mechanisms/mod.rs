//! Mechanisms: what is done to a handle. They know nothing of environments, so that the same code serves a local
//! process, a container and, run by an agent on its node, a pod.
//!
//! [`command`] runs somebody else's program to its end; [`process`] pins, signals and watches a process; [`spawn`] starts children that cannot outlive Shakedown;
//! [`link`] forwards TCP through a link that can be made bad; [`watchdog`] thaws what Shakedown froze if Shakedown dies.
//! [`net`] cuts and worsens the links of a network namespace; [`resolver`] asks a name server.
//! [`disk`] puts a slow, failing or full disk over a data folder.
//! [`docker`] asks the engine of a container; [`kubernetes`] asks the API server of a cluster; [`pods`] finds the
//! processes of this node's pods, [`services`] those of the node itself.
//! [`cgroup`] freezes, and takes CPU time and memory away; [`stress`] uses CPU time up; [`time_ns`] starts a process with
//! another monotonic clock. [`monitoring`] asks which alerts of the system fire, and silences some. [`usage`] says what a process uses of its machine.

pub mod cgroup;
pub mod child;
pub mod command;
pub mod disk;
pub mod docker;
pub mod kubernetes;
pub mod link;
pub mod monitoring;
pub mod net;
pub mod pods;
pub mod process;
pub mod resolver;
pub mod services;
pub mod spawn;
pub mod stress;
mod thaw;
pub mod time_ns;
pub mod usage;
pub mod watchdog;
pub mod world;

pub use child::{AdoptError, Child, Exit};
pub use command::{CommandError, Ended, Invocation, start_folder};
pub use process::{Delivery, ProcessError, ProcessHandle, ProcessId, ProcessState};
pub use spawn::{SpawnError, SpawnThread, Spawner};
pub use thaw::watchdog_main;
pub use watchdog::{Watchdog, WatchdogError};
pub use world::World;

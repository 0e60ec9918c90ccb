//! The only crate with side effects on a system under test: environments, faults, probes, and the run itself.
//!
//! ```text
//! Plan --run--> environment + load + faults + probes --> events.jsonl, ledger/, readback/   (the run directory)
//! ```
//!
//! [`run`] is a pure state machine with a thin shell around it; [`faults`] act on handles that an [`environment`]
//! gives, by [`mechanisms`] that know neither; what is about to be done to the world stands in the [`journal`] first,
//! so that [`recover`] and [`halt`] can take it back. [`guard`] comes before everything; [`rights`] says what an account
//! needs in a cluster, and [`drill`] keeps others away from a system in one. [`readback`] looks at every
//! copy afterwards, [`cleanup`] leaves nothing of ours open. [`isolation`] has pods of ours knock at doors that must stay shut.
//!
//! In a cluster the same faults are done on the node of their target: by an [`agent`]. [`submit`] lets the whole run go on
//! in there, and fetches what it has recorded.
//!
//! Never here: SLA rules, percentiles of a phase, rendering.

pub mod acquaint;
pub mod agent;
pub mod cleanup;
pub mod drill;
pub mod environment;
pub mod error;
pub mod faults;
pub mod guard;
pub mod halt;
pub mod isolation;
pub mod journal;
pub mod lock;
pub mod mechanisms;
pub mod planted;
pub mod probe_profile;
pub mod probes;
pub mod readback;
pub mod recover;
pub mod retry;
pub mod rights;
pub mod run;
pub mod sentinel;
pub mod state_dir;
pub mod stores;
pub mod submit;
#[cfg(test)]
mod testing;
pub mod workers;

pub use environment::mechanisms_here;
pub use error::RunError;
pub use probe_profile::{ProbeReport, probe};
pub use run::{Progress, RunEnd, RunRequest, run};

//! Vocabulary and record of a run: the leaf crate that everything else speaks.
//!
//! ```text
//! load, runner  --write-->  run directory (events, series, ledger, read-back)  --read-->  analysis  --> record.json
//! ```
//!
//! A run directory is append-only while the run goes on and is never written again afterwards, so that a
//! saved run can be judged on another machine, years later, by the code that reads these types.
//!
//! Never here: sockets, tokio, kube, SLA rules, percentiles of a phase, opinions.

pub mod books;
pub mod capacity;
pub mod chain;
pub mod clock;
pub mod control;
pub mod decimal;
pub mod event;
pub mod exit;
pub mod fault;
pub mod feed;
pub mod feed_book;
pub mod histogram;
pub mod io;
pub mod ledger;
pub mod links;
pub mod load_digest;
pub mod notice;
pub mod outcome;
pub mod phase;
pub mod platform;
pub mod points;
pub mod readback;
pub mod restore;
pub mod run_dir;
pub mod run_record;
pub mod series;
pub mod side_by_side;
pub mod slots;
pub mod split;
pub mod suite;
pub mod table;
pub mod venue;
pub mod worker;

pub use clock::{RunZero, monotonic_ns, wall_ns};
pub use decimal::Decimal;
pub use exit::{ExitCode, Verdict};
pub use links::LinkOverhead;
pub use outcome::{Outcome, OutcomeCounts};
pub use phase::{Phase, PhaseWindows, Window};

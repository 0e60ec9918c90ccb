//! Texts in, plan out; or every mistake at once.
//!
//! Each module here reads one part of the files and notes what is wrong on the file's `Sheet`, where it stands;
//! nothing stops at the first mistake. What this scenario could not answer is a mistake too (`answerable`).

mod access;
mod alerts;
mod answerable;
mod arrival;
mod blast;
mod bursts;
mod checkable;
mod cluster;
mod docker;
mod entry;
mod environment;
mod exchange;
mod faults;
mod gateway;
mod guards;
mod hook;
mod human;
mod inputs;
mod instruments;
mod kill_switch;
mod kind;
mod kubernetes;
mod lifetimes;
mod limits;
mod load;
mod market_data;
mod metrics;
mod orders;
mod parts;
mod peak;
mod phases;
mod read_back;
mod reads;
mod references;
mod replay;
mod resources;
mod rules;
mod scenario;
mod selectors;
mod shape;
mod sheet;
mod stand_ins;
mod starts;
mod system;
mod template;
mod timed;
mod triggers;
mod venue;

pub(crate) use blast::{AtOnce, at_once, taken};
pub use checkable::{HistoryBy, checkable, history_by};
pub use entry::{
    CompileInput, Compiled, KEPT_RECORDING, ReadFile, compile, compile_on, compile_profile,
    compile_with,
};
pub(crate) use human::{counted, rate_text, share_text, time_text};
pub use inputs::{base_reference, overridden};
pub use kind::{FileKind, file_kind, system_reference};
pub(crate) use {phases::longest_ns, template::request_template};

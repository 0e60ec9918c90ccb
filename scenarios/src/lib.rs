//! Scenario files and system profiles: what people write, and the plan that comes of it.
//!
//! ```text
//! scenario.yaml + profile.yaml (+ --set, --environment, --seed)  --compile-->  Plan | every mistake at once
//! ```
//!
//! Pure: no clocks, no sockets, no files beyond the texts that are given. The same texts give the same plan,
//! byte for byte, on any machine.

pub mod adhoc;
pub mod calendar;
pub mod capacity;
mod cluster_deeds;
mod compile;
mod decode;
mod deeds;
mod describe;
mod diagnostics;
mod environment_kind;
pub mod guards;
pub mod library;
mod load_words;
pub mod overlap;
pub mod plan;
mod recording;
mod schema;
mod source;
mod spec;
pub mod starter;
pub mod suite;
mod whom;
mod yaml;

pub use compile::{
    CompileInput, Compiled, FileKind, HistoryBy, KEPT_RECORDING, ReadFile, base_reference,
    checkable, compile, compile_on, compile_profile, compile_with, file_kind, history_by,
    overridden, system_reference,
};
pub use describe::describe;
pub use diagnostics::{Diagnostic, Diagnostics};
pub use environment_kind::{EnvironmentKind, UnknownEnvironment};
pub use schema::{SchemaKind, schema};
pub use source::{LARGEST_FILE_BYTES, Override, SourceFile, Written};

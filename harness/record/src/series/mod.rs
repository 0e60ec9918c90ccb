//! What was read of the system's own series while the run went on: `series.jsonl`, append-only, one JSON object a line.
//!
//! ```text
//! {"line":"series","id":0,"target":"engine-1","origin":"scrape","name":"orders_total","labels":{"result":"accepted"},"kind":"counter"}
//! {"line":"look","target":"engine-1","origin":"scrape","asked_ns":…,"answered_ns":…,"started_s":1790000000.25,"values":[[0,12.0]]}
//! {"line":"gap","target":"engine-1","origin":"scrape","asked_ns":…,"answered_ns":…,"reason":"connection refused","absent":false}
//! ```
//!
//! A look at native histograms has `"histograms":[[1,{"schema":3,…}]]` beside its values.
//!
//! A series is described once and then only numbered. A *look* holds every value of one target that was read at one time, so
//! that a series which is not in it was not there; a *gap* is a look that failed, with the reason. Whoever reads the file
//! can tell what was zero, what was missing and what nobody looked at.

mod native;
mod reader;
mod sample;
mod writer;

pub use native::{NATIVE_SCHEMAS, NativeHistogram, NativeSample};
pub use reader::{SeriesError, read_series};
pub use sample::{Gap, Look, Origin, Sample, SampleValue, Series, SeriesKind, SeriesRecord};
pub use writer::SeriesWriter;

/// The series of an alert that fires, of [`Origin::Alerts`], with the alert's labels.
pub const ALERTS: &str = "ALERTS";
/// The target of looks at alerts.
pub const ALERTS_TARGET: &str = "alerts";

/// Whether a knock got through, 1 or 0, of [`Origin::Isolation`], with the labels `door` (`wall` or `control`), `address` and
/// `how`. The target is `RULE/GUEST`.
pub const REACHED: &str = "reached";

/// Bytes of memory in use, of [`Origin::Machine`] as all that follow.
pub const MEMORY_USED: &str = "memory_used_bytes";
/// Bytes of memory that may be used.
pub const MEMORY_LIMIT: &str = "memory_limit_bytes";
/// CPU time since the process began, in seconds.
pub const CPU_USED: &str = "cpu_seconds_total";
/// CPUs in use, a mean over the time that the look lasted, where no CPU time is told.
pub const CPU_IN_USE: &str = "cpu_in_use";
/// CPUs that may be used at once.
pub const CPU_LIMIT: &str = "cpu_limit";
/// Bytes in use of the file system of the data.
pub const DISK_USED: &str = "disk_used_bytes";
/// Bytes that it has.
pub const DISK_LIMIT: &str = "disk_size_bytes";

/// Name of the file in a run directory.
pub const SERIES_FILE: &str = "series.jsonl";

//! What a restore of the data to an earlier moment took away, and what it kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One restore that was seen to be done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreRecord {
    /// Which fault did it.
    pub fault: String,
    /// The moment as of which the data was brought back, in run time.
    pub to_s: f64,
    /// How far the clock of the data may be from ours, in seconds.
    pub clock_error_s: f64,
    /// When it began, in run time.
    pub began_s: f64,
    /// When the data was in use again, in run time.
    pub done_s: f64,
    /// Orders that were acknowledged before the moment.
    pub before: u64,
    /// Those of them that are on no copy; null where not all copies were read.
    pub missing_before: Option<u64>,
    /// Orders that were acknowledged after the moment, and before the data was in use again.
    pub after: u64,
    /// Those of them that are on no copy: gone by what a restore is, and not lost. Null where not all copies were read.
    pub rolled_back: Option<u64>,
    /// Orders that were sent after the moment, acknowledged before the restore began, and are still there: it did not go
    /// back to that moment.
    pub kept_after: u64,
    /// From the moment to the last acknowledgement of an order that is gone; null where not all copies were read.
    pub rpo_s: Option<f64>,
}

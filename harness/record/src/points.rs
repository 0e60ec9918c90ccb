//! Market data that Shakedown published into an engine's ingest: `points.csv`, a row for each 100 ms, append-only.
//!
//! ```text
//! from_ns,offered,written,acknowledged,refused,unsent,unacknowledged
//! 100000000,10000,10000,9937,0,0,0
//! ```
//!
//! `from_ns` is nanoseconds since zero. A row counts what happened in its time: points that were offered (due, or due before
//! and only then looked at), that were handed to the kernel, and that ended in one of the four ways. Over the run the ways
//! add up to what was offered.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::phase::Phase;
use crate::table::{TableError, read_table};

/// Name of the file in a run directory.
pub const POINTS_FILE: &str = "points.csv";

/// Length of a row's time, in nanoseconds.
pub const ROW_NS: u64 = 100_000_000;

const HEADER: &str = "from_ns,offered,written,acknowledged,refused,unsent,unacknowledged";

/// Numbers of points.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PointCounts {
    pub offered: u64,
    /// Handed to the kernel.
    pub written: u64,
    /// The engine says that it took them in.
    pub acknowledged: u64,
    /// The engine says that it did not.
    pub refused: u64,
    /// Never written, or not all of it: nobody was there, or it did not read.
    pub unsent: u64,
    /// Written, and nothing was said: it may have taken them in.
    pub unacknowledged: u64,
}

impl PointCounts {
    /// Those that ended.
    pub fn ended(&self) -> u64 {
        self.acknowledged + self.refused + self.unsent + self.unacknowledged
    }

    /// Those that were offered and of which the engine did not say that it took them in.
    pub fn lost(&self) -> u64 {
        self.refused + self.unsent + self.unacknowledged
    }

    /// Adds others.
    pub fn add(&mut self, other: &PointCounts) {
        self.offered += other.offered;
        self.written += other.written;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.unsent += other.unsent;
        self.unacknowledged += other.unacknowledged;
    }
}

/// Points that were published, as they stand in `record.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PointsRecord {
    #[serde(flatten)]
    pub counts: PointCounts,
    pub write_lag_p99_ns: Option<u64>,
    pub connected: u64,
    pub rates: BTreeMap<Phase, PointRates>,
}

/// Points per second in a phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PointRates {
    pub offered_per_s: f64,
    pub acknowledged_per_s: f64,
}

/// How publishing went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PointsReport {
    pub counts: PointCounts,
    /// From the intended time to the kernel, of the first point of each batch; null when nothing was written.
    pub write_lag_p99_ns: Option<u64>,
    pub connected: u64,
    /// Why the last connection ended or was not made, or what was refused last.
    pub trouble: Option<String>,
    /// Why not everything could be written down.
    pub unwritten: Option<String>,
}

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointsRow {
    pub from_ns: u64,
    pub counts: PointCounts,
}

/// Writes the file.
#[derive(Debug)]
pub struct PointsWriter {
    file: BufWriter<File>,
}

impl PointsWriter {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be created, or exists.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create_new(path)?);
        writeln!(file, "{HEADER}")?;
        Ok(Self { file })
    }

    /// Appends a row and hands it to the kernel.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, row: &PointsRow) -> io::Result<()> {
        let counts = &row.counts;
        writeln!(
            self.file,
            "{},{},{},{},{},{},{}",
            row.from_ns,
            counts.offered,
            counts.written,
            counts.acknowledged,
            counts.refused,
            counts.unsent,
            counts.unacknowledged
        )?;
        self.file.flush()
    }
}

/// Reads all rows; `None` when there is no such file: nothing was published. A torn last line is dropped.
///
/// # Errors
/// When the file cannot be read, or a line other than the last is no row.
pub fn read_points(path: &Path) -> Result<Option<Vec<PointsRow>>, TableError> {
    read_table(path, HEADER, "a row of points", read_row)
}

fn read_row(text: &str) -> Option<PointsRow> {
    let mut fields = text.split(',').map(|field| field.parse().ok());
    let mut field = || fields.next().flatten();
    let row = PointsRow {
        from_ns: field()?,
        counts: PointCounts {
            offered: field()?,
            written: field()?,
            acknowledged: field()?,
            refused: field()?,
            unsent: field()?,
            unacknowledged: field()?,
        },
    };
    fields.next().is_none().then_some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_round_trip_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(POINTS_FILE);
        assert!(read_points(&path).unwrap().is_none());
        let row = PointsRow {
            from_ns: 200_000_000,
            counts: PointCounts {
                offered: 10,
                written: 8,
                acknowledged: 5,
                refused: 1,
                unsent: 2,
                unacknowledged: 2,
            },
        };
        assert_eq!((row.counts.ended(), row.counts.lost()), (10, 5));
        let mut writer = PointsWriter::create(&path).unwrap();
        writer.write(&row).unwrap();
        assert_eq!(read_points(&path).unwrap().unwrap(), [row]);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}1,2")).unwrap();
        assert_eq!(read_points(&path).unwrap().unwrap(), [row]);
        for wrong in ["1,2,3", "1,2,3,4,5,6,7,8", "a,2,3,4,5,6,7"] {
            std::fs::write(&path, format!("{text}{wrong}\n")).unwrap();
            assert!(read_points(&path).is_err(), "{wrong}");
        }
    }
}

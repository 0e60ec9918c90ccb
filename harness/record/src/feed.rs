//! What a market-data feed told, message by message: `feed.csv`, append-only while the run goes on.
//!
//! ```text
//! received_ns,sequence,age_ns,slot
//! 81220417331,17,183201,4
//! ```
//!
//! `received_ns` is `CLOCK_MONOTONIC` of the host that runs Shakedown; `age_ns` is by how much the wall clock of that host
//! was then ahead of the time that the message states (negative: the other clock is ahead), and empty where it states none;
//! `slot` is the slot of the order of ours that the message names, and empty where it names none.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::histogram::LatencySummary;
use crate::phase::Phase;
use crate::table::{TableError, read_table};

/// Name of the file in a run directory.
pub const FEED_FILE: &str = "feed.csv";

const HEADER: &str = "received_ns,sequence,age_ns,slot";

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedRow {
    /// `CLOCK_MONOTONIC` at receipt, in nanoseconds.
    pub received_ns: u64,
    pub sequence: u64,
    /// Age at receipt by the wall clock, in nanoseconds.
    pub age_ns: Option<i64>,
    /// The order of ours that it names.
    pub slot: Option<u64>,
}

/// How listening went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedReport {
    /// Messages with a sequence number.
    pub messages: u64,
    /// Messages in which none was found.
    pub malformed: u64,
    /// Connections over which something was heard, in order; the first ones if there were many.
    pub connections: Vec<FeedConnection>,
    /// How many there were.
    pub connected: u64,
    /// Why the last attempt without a connection failed.
    pub refused: Option<String>,
    /// Why not everything that was heard could be written.
    pub unwritten: Option<String>,
}

/// One connection to a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedConnection {
    pub url: String,
    /// `CLOCK_MONOTONIC` in nanoseconds: from the handshake on.
    pub from_mono_ns: u64,
    pub to_mono_ns: u64,
    /// How it ended, in words.
    pub ended: String,
}

/// What a feed told, as it stands in `record.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeedRecord {
    pub messages: u64,
    /// Texts in which no sequence number was found.
    pub malformed: u64,
    /// Connections over which the feed was heard.
    pub connected: u64,
    pub sequences: Option<SequenceRange>,
    /// Numbers between the first and the last that never came.
    pub gaps: u64,
    pub gap_examples: Vec<SequenceRange>,
    pub duplicates: u64,
    /// Messages that came after one with a higher number.
    pub reordered: u64,
    /// Numbers that went by while nobody listened, of a feed that does not tell what was missed.
    pub unheard: u64,
    /// Acknowledged orders of which the feed never told; null where messages name none.
    pub untold: Option<u64>,
    /// Orders of which the feed told and that are on no copy; null where that cannot be said.
    #[serde(default)]
    pub phantom: Option<u64>,
    /// Orders of which the feed told before they were acknowledged.
    pub told_before_ack: Option<u64>,
    /// Age of messages at receipt.
    pub freshness: BTreeMap<Phase, LatencySummary>,
    /// By how much the feed's clock may be off; null when nobody knows.
    pub clock_error_ns: Option<u64>,
    /// By how much it was seen to be ahead at most.
    pub clock_ahead_ns: u64,
    /// Between acknowledgement and feed, whichever came first; orders never told of count up to the end of listening.
    pub skew: BTreeMap<Phase, LatencySummary>,
}

/// Sequence numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SequenceRange {
    pub first: u64,
    pub last: u64,
}

/// Writes the file; a message costs no allocation.
#[derive(Debug)]
pub struct FeedWriter {
    file: BufWriter<File>,
}

impl FeedWriter {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be created, or exists.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 16, File::create_new(path)?);
        writeln!(file, "{HEADER}")?;
        Ok(Self { file })
    }

    /// Appends a message.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, row: &FeedRow) -> io::Result<()> {
        write!(self.file, "{},{},", row.received_ns, row.sequence)?;
        if let Some(age_ns) = row.age_ns {
            write!(self.file, "{age_ns}")?;
        }
        match row.slot {
            Some(slot) => writeln!(self.file, ",{slot}"),
            None => writeln!(self.file, ","),
        }
    }

    /// Hands everything to the kernel.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Reads all messages in the order of their receipt; `None` when there is no such file: nobody listened. A torn last
/// line (the run was killed while writing it) is dropped.
///
/// # Errors
/// When the file cannot be read, or a line other than the last is no message.
pub fn read_feed(path: &Path) -> Result<Option<Vec<FeedRow>>, TableError> {
    read_table(path, HEADER, "a message of the feed", read_row)
}

fn read_row(text: &str) -> Option<FeedRow> {
    let mut fields = text.split(',');
    let mut field = || fields.next();
    let row = FeedRow {
        received_ns: field()?.parse().ok()?,
        sequence: field()?.parse().ok()?,
        age_ns: optional(field()?)?,
        slot: optional(field()?)?,
    };
    field().is_none().then_some(row)
}

/// `Some(None)` where nothing is written.
fn optional<T: std::str::FromStr>(text: &str) -> Option<Option<T>> {
    match text {
        "" => Some(None),
        text => text.parse().ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [FeedRow; 2] = [
        FeedRow {
            received_ns: 81,
            sequence: 17,
            age_ns: Some(-3),
            slot: Some(4),
        },
        FeedRow {
            received_ns: 82,
            sequence: 18,
            age_ns: None,
            slot: None,
        },
    ];

    fn written(folder: &Path) -> std::path::PathBuf {
        let path = folder.join(FEED_FILE);
        let mut writer = FeedWriter::create(&path).unwrap();
        for row in &ROWS {
            writer.write(row).unwrap();
        }
        writer.flush().unwrap();
        path
    }

    #[test]
    fn messages_round_trip_and_a_torn_last_line_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        assert_eq!(read_feed(&path).unwrap().unwrap(), ROWS);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("83,1");
        std::fs::write(&path, text).unwrap();
        assert_eq!(read_feed(&path).unwrap().unwrap(), ROWS);
    }

    #[test]
    fn nobody_listened_is_not_the_same_as_nothing_heard() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read_feed(&folder.path().join("none")).unwrap().is_none());
        let path = folder.path().join("empty");
        FeedWriter::create(&path).unwrap().flush().unwrap();
        assert_eq!(read_feed(&path).unwrap(), Some(Vec::new()));
    }

    #[test]
    fn damage_in_the_middle_is_an_error_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let text = std::fs::read_to_string(&path).unwrap();
        for wrong in ["x,1,2,3", "1,2,3", "1,2,3,4,5", "1,,3,4", ""] {
            std::fs::write(&path, format!("{text}{wrong}\n81,17,,\n")).unwrap();
            let error = read_feed(&path).unwrap_err().to_string();
            assert!(error.contains("line 4"), "{wrong}: {error}");
        }
    }
}

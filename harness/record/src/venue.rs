//! What the venue did, which Shakedown played for a trading system: `venue.jsonl`, append-only, one JSON object a line.
//!
//! ```text
//! {"at_ns":…,"event":"started","resumed":0}
//! {"at_ns":…,"event":"logon","session":"maker-1","after":0}
//! {"at_ns":…,"event":"order","session":"maker-1","id":"q-7","tag":"a1b2c3-7","symbol":"BTCUSD","side":"buy","price":"50000.01","quantity":"0.125"}
//! {"at_ns":…,"event":"report","session":"maker-1","sequence":4,"report":"filled","id":"q-7","execution":"v-2","price":"50000.01","quantity":"0.125","remaining":"0.000"}
//! ```
//!
//! `at_ns` is `CLOCK_MONOTONIC`. A line is with the kernel before anybody is told of it, so that the file of a venue that was
//! killed is complete: whatever a trading system was told is in it. A report is what its session is sent, under a number that
//! is one above the one before; a session that logs on says after which number it wants to be told again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::histogram::LatencySummary;
use crate::phase::Phase;

/// Name of the file in a run directory.
pub const VENUE_FILE: &str = "venue.jsonl";

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueLine {
    /// `CLOCK_MONOTONIC` in nanoseconds.
    pub at_ns: u64,
    #[serde(flatten)]
    pub event: VenueEvent,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum VenueEvent {
    /// The process began, and found so many lines of an earlier one.
    Started {
        resumed: u64,
    },
    /// A trading system is there, and says that it was told everything up to this number. Over FIX it does not say so by a
    /// report's number: this is then the last one that there is, and what it missed it asks for.
    Logon {
        session: String,
        after: u64,
    },
    /// It is not there any more.
    Gone {
        session: String,
    },
    Order(VenueOrder),
    Cancel {
        session: String,
        id: String,
        /// The cancel's own id, where it has one: over FIX.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
    },
    Report(VenueReport),
    /// Over FIX: MsgSeqNum of a session's next messages, after all that the lines before this one tell.
    Numbers {
        session: String,
        /// That the venue writes.
        out: u64,
        /// That it expects.
        expected: u64,
        /// Both directions began again: nothing of before will be sent again.
        #[serde(default, skip_serializing_if = "is_not")]
        reset: bool,
    },
    /// Something that is no message.
    Malformed {
        session: Option<String>,
        why: String,
    },
}

/// An order as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueOrder {
    pub session: String,
    /// The trading system's id.
    pub id: String,
    /// What caused it, as the trading system carries it through.
    pub tag: Option<String>,
    pub symbol: String,
    pub side: String,
    pub price: String,
    pub quantity: String,
}

/// What a session is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueReport {
    pub session: String,
    /// Counts the reports of a session from 1.
    pub sequence: u64,
    pub report: ReportKind,
    /// The trading system's id of the order.
    pub id: String,
    /// Of fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    /// What can still be filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<String>,
    /// Of rejects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of answers to cancels that have an id of their own: that id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Over FIX: the MsgSeqNum under which the session is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

fn is_not(flag: &bool) -> bool {
    !flag
}

/// What a report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportKind {
    Accepted,
    Rejected,
    /// In part or in full.
    Filled,
    Cancelled,
    /// A cancel came too late, or for an order that is not known.
    CancelRejected,
}

/// A trade of the trading system, as it told of it: a line of `readback/trades.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeRow {
    /// The replica that told of it.
    pub replica: String,
    /// The venue's id of the execution.
    pub execution: String,
    pub price: Option<String>,
    pub quantity: Option<String>,
}

/// The trading system's trades were read back, or could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradesDone {
    /// `CLOCK_MONOTONIC` in nanoseconds when the reading began.
    pub from_mono_ns: u64,
    pub rows: u64,
    /// Why not all of them were read.
    pub incomplete: Option<String>,
}

/// What went between a trading system and its venue, as it stands in `record.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VenueRecord {
    pub orders: u64,
    /// Orders that do not say what caused them.
    pub untagged: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub fills: u64,
    pub cancelled: u64,
    pub logons: u64,
    /// How often the venue's process was started.
    pub starts: u64,
    /// From the intended time of what caused it to an order's arrival; what led to no order counts up to the venue's last word.
    pub response: BTreeMap<Phase, LatencySummary>,
    /// Acknowledged messages of the load that led to no order.
    pub unanswered: u64,
    /// The venue's fills against the system's own trades; null where these were not read.
    pub trades: Option<TradesRecord>,
    /// How much came and was filled, by phase.
    #[serde(default)]
    pub flow: BTreeMap<Phase, VenueFlow>,
}

/// What came to the venue in a phase, and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VenueFlow {
    pub orders_per_s: f64,
    /// In part or in full.
    pub fills_per_s: f64,
    /// Share of the quantity of the orders that came in the phase which was filled; null where none came.
    pub filled: Option<f64>,
}

/// The venue's fills against the system's own trades.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TradesRecord {
    /// Trades that the system told of.
    pub read: u64,
    /// Why these are not all of them.
    pub incomplete: Option<String>,
    pub missing: u64,
    pub phantom: u64,
    pub duplicate: u64,
    pub wrong: u64,
    /// The first of them, in words.
    pub examples: Vec<String>,
}

/// Reads the trades; `None` when there is no such file: nobody asked for them.
///
/// # Errors
/// When the file cannot be read, or a line is none.
pub fn read_trades(path: &Path) -> Result<Option<Vec<TradeRow>>, VenueError> {
    let name = path.display().to_string();
    let failed = |source| VenueError::Io {
        path: path.display().to_string(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut rows = Vec::new();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(failed)?;
        let row = serde_json::from_str(&line).map_err(|error| VenueError::Line {
            path: name.clone(),
            line: index + 1,
            what: error.to_string(),
        })?;
        rows.push(row);
    }
    Ok(Some(rows))
}

/// Why the file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum VenueError {
    #[error("cannot read {path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{path}, line {line}: not a line of a venue: {what}")]
    Line {
        path: String,
        line: usize,
        what: String,
    },
}

/// Reads all lines; `None` when there is no such file: no venue was played. A torn last line is dropped; so is one before
/// the line of a start, which a killed process left.
///
/// # Errors
/// When the file cannot be read, or another line is none.
pub fn read_venue(path: &Path) -> Result<Option<Vec<VenueLine>>, VenueError> {
    let name = path.display().to_string();
    let failed = |source| VenueError::Io {
        path: path.display().to_string(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut lines: Vec<VenueLine> = Vec::new();
    let mut torn: Option<VenueError> = None;
    for (index, line) in BufReader::new(file).split(b'\n').enumerate() {
        let line = line.map_err(failed)?;
        match serde_json::from_slice::<VenueLine>(&line) {
            Ok(line) => {
                if let Some(torn) = torn.take()
                    && !matches!(line.event, VenueEvent::Started { .. })
                {
                    return Err(torn);
                }
                lines.push(line);
            }
            Err(error) => {
                if let Some(torn) = torn {
                    return Err(torn);
                }
                torn = Some(VenueError::Line {
                    path: name.clone(),
                    line: index + 1,
                    what: error.to_string(),
                });
            }
        }
    }
    Ok(Some(lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = r#"{"at_ns":5,"event":"order","session":"m","id":"q-7","tag":"t-7","symbol":"A","side":"buy","price":"1.5","quantity":"2"}"#;
    const REPORT: &str = r#"{"at_ns":6,"event":"report","session":"m","sequence":4,"report":"filled","id":"q-7","execution":"v-2","price":"1.5","quantity":"2","remaining":"0"}"#;
    const STARTED: &str = r#"{"at_ns":9,"event":"started","resumed":2}"#;

    fn read(text: &str) -> Result<Vec<VenueLine>, VenueError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(VENUE_FILE);
        std::fs::write(&path, text).unwrap();
        read_venue(&path).map(|lines| lines.unwrap())
    }

    #[test]
    fn lines_round_trip() {
        let lines = read(&format!("{ORDER}\n{REPORT}\n{STARTED}\n")).unwrap();
        assert_eq!(lines.len(), 3);
        for (line, text) in lines.iter().zip([ORDER, REPORT, STARTED]) {
            assert_eq!(serde_json::to_string(line).unwrap(), text);
        }
    }

    #[test]
    fn only_what_a_killed_process_left_is_dropped() {
        let torn = &REPORT[..30];
        assert_eq!(read(&format!("{ORDER}\n{torn}")).unwrap().len(), 1);
        assert_eq!(
            read(&format!("{ORDER}\n{torn}\n{STARTED}\n"))
                .unwrap()
                .len(),
            2
        );
        let error = read(&format!("{ORDER}\n{torn}\n{ORDER}\n")).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        assert!(read_venue(&folder.path().join("none")).unwrap().is_none());
    }
}

//! Orders that Shakedown plants beside the load, and what every copy says of them in the end: `planted.jsonl` in the ledger's
//! folder, one JSON object a line, in the order in which it happened.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::reader::LedgerError;
use super::retry::read_lines;
use crate::outcome::Outcome;

/// What an order was planted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlantedKind {
    /// A buy that waits for a trade at or above its stop price.
    Stop,
    /// The sell of a pair that trades at a price which stops wait for.
    Maker,
    /// The buy of such a pair.
    Taker,
    /// A buy that is good until a time.
    Expiring,
    /// A sell that trades with every one of those that is still there.
    Counter,
}

/// An order as it was sent and answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlantedOrder {
    pub id: String,
    pub kind: PlantedKind,
    /// Its price; of a stop its stop price, too.
    pub price_ticks: i64,
    /// The end of its time, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    pub outcome: Outcome,
    /// When it was sent: `CLOCK_MONOTONIC` in nanoseconds.
    pub at_ns: u64,
    /// The wall clock at the same moment, in milliseconds since 1970.
    pub wall_ms: u64,
}

/// What a copy says of an order, every value as it wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlantedLook {
    pub replica: String,
    pub id: String,
    /// Whether it has the order; `None`: it could not be asked.
    pub found: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<String>,
    /// The engine's time of the end, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filled: Option<String>,
    /// Why it could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlantedLine {
    Order(PlantedOrder),
    Look(PlantedLook),
}

/// Appends lines.
///
/// # Errors
/// When the file cannot be written.
pub fn append_planted(ledger: &Path, lines: &[PlantedLine]) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path(ledger))?;
    for line in lines {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        file.write_all(&text)?;
    }
    Ok(())
}

/// All lines; none where nothing was planted.
///
/// # Errors
/// When the file exists and cannot be read or parsed.
pub fn read_planted(ledger: &Path) -> Result<Vec<PlantedLine>, LedgerError> {
    read_lines(&path(ledger))
}

fn path(ledger: &Path) -> PathBuf {
    ledger.join("planted.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_planted(folder.path()).unwrap(), []);
        let order = PlantedLine::Order(PlantedOrder {
            id: "abcp-e1".to_string(),
            kind: PlantedKind::Expiring,
            price_ticks: 5,
            expires_ms: Some(9),
            outcome: Outcome::Acked,
            at_ns: 7,
            wall_ms: 8,
        });
        let look = PlantedLine::Look(PlantedLook {
            replica: "engine-1".to_string(),
            id: "abcp-e1".to_string(),
            found: Some(true),
            ..PlantedLook::default()
        });
        append_planted(folder.path(), std::slice::from_ref(&order)).unwrap();
        append_planted(folder.path(), std::slice::from_ref(&look)).unwrap();
        assert_eq!(read_planted(folder.path()).unwrap(), [order, look]);
    }
}

//! What was read back from each copy: one JSON line for each order found (or looked for and not found).
//!
//! Files are named `readback/<read>-<replica>.jsonl`, of a degraded read with the firing behind the replica; whether a read was complete stands in the events.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

mod plain;
mod reader;

pub use reader::{RowReader, RowView, read_rows};

/// Which of the five reads.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ReadKind {
    /// During the fault, from every copy that can be reached.
    Degraded,
    /// After the heal, behind a sentinel, from every copy.
    Converged,
    /// After all copies were stopped and started.
    Cold,
    /// After unsynced data was dropped on all copies at once.
    PowerCut,
}

impl ReadKind {
    /// The name used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            ReadKind::Degraded => "degraded",
            ReadKind::Converged => "converged",
            ReadKind::Cold => "cold",
            ReadKind::PowerCut => "power-cut",
        }
    }

    /// When it is made, for people.
    pub fn moment(self) -> &'static str {
        match self {
            ReadKind::Degraded => "during the fault",
            ReadKind::Converged => "after the heal",
            ReadKind::Cold => "after a cold restart",
            ReadKind::PowerCut => "after a power cut",
        }
    }

    /// True when all copies are stopped at once and started again before it.
    pub fn is_after_outage(self) -> bool {
        match self {
            ReadKind::Degraded | ReadKind::Converged => false,
            ReadKind::Cold | ReadKind::PowerCut => true,
        }
    }
}

/// One order as a copy reports it. Values are the engine's own texts; numbers are kept as decimal strings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The client order id, or the engine's id where the engine makes the ids.
    pub id: String,
    /// False: the copy was asked for this order and said that it has none.
    pub found: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub symbol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub side: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub state: Option<String>,
    /// How much of it has traded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub filled: Option<String>,
    /// How much of it can still trade.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remaining: Option<String>,
    /// The engine's sequence number of its acceptance.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sequence: Option<String>,
    /// The engine's sequence number of its last replace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaced_sequence: Option<String>,
    /// The engine's sequence number of its cancel.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cancelled_sequence: Option<String>,
}

/// One trade as a copy reports it: a line of `readback/<read>-<replica>-trades.jsonl`. Orders by the ids that they have in
/// the rows; values are the engine's own texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// The engine's id of the trade.
    pub id: String,
    /// The order that rested.
    pub maker: String,
    /// The order that came in.
    pub taker: String,
    pub price: String,
    pub quantity: String,
    /// The engine's sequence number of the request that caused it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sequence: Option<String>,
}

/// How much rests of a symbol at each price by a copy's own account: a line of `readback/<read>-<replica>-depth.jsonl`. Values are
/// the engine's own texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepthOf {
    pub symbol: String,
    /// The copy's watermark.
    pub mark: u64,
    pub bids: Vec<DepthLevel>,
    pub asks: Vec<DepthLevel>,
}

/// What rests at a price.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepthLevel {
    pub price: String,
    pub quantity: String,
    /// How many orders that is, where it is told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub orders: Option<String>,
}

/// Path of the depth of one read of one copy.
pub fn depth_path(run_dir: &Path, read: ReadKind, replica: &str) -> PathBuf {
    run_dir
        .join("readback")
        .join(format!("{}-{replica}-depth.jsonl", read.name()))
}

/// Reads the depth of one read of one copy; `None` when nobody asked for it.
///
/// # Errors
/// When the file cannot be read, or a line is no depth.
pub fn read_copied_depth(
    run_dir: &Path,
    read: ReadKind,
    replica: &str,
) -> io::Result<Option<Vec<DepthOf>>> {
    lines_of(&depth_path(run_dir, read, replica))
}

/// Path of the trades of one read of one copy.
pub fn trades_path(run_dir: &Path, read: ReadKind, replica: &str) -> PathBuf {
    run_dir
        .join("readback")
        .join(format!("{}-{replica}-trades.jsonl", read.name()))
}

/// Reads the trades of one read of one copy; `None` when nobody asked for them.
///
/// # Errors
/// When the file cannot be read, or a line is no trade.
pub fn read_copied_trades(
    run_dir: &Path,
    read: ReadKind,
    replica: &str,
) -> io::Result<Option<Vec<Trade>>> {
    lines_of(&trades_path(run_dir, read, replica))
}

/// All lines of a file; `None` when there is none.
fn lines_of<Line: DeserializeOwned>(path: &Path) -> io::Result<Option<Vec<Line>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let lines = BufReader::new(file).lines();
    let lines = lines.map(|line| Ok(serde_json::from_str(&line?)?));
    lines.collect::<io::Result<Vec<Line>>>().map(Some)
}

/// Path of the rows of one read of one copy.
pub fn rows_path(run_dir: &Path, read: ReadKind, replica: &str) -> PathBuf {
    run_dir
        .join("readback")
        .join(format!("{}-{replica}.jsonl", read.name()))
}

/// Writes rows to a file, one JSON line each.
#[derive(Debug)]
pub struct RowWriter {
    out: BufWriter<File>,
    rows: u64,
}

impl RowWriter {
    /// Creates the file and its folder.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(run_dir: &Path, read: ReadKind, replica: &str) -> io::Result<Self> {
        let path = rows_path(run_dir, read, replica);
        std::fs::create_dir_all(path.parent().expect("rows lie in a folder"))?;
        Ok(Self {
            out: BufWriter::new(File::create(path)?),
            rows: 0,
        })
    }

    /// Appends one row.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, row: &Row) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, row)?;
        self.rows += 1;
        self.out.write_all(b"\n")
    }

    /// Syncs the file and says how many rows it has.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(self) -> io::Result<u64> {
        let file = self
            .out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_data()?;
        Ok(self.rows)
    }
}

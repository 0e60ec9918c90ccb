//! Side files of the ledger: ids made by the engine, and orders sent again after the heal.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::LedgerError;
use crate::outcome::Outcome;

/// One order sent again under the same id after the heal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    pub slot: u64,
    /// Nanoseconds since zero.
    pub sent_ns: u64,
    pub done_ns: u64,
    pub outcome: Outcome,
    pub sequence: Option<u64>,
}

/// The id that the engine gave to the order of a slot: an opaque string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerId {
    pub slot: u64,
    pub id: String,
}

/// All retries of a run, in order; none when the file is missing.
///
/// # Errors
/// When the file exists and cannot be read or parsed.
pub fn read_retries(ledger: &Path) -> Result<Vec<Retry>, LedgerError> {
    read_lines(&ledger.join("retries.jsonl"))
}

/// All ids that the engine made, over the files of all load threads.
///
/// # Errors
/// When a file exists and cannot be read or parsed.
pub fn read_server_ids(ledger: &Path) -> Result<Vec<ServerId>, LedgerError> {
    let mut ids = Vec::new();
    for thread in 0.. {
        let path = ledger.join(format!("server-ids-{thread}.jsonl"));
        if !path.exists() {
            break;
        }
        ids.extend(read_lines(&path)?);
    }
    Ok(ids)
}

pub(super) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, LedgerError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => {
            return Err(LedgerError::Io {
                path: path.to_path_buf(),
                source,
            });
        }
    };
    let parse = |(index, line): (usize, io::Result<String>)| {
        let line = line.map_err(|source| LedgerError::Io {
            path: path.to_path_buf(),
            source,
        })?;
        serde_json::from_str(&line).map_err(|error| LedgerError::Line {
            path: path.to_path_buf(),
            line: index + 1,
            what: error.to_string(),
        })
    };
    BufReader::new(file)
        .lines()
        .enumerate()
        .map(parse)
        .collect()
}

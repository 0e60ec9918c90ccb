//! Execution reports as a drop copy session received them.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::reader::LedgerError;
use super::retry::read_lines;

/// File name in the ledger's folder.
pub const DROP_COPY_FILE: &str = "drop-copy.jsonl";

/// File name of how it ended, in the same folder.
pub const DROP_COPY_END_FILE: &str = "drop-copy-end.json";

/// One execution report, as it was received. Texts are as in the message (FIX 4.4).
///
/// A report is there again when it was sent again, for instance by another node: `exec_id` tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedReport {
    /// `CLOCK_MONOTONIC` at its receipt, in nanoseconds.
    pub mono_ns: u64,
    /// SenderSubID (50): the node that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// MsgSeqNum (34).
    pub number: u64,
    /// PossDupFlag (43) is Y: the session layer sent it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeat: bool,
    /// ExecID (17).
    pub exec_id: String,
    /// ExecType (150).
    pub exec_type: String,
    /// OrdStatus (39).
    pub status: String,
    /// ClOrdID (11).
    pub id: String,
    /// OrigClOrdID (41).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// OrderID (37).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// Account (1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Symbol (55).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Side (54): 1 buy, 2 sell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<String>,
    /// Price (44).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// OrderQty (38).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    /// LastPx (31).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_price: Option<String>,
    /// LastQty (32).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_quantity: Option<String>,
    /// CumQty (14).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<String>,
    /// LeavesQty (151).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// Text (58).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// How a drop copy session ended. Without this nobody knows whether all that was sent was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropCopyEnd {
    /// `CLOCK_MONOTONIC` at its end, in nanoseconds.
    pub mono_ns: u64,
    /// It was logged on, and nothing had come for a while.
    pub complete: bool,
}

/// How the drop copy ended; `None` when there was none, or it was never ended.
///
/// # Errors
/// When the file exists and cannot be read or parsed.
pub fn read_drop_copy_end(ledger: &Path) -> Result<Option<DropCopyEnd>, LedgerError> {
    let path = ledger.join(DROP_COPY_END_FILE);
    let io = |source| LedgerError::Io {
        path: path.clone(),
        source,
    };
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| io(error.into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(error)),
    }
}

/// All reports of a run's drop copy, in the order of their receipt; none when there was none.
///
/// # Errors
/// When the file exists and cannot be read or parsed.
pub fn read_drop_copy(ledger: &Path) -> Result<Vec<CopiedReport>, LedgerError> {
    read_lines(&ledger.join(DROP_COPY_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_drop_copy_end(folder.path()).unwrap(), None);
        let end = DropCopyEnd {
            mono_ns: 7,
            complete: true,
        };
        let path = folder.path().join(DROP_COPY_END_FILE);
        std::fs::write(&path, serde_json::to_vec(&end).unwrap()).unwrap();
        assert_eq!(read_drop_copy_end(folder.path()).unwrap(), Some(end));
        std::fs::write(&path, "{").unwrap();
        assert!(read_drop_copy_end(folder.path()).is_err());
    }

    #[test]
    fn what_was_written_is_read_and_a_torn_line_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read_drop_copy(folder.path()).unwrap().is_empty());
        let report = CopiedReport {
            mono_ns: 7,
            number: 2,
            exec_id: "9".to_string(),
            exec_type: "0".to_string(),
            id: "a-1".to_string(),
            last_price: Some("1.50".to_string()),
            ..CopiedReport::default()
        };
        let line = serde_json::to_string(&report).unwrap();
        assert!(!line.contains("repeat") && !line.contains("null"), "{line}");
        let path = folder.path().join(DROP_COPY_FILE);
        std::fs::write(&path, format!("{line}\n")).unwrap();
        assert_eq!(read_drop_copy(folder.path()).unwrap(), [report]);
        std::fs::write(&path, &line[..20]).unwrap();
        assert!(read_drop_copy(folder.path()).is_err());
    }
}

//! Operations on the data of a system, as planned: it is kept, and brought back as it was at a moment.

use serde::{Deserialize, Serialize};

use crate::plan::Hook;

/// What is done to the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// It is copied, and everything that is written from then on is kept beside the copy.
    Backup { by: OperationBy },
    /// It is brought back as it was at a moment: what was written after that is gone.
    Restore {
        to: RestorePoint,
        by: OperationBy,
        /// How far the clock of the data may be from ours, in nanoseconds.
        clock_error_ns: u64,
    },
}

impl Operation {
    /// The name in files and reports.
    pub fn name(&self) -> &'static str {
        match self {
            Operation::Backup { .. } => "backup",
            Operation::Restore { .. } => "restore",
        }
    }

    /// Who does it.
    pub fn by(&self) -> &OperationBy {
        match self {
            Operation::Backup { by } | Operation::Restore { by, .. } => by,
        }
    }
}

/// Who does an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationBy {
    /// Commands of the profile.
    Commands(OperationCommands),
    /// Shakedown, of servers of PostgreSQL that it has started: a base backup, and an archive of their log.
    Servers,
}

/// Commands that do an operation: a program and its arguments each, run without a shell in the folder where Shakedown was
/// started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationCommands {
    pub run: Vec<String>,
    /// Exit 0: it is done. Asked again until it is.
    pub confirm: Vec<String>,
    /// How long each may take, in nanoseconds.
    pub deadline_ns: u64,
}

/// What stands for the moment of a restore in its commands: RFC 3339 in UTC, with microseconds.
pub const MOMENT_PLACEHOLDER: &str = "{{to}}";

/// A command of a restore to a moment.
pub fn for_moment(words: &[String], moment: &str) -> Vec<String> {
    let word = |word: &String| word.replace(MOMENT_PLACEHOLDER, moment);
    words.iter().map(word).collect()
}

/// The moment as of which data is brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestorePoint {
    /// Run time in nanoseconds since zero.
    At { at_ns: u64 },
    /// So long before the restore begins, in nanoseconds.
    Before { by_ns: u64 },
    /// So long after the last injection of another fault, in nanoseconds.
    AfterFault { fault: String, by_ns: u64 },
}

/// What a profile says of operations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Operations {
    /// How a backup is made; `None`: nobody said.
    pub backup: Option<OperationCommands>,
    /// How data is brought back, and how far the data's clock may be from ours, in nanoseconds.
    pub restore: Option<(OperationCommands, u64)>,
    /// How the database is migrated, and how that is taken back.
    pub migrate: Option<Hook>,
}

impl Operations {
    /// True where the profile says nothing of them.
    pub fn is_empty(&self) -> bool {
        *self == Operations::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_is_put_wherever_it_is_named() {
        let words = ["tool", "--to={{to}}", "{{to}}", "{{other}}"].map(String::from);
        assert_eq!(
            for_moment(&words, "T"),
            ["tool", "--to=T", "T", "{{other}}"]
        );
    }
}

//! What `recover` found and did, for scripts and for people.

use std::path::PathBuf;

use serde::Serialize;
use shakedown_record::ExitCode;
use shakedown_record::event::Leftover;

use crate::journal::OpenOrders;

/// What became of the runs that have a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecoverReport {
    pub runs: Vec<RecoveredRun>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecoveredRun {
    pub run_id: String,
    pub run_dir: Option<PathBuf>,
    pub state: RunState,
    /// What was done, in words; empty when nothing was left to do.
    pub done: Vec<String>,
    /// What is still there.
    pub left: Vec<Leftover>,
    /// Orders that are to be cancelled with the run's own profile and secrets, also named in `left`.
    pub open_orders: Vec<OpenOrders>,
}

/// Whether a run may be touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Its owner lives: left alone.
    Live { pid: u32 },
    /// Its owner is in another pid namespace of this boot, where nobody can look from here: left alone.
    Elsewhere { pid_namespace: String },
    /// Somebody has its Lease in the cluster: that run itself, or another one on the same system. Left alone.
    Held {
        by: String,
        /// RFC 3339, UTC; it may be renewed.
        until: String,
    },
    /// Its owner is dead.
    Dead,
    /// It ended by itself, cleanly.
    Closed,
    /// Whose it is cannot be read.
    Unreadable,
}

impl RecoverReport {
    /// Everything that is still there.
    pub fn leftovers_remaining(&self) -> Vec<&Leftover> {
        self.runs.iter().flat_map(|run| &run.left).collect()
    }

    /// 0 when clean, 3 when something is left.
    pub fn exit_code(&self) -> ExitCode {
        if self.leftovers_remaining().is_empty() {
            ExitCode::Pass
        } else {
            ExitCode::Dirty
        }
    }

    /// The report for people.
    pub fn lines(&self) -> Vec<String> {
        if self.runs.is_empty() {
            return vec!["clean: no run has left anything behind".to_string()];
        }
        self.runs.iter().flat_map(RecoveredRun::lines).collect()
    }
}

impl RecoveredRun {
    fn lines(&self) -> Vec<String> {
        let state = match &self.state {
            RunState::Live { pid } => format!("is running (pid {pid}); left alone"),
            RunState::Elsewhere { pid_namespace } => {
                format!("belongs to another container ({pid_namespace}); left alone")
            }
            RunState::Held { by, until } => {
                format!("is left alone: its system is held by {by}, until {until} at least")
            }
            RunState::Dead if self.done.is_empty() => "had died; nothing was left".to_string(),
            RunState::Dead => "had died".to_string(),
            RunState::Closed => "ended clean".to_string(),
            RunState::Unreadable => "cannot be read".to_string(),
        };
        let mut lines = vec![format!("run {} {state}", self.run_id)];
        lines.extend(self.done.iter().map(|done| format!("  done: {done}")));
        for left in &self.left {
            lines.push(format!("  LEFT: {}", left.what));
            lines.push(format!("        {}", left.remove_with));
        }
        lines
    }
}

//! Runs of a suite --> verdict, and a matrix from each figure of the documents to the checks that show it.
//!
//! Pure: what was run comes in as records, and which day it is as a date. A waived check does not count, and is listed first. A
//! scenario that was asked for and not run makes what it should have shown inconclusive; one that was not asked for says nothing.

mod judge;
mod matrix;
#[cfg(test)]
mod tests;
mod waivers;

use shakedown_record::Verdict;
use shakedown_record::run_record::{Check, RunRecord};
use shakedown_record::suite::SuiteAttempt;

pub use judge::{is_finished, judge};

/// A scenario of a suite, and what became of it.
#[derive(Debug, Clone)]
pub struct Ran {
    pub scenario: String,
    pub file: String,
    pub system: String,
    pub environment: String,
    pub outcome: RanOutcome,
    /// Runs before this one that were not finished.
    pub earlier: Vec<SuiteAttempt>,
}

/// What became of a scenario.
#[derive(Debug, Clone)]
pub enum RanOutcome {
    /// It has none of the tags.
    NotSelected,
    /// Its turn has not come.
    NotRun,
    /// It could not be begun, with an exit code.
    NotBegun { exit_code: u8, why: String },
    /// Run, in this directory below the suite's.
    Judged { run: String, came_to: CameTo },
}

/// What a suite has to know of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct CameTo {
    pub verdict: Verdict,
    pub exit_code: u8,
    pub aborted: bool,
    pub reasons: Vec<String>,
    pub checks: Vec<Check>,
    /// RFC 3339, UTC.
    pub started_at: String,
    pub finished_at: Option<String>,
}

impl From<&RunRecord> for CameTo {
    fn from(record: &RunRecord) -> CameTo {
        CameTo {
            verdict: record.verdict,
            exit_code: record.exit_code,
            aborted: record.aborted,
            reasons: record.reasons.clone(),
            checks: record.checks.clone(),
            started_at: record.run.started_at.clone(),
            finished_at: record.run.finished_at.clone(),
        }
    }
}

impl Ran {
    /// Its run and what that came to, where there is one.
    fn judged(&self) -> Option<(&str, &CameTo)> {
        match &self.outcome {
            RanOutcome::Judged { run, came_to } => Some((run, came_to)),
            RanOutcome::NotSelected | RanOutcome::NotRun | RanOutcome::NotBegun { .. } => None,
        }
    }

    fn is_selected(&self) -> bool {
        !matches!(self.outcome, RanOutcome::NotSelected)
    }
}

//! What a webhook is told when a run is over: small, and enough to decide whether somebody has to look. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::{ExitCode, Verdict};
use crate::run_record::{Check, RunRecord, Severity};

/// Version of this schema; raised when a meaning changes.
pub const NOTICE_VERSION: u32 = 1;

/// The end of a run, also of one that was refused, interrupted or could not begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    pub schema_version: u32,
    pub verdict: Verdict,
    /// With which Shakedown exits.
    pub exit_code: u8,
    /// The exit code in words.
    pub meaning: String,
    /// Something of ours was left behind: see `left`.
    pub dirty: bool,
    /// Interrupted, halted, or an abort condition was met.
    pub aborted: bool,
    /// Null when the run ended before it had one.
    pub run_id: Option<String>,
    pub scenario: String,
    pub system: String,
    pub environment: String,
    /// RFC 3339, UTC.
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
    pub operator: Option<String>,
    /// Why the verdict is what it is, in words; the first is the headline.
    pub reasons: Vec<String>,
    /// Checks that did not pass.
    pub checks: Vec<NoticeCheck>,
    /// What was left behind, each with the command that removes it.
    pub left: Vec<String>,
    /// The run directory, on the machine or the volume of the runner; null when there is none.
    pub evidence: Option<String>,
    pub shakedown_version: String,
}

/// A check that did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeCheck {
    pub id: String,
    pub verdict: Verdict,
    pub severity: Severity,
    pub limit: String,
    pub observed: String,
    /// What was compared, or which evidence is missing.
    pub why: String,
}

/// A run that ended before it had a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotBegun<'a> {
    pub code: ExitCode,
    pub why: &'a str,
    pub scenario: &'a str,
    pub system: &'a str,
    pub environment: &'a str,
    pub operator: Option<&'a str>,
    pub shakedown_version: &'a str,
}

impl Notice {
    /// The end of a run that has a record; `evidence` is its run directory, and `message` why it could not be carried out.
    pub fn of(record: &RunRecord, message: Option<&str>, evidence: &str) -> Notice {
        let not_passed = |check: &&Check| check.verdict != Verdict::Pass;
        let told = record.reasons.iter().map(String::as_str);
        let new = message.filter(|message| !told.clone().any(|told| told.contains(message)));
        Notice {
            schema_version: NOTICE_VERSION,
            verdict: record.verdict,
            exit_code: record.exit_code,
            meaning: meaning(record.exit_code),
            dirty: record.dirty,
            aborted: record.aborted,
            run_id: Some(record.run.id.clone()),
            scenario: record.run.scenario.clone(),
            system: record.run.system.clone(),
            environment: record.run.environment.clone(),
            started_at: Some(record.run.started_at.clone()),
            finished_at: record.run.finished_at.clone(),
            operator: record.run.operator.clone(),
            reasons: new.into_iter().chain(told).map(str::to_string).collect(),
            checks: (record.checks.iter().filter(not_passed))
                .map(NoticeCheck::of)
                .collect(),
            left: record.leftovers.details.clone(),
            evidence: Some(evidence.to_string()),
            shakedown_version: record.run.shakedown_version.clone(),
        }
    }

    /// The end of a run that has none.
    pub fn not_begun(run: &NotBegun) -> Notice {
        Notice {
            schema_version: NOTICE_VERSION,
            verdict: Verdict::Inconclusive,
            exit_code: run.code.code(),
            meaning: meaning(run.code.code()),
            dirty: false,
            aborted: false,
            run_id: None,
            scenario: run.scenario.to_string(),
            system: run.system.to_string(),
            environment: run.environment.to_string(),
            started_at: None,
            finished_at: None,
            operator: run.operator.map(str::to_string),
            reasons: vec![run.why.to_string()],
            checks: Vec::new(),
            left: Vec::new(),
            evidence: None,
            shakedown_version: run.shakedown_version.to_string(),
        }
    }
}

impl NoticeCheck {
    fn of(check: &Check) -> NoticeCheck {
        NoticeCheck {
            id: check.id.clone(),
            verdict: check.verdict,
            severity: check.severity,
            limit: check.limit.text.clone(),
            observed: check.observed.text.clone(),
            why: check.why.clone(),
        }
    }
}

fn meaning(code: u8) -> String {
    let words = match ExitCode::from_code(code) {
        Some(ExitCode::Pass) => "pass",
        Some(ExitCode::Fail) => "a check failed, or an abort condition was met",
        Some(ExitCode::Inconclusive) => "inconclusive: evidence is missing",
        Some(ExitCode::Dirty) => "something was left behind",
        Some(ExitCode::Usage) => "the command line or a file is wrong",
        Some(ExitCode::Unavailable) => "the environment could not be reached or started",
        Some(ExitCode::Bug) | None => "a bug in Shakedown",
        Some(ExitCode::Refused) => "a guard refused; nothing was touched",
        Some(ExitCode::Interrupted) => "interrupted or halted, healed first",
    };
    words.to_string()
}

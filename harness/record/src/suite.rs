//! `suite.json`: what the scenarios of a suite came to, and which figure of the documents each check shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Verdict;
use crate::run_record::Severity;

/// Version of [`SuiteRecord`].
pub const SUITE_SCHEMA_VERSION: u32 = 1;

/// A suite, judged over what was run of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteRecord {
    pub schema_version: u32,
    pub verdict: Verdict,
    pub exit_code: u8,
    /// Why, in words; the first is the headline.
    pub reasons: Vec<String>,
    pub suite: String,
    pub about: Option<String>,
    pub run: SuiteRun,
    /// What does not count for now; first, so that nobody overlooks it.
    pub waived: Vec<SuiteWaiver>,
    /// In the order of the file.
    pub requirements: Vec<SuiteRequirement>,
    /// In the order in which they are run.
    pub scenarios: Vec<SuiteScenario>,
}

/// How a suite was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteRun {
    pub shakedown_version: String,
    pub operator: Option<String>,
    /// RFC 3339, UTC: the start of the first run.
    pub started_at: Option<String>,
    /// RFC 3339, UTC: the end of the last run.
    pub finished_at: Option<String>,
    /// Only scenarios with one of these tags were asked for; empty: all.
    pub tags: Vec<String>,
    /// Environment of the command line.
    pub environment: Option<String>,
    /// Defects of the stand-in that were switched on.
    pub defects: Vec<String>,
}

/// Something that does not count for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteWaiver {
    /// A requirement, or `SCENARIO/CHECK`.
    pub subject: String,
    pub reason: String,
    /// The last day on which it does not count, year first.
    pub until: String,
    /// That day is over: it counts again.
    pub expired: bool,
    /// What it came to; null where it was not run, or nothing shows it.
    pub verdict: Option<Verdict>,
}

/// One figure of the documents, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteRequirement {
    pub id: String,
    /// The figure, as the documents have it.
    pub figure: String,
    /// Where it stands.
    pub source: Option<String>,
    /// Null where nothing that shows it was asked for.
    pub verdict: Option<Verdict>,
    /// Whether it decides the suite's verdict: not where all that shows it are warnings.
    pub severity: Severity,
    /// It does not count for now.
    pub waived: bool,
    /// In words.
    pub why: String,
    pub shown_by: Vec<SuiteEvidence>,
}

/// A check, or a scenario as a whole, behind a requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteEvidence {
    pub scenario: String,
    /// Null: the scenario as a whole.
    pub check: Option<String>,
    /// Null where the scenario was not asked for, or not run.
    pub verdict: Option<Verdict>,
    pub limit: Option<String>,
    pub observed: Option<String>,
    /// Run directory, below the suite's.
    pub run: Option<String>,
}

/// What became of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteScenario {
    pub scenario: String,
    pub file: String,
    pub system: String,
    pub environment: String,
    pub state: SuiteState,
    /// Over the checks that are not waived; null where it was not run.
    pub verdict: Option<Verdict>,
    /// Of the run.
    pub exit_code: Option<u8>,
    pub why: String,
    /// Run directory, below the suite's.
    pub run: Option<String>,
    /// Runs before this one that were not finished.
    pub earlier: Vec<SuiteAttempt>,
}

/// How far a scenario has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SuiteState {
    /// Run to its end, and judged.
    Judged,
    /// Begun, and not run to its end.
    Unfinished,
    /// Asked for, and not run.
    NotRun,
    /// Not asked for: it has none of the tags.
    NotSelected,
}

/// A run that was not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteAttempt {
    /// Run directory, below the suite's.
    pub run: String,
    /// Null where nobody lived to write it.
    pub exit_code: Option<u8>,
}

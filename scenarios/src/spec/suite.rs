//! A suite, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Entries;
use super::scalar::{Date, Id, Shown};

/// A suite: scenarios that are run one after the other, and what they show together.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SuiteSpec {
    /// Name of the suite.
    pub(crate) suite: Id,
    /// What it is for, in a sentence.
    pub(crate) about: Option<String>,
    /// Scenario files, in the order in which they are run; paths are relative to this file.
    pub(crate) scenarios: Vec<String>,
    /// Figures of the system's documents, and which checks show each.
    #[serde(default)]
    pub(crate) requirements: Entries<Id, RequirementSpec>,
    /// Requirements, or single checks (`SCENARIO/CHECK`), that do not count for now. They are run and listed all the same.
    #[serde(default)]
    pub(crate) waive: Entries<Shown, WaiverSpec>,
}

/// One figure of the documents.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RequirementSpec {
    /// The figure, as the documents have it.
    pub(crate) figure: String,
    /// Where it stands.
    pub(crate) source: Option<String>,
    /// What shows it: `SCENARIO/CHECK`, or `SCENARIO` for all of its checks. Every one of them has to pass.
    #[serde(default)]
    pub(crate) shown_by: Vec<Shown>,
}

/// Why something does not count, and how long.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WaiverSpec {
    pub(crate) reason: String,
    /// The last day on which it does not count.
    pub(crate) until: Date,
}

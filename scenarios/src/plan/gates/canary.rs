//! A new version beside the present one, as planned: whose answers are compared with whose, and how much worse they may be.

use serde::Serialize;
use shakedown_record::phase::Phase;

/// A limit on how much worse the answers of a new version are than those of the others in the same phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CanaryRule {
    /// Who answers for the new version.
    pub of: AnsweredBy,
    /// Whom it is compared with; `None`: everybody else.
    pub against: Option<AnsweredBy>,
    pub latency: Option<LatencyRatio>,
    /// By how much the share of errors may be larger, of 1.
    pub more_errors: Option<f64>,
    pub phase: Phase,
}

/// How often the latency of the others one's own may be, at a quantile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LatencyRatio {
    pub quantile: f64,
    pub at_most: f64,
}

/// Those who call themselves so in their answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredBy {
    Names(Vec<String>),
    /// Everybody whose name begins so.
    Prefix(String),
}

impl AnsweredBy {
    /// Whether this name is one of theirs.
    pub fn has(&self, name: &str) -> bool {
        match self {
            AnsweredBy::Names(names) => names.iter().any(|it| it == name),
            AnsweredBy::Prefix(prefix) => name.starts_with(prefix.as_str()),
        }
    }

    /// For people.
    pub fn words(&self) -> String {
        match self {
            AnsweredBy::Names(names) => names.join(", "),
            AnsweredBy::Prefix(prefix) => format!("{prefix}*"),
        }
    }
}

impl CanaryRule {
    /// Whether an answer of this name is one that it is compared with.
    pub fn compares_with(&self, name: &str) -> bool {
        match &self.against {
            Some(against) => against.has(name),
            None => !self.of.has(name),
        }
    }

    /// Whom it is compared with, for people.
    pub fn against_words(&self) -> String {
        let words = self.against.as_ref().map(AnsweredBy::words);
        words.unwrap_or_else(|| "the others".to_string())
    }
}

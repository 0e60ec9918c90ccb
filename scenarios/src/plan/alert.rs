//! The system's own alarms.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Plan, RuleKind};

/// Where the system's alerts are, and what is silenced while faults are on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alerts {
    pub ask: AlertSource,
    /// Labels that an alert must have to be one of the system under test.
    pub labels: BTreeMap<String, String>,
    pub silence: Option<SilencePlan>,
}

/// Who is asked which alerts fire, with its base URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertSource {
    Alertmanager(String),
    /// `ALERTS`, from Prometheus or what speaks its API.
    Prometheus(String),
}

/// A silence that Shakedown makes for the time of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SilencePlan {
    /// Base URL of the Alertmanager.
    pub alertmanager: String,
    /// Labels that an alert must have to be silenced; never empty.
    pub labels: BTreeMap<String, String>,
}

/// An alert must fire when a fault strikes, and be over after it was healed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertRule {
    /// `alertname`.
    pub name: String,
    /// Labels that it must have besides those of [`Alerts::labels`].
    pub labels: BTreeMap<String, String>,
    /// Id of the fault.
    pub after: String,
    /// After each injection.
    pub within_ns: u64,
    /// After the heal; `None`: it may go on firing.
    pub resolved_within_ns: Option<u64>,
}

impl AlertRule {
    /// It as Prometheus writes it: `LeaderDown{part="engine"}`.
    pub fn words(&self) -> String {
        super::SeriesPattern {
            name: self.name.clone(),
            labels: self.labels.clone(),
        }
        .words()
    }
}

impl Plan {
    /// Names of the alerts that rules wait for.
    pub fn alerts_awaited(&self) -> BTreeSet<String> {
        let rules = self.alert_rules();
        rules.map(|rule| rule.name.clone()).collect()
    }

    /// How long alerts are waited for after the load and the faults are over, in nanoseconds.
    pub fn alerts_at_most_ns(&self) -> u64 {
        let longest = self
            .alert_rules()
            .map(|rule| rule.within_ns.max(rule.resolved_within_ns.unwrap_or(0)));
        longest.max().unwrap_or(0)
    }

    fn alert_rules(&self) -> impl Iterator<Item = &AlertRule> {
        self.rules.iter().filter_map(|rule| match &rule.kind {
            RuleKind::Alert(alert) => Some(alert),
            _ => None,
        })
    }
}

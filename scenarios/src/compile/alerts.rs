//! The system's own alarms: from the files to the plan, and what of them cannot be answered.

use std::collections::BTreeMap;

use crate::plan::{AlertRule, AlertSource, Alerts, RuleKind, SilencePlan};
use crate::spec::Entries;
use crate::spec::alert::{AlertLimit, AlertsSpec};
use crate::spec::scalar::Symbol;

use super::answerable::{Facts, Refusal};
use super::environment::base_url;
use super::human::time_text;
use super::references::instead;
use super::sheet::{At, Sheet};

/// Longest time that a rule may wait for an alert.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Where the alerts are; `Some(None)` when the profile does not say.
pub(super) fn alerts(spec: Option<&AlertsSpec>, sheet: &Sheet) -> Option<Option<Alerts>> {
    let Some(spec) = spec else {
        return Some(None);
    };
    let at = At::of(&["alerts"]);
    let alertmanager = url(&at.to("alertmanager"), spec.alertmanager.as_deref(), sheet)?;
    let prometheus = url(&at.to("prometheus"), spec.prometheus.as_deref(), sheet)?;
    let ask = match (&alertmanager, prometheus) {
        (_, Some(prometheus)) => AlertSource::Prometheus(prometheus),
        (Some(alertmanager), None) => AlertSource::Alertmanager(alertmanager.clone()),
        (None, None) => {
            sheet.refuse_entry(
                &at,
                "nobody is named who can be asked for alerts",
                "such as alerts: { alertmanager: http://alertmanager:9093 }",
            );
            return None;
        }
    };
    let silence = match &spec.silence {
        None => None,
        Some(silence) => {
            let at = at.to("silence");
            if silence.labels.is_empty() {
                sheet.refuse_with(
                    &at.to("labels"),
                    "a silence without labels would silence everything",
                    "such as labels: { cluster: staging }",
                );
            }
            let Some(alertmanager) = alertmanager else {
                sheet.refuse_entry(
                    &at,
                    "only an Alertmanager can keep a silence",
                    "add alertmanager: http://alertmanager:9093",
                );
                return None;
            };
            Some(SilencePlan {
                alertmanager,
                labels: labels(&silence.labels),
            })
        }
    };
    Some(Some(Alerts {
        ask,
        labels: labels(&spec.labels),
        silence,
    }))
}

/// `Some(None)` when none is written; `None` when it cannot be read.
fn url(at: &At, written: Option<&str>, sheet: &Sheet) -> Option<Option<String>> {
    let Some(text) = written else {
        return Some(None);
    };
    let told = match text.starts_with("https://") {
        true => Err("https is not supported for alerts".to_string()),
        false => base_url(text),
    };
    match told {
        Ok(url) => Some(Some(url)),
        Err(why) => {
            sheet.refuse_with(
                at,
                why,
                "write the scheme, host and port only: http://alertmanager:9093",
            );
            None
        }
    }
}

fn labels(spec: &Entries<Symbol, String>) -> BTreeMap<String, String> {
    let labels = spec.iter();
    labels
        .map(|(name, value)| (name.0.clone(), value.clone()))
        .collect()
}

/// An alert that is waited for.
pub(super) fn alert_kind(spec: &AlertLimit) -> RuleKind {
    RuleKind::Alert(AlertRule {
        name: spec.name.0.clone(),
        labels: labels(&spec.labels),
        after: spec.after.0.clone(),
        within_ns: spec.within.ns,
        resolved_within_ns: spec.resolved_within.map(|time| time.ns),
    })
}

/// Why nobody could tell whether an alert fires in time.
pub(super) fn alert_refusal(rule: &AlertRule, facts: Facts) -> Option<Refusal> {
    if facts.system.alerts.is_none() {
        return Some((
            "",
            format!(
                "the profile of `{}` does not say where its alerts are",
                facts.system.name
            ),
            "add to the profile: alerts: { alertmanager: http://alertmanager:9093 }".to_string(),
        ));
    }
    let known: Vec<String> = facts.faults.iter().map(|fault| fault.id.clone()).collect();
    if !known.contains(&rule.after) {
        return Some((
            "after",
            format!("there is no fault `{}`", rule.after),
            instead(&rule.after, &known, "the faults are"),
        ));
    }
    let times = [
        ("within", Some(rule.within_ns)),
        ("resolved-within", rule.resolved_within_ns),
    ];
    times.into_iter().find_map(|(field, time)| {
        let time_ns = time?;
        let is_good = (1_000_000_000..=LONGEST_NS).contains(&time_ns);
        (!is_good).then(|| {
            (
                field,
                format!(
                    "{} is no sensible time to wait for an alert",
                    time_text(time_ns)
                ),
                "from 1s to 1h; alerts are asked for once a second".to_string(),
            )
        })
    })
}

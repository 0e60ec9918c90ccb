//! The generator's health and the facts of a run as tables.

use shakedown_record::outcome::Outcome;
use shakedown_record::run_record::{GeneratorInfo, RunRecord};

use super::{Cell, Table};
use crate::words::{Tone, duration_ns, grouped, share};

/// How the scheduled orders ended; outcomes that did not occur are left out.
pub(crate) fn outcomes_table(generator: &GeneratorInfo) -> Table {
    let mut table = Table::new(&["Outcome", "#Count", "#Share", "Meaning"]);
    for outcome in Outcome::ALL {
        let count = generator.outcomes.get(outcome);
        if count > 0 {
            table.push(vec![
                Cell::new(outcome.name()),
                Cell::new(grouped(count)),
                Cell::new(share(count, generator.scheduled)),
                Cell::toned(outcome_meaning(outcome), Tone::Quiet),
            ]);
        }
    }
    table
}

fn outcome_meaning(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Acked => "acknowledged",
        Outcome::Rejected => "refused by the engine's rules, not executed",
        Outcome::Throttled => "refused for load, not executed",
        Outcome::BadResponse => "an answer that the profile does not list; may have executed",
        Outcome::Timeout => "no answer in time; may have executed",
        Outcome::ResetAfterSend => "connection broke before the answer; may have executed",
        Outcome::Refused => "connection refused; not executed",
        Outcome::Unreachable => "not reachable; not executed",
        Outcome::NotSent => "never written; not executed",
        Outcome::Unresolved => "open when the run ended; may have executed",
    }
}

/// What the generator says of itself.
pub(crate) fn generator_table(generator: &GeneratorInfo) -> Table {
    let mut table = Table::new(&["Generator", "Measured"]);
    let sound = match generator.saturated {
        false => Cell::toned("sound", Tone::Good),
        true => Cell::toned(format!("NOT SOUND: {}", generator.why), Tone::Unsure),
    };
    table.push(vec![Cell::new("health"), sound]);
    table.push(vec![
        Cell::new("scheduled"),
        Cell::new(grouped(generator.scheduled)),
    ]);
    table.push(vec![
        Cell::new("ended"),
        Cell::new(grouped(generator.outcomes.total())),
    ]);
    table.push(vec![
        Cell::new("late by its own fault (P99)"),
        Cell::measured(generator.send_lag_p99_ns, duration_ns),
    ]);
    table.push(vec![
        Cell::new("waited for a busy session (P99)"),
        Cell::measured(generator.session_wait_p99_ns, duration_ns),
    ]);
    table
}

/// What was run, by whom, when, against what.
pub(crate) fn facts_table(record: &RunRecord) -> Table {
    let run = &record.run;
    let target = &record.target;
    let mut facts: Vec<(&str, Option<String>)> = vec![
        ("run", Some(run.id.clone())),
        ("scenario", Some(run.scenario.clone())),
        ("system", Some(run.system.clone())),
        ("environment", Some(run.environment.clone())),
        ("seed", Some(run.seed.to_string())),
        ("started", Some(run.started_at.clone())),
        ("finished", Some(finished(record))),
        ("operator", run.operator.clone()),
        ("version under test", Some(or_unknown(&target.version))),
        ("image digests", joined(&target.image_digests)),
        ("replicas", joined(&target.replicas)),
        (
            "build changed during the run",
            Some(changed(target.changed)),
        ),
        ("defect switched on", run.defect.clone()),
        ("previous run", run.previous_run.clone()),
        ("Shakedown", Some(run.shakedown_version.clone())),
        ("record schema", Some(record.schema_version.to_string())),
    ];
    let mut table = Table::new(&["Fact", "Value"]);
    for (name, value) in facts.drain(..) {
        if let Some(value) = value {
            table.push(vec![Cell::new(name), Cell::new(value)]);
        }
    }
    table
}

fn finished(record: &RunRecord) -> String {
    let text = record.run.finished_at.clone();
    text.unwrap_or_else(|| "it did not finish".into())
}

fn or_unknown(text: &Option<String>) -> String {
    text.clone().unwrap_or_else(|| "not known".into())
}

fn joined(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn changed(changed: Option<bool>) -> String {
    match changed {
        Some(false) => "no".into(),
        Some(true) => "YES".into(),
        None => "could not be told".into(),
    }
}

//! A run and its replay: the same verdict, the same targets, the same jitter?
//!
//! One seed decides every choice of Shakedown, and none of the system's: a fault on the leader hits whoever leads when
//! it fires. Where the two differ, that is told, never hidden.

use shakedown_record::run_record::{FaultRecord, RunRecord};
use shakedown_scenarios::plan::{Plan, Selector};

/// How a replay compares with its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    pub same_verdict: bool,
    pub same_targets: bool,
    lines: Vec<String>,
}

impl Replayed {
    /// The comparison for people.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

/// Compares a run with its replay.
pub fn replayed(then: &RunRecord, now: &RunRecord, plan: &Plan) -> Replayed {
    let same_verdict = then.verdict == now.verdict;
    let (was, is) = (then.verdict.name(), now.verdict.name());
    let mut lines = vec![match same_verdict {
        true => format!("Replay of {}: the same verdict, {is}", then.run.id),
        false => format!(
            "Replay of {}: ANOTHER VERDICT: {was} then, {is} now",
            then.run.id
        ),
    }];
    lines.extend(checks(then, now));
    let (same_targets, targets) = targets(then, now, plan);
    lines.extend(targets);
    lines.extend(surroundings(then, now));
    Replayed {
        same_verdict,
        same_targets,
        lines,
    }
}

/// Checks that came out differently.
fn checks(then: &RunRecord, now: &RunRecord) -> Vec<String> {
    let verdict_in = |record: &RunRecord, id: &str| {
        let found = record.checks.iter().find(|check| check.id == id);
        found.map_or("not checked", |check| check.verdict.name())
    };
    let mut ids: Vec<&str> = then.checks.iter().map(|check| check.id.as_str()).collect();
    for check in &now.checks {
        if !ids.contains(&check.id.as_str()) {
            ids.push(&check.id);
        }
    }
    ids.into_iter()
        .map(|id| (id, verdict_in(then, id), verdict_in(now, id)))
        .filter(|(_, was, is)| was != is)
        .map(|(id, was, is)| format!("  check {id}: {was} then, {is} now"))
        .collect()
}

/// Whom the faults hit.
fn targets(then: &RunRecord, now: &RunRecord, plan: &Plan) -> (bool, Vec<String>) {
    let mut names: Vec<&str> = then
        .faults
        .iter()
        .map(|fault| fault.name.as_str())
        .collect();
    for fault in &now.faults {
        if !names.contains(&fault.name.as_str()) {
            names.push(&fault.name);
        }
    }
    let find = |record: &'_ RunRecord, name: &str| -> Option<FaultRecord> {
        record.faults.iter().find(|it| it.name == name).cloned()
    };
    let mut same = true;
    let mut lines = Vec::new();
    for name in names {
        let (was, is) = (find(then, name), find(now, name));
        let (hit, hits) = (hit(was.as_ref()), hit(is.as_ref()));
        if hit == hits {
            lines.push(format!("  fault {name}: the same target, {hits}"));
        } else {
            same = false;
            let why = why_others(name, was.as_ref(), is.as_ref(), plan);
            lines.push(format!("  fault {name}: {hit} then, {hits} now{why}"));
        }
    }
    (same, lines)
}

fn hit(fault: Option<&FaultRecord>) -> String {
    let Some(fault) = fault else {
        return "not reached".to_string();
    };
    if fault.injected_at_s.is_none() {
        return format!("not injected ({})", fault.effect.text);
    }
    let names: Vec<&str> = fault.targets.iter().map(|it| it.name.as_str()).collect();
    match names.is_empty() {
        true => "nobody by name".to_string(),
        false => names.join(", "),
    }
}

/// What the seed does not decide.
fn why_others(
    name: &str,
    was: Option<&FaultRecord>,
    is: Option<&FaultRecord>,
    plan: &Plan,
) -> String {
    let injected = |fault: Option<&FaultRecord>| fault.is_some_and(|it| it.injected_at_s.is_some());
    if !injected(was) || !injected(is) {
        return String::new();
    }
    let id = name.split('#').next().unwrap_or(name);
    let selector = plan.faults.iter().find(|it| it.id == id).map(|it| &it.to);
    let why = |selector: &Selector| match selector {
        Selector::Role(role) => format!(": another replica was {role} when it fired"),
        Selector::Random {
            without_role: Some(role),
            ..
        } => format!(": another replica was {role} when it fired, so the choice was another"),
        _ => String::new(),
    };
    match selector {
        Some(Selector::Link { from, .. }) => why(from),
        Some(selector) => why(selector),
        None => String::new(),
    }
}

/// What else was different.
fn surroundings(then: &RunRecord, now: &RunRecord) -> Vec<String> {
    let mut lines = Vec::new();
    let (was, is) = (&then.run.shakedown_version, &now.run.shakedown_version);
    if was != is {
        lines.push(format!("  Shakedown: {was} then, {is} now"));
    }
    let build = |record: &RunRecord| {
        let version = record.target.version.clone();
        (version, record.target.image_digests.clone())
    };
    if build(then) != build(now) {
        let words = |record: &RunRecord| {
            let (version, digests) = build(record);
            let all: Vec<String> = version.into_iter().chain(digests).collect();
            if all.is_empty() {
                "not known".to_string()
            } else {
                all.join(" ")
            }
        };
        lines.push(format!(
            "  build under test: {} then, {} now",
            words(then),
            words(now)
        ));
    }
    lines
}

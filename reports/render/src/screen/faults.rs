//! One sentence per fault, and outages that no check tells of.

use shakedown_record::run_record::{Failover, FaultRecord, RunRecord};

use super::Line;
use crate::words::{Tone, seconds};

/// Faults that went as planned and are told one by one; further ones are summed up.
const TOLD: usize = 5;

/// A sentence for each fault. One that did not go as planned is always told.
pub(super) fn sentences(faults: &[FaultRecord]) -> Vec<Line> {
    let named = faults.len() > 1;
    let mut lines = Vec::new();
    let mut untold = 0;
    for (index, fault) in faults.iter().enumerate() {
        if index >= TOLD && as_planned(fault) {
            untold += 1;
            continue;
        }
        let tone = if as_planned(fault) {
            Tone::Plain
        } else {
            Tone::Bad
        };
        lines.push(Line::new(sentence(fault, named), tone));
    }
    match untold {
        0 => {}
        1 => lines.push(Line::new(
            "1 more fault: seen, healed and clean",
            Tone::Plain,
        )),
        n => lines.push(Line::new(
            format!("{n} more faults: all seen, healed and clean"),
            Tone::Plain,
        )),
    }
    lines
}

fn as_planned(fault: &FaultRecord) -> bool {
    fault.effect.confirmed
        && fault.injected_at_s.is_some()
        && fault.healed_at_s.is_some()
        && fault.clean_at_s.is_some()
}

/// `Killed engine-1, the leader: effect seen after 12 ms, restarted after 5 s, healed and clean`.
fn sentence(fault: &FaultRecord, named: bool) -> String {
    let (verb, healed) = verb(&fault.kind);
    let name = match named {
        true => format!(" ({})", fault.name),
        false => String::new(),
    };
    let Some(injected) = fault.injected_at_s else {
        let why = match fault.effect.text.is_empty() {
            true => "it never fired",
            false => fault.effect.text.as_str(),
        };
        return format!("NOT INJECTED: {} ({}): {why}", fault.name, fault.kind);
    };
    let mut parts = vec![match (fault.effect.confirmed, fault.confirmed_at_s) {
        (true, Some(at)) => format!("effect seen after {}", seconds(at - injected)),
        (true, None) => "effect seen".into(),
        (false, _) => format!("NO EFFECT SEEN ({})", fault.effect.text),
    }];
    match (fault.healed_at_s, fault.clean_at_s) {
        (Some(at), clean) => {
            parts.push(format!("{healed} after {}", seconds(at - injected)));
            parts.push(match clean {
                Some(_) => "healed and clean".into(),
                None => "NOT CLEAN".into(),
            });
        }
        (None, _) => parts.push("NOT HEALED".into()),
    }
    format!("{verb}{}{name}: {}", targets(fault), parts.join(", "))
}

/// The words for doing a kind of fault and for undoing it.
fn verb(kind: &str) -> (String, &'static str) {
    let known = match kind.split([' ', ':', '(']).next().unwrap_or(kind) {
        "kill" => ("Killed", "restarted"),
        "freeze" => ("Froze", "thawed"),
        "restart" => ("Restarted", "up again"),
        "out-of-memory" => ("Out of memory:", "restarted"),
        "clock-skew" => ("Skewed the clock of", "restarted without"),
        "slow-disk" => ("Slowed the disk of", "fast again"),
        "failing-disk" => ("Failed the disk of", "healed"),
        "disk-full" => ("Filled the disk of", "emptied"),
        "cpu" => ("Held back", "set free"),
        "memory" => ("Limited the memory of", "set free"),
        "partition" => ("Cut off", "joined again"),
        "loss" => ("Lost packets of", "healed"),
        "reset" => ("Reset connections of", "healed"),
        "hook" => ("Ran commands against", "healed"),
        other => return (format!("Fault `{other}` on"), "healed"),
    };
    (known.0.into(), known.1)
}

fn targets(fault: &FaultRecord) -> String {
    let named: Vec<String> = fault
        .targets
        .iter()
        .map(|target| match &target.role {
            Some(role) => format!("{}, the {role}", target.name),
            None => target.name.clone(),
        })
        .collect();
    match named.as_slice() {
        [] if fault.kind == "hook" => " the system".into(),
        [] => " nobody".into(),
        [one] => format!(" {one}"),
        many => format!(" {}", many.join(" and ")),
    }
}

/// Outages that no fault explains, and, where no check limits failover, what each fault did to the clients.
pub(super) fn outages(record: &RunRecord) -> Vec<Line> {
    let limited = record.checks.iter().any(|check| check.kind == "failover");
    record
        .failover
        .iter()
        .filter(|entry| entry.fault.is_none() || !limited)
        .map(outage)
        .collect()
}

/// One outage in a sentence.
pub(crate) fn outage(entry: &Failover) -> Line {
    let (what, tone) = match &entry.fault {
        Some(fault) => (format!("Service after {fault}"), Tone::Plain),
        None => (
            format!(
                "OUTAGE at {} that no fault explains",
                seconds(entry.started_at_s)
            ),
            Tone::Bad,
        ),
    };
    let mut parts = Vec::new();
    if let Some(s) = entry.first_ack_s {
        parts.push(format!("first acknowledgement after {}", seconds(s)));
    }
    let tone = match (entry.recovered_s, entry.censored_at_s) {
        (Some(s), _) => {
            parts.push(format!("good again after {}", seconds(s)));
            tone
        }
        (None, Some(s)) => {
            parts.push(format!(
                "NOT good again within {}, when observation ended",
                seconds(s)
            ));
            Tone::Bad
        }
        (None, None) => tone,
    };
    if let Some(s) = entry.worst_session_gap_s {
        parts.push(format!("worst session {}", seconds(s)));
    }
    if parts.is_empty() {
        parts.push("nothing was measured".into());
    }
    Line::new(format!("{what}: {}", parts.join("; ")), tone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_record::fault::{Effect, FaultTarget};

    fn kill() -> FaultRecord {
        FaultRecord {
            name: "leader-dies".into(),
            kind: "kill".into(),
            targets: vec![FaultTarget {
                name: "engine-1".into(),
                role: Some("leader".into()),
                handle: "pid 4711".into(),
            }],
            injected_at_s: Some(10.0),
            confirmed_at_s: Some(10.012),
            healed_at_s: Some(15.0),
            clean_at_s: Some(15.4),
            effect: Effect::seen("process gone"),
            mechanism: "signal".into(),
        }
    }

    #[test]
    fn a_fault_is_one_sentence() {
        assert_eq!(
            sentence(&kill(), false),
            "Killed engine-1, the leader: effect seen after 12 ms, restarted after 5 s, healed and clean"
        );
    }

    #[test]
    fn what_went_wrong_is_said_aloud() {
        let mut fault = kill();
        fault.clean_at_s = None;
        assert!(sentence(&fault, false).ends_with("NOT CLEAN"));
        fault.healed_at_s = None;
        assert!(sentence(&fault, false).ends_with("NOT HEALED"));
        fault.effect.confirmed = false;
        assert!(sentence(&fault, false).contains("NO EFFECT SEEN (process gone)"));
        fault.injected_at_s = None;
        assert!(sentence(&fault, false).starts_with("NOT INJECTED"));
    }

    #[test]
    fn twenty_faults_are_summed_up_and_the_bad_one_is_told() {
        let mut faults = vec![kill(); 20];
        faults[17].clean_at_s = None;
        let lines = sentences(&faults);
        assert_eq!(lines.len(), TOLD + 2);
        assert!(lines[TOLD].text.ends_with("NOT CLEAN"));
        assert_eq!(
            lines[TOLD + 1].text,
            "14 more faults: all seen, healed and clean"
        );
    }
}

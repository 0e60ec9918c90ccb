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
        _ if ["kill-switch", "backup", "restore"].contains(&fault.kind.as_str()) => {
            parts.push(healed.into());
        }
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
        "power-cut" => ("Cut the power of", "started with what was synced"),
        "cpu" => ("Held back", "set free"),
        "memory" => ("Limited the memory of", "set free"),
        "partition" => ("Cut off", "joined again"),
        "loss" => ("Lost packets of", "healed"),
        "reset" => ("Reset connections of", "healed"),
        "hook" => ("Ran commands against", "healed"),
        "backup" => ("Backed up", "which stays"),
        "restore" => ("Brought back the data of", "gone on from there"),
        "kill-switch" => ("Pulled the kill switch of", "not taken back"),
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
        [] if fault.kind == "hook" || fault.kind == "backup" => " the system".into(),
        [] => " nobody".into(),
        [one] => format!(" {one}"),
        many => format!(" {}", many.join(" and ")),
    }
}

/// Outages that no fault explains, where no check limits failover what each fault did to the clients, and how the
/// first failovers were shared by platform and engine.
pub(super) fn outages(record: &RunRecord) -> Vec<Line> {
    let limited = record.checks.iter().any(|check| check.kind == "failover");
    let mut lines: Vec<Line> = record
        .failover
        .iter()
        .filter(|entry| entry.fault.is_none() || !limited)
        .map(outage)
        .collect();
    lines.extend(record.failover.iter().filter_map(split).take(TOLD));
    lines
}

/// What the platform did and what the engine did, where a platform told of itself.
fn split(entry: &Failover) -> Option<Line> {
    let split = entry.split.as_ref()?;
    let (platform, engine) = (&split.platform, &split.engine);
    let again = match platform.rescheduled_how.as_deref() {
        Some(how) if !how.starts_with("scheduled") => "started again in place",
        _ => "rescheduled",
    };
    let steps = |steps: &[(&str, Option<f64>)]| {
        let told = steps.iter().filter_map(|(what, after)| {
            let after = (*after)?;
            Some(format!("{what} after {}", seconds(after)))
        });
        match told.collect::<Vec<_>>() {
            told if told.is_empty() => "nothing seen".to_string(),
            told => told.join(", "),
        }
    };
    let platform_steps = steps(&[
        ("noticed", platform.detected_s),
        ("not ready", platform.not_ready_s),
        (again, platform.rescheduled_s),
        ("ready", platform.ready_s),
    ]);
    let blind = match platform.blind {
        true => " (not heard for a while: times may be late)",
        false => "",
    };
    let engine_steps = steps(&[
        ("elected", engine.elected_s),
        ("first acknowledgement", engine.first_ack_s),
    ]);
    let fault = entry.fault.as_deref().unwrap_or("the outage");
    Some(Line::new(
        format!("After {fault}, platform: {platform_steps}{blind}; engine: {engine_steps}"),
        Tone::Plain,
    ))
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
    use shakedown_record::split::{EngineShare, FailoverSplit, PlatformShare};

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

    #[test]
    fn a_split_names_both_shares_and_what_was_not_seen() {
        let entry = |platform| Failover {
            fault: Some("leader-dies".into()),
            split: Some(FailoverSplit {
                platform,
                engine: EngineShare {
                    elected_s: Some(0.9),
                    first_ack_s: Some(1.0),
                },
            }),
            ..Failover::default()
        };
        let text = |platform| split(&entry(platform)).unwrap().text;
        assert_eq!(
            text(PlatformShare {
                detected_s: Some(1.2),
                rescheduled_s: Some(2.0),
                rescheduled_how: Some("container started again in place".into()),
                ready_s: Some(3.1),
                ..PlatformShare::default()
            }),
            "After leader-dies, platform: noticed after 1.2 s, started again in place after 2 s, ready after 3.1 s; \
             engine: elected after 900 ms, first acknowledgement after 1 s"
        );
        let blind = PlatformShare {
            blind: true,
            ..PlatformShare::default()
        };
        assert!(text(blind).starts_with("After leader-dies, platform: nothing seen (not heard"));
        assert_eq!(split(&Failover::default()), None);
    }
}

//! Whatever is taken away from a run that passes, it never passes without what its checks need.

use shakedown_record::Verdict;
use shakedown_record::event::Event;

use crate::build::*;

/// A run that is short enough to be judged often.
fn short() -> Run {
    let to = STRUCK + S / 2;
    let mut run = Run::of(
        (0..20 * 100)
            .map(|slot| entry(slot, 100, STRUCK, to, Away::Dead))
            .collect(),
    );
    run.plan.rules[1].kind = shakedown_scenarios::plan::RuleKind::Throughput {
        at_least_per_s: 80.0,
        phase: shakedown_record::Phase::Steady,
    };
    run
}

/// Events without which a pass is still a pass: they only add figures.
fn is_optional(event: &Event) -> bool {
    matches!(
        event,
        Event::TargetSeen { .. }
            | Event::FaultPrepared { .. }
            | Event::FaultHealing { .. }
            | Event::FaultHealed { .. }
            | Event::RedundancyRestored { .. }
    )
}

#[test]
fn every_single_event_is_needed_or_known_to_be_optional() {
    let run = short();
    let whole = run.judge();
    assert_eq!(
        whole.record.verdict,
        Verdict::Pass,
        "{:?}",
        whole.record.reasons
    );
    for index in 0..run.events.len() {
        let mut less = run.clone();
        let gone = less.events.remove(index).event;
        let verdict = less.judge().record.verdict;
        assert_eq!(
            verdict == Verdict::Pass,
            is_optional(&gone),
            "{gone:?}: {verdict:?}"
        );
    }
}

#[test]
fn no_random_part_of_the_events_passes() {
    let run = short();
    let needed = run
        .events
        .iter()
        .filter(|stamped| !is_optional(&stamped.event))
        .count();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..60 {
        let keep_of_eight = 1 + random() % 7;
        let mut less = run.clone();
        less.events.retain(|_| random() % 8 < keep_of_eight);
        if random() % 4 == 0 {
            let rows = less.rows.get_mut("engine-2").unwrap();
            rows.truncate((random() as usize) % rows.len());
        }
        let kept = less
            .events
            .iter()
            .filter(|stamped| !is_optional(&stamped.event))
            .count();
        let record = less.judge().record;
        assert!(
            kept == needed || record.verdict != Verdict::Pass,
            "round {round}: {:?}",
            record.reasons
        );
        assert_eq!(record.exit_code == 0, record.verdict == Verdict::Pass);
    }
}

#[test]
fn a_ledger_cut_anywhere_never_passes() {
    let run = short();
    for keep in [0, 1, 700, 1_500, 1_999] {
        let mut less = run.clone();
        less.entries.truncate(keep);
        assert_ne!(less.judge().record.verdict, Verdict::Pass, "{keep}");
    }
}

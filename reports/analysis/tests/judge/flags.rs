//! Dirty, aborted, refused, unavailable, interrupted, a bug: flags and exit codes beside the verdict.

use shakedown_record::Verdict;
use shakedown_record::event::{Event, Leftover, LeftoverKind};
use shakedown_record::run_record::Severity;

use crate::build::*;

fn left(kind: LeftoverKind) -> Leftover {
    Leftover {
        kind,
        what: "pid 11 is frozen".into(),
        remove_with: "shakedown recover r1".into(),
    }
}

#[test]
fn a_fault_that_was_left_is_dirty_until_it_is_clean() {
    let clean = |event: &Event| matches!(event, Event::FaultClean { .. });
    let dirty = Event::FaultDirty {
        firing: leader_dies(),
        left: left(LeftoverKind::Fault),
    };
    let run = Run::healthy().without(clean).and(17 * S, dirty.clone());
    let record = run.judge().record;
    assert_eq!(
        (record.exit_code, record.dirty, record.leftovers.faults),
        (3, true, 1)
    );
    assert!(
        record.reasons[0].contains("remove with: shakedown recover r1"),
        "{:?}",
        record.reasons
    );
    let later = run
        .and(
            18 * S,
            Event::FaultClean {
                firing: leader_dies(),
            },
        )
        .judge()
        .record;
    assert_eq!(
        (later.exit_code, later.dirty, later.leftovers.faults),
        (0, false, 0),
        "{:?}",
        later.reasons
    );
}

#[test]
fn objects_and_open_orders_are_dirty_and_the_same_thing_counts_once() {
    let object = Event::LeftBehind {
        left: left(LeftoverKind::Object),
    };
    let record = Run::healthy()
        .and(25 * S, object.clone())
        .and(25 * S, object)
        .judge()
        .record;
    assert_eq!(
        (record.verdict, record.exit_code, record.leftovers.objects),
        (Verdict::Pass, 3, 1)
    );
    let open = Run::healthy().with(|event| {
        if let Event::CleanedUp { orders_open, .. } = event {
            *orders_open = Some(4);
        }
    });
    let record = open.judge().record;
    assert_eq!(
        (record.exit_code, record.leftovers.orders_open),
        (3, Some(4))
    );
    assert!(
        record.reasons[0].contains("4 open orders"),
        "{:?}",
        record.reasons
    );
}

#[test]
fn open_orders_that_could_not_be_counted_are_no_pass() {
    let untold = Run::healthy().with(|event| {
        if let Event::CleanedUp {
            orders_open,
            reason,
            ..
        } = event
        {
            (*orders_open, *reason) = (None, Some("the list could not be read".into()));
        }
    });
    let silent = Run::healthy().without(|event| matches!(event, Event::CleanedUp { .. }));
    for run in [untold, silent] {
        let record = run.judge().record;
        assert_eq!(
            (record.verdict, record.exit_code, record.dirty),
            (Verdict::Inconclusive, 2, false)
        );
    }
    let mut thrown_away = Run::healthy().without(|event| matches!(event, Event::CleanedUp { .. }));
    thrown_away.plan.system.clean_up = shakedown_scenarios::plan::CleanUp::Nothing;
    assert_eq!(thrown_away.judge().record.exit_code, 0);
}

#[test]
fn an_interruption_and_a_met_abort_condition() {
    let record = Run::healthy()
        .and(
            20 * S,
            Event::Interrupted {
                by: "SIGINT".into(),
            },
        )
        .judge()
        .record;
    assert_eq!(
        (record.verdict, record.exit_code, record.aborted),
        (Verdict::Inconclusive, 130, true)
    );
    let met = Event::AbortMet {
        condition: "storm".into(),
        reason: "52 % errors for 30 s".into(),
    };
    let record = Run::healthy().and(20 * S, met).judge().record;
    assert_eq!(
        (record.verdict, record.exit_code, record.aborted),
        (Verdict::Fail, 1, true)
    );
    assert!(record.reasons[0].contains("storm"), "{:?}", record.reasons);
}

fn before_the_load(event: Event) -> Run {
    let mut run = Run::healthy().and(0, event);
    run.events.retain(|stamped| {
        matches!(
            stamped.event,
            Event::RunStarted { .. }
                | Event::GuardRefused { .. }
                | Event::EnvironmentFailed { .. }
                | Event::RunFinished { .. }
        )
    });
    run.entries.clear();
    run.rows.clear();
    run
}

#[test]
fn a_refusing_guard_and_an_engine_that_never_starts() {
    let refused = Event::GuardRefused {
        guard: "not-production".into(),
        reason: "/info says prod".into(),
    };
    let record = before_the_load(refused).judge().record;
    assert_eq!(
        (record.verdict, record.exit_code),
        (Verdict::Inconclusive, 77)
    );
    assert_eq!(
        record.reasons[0],
        "guard not-production refused: /info says prod"
    );
    let failed = Event::EnvironmentFailed {
        reason: "engine-2 exited with 1".into(),
    };
    let record = before_the_load(failed).judge().record;
    assert_eq!(
        (record.verdict, record.exit_code),
        (Verdict::Inconclusive, 69)
    );
    assert!(record.reasons[0].contains("engine-2 exited with 1"));
}

#[test]
fn slots_that_do_not_add_up_are_a_bug() {
    let run = Run::healthy().with(|event| {
        if let Event::LoadStopped { scheduled, .. } = event {
            *scheduled += 1;
        }
    });
    let record = run.judge().record;
    assert_eq!(record.exit_code, 70);
    assert_ne!(record.verdict, Verdict::Pass);
    assert!(
        record.reasons[0].starts_with("a bug in Shakedown: slots do not add up: 13,001"),
        "{:?}",
        record.reasons
    );
}

#[test]
fn a_broken_warning_is_told_and_does_not_decide() {
    let mut run = Run::away(6 * S, Away::Dead);
    run.plan.rules.iter_mut().for_each(|rule| {
        if ["failover", "available", "errors"].contains(&rule.id.as_str()) {
            rule.severity = Severity::Warning;
        }
    });
    let record = run.judge().record;
    assert_eq!(
        (record.verdict, record.exit_code),
        (Verdict::Pass, 0),
        "{:?}",
        record.reasons
    );
    assert_eq!(record.reasons[0], "all 13 checks passed");
    assert!(
        record
            .reasons
            .iter()
            .any(|reason| reason.starts_with("warning failover: ")),
        "{:?}",
        record.reasons
    );
}

#[test]
fn another_build_afterwards_is_seen() {
    let run = Run::healthy().with(|event| {
        if let Event::TargetSeen {
            when: shakedown_record::event::Moment::After,
            version,
            ..
        } = event
        {
            *version = Some("4.13.0".into());
        }
    });
    assert_eq!(run.judge().record.target.changed, Some(true));
}

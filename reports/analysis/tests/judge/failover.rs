//! Known truth: a server gone for exactly 0.5 s, 2 s, for ever.

use shakedown_record::event::{Event, Stamped};
use shakedown_record::fault::{Effect, Firing};
use shakedown_record::platform::{PlatformChange, PlatformStep};
use shakedown_record::{Outcome, Verdict};

use crate::build::*;

fn gone(seconds: f64, away: Away) {
    let analysis = Run::away((seconds * 1e9) as u64, away).judge();
    let [entry] = analysis.record.failover.as_slice() else {
        panic!("{:?}", analysis.record.failover);
    };
    assert_eq!(entry.fault.as_deref(), Some("leader-dies"));
    near(Some(entry.started_at_s), STRUCK as f64 / 1e9, 0.0);
    near(entry.first_ack_s, seconds, 20.0);
    near(entry.worst_session_gap_s, seconds, 20.0);
    near(entry.recovered_s, seconds, 100.0);
    near(entry.redundancy_s, 5.0, 0.1);
    near(entry.heal_outage_s, 0.0, 0.1);
    assert_eq!(entry.censored_at_s, None);
    near(entry.resolution_s, 0.002, 0.01);
    assert_eq!(the(&analysis, "failover").verdict, Verdict::Pass);
}

#[test]
fn dead_for_half_a_second_and_for_two() {
    gone(0.5, Away::Dead);
    gone(2.0, Away::Dead);
}

#[test]
fn frozen_for_half_a_second_and_for_two() {
    gone(0.5, Away::Frozen);
    gone(2.0, Away::Frozen);
}

#[test]
fn gone_for_ever_is_null_and_censored_and_fails() {
    for away in [Away::Dead, Away::Frozen] {
        let analysis = Run::away(1_000 * S, away).judge();
        let entry = &analysis.record.failover[0];
        assert_eq!(
            (
                entry.first_ack_s,
                entry.recovered_s,
                entry.worst_session_gap_s
            ),
            (None, None, None)
        );
        near(entry.censored_at_s, (END - STRUCK) as f64 / 1e9, 1.0);
        let check = the(&analysis, "failover");
        assert_eq!(check.verdict, Verdict::Fail, "{check:?}");
        assert_eq!(check.observed.value, None);
        assert!(
            check.observed.text.contains("not back after 14"),
            "{}",
            check.observed.text
        );
        assert_eq!(the(&analysis, "projected").verdict, Verdict::Inconclusive);
        assert_eq!(analysis.record.availability.projected, None);
        assert_eq!(analysis.record.exit_code, 1);
    }
}

#[test]
fn an_engine_that_never_fails_over_fails_though_nothing_was_lost() {
    let mut run = Run::away(1_000 * S, Away::Dead);
    run.plan.rules.retain(|rule| rule.id == "failover");
    let analysis = run.judge();
    assert_eq!(analysis.record.data_loss.lost, Some(0));
    assert_eq!(ids(&analysis, Verdict::Fail), ["failover"]);
    assert_eq!(analysis.record.failover[0].recovered_s, None);
    assert_eq!(analysis.record.exit_code, 1);
}

#[test]
fn gone_for_ever_is_no_verdict_where_the_limit_is_longer_than_what_was_seen() {
    let mut run = Run::away(1_000 * S, Away::Dead);
    run.plan.rules.retain(|rule| rule.id == "failover");
    run.plan.rules[0].kind = shakedown_scenarios::plan::RuleKind::Failover { at_most_ns: 60 * S };
    let analysis = run.judge();
    assert_eq!(analysis.record.verdict, Verdict::Inconclusive);
    assert!(
        analysis.record.reasons[0].contains("too early"),
        "{:?}",
        analysis.record.reasons
    );
}

#[test]
fn a_failover_above_its_limit_fails() {
    let analysis = Run::away(6 * S, Away::Dead).judge();
    assert_eq!(
        ids(&analysis, Verdict::Fail),
        ["failover", "available", "errors"]
    );
    assert!(
        analysis.record.reasons[0].starts_with("failover took longer"),
        "{:?}",
        analysis.record.reasons
    );
}

#[test]
fn a_follower_that_nobody_needed_costs_nothing() {
    let analysis = Run::away(0, Away::Dead).judge();
    let [entry] = analysis.record.failover.as_slice() else {
        panic!()
    };
    assert_eq!(
        (entry.recovered_s, entry.worst_session_gap_s),
        (Some(0.0), Some(0.0))
    );
    near(entry.first_ack_s, 0.002, 2.0);
}

/// Refuses everything that is due between two run times.
fn refuse(run: &mut Run, from: u64, to: u64) {
    for entry in run
        .entries
        .iter_mut()
        .filter(|entry| (from..to).contains(&entry.intended_ns))
    {
        entry.outcome = Some(Outcome::Refused);
        entry.sent_ns = None;
        entry.sequence = None;
        entry.done_ns = Some(entry.intended_ns + MS / 10);
    }
}

#[test]
fn an_outage_that_no_fault_explains_is_listed_without_a_name() {
    let mut run = Run::healthy();
    refuse(&mut run, 8 * S, 8 * S + 300 * MS);
    refuse(&mut run, 24 * S, 24 * S + 200 * MS);
    let analysis = run.refill().judge();
    let names: Vec<_> = analysis
        .record
        .failover
        .iter()
        .map(|entry| entry.fault.as_deref())
        .collect();
    assert_eq!(names, [None, Some("leader-dies"), None]);
    let [first, fault, last] = analysis.record.failover.as_slice() else {
        panic!()
    };
    near(Some(first.started_at_s), 8.0, 3.0);
    near(first.recovered_s, 0.3, 100.0);
    near(first.first_ack_s, 0.3, 20.0);
    near(fault.recovered_s, 0.5, 100.0);
    near(last.recovered_s, 0.2, 100.0);
    near(last.worst_session_gap_s, 0.2, 20.0);
}

#[test]
fn an_outage_that_comes_with_the_heal_is_the_heals() {
    let mut run = Run::healthy();
    refuse(
        &mut run,
        STRUCK + 3 * S + 50 * MS,
        STRUCK + 3 * S + 750 * MS,
    );
    let analysis = run.refill().judge();
    let entry = &analysis.record.failover[0];
    near(entry.heal_outage_s, 0.7, 100.0);
    // No healthy window of 5 s lies between the two outages: service was back only after the second.
    near(entry.recovered_s, 3.75, 100.0);
}

#[test]
fn an_outage_with_the_heal_after_service_was_good_again_is_told_apart() {
    let mut run = Run::healthy();
    for stamped in &mut run.events {
        let late = matches!(
            stamped.event,
            Event::FaultHealing { .. }
                | Event::FaultHealed { .. }
                | Event::FaultClean { .. }
                | Event::RedundancyRestored { .. }
        );
        stamped.mono_ns += if late { 4 * S } else { 0 };
    }
    let events = run.events.clone();
    refuse(
        &mut run,
        STRUCK + 7 * S + 100 * MS,
        STRUCK + 7 * S + 900 * MS,
    );
    let mut run = run.refill();
    let scheduled: Vec<Stamped> = run
        .events
        .iter()
        .filter(|s| matches!(s.event, Event::Generator { .. } | Event::ReadBack(_)))
        .cloned()
        .collect();
    run.events = events;
    run.events
        .retain(|s| !matches!(s.event, Event::Generator { .. } | Event::ReadBack(_)));
    run.events.extend(scheduled);
    let analysis = run.judge();
    let entry = &analysis.record.failover[0];
    near(entry.recovered_s, 0.5, 100.0);
    near(entry.heal_outage_s, 0.8, 100.0);
    near(entry.worst_session_gap_s, 0.8, 20.0);
    assert_eq!(analysis.record.failover.len(), 1);
}

#[test]
fn a_session_that_is_left_out_counts_although_service_as_a_whole_is_good() {
    let mut run = Run::healthy();
    for entry in run
        .entries
        .iter_mut()
        .filter(|entry| entry.session == 3 && entry.intended_ns > STRUCK)
    {
        entry.outcome = Some(Outcome::Refused);
        entry.sequence = None;
    }
    let analysis = run.refill().judge();
    let entry = &analysis.record.failover[0];
    assert_eq!(entry.worst_session_gap_s, None);
    assert_eq!(
        entry.recovered_s, None,
        "one in eight errors is no healthy slot"
    );
    assert_eq!(the(&analysis, "failover").verdict, Verdict::Fail);
}

#[test]
fn a_second_firing_has_an_entry_of_its_own() {
    let mut run = Run::healthy();
    refuse(&mut run, 19 * S, 19 * S + 400 * MS);
    let mut run = run.refill();
    run.plan.faults[0].repeat.times = 2;
    let firing = Firing {
        fault: "leader-dies".into(),
        occurrence: 1,
    };
    let effect = Effect::seen("gone");
    let run = run
        .and(
            19 * S,
            Event::FaultInjected {
                firing: firing.clone(),
            },
        )
        .and(
            19 * S + 5 * MS,
            Event::FaultEffect {
                firing: firing.clone(),
                effect,
            },
        )
        .and(
            20 * S,
            Event::FaultHealing {
                firing: firing.clone(),
            },
        )
        .and(20 * S + 1, Event::FaultClean { firing });
    let analysis = run.judge();
    let names: Vec<_> = analysis
        .record
        .failover
        .iter()
        .map(|entry| entry.fault.as_deref())
        .collect();
    assert_eq!(names, [Some("leader-dies"), Some("leader-dies#2")]);
    near(analysis.record.failover[0].recovered_s, 0.5, 100.0);
    near(analysis.record.failover[1].recovered_s, 0.4, 100.0);
    near(analysis.record.failover[1].first_ack_s, 0.4, 20.0);
    assert_eq!(
        analysis.record.verdict,
        Verdict::Pass,
        "{:?}",
        analysis.record.reasons
    );
}

#[test]
fn a_stall_of_the_generator_is_no_outage_of_the_engine() {
    let mut run = Run::healthy();
    for entry in run
        .entries
        .iter_mut()
        .filter(|entry| (9 * S..9 * S + 300 * MS).contains(&entry.intended_ns))
    {
        let late = 9 * S + 300 * MS - entry.intended_ns;
        entry.lag_ns = late as u32;
        entry.sent_ns = Some(entry.intended_ns + late);
        entry.done_ns = Some(entry.intended_ns + late + MS);
    }
    let analysis = run.refill().judge();
    let names: Vec<_> = analysis
        .record
        .failover
        .iter()
        .map(|entry| entry.fault.as_deref())
        .collect();
    assert_eq!(names, [Some("leader-dies")]);
}

/// A change of a pod at a run time, as Shakedown heard of it.
fn pod(at_ns: u64, replica: &str, step: PlatformStep) -> Event {
    Event::PlatformChanged(PlatformChange {
        at_mono_ns: ZERO + at_ns,
        subject: format!("pod {replica}"),
        replica: Some(replica.to_string()),
        step,
        detail: None,
        own_time: Some("2026-01-01T00:00:13Z".to_string()),
    })
}

#[test]
fn a_platform_that_tells_of_itself_splits_the_failover() {
    let role = |replica: &str, role: &str| Event::RoleChanged {
        replica: replica.to_string(),
        role: Some(role.to_string()),
        term: None,
    };
    let run = Run::healthy()
        .and(S, role("engine-1", "leader"))
        .and(S, role("engine-2", "follower"))
        // Written late: what counts is when it was heard of.
        .and(
            STRUCK + 3 * S,
            pod(STRUCK + S / 5, "engine-1", PlatformStep::ContainerEnded),
        )
        .and(
            STRUCK + S / 10,
            pod(STRUCK + S / 10, "engine-2", PlatformStep::NotReady),
        )
        .and(STRUCK + S / 4, role("engine-2", "leader"));
    let analysis = run.judge();
    let entry = &analysis.record.failover[0];
    let split = entry.split.as_ref().unwrap();
    assert_eq!(split.platform.detected_s, Some(0.2));
    assert_eq!(split.platform.not_ready_s, None);
    assert_eq!(split.engine.elected_s, Some(0.25));
    assert_eq!(split.engine.first_ack_s, entry.first_ack_s);
    assert!(entry.first_ack_s.is_some());
    let told: Vec<String> = analysis.platform.iter().map(|it| it.sentence()).collect();
    assert_eq!(
        told,
        [
            "pod engine-2: not ready (its own time: 2026-01-01T00:00:13Z)",
            "pod engine-1: container ended (its own time: 2026-01-01T00:00:13Z)",
        ]
    );
}

#[test]
fn a_run_without_a_platform_has_no_split_in_its_record() {
    let analysis = Run::healthy().judge();
    assert!(analysis.platform.is_empty());
    assert_eq!(analysis.record.failover[0].split, None);
    let json = serde_json::to_string(&analysis.record.failover).unwrap();
    assert!(!json.contains("split"), "{json}");
}

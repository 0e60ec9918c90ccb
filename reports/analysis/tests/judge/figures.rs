//! The figures of a sound run, against what the model did.

use shakedown_record::event::{Bucket, Event};
use shakedown_record::{Outcome, Phase, Verdict};
use shakedown_scenarios::plan::RuleKind;

use crate::build::*;
use crate::plan::rule;

#[test]
fn a_sound_run_passes_every_check_with_its_figures() {
    let analysis = Run::healthy().judge();
    let record = &analysis.record;
    assert_eq!(record.verdict, Verdict::Pass, "{:#?}", record.reasons);
    assert_eq!(
        (record.exit_code, record.dirty, record.aborted),
        (0, false, false)
    );
    assert_eq!(record.reasons, ["all 16 checks passed"]);
    assert_eq!(record.target.changed, Some(false));
    assert_eq!(record.faults[0].targets[0].role.as_deref(), Some("leader"));
    near(
        record.faults[0].confirmed_at_s,
        STRUCK as f64 / 1e9 + 0.012,
        0.1,
    );
    let data = &record.data_loss;
    assert_eq!(
        (data.lost, data.divergent, data.phantom, data.duplicate),
        (Some(0), Some(0), Some(0), Some(0))
    );
    assert_eq!(
        (data.corrupt, data.unresolved, data.rpo_orders, data.rpo_s),
        (Some(0), Some(0), Some(0), Some(0.0))
    );
    assert_eq!(
        (
            data.resurrected,
            data.reordered,
            data.stale,
            data.contract_cancelled
        ),
        (Some(0), Some(0), None, None)
    );
    assert_eq!(
        (data.coverage.replicas_expected, data.coverage.replicas_read),
        (3, 3)
    );
    assert!(data.coverage.unread.is_empty() && data.examples.is_empty());
    assert_eq!(record.generator.outcomes.total(), END * RATE / S);
    assert!(!record.generator.saturated && record.generator.why.is_empty());
}

#[test]
fn phases_rates_and_latencies_follow_intended_time() {
    let analysis = Run::healthy().judge();
    let record = &analysis.record;
    let impact = &record.run.phases[&Phase::Impact][0];
    near(Some(impact.from_s), STRUCK as f64 / 1e9, 0.0);
    near(Some(impact.to_s), (STRUCK + 4 * S) as f64 / 1e9, 0.0);
    for phase in [
        Phase::WarmUp,
        Phase::Steady,
        Phase::Impact,
        Phase::Recovery,
        Phase::Run,
    ] {
        let offered = record.throughput[&phase].offered_per_s.unwrap();
        assert!((offered - RATE as f64).abs() < 1.0, "{phase:?} {offered}");
    }
    // Half a second of four is refused, and one order in twenty is rejected.
    let achieved = record.throughput[&Phase::Impact].achieved_per_s.unwrap();
    assert!(
        (achieved - 500.0 * 0.95 * 3.5 / 4.0).abs() < 3.0,
        "{achieved}"
    );
    assert_eq!(record.latency[&Phase::Steady].p99_ns.unwrap() / 100_000, 10);
    assert_eq!(
        record.latency[&Phase::Impact].p99_ns.unwrap() / MS,
        1_000,
        "failures count as the timeout"
    );
    assert_eq!(
        record.latency_acked[&Phase::Impact].p99_ns.unwrap() / 100_000,
        10
    );
    assert_eq!(
        record.latency_service[&Phase::Steady].p50_ns.unwrap() / 10_000,
        99
    );
    let run: u64 = [Phase::Steady, Phase::Impact, Phase::Recovery]
        .map(|phase| record.latency[&phase].count)
        .iter()
        .sum();
    assert_eq!(record.latency[&Phase::Run].count, run);
}

#[test]
fn availability_is_counted_and_projected() {
    let analysis = Run::healthy().judge();
    let availability = analysis.record.availability;
    // 20 s are measured, half a second is lost; six slots of 100 ms have errors.
    near(availability.requests, 1.0 - 0.5 / 20.0, 2.0);
    near(availability.time, 1.0 - 6.0 / 200.0, 0.1);
    let failover_s = analysis.record.failover[0].recovered_s.unwrap();
    near(
        availability.projected,
        1.0 - 4.0 * failover_s / 2_592_000.0,
        1e-6,
    );
}

#[test]
fn the_timeline_has_every_interval_and_the_outage_in_it() {
    let analysis = Run::healthy().judge();
    assert_eq!(analysis.timeline.len() as u64, END / (100 * MS));
    let slots: u64 = analysis
        .timeline
        .iter()
        .map(|row| row.outcomes.total())
        .sum();
    assert_eq!(slots, END * RATE / S);
    let row = &analysis.timeline[123];
    assert_eq!((row.phase, row.achieved_per_s), (Phase::Impact, 0.0));
    near(
        Some(row.worst_session_gap_s),
        12.4 - STRUCK as f64 / 1e9,
        5.0,
    );
    assert_eq!(analysis.timeline[100].worst_session_gap_s, 0.0);
    let last = analysis.curves[&Phase::Steady].last().unwrap();
    assert_eq!(
        (last.quantile, last.count),
        (1.0, analysis.record.latency[&Phase::Steady].count)
    );
    let logged: u64 = analysis
        .latency_intervals
        .iter()
        .map(|interval| interval.histogram.count())
        .sum();
    assert_eq!(logged, slots);
}

#[test]
fn a_broken_limit_fails_and_names_the_number() {
    let mut run = Run::healthy();
    for entry in run
        .entries
        .iter_mut()
        .filter(|entry| (7 * S..8 * S).contains(&entry.intended_ns))
    {
        entry.done_ns = Some(entry.intended_ns + 30 * MS);
    }
    let analysis = run.refill().judge();
    assert_eq!(ids(&analysis, Verdict::Fail), ["steady-p99"]);
    assert_eq!(analysis.record.exit_code, 1);
    let check = the(&analysis, "steady-p99");
    near(check.observed.value.map(|ms| ms / 1e3), 0.030, 0.1);
    assert_eq!(check.limit.text, "20 ms");
    assert!(
        check.observed.text.starts_with("30 ms ("),
        "{}",
        check.observed.text
    );
    assert!(analysis.record.reasons[0].starts_with("steady-p99 is above its limit"));
}

#[test]
fn rejects_that_were_not_provoked_count_and_provoked_ones_do_not() {
    let mut run = Run::healthy();
    for entry in run.entries.iter_mut().step_by(20).skip(200) {
        entry.outcome = Some(Outcome::Rejected);
        entry.sequence = None;
    }
    let analysis = run.refill().judge();
    assert_eq!(ids(&analysis, Verdict::Fail), ["rejects"]);
}

#[test]
fn a_rate_that_was_never_offered_says_nothing_of_the_engine() {
    let mut run = Run::healthy();
    run.plan.rules = vec![rule(
        "rate",
        RuleKind::Throughput {
            at_least_per_s: 900.0,
            phase: Phase::Steady,
        },
    )];
    let analysis = run.judge();
    assert_eq!(analysis.record.verdict, Verdict::Inconclusive);
    assert!(
        analysis.record.reasons[0].contains("were offered"),
        "{:?}",
        analysis.record.reasons
    );
    run.plan.rules = vec![rule(
        "rate",
        RuleKind::Throughput {
            at_least_per_s: 490.0,
            phase: Phase::Steady,
        },
    )];
    assert_eq!(run.judge().record.verdict, Verdict::Fail);
}

fn scrape(count: u64) -> Event {
    let bucket = |le_s, count| Bucket { le_s, count };
    let buckets = vec![
        bucket(Some(0.001), count / 2),
        bucket(Some(0.002), count),
        bucket(None, count),
    ];
    Event::EngineLatency {
        replica: "engine-1".into(),
        buckets,
        count,
    }
}

#[test]
fn the_engines_own_histogram_is_judged_and_its_absence_is_named() {
    let mut run = Run::healthy();
    let own = |at_most_ns| {
        rule(
            "own-p50",
            RuleKind::EngineLatency {
                quantile: 0.5,
                at_most_ns,
                phase: Phase::Steady,
            },
        )
    };
    run.plan.rules = vec![own(2 * MS)];
    let scraped = run
        .clone()
        .and(7 * S, scrape(100))
        .and(11 * S, scrape(1_100));
    let analysis = scraped.judge();
    assert_eq!(
        analysis.record.verdict,
        Verdict::Pass,
        "{:?}",
        analysis.record.reasons
    );
    assert_eq!(analysis.record.latency_engine[&Phase::Steady].count, 1_000);
    let missing = Event::EngineLatencyMissing {
        replica: "engine-2".into(),
        reason: "no such metric".into(),
    };
    for broken in [run.clone(), scraped.clone().and(11 * S, missing)] {
        let analysis = broken.judge();
        assert_eq!(analysis.record.exit_code, 2);
        assert!(
            analysis.record.reasons[0].contains("order_seconds"),
            "{:?}",
            analysis.record.reasons
        );
    }
    let mut strict = scraped;
    strict.plan.rules = vec![own(MS / 2)];
    let analysis = strict.judge();
    assert_eq!(
        analysis.record.verdict,
        Verdict::Inconclusive,
        "the limit lies within the bucket"
    );
}

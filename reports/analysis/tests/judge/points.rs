//! Known truth: an engine that takes in 1,000 points per second, and ways in which it does not.

use shakedown_analysis::{Analysis, analyse};
use shakedown_record::event::Event;
use shakedown_record::points::{PointCounts, PointsReport, PointsRow, PointsWriter, ROW_NS};
use shakedown_record::run_record::Severity;
use shakedown_record::{Phase, Verdict};
use shakedown_scenarios::plan::{PointsLoad, PointsRule, Rule, RuleKind};

use crate::build::*;

fn judged(change: impl Fn(u64, &mut PointCounts)) -> Analysis {
    let mut run = Run::healthy();
    run.plan.points = Some(PointsLoad { rate_per_s: 1e3 });
    let rate = PointsRule::Rate {
        at_least_per_s: 950.0,
        phase: Phase::Steady,
    };
    let rules = [rate, PointsRule::Lost { at_most: 0 }].map(|rule| Rule {
        id: rule.name().to_string(),
        kind: RuleKind::Points(rule),
        severity: Severity::Critical,
        source: None,
    });
    run.plan.rules.extend(rules);
    let row = |number: u64| {
        let mut counts = PointCounts {
            offered: 100,
            written: 100,
            acknowledged: 100,
            ..PointCounts::default()
        };
        change(number, &mut counts);
        PointsRow {
            from_ns: number * ROW_NS,
            counts,
        }
    };
    let rows: Vec<PointsRow> = (0..END / ROW_NS).map(row).collect();
    let mut counts = PointCounts::default();
    rows.iter().for_each(|row| counts.add(&row.counts));
    let report = PointsReport {
        counts,
        trouble: Some("it was closed".into()),
        ..PointsReport::default()
    };
    let run = match counts.offered {
        0 => run,
        _ => run.and(END, Event::PointsPublished { report }),
    };
    let (_folder, dir) = run.write();
    let mut writer = PointsWriter::create(&dir.points()).unwrap();
    rows.iter().for_each(|row| writer.write(row).unwrap());
    drop(writer);
    analyse(&dir, &run.plan).unwrap()
}

#[test]
fn everything_taken_in_passes_with_its_rates() {
    let analysis = judged(|_, _| ());
    assert_eq!(ids(&analysis, Verdict::Fail), [] as [&str; 0]);
    let points = analysis.record.points.unwrap();
    assert_eq!(points.counts.lost(), 0);
    let steady = points.rates[&Phase::Steady];
    assert!(
        (steady.acknowledged_per_s - 1_000.0).abs() < 1e-6,
        "{steady:?}"
    );
}

#[test]
fn points_without_a_receipt_are_lost() {
    let analysis = judged(|number, counts| {
        if number == 130 {
            counts.acknowledged = 93;
            counts.unacknowledged = 7;
        }
    });
    assert_eq!(ids(&analysis, Verdict::Fail), ["lost-points"]);
    let said = &the(&analysis, "lost-points").observed.text;
    assert!(
        said.contains("7 without a receipt") && said.contains("closed"),
        "{said}"
    );
}

#[test]
fn an_engine_that_falls_behind_misses_the_rate() {
    let analysis = judged(|number, counts| {
        if number % 10 == 0 {
            *counts = PointCounts {
                offered: 100,
                unsent: 100,
                ..PointCounts::default()
            };
        }
    });
    assert_eq!(
        ids(&analysis, Verdict::Fail),
        ["points-rate", "lost-points"]
    );
}

#[test]
fn nothing_published_is_inconclusive() {
    let analysis = judged(|_, counts| *counts = PointCounts::default());
    assert_eq!(the(&analysis, "lost-points").verdict, Verdict::Inconclusive);
}

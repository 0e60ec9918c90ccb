//! Rules on the system's own alerts, from the files of a run to the check.

use std::collections::BTreeMap;

use shakedown_analysis::analyse;
use shakedown_record::Verdict;
use shakedown_record::event::Event;
use shakedown_record::run_record::Check;
use shakedown_record::series::{
    ALERTS, ALERTS_TARGET, Gap, Origin, Sample, SeriesKind, SeriesWriter,
};
use shakedown_scenarios::plan::{AlertRule, AlertSource, Alerts, RuleKind};

use crate::build::*;
use crate::metrics::small;
use crate::plan::rule;

/// The leader dies at 12.037 s and is healed at 15.038 s. `fires` says in which seconds an alert of which cluster fires.
fn judged(run: Run, fires: impl Fn(u64) -> Option<&'static str>, reachable: bool) -> Check {
    let mut run = run;
    let labels = |cluster: &str| BTreeMap::from([("cluster".to_string(), cluster.to_string())]);
    run.plan.system.alerts = Some(Alerts {
        ask: AlertSource::Alertmanager("http://127.0.0.1:9".into()),
        labels: labels("ours"),
        silence: None,
    });
    let own = AlertRule {
        name: "LeaderDown".into(),
        labels: BTreeMap::new(),
        after: "leader-dies".into(),
        within_ns: 5 * S,
        resolved_within_ns: Some(6 * S),
    };
    run.plan.rules.push(rule("rings", RuleKind::Alert(own)));
    let (_folder, dir) = run.write();
    let mut writer = SeriesWriter::create(&dir.series(), 1 << 30).unwrap();
    for second in 0..40 {
        let at = ZERO + second * S;
        if !reachable {
            let gap = Gap {
                target: ALERTS_TARGET.into(),
                origin: Origin::Alerts,
                asked_ns: at,
                answered_ns: at + MS,
                reason: "connection refused".into(),
                absent: false,
            };
            writer.gap(gap).unwrap();
            continue;
        }
        let alert = fires(second).map(|cluster| {
            let mut labels = labels(cluster);
            labels.insert("alertname".into(), "LeaderDown".into());
            Sample {
                name: ALERTS.into(),
                labels,
                kind: SeriesKind::Gauge,
                value: 1.0,
            }
        });
        let alerts = alert.into_iter().collect();
        let of = (ALERTS_TARGET, Origin::Alerts);
        writer.look(of, (at, at + MS), None, alerts).unwrap();
    }
    the(&analyse(&dir, &run.plan).unwrap(), "rings").clone()
}

fn during(seconds: std::ops::Range<u64>) -> impl Fn(u64) -> Option<&'static str> {
    move |second| seconds.contains(&second).then_some("ours")
}

#[test]
fn an_alert_that_rings_in_time_and_is_over_in_time_passes() {
    let check = judged(small(), during(15..20), true);
    assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
    assert_eq!(check.limit.text, "5 s, over 6 s after the heal");
    assert_eq!(
        check.observed.text,
        "fired after 1.96 s to 2.96 s, over 3.96 s to 4.96 s after the heal"
    );
}

#[test]
fn an_alert_that_is_silent_late_or_stays_fails() {
    let silent = judged(small(), |_| None, true);
    assert_eq!(silent.verdict, Verdict::Fail, "{silent:?}");
    assert!(
        silent.observed.text.starts_with("never, in 27 s"),
        "{silent:?}"
    );
    let late = judged(small(), during(19..22), true);
    assert_eq!(late.verdict, Verdict::Fail, "{late:?}");
    let stays = judged(small(), during(14..40), true);
    assert_eq!(stays.verdict, Verdict::Fail, "{stays:?}");
    // The alert of another cluster is not ours.
    let other = judged(
        small(),
        |second| during(15..20)(second).map(|_| "theirs"),
        true,
    );
    assert_eq!(other.verdict, Verdict::Fail, "{other:?}");
}

#[test]
fn what_cannot_be_told_of_an_alert_leaves_its_rule_open() {
    let early = judged(small(), during(3..20), true);
    assert_eq!(early.verdict, Verdict::Inconclusive, "{early:?}");
    assert!(early.why.contains("fired already before"), "{early:?}");
    let blind = judged(small(), during(15..20), false);
    assert_eq!(blind.verdict, Verdict::Inconclusive);
    assert!(blind.why.contains("connection refused"), "{blind:?}");
    // An alert that rings although the fault was never seen to have an effect proves nothing of the fault.
    let run = small().without(|event| matches!(event, Event::FaultEffect { .. }));
    let hollow = judged(run, during(15..20), true);
    assert_eq!(hollow.verdict, Verdict::Inconclusive, "{hollow:?}");
}

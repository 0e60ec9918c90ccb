//! hft: what its suite comes to, and what turns each of its figures red.

use std::collections::BTreeSet;
use std::path::PathBuf;

use shakedown_record::Phase;
use shakedown_record::run_record::RunRecord;
use shakedown_tests::shakedown::{Sandbox, alone, check, workspace};

use super::{SuiteRun, of_suite, turns_red};

const SUITE: &str = "hft";

/// What is violated where matching is slow, the queue is short, and orders are sent away: requirement and check.
const BY_SLOWNESS: [(&str, &str); 5] = [
    ("latency", "p99"),
    ("throughput", "steady-rate"),
    ("queue", "queue"),
    ("endpoints", "books"),
    ("books", "books"),
];

/// What is violated where nobody counts orders.
const BY_FLOOD: [(&str, &str); 1] = [("limit", "limit")];

/// What the engine's own defects violate while nothing else happens.
const BY_DEFECTS: [(&str, &str); 4] = [
    ("errors", "errors"),
    ("memory", "memory"),
    ("risk", "risk"),
    ("books", "books"),
];

/// What is violated where every replica dies, and nothing was kept.
const BY_OUTAGE: [(&str, &str); 5] = [
    ("rto", "rto"),
    ("replicas", "rto"),
    ("rpo", "rpo"),
    ("graceful-shutdown", "lost"),
    ("redis", "impact-errors"),
];

/// What takes a cluster to be shown, and to be violated: whole scenarios.
const ON_A_CLUSTER: [&str; 6] = [
    "anti-affinity",
    "autoscaler",
    "rolling-update",
    "undo",
    "scale",
    "backups",
];

/// Replicas without Redis, with a short queue, which may have twenty open orders for each account.
const WEAK: &str = "\
base: hft
system: hft-weak
environments:
  docker: null
  kubernetes: null
  local: { stand-in: { parts: { engine: { engine: { settings: { redis: null, risk-limit: \"20\", queue-limit: \"5000\" } } } } } }
overrides: { docker: null, kubernetes: null }
";

/// A shipped scenario with the weak replicas.
fn weak(sandbox: &Sandbox, scenario: &str) -> PathBuf {
    sandbox.write("weak.yaml", WEAK);
    let text = format!(
        "base: hft-{scenario}\nscenario: weak-{scenario}\nabout: The same with weak replicas.\nsystem: weak.yaml\n"
    );
    sandbox.write(&format!("weak-{scenario}.yaml"), text)
}

fn red(
    sandbox: &Sandbox,
    scenario: &std::path::Path,
    more: &[&str],
    table: &[(&str, &'static str)],
) {
    let checks: BTreeSet<&str> = table.iter().map(|(_, check)| *check).collect();
    let checks: Vec<&str> = checks.into_iter().collect();
    turns_red(sandbox, scenario, more, &checks);
}

#[test]
fn the_suite_is_green_from_outside() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let run = SuiteRun::of(&sandbox, SUITE, "ci");
    let scenarios = [
        "hft-steady",
        "hft-overload",
        "hft-books",
        "hft-replica-kill",
    ];
    run.is_green(&sandbox, &scenarios);
    let record = |scenario: &str| -> RunRecord {
        let mut all = run.record.scenarios.iter();
        let found = all.find(|it| it.scenario == scenario).unwrap();
        let path = run.root.join(found.run.as_ref().unwrap());
        let text = std::fs::read_to_string(path.join("record.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    // The figures as such, not only their verdicts.
    let steady = record("hft-steady");
    assert!(
        steady.throughput[&Phase::Steady]
            .achieved_per_s
            .is_some_and(|it| it > 50_000.0)
    );
    let p99 = check(&steady, "p99").observed.value.unwrap();
    assert!(p99 <= 10_000.0, "{p99} ns");
    let overload = record("hft-overload").generator.outcomes;
    assert!(overload.throttled > 100_000, "{overload:?}");
    assert_eq!(
        record("hft-replica-kill").data_loss.coverage.replicas_read,
        2
    );
}

#[test]
fn slow_matching_a_short_queue_and_orders_that_are_sent_away_turn_red() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let more = [
        "--defect",
        "slow-match,corrupt-orderbook-debug",
        "--set",
        "load.arrival.constant.rate=8000/s",
        "--set",
        "sla.steady-rate.throughput.at-least=7500/s",
        "--set",
        "phases.steady=3s",
    ];
    red(&sandbox, &weak(&sandbox, "steady"), &more, &BY_SLOWNESS);
}

#[test]
fn an_engine_without_a_limit_on_its_rate_turns_red() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let more = ["--defect", "no-rate-limit"];
    red(&sandbox, &of_suite(SUITE, "overload"), &more, &BY_FLOOD);
}

#[test]
fn errors_a_leak_overrun_risk_and_a_wrong_book_turn_red() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let defects = "queue-drops,leak-memory,risk-overrun,corrupt-orderbook-debug";
    let more = ["--defect", defects];
    red(&sandbox, &of_suite(SUITE, "books"), &more, &BY_DEFECTS);
}

#[test]
fn a_long_outage_of_replicas_that_keep_nothing_turns_the_figures_of_recovery_red() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    // Seconds in place of minutes: limits are as much smaller as the outage is shorter.
    let more = [
        "--set",
        "load.arrival.poisson.rate=1000/s",
        "--set",
        "sla.steady-rate.throughput.at-least=10/s",
        "--set",
        "phases.steady=2s",
        "--set",
        "sla.rto={ failover: { at-most: 2s } }",
        "--set",
        "sla.rpo={ rpo: { at-most: 1s } }",
        "--set",
        "sla.impact-errors={ error-rate: { at-most: 0.1%, in: impact } }",
    ];
    let scenario = weak(&sandbox, "all-replicas-kill");
    red(&sandbox, &scenario, &more, &BY_OUTAGE);
}

/// The id on a line of a suite's requirements: whatever is indented once.
fn id_of(line: &str) -> Option<&str> {
    let (id, _) = line.strip_prefix("  ")?.split_once(':')?;
    (!id.starts_with(' ')).then_some(id)
}

#[test]
fn every_figure_can_turn_red_or_is_waived() {
    let path = workspace().join("scenarios/library/hft/suite.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, requirements) = text.split_once("\nrequirements:\n").unwrap();
    let (requirements, _) = requirements.split_once("\nwaive:\n").unwrap();
    let listed: BTreeSet<&str> = requirements.lines().filter_map(id_of).collect();
    let reds = [BY_SLOWNESS.as_slice(), &BY_FLOOD, &BY_DEFECTS, &BY_OUTAGE];
    let red = reds
        .into_iter()
        .flatten()
        .map(|(requirement, _)| *requirement);
    let known: BTreeSet<&str> = red.chain(ON_A_CLUSTER).chain(["regions"]).collect();
    assert_eq!(known, listed);
}

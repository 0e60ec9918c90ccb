//! hive-mind: what its suite comes to, and what turns each of its figures red.

use std::collections::BTreeSet;

use shakedown_record::suite::SuiteRecord;
use shakedown_tests::shakedown::{Sandbox, alone, beside, workspace};

use super::{SuiteRun, of_suite, turns_red};

const SUITE: &str = "hive-mind";

/// What the engine's own defects violate while nothing else happens: requirement and check.
const BY_DEFECTS: [(&str, &str); 14] = [
    ("p99", "p99"),
    ("latency-validation", "p99"),
    ("p95", "p95"),
    ("watched", "p999"),
    ("latency-test", "p50"),
    ("availability", "available"),
    ("error-rate", "errors"),
    ("failed-trades", "failed-trades"),
    ("consensus-failures", "consensus"),
    ("elections", "elections"),
    ("consistency", "consistent"),
    ("endpoints", "ready"),
    ("operations-rate", "operations"),
    ("performance-run", "steady-rate"),
];

/// What is violated where orders get lost.
const BY_LOSS: [(&str, &str); 3] = [
    ("no-loss", "no-loss"),
    ("rpo", "rpo"),
    ("audit-trail", "history"),
];

/// What is violated where strangers come, too many of them, and memory is short.
const BY_STRANGERS: [(&str, &str); 3] = [
    ("failed-logins", "logins"),
    ("rate-limit-violations", "rate-limits"),
    ("memory", "memory"),
];

/// What is violated where the machine is short of everything.
const BY_SHORTAGE: [(&str, &str); 2] = [("cpu", "cpu-run"), ("disk", "disk-run")];

/// What is violated by a slow network, and by slow disks.
const BY_SLOW_LINKS: [(&str, &str); 1] = [("between-nodes", "round-trip")];
const BY_SLOW_DISKS: [(&str, &str); 1] = [("disk-speed", "disk-sync")];

/// What is violated where two of three nodes stand still for more than a minute.
const BY_OUTAGE: [(&str, &str); 3] = [
    ("rto", "rto"),
    ("availability", "projected"),
    ("connectivity", "connected-run"),
];

/// What takes a cluster to be shown, and to be violated (`kubernetes_hive_mind`): whole scenarios.
const ON_A_CLUSTER: [&str; 9] = [
    "highly-available",
    "blue-green",
    "rollout-undo",
    "backup-restore",
    "backup-every-6h",
    "scale-down",
    "isolation",
    "pod-security",
    "change-evidence",
];

fn checks<const N: usize>(table: &[(&str, &'static str); N]) -> BTreeSet<&'static str> {
    table.iter().map(|(_, check)| *check).collect()
}

fn red<const N: usize>(
    sandbox: &Sandbox,
    scenario: &std::path::Path,
    more: &[&str],
    table: &[(&str, &'static str); N],
) {
    let checks: Vec<&str> = checks(table).into_iter().collect();
    turns_red(sandbox, scenario, more, &checks);
}

#[test]
fn the_suite_is_green_from_outside() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let run = SuiteRun::of(&sandbox, SUITE, "ci");
    run.is_green(&sandbox, &["hive-mind-steady", "hive-mind-leader-kill"]);
    let waived = |record: &SuiteRecord, id: &str| record.waived.iter().any(|it| it.subject == id);
    assert!(
        waived(&run.record, "second-region"),
        "{:?}",
        run.record.waived
    );
}

#[test]
fn figures_of_which_the_engine_itself_tells_turn_red_by_its_defects() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let more = [
        "--defect",
        "slow-trading",
        "--defect",
        "consensus-flaps",
        "--defect",
        "inconsistent-data",
        "--defect",
        "unready",
        "--set",
        "phases.warm-up.at-most=6s",
    ];
    red(&sandbox, &of_suite(SUITE, "steady"), &more, &BY_DEFECTS);
}

#[test]
fn orders_that_get_lost_turn_the_figures_of_recovery_red() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    // The first of them is lost long before the fault.
    let more = ["--defect", "drops-orders", "--set", "phases.steady=10s"];
    red(&sandbox, &of_suite(SUITE, "leader-kill"), &more, &BY_LOSS);
}

/// New orders have the key, and are too many; cancels have none.
const GUARDED: &str = "\
base: hive-mind
system: guarded
environments:
  kubernetes: null
  local: { stand-in: { parts: { engine: { engine: { settings: { api-key: KEY, rate-limit: \"100\", memory-limit: \"1000000\" } } } } } }
overrides: { kubernetes: null }
orders: { new: { send: { headers: { x-api-key: right } } } }
";

const UNDER_GUARD: &str = "\
base: hive-mind-base
scenario: strangers
about: More orders than are let in, and cancels without the key.
system: guarded.yaml
phases: { warm-up: { at-most: 6s }, steady: 4s }
";

#[test]
fn strangers_and_too_many_of_them_and_a_small_memory_turn_red() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let key = sandbox.write("key", "right\n");
    sandbox.write(
        "guarded.yaml",
        GUARDED.replace("KEY", key.to_str().unwrap()),
    );
    let scenario = sandbox.write("strangers.yaml", UNDER_GUARD);
    red(&sandbox, &scenario, &[], &BY_STRANGERS);
}

const SHORTAGE: &str = "\
base: hive-mind-base
scenario: shortage
about: A node has a tenth of a CPU, and then another one no room on its disk.
load: { arrival: { poisson: { rate: 200/s } } }
phases: { steady: 5s, recovery: { at-most: 75s } }
faults:
  held-back:
    do: { cpu: { limit: 5% } }
    to: { name: engine-1 }
    when: { after: { phase: steady } }
    for: 8s
  out-of-room:
    do: { disk-full: {} }
    to: { name: engine-2 }
    when: { after: { fault: held-back, by: 10s } }
    for: 5s
sla:
  steady-rate: null
  cpu-run: { resource: { of: cpu, at-most: 80%, for: 4s, in: run } }
  disk-run: { metric-value: { of: disk_free_ratio, at-least: 0.15, in: run } }
";

#[test]
fn a_machine_that_is_short_of_everything_turns_red() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let scenario = sandbox.write("shortage.yaml", SHORTAGE);
    red(&sandbox, &scenario, &[], &BY_SHORTAGE);
}

#[test]
fn a_slow_network_turns_red() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let rule = "sla.round-trip={ metric-quantile: { of: node_round_trip_seconds, quantile: 50%, at-most: 0.001, in: impact } }";
    red(
        &sandbox,
        &of_suite(SUITE, "slow-link"),
        &["--set", rule],
        &BY_SLOW_LINKS,
    );
}

#[test]
fn slow_disks_turn_red() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let more = [
        "--set",
        "sla.disk-sync={ metric-quantile: { of: log_sync_seconds, quantile: 50%, at-most: 0.000333, in: impact } }",
        "--set",
        "faults.leader-syncs-slowly.to={ part: engine }",
    ];
    red(
        &sandbox,
        &of_suite(SUITE, "slow-disk"),
        &more,
        &BY_SLOW_DISKS,
    );
}

/// Nobody says how many of its nodes it can spare.
const UNGUARDED: &str = "\
base: hive-mind
system: unguarded
environments: { kubernetes: null }
overrides: { kubernetes: null }
parts: { engine: { quorum: null } }
";

const OUTAGE: &str = "\
base: hive-mind-base
scenario: outage
about: Two of three nodes stand still for more than a minute.
system: unguarded.yaml
load: { arrival: { poisson: { rate: 100/s } } }
phases: { steady: 5s, recovery: { at-most: 75s } }
faults:
  majority-stands:
    do: { freeze: {} }
    to: { random: { part: engine, count: 2 } }
    when: { after: { phase: steady } }
    for: 62s
sla:
  steady-rate: null
  connected-run: { metric-value: { of: connected_nodes, at-least: 3, for: 2s, in: run } }
";

#[test]
fn an_outage_of_more_than_a_minute_turns_red() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    sandbox.write("unguarded.yaml", UNGUARDED);
    let scenario = sandbox.write("outage.yaml", OUTAGE);
    red(&sandbox, &scenario, &[], &BY_OUTAGE);
}

#[test]
fn five_nodes_are_as_good_as_three() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let more = [
        "--set",
        "system=hive-mind-five",
        "--set",
        "load.arrival.poisson.rate=150/s",
        "--set",
        "sla.steady-rate.throughput.at-least=120/s",
    ];
    let run = sandbox.run_soundly(&of_suite(SUITE, "leader-kill"), &more);
    let record = run.expect_code(0);
    assert_eq!(record.data_loss.coverage.replicas_read, 5);
}

/// The id on a line of a suite's requirements: whatever is indented once.
fn id_of(line: &str) -> Option<&str> {
    let (id, _) = line.strip_prefix("  ")?.split_once(':')?;
    (!id.starts_with(' ')).then_some(id)
}

#[test]
fn every_figure_can_turn_red_or_is_waived() {
    let path = workspace().join("scenarios/library/hive-mind/suite.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, requirements) = text.split_once("\nrequirements:\n").unwrap();
    let (requirements, _) = requirements.split_once("\nwaive:\n").unwrap();
    let listed: BTreeSet<&str> = requirements.lines().filter_map(id_of).collect();
    let reds = [
        BY_DEFECTS.as_slice(),
        &BY_LOSS,
        &BY_STRANGERS,
        &BY_SHORTAGE,
        &BY_SLOW_LINKS,
        &BY_SLOW_DISKS,
        &BY_OUTAGE,
    ];
    let red = reds
        .into_iter()
        .flatten()
        .map(|(requirement, _)| *requirement);
    let known: BTreeSet<&str> = red.chain(ON_A_CLUSTER).chain(["second-region"]).collect();
    assert_eq!(known, listed);
}

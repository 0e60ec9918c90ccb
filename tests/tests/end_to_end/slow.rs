//! Links that are slow, narrow or half open: what is reported is held against what the orders themselves took.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::Signal;
use shakedown_record::fault::EffectFigure;
use shakedown_record::run_record::{FaultRecord, RunRecord};
use shakedown_record::{Phase, Verdict};
use shakedown_tests::calm::soundly;
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, alone, beside, binary, library, run_arguments, within_s,
};

const LESS_LOAD: [&str; 6] = [
    "--set",
    "load.arrival.poisson.rate=200/s",
    "--set",
    "sla.steady-rate.throughput.at-least=150/s",
    "--set",
    "phases.steady=5s",
];
const MS: f64 = 1e6;
/// Whoever this is, it is not root.
const NOBODY: u32 = 65_534;

fn run_soundly(sandbox: &Sandbox, set: &[&str]) -> ScenarioRun {
    let mut more: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
    more.extend_from_slice(&LESS_LOAD);
    sandbox.run_soundly(&library("slow-link"), &more)
}

fn confirmed(record: &RunRecord) -> &FaultRecord {
    let fault = &record.faults[0];
    assert!(fault.effect.confirmed, "{fault:?}");
    assert!(fault.clean_at_s.is_some(), "{fault:?}");
    assert_eq!(record.data_loss.lost, Some(0));
    assert!(!record.dirty);
    fault
}

fn figure<'a>(fault: &'a FaultRecord, name: &str) -> &'a EffectFigure {
    let figure = fault.effect.figures.iter().find(|it| it.name == name);
    figure.unwrap_or_else(|| panic!("no {name} in {fault:?}"))
}

/// By how much the median order took longer while the fault was on, in nanoseconds.
fn longer_ns(record: &RunRecord) -> f64 {
    let median = |phase| {
        let summary = &record.latency_acked[&phase];
        summary.p50_ns.unwrap() as f64
    };
    median(Phase::Impact) - median(Phase::Steady)
}

#[test]
fn a_delay_between_the_nodes_is_what_orders_wait_for() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let run = run_soundly(&sandbox, &[]);
    let record = run.expect_code(0);
    let fault = confirmed(&record);
    assert_eq!(
        figure(fault, "round trip, longer by").within_error(),
        Some(true)
    );
    assert!(
        record
            .links
            .is_none_or(|links| links.links == 12 && links.round_trips > 0)
    );
    // An order needs one round trip between the leader and a follower, two when a follower takes it in, and waits for
    // those before it.
    let longer_ms = longer_ns(&record) / MS;
    assert!((36.0..250.0).contains(&longer_ms), "{longer_ms} ms");
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn a_delay_of_the_clients_is_added_to_each_order() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let clients = "faults.slow={ do: { delay: { by: 15ms, jitter: 2ms } }, \
                   to: { link: { from: { part: engine }, to: { clients: {} } } }, \
                   when: { after: { phase: steady } }, for: 6s }";
    let run = run_soundly(&sandbox, &[clients]);
    let record = run.expect_code(0);
    let fault = confirmed(&record);
    assert!(fault.mechanism.contains("userspace link"), "{fault:?}");
    let delay = figure(fault, "delay, median");
    assert_eq!(
        (delay.asked, delay.within_error()),
        (Some(15.0 * MS), Some(true))
    );
    let longer_ms = longer_ns(&record) / MS;
    assert!((29.0..40.0).contains(&longer_ms), "{longer_ms} ms");
}

#[test]
fn half_open_connections_are_noticed_by_nobody_but_the_system() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let record = run_soundly(&sandbox, &["faults.slow.do={ half-open: {} }"]).record();
    let fault = confirmed(&record);
    assert!(
        figure(fault, "connections half open").measured > Some(0.0),
        "{fault:?}"
    );
    assert!(figure(fault, "bytes acknowledged and lost").measured > Some(0.0));
}

#[test]
fn a_bandwidth_is_kept_to() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let record = run_soundly(
        &sandbox,
        &["faults.slow.do={ bandwidth: { rate: 20kB/s } }"],
    )
    .record();
    let fault = confirmed(&record);
    assert_eq!(
        figure(fault, "bandwidth").within_error(),
        Some(true),
        "{fault:?}"
    );
}

#[test]
fn a_bandwidth_that_limits_nothing_is_no_fault() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = run_soundly(&sandbox, &["faults.slow.do={ bandwidth: { rate: 1GB/s } }"]);
    let record = run.expect_code(2);
    assert_eq!(record.verdict, Verdict::Inconclusive);
    run.finished.expect_words(&["too little was sent"]);
}

#[test]
fn a_link_has_one_delay_at_a_time() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let second = |from: &str| {
        format!(
            "faults.again={{ do: {{ delay: {{ by: 5ms }} }}, to: {{ link: {{ from: {from}, to: {{ peers: {{}} }} }} }}, \
             when: {{ after: {{ fault: slow, by: 1s }} }}, for: 3s }}"
        )
    };
    let certain = second("{ name: engine-1 }");
    let refused = sandbox.run_scenario(&library("slow-link"), &["--set", &certain]);
    refused
        .finished
        .expect_code(64)
        .expect_words(&["still on when this fires"]);
    // Whom the seed chooses is known only then.
    let chosen = second("{ random: { part: engine, count: 2 } }");
    let run = run_soundly(&sandbox, &[&chosen]);
    let record = run.expect_code(2);
    assert_eq!(record.verdict, Verdict::Inconclusive);
    run.finished
        .expect_words(&["again was refused", "is not healed yet"]);
}

/// A sandbox and a binary that anybody may use.
fn as_nobody(sandbox: &Sandbox, more: &[&str]) -> ScenarioRun {
    let bin = sandbox.path().join("shakedown");
    if !bin.exists() {
        fs::copy(binary(), &bin).unwrap();
        fs::set_permissions(sandbox.path(), fs::Permissions::from_mode(0o755)).unwrap();
        chown(sandbox.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let scenario = sandbox.write("slow-link.yaml", fs::read(library("slow-link")).unwrap());
    fs::set_permissions(&scenario, fs::Permissions::from_mode(0o644)).unwrap();
    soundly(|| {
        let dir = sandbox.new_run_dir();
        let arguments = run_arguments(&scenario, &dir, more);
        let mut command = sandbox.around(Command::new(&bin), &arguments);
        let finished = Running::start({
            command.uid(NOBODY).gid(NOBODY);
            command
        })
        .finish();
        let run = ScenarioRun { finished, dir };
        let sound = run.sound();
        (run, sound)
    })
}

#[test]
fn without_root_links_are_slow_all_the_same() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let run = as_nobody(&sandbox, &LESS_LOAD);
    let record = run.expect_code(0);
    let fault = confirmed(&record);
    assert!(fault.mechanism.contains("without root"), "{fault:?}");
    let delay = figure(fault, "delay, median");
    assert_eq!(
        (delay.asked, delay.within_error()),
        (Some(20.0 * MS), Some(true))
    );
    assert_eq!(record.links.unwrap().links, 12);
    let longer_ms = longer_ns(&record) / MS;
    assert!((36.0..250.0).contains(&longer_ms), "{longer_ms} ms");
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn without_root_links_are_cut_and_narrow_all_the_same() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    for set in [
        "faults.slow.do={ partition: {} }",
        "faults.slow.do={ bandwidth: { rate: 20kB/s } }",
    ] {
        let mut more = vec!["--set", set];
        more.extend_from_slice(&LESS_LOAD);
        let record = as_nobody(&sandbox, &more).record();
        let fault = confirmed(&record);
        assert!(fault.mechanism.contains("without root"), "{fault:?}");
    }
}

#[test]
fn a_killed_shakedown_takes_its_links_with_it() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let (scenario, dir) = (library("slow-link"), sandbox.new_run_dir());
    let running = Running::start(sandbox.command(&run_arguments(&scenario, &dir, &LESS_LOAD)));
    assert!(within_s(60.0, || {
        fs::read_to_string(dir.join("events.jsonl"))
            .is_ok_and(|events| events.contains("fault-effect"))
    }));
    running.signal(Signal::KILL);
    running.finish();
    assert_eq!(sandbox.left_after_s(2.0), []);
    sandbox.run(&["recover"]).expect_code(0);
}

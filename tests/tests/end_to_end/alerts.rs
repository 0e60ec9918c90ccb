//! The system's own alarm, with a monitoring that rings when the test says so: in time, too late, never; and its silence, which
//! nobody leaves behind.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use shakedown_record::Verdict;
use shakedown_tests::drill;
use shakedown_tests::monitoring::Monitoring;
use shakedown_tests::shakedown::{
    Running, Sandbox, beside, check, library, run_arguments, within_s,
};

/// A follower is killed, for a second; it costs no orders.
const FAULT: &str = "follower-dies: { do: { kill: { signal: KILL } }, to: { random: { part: engine, count: 1, without-role: leader } }, when: { after: { phase: steady, by: 0s } }, for: 1s }";

/// When the alert that comes too late does so, after the fault.
const LATE_S: f64 = 5.0;

/// The profile of the reference engine with this monitoring, and a scenario that waits for three alerts of it.
fn files(sandbox: &Sandbox, asked: &str, monitoring: &Monitoring, rules: &str) -> PathBuf {
    let profile = library("systems/reference");
    let profile = fs::read_to_string(profile).unwrap();
    let base = &monitoring.base;
    let silence = "silence: { labels: { cluster: ours } }";
    let alerts = format!(
        "alerts: {{ {asked}alertmanager: {base}, labels: {{ cluster: ours }}, {silence} }}\n"
    );
    sandbox.write("watched.yaml", format!("{profile}{alerts}"));
    let scenario =
        drill::scenario(&[FAULT.to_string()]).replace("system: reference", "system: watched.yaml");
    sandbox.write("drill.yaml", format!("{scenario}{rules}"))
}

fn rule(id: &str, name: &str) -> String {
    format!(
        "  {id}: {{ alert: {{ name: {name}, after: follower-dies, within: 3s, resolved-within: 10s }} }}\n"
    )
}

/// Rings as the run goes on, until it is told to stop.
fn ring(monitoring: &Monitoring, dir: &Path, stop: &AtomicBool) {
    let mut struck: Option<Instant> = None;
    while !stop.load(Ordering::SeqCst) {
        if struck.is_none() && drill::has_told(dir, "fault-injected", None) {
            struck = Some(Instant::now());
        }
        let after_s = struck.map_or(0.0, |at| at.elapsed().as_secs_f64());
        match struck {
            None => {}
            Some(_) if after_s < LATE_S => monitoring.fire(&["InTime"]),
            Some(_) if after_s < LATE_S + 3.0 => monitoring.fire(&["InTime", "TooLate"]),
            Some(_) => monitoring.fire(&[]),
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// A run whose alarms are `InTime`, `TooLate` and, never, `Never`.
fn rings_as_it_should(asked: impl Fn(&Monitoring) -> String) {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let monitoring = Monitoring::start();
    let rules = [
        rule("in-time", "InTime"),
        rule("too-late", "TooLate"),
        rule("never", "Never"),
    ];
    let path = files(&sandbox, &asked(&monitoring), &monitoring, &rules.concat());
    let dir = sandbox.new_run_dir();
    let stop = AtomicBool::new(false);
    let finished = thread::scope(|scope| {
        scope.spawn(|| ring(&monitoring, &dir, &stop));
        let running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
        let finished = running.finish();
        stop.store(true, Ordering::SeqCst);
        finished
    });
    finished.expect_code(1);
    let text = fs::read_to_string(dir.join("record.json")).unwrap();
    let record: shakedown_record::run_record::RunRecord = serde_json::from_str(&text).unwrap();
    for (id, verdict) in [
        ("in-time", Verdict::Pass),
        ("too-late", Verdict::Fail),
        ("never", Verdict::Fail),
    ] {
        let check = check(&record, id);
        assert_eq!(check.verdict, verdict, "{check:?}");
    }
    let seen = check(&record, "too-late").observed.value.unwrap();
    assert!((LATE_S - 1.0..LATE_S + 4.0).contains(&seen), "{seen} s");
    assert_eq!(check(&record, "never").observed.value, None);
    assert_eq!(monitoring.silences().len(), 1, "it was silenced once");
    assert_eq!(monitoring.silent(), 0, "and is not any more");
}

#[test]
fn an_alarm_must_ring_in_time_by_alertmanager() {
    rings_as_it_should(|_| String::new());
}

#[test]
fn an_alarm_must_ring_in_time_by_prometheus() {
    rings_as_it_should(|monitoring| format!("prometheus: {}, ", monitoring.base));
}

#[test]
fn the_silence_of_a_killed_run_is_ended_by_recover() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let monitoring = Monitoring::start();
    let path = files(&sandbox, "", &monitoring, "");
    let dir = sandbox.new_run_dir();
    let running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
    assert!(
        within_s(60.0, || monitoring.silent() == 1),
        "it was never silenced"
    );
    let matchers = &monitoring.silences()[0]["matchers"];
    assert_eq!(matchers[0]["name"], "cluster", "{matchers}");
    running.signal(Signal::KILL);
    running.finish();
    assert_eq!(monitoring.silent(), 1, "nobody was left to end it");
    sandbox.run(&["recover"]).expect_code(0);
    assert_eq!(monitoring.silent(), 0);
    sandbox
        .run(&["recover"])
        .expect_code(0)
        .expect_words(&["clean"]);
}

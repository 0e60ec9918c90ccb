//! Each kind of fault against a target that somebody else kills while the fault is on: told, never a pass, nothing left.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use shakedown_record::Verdict;
use shakedown_record::run_record::RunRecord;
use shakedown_tests::drill::{has_told, pids_of, scenario, targets_of};
use shakedown_tests::inside::{address_of, output};
use shakedown_tests::shakedown::{Running, Sandbox, ScenarioRun, beside, run_arguments, within_s};

const AT_TARGET: &str = "{ name: engine-2 }";

/// When the target is killed by somebody else.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Once the effect was looked for.
    Seen,
    /// Once it was injected; the effect needs a target that lives on.
    Injected,
    /// As soon as the fault has started it anew.
    StartedAnew,
}

/// Runs one fault, kills its target in the middle, and looks at what is left.
fn vanish(what: &str, to: &str, moment: Moment) -> RunRecord {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let hold = match what.starts_with("{ restart") {
        true => "",
        false => ", for: 3s",
    };
    let fault =
        format!("it: {{ do: {what}, to: {to}, when: {{ after: {{ phase: steady }} }}{hold} }}");
    let path = sandbox.write("drill.yaml", scenario(&[fault]));
    let dir = sandbox.new_run_dir();
    let running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
    let state = sandbox.path().join("state");
    // Whoever it hits is known once it is prepared.
    let target = || targets_of(&dir, "it").into_iter().next();
    let pids = || target().map_or(Vec::new(), |name| pids_of(&state, &name));
    let there = within_s(60.0, || match moment {
        Moment::Seen => has_told(&dir, "fault-effect", Some("it")),
        Moment::Injected => has_told(&dir, "fault-injected", Some("it")),
        Moment::StartedAnew => pids().len() > 1,
    });
    assert!(there, "{what}: {}", running.finish().said());
    let pid = *pids().last().unwrap();
    let network = network_of(pid);
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
    let finished = running.finish();
    let run = ScenarioRun { finished, dir };
    let record = run.expect_code(2);
    assert_eq!(record.verdict, Verdict::Inconclusive, "{what}");
    assert!(!record.dirty, "{what}: {:?}", record.leftovers);
    nothing_left(&sandbox, what, pid, &network);
    record
}

/// The part of an address that all nodes of the run have in common, as `198.18.7.`.
fn network_of(pid: u32) -> String {
    let address = address_of(pid);
    format!("{}.", address.rsplit_once('.').unwrap().0)
}

/// No process, nothing for `recover`, no mount, no control group, no interface of the network.
fn nothing_left(sandbox: &Sandbox, what: &str, pid: u32, network: &str) {
    assert_eq!(sandbox.left_after_s(3.0), [], "{what}");
    sandbox
        .run(&["recover"])
        .expect_code(0)
        .expect_words(&["clean"]);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let own = sandbox.path().to_str().unwrap();
    assert!(!mounts.contains(own), "{what}: {mounts}");
    let groups = format!("shakedown-*-{pid}");
    let groups = output(None, &["find", "/sys/fs/cgroup", "-name", &groups]);
    assert_eq!(groups, "", "{what}");
    let gone = within_s(3.0, || !addresses().contains(network));
    assert!(gone, "{what}: {network} in {}", addresses());
}

fn addresses() -> String {
    output(None, &["ip", "-o", "-4", "addr"])
}

/// The fault did bite, and it is told that the target did not come back.
fn bit_and_is_missed(record: &RunRecord) {
    let fault = &record.faults[0];
    assert!(fault.effect.confirmed, "{fault:?}");
    told(record);
}

fn told(record: &RunRecord) {
    let fault = &record.faults[0];
    assert_eq!(fault.clean_at_s, None, "{fault:?}");
    let reasons = record.reasons.join("\n");
    assert!(reasons.contains("fault it "), "{reasons}");
    assert!(reasons.contains(&fault.targets[0].name), "{reasons}");
}

#[test]
fn frozen_by_a_signal() {
    bit_and_is_missed(&vanish("{ freeze: {} }", AT_TARGET, Moment::Seen));
}

#[test]
fn frozen_by_a_control_group() {
    let by_group = "{ freeze: { by: cgroup } }";
    bit_and_is_missed(&vanish(by_group, AT_TARGET, Moment::Seen));
}

#[test]
fn killed_and_killed_again() {
    let record = vanish("{ kill: {} }", AT_TARGET, Moment::StartedAnew);
    bit_and_is_missed(&record);
}

#[test]
fn without_power_and_killed_again() {
    let record = vanish("{ power-cut: {} }", AT_TARGET, Moment::StartedAnew);
    bit_and_is_missed(&record);
}

#[test]
fn restarted() {
    let record = vanish("{ restart: {} }", AT_TARGET, Moment::StartedAnew);
    told_as_failed(&record);
}

fn told_as_failed(record: &RunRecord) {
    let reasons = record.reasons.join("\n");
    assert!(reasons.contains("fault it failed"), "{reasons}");
}

#[test]
fn starved_to_death_and_killed_again() {
    let record = vanish(
        "{ out-of-memory: {} }",
        "{ role: leader }",
        Moment::StartedAnew,
    );
    bit_and_is_missed(&record);
}

#[test]
fn short_of_cpu_time() {
    let record = vanish("{ cpu: { limit: 1% } }", AT_TARGET, Moment::Seen);
    bit_and_is_missed(&record);
}

#[test]
fn short_of_memory() {
    let record = vanish("{ memory: { limit: 256MiB } }", AT_TARGET, Moment::Injected);
    told(&record);
}

#[test]
fn with_another_clock() {
    let skew = "{ clock-skew: { ahead: 30s } }";
    bit_and_is_missed(&vanish(skew, AT_TARGET, Moment::Seen));
}

#[test]
fn on_a_slow_disk() {
    let slow = "{ slow-disk: { sync-by: 20ms } }";
    bit_and_is_missed(&vanish(slow, AT_TARGET, Moment::Seen));
}

#[test]
fn on_a_failing_disk() {
    let failing = "{ failing-disk: { share: 1% } }";
    told(&vanish(failing, AT_TARGET, Moment::Injected));
}

#[test]
fn on_a_full_disk() {
    let full = "{ disk-full: { leave: 1GiB } }";
    told(&vanish(full, AT_TARGET, Moment::Injected));
}

#[test]
fn behind_a_cut() {
    let link = "{ link: { from: { name: engine-2 }, to: { peers: {} } } }";
    bit_and_is_missed(&vanish("{ partition: {} }", link, Moment::Seen));
}

#[test]
fn behind_a_lossy_link() {
    let link = "{ link: { from: { name: engine-2 }, to: { peers: {} } } }";
    let record = vanish("{ loss: { share: 20% } }", link, Moment::Injected);
    told(&record);
}

#[test]
fn behind_a_link_that_resets() {
    let link = "{ link: { from: { name: engine-2 }, to: { clients: {} } } }";
    bit_and_is_missed(&vanish("{ reset: {} }", link, Moment::Seen));
}

#[test]
fn behind_a_slow_link() {
    let link = "{ link: { from: { name: engine-2 }, to: { peers: {} } } }";
    told(&vanish("{ delay: { by: 20ms } }", link, Moment::Seen));
}

#[test]
fn behind_a_narrow_link() {
    let link = "{ link: { from: { name: engine-2 }, to: { peers: {} } } }";
    told(&vanish(
        "{ bandwidth: { rate: 50kB/s } }",
        link,
        Moment::Injected,
    ));
}

#[test]
fn behind_a_half_open_link() {
    let link = "{ link: { from: { name: engine-2 }, to: { peers: {} } } }";
    told(&vanish("{ half-open: {} }", link, Moment::Injected));
}

#[test]
fn among_busy_processes() {
    told(&vanish("{ cpu: { stress: 1 } }", AT_TARGET, Moment::Seen));
}

#[test]
fn under_commands_of_another_tool() {
    let hook = "{ hook: { inject: [\"true\"], confirm: [\"true\"], heal: [\"true\"], clean: [\"true\"] } }";
    bit_and_is_missed(&vanish(hook, AT_TARGET, Moment::Seen));
}

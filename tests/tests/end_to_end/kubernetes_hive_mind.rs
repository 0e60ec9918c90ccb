//! hive-mind on a real cluster: what its operators do, done under load. `tests/kubernetes.sh` brings a cluster along.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use shakedown_record::Verdict;
use shakedown_record::run_record::RunRecord;
use shakedown_tests::pods::Pods;
use shakedown_tests::shakedown::{Sandbox, ScenarioRun, alone, binary, check, workspace};

const NAMESPACE: &str = "hive-mind-production";

/// hive-mind in the cluster, for as long as this lives.
struct HiveMind {
    pods: Pods,
    state: PathBuf,
}

impl HiveMind {
    fn up() -> HiveMind {
        let pods = Pods::ready();
        let state = PathBuf::from(std::env::var_os("SHAKEDOWN_CLUSTER").unwrap());
        let here = HiveMind { pods, state };
        here.script("up", &[&binary()]);
        here
    }

    fn script(&self, name: &str, more: &[&Path]) {
        let script = workspace().join("deploy/systems/hive-mind").join(name);
        let done = Command::new(script)
            .arg(&self.state)
            .args(more)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{name}: {said}");
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        self.pods.kubectl(&[&["-n", NAMESPACE], arguments].concat())
    }

    /// Adds an argument to every member of a colour, and waits for them.
    fn with_argument(&self, colour: &str, argument: &str) {
        let set = format!("statefulset/hive-mind-rust-{colour}");
        let patch = serde_json::json!([{
            "op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": argument
        }]);
        self.kubectl(&["patch", &set, "--type=json", "-p", &patch.to_string()]);
        self.kubectl(&["rollout", "status", &set, "--timeout=120s"]);
    }
}

impl Drop for HiveMind {
    fn drop(&mut self) {
        let script = workspace().join("deploy/systems/hive-mind/down");
        let _left_to_the_cluster = Command::new(script).arg(&self.state).output();
    }
}

fn run(sandbox: &Sandbox, scenario: &str, more: &[&str]) -> ScenarioRun {
    // Commands of the profile are run where Shakedown was started.
    let deploy = sandbox.path().join("deploy");
    if !deploy.exists() {
        symlink(workspace().join("deploy"), deploy).unwrap();
    }
    let path = workspace()
        .join("scenarios/library/hive-mind")
        .join(format!("{scenario}.yaml"));
    sandbox.run_soundly(&path, more)
}

/// Passed, with all five members read, and each fault seen and gone.
fn passed(run: &ScenarioRun) -> RunRecord {
    let record = run.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.data_loss.coverage.replicas_read, 5);
    for fault in &record.faults {
        assert!(fault.effect.confirmed, "{fault:?}");
        assert!(fault.clean_at_s.is_some(), "{fault:?}");
    }
    record
}

#[test]
fn a_switch_of_colours_loses_nothing() {
    let _alone = alone();
    let _system = HiveMind::up();
    let sandbox = Sandbox::new();
    let record = passed(&run(&sandbox, "blue-green", &[]));
    assert_eq!(record.data_loss.lost, Some(0));
}

#[test]
fn a_colour_that_forgets_what_was_before_the_switch_is_red() {
    let _alone = alone();
    let system = HiveMind::up();
    let sandbox = Sandbox::new();
    system.with_argument("green", "--defect=blue-green-loses");
    let red = run(&sandbox, "blue-green", &["--set", "phases.steady=5s"]);
    let record = red.expect_code(1);
    let seen = ["no-loss", "divergent"].map(|id| check(&record, id).verdict);
    assert!(seen.contains(&Verdict::Fail), "{}", red.finished.said());
}

#[test]
fn members_come_and_go_as_operators_say() {
    let _alone = alone();
    let _system = HiveMind::up();
    let sandbox = Sandbox::new();
    for scenario in ["rollback", "scale-down", "node-lost"] {
        passed(&run(&sandbox, scenario, &[]));
    }
}

#[test]
fn a_backup_is_brought_back() {
    let _alone = alone();
    let _system = HiveMind::up();
    let sandbox = Sandbox::new();
    run(&sandbox, "restore", &[]).expect_code(0);
}

#[test]
fn strangers_stay_out_and_an_open_door_is_red() {
    let _alone = alone();
    let system = HiveMind::up();
    let sandbox = Sandbox::new();
    passed(&run(&sandbox, "isolation", &[]));
    system.kubectl(&["delete", "networkpolicy", "hive-mind-rust"]);
    let record = run(&sandbox, "isolation", &[]).expect_code(1);
    assert_eq!(check(&record, "walls").verdict, Verdict::Fail);
}

#[test]
fn a_pod_that_is_not_restricted_is_refused() {
    let _alone = alone();
    let system = HiveMind::up();
    let overrides = serde_json::json!({
        "spec": { "hostPID": true, "containers": [{ "name": "p", "image": "localhost/shakedown:local" }] }
    });
    let overrides = format!("--overrides={overrides}");
    let image = "--image=localhost/shakedown:local";
    let create = [
        "-n",
        NAMESPACE,
        "run",
        "p",
        image,
        "--dry-run=server",
        &overrides,
    ];
    let done = system.pods.command(&create).output().unwrap();
    assert!(!done.status.success());
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("violates PodSecurity \"restricted"), "{said}");
}

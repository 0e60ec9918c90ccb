//! hft on a real cluster: what its operators do, done under load. `tests/kubernetes.sh` brings a cluster along, and
//! `tests/stores.sh` Debian's Redis.
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

const NAMESPACE: &str = "hft";

/// hft in the cluster, for as long as this lives.
struct Hft {
    pods: Pods,
    state: PathBuf,
}

impl Hft {
    fn up() -> Hft {
        let pods = Pods::ready();
        let state = PathBuf::from(std::env::var_os("SHAKEDOWN_CLUSTER").unwrap());
        let here = Hft { pods, state };
        let (succeeded, said) = here.script("up", &[&binary()]);
        assert!(succeeded, "up: {said}");
        here
    }

    fn script(&self, name: &str, more: &[&Path]) -> (bool, String) {
        let script = workspace().join("deploy/systems/hft").join(name);
        let done = Command::new(script)
            .arg(&self.state)
            .args(more)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        (done.status.success(), said)
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        self.pods.kubectl(&[&["-n", NAMESPACE], arguments].concat())
    }
}

impl Drop for Hft {
    fn drop(&mut self) {
        self.script("down", &[]);
    }
}

fn run(sandbox: &Sandbox, scenario: &str) -> ScenarioRun {
    // Commands of the profile are run where Shakedown was started.
    let deploy = sandbox.path().join("deploy");
    if !deploy.exists() {
        symlink(workspace().join("deploy"), deploy).unwrap();
    }
    let path = workspace()
        .join("scenarios/library/hft")
        .join(format!("kubernetes-{scenario}.yaml"));
    sandbox.run_soundly(&path, &[])
}

/// Passed, with all replicas read, and each fault seen and gone.
fn passed(sandbox: &Sandbox, scenario: &str) -> RunRecord {
    let record = run(sandbox, scenario).expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.data_loss.coverage.replicas_read, 3);
    for fault in &record.faults {
        assert!(fault.effect.confirmed, "{fault:?}");
        assert!(fault.clean_at_s.is_some(), "{fault:?}");
    }
    record
}

#[test]
fn a_pod_that_is_deleted_hands_its_books_on() {
    let _alone = alone();
    let _system = Hft::up();
    let sandbox = Sandbox::new();
    let record = passed(&sandbox, "pod-delete");
    assert_eq!(record.data_loss.lost, Some(0));
}

#[test]
fn pods_that_keep_nothing_turn_an_update_red() {
    let _alone = alone();
    let system = Hft::up();
    let sandbox = Sandbox::new();
    // With a name of its own a pod has no seat, and without Redis no journal.
    let patch = serde_json::json!([{
        "op": "replace",
        "path": "/spec/template/spec/containers/0/args",
        "value": ["--as=hft", "--name=forgetful", "--http=0.0.0.0:8080", "--binary=0.0.0.0:7410", "--drain-ms=4000"]
    }]);
    let deployment = "deployment/hft-trading-system";
    system.kubectl(&["patch", deployment, "--type=json", "-p", &patch.to_string()]);
    system.kubectl(&["rollout", "status", deployment, "--timeout=120s"]);
    let record = run(&sandbox, "rolling-update").expect_code(1);
    assert_eq!(check(&record, "lost").verdict, Verdict::Fail);
}

#[test]
fn versions_and_numbers_of_pods_change_as_operators_say() {
    let _alone = alone();
    let _system = Hft::up();
    let sandbox = Sandbox::new();
    for scenario in ["rolling-update", "undo", "scale", "drain", "autoscale"] {
        passed(&sandbox, scenario);
    }
}

#[test]
fn a_backup_is_brought_back() {
    let _alone = alone();
    let _system = Hft::up();
    let sandbox = Sandbox::new();
    passed(&sandbox, "restore");
}

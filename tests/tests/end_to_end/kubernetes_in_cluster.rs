//! A run that goes on in the cluster as a Job: it is followed, comes back whole, and leaves nothing there. One that cannot
//! start says why, and leaves nothing either. `tests/kubernetes.sh` brings the cluster along.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::io::Write;
use std::process::{Command, Stdio};

use shakedown_record::Verdict;
use shakedown_tests::pods::Pods;
use shakedown_tests::shakedown::{Running, Sandbox, alone, library, run_arguments, within_s};

const HOME: &str = "shakedown";
/// What each namespace has of itself.
const OF_ITSELF: &str = "configmap/kube-root-ca.crt";

/// Namespace, account and rights of the runner, as the documentation says.
fn make_room(pods: &Pods, sandbox: &Sandbox, scenario: &str) {
    let printed = sandbox.run(&["plan", scenario, "--rights"]);
    let roles = printed.expect_code(0).stdout.clone();
    let document = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {HOME}\n  labels: \
         {{pod-security.kubernetes.io/enforce: restricted}}\n---\napiVersion: v1\nkind: ServiceAccount\n\
         metadata: {{name: shakedown-runner, namespace: {HOME}}}\n---\n{roles}"
    );
    let mut kubectl = pods.command(&["apply", "-f", "-"]);
    kubectl.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = kubectl.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(document.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success(), "{document}");
}

/// What is there beside what each namespace has.
fn left(pods: &Pods) -> Vec<String> {
    let text = pods.kubectl(&[
        "-n",
        HOME,
        "get",
        "jobs,pods,configmaps,secrets",
        "-o",
        "name",
    ]);
    let lines = text.lines().filter(|line| *line != OF_ITSELF);
    lines.map(str::to_string).collect()
}

#[test]
fn a_run_goes_on_in_the_cluster_and_comes_back_whole() {
    let _alone = alone();
    let pods = Pods::ready();
    let sandbox = Sandbox::new();
    let scenario = library("kubernetes-leader-delete");
    make_room(&pods, &sandbox, &scenario.to_string_lossy());
    // It only waits; meanwhile the other one runs.
    let nowhere = sandbox.path().join("nowhere");
    let absent = [
        "--in-cluster",
        "--in-cluster-image",
        "localhost/shakedown:absent",
    ];
    let cannot = sandbox.command(&run_arguments(&scenario, &nowhere, &absent));
    let cannot = Running::start(cannot);
    let more = ["--in-cluster", "--set", "phases.steady=4s", "--seed", "11"];
    let ran = sandbox.run_soundly(&scenario, &more);

    let cannot = cannot.finish();
    cannot.expect_code(69);
    cannot.expect_words(&["its image cannot be had", "shakedown:absent", "taken away"]);
    assert!(!nowhere.exists(), "an empty run directory was left");

    let record = ran.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.run.seed, 11);
    assert_eq!(record.data_loss.lost, Some(0));
    let finished = &ran.finished;
    finished.expect_words(&["submitted as job run-kubernetes-leader-delete-"]);
    for once in ["steady state is proven", "healed and clean"] {
        let times = finished.stderr.matches(once).count();
        assert_eq!(times, 1, "'{once}'\n{}", finished.stderr);
    }
    let sums = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(&ran.dir)
        .status();
    assert!(sums.unwrap().success());
    let report = sandbox.run(&["report", &ran.dir.to_string_lossy()]);
    assert_eq!(report.expect_code(0).stdout, finished.stdout);
    let gone = within_s(10.0, || left(&pods).is_empty());
    assert!(gone, "left: {:?}", left(&pods));
}

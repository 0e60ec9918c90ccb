//! A run that goes on in the cluster as a Job: it is followed, comes back whole, and leaves nothing there. One that cannot
//! start says why, and leaves nothing either. What is secret is in the cluster only. `tests/kubernetes.sh` brings the cluster
//! along.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use shakedown_record::Verdict;
use shakedown_tests::pods::Pods;
use shakedown_tests::shakedown::{
    Running, Sandbox, alone, library, run_arguments, within_s, workspace,
};

const HOME: &str = "shakedown";
/// What each namespace has of itself.
const OF_ITSELF: &str = "configmap/kube-root-ca.crt";
const SECRET: &str = "engine-token";
const TOKEN: &str = "a-token-that-only-the-cluster-knows";

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

/// The shipped scenario, for an engine that is sent a token with each request.
fn with_token(sandbox: &Sandbox) -> PathBuf {
    let profile = workspace().join("scenarios/library/systems/reference.yaml");
    let mut profile = fs::read_to_string(profile).unwrap();
    profile.push_str(
        "secrets: { token: { env: ENGINE_TOKEN } }\n\
         auth: { header: { name: Authorization, value: \"Bearer ${token}\" } }\n",
    );
    sandbox.write("profile.yaml", profile);
    let scenario = fs::read_to_string(library("kubernetes-leader-delete")).unwrap();
    let scenario = scenario.replace("system: reference", "system: profile.yaml");
    sandbox.write("kubernetes-leader-delete.yaml", scenario)
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
    let scenario = with_token(&sandbox);
    make_room(&pods, &sandbox, &scenario.to_string_lossy());
    let token = format!("--from-literal=ENGINE_TOKEN={TOKEN}");
    pods.kubectl(&["-n", HOME, "create", "secret", "generic", SECRET, &token]);
    // It only waits; meanwhile the other one runs.
    let nowhere = sandbox.path().join("nowhere");
    let absent = [
        "--in-cluster",
        "--in-cluster-env-from",
        SECRET,
        "--in-cluster-image",
        "localhost/shakedown:absent",
    ];
    let cannot = sandbox.command(&run_arguments(&scenario, &nowhere, &absent));
    let cannot = Running::start(cannot);
    let more = [
        "--in-cluster",
        "--set",
        "phases.steady=4s",
        "--set",
        "sla.steady-p99.latency.at-most=900ms",
        "--seed",
        "11",
    ];
    let without = sandbox.run_scenario(&scenario, &more);
    without.finished.expect_code(64);
    without
        .finished
        .expect_words(&["ENGINE_TOKEN", "--in-cluster-env-from"]);
    let more = [&more[..], &["--in-cluster-env-from", SECRET]].concat();
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
    let told = Command::new("grep")
        .args(["--recursive", "--files-with-matches", TOKEN])
        .arg(&ran.dir)
        .output();
    assert_eq!(String::from_utf8_lossy(&told.unwrap().stdout), "");

    pods.kubectl(&["-n", HOME, "delete", "secret", SECRET]);
    let gone = within_s(10.0, || left(&pods).is_empty());
    assert!(gone, "left: {:?}", left(&pods));
}

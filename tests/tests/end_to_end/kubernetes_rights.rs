//! An account that has what `plan --rights` prints can run a scenario; one that lacks any of it is told so by name before
//! anything is touched. On a real cluster: `tests/kubernetes.sh` brings it along.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;
use shakedown_tests::pods::Pods;
use shakedown_tests::shakedown::{Sandbox, alone, library, within_s};

const ACCOUNT: &str = "shakedown-runner";
const HOME: &str = "shakedown";

/// Gives a document to kubectl.
fn apply(pods: &Pods, document: &str) {
    let mut kubectl = pods.command(&["apply", "-f", "-"]);
    kubectl.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = kubectl.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(document.as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success(), "{document}");
}

/// A kubeconfig of the account, by a token.
fn kubeconfig(pods: &Pods, sandbox: &Sandbox) -> String {
    let token = pods.kubectl(&["-n", HOME, "create", "token", ACCOUNT]);
    let admin = std::fs::read_to_string(pods.kubeconfig()).unwrap();
    let line = |prefix: &str| {
        let found = admin.lines().find(|line| line.starts_with(prefix));
        found.unwrap().to_string()
    };
    let text = format!(
        "apiVersion: v1\nkind: Config\n{}\n\
         users: [{{name: admin, user: {{token: \"{}\"}}}}]\n{}\n{}\n",
        line("clusters:"),
        token.trim(),
        line("contexts:"),
        line("current-context:"),
    );
    let path = sandbox.write("kubeconfig", text);
    path.to_string_lossy().into_owned()
}

/// Each role with one verb of one of its rules taken out, beside what was taken.
fn lacking_one(role: &Value) -> Vec<(Value, String)> {
    let rules = role["rules"].as_array().unwrap();
    let mut all = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let verbs = rule["verbs"].as_array().unwrap();
        for verb in verbs {
            let left: Vec<Value> = verbs.iter().filter(|it| *it != verb).cloned().collect();
            let mut without = role.clone();
            match left.is_empty() {
                true => {
                    without["rules"].as_array_mut().unwrap().remove(at);
                }
                false => without["rules"][at]["verbs"] = Value::Array(left),
            }
            let resource = rule["resources"][0].as_str().unwrap();
            all.push((without, format!("{} {resource}", verb.as_str().unwrap())));
        }
    }
    all
}

#[test]
fn whoever_lacks_one_right_is_told_which_and_touches_nothing() {
    let _alone = alone();
    let pods = Pods::ready();
    let uids = || [0, 1, 2].map(|n| pods.uid(&format!("engine-{n}")));
    let sandbox = Sandbox::new();
    let scenario = library("kubernetes-leader-delete");
    let name = scenario.to_string_lossy().into_owned();
    let printed = sandbox.run(&["plan", &name, "--rights"]);
    let roles = printed.expect_code(0).stdout.clone();
    apply(
        &pods,
        &format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {HOME}}}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {ACCOUNT}, namespace: {HOME}}}\n---\n{roles}"
        ),
    );
    let config = kubeconfig(&pods, &sandbox);
    let run = || {
        let dir = sandbox.new_run_dir();
        let mut command = sandbox.command(&[
            "run",
            &name,
            "--yes",
            "--set",
            "phases.steady=4s",
            "--out",
            &dir.to_string_lossy(),
        ]);
        command.env("KUBECONFIG", &config);
        shakedown_tests::shakedown::Running::start(command).finish()
    };
    let before = uids();
    let documents = sandbox.write("roles.yaml", &roles);
    let arguments = ["create", "--dry-run=client", "-o", "json", "-f"];
    let path = documents.to_string_lossy();
    let arguments: Vec<&str> = arguments.into_iter().chain([&*path]).collect();
    let text = pods.kubectl(&arguments);
    let all: Vec<Value> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .map(|document| document.unwrap())
        .collect();
    let of_kind = |wanted: &[&str]| -> Vec<Value> {
        all.iter()
            .filter(|it| wanted.contains(&it["kind"].as_str().unwrap()))
            .cloned()
            .collect()
    };
    let mut tried = 0;
    for role in of_kind(&["Role", "ClusterRole"]) {
        for (without, missing) in lacking_one(&role) {
            apply(&pods, &without.to_string());
            let mut said = String::new();
            let refused = within_s(10.0, || {
                let finished = run();
                said = finished.said();
                finished.code == Some(77)
            });
            assert!(refused, "without {missing}: {said}");
            assert!(said.contains(&missing), "without {missing}: {said}");
            assert!(!sandbox.path().join("state").exists(), "without {missing}");
            tried += 1;
        }
        apply(&pods, &role.to_string());
    }
    assert!(tried >= 5, "{tried} rights");
    assert_eq!(uids(), before, "something was touched");
    // With all of them again, it does what it is to do.
    assert!(within_s(20.0, || run().code == Some(0)));
    assert_ne!(uids(), before);
}

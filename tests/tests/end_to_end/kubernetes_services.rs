//! Links towards services on a real cluster, and operators that would undo a fault. Whether a link is cut is asked by probes in
//! pods, as clients would ask. `tests/kubernetes.sh` brings the cluster along.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use shakedown_tests::drill::has_told;
use shakedown_tests::pods::{NAMESPACE, Pods};
use shakedown_tests::shakedown::{
    Finished, Running, Sandbox, alone, library, run_arguments, within_s, workspace,
};

const PROBES: [&str; 3] = ["asker-0", "asker-1", "store-0"];
/// Two who ask, with a service that means both, and a store that is no part of the system, with a service of its own.
const WORLD: &str = "
apiVersion: v1
kind: Service
metadata: { name: store }
spec: { selector: { app: store }, ports: [{ port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: askers }
spec: { selector: { app: asker }, ports: [{ port: 80, targetPort: 8080 }] }
";
/// One after the other, so that each can be asked about alone.
const FAULTS: &str = "
  towards-store:
    do: { partition: {} }
    to: { link: { from: { name: asker-1 }, to: { service: store } } }
    when: { after: { phase: steady } }
    for: 6s
  towards-peers:
    do: { partition: {} }
    to: { link: { from: { name: asker-1 }, to: { peers: {} } } }
    when: { after: { fault: towards-store, by: 12s } }
    for: 25s
";

fn apply(pods: &Pods, document: &str) {
    let mut kubectl = pods.command(&["-n", NAMESPACE, "apply", "-f", "-"]);
    kubectl.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = kubectl.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(document.as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success(), "{document}");
}

fn probe(name: &str) -> String {
    let app = name.split('-').next().unwrap();
    format!(
        "---
apiVersion: v1
kind: Pod
metadata: {{ name: {name}, labels: {{ app: {app} }} }}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {{ runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{ type: RuntimeDefault }} }}
  containers:
    - name: probe
      image: localhost/probe:1
      imagePullPolicy: Never
      args: [serve, ':8080']
      readinessProbe: {{ httpGet: {{ path: /, port: 8080 }}, periodSeconds: 1 }}
      securityContext: {{ allowPrivilegeEscalation: false, capabilities: {{ drop: [ALL] }} }}
"
    )
}

/// What one probe hears when it asks a service so many times; `None`: an answer did not come.
fn answers(pods: &Pods, from: &str, service: &str, count: u32) -> Option<Vec<String>> {
    let (url, count) = (format!("http://{service}"), count.to_string());
    let words = [
        "-n", NAMESPACE, "exec", from, "--", "/tools", "probe", "get", &url, &count,
    ];
    let done = pods.command(&words).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    done.status
        .success()
        .then(|| said.lines().map(str::to_string).collect())
}

/// The reference system with the two who ask as a part of it.
fn scenario(sandbox: &Sandbox) -> PathBuf {
    let reference = workspace().join("scenarios/library/systems/reference.yaml");
    let text = fs::read_to_string(reference).unwrap();
    let with = |text: String, before: &str, after: &str| {
        assert!(text.contains(before), "{before}");
        text.replacen(before, after, 1)
    };
    let text = with(
        text,
        "environments:\n",
        "  asker: { replicas: 2, quorum: 1, restarted-by: platform }\nenvironments:\n",
    );
    let text = with(
        text,
        "port: 8080 } }\n    entry: { service",
        "port: 8080 }, asker: { selector: app=asker, port: 8080 } }\n    entry: { service",
    );
    sandbox.write("system.yaml", text);
    sandbox.write(
        "links.yaml",
        format!(
            "scenario: links\nabout: Links towards services are cut.\nsystem: system.yaml\nenvironment: kubernetes\nseed: 7\n\
             load: {{ arrival: {{ poisson: {{ rate: 50/s }} }}, mix: {{ new: 100 }}, sessions: 8, timeout: 1s }}\n\
             phases: {{ warm-up: {{ at-most: 20s }}, steady: 3s, recovery: {{ at-most: 20s }} }}\n\
             faults:{FAULTS}sla:\n  lost: {{ lost-orders: {{ at-most: 0 }} }}\n"
        ),
    )
}

/// What is asked while a fault is on, once its effect was seen.
fn during(running: &Running, dir: &std::path::Path, fault: &str) {
    let seen = within_s(60.0, || has_told(dir, "fault-effect", Some(fault)));
    assert!(seen, "{fault} of process {} was not seen", running.pid());
}

#[test]
fn a_service_that_is_cut_off_answers_nobody_inside_and_everybody_else() {
    let _alone = alone();
    let pods = Pods::ready();
    let world: String = PROBES.iter().map(|name| probe(name)).collect();
    apply(&pods, &format!("{WORLD}{world}"));
    let asked = std::panic::catch_unwind(|| cut_and_ask(&pods));
    let own: Vec<String> = PROBES.iter().map(|name| format!("pod/{name}")).collect();
    let mut remove = vec!["-n", NAMESPACE, "delete", "service/store", "service/askers"];
    remove.extend(own.iter().map(String::as_str));
    pods.kubectl(&remove);
    if let Err(panic) = asked {
        std::panic::resume_unwind(panic);
    }
}

fn cut_and_ask(pods: &Pods) {
    let ready = within_s(30.0, || {
        PROBES.iter().all(|name| {
            answers(pods, name, "store", 1).is_some() && answers(pods, name, "askers", 1).is_some()
        })
    });
    assert!(ready, "the probes do not become ready");
    let sandbox = Sandbox::new();
    let scenario = scenario(&sandbox);
    let dir = sandbox.new_run_dir();
    let running = Running::start(sandbox.command(&run_arguments(&scenario, &dir, &[])));

    during(&running, &dir, "towards-store");
    assert_eq!(answers(pods, "asker-0", "store", 1), None);
    assert!(answers(pods, "asker-1", "store", 1).is_some());
    // No other service is concerned.
    assert!(answers(pods, "asker-0", "askers", 1).is_some());
    let healed = within_s(20.0, || {
        has_told(&dir, "fault-clean", Some("towards-store"))
    });
    assert!(healed && answers(pods, "asker-0", "store", 1).is_some());

    // One of two behind a service: what it answers is gone, and what the asker answers itself is not.
    during(&running, &dir, "towards-peers");
    let mut heard = Vec::new();
    while !(heard.len() >= 6 && heard.contains(&None) && heard.iter().any(Option::is_some)) {
        let answer = answers(pods, "asker-0", "askers", 1);
        // After the heal both answer again: only what came while the cut was on tells of it.
        let healing = has_told(&dir, "fault-healing", Some("towards-peers"));
        assert!(!healing, "the cut was over too early: {heard:?}");
        heard.push(answer);
    }
    let mut told = heard.iter().flatten().flatten();
    assert!(told.all(|name| name == "asker-0"), "{heard:?}");
    let elsewhere = answers(pods, "store-0", "askers", 12).unwrap();
    for name in ["asker-0", "asker-1"] {
        assert!(elsewhere.iter().any(|it| it == name), "{elsewhere:?}");
    }
    let finished = running.finish();
    finished.expect_code(0);
    assert!(answers(pods, "asker-0", "askers", 12).is_some());
    let record: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(dir.join("record.json")).unwrap()).unwrap();
    for fault in record["faults"].as_array().unwrap() {
        assert_eq!(fault["effect"]["confirmed"], true, "{fault}");
        assert!(fault["clean_at_s"].is_number(), "{fault}");
        // Agents at the other end act for the same target.
        assert_eq!(fault["targets"].as_array().unwrap().len(), 1, "{fault}");
        assert_eq!(fault["targets"][0]["name"], "asker-1", "{fault}");
    }
    assert_eq!(pods.agents(), Vec::<String>::new());
}

/// Refused before anything was touched.
fn refused(finished: &Finished, words: &[&str]) {
    finished.expect_code(77).expect_words(words);
}

#[test]
fn a_scale_that_somebody_would_undo_is_refused() {
    let _alone = alone();
    let pods = Pods::ready();
    let sandbox = Sandbox::new();
    let scenario = library("kubernetes-scale");
    let run = || {
        let dir = sandbox.new_run_dir();
        sandbox.run(&run_arguments(&scenario, &dir, &[]))
    };
    apply(
        &pods,
        "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: engine }
spec:
  minReplicas: 3
  maxReplicas: 3
  scaleTargetRef: { apiVersion: apps/v1, kind: StatefulSet, name: engine }
",
    );
    let by_scaler = run();
    pods.kubectl(&["-n", NAMESPACE, "delete", "hpa", "engine"]);
    refused(
        &by_scaler,
        &[
            "operators",
            "the autoscaler engine scales statefulset/engine",
            "--override operators",
        ],
    );
    let mark = "argocd.argoproj.io/tracking-id";
    let annotate = |value: &str| {
        let value = format!("{mark}{value}");
        let words = ["-n", NAMESPACE, "annotate", "statefulset", "engine", &value];
        pods.kubectl(&words);
    };
    annotate("=trading:apps/StatefulSet:shakedown-reference/engine");
    let by_keeper = run();
    annotate("-");
    refused(
        &by_keeper,
        &[
            "operators",
            "Argo CD",
            "argocd app set trading --self-heal=false",
        ],
    );
    assert!(!sandbox.path().join("state").exists());
}

#[test]
fn a_fault_that_may_hit_the_node_on_which_we_run_is_refused() {
    let _alone = alone();
    let _pods = Pods::ready();
    let sandbox = Sandbox::new();
    let scenario = library("kubernetes-node-stop");
    let dir = sandbox.new_run_dir();
    let mut command = sandbox.command(&run_arguments(&scenario, &dir, &[]));
    command.env("NODE_NAME", "node-1");
    refused(
        &Running::start(command).finish(),
        &["own-node", "may hit node-1"],
    );
    assert!(!sandbox.path().join("state").exists());
}

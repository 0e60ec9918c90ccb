//! Delay and loss on a real node whose kernel has netem (`deploy/cluster/up --netem`), where one member of the reference
//! engine runs (`deploy/kubernetes/one-machine/up --netem`): the kernel does what was asked, clients feel it, it is healed,
//! and what that kernel cannot do is refused by name. `tests/kubernetes.sh` brings cluster and engine along.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::fs;

use serde_json::Value;
use shakedown_record::Verdict;
use shakedown_record::phase::Phase;
use shakedown_record::run_record::RunRecord;
use shakedown_tests::pods::Pods;
use shakedown_tests::shakedown::{Sandbox, ScenarioRun, alone, workspace};

const NAMESPACE: &str = "shakedown-netem";
const DELAY_MS: f64 = 100.0;

/// The engine's member on the node that has netem; clients come to this one only.
struct Member {
    node: String,
}

impl Member {
    fn find(pods: &Pods) -> Member {
        let nodes = pods.json(&["get", "nodes", "-l", "shakedown.dev/netem=true"]);
        let node = nodes["items"][0]["metadata"]["name"].as_str();
        let node = node.expect("no node has netem").to_string();
        let on_node = format!("spec.nodeName={node}");
        let field = ["-n", NAMESPACE, "get", "pods", "--field-selector", &on_node];
        let there = pods.json(&field);
        let there = there["items"].as_array().unwrap();
        let [pod] = there.as_slice() else {
            panic!("exactly one member runs on {node}, not {}", there.len());
        };
        let name = pod["metadata"]["name"].as_str().unwrap();
        let patch = format!(
            r#"{{"spec":{{"selector":{{"statefulset.kubernetes.io/pod-name":"{name}"}}}}}}"#
        );
        pods.kubectl(&[
            "-n",
            NAMESPACE,
            "patch",
            "service",
            "engine-orders",
            "-p",
            &patch,
        ]);
        Member { node }
    }

    /// Runs a scenario with one fault `it` on this member's link.
    fn run(&self, sandbox: &Sandbox, rate: u32, what: &str, to: &str) -> ScenarioRun {
        let profile = workspace().join("scenarios/library/systems/reference.yaml");
        let profile = fs::read_to_string(profile).unwrap();
        let profile = profile.replace(
            "namespace: shakedown-reference",
            "namespace: shakedown-netem",
        );
        sandbox.write("profile.yaml", profile);
        let node = &self.node;
        let scenario = format!(
            "scenario: netem\n\
             about: A link of the member whose node has netem gets worse.\n\
             system: profile.yaml\n\
             environment: kubernetes\n\
             seed: 7\n\
             load:\n  \
               arrival: {{ poisson: {{ rate: {rate}/s }} }}\n  \
               mix: {{ new: 70, cancel: 25, replace: 5 }}\n  \
               symbols: {{ names: [BTCUSD, ETHUSD], skew: {{ zipf: 1.1 }} }}\n  \
               sessions: 24\n  \
               timeout: 2s\n\
             phases: {{ warm-up: {{ at-most: 30s }}, steady: 4s, recovery: {{ at-most: 20s }} }}\n\
             faults:\n  \
               it:\n    \
                 do: {{ {what} }}\n    \
                 to: {{ link: {{ from: {{ node: {node} }}, to: {{ {to}: {{}} }}, direction: there }} }}\n    \
                 when: {{ after: {{ phase: steady }} }}\n    \
                 for: 20s\n\
             sla:\n  \
               error-rate: {{ error-rate: {{ at-most: 1%, in: steady }} }}\n  \
               lost: {{ lost-orders: {{ at-most: 0 }} }}\n  \
               divergent: {{ divergent-orders: {{ at-most: 0 }} }}\n"
        );
        sandbox.run_soundly(&sandbox.write("netem.yaml", scenario), &[])
    }
}

/// Passed, its fault seen, by netem, gone and nothing left.
fn passed(run: &ScenarioRun, pods: &Pods) -> RunRecord {
    let record = run.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.data_loss.lost, Some(0));
    assert_eq!(record.data_loss.coverage.replicas_read, 3);
    let fault = &record.faults[0];
    assert!(fault.effect.confirmed, "{fault:?}");
    assert!(fault.clean_at_s.is_some(), "{fault:?}");
    assert!(fault.mechanism.contains("netem"), "{fault:?}");
    assert!(fault.mechanism.contains("filters"), "{fault:?}");
    assert_eq!(pods.agents(), Vec::<String>::new());
    record
}

fn median_ms(record: &RunRecord, phase: Phase) -> f64 {
    record.latency[&phase].p50_ns.unwrap() as f64 / 1e6
}

#[test]
fn a_late_member_answers_as_much_later_as_was_asked() {
    let _alone = alone();
    let pods = Pods::ready_in(NAMESPACE);
    let member = Member::find(&pods);
    let sandbox = Sandbox::new();
    let delay = format!("delay: {{ by: {DELAY_MS}ms }}");
    let ran = member.run(&sandbox, 60, &delay, "clients");
    let record = passed(&ran, &pods);
    let [before, late, after] =
        [Phase::Steady, Phase::Impact, Phase::Recovery].map(|phase| median_ms(&record, phase));
    // No answer passes sooner; what the node takes besides differs from moment to moment.
    assert!(
        late >= DELAY_MS && late < before + 1.6 * DELAY_MS,
        "{before} ms before, {late} ms late"
    );
    assert!(
        before < 0.6 * DELAY_MS && after < (before + 0.4 * DELAY_MS).min(0.6 * DELAY_MS),
        "{before} ms before, {after} ms after"
    );
}

#[test]
fn a_lossy_member_loses_what_was_asked() {
    let _alone = alone();
    let pods = Pods::ready_in(NAMESPACE);
    let member = Member::find(&pods);
    let sandbox = Sandbox::new();
    // A thousand packets are enough to tell a share by, and come in half of the time. At twice this rate a kernel that is a
    // process is near its limit: its member falls behind, and loses the leader before anything is done to it.
    let ran = member.run(&sandbox, 80, "loss: { share: 5% }", "peers");
    let record = passed(&ran, &pods);
    let figure = &record.faults[0].effect.figures[0];
    assert_eq!((figure.name.as_str(), figure.asked), ("loss", Some(0.05)));
    assert!(figure.measured.unwrap() > 0.0, "{figure:?}");
}

#[test]
fn a_partition_there_is_refused_with_what_is_missing() {
    let _alone = alone();
    let pods = Pods::ready_in(NAMESPACE);
    let member = Member::find(&pods);
    let sandbox = Sandbox::new();
    let ran = member.run(&sandbox, 60, "partition: {}", "peers");
    let record = ran.expect_code(2);
    let said = serde_json::to_value(&record.faults).map_or(Value::Null, |it| it);
    assert!(said.to_string().contains("family inet"), "{said}");
    assert_eq!(pods.agents(), Vec::<String>::new());
}

//! A deployment and a stateful set of one pod each beside the engine, on a node of the test's choice as long as that node
//! is there. They do nothing: what the platform does with their pods is what is looked at.

use std::io::Write;
use std::process::Stdio;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::pods::{Pods, has_condition, items};

const NAMESPACE: &str = "shakedown-bystanders";
/// The process that holds the namespaces of every pod of the cluster: each node has it.
const IMAGE: &str = "localhost/pause:1";

/// They are gone when this is dropped.
#[derive(Debug)]
pub struct Bystanders<'a> {
    pods: &'a Pods,
}

/// One of their pods.
#[derive(Debug, Clone)]
pub struct Bystander {
    pub node: String,
    pub created_at: Timestamp,
    pub ready_at: Timestamp,
}

impl Bystanders<'_> {
    /// Puts both on a node, and waits until they are ready there.
    ///
    /// # Panics
    /// When they do not get ready, or not there.
    pub fn on<'a>(pods: &'a Pods, node: &str) -> Bystanders<'a> {
        let beside = Bystanders { pods };
        let mut apply = pods.command(&["apply", "-f", "-"]);
        apply.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut applied = apply.spawn().expect("kubectl runs");
        let text = manifests(node).to_string();
        let mut stdin = applied.stdin.take().expect("it has a pipe");
        stdin.write_all(text.as_bytes()).expect("kubectl reads");
        drop(stdin);
        assert!(applied.wait().expect("kubectl ends").success());
        for name in ["deployment/of-deployment", "statefulset/of-set"] {
            pods.kubectl(&["-n", NAMESPACE, "rollout", "status", name, "--timeout=60s"]);
        }
        for name in ["of-deployment", "of-set"] {
            assert_eq!(beside.pod(name).node, node, "{name}");
        }
        beside
    }

    /// The pod of one of them that is ready.
    ///
    /// # Panics
    /// When none is.
    pub fn pod(&self, name: &str) -> Bystander {
        let label = format!("app={name}");
        let list = self
            .pods
            .json(&["-n", NAMESPACE, "get", "pods", "-l", &label]);
        let stays = |pod: &&Value| {
            has_condition(pod, "Ready") && pod["metadata"]["deletionTimestamp"].is_null()
        };
        let pod = items(&list).find(stays);
        let pod = pod.unwrap_or_else(|| panic!("no pod of {name} is ready: {list}"));
        let conditions = pod["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        let ready = conditions.find(|it| it["type"] == "Ready");
        let ready_at = ready.map(|it| time(&it["lastTransitionTime"]));
        Bystander {
            node: text(&pod["spec"]["nodeName"]),
            created_at: time(&pod["metadata"]["creationTimestamp"]),
            ready_at: ready_at.expect("it is ready"),
        }
    }
}

impl Drop for Bystanders<'_> {
    fn drop(&mut self) {
        let delete = ["delete", "namespace", NAMESPACE, "--timeout=60s"];
        // A test that fails says more than this could.
        drop(self.pods.command(&delete).output());
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn time(value: &Value) -> Timestamp {
    text(value).parse().expect("the API server tells times")
}

fn manifests(node: &str) -> Value {
    let workload = |kind: &str, name: &str| {
        let labels = json!({"app": name});
        let here = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [node]});
        json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {
                    "automountServiceAccountToken": false,
                    "terminationGracePeriodSeconds": 1,
                    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                        {"weight": 100, "preference": {"matchExpressions": [here]}}]}},
                    "containers": [{"name": "pause", "image": IMAGE, "imagePullPolicy": "Never"}]}}}})
    };
    let mut set = workload("StatefulSet", "of-set");
    set["spec"]["serviceName"] = json!("of-set");
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        workload("Deployment", "of-deployment"), set]})
}

//! The reference engine in the cluster that `SHAKEDOWN_CLUSTER` names (deploy/cluster), by kubectl, as a user would look at
//! it. `tests/kubernetes.sh` brings the cluster along.

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Where the engine runs.
pub const NAMESPACE: &str = "shakedown-reference";
/// Where agents are made.
pub const AGENTS: &str = "shakedown-agents";

/// Where runs keep their Leases and the copies of their journals.
pub const DRILLS: &str = "shakedown";

const READY_WITHIN: Duration = Duration::from_secs(90);

/// The cluster.
#[derive(Debug)]
pub struct Pods {
    state: PathBuf,
    /// Where the engine runs.
    namespace: &'static str,
}

impl Pods {
    /// The cluster of `SHAKEDOWN_CLUSTER`, once its nodes and the engine are ready.
    ///
    /// # Panics
    /// When there is none, or it does not become ready: a test on a cluster shows nothing without one.
    pub fn ready() -> Pods {
        Pods::ready_in(NAMESPACE)
    }

    /// The same, with an engine in another namespace.
    ///
    /// # Panics
    /// As [`Pods::ready`].
    pub fn ready_in(namespace: &'static str) -> Pods {
        let state = std::env::var_os("SHAKEDOWN_CLUSTER");
        let state = state.expect("SHAKEDOWN_CLUSTER names no cluster: run tests/kubernetes.sh");
        let pods = Pods {
            state: PathBuf::from(state),
            namespace,
        };
        let until = Instant::now() + READY_WITHIN;
        while let Some(missing) = pods.missing() {
            assert!(
                Instant::now() < until,
                "the cluster is not ready: {missing}"
            );
            thread::sleep(Duration::from_millis(300));
        }
        pods
    }

    /// What of nodes, engine and agents is not as it is between tests.
    fn missing(&self) -> Option<String> {
        let nodes = self.json(&["get", "nodes"]);
        for node in items(&nodes) {
            let name = node["metadata"]["name"].as_str().unwrap_or_default();
            if !has_condition(node, "Ready") {
                return Some(format!("node {name} is not ready"));
            }
            // The taint of the node that has netem is for good.
            let own = node["metadata"]["labels"]["shakedown.dev/netem"] == "true";
            if node["spec"]["unschedulable"] == true || (node["spec"]["taints"].is_array() && !own)
            {
                return Some(format!("node {name} is cordoned or tainted"));
            }
        }
        let pods = self.json(&["-n", self.namespace, "get", "pods", "-l", "app=engine"]);
        let ready = items(&pods)
            .filter(|pod| has_condition(pod, "Ready"))
            .count();
        if ready != 3 || items(&pods).count() != 3 {
            return Some(format!("{ready} of 3 pods of the engine are ready"));
        }
        let left = [self.agents(), self.drills()].concat();
        (!left.is_empty()).then(|| format!("left in {AGENTS} or {DRILLS}: {}", left.join(", ")))
    }

    /// Pods and Leases in the namespace of the agents.
    pub fn agents(&self) -> Vec<String> {
        let text = self.kubectl(&["-n", AGENTS, "get", "pods,leases", "-o", "name"]);
        text.lines().map(str::to_string).collect()
    }

    /// What faults change, a line for each object: cordons and taints, numbers and templates, selectors. The mark of a
    /// rolling update stays, and is left out.
    ///
    /// # Panics
    /// When kubectl fails.
    pub fn picture(&self) -> Vec<String> {
        let mut all = Vec::new();
        for node in items(&self.json(&["get", "nodes"])) {
            let spec = &node["spec"];
            let (cordoned, taints) = (spec["unschedulable"] == true, &spec["taints"]);
            all.push(format!(
                "node {} {cordoned} {taints}",
                node["metadata"]["name"]
            ));
        }
        let own = self.json(&["-n", NAMESPACE, "get", "statefulsets,deployments,services"]);
        for object in items(&own) {
            let spec = &object["spec"];
            let mut template = spec["template"].clone();
            if let Some(meta) = template["metadata"].as_object_mut() {
                meta.remove("annotations");
            }
            all.push(format!(
                "{} {} {} {} {template}",
                object["kind"], object["metadata"]["name"], spec["replicas"], spec["selector"]
            ));
        }
        all
    }

    /// Leases and copies of journals of runs.
    pub fn drills(&self) -> Vec<String> {
        let leases = self.kubectl(&["-n", DRILLS, "get", "leases", "-o", "name"]);
        let selector = "app.kubernetes.io/name=shakedown-journal";
        let journals = [
            "-n",
            DRILLS,
            "get",
            "configmaps",
            "-l",
            selector,
            "-o",
            "name",
        ];
        let all = leases + &self.kubectl(&journals);
        all.lines().map(str::to_string).collect()
    }

    /// What kubectl prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let done = self.command(arguments).output().expect("kubectl runs");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "kubectl {arguments:?}: {said}");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// kubectl, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let kubectl = std::env::var_os("SHAKEDOWN_KUBECTL").unwrap_or_else(|| "kubectl".into());
        let mut command = Command::new(kubectl);
        command.env("KUBECONFIG", self.kubeconfig()).args(arguments);
        command
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.state.join("kubeconfig/admin")
    }

    /// What kubectl prints as JSON.
    ///
    /// # Panics
    /// When it fails, or prints something else.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = arguments.iter().chain(&["-o", "json"]).copied().collect();
        serde_json::from_str(&self.kubectl(&all)).expect("kubectl prints JSON")
    }

    /// UID of a pod of the engine.
    pub fn uid(&self, pod: &str) -> String {
        let pod = self.json(&["-n", self.namespace, "get", "pod", pod]);
        pod["metadata"]["uid"]
            .as_str()
            .unwrap_or_default()
            .to_string()
    }

    /// Restarts of the container of a pod of the engine.
    pub fn restarts(&self, pod: &str) -> u64 {
        let pod = self.json(&["-n", self.namespace, "get", "pod", pod]);
        let count = &pod["status"]["containerStatuses"][0]["restartCount"];
        count.as_u64().unwrap_or_default()
    }
}

/// The pod of a replica: `engine-1` is `engine-0`.
///
/// # Panics
/// When it is no name of a replica.
pub fn pod_of(replica: &str) -> String {
    let number = replica
        .rsplit_once('-')
        .map(|(_, number)| number.parse::<u32>());
    let Some(Ok(number)) = number else {
        panic!("{replica} is no replica");
    };
    format!("engine-{}", number - 1)
}

/// The objects of a list.
pub fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

/// Whether a condition of an object is true.
pub fn has_condition(object: &Value, kind: &str) -> bool {
    let all = object["status"]["conditions"].as_array();
    let mut all = all.into_iter().flatten();
    all.any(|it| it["type"] == kind && it["status"] == "True")
}

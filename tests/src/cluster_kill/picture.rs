//! What a cluster looks like between two runs, and what another look finds changed.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::pods::{AGENTS, NAMESPACE, Pods};

/// What is on the links of a namespace, by the programs of the machine; counters are left out.
const LINKS: [&[&str]; 4] = [
    &["nft", "-s", "list", "ruleset"],
    &["tc", "qdisc", "show"],
    &["ip", "-o", "addr", "show"],
    &["ip", "route", "show", "table", "all"],
];

/// A member of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) uid: String,
    pub(super) ip: String,
    restarts: u64,
    ready: bool,
}

/// The cluster at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    /// Pods of the engine.
    pub(super) members: BTreeMap<String, Member>,
    /// By pod: what is on its links.
    links: BTreeMap<String, String>,
    /// By node: whether it is cordoned, and its taints.
    nodes: BTreeMap<String, String>,
    /// Pods, Leases and boards of agents.
    pub(super) agents: Vec<Agent>,
}

/// Something in the namespace of the agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agent {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) uid: String,
}

impl Picture {
    /// Looks. Namespaces are entered by processes that run on this machine, as those of its nodes do.
    ///
    /// # Panics
    /// When the cluster cannot be asked, or a pod's namespace cannot be entered.
    pub(super) fn take(pods: &Pods) -> Picture {
        let kinds = "nodes,pods,leases,configmaps";
        let all = pods.json(&["get", kinds, "-A"]);
        let mut picture = Picture::of(&all);
        for (pod, member) in &picture.members {
            let links = match processes_of(&member.uid).first() {
                Some(pid) => LINKS.iter().map(|look| inside(*pid, look)).collect(),
                None => "no process".to_string(),
            };
            picture.links.insert(pod.clone(), links);
        }
        picture
    }

    fn of(all: &Value) -> Picture {
        let mut picture = Picture {
            members: BTreeMap::new(),
            links: BTreeMap::new(),
            nodes: BTreeMap::new(),
            agents: Vec::new(),
        };
        for item in all["items"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
            let about = &item["metadata"];
            let (kind, name, uid) = (text(&item["kind"]), text(&about["name"]), &about["uid"]);
            match (kind.as_str(), about["namespace"].as_str()) {
                ("Node", _) => {
                    let spec = &item["spec"];
                    let marks = format!("{} {}", spec["unschedulable"], spec["taints"]);
                    picture.nodes.insert(name, marks);
                }
                ("ConfigMap", Some(AGENTS)) if name == "kube-root-ca.crt" => {}
                (_, Some(AGENTS)) => picture.agents.push(Agent {
                    kind,
                    name,
                    uid: text(uid),
                }),
                ("Pod", Some(NAMESPACE)) => {
                    let container = &item["status"]["containerStatuses"][0];
                    let member = Member {
                        uid: text(uid),
                        ip: text(&item["status"]["podIP"]),
                        restarts: container["restartCount"].as_u64().unwrap_or_default(),
                        ready: container["ready"] == true,
                    };
                    picture.members.insert(name, member);
                }
                _ => {}
            }
        }
        picture
    }

    /// All members are ready.
    pub(super) fn is_ready(&self) -> bool {
        self.members.len() == 3 && self.members.values().all(|member| member.ready)
    }

    /// In words, what is there now and was not before, whoever is ready.
    pub(super) fn left(&self, now: &Picture) -> Vec<String> {
        let mut left: Vec<String> = Vec::new();
        for agent in now.agents.iter().filter(|it| !self.agents.contains(it)) {
            left.push(format!("{} {}", agent.kind, agent.name));
        }
        for (node, marks) in now
            .nodes
            .iter()
            .filter(|it| self.nodes.get(it.0) != Some(it.1))
        {
            left.push(format!("{node}: {marks}"));
        }
        for (pod, links) in now
            .links
            .iter()
            .filter(|it| self.links.get(it.0) != Some(it.1))
        {
            left.push(format!("{pod}: its links are {links}"));
        }
        for (pod, member) in &now.members {
            let before = self.members.get(pod);
            let same =
                before.is_some_and(|it| (&it.uid, it.restarts) == (&member.uid, member.restarts));
            if !same {
                left.push(format!("{pod}: another pod or container"));
            }
        }
        left
    }
}

/// Pids of what runs in a pod, by its control groups, in rising order. The process that holds the pod's namespaces and
/// the pod's containers are all in it.
pub(super) fn processes_of(pod_uid: &str) -> Vec<u32> {
    let mark = format!("pod{pod_uid}");
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut found: Vec<u32> = pids
        .filter(|pid| {
            let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup"));
            // One that ended in between is in no group.
            groups.is_ok_and(|groups| groups.replace('_', "-").contains(&mark))
        })
        .collect();
    found.sort_unstable();
    found
}

fn inside(pid: u32, look: &[&str]) -> String {
    let mut command = Command::new("nsenter");
    command
        .args(["-t", &pid.to_string(), "-n", "--"])
        .args(look);
    let done = command.output().expect("nsenter can be started");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{look:?}: {said}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(more: &str) -> Picture {
        let pod = |n: u32| {
            format!(
                r#"{{"kind":"Pod","metadata":{{"namespace":"{NAMESPACE}","name":"engine-{n}","uid":"u{n}"}},
                     "status":{{"podIP":"10.0.0.{n}","containerStatuses":[{{"ready":true,"restartCount":0}}]}}}}"#
            )
        };
        let text = format!(
            r#"{{"items":[{{"kind":"Node","metadata":{{"name":"node-1"}},"spec":{{}}}},{},{},{},
               {{"kind":"ConfigMap","metadata":{{"namespace":"{AGENTS}","name":"kube-root-ca.crt"}}}}{more}]}}"#,
            pod(0),
            pod(1),
            pod(2)
        );
        Picture::of(&serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn what_is_left_of_a_fault_is_seen() {
        let before = cluster("");
        assert!(before.is_ready());
        assert_eq!(before.left(&before), Vec::<String>::new());
        let agent = |kind: &str| {
            format!(
                r#",{{"kind":"{kind}","metadata":{{"namespace":"{AGENTS}","name":"shakedown-x"}}}}"#
            )
        };
        for kind in ["Pod", "Lease", "ConfigMap"] {
            let left = before.left(&cluster(&agent(kind)));
            assert_eq!(left, [format!("{kind} shakedown-x")]);
        }
        let marked = |spec: &str| {
            format!(r#",{{"kind":"Node","metadata":{{"name":"node-1"}},"spec":{{{spec}}}}}"#)
        };
        assert_eq!(
            before
                .left(&cluster(&marked(r#""unschedulable":true"#)))
                .len(),
            1
        );
        assert_eq!(
            before
                .left(&cluster(&marked(r#""taints":[{"key":"k"}]"#)))
                .len(),
            1
        );
        let mut ruled = before.clone();
        ruled
            .links
            .insert("engine-0".into(), "table inet shakedown_faults".into());
        assert_eq!(before.left(&ruled).len(), 1);
        let mut other = before.clone();
        other.members.get_mut("engine-1").unwrap().restarts = 1;
        assert!(other.is_ready());
        assert_eq!(before.left(&other).len(), 1);
        other.members.get_mut("engine-1").unwrap().ready = false;
        assert!(!other.is_ready());
        other.members.remove("engine-1");
        assert!(!other.is_ready());
    }
}

//! How a change to a cluster is taken back, by somebody who knows nothing but this.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::access::{Reach, quoted};
use super::act::{Change, Made, OwnObject, change_back};
use super::client::Cluster;
use super::error::ClusterError;
use super::merge::merge_patch;

/// An agent's pod has 20 s to end in, and its kubelet may be busy.
pub const GONE_WITHIN: Duration = Duration::from_secs(35);

/// One change to one object of one cluster. Taking it back twice does no harm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Undo {
    pub reach: Reach,
    pub what: Restore,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restore {
    /// It was to be made.
    Change(Change),
    /// It was to be created.
    Delete(OwnObject),
}

/// What came of taking something back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    Done,
    /// It is as it was before, or the object is gone.
    NothingToDo,
    /// Somebody else has changed it since, so that it was left alone; for people.
    Foreign(String),
}

impl Undo {
    /// How this change is taken back.
    pub fn of_change(cluster: &Cluster, change: &Change) -> Undo {
        Undo {
            reach: cluster.reach().clone(),
            what: Restore::Change(change.clone()),
        }
    }

    /// How an object that is to be created is removed.
    pub fn delete(cluster: &Cluster, own: OwnObject) -> Undo {
        Undo {
            reach: cluster.reach().clone(),
            what: Restore::Delete(own),
        }
    }

    /// Takes it back.
    ///
    /// # Errors
    /// When the cluster is another, or its API server does not do it.
    pub async fn replay(&self, cluster: &Cluster) -> Result<Replayed, ClusterError> {
        self.reach.same(cluster.reach())?;
        let done = match &self.what {
            Restore::Change(change) => change_back(change, cluster).await,
            Restore::Delete(own) => removed(own, cluster).await,
        };
        match done {
            Err(error) if error.is_gone() => Ok(Replayed::NothingToDo),
            done => done,
        }
    }

    /// As [`Undo::replay`], for threads without a runtime, and by a connection of its own.
    ///
    /// # Errors
    /// When the cluster is not reached, or is another, or does not do it.
    pub fn replay_blocking(&self) -> Result<Replayed, ClusterError> {
        let own = self.clone();
        Cluster::blocking(&self.reach, async move |cluster| own.replay(&cluster).await)
    }

    /// The command that does it by hand.
    pub fn by_hand(&self) -> String {
        let kubectl = self.reach.kubectl();
        match &self.what {
            Restore::Change(change) => format!("{kubectl} {}", change_by_hand(change)),
            Restore::Delete(own) => {
                let (kind, name) = (own.kind.kubectl(), &own.name);
                format!("{kubectl} -n {} delete {kind} {name}", own.namespace)
            }
        }
    }
}

/// Deleted, and gone: a pod takes back what it has done before it ends.
async fn removed(own: &OwnObject, cluster: &Cluster) -> Result<Replayed, ClusterError> {
    let done = cluster.delete_own(own).await?;
    match done {
        Replayed::Done | Replayed::NothingToDo => cluster.gone(own, GONE_WITHIN).await?,
        Replayed::Foreign(_) => {}
    }
    Ok(done)
}

fn change_by_hand(change: &Change) -> String {
    let patch = |namespace: &str, what: &str, patch: Value| {
        let patch = quoted(&patch.to_string());
        format!("-n {namespace} patch {what} --type merge -p {patch}")
    };
    match change {
        Change::Cordon { node } => format!("uncordon {node}"),
        Change::Taint { node, taint } => {
            format!("taint nodes {node} {}:{}-", taint.key, taint.effect)
        }
        Change::Scale {
            workload, before, ..
        } => format!(
            "-n {} scale {} --replicas={before}",
            workload.namespace,
            workload.kubectl()
        ),
        Change::Select {
            namespace,
            service,
            before,
            ours,
        } => {
            let back = merge_patch(&json!(ours), &json!(before));
            let what = format!("service/{service}");
            patch(namespace, &what, json!({"spec": {"selector": back}}))
        }
        Change::Template {
            workload,
            before,
            ours,
        } => {
            let back = merge_patch(ours, before);
            let what = workload.kubectl();
            patch(
                &workload.namespace,
                &what,
                json!({"spec": {"template": back}}),
            )
        }
    }
}

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Restore::Change(change) => write!(f, "{change}"),
            Restore::Delete(own) => write!(f, "the {own}"),
        }
    }
}

impl From<Made> for Replayed {
    fn from(made: Made) -> Replayed {
        match made {
            Made::Done => Replayed::Done,
            Made::Already => Replayed::NothingToDo,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::super::access::Access;
    use super::super::act::{Edit, ObjectKind};
    use super::super::look::{Taint, Workload, WorkloadKind};
    use super::*;

    fn undo(what: Restore) -> Undo {
        let access = Access {
            kubeconfig: Some(PathBuf::from("/k")),
            context: Some("stg".to_string()),
            impersonate: None,
        };
        Undo {
            reach: Reach {
                access,
                server: "https://a:6443".to_string(),
                uid: Some("5b1e".to_string()),
            },
            what,
        }
    }

    fn all() -> Vec<(Undo, &'static str)> {
        let workload = Workload {
            kind: WorkloadKind::StatefulSet,
            namespace: "stg".to_string(),
            name: "engine".to_string(),
        };
        let labels =
            |key: &str, value: &str| BTreeMap::from([(key.to_string(), value.to_string())]);
        let node = "a".to_string();
        let taint = Taint {
            key: "k".to_string(),
            value: "v".to_string(),
            effect: "NoExecute".to_string(),
        };
        let change = |change| undo(Restore::Change(change));
        vec![
            (change(Change::Cordon { node: node.clone() }), "uncordon a"),
            (
                change(Change::Taint { node, taint }),
                "taint nodes a k:NoExecute-",
            ),
            (
                change(Change::Scale {
                    workload: workload.clone(),
                    before: 3,
                    ours: 1,
                }),
                "-n stg scale statefulset/engine --replicas=3",
            ),
            (
                change(Change::Select {
                    namespace: "stg".to_string(),
                    service: "orders".to_string(),
                    before: labels("slot", "it's"),
                    ours: labels("colour", "green"),
                }),
                r#"-n stg patch service/orders --type merge -p '{"spec":{"selector":{"colour":null,"slot":"it'\''s"}}}'"#,
            ),
            (
                change(Change::Template {
                    workload,
                    before: json!({"spec": {"a": 1}}),
                    ours: json!({"spec": {"a": 2}}),
                }),
                r#"-n stg patch statefulset/engine --type merge -p '{"spec":{"template":{"spec":{"a":1}}}}'"#,
            ),
            (
                undo(Restore::Delete(OwnObject {
                    kind: ObjectKind::Pod,
                    namespace: "stg".to_string(),
                    name: "agent-a".to_string(),
                    label: ("run".to_string(), "1".to_string()),
                })),
                "-n stg delete pod agent-a",
            ),
        ]
    }

    #[test]
    fn each_is_written_down_whole_and_can_be_done_by_hand() {
        for (undo, command) in all() {
            let text = serde_json::to_string(&undo).unwrap();
            assert_eq!(serde_json::from_str::<Undo>(&text).unwrap(), undo);
            let whole = format!("kubectl --kubeconfig /k --context stg {command}");
            assert_eq!(undo.by_hand(), whole);
            assert!(undo.to_string().starts_with("the "), "{undo}");
        }
    }

    #[tokio::test]
    async fn what_takes_time_can_be_done_by_any_thread() {
        fn is_send(_: impl Send) {}
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let (undo, _) = all().remove(0);
        let cluster = Cluster::unproven(config, undo.reach.clone());
        is_send(undo.replay(&cluster));
        is_send(cluster.drain_plan("a", false));
        let Restore::Change(change) = &undo.what else {
            panic!("{undo}")
        };
        is_send(change.make(&cluster));
        let node = "a".to_string();
        is_send(cluster.prepare(Edit::Cordon { node }));
    }
}

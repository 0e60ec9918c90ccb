//! Steps of the life of a fault against an API server that is a page of memory.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::{Json, Router};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::arming::Planned;
use super::clean::Before;
use super::subjects::Subject;
use super::testing::{node, place};
use super::*;
use crate::faults::strength::Strength;
use crate::mechanisms::kubernetes::act::Edit;
use crate::mechanisms::kubernetes::{Access, Undo};

/// One node, budgets that forbid evictions, and how often it is still to say that nobody may do anything.
#[derive(Debug)]
struct Server {
    node: Value,
    still_young: usize,
    asked: Vec<String>,
}

type Shared = Arc<Mutex<Server>>;

async fn answer(
    State(server): State<Shared>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let mut server = server.lock().unwrap();
    let path = uri.path().to_string();
    server.asked.push(format!("{method} {path}"));
    let failure = |code: StatusCode, reason: &str, message: &str| {
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
            "code": code.as_u16(), "reason": reason, "message": message,
            "details": {"causes": [{"reason": "DisruptionBudget", "message": "needs 2"}]}});
        (code, Json(status))
    };
    match (method.as_str(), path.as_str()) {
        ("GET", "/version") => {
            let version = json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "",
                "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
            (StatusCode::OK, Json(version))
        }
        ("GET", "/api/v1/namespaces/kube-system") => {
            let namespace = json!({"metadata": {"name": "kube-system", "uid": "5b1e"}});
            (StatusCode::OK, Json(namespace))
        }
        ("GET" | "PATCH", "/api/v1/nodes/node-1") if server.still_young > 0 => {
            server.still_young -= 1;
            failure(StatusCode::FORBIDDEN, "Forbidden", "not yet")
        }
        ("GET", "/api/v1/nodes/node-1") => (StatusCode::OK, Json(server.node.clone())),
        ("PATCH", "/api/v1/nodes/node-1") => {
            let patch: Value = serde_json::from_slice(&body).unwrap();
            server.node["spec"]["unschedulable"] = patch["spec"]["unschedulable"].clone();
            (StatusCode::OK, Json(server.node.clone()))
        }
        ("POST", path) if path.ends_with("/eviction") => failure(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "Cannot evict pod as it would violate the pod's disruption budget.",
        ),
        ("DELETE", _) => failure(StatusCode::NOT_FOUND, "NotFound", "no such pod"),
        _ => failure(StatusCode::NOT_FOUND, "NotFound", "no such object"),
    }
}

/// A cluster of that one node, and its state.
async fn cluster() -> (TempDir, Cluster, Shared) {
    let server = Arc::new(Mutex::new(Server {
        node: json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1", "uid": "n1",
            "resourceVersion": "1"}, "spec": {}}),
        still_young: 0,
        asked: Vec::new(),
    }));
    let app = Router::new().fallback(answer).with_state(server.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let folder = TempDir::new().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let text = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "c", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]});
    std::fs::write(&kubeconfig, text.to_string()).unwrap();
    let access = Access {
        kubeconfig: Some(kubeconfig),
        ..Access::default()
    };
    let cluster = Cluster::connect(&access).await.unwrap();
    (folder, cluster, server)
}

/// Armed without an environment: with this node, this pod, and these changes.
fn fault(kind: ClusterKind, cluster: &Cluster, changes: Vec<Planned>) -> ClusterFault {
    ClusterFault {
        kind,
        cluster: cluster.clone(),
        namespace: "stg".into(),
        subjects: Subjects {
            replicas: vec![Subject {
                name: "engine-1".into(),
                role: None,
                place: place("engine-1"),
            }],
            nodes: vec![node("node-1")],
            power: Vec::new(),
        },
        may_be_undone: false,
        armed: Some(Armed {
            notes: vec!["only targets have to leave node-1".into()],
            touched: vec!["engine-1".into()],
            acted: Vec::new(),
            changes,
            commands: Vec::new(),
            tolerances: std::collections::BTreeMap::new(),
            acted_on: Vec::new(),
            before: Before {
                ready: Vec::new(),
                workloads: Vec::new(),
                nodes: vec![node("node-1")],
                service: None,
            },
        }),
        begun_at_mono_ns: 0,
        struck: false,
        refused: Vec::new(),
        drains: JoinSet::new(),
        foreign: Vec::new(),
    }
}

async fn cordon(cluster: &Cluster) -> Vec<Planned> {
    let edit = Edit::Cordon {
        node: "node-1".into(),
    };
    let change = cluster.prepare(edit).await.unwrap().unwrap();
    let back = Some(Undo::of_change(cluster, &change));
    vec![Planned { change, back }]
}

fn is_cordoned(server: &Shared) -> bool {
    server.lock().unwrap().node["spec"]["unschedulable"] == json!(true)
}

#[tokio::test]
async fn a_cordon_is_put_on_and_comes_off_even_while_the_server_is_young() {
    let (_folder, cluster, server) = cluster().await;
    let changes = cordon(&cluster).await;
    let mut fault = fault(ClusterKind::Cordon, &cluster, changes);
    fault.inject("it#1", Strength::Full).await.unwrap();
    assert!(is_cordoned(&server));
    let again = fault
        .prepare(
            "it#2",
            vec![Edit::Cordon {
                node: "node-1".into(),
            }],
        )
        .await;
    let again = again.unwrap_err().to_string();
    assert_eq!(again, "it#2: node-1 is cordoned already, by somebody else");
    server.lock().unwrap().still_young = 2;
    fault.heal("it#1").await.unwrap();
    assert!(!is_cordoned(&server));
    fault.heal("it#1").await.unwrap();
}

#[tokio::test]
async fn a_blunt_fault_asks_for_nothing() {
    let (_folder, cluster, server) = cluster().await;
    let changes = cordon(&cluster).await;
    let mut fault = fault(ClusterKind::Drain, &cluster, changes);
    let before = server.lock().unwrap().asked.len();
    fault.inject("it#1", Strength::Blunt).await.unwrap();
    assert!(!is_cordoned(&server) && fault.drains.is_empty());
    assert_eq!(server.lock().unwrap().asked.len(), before);
}

#[tokio::test]
async fn what_was_never_injected_is_left_alone_by_healing() {
    let (_folder, cluster, server) = cluster().await;
    let changes = cordon(&cluster).await;
    let mut fault = fault(ClusterKind::Cordon, &cluster, changes);
    server.lock().unwrap().node["spec"]["unschedulable"] = json!(true);
    fault.heal("it#1").await.unwrap();
    assert!(is_cordoned(&server), "that was somebody else");
}

#[tokio::test]
async fn an_eviction_that_a_budget_forbids_is_remembered() {
    let (_folder, cluster, _server) = cluster().await;
    let mut fault = fault(ClusterKind::Evict, &cluster, Vec::new());
    fault.inject("it#1", Strength::Full).await.unwrap();
    let [(uid, message)] = fault.refused.as_slice() else {
        panic!("{:?}", fault.refused);
    };
    assert_eq!(uid, "uid-of-engine-1");
    assert!(
        message.starts_with("Cannot evict pod as it would violate"),
        "{message}"
    );
}

#[tokio::test]
async fn a_pod_that_was_gone_before_the_deletion_is_named() {
    let (_folder, cluster, server) = cluster().await;
    let kind = ClusterKind::Delete { grace_ns: Some(1) };
    let mut fault = fault(kind, &cluster, Vec::new());
    let gone = fault
        .inject("it#1", Strength::Full)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        gone.contains("gone before the fault reached it: engine-1"),
        "{gone}"
    );
    let asked = &server.lock().unwrap().asked;
    assert!(asked.contains(&"DELETE /api/v1/namespaces/stg/pods/engine-1-pod".to_string()));
}

#[tokio::test]
async fn a_fault_says_how_and_on_what() {
    let (_folder, cluster, _server) = cluster().await;
    let drain = fault(ClusterKind::Drain, &cluster, Vec::new());
    assert_eq!(
        drain.mechanism(),
        "Kubernetes API: cordon, then evict until all pods are gone; only targets have to leave node-1"
    );
    assert_eq!(drain.labels(), ["engine-1 (node node-1)"]);
    let evict = fault(ClusterKind::Evict, &cluster, Vec::new());
    assert_eq!(
        evict.labels(),
        ["engine-1 (pod stg/engine-1-pod (uid uid-of-e) on node-1)"]
    );
    assert_eq!(evict.names(), ["engine-1"]);
    let grace = |grace_ns| fault(ClusterKind::Delete { grace_ns }, &cluster, Vec::new());
    assert_eq!(
        grace(Some(60_000_000_000)).clean_within(),
        Duration::from_secs(100)
    );
    assert_eq!(grace(None).clean_within(), WITH_OWN_GRACE);
}

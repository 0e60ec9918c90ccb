use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::{Json, Router};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::mechanisms::kubernetes::act::Edit;
use crate::mechanisms::kubernetes::{Access, Replayed, Undo};

/// As an API server shows it: a pod of a set `engine` in `stg`.
fn pod(name: &str, revision: &str, image: &str, ready: bool) -> Value {
    let status = if ready { "True" } else { "False" };
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "stg", "uid": format!("uid-of-{name}"),
            "labels": {"app": "engine", REVISION: revision},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "engine", "uid": "set",
                "controller": true}]},
        "spec": {"nodeName": "node-1", "containers": [{"name": "engine", "image": image}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": status}]}})
}

fn template(image: &str) -> Value {
    json!({"spec": {"containers": [{"name": "engine", "image": image}]}})
}

fn set(image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "engine", "namespace": "stg", "uid": "set", "generation": 2, "resourceVersion": "7"},
        "spec": {"replicas": 3, "serviceName": "engine", "selector": {"matchLabels": {"app": "engine"}},
            "template": template(image)},
        "status": {"replicas": 3, "observedGeneration": 2, "currentRevision": "engine-a", "updateRevision": "engine-a"}})
}

fn workload() -> Workload {
    Workload {
        kind: WorkloadKind::StatefulSet,
        namespace: "stg".to_string(),
        name: "engine".to_string(),
    }
}

#[test]
fn only_a_pod_that_holds_its_stateful_set_up_hangs() {
    let images = images_of(&template("engine:none"));
    let wanted = WorkloadLook::of_stateful_set(&serde_json::from_value(set("engine:1")).unwrap());
    let wanted = wanted.unwrap();
    let hung = |of: Value| {
        let pod = PodLook::of(&serde_json::from_value(of).unwrap()).unwrap();
        hangs(&pod, &wanted, &images)
    };
    assert!(hung(pod("engine-2", "engine-b", "engine:none", false)));
    assert!(!hung(pod("engine-2", "engine-b", "engine:none", true)));
    assert!(!hung(pod("engine-2", "engine-a", "engine:none", false)));
    assert!(!hung(pod("engine-2", "engine-b", "engine:2", false)));
    let mut foreign = pod("other-2", "engine-b", "engine:none", false);
    foreign["metadata"]["ownerReferences"][0]["uid"] = json!("another");
    assert!(!hung(foreign));
    let mut going = pod("engine-2", "engine-b", "engine:none", false);
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert!(!hung(going));
    let mut unseen = wanted.clone();
    unseen.generation = 3;
    let bad = pod("engine-2", "engine-b", "engine:none", false);
    let bad = PodLook::of(&serde_json::from_value(bad).unwrap()).unwrap();
    assert!(!hangs(&bad, &unseen, &images), "its controller may be late");
}

#[derive(Debug)]
struct Server {
    set: Value,
    pods: Vec<Value>,
    deleted: Vec<String>,
}

type Shared = Arc<Mutex<Server>>;

async fn answer(
    State(server): State<Shared>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let mut server = server.lock().unwrap();
    let path = uri.path();
    let answer = match (method.as_str(), path) {
        ("GET", "/version") => {
            json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "",
            "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""})
        }
        ("GET", "/api/v1/namespaces/kube-system") => {
            json!({"metadata": {"name": "kube-system", "uid": "5b1e"}})
        }
        ("GET", "/apis/apps/v1/namespaces/stg/statefulsets/engine") => server.set.clone(),
        ("PATCH", "/apis/apps/v1/namespaces/stg/statefulsets/engine") => {
            let patch: Value = serde_json::from_slice(&body).unwrap();
            server.set["spec"]["template"] = patch["spec"]["template"].clone();
            server.set.clone()
        }
        ("GET", "/api/v1/namespaces/stg/pods") => {
            json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": server.pods})
        }
        ("DELETE", path) => {
            let name = path.rsplit('/').next().unwrap().to_string();
            server.pods.retain(|pod| pod["metadata"]["name"] != name);
            server.deleted.push(name);
            json!({"kind": "Status", "apiVersion": "v1", "status": "Success"})
        }
        _ => {
            let missing = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
                "reason": "NotFound", "message": path});
            return (StatusCode::NOT_FOUND, Json(missing));
        }
    };
    (StatusCode::OK, Json(answer))
}

async fn cluster() -> (TempDir, Cluster, Shared) {
    let server = Arc::new(Mutex::new(Server {
        set: set("engine:1"),
        pods: vec![
            pod("engine-0", "engine-a", "engine:1", true),
            pod("engine-1", "engine-a", "engine:1", false),
            pod("engine-2", "engine-b", "engine:none", false),
        ],
        deleted: Vec::new(),
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
    (folder, Cluster::connect(&access).await.unwrap(), server)
}

/// What a journal holds is enough: nobody else knows of the rollout.
#[tokio::test]
async fn a_template_that_is_put_back_takes_the_pod_with_it_that_would_hold_it_up() {
    let (_folder, cluster, server) = cluster().await;
    let edit = Edit::SetImage {
        workload: workload(),
        container: "engine".to_string(),
        image: "engine:none".to_string(),
    };
    let change = cluster.prepare(edit).await.unwrap().unwrap();
    change.make(&cluster).await.unwrap();
    assert!(server.lock().unwrap().deleted.is_empty());
    let undo = Undo::of_change(&cluster, &change);
    assert_eq!(undo.replay(&cluster).await.unwrap(), Replayed::Done);
    assert_eq!(server.lock().unwrap().deleted, ["engine-2"]);
    assert_eq!(undo.replay(&cluster).await.unwrap(), Replayed::NothingToDo);
    assert_eq!(server.lock().unwrap().deleted, ["engine-2"]);
}

/// Whoever was killed between the two has put the template back, and not deleted the pod.
#[tokio::test]
async fn a_pod_that_hangs_is_found_when_the_template_is_back_already() {
    let (_folder, cluster, server) = cluster().await;
    let edit = Edit::SetImage {
        workload: workload(),
        container: "engine".to_string(),
        image: "engine:none".to_string(),
    };
    let change = cluster.prepare(edit).await.unwrap().unwrap();
    let undo = Undo::of_change(&cluster, &change);
    assert_eq!(undo.replay(&cluster).await.unwrap(), Replayed::Done);
    assert_eq!(server.lock().unwrap().deleted, ["engine-2"]);
}

#[tokio::test]
async fn a_template_of_somebody_else_keeps_its_pods() {
    let (_folder, cluster, server) = cluster().await;
    let edit = Edit::SetImage {
        workload: workload(),
        container: "engine".to_string(),
        image: "engine:none".to_string(),
    };
    let change = cluster.prepare(edit).await.unwrap().unwrap();
    server.lock().unwrap().set["spec"]["template"] = template("engine:3");
    let undo = Undo::of_change(&cluster, &change);
    let left = undo.replay(&cluster).await.unwrap();
    assert!(matches!(left, Replayed::Foreign(_)), "{left:?}");
    assert!(server.lock().unwrap().deleted.is_empty());
}

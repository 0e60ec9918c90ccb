//! An API server for unit tests: keeps objects, versions them, and can fall silent. Real HTTP, so that the client is the real one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::mechanisms::kubernetes::{Access, Cluster};

/// What the server has, by path.
#[derive(Debug, Default)]
struct Objects {
    by_path: BTreeMap<String, Value>,
    namespaces: BTreeSet<String>,
    version: u64,
    silent: bool,
}

/// A running server.
#[derive(Debug)]
pub struct ApiServer {
    objects: Arc<Mutex<Objects>>,
    folder: tempfile::TempDir,
}

impl ApiServer {
    /// With these namespaces.
    pub async fn with(namespaces: &[&str]) -> ApiServer {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let objects = Objects {
            namespaces: namespaces.iter().map(|it| it.to_string()).collect(),
            by_path: BTreeMap::from([(
                "/api/v1/namespaces/kube-system".to_string(),
                json!({"metadata": {"name": "kube-system", "uid": "5b1e"}}),
            )]),
            ..Objects::default()
        };
        let objects = Arc::new(Mutex::new(objects));
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&objects));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: it\n\
             clusters: [{{name: it, cluster: {{server: 'http://{address}'}}}}]\n\
             contexts: [{{name: it, context: {{cluster: it, user: it}}}}]\nusers: [{{name: it, user: {{}}}}]\n"
        );
        std::fs::write(folder.path().join("config"), config).unwrap();
        ApiServer { objects, folder }
    }

    pub fn access(&self) -> Access {
        Access {
            kubeconfig: Some(self.folder.path().join("config")),
            ..Access::default()
        }
    }

    pub async fn cluster(&self) -> Cluster {
        Cluster::connect(&self.access()).await.unwrap()
    }

    /// From now on it answers nothing, or everything again.
    pub fn fall_silent(&self, silent: bool) {
        self.objects().silent = silent;
    }

    /// Objects of a kind in a namespace.
    pub fn all(&self, resource: &str, namespace: &str) -> Vec<Value> {
        let place = format!("/namespaces/{namespace}/{resource}/");
        let objects = self.objects();
        let all = objects.by_path.iter();
        all.filter(|(path, _)| path.contains(&place))
            .map(|(_, it)| it.clone())
            .collect()
    }

    /// As somebody else would change every object of a kind.
    pub fn change(&self, resource: &str, change: impl Fn(&mut Value)) {
        let mut objects = self.objects();
        objects.version += 1;
        let version = objects.version.to_string();
        for (path, it) in &mut objects.by_path {
            if path.contains(&format!("/{resource}/")) {
                change(it);
                it["metadata"]["resourceVersion"] = json!(version);
            }
        }
    }

    /// As somebody else would remove them.
    pub fn remove(&self, resource: &str) {
        let place = format!("/{resource}/");
        self.objects()
            .by_path
            .retain(|path, _| !path.contains(&place));
    }

    /// As somebody else would make it.
    pub fn make(&self, path: &str, object: Value) {
        self.objects().by_path.insert(path.to_string(), object);
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap()
    }
}

type Answer = (StatusCode, Json<Value>);

async fn answer(
    State(objects): State<Arc<Mutex<Objects>>>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Answer {
    let silent = objects.lock().unwrap().silent;
    if silent {
        std::future::pending::<()>().await;
    }
    let path = uri.path();
    if path == "/version" {
        let keys = [
            "buildDate",
            "compiler",
            "gitCommit",
            "gitTreeState",
            "gitVersion",
            "goVersion",
        ];
        let more = ["major", "minor", "platform"];
        let all = keys
            .iter()
            .chain(&more)
            .map(|key| (key.to_string(), json!("v1")));
        return (StatusCode::OK, Json(all.collect()));
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut objects = objects.lock().unwrap();
    match method {
        Method::GET => objects.get(path, uri.query().unwrap_or_default()),
        Method::POST => objects.create(path, body),
        Method::PUT => objects.replace(path, body),
        Method::PATCH => objects.patch(path, &body),
        _ => objects.delete(path, &body),
    }
}

fn failure(code: StatusCode, reason: &str) -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code.as_u16(), "reason": reason, "message": reason,
    });
    (code, Json(status))
}

fn missing() -> Answer {
    failure(StatusCode::NOT_FOUND, "NotFound")
}

fn conflict(reason: &str) -> Answer {
    failure(StatusCode::CONFLICT, reason)
}

impl Objects {
    fn get(&self, path: &str, query: &str) -> Answer {
        if let Some(found) = self.by_path.get(path) {
            return (StatusCode::OK, Json(found.clone()));
        }
        if !["leases", "configmaps"].iter().any(|it| path.ends_with(it)) {
            return missing();
        }
        let query = query.replace("%3D", "=").replace("%2F", "/");
        let wanted = query
            .split('&')
            .find_map(|it| it.strip_prefix("labelSelector="));
        let wanted = wanted.and_then(|it| it.split_once('='));
        let fits =
            |it: &Value| wanted.is_none_or(|(key, value)| it["metadata"]["labels"][key] == value);
        let all = self
            .by_path
            .iter()
            .filter(|(at, it)| at.starts_with(&format!("{path}/")) && fits(it));
        let items: Vec<&Value> = all.map(|(_, it)| it).collect();
        (
            StatusCode::OK,
            Json(json!({"metadata": {}, "items": items})),
        )
    }

    fn write(&mut self, path: &str, mut object: Value) -> Answer {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let namespace = path.split('/').skip_while(|it| *it != "namespaces").nth(1);
        object["metadata"]["namespace"] = json!(namespace);
        self.by_path.insert(path.to_string(), object.clone());
        (StatusCode::OK, Json(object))
    }

    fn create(&mut self, path: &str, mut object: Value) -> Answer {
        let here = |namespace: &String| path.contains(&format!("/namespaces/{namespace}/"));
        if !self.namespaces.iter().any(here) {
            return missing();
        }
        let path = format!("{path}/{}", object["metadata"]["name"].as_str().unwrap());
        if self.by_path.contains_key(&path) {
            return conflict("AlreadyExists");
        }
        object["metadata"]["uid"] = json!(format!("uid-{}", self.version));
        self.write(&path, object)
    }

    fn replace(&mut self, path: &str, mut object: Value) -> Answer {
        let Some(found) = self.by_path.get(path) else {
            return missing();
        };
        if object["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"] {
            return conflict("Conflict");
        }
        object["metadata"]["uid"] = found["metadata"]["uid"].clone();
        self.write(path, object)
    }

    fn patch(&mut self, path: &str, patch: &Value) -> Answer {
        let Some(mut found) = self.by_path.get(path).cloned() else {
            return missing();
        };
        merge(&mut found, patch);
        self.write(path, found)
    }

    fn delete(&mut self, path: &str, options: &Value) -> Answer {
        let Some(found) = self.by_path.get(path) else {
            return missing();
        };
        for key in ["uid", "resourceVersion"] {
            let wanted = &options["preconditions"][key];
            if !wanted.is_null() && *wanted != found["metadata"][key] {
                return conflict("Conflict");
            }
        }
        self.by_path.remove(path);
        let done =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
        (StatusCode::OK, Json(done))
    }
}

fn merge(into: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in patch {
        match value {
            Value::Null => drop(into.as_object_mut().unwrap().remove(key)),
            value => merge(&mut into[key], value),
        }
    }
}

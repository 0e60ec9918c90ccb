//! The watch as others see it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch as latest;
use tokio::task::JoinSet;

use super::super::client::Cluster;
use super::super::error::ClusterError;
use super::super::look::{NodeLook, PodLook};
use super::super::transition::Transition;
use super::kind::{Nodes, Pods};
use super::task::Task;

/// What is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// A namespace, and a selector, which may be empty.
    pub pods: Option<(String, String)>,
    pub nodes: bool,
}

/// Everything that is watched, as it was heard last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WatchState {
    /// By name.
    pub pods: BTreeMap<String, PodLook>,
    /// By name.
    pub nodes: BTreeMap<String, NodeLook>,
    /// When the pods were heard of last, by this machine's monotonic clock, if that is too long ago.
    pub pods_blind_since_mono_ns: Option<u64>,
    /// The same of the nodes.
    pub nodes_blind_since_mono_ns: Option<u64>,
}

impl WatchState {
    /// Since when something of it may be out of date.
    pub fn blind_since_mono_ns(&self) -> Option<u64> {
        let both = [
            self.pods_blind_since_mono_ns,
            self.nodes_blind_since_mono_ns,
        ];
        both.into_iter().flatten().min()
    }
}

/// A watch that goes on until it is dropped.
#[derive(Debug)]
pub struct Watch {
    state: latest::Receiver<WatchState>,
    transitions: Option<UnboundedReceiver<Transition>>,
    _tasks: JoinSet<()>,
}

impl Watch {
    /// Lists everything once and watches it from then on. What is there already is no transition.
    ///
    /// # Errors
    /// When the API server does not list it.
    pub async fn start(cluster: &Cluster, scope: Scope) -> Result<Watch, ClusterError> {
        let (sender, transitions) = unbounded_channel();
        let state = latest::Sender::new(WatchState::default());
        let receiver = state.subscribe();
        let mut tasks = JoinSet::new();
        if let Some((namespace, selector)) = scope.pods {
            let kind = Pods {
                namespace,
                selector,
            };
            let mut task = Task::new(kind, cluster, state.clone(), sender.clone());
            task.list(true).await?;
            tasks.spawn(task.run());
        }
        if scope.nodes {
            let mut task = Task::new(Nodes, cluster, state, sender);
            task.list(true).await?;
            tasks.spawn(task.run());
        }
        Ok(Watch {
            state: receiver,
            transitions: Some(transitions),
            _tasks: tasks,
        })
    }

    /// Everything as it was heard last.
    pub fn state(&self) -> WatchState {
        self.state.borrow().clone()
    }

    /// The state as it is heard, for a task of its own.
    pub fn subscribe(&self) -> latest::Receiver<WatchState> {
        self.state.clone()
    }

    /// All transitions from the start on, in the order in which they are heard. Only one can have them.
    pub fn transitions(&mut self) -> Option<UnboundedReceiver<Transition>> {
        self.transitions.take()
    }

    /// Waits until the state has what is sought; `None` when it has not in time.
    pub async fn until<T>(
        &self,
        within: Duration,
        mut sought: impl FnMut(&WatchState) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.state.clone();
        let mut found = None;
        let waiting = state.wait_for(|state| {
            found = sought(state);
            found.is_some()
        });
        match tokio::time::timeout(within, waiting).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return None,
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::RawQuery;
    use axum::http::StatusCode;
    use axum::routing::any;
    use serde_json::json;

    use super::super::super::access::{Access, Reach};
    use super::super::super::transition::{Happened, Subject};
    use super::*;

    /// What the API server of the test says: to a list always, and to the next watch.
    #[derive(Clone)]
    struct Says(Arc<Mutex<(StatusCode, String, String)>>);

    impl Says {
        fn now(&self, status: StatusCode, listed: &[String], events: &[String]) {
            let list = json!({"metadata": {"resourceVersion": "9"}, "items": []}).to_string();
            let list = list.replace("[]", &format!("[{}]", listed.join(",")));
            let events: String = events.iter().map(|event| format!("{event}\n")).collect();
            *self.0.lock().unwrap() = (status, list, events);
        }

        async fn serve(&self) -> Cluster {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let server = format!("http://{}", listener.local_addr().unwrap());
            let says = self.clone();
            let app = Router::new().fallback(any(move |RawQuery(query): RawQuery| async move {
                let mut said = says.0.lock().unwrap();
                let body = match query.unwrap_or_default().contains("watch=true") {
                    true => std::mem::take(&mut said.2),
                    false => said.1.clone(),
                };
                (said.0, body)
            }));
            tokio::spawn(async move { axum::serve(listener, app).await });
            let config = kube::Config::new(server.parse().unwrap());
            let access = Access::default();
            let reach = Reach {
                access,
                server,
                uid: None,
            };
            Cluster::unproven(config, reach)
        }
    }

    fn pod(uid: &str, ready: &str) -> String {
        json!({
            "metadata": {"name": "engine-0", "namespace": "stg", "uid": uid, "resourceVersion": "10"},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}
        })
        .to_string()
    }

    fn event(kind: &str, object: &str) -> String {
        format!(r#"{{"type":"{kind}","object":{object}}}"#)
    }

    async fn next(told: &mut UnboundedReceiver<Transition>) -> Transition {
        let waiting = tokio::time::timeout(Duration::from_secs(10), told.recv());
        waiting.await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn what_happens_is_told_and_what_was_missed_is_told_when_it_sees_again() {
        let says = Says(Arc::default());
        let events = [event("MODIFIED", &pod("u1", "True"))];
        says.now(StatusCode::OK, &[pod("u1", "False")], &events);
        let cluster = says.serve().await;
        let scope = Scope {
            pods: Some(("stg".to_string(), "app=engine".to_string())),
            nodes: false,
        };
        let mut watch = Watch::start(&cluster, scope).await.unwrap();
        let mut told = watch.transitions().unwrap();
        assert_eq!(next(&mut told).await.what, Happened::Ready);
        assert!(watch.state().pods["engine-0"].ready);
        assert_eq!(watch.state().blind_since_mono_ns(), None);

        // An outage, and another pod of that name after it.
        says.now(StatusCode::SERVICE_UNAVAILABLE, &[], &[]);
        let blind = next(&mut told).await;
        let Happened::Blind { since_mono_ns, .. } = blind.what else {
            panic!("{blind:?}")
        };
        assert!(since_mono_ns <= blind.at_mono_ns && blind.subject == Subject::Watch);
        assert_eq!(watch.state().blind_since_mono_ns(), Some(since_mono_ns));
        says.now(StatusCode::OK, &[pod("u2", "False")], &[]);
        assert_eq!(next(&mut told).await.what, Happened::Deleted);
        let created = next(&mut told).await;
        assert_eq!(created.what, Happened::Created);
        assert!(matches!(created.subject, Subject::Pod { uid, .. } if uid == "u2"));
        let blind_since_mono_ns = since_mono_ns;
        let sees = Happened::Sees {
            blind_since_mono_ns,
        };
        assert_eq!(next(&mut told).await.what, sees);
        assert_eq!(watch.state().blind_since_mono_ns(), None);
        let found = watch.until(Duration::from_millis(200), |state| {
            (state.pods["engine-0"].uid == "u2").then_some(())
        });
        assert_eq!(found.await, Some(()));
        let never = watch.until(Duration::from_millis(50), |_| None::<()>);
        assert_eq!(never.await, None);
    }

    #[tokio::test]
    async fn a_version_that_is_too_old_is_no_outage() {
        let says = Says(Arc::default());
        let gone = json!({"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired"});
        let events = [event("ERROR", &gone.to_string())];
        says.now(StatusCode::OK, &[], &events);
        let cluster = says.serve().await;
        let scope = Scope {
            pods: Some(("stg".to_string(), String::new())),
            nodes: false,
        };
        let mut watch = Watch::start(&cluster, scope).await.unwrap();
        let mut told = watch.transitions().unwrap();
        // Listed anew, and its last state is told before its end.
        let events = [
            event("ERROR", &gone.to_string()),
            event("DELETED", &pod("u1", "True")),
        ];
        says.now(StatusCode::OK, &[pod("u1", "False")], &events[..1]);
        assert_eq!(next(&mut told).await.what, Happened::Created);
        says.now(StatusCode::OK, &[], &events[1..]);
        assert_eq!(next(&mut told).await.what, Happened::Ready);
        assert_eq!(next(&mut told).await.what, Happened::Deleted);
        assert!(watch.state().pods.is_empty());
    }
}

//! The two ports beside the node's own.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;

use super::HiveMind;
use super::numbers::families;
use super::watch::Watch;
use crate::entrances::listen;
use crate::error::EngineError;
use crate::http::{App, health, reply};
use crate::metrics::Usage;
use crate::peer::Peers;

/// The listeners of both ports.
#[derive(Debug)]
pub struct Outpost {
    health: TcpListener,
    metrics: TcpListener,
    memory_limit: Option<u64>,
}

/// What the handlers work with.
#[derive(Clone)]
struct Post {
    app: Arc<App>,
    watch: Watch,
    usage: Usage,
}

impl FromRef<Post> for Arc<App> {
    fn from_ref(post: &Post) -> Self {
        Arc::clone(&post.app)
    }
}

impl Outpost {
    /// Listens where the configuration says, if it says so.
    ///
    /// # Errors
    /// [`EngineError::Listen`] with the address that cannot be had.
    pub async fn open(config: Option<&HiveMind>) -> Result<Option<Self>, EngineError> {
        let Some(config) = config else {
            return Ok(None);
        };
        Ok(Some(Self {
            health: listen(config.health).await?,
            metrics: listen(config.metrics).await?,
            memory_limit: config.memory_limit,
        }))
    }

    /// Serves and looks until it is stopped: the tasks that serve end by themselves, the others do not.
    pub fn serve(self, app: &Arc<App>, peers: &Peers, stop: &Receiver<bool>) -> [Tasks; 2] {
        let (watch, usage) = (
            Watch::default(),
            Usage::new(&app.config.data, self.memory_limit),
        );
        let mut looking = watch.start(app, peers);
        looking.push(usage.watching());
        let app = Arc::clone(app);
        let post = Post { app, watch, usage };
        let health = Router::new()
            .route("/health/live", get(health::live))
            .route("/health/ready", get(health::ready))
            .route("/health", get(health))
            .with_state(post.clone());
        let metrics = Router::new()
            .route("/metrics", get(metrics))
            .with_state(post);
        let serving = [(self.health, health), (self.metrics, metrics)];
        let serving = serving.map(|(listener, router)| serve(listener, router, stop.clone()));
        [serving.into(), looking]
    }
}

type Tasks = Vec<JoinHandle<()>>;

fn serve(listener: TcpListener, router: Router, mut stop: Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let stopped = async move {
            let _gone = stop.wait_for(|stop| *stop).await;
        };
        let served = axum::serve(listener, router).with_graceful_shutdown(stopped);
        if let Err(error) = served.await {
            tracing::error!(%error, "a server beside the node ended");
        }
    })
}

/// `GET /health`: who this node is, and whom it is connected to.
async fn health(State(post): State<Post>) -> Response {
    let app = &post.app;
    let ready = app.readiness();
    let (status, word) = match ready {
        Ok(()) => (StatusCode::OK, "healthy"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
    };
    let leader = app.gateway.leader().and_then(|id| app.config.member(id));
    let (role, term) = {
        let metrics = app.raft.metrics();
        let metrics = metrics.borrow();
        (health::role_name(metrics.state), metrics.current_term)
    };
    let hive_mind = app.config.hive_mind.as_ref();
    let colour = hive_mind.and_then(|it| it.colour);
    let body = json!({
        "status": word,
        "reason": ready.err(),
        "node": app.config.name(),
        "deployment": colour.map(super::Colour::as_str),
        "role": role,
        "term": term,
        "leader": leader.map(|member| &member.name),
        "connected_peers": post.watch.connected_peers(),
        "nodes": app.config.members.len(),
    });
    reply::body(status, body)
}

/// `GET /metrics`
async fn metrics(State(post): State<Post>, headers: HeaderMap) -> Response {
    reply::metrics(&families(&post.app, &post.watch, &post.usage), &headers)
}

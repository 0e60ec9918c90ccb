//! What every service has: a name, a version, a life, defects, and how HTTP is served until it ends.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::serve::ListenerExt;
use serde_json::{Value, json};
use shakedown_engine::entrances::listen;
use shakedown_engine::node::asked_to_stop;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::defects::{Defect, Defects, leak_memory};
use crate::error::StandInError;
use crate::life::{Life, Stage};
use crate::metrics::{Counter, Latencies, Page, wall_ns};
use crate::reply;

/// Under which every answer names who gave it.
const NODE_HEADER: HeaderName = HeaderName::from_static("x-node");

/// The longest that open connections may hold up an end.
const LONGEST_END: Duration = Duration::from_secs(10);

/// How every service is started.
#[derive(Debug, Clone, clap::Args)]
pub struct ServiceArgs {
    /// Address on which it listens.
    #[arg(long, default_value = "0.0.0.0")]
    pub host: IpAddr,
    /// Its name, told with every answer. Default: the name of the stand-in.
    #[arg(long, env = "SHAKEDOWN_POD_NAME")]
    pub name: Option<String>,
    /// The version that it says it is of, for canaries and rollbacks.
    #[arg(long, value_name = "VERSION", default_value = env!("CARGO_PKG_VERSION"))]
    pub version_name: String,
    /// Asked to stop, go on serving for so long, in milliseconds, but not be ready.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=600_000))]
    pub drain_ms: u64,
    /// What is to be wrong with it on purpose (see `shakedown stand-in defects`).
    #[arg(long = "defect", value_name = "NAME", value_delimiter = ',')]
    pub defects: Vec<Defect>,
    /// End at once when the process that started this one ends. With its id, also if that was before.
    #[arg(long, value_name = "PID", num_args = 0..=1, default_missing_value = "0")]
    pub with_parent: Option<i32>,
}

/// A service between start and end; its parts share it.
#[derive(Debug)]
pub struct Service {
    /// What it is: the name of the stand-in.
    pub kind: &'static str,
    /// Who it is.
    pub name: String,
    /// Of which version it says that it is.
    pub version: String,
    /// How far it is.
    pub life: Life,
    /// What is wrong with it on purpose.
    pub defects: Defects,
    drain: Duration,
    started_s: f64,
    /// Requests over HTTP, from begun to answered.
    requests: Latencies,
    answers: [Counter; 5],
    /// Counts requests, for the defect `errors`.
    orders: Counter,
}

/// A service that was started: where it is, and how it ends.
#[derive(Debug)]
pub struct Running {
    /// Where it serves HTTP.
    pub http: SocketAddr,
    /// Where its other way in is, if it has one.
    pub stream: Option<SocketAddr>,
    life: Life,
    drain: Duration,
    drops: bool,
    tasks: JoinSet<()>,
}

impl Service {
    /// What the arguments say.
    pub fn new(kind: &'static str, args: &ServiceArgs) -> Self {
        Self {
            kind,
            name: args.name.clone().unwrap_or_else(|| kind.to_owned()),
            version: args.version_name.clone(),
            life: Life::default(),
            defects: Defects::new(&args.defects),
            drain: Duration::from_millis(args.drain_ms),
            started_s: wall_ns() as f64 / 1e9,
            requests: Latencies::default(),
            answers: Default::default(),
            orders: Counter::default(),
        }
    }

    /// What it tells of itself.
    pub fn identity(&self) -> Value {
        json!({ "service": self.kind, "name": self.name, "version": self.version, "defects": self.defects.names() })
    }

    /// When it was started, in milliseconds since 1970.
    pub fn started_ms(&self) -> u64 {
        (self.started_s * 1e3) as u64
    }

    /// The numbers that every service has.
    pub fn page(&self) -> Page {
        let mut page = Page::of_process(self.started_s);
        page.latencies(
            "http_request_duration_seconds",
            "Requests over HTTP, but those for health and metrics.",
            &self.requests,
        );
        let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        let counts = classes
            .into_iter()
            .zip(self.answers.iter().map(Counter::now));
        page.counters(
            "http_responses_total",
            "Answers over HTTP by the class of their status.",
            "class",
            counts,
        );
        page
    }

    /// What goes on until the service stops.
    pub fn until_it_stops(
        &self,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let ends = self.life.reached(Stage::Stopping);
        async move {
            tokio::select! {
                () = ends => {}
                () = work => {}
            }
        }
    }

    fn answered(&self, status: StatusCode, took: Duration) {
        self.requests.observe(1, took);
        let class = usize::from(status.as_u16() / 100).clamp(1, self.answers.len());
        self.answers[class - 1].add(1);
    }
}

/// Serves `routes` until the service stops, with `/health` and `/version` added, and times every request but those.
pub fn serve_http(
    listener: TcpListener,
    service: &std::sync::Arc<Service>,
    routes: Router,
) -> impl Future<Output = ()> + Send + 'static {
    let stop = service.life.reached(Stage::Stopping);
    let watched = from_fn_with_state(std::sync::Arc::clone(service), watched);
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch off Nagle's algorithm");
        }
    });
    let served = axum::serve(listener, routes.layer(watched)).with_graceful_shutdown(stop);
    async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "the HTTP server ended");
        }
    }
}

/// Times a request, names who answers it, and does to it what a defect does.
async fn watched(
    State(service): State<std::sync::Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let is_counted = !["/health", "/ready", "/metrics", "/version"].contains(&path);
    let begun = Instant::now();
    let mut response = if is_counted && service.defects.answers_an_error(service.orders.next()) {
        reply::broken()
    } else {
        next.run(request).await
    };
    if is_counted {
        service.defects.slow_answer().await;
        service.answered(response.status(), begun.elapsed());
    }
    if let Ok(name) = HeaderValue::from_str(&service.name) {
        response.headers_mut().insert(NODE_HEADER, name);
    }
    if service.life.stage() > Stage::Serving {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// Whether a service is ready: as its answer to `GET /ready`.
pub fn readiness(service: &Service, down: &[&str]) -> Response {
    let reason = if service.life.stage() > Stage::Serving {
        Some("stopping".to_owned())
    } else {
        (!down.is_empty()).then(|| format!("no answer from {}", down.join(", ")))
    };
    match reason.filter(|_| !service.defects.has(Defect::UnreadyStaysReady)) {
        None => reply::body(
            StatusCode::OK,
            json!({ "status": "ready", "name": service.name }),
        ),
        Some(reason) => reply::refusal(StatusCode::SERVICE_UNAVAILABLE, "not-ready", &reason),
    }
}

/// Where a service listens for HTTP.
///
/// # Errors
/// [`StandInError::System`] when that is taken.
pub async fn http_listener(args: &ServiceArgs, port: u16) -> Result<TcpListener, StandInError> {
    Ok(listen(SocketAddr::new(args.host, port)).await?)
}

impl Running {
    /// A service whose parts are `tasks`; all of them end when it stops.
    pub fn new(
        service: &Service,
        http: SocketAddr,
        stream: Option<SocketAddr>,
        tasks: JoinSet<()>,
    ) -> Self {
        let mut tasks = tasks;
        if service.defects.has(Defect::LeaksMemory) {
            tasks.spawn(service.until_it_stops(leak_memory()));
        }
        Self {
            http,
            stream,
            life: service.life.clone(),
            drain: service.drain,
            drops: service.defects.has(Defect::DropsUnderDeploy),
            tasks,
        }
    }

    /// Ends it as a rolling update does: not ready, then no longer there, and what was begun is ended.
    pub async fn stop(mut self) {
        if self.drops {
            self.tasks.abort_all();
            self.life.advance(Stage::Stopping);
            return;
        }
        self.life.advance(Stage::Draining);
        tokio::time::sleep(self.drain).await;
        self.life.advance(Stage::Stopping);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LONGEST_END, ended).await.is_err() {
            tracing::warn!("connections were still open at the end");
        }
    }

    /// Serves until the process is asked to stop, and ends.
    ///
    /// # Errors
    /// [`StandInError::System`] if signals cannot be listened for.
    pub async fn until_asked(self) -> Result<(), StandInError> {
        asked_to_stop()?.await;
        self.stop().await;
        Ok(())
    }
}

impl Drop for Running {
    /// Threads look at the life; tasks end with their set.
    fn drop(&mut self) {
        self.life.advance(Stage::Stopping);
    }
}

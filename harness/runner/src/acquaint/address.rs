//! A target at an address: which of the usual paths it answers.
//!
//! A server that answers every path tells nothing by answering one: it is asked for a path that nobody has first.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use shakedown_load::secret::Secrets;
use shakedown_record::series::SeriesKind;
use shakedown_scenarios::plan::{Auth, TlsPlan};
use shakedown_scenarios::starter::{Found, MetricsFound, PlaceFound, VersionFound};

use super::AcquaintError;
use crate::probes::client::{Client, Reply};
use crate::probes::exposition::{Dialect, parse};

/// A target that runs answers sooner.
const WITHIN: Duration = Duration::from_secs(2);

/// A path that nobody has.
const NOWHERE: &str = "/shakedown-asks-for-a-path-that-is-not-there";

const READY: [&str; 6] = [
    "/health/ready",
    "/ready",
    "/readyz",
    "/-/ready",
    "/health",
    "/healthz",
];
const LIVE: [&str; 6] = [
    "/health/live",
    "/live",
    "/livez",
    "/-/healthy",
    "/health",
    "/healthz",
];
const METRICS: [&str; 2] = ["/metrics", "/actuator/prometheus"];
/// Where series are often told when not at the port for orders.
const METRICS_PORTS: [u16; 2] = [9090, 9091];
const VERSIONS: [&str; 5] = [
    "/version",
    "/info",
    "/build-info",
    "/actuator/info",
    "/health",
];
const POINTERS: [&str; 5] = [
    "/version",
    "/build/version",
    "/app/version",
    "/git/commit/id",
    "/commit",
];
const STAGES: [&str; 4] = ["/env", "/environment", "/stage", "/profile"];
/// Words by which a target says that it is no production.
const NOT_PRODUCTION: [&str; 8] = [
    "staging",
    "stage",
    "stg",
    "test",
    "dev",
    "development",
    "sandbox",
    "local",
];
const DESCRIPTIONS: [&str; 3] = ["/openapi.json", "/v3/api-docs", "/swagger.json"];

/// Asks a target what it is.
///
/// # Errors
/// When nobody answers there, or the address is none.
pub async fn address(base: &str, name: &str) -> Result<Found, AcquaintError> {
    let base = base.trim_end_matches('/');
    let tls = base.starts_with("https:").then(TlsPlan::default);
    let client = Client::new(&Auth::None, Arc::new(Secrets::default()), tls.as_ref())
        .map_err(|error| AcquaintError::Wrong(error.to_string()))?;
    let entry = vec![base.to_string()];
    let mut found = Found::at(name, PlaceFound::External { entry });
    let nowhere = client.get(&format!("{base}{NOWHERE}"), WITHIN).await;
    let nowhere = nowhere.map_err(|error| AcquaintError::Unreachable(error.to_string()))?;
    let asking = Asking { client, base };
    if nowhere.is_success() {
        let text = "It answers every path with success, so that no path tells whether it is ready.";
        found.notes.push(text.to_string());
    } else {
        found.ready = asking.first(&READY).await.map(|(path, _)| path);
        found.live = asking.first(&LIVE).await.map(|(path, _)| path);
    }
    found.metrics = asking.metrics().await;
    for path in VERSIONS {
        let Some(said) = asking.json(path).await else {
            continue;
        };
        found.version = found.version.or_else(|| version(path, &said));
        found.not_production = found.not_production.or_else(|| stage(path, &said));
    }
    for path in DESCRIPTIONS {
        let said = asking.json(path).await;
        found.order_paths.extend(said.iter().flat_map(order_paths));
    }
    Ok(found)
}

struct Asking<'a> {
    client: Client,
    base: &'a str,
}

impl Asking<'_> {
    async fn at(&self, url: &str) -> Option<Reply> {
        let reply = self.client.get(url, WITHIN).await.ok()?;
        reply.is_success().then_some(reply)
    }

    /// The first path that is answered with success.
    async fn first(&self, paths: &[&str]) -> Option<(String, Reply)> {
        for path in paths {
            if let Some(reply) = self.at(&format!("{}{path}", self.base)).await {
                return Some(((*path).to_string(), reply));
            }
        }
        None
    }

    async fn json(&self, path: &str) -> Option<Value> {
        self.at(&format!("{}{path}", self.base)).await?.json()
    }

    /// At its own port first, then at the usual ones of the same host.
    async fn metrics(&self) -> Option<MetricsFound> {
        let url = reqwest::Url::parse(self.base).ok()?;
        for port in std::iter::once(None).chain(METRICS_PORTS.map(Some)) {
            let mut base = url.clone();
            if port.is_some() {
                base.set_port(port).ok()?;
            }
            for path in METRICS {
                base.set_path(path);
                let Some(reply) = self.at(base.as_str()).await else {
                    continue;
                };
                let text = String::from_utf8_lossy(&reply.body);
                if let Some(found) = series(&text, reply.header("content-type"), port, path) {
                    return Some(found);
                }
            }
        }
        None
    }
}

/// What a text says, where it is Prometheus' format.
fn series(
    text: &str,
    content_type: Option<&str>,
    port: Option<u16>,
    path: &str,
) -> Option<MetricsFound> {
    let told = parse(text, Dialect::of(content_type));
    if told.samples.is_empty() || !told.malformed.is_empty() {
        return None;
    }
    let buckets = told.samples.iter().filter_map(|sample| {
        let name = sample.name.strip_suffix("_bucket")?;
        (sample.kind == SeriesKind::Histogram).then(|| name.to_string())
    });
    let mut histograms: Vec<String> = buckets.collect();
    histograms.sort();
    histograms.dedup();
    let likely = |name: &&String| {
        let is = |word: &str| name.contains(word);
        let times = is("latency") || is("duration") || is("seconds");
        times.then_some((is("order") || is("trad"), is("latency")))
    };
    let latency = histograms.iter().filter(|name| likely(name).is_some());
    Some(MetricsFound {
        port,
        path: path.to_string(),
        latency: latency.max_by_key(|name| likely(name)).cloned(),
        histograms,
    })
}

fn version(path: &str, said: &Value) -> Option<VersionFound> {
    POINTERS.into_iter().find_map(|pointer| {
        let value = said.pointer(pointer)?.as_str()?;
        Some(VersionFound {
            path: path.to_string(),
            pointer: pointer.to_string(),
            said: value.to_string(),
        })
    })
}

fn stage(path: &str, said: &Value) -> Option<(String, String, String)> {
    STAGES.into_iter().find_map(|pointer| {
        let value = said.pointer(pointer)?.as_str()?;
        let is = NOT_PRODUCTION.contains(&value.to_ascii_lowercase().as_str());
        is.then(|| (path.to_string(), pointer.to_string(), value.to_string()))
    })
}

/// Paths to which something is posted that is about orders.
fn order_paths(description: &Value) -> Vec<String> {
    let paths = description.pointer("/paths").and_then(Value::as_object);
    let posted = paths.into_iter().flatten().filter_map(|(path, methods)| {
        let lower = path.to_ascii_lowercase();
        let about = ["order", "trade", "quote"]
            .iter()
            .any(|word| lower.contains(word));
        (about && methods.get("post").is_some()).then(|| format!("POST {path}"))
    });
    posted.collect()
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;

    use super::*;

    const SERIES: &str = "# TYPE gc_seconds histogram\ngc_seconds_bucket{le=\"+Inf\"} 1\n\
        # TYPE trading_latency histogram\ntrading_latency_bucket{le=\"+Inf\"} 1\n# TYPE up gauge\nup 1\n";

    async fn served(router: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn the_usual_paths_are_found() {
        let info = json!({ "env": "staging", "build": { "version": "4.12.0" } });
        let paths = json!({ "paths": {
            "/v1/orders": { "post": {} }, "/v1/trades": { "get": {} }, "/v1/users": { "post": {} },
        } });
        let router = Router::new()
            .route("/readyz", get(|| async { "ok" }))
            .route("/metrics", get(|| async { SERIES }))
            .route("/info", get(|| async { Json(info) }))
            .route("/openapi.json", get(|| async { Json(paths) }));
        let base = served(router).await;
        let found = address(&format!("{base}/"), "acme").await.unwrap();
        assert_eq!(found.place, PlaceFound::External { entry: vec![base] });
        assert_eq!(found.ready.as_deref(), Some("/readyz"));
        assert_eq!(found.live, None);
        let metrics = found.metrics.unwrap();
        assert_eq!((metrics.port, metrics.path.as_str()), (None, "/metrics"));
        assert_eq!(metrics.latency.as_deref(), Some("trading_latency"));
        assert_eq!(metrics.histograms, ["gc_seconds", "trading_latency"]);
        let version = found.version.unwrap();
        assert_eq!(
            (version.pointer.as_str(), version.said.as_str()),
            ("/build/version", "4.12.0")
        );
        assert_eq!(found.not_production.unwrap().2, "staging");
        assert_eq!(found.order_paths, ["POST /v1/orders"]);
    }

    #[tokio::test]
    async fn who_answers_everything_tells_nothing() {
        let base = served(Router::new().fallback(|| async { "welcome" })).await;
        let found = address(&base, "acme").await.unwrap();
        assert_eq!(
            (found.ready, found.metrics, found.version),
            (None, None, None)
        );
        assert_eq!(found.notes.len(), 1);
    }

    #[tokio::test]
    async fn nobody_there_is_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = address(&base, "acme").await.unwrap_err();
        assert!(error.to_string().contains("connection refused"), "{error}");
    }
}

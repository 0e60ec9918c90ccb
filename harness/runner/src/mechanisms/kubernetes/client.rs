//! One cluster, by its API server.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, Config};
use tokio::time::{Instant, timeout_at};

use super::access::{Access, Reach, load};
use super::error::{Ask, ClusterError};

/// For one call, when nothing else is said.
pub const CALL_WITHIN: Duration = Duration::from_secs(5);
/// Shorter than a call may take, so that a connection that cannot be made is an error of its own.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// The namespace that every cluster has, and whose UID therefore is the cluster's.
const EVERYWHERE: &str = "kube-system";

/// A cluster that was reached once. Clones share their connections.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
    within: Duration,
}

struct Shared {
    config: Config,
    reach: Reach,
    version: String,
    connections: Mutex<Connections>,
}

/// The client in use. After silence there is none until the next call: connections of a client that was met with
/// silence may be dead for minutes, and it would use them again.
struct Connections {
    client: Option<Client>,
    /// How many clients there have been: silence counts against the one that met it.
    generation: u64,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cluster({})", self.shared.reach)
    }
}

impl Cluster {
    /// Reaches a cluster: by the account of this pod when there is one and no kubeconfig is named, else by a
    /// kubeconfig.
    ///
    /// # Errors
    /// When no way is known, or the API server does not answer in time, or does not know who asks.
    pub async fn connect(access: &Access) -> Result<Cluster, ClusterError> {
        let (config, access) = load(access).await?;
        let reach = Reach {
            access,
            server: config.cluster_url.to_string().trim_end_matches('/').into(),
            uid: None,
        };
        let mut cluster = Cluster::unproven(config, reach);
        let ask = Ask::cluster("get", "version", "of the API server");
        let call = |client: Client| async move { client.apiserver_version().await };
        let version = cluster.call(ask, call).await?.git_version;
        let uid = match cluster.look_up_uid().await {
            Ok(uid) => Some(uid),
            Err(ClusterError::Forbidden { .. } | ClusterError::NotFound(_)) => None,
            Err(other) => return Err(other),
        };
        if let Some(shared) = Arc::get_mut(&mut cluster.shared) {
            shared.version = version;
            shared.reach.uid = uid;
        }
        Ok(cluster)
    }

    /// Reaches a cluster again, and makes sure that it is the same.
    ///
    /// # Errors
    /// As [`Cluster::connect`]; when it is another.
    pub async fn again(reach: &Reach) -> Result<Cluster, ClusterError> {
        let cluster = Cluster::connect(&reach.access).await?;
        reach.same(cluster.reach())?;
        Ok(cluster)
    }

    /// A cluster that nobody has reached yet.
    pub(super) fn unproven(mut config: Config, reach: Reach) -> Cluster {
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_WITHIN);
        let connections = Mutex::new(Connections {
            client: None,
            generation: 0,
        });
        let shared = Arc::new(Shared {
            config,
            reach,
            version: String::new(),
            connections,
        });
        Cluster {
            shared,
            within: CALL_WITHIN,
        }
    }

    /// The same cluster with another time for each call.
    #[must_use]
    pub fn within(&self, within: Duration) -> Cluster {
        Cluster {
            shared: self.shared.clone(),
            within,
        }
    }

    /// How it was reached, for a journal.
    pub fn reach(&self) -> &Reach {
        &self.shared.reach
    }

    /// Context and address, for people.
    pub fn describe(&self) -> String {
        self.shared.reach.to_string()
    }

    /// The API server's version, such as `v1.34.4`, when it was reached.
    pub fn version(&self) -> &str {
        &self.shared.version
    }

    /// UID of the namespace `kube-system`, which no other cluster has.
    ///
    /// # Errors
    /// When the account may not look at it, or the API server does not answer in time.
    pub async fn uid(&self) -> Result<String, ClusterError> {
        match &self.shared.reach.uid {
            Some(uid) => Ok(uid.clone()),
            None => self.look_up_uid().await,
        }
    }

    /// The namespace that the context, or the account of this pod, names.
    pub fn default_namespace(&self) -> &str {
        &self.shared.config.default_namespace
    }

    /// Does something with a cluster on a thread and a runtime of its own, for callers that have none.
    ///
    /// # Errors
    /// As `work` says; when the cluster is not reached, or is another.
    pub fn blocking<T: Send + 'static>(
        reach: &Reach,
        work: impl AsyncFnOnce(Cluster) -> Result<T, ClusterError> + Send + 'static,
    ) -> Result<T, ClusterError> {
        let reach = reach.clone();
        let thread = std::thread::Builder::new()
            .name("kubernetes".to_string())
            .spawn(move || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(ClusterError::Runtime)?
                    .block_on(async move { work(Cluster::again(&reach).await?).await })
            })
            .map_err(ClusterError::Runtime)?;
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    async fn look_up_uid(&self) -> Result<String, ClusterError> {
        let ask = Ask::cluster("get", "namespaces", EVERYWHERE);
        let get =
            |client: Client| async move { Api::<Namespace>::all(client).get(EVERYWHERE).await };
        let namespace = self.call(ask.clone(), get).await?;
        let uid = namespace.metadata.uid;
        uid.ok_or_else(|| ClusterError::other(ask, "it has no UID"))
    }

    /// One request, made once, bounded in time. After silence the next one has new connections.
    pub(super) async fn call<T, F>(
        &self,
        ask: Ask,
        request: impl FnOnce(Client) -> F,
    ) -> Result<T, ClusterError>
    where
        F: Future<Output = Result<T, kube::Error>>,
    {
        let (_, done) = self.open(ask, request).await?;
        Ok(done)
    }

    /// As [`Cluster::call`], with the number of the client that made it, for streams: [`Cluster::forget`] it when the
    /// stream falls silent.
    pub(super) async fn open<T, F>(
        &self,
        ask: Ask,
        request: impl FnOnce(Client) -> F,
    ) -> Result<(u64, T), ClusterError>
    where
        F: Future<Output = Result<T, kube::Error>>,
    {
        let until = Instant::now() + self.within;
        let server = &self.shared.reach.server;
        let late = |ask| ClusterError::Timeout {
            server: server.clone(),
            ask,
            within_ms: u64::try_from(self.within.as_millis()).unwrap_or(u64::MAX),
        };
        let (generation, client) = match timeout_at(until, self.client()).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(ClusterError::of(server, ask, error)),
            Err(_) => return Err(late(ask)),
        };
        let done = match timeout_at(until, request(client)).await {
            Ok(Ok(done)) => return Ok((generation, done)),
            Ok(Err(error)) => ClusterError::of(server, ask, error),
            Err(_) => late(ask),
        };
        if done.is_silence() {
            self.forget(generation);
        }
        Err(done)
    }

    async fn client(&self) -> Result<(u64, Client), kube::Error> {
        let generation = {
            let known = self.connections();
            if let Some(client) = &known.client {
                return Ok((known.generation, client.clone()));
            }
            known.generation
        };
        let config = self.shared.config.clone();
        // A kubeconfig may name a program that fetches the token.
        let built = tokio::task::spawn_blocking(move || Client::try_from(config)).await;
        let client = built.map_err(|ended| kube::Error::Service(ended.into()))??;
        let mut known = self.connections();
        if known.generation == generation && known.client.is_none() {
            known.client = Some(client.clone());
        }
        Ok((generation, client))
    }

    /// Uses no connection of this client again.
    pub(super) fn forget(&self, generation: u64) {
        let mut known = self.connections();
        if known.generation == generation {
            known.client = None;
            known.generation += 1;
        }
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, Connections> {
        let known = self.shared.connections.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::http::StatusCode;
    use axum::routing::any;
    use axum::{Json, Router};
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn cluster(address: std::net::SocketAddr) -> Cluster {
        let server = format!("http://{address}");
        let config = Config::new(server.parse().unwrap());
        let reach = Reach {
            access: Access::default(),
            server,
            uid: None,
        };
        Cluster::unproven(config, reach).within(Duration::from_millis(300))
    }

    async fn uid_after(
        status: StatusCode,
        answer: serde_json::Value,
    ) -> (usize, Result<String, ClusterError>) {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let before = ASKED.load(Ordering::SeqCst);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(any(move || {
            ASKED.fetch_add(1, Ordering::SeqCst);
            async move { (status, Json(answer.clone())) }
        }));
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let answer = cluster(address).uid().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.abort();
        (ASKED.load(Ordering::SeqCst) - before, answer)
    }

    #[tokio::test]
    async fn what_is_refused_is_not_asked_again() {
        for (status, reason) in [
            (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
            (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        ] {
            let answer = json!({"kind": "Status", "status": "Failure", "code": status.as_u16(), "reason": reason});
            let (asked, answer) = uid_after(status, answer).await;
            assert_eq!(asked, 1, "{answer:?}");
            assert!(answer.unwrap_err().is_passing());
        }
        let namespace = json!({"metadata": {"name": "kube-system", "uid": "5b1e"}});
        let (_, answer) = uid_after(StatusCode::OK, namespace).await;
        assert_eq!(answer.unwrap(), "5b1e");
    }

    /// The first connections answer once, and are silent from then on, as those across a cut are.
    async fn serve_some(listener: TcpListener, silent: usize) {
        let all_there = Arc::new(tokio::sync::Barrier::new(silent));
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let all_there = all_there.clone();
            tokio::spawn(async move {
                let mut request = [0u8; 8192];
                let mut answers = 0;
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    if number < silent && answers > 0 {
                        std::future::pending::<()>().await;
                    }
                    if number < silent {
                        all_there.wait().await;
                    }
                    answers += 1;
                    let body = r#"{"metadata":{"uid":"5b1e"}}"#;
                    let length = body.len();
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
                    let answer = format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    }

    #[tokio::test]
    async fn silence_ends_in_time_and_leads_to_a_new_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve_some(listener, 2));
        let cluster = cluster(address);
        cluster.client().await.unwrap();
        let (first, second) = tokio::join!(cluster.uid(), cluster.uid());
        assert_eq!(
            (first.unwrap(), second.unwrap()),
            ("5b1e".into(), "5b1e".into())
        );
        // Two connections lie ready, and both are dead.
        let begun = std::time::Instant::now();
        let silent = cluster.uid().await.unwrap_err();
        assert!(
            matches!(silent, ClusterError::Timeout { within_ms: 300, .. }),
            "{silent}"
        );
        assert!(begun.elapsed() < Duration::from_secs(2));
        assert_eq!(cluster.uid().await.unwrap(), "5b1e");
        server.abort();
    }

    #[tokio::test]
    async fn nobody_there_is_said_with_the_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = cluster(address).uid().await.unwrap_err();
        assert!(matches!(error, ClusterError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}

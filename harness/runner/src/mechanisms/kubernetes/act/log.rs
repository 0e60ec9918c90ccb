//! Following what a container writes.

use std::pin::Pin;
use std::time::Duration;

use futures_util::io::{AsyncBufRead, Lines};
use futures_util::{AsyncBufReadExt, TryStreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, Client};

use super::super::client::Cluster;
use super::super::error::{Ask, ClusterError};

/// Bytes of a log's end that are read.
const END_BYTES: i64 = 16 * 1024;

/// Lines of a container, as it writes them.
pub struct LogLines {
    lines: Lines<Pin<Box<dyn AsyncBufRead + Send>>>,
    ask: Ask,
    server: String,
}

impl std::fmt::Debug for LogLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogLines({})", self.ask)
    }
}

impl LogLines {
    /// The next line without its end; `None` when the container has ended, or its log was rotated. Cancelling it
    /// loses no line.
    ///
    /// # Errors
    /// [`ClusterError::Timeout`] when there is none in time: it may be asked for again; [`ClusterError::Unreachable`]
    /// when the connection broke.
    pub async fn next(&mut self, within: Duration) -> Result<Option<String>, ClusterError> {
        match tokio::time::timeout(within, self.lines.try_next()).await {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => Err(ClusterError::Unreachable {
                server: self.server.clone(),
                ask: self.ask.clone(),
                why: error.to_string(),
            }),
            Err(_) => Err(ClusterError::Timeout {
                server: self.server.clone(),
                ask: self.ask.clone(),
                within_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
            }),
        }
    }
}

impl Cluster {
    /// Follows the log of a container from its beginning; of the only one without a name.
    ///
    /// # Errors
    /// When the pod has no such container, or it is not started yet.
    pub async fn follow_log(
        &self,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
    ) -> Result<LogLines, ClusterError> {
        let params = LogParams {
            container: container.map(ToString::to_string),
            follow: true,
            ..LogParams::default()
        };
        self.follow(namespace, pod, params).await
    }

    /// Follows the log of a container from a moment on (whole seconds; `None`: from its beginning). Each line begins with
    /// the time at which it was written.
    ///
    /// # Errors
    /// When the pod has no such container, or it is not started yet.
    pub async fn follow_log_since(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        since: Option<Timestamp>,
    ) -> Result<LogLines, ClusterError> {
        let params = LogParams {
            container: Some(container.to_string()),
            follow: true,
            since_time: since,
            timestamps: true,
            ..LogParams::default()
        };
        self.follow(namespace, pod, params).await
    }

    async fn follow(
        &self,
        namespace: &str,
        pod: &str,
        params: LogParams,
    ) -> Result<LogLines, ClusterError> {
        let ask = Ask::of("get", "pods/log", namespace, pod);
        let open = |client: Client| {
            let api = Api::<Pod>::namespaced(client, namespace);
            async move { api.log_stream(pod, &params).await }
        };
        let stream = self.call(ask.clone(), open).await?;
        let stream: Pin<Box<dyn AsyncBufRead + Send>> = Box::pin(stream);
        Ok(LogLines {
            lines: stream.lines(),
            ask,
            server: self.reach().server.clone(),
        })
    }

    /// The last lines that a container has written; those of its run before when `previous`.
    ///
    /// # Errors
    /// When the API server does not give them.
    pub async fn log_end(
        &self,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
        previous: bool,
        lines: u32,
    ) -> Result<String, ClusterError> {
        let ask = Ask::of("get", "pods/log", namespace, pod);
        let params = LogParams {
            container: container.map(ToString::to_string),
            previous,
            tail_lines: Some(i64::from(lines)),
            limit_bytes: Some(END_BYTES),
            ..LogParams::default()
        };
        let read = |client: Client| {
            let api = Api::<Pod>::namespaced(client, namespace);
            async move { api.logs(pod, &params).await }
        };
        self.call(ask, read).await
    }
}

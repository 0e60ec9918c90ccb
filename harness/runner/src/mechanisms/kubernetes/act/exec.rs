//! A command in a container that runs, and what it writes.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{AttachParams, AttachedProcess};
use kube::{Api, Client};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::super::client::Cluster;
use super::super::error::{Ask, ClusterError};

/// Bytes of an answer that may lie in memory.
const BUFFER_BYTES: usize = 1 << 18;

/// How a command ended is told at once, or never.
const STATUS_WITHIN: Duration = Duration::from_secs(2);

/// A command under way. Dropped before its end, its connection is closed.
pub struct Command {
    process: AttachedProcess,
    stdout: Box<dyn AsyncRead + Send + Unpin>,
    ask: Ask,
    server: String,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Command({})", self.ask)
    }
}

impl Cluster {
    /// Starts a command in a container.
    ///
    /// # Errors
    /// When the container does not run, or the API server does not do it in time.
    pub async fn exec(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        words: &[String],
    ) -> Result<Command, ClusterError> {
        let ask = Ask::of("create", "pods/exec", namespace, pod);
        let params = AttachParams::default()
            .container(container)
            .stdin(false)
            .stdout(true)
            .stderr(true)
            .max_stdout_buf_size(BUFFER_BYTES)
            .max_stderr_buf_size(BUFFER_BYTES);
        let open = |client: Client| {
            let api = Api::<Pod>::namespaced(client, namespace);
            async move { api.exec(pod, words.to_vec(), &params).await }
        };
        let mut process = self.call(ask.clone(), open).await?;
        let stdout = process
            .stdout()
            .ok_or_else(|| ClusterError::other(ask.clone(), "it has no output"))?;
        Ok(Command {
            process,
            stdout: Box::new(stdout),
            ask,
            server: self.reach().server.clone(),
        })
    }
}

/// A command under way that is talked with. Dropped before its end, its connection is closed, and it sees the end of what
/// is said to it.
pub struct Conversation {
    process: AttachedProcess,
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Conversation")
    }
}

impl Cluster {
    /// Starts a command in a container, to talk with it. What it writes to its standard error is not heard.
    ///
    /// # Errors
    /// When the container does not run, or the API server does not do it in time.
    pub async fn converse(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        words: &[String],
    ) -> Result<Conversation, ClusterError> {
        let ask = Ask::of("create", "pods/exec", namespace, pod);
        let params = AttachParams::default()
            .container(container)
            .stdin(true)
            .stdout(true)
            .stderr(false)
            .max_stdin_buf_size(BUFFER_BYTES)
            .max_stdout_buf_size(BUFFER_BYTES);
        let open = |client: Client| {
            let api = Api::<Pod>::namespaced(client, namespace);
            async move { api.exec(pod, words.to_vec(), &params).await }
        };
        let mut process = self.call(ask.clone(), open).await?;
        let missing = || ClusterError::other(ask.clone(), "it has no input or no output");
        let stdin = process.stdin().ok_or_else(missing)?;
        let stdout = process.stdout().ok_or_else(missing)?;
        Ok(Conversation {
            process,
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
        })
    }
}

impl Conversation {
    /// How it ended, in words; its connection is closed.
    pub async fn ended(mut self) -> String {
        drop((self.stdin, self.stdout));
        let status = match self.process.take_status() {
            Some(status) => tokio::time::timeout(STATUS_WITHIN, status)
                .await
                .ok()
                .flatten(),
            None => None,
        };
        self.process.abort();
        match status {
            Some(status) if status.status.as_deref() == Some("Success") => {
                "it ended by itself".to_string()
            }
            Some(status) => status
                .message
                .unwrap_or_else(|| "it ended without a word".to_string()),
            None => "the connection to it broke".to_string(),
        }
    }
}

impl Command {
    /// The next bytes that it writes; `None` once it has ended well.
    ///
    /// # Errors
    /// When nothing comes in time, the connection breaks, or the command fails: then with its own words.
    pub async fn next(&mut self, within: Duration) -> Result<Option<Vec<u8>>, ClusterError> {
        let late = |ask: &Ask, server: &str| ClusterError::Timeout {
            server: server.to_string(),
            ask: ask.clone(),
            within_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
        };
        let mut bytes = vec![0; BUFFER_BYTES];
        let read = tokio::time::timeout(within, self.stdout.read(&mut bytes)).await;
        match read {
            Err(_) => Err(late(&self.ask, &self.server)),
            Ok(Err(error)) => Err(self.broken(&error.to_string())),
            Ok(Ok(0)) => match tokio::time::timeout(within, self.end()).await {
                Ok(ended) => ended.map(|()| None),
                Err(_) => Err(late(&self.ask, &self.server)),
            },
            Ok(Ok(read)) => {
                bytes.truncate(read);
                Ok(Some(bytes))
            }
        }
    }

    /// Everything that it writes until it has ended well.
    ///
    /// # Errors
    /// As [`Command::next`].
    pub async fn all(mut self, within: Duration) -> Result<Vec<u8>, ClusterError> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next(within).await? {
            all.extend(bytes);
        }
        Ok(all)
    }

    /// How it ended. Without a word of that the connection broke, whatever has come.
    async fn end(&mut self) -> Result<(), ClusterError> {
        let status = match self.process.take_status() {
            Some(status) => status.await,
            None => None,
        };
        let Some(status) = status else {
            return Err(self.broken("the connection ended before the command"));
        };
        if status.status.as_deref() == Some("Success") {
            return Ok(());
        }
        let mut said = String::new();
        if let Some(mut stderr) = self.process.stderr() {
            // What it said is a help, not the point.
            let _ = stderr.read_to_string(&mut said).await;
        }
        let message = status.message.unwrap_or_default();
        Err(ClusterError::other(
            self.ask.clone(),
            format!("{message} {}", said.trim()).trim().to_string(),
        ))
    }

    fn broken(&self, why: &str) -> ClusterError {
        ClusterError::Unreachable {
            server: self.server.clone(),
            ask: self.ask.clone(),
            why: why.to_string(),
        }
    }
}

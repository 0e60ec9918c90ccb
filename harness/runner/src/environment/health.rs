//! One HTTP request on a connection of its own, with a deadline: is somebody there, does it answer?
//!
//! Faults are confirmed by this, so it must tell *silent* (frozen: the kernel still accepts connections) from
//! *refused* (dead). No pool, no proxy, no retry could hide the difference.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use shakedown_scenarios::plan::{Request, System, Template, TemplatePart};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error::EnvironmentError;
use crate::stores::{postgresql, redis};

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpAnswer {
    /// The status of the reply.
    Status(u16),
    /// Nothing within the deadline.
    Silent,
    /// Nobody listens.
    Refused,
    /// The connection broke, or the reply is no HTTP.
    Broken(String),
}

impl HttpAnswer {
    /// True for a status of 2xx.
    pub fn is_success(&self) -> bool {
        matches!(self, HttpAnswer::Status(200..=299))
    }
}

impl std::fmt::Display for HttpAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HttpAnswer::Status(status) => write!(f, "answers with status {status}"),
            HttpAnswer::Silent => f.write_str("does not answer"),
            HttpAnswer::Refused => f.write_str("refuses connections"),
            HttpAnswer::Broken(why) => write!(f, "breaks the connection: {why}"),
        }
    }
}

/// A readiness request without holes, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PlainRequest {
    /// The head of a request, without host.
    Http(String),
    /// Does it let clients of this database in?
    PostgreSql { database: String },
    /// Does it answer, and serve its data?
    Redis,
}

impl PlainRequest {
    /// The request as planned; `None` when it has holes, which only a run with secrets and orders can fill.
    pub(crate) fn of(request: &Request) -> Option<PlainRequest> {
        let path = literal(&request.path)?;
        let mut text = format!("{} {path} HTTP/1.1\r\n", request.method);
        for (name, value) in &request.headers {
            text.push_str(&format!("{name}: {}\r\n", literal(value)?));
        }
        match &request.body {
            None => Some(PlainRequest::Http(text)),
            Some(_) => None,
        }
    }
}

fn literal(template: &Template) -> Option<String> {
    template
        .parts
        .iter()
        .map(|part| match part {
            TemplatePart::Text(text) => Some(text.as_str()),
            TemplatePart::Hole { .. } => None,
        })
        .collect()
}

/// How a replica of a part is asked over HTTP whether it is ready; `None`: the profile does not say.
///
/// # Errors
/// When the request has holes.
pub(super) fn readiness(
    system: &System,
    part: &str,
) -> Result<Option<PlainRequest>, EnvironmentError> {
    system
        .readiness(part)
        .map(|(request, _)| PlainRequest::of(request).ok_or(EnvironmentError::ReadinessTemplate))
        .transpose()
}

/// Asks `GET path` of an address.
pub async fn ask(address: SocketAddr, path: &str, at_most: Duration) -> HttpAnswer {
    let request = PlainRequest::Http(format!("GET {path} HTTP/1.1\r\n"));
    ask_plain(address, &request, at_most).await
}

pub(crate) async fn ask_plain(
    address: SocketAddr,
    request: &PlainRequest,
    at_most: Duration,
) -> HttpAnswer {
    match tokio::time::timeout(at_most, exchange(address, request)).await {
        Err(_) => HttpAnswer::Silent,
        Ok(Ok(status)) => HttpAnswer::Status(status),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => HttpAnswer::Refused,
        Ok(Err(error)) => HttpAnswer::Broken(error.to_string()),
    }
}

async fn exchange(address: SocketAddr, request: &PlainRequest) -> io::Result<u16> {
    let head = match request {
        PlainRequest::Http(head) => head,
        PlainRequest::PostgreSql { database } => {
            return postgresql::is_open(address, database).await.map(|()| 200);
        }
        PlainRequest::Redis => return redis::is_open(address).await.map(|()| 200),
    };
    let mut stream = TcpStream::connect(address).await?;
    let text = format!("{head}Host: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await?;
    // "HTTP/1.1 200" is all that is asked.
    let mut head = [0u8; 12];
    stream.read_exact(&mut head).await?;
    parse_status(&head).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not HTTP"))
}

fn parse_status(head: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(head).ok()?;
    let (version, status) = text.split_once(' ')?;
    version.starts_with("HTTP/1.").then_some(())?;
    status
        .parse()
        .ok()
        .filter(|status| (100..600).contains(status))
}

/// True when a connection to the address is refused: no socket listens.
pub(crate) async fn refuses(address: SocketAddr, at_most: Duration) -> bool {
    match tokio::time::timeout(at_most, TcpStream::connect(address)).await {
        Ok(Err(error)) => error.kind() == io::ErrorKind::ConnectionRefused,
        Ok(Ok(_)) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    fn served(reply: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0u8; 512];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(reply).unwrap();
        });
        address
    }

    #[tokio::test]
    async fn an_answer_silence_refusal_and_nonsense_are_told_apart() {
        let long = Duration::from_secs(5);
        let ready = served(b"HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(ask(ready, "/", long).await, HttpAnswer::Status(200));
        let busy = served(b"HTTP/1.1 503 Service Unavailable\r\n\r\n");
        assert!(!ask(busy, "/", long).await.is_success());
        let nonsense = served(b"SSH-2.0-OpenSSH_9.2p1\r\n");
        assert!(matches!(
            ask(nonsense, "/", long).await,
            HttpAnswer::Broken(_)
        ));
        let cut = served(b"HTTP");
        assert!(matches!(ask(cut, "/", long).await, HttpAnswer::Broken(_)));

        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        assert_eq!(ask(address, "/", SHORT).await, HttpAnswer::Silent);
        assert!(!refuses(address, SHORT).await);
        drop(silent);
        assert_eq!(ask(address, "/", long).await, HttpAnswer::Refused);
        assert!(refuses(address, long).await);
    }
}

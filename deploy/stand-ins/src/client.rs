//! HTTP/1.1 between the services: small requests, answers with their length, connections that are kept.

use std::io;
use std::sync::{Mutex, PoisonError};

use shakedown_engine::endpoint::Endpoint;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Connections that are kept when nobody uses them.
const MOST_IDLE: usize = 32;

/// The longest answer, in bytes.
const LONGEST: usize = 16 << 20;

/// A client of one server.
#[derive(Debug)]
pub struct HttpClient {
    server: Endpoint,
    idle: Mutex<Vec<TcpStream>>,
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The body, as text.
    pub body: String,
}

struct Head {
    status: u16,
    bytes: usize,
    body: usize,
    stays: bool,
}

impl HttpClient {
    /// A client that dials when it has to.
    pub fn new(server: Endpoint) -> Self {
        Self {
            server,
            idle: Mutex::default(),
        }
    }

    /// Asks; the time that this may take is the caller's. A kept connection that turns out to have ended is replaced once: ask
    /// only what may be asked twice.
    ///
    /// # Errors
    /// What the connection says.
    pub async fn ask(&self, method: &str, path: &str, body: &str) -> io::Result<Answered> {
        let host = &self.server;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let kept = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        if let Some(stream) = kept
            && let Ok(answered) = self.exchange(stream, &request).await
        {
            return Ok(answered);
        }
        let stream = self.server.connect().await?;
        stream.set_nodelay(true)?;
        self.exchange(stream, &request).await
    }

    async fn exchange(&self, mut stream: TcpStream, request: &str) -> io::Result<Answered> {
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::with_capacity(1024);
        let head = loop {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = head(&bytes)? {
                break head;
            }
        };
        while bytes.len() < head.bytes + head.body {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let body = &bytes[head.bytes..head.bytes + head.body];
        let body = String::from_utf8_lossy(body).into_owned();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if head.stays && idle.len() < MOST_IDLE {
            idle.push(stream);
        }
        Ok(Answered {
            status: head.status,
            body,
        })
    }
}

/// The head of an answer, when all of it is there.
fn head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(io::Error::other)?;
    let httparse::Status::Complete(length) = parsed else {
        return Ok(None);
    };
    let value = |name: &str| {
        let mut all = response.headers.iter();
        let found = all.find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok()
    };
    let body = value("content-length").and_then(|text| text.parse().ok());
    let body = body.filter(|body| *body <= LONGEST);
    Ok(Some(Head {
        status: response.code.unwrap_or(0),
        bytes: length,
        body: body.ok_or_else(|| io::Error::other("an answer without a length"))?,
        stays: value("connection") != Some("close"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_how_long_the_body_is_and_whether_the_connection_stays() {
        let text = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        let whole = head(text).unwrap().unwrap();
        assert_eq!((whole.status, whole.body, whole.stays), (201, 2, false));
        assert_eq!(whole.bytes, text.len() - 2);
        assert!(head(&text[..20]).unwrap().is_none());
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}

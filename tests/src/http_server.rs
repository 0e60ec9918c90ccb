//! The least HTTP/1.1 that a fixture needs: keep-alive, one thread for each connection, bodies by content length.
//!
//! Not a library on purpose: a fixture that shares its HTTP code with the client under test would share its mistakes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use shakedown_record::monotonic_ns;

/// A request as it was read.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    pub method: String,
    /// With its query, as sent.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// `CLOCK_MONOTONIC` when the last byte had been read.
    pub received_ns: u64,
}

impl HttpRequest {
    /// The value of a header; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// The path without its query, in segments.
    pub fn segments(&self) -> Vec<&str> {
        let path = self.path.split('?').next().unwrap_or_default();
        path.split('/').filter(|part| !part.is_empty()).collect()
    }
}

/// Reads the next request of a connection; `None` when the client closed it.
///
/// # Errors
/// When the connection breaks or what comes is no HTTP.
pub fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<HttpRequest>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::Error::other(format!("no request line: {line:?}")));
    };
    let (method, path) = (method.to_string(), path.to_string());
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let header = line.trim_end();
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_string()));
        }
    }
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(Ok(0), |(_, value)| value.parse().map_err(io::Error::other))?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(HttpRequest {
        method,
        path,
        headers,
        body,
        received_ns: monotonic_ns(),
    }))
}

/// A reply with a body of text.
#[derive(Debug, Clone)]
pub struct HttpReply {
    pub status: u16,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl HttpReply {
    /// A JSON reply.
    pub fn json(status: u16, body: &serde_json::Value) -> HttpReply {
        HttpReply {
            status,
            content_type: "application/json",
            headers: Vec::new(),
            body: body.to_string(),
        }
    }

    /// Writes the reply with one system call.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn write(&self, mut stream: &TcpStream) -> io::Result<()> {
        let mut text = format!(
            "HTTP/1.1 {} Status\r\ncontent-type: {}\r\ncontent-length: {}\r\n",
            self.status,
            self.content_type,
            self.body.len()
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        stream.write_all(text.as_bytes())
    }
}

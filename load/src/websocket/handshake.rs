//! The opening handshake: a request over HTTP/1.1, and an answer that proves that it was understood.

use std::fmt::Write as _;
use std::mem::MaybeUninit;

use sha1::{Digest, Sha1};

use crate::secret::encode::base64;

/// What every server appends to the key before it takes the digest (RFC 6455, section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Longest head of an answer, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

const MOST_HEADERS: usize = 64;

/// The handshake of one connection.
#[derive(Debug, Default)]
pub struct Handshake {
    /// What the server has to answer; empty once it did.
    expected: String,
    /// An answer that is not complete.
    head: Vec<u8>,
}

/// How far a handshake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All bytes are taken in, and the answer is not complete.
    Waits,
    /// It is done; so many bytes belong to it.
    Done { used: usize },
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the answer to the handshake is not HTTP/1.1")]
    NotHttp,
    #[error("the server answers the handshake with status {0}")]
    Status(u16),
    #[error("the server switches to something else than WebSocket")]
    Otherwise,
    #[error("the server did not read the key of the handshake")]
    Key,
    #[error("the server uses an extension or a protocol that nobody asked for")]
    Unasked,
}

impl Handshake {
    /// Begins anew: appends the request to `out`. `headers` are whole lines.
    pub fn begin(
        &mut self,
        path: &str,
        host: &str,
        headers: &str,
        nonce: [u8; 16],
        out: &mut Vec<u8>,
    ) {
        let key = base64(&nonce);
        self.head.clear();
        self.expected = accept_of(&key);
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n{headers}\r\n"
        );
        out.extend_from_slice(text.as_bytes());
    }

    /// True from [`Handshake::begin`] until it is done.
    pub fn is_open(&self) -> bool {
        !self.expected.is_empty()
    }

    /// Reads on in the answer.
    ///
    /// # Errors
    /// When there will be no WebSocket on this connection.
    pub fn read(&mut self, input: &[u8]) -> Result<Progress, Refused> {
        let before = self.head.len();
        self.head.extend_from_slice(input);
        let Some(length) = accepted(&self.head, &self.expected)? else {
            return match self.head.len() > LONGEST_HEAD {
                true => Err(Refused::NotHttp),
                false => Ok(Progress::Waits),
            };
        };
        self.expected.clear();
        self.head.clear();
        Ok(Progress::Done {
            used: length - before,
        })
    }
}

/// Length of the answer, once all of it is there.
fn accepted(bytes: &[u8], expected: &str) -> Result<Option<usize>, Refused> {
    let mut headers = [const { MaybeUninit::uninit() }; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        bytes,
        &mut headers,
    );
    let length = match parsed {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Refused::NotHttp),
    };
    match response.code {
        Some(101) => {}
        Some(other) => return Err(Refused::Status(other)),
        None => return Err(Refused::NotHttp),
    }
    let value = |name: &str| {
        let mut headers = response.headers.iter();
        let found = headers.find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value.trim_ascii())
    };
    let says = |name: &str, word: &[u8]| {
        value(name).is_some_and(|value| {
            let mut words = value.split(|byte| *byte == b',');
            words.any(|found| found.trim_ascii().eq_ignore_ascii_case(word))
        })
    };
    if !says("upgrade", b"websocket") || !says("connection", b"upgrade") {
        return Err(Refused::Otherwise);
    }
    if value("sec-websocket-accept") != Some(expected.as_bytes()) {
        return Err(Refused::Key);
    }
    if value("sec-websocket-extensions").is_some_and(|value| !value.is_empty())
        || value("sec-websocket-protocol").is_some()
    {
        return Err(Refused::Unasked);
    }
    Ok(Some(length))
}

fn accept_of(key: &str) -> String {
    let mut digest = Sha1::new();
    digest.update(key);
    digest.update(GUID);
    base64(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> (Handshake, String) {
        let mut handshake = Handshake::default();
        let mut out = Vec::new();
        handshake.begin(
            "/ws",
            "engine:1",
            "x: y\r\n",
            *b"the sample nonce",
            &mut out,
        );
        (handshake, String::from_utf8(out).unwrap())
    }

    fn answer(accept: &str) -> String {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
    }

    /// The sample nonce of RFC 6455, section 1.3.
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    #[test]
    fn the_sample_of_the_standard() {
        let (handshake, request) = begun();
        assert_eq!(
            request,
            "GET /ws HTTP/1.1\r\nhost: engine:1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nx: y\r\n\r\n"
        );
        assert_eq!(handshake.expected, ACCEPT);
    }

    #[test]
    fn an_answer_is_the_same_wherever_it_is_cut() {
        let stream = format!("{}rest", answer(ACCEPT));
        let length = stream.len() - 4;
        for cut in 0..length {
            let (mut handshake, _) = begun();
            let (left, right) = stream.as_bytes().split_at(cut);
            assert_eq!(handshake.read(left), Ok(Progress::Waits), "cut at {cut}");
            let used = length - cut;
            assert_eq!(handshake.read(right), Ok(Progress::Done { used }));
            assert!(!handshake.is_open());
        }
    }

    #[test]
    fn whoever_did_not_understand_is_refused() {
        for (answer, why) in [
            (answer("AAAA"), Refused::Key),
            (
                answer(ACCEPT).replace("WebSocket\r\n", "h2c\r\n"),
                Refused::Otherwise,
            ),
            (answer(ACCEPT).replace("101", "503"), Refused::Status(503)),
            ("SSH-2.0-x\r\n\r\n".to_string(), Refused::NotHttp),
            (
                answer(ACCEPT).replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: x\r\n\r\n"),
                Refused::Unasked,
            ),
        ] {
            let (mut handshake, _) = begun();
            assert_eq!(handshake.read(answer.as_bytes()), Err(why), "{answer}");
        }
        let (mut handshake, _) = begun();
        let endless = vec![b'x'; LONGEST_HEAD];
        let begins = b"HTTP/1.1 101 X\r\ny: ";
        assert_eq!(handshake.read(begins), Ok(Progress::Waits));
        assert_eq!(handshake.read(&endless), Err(Refused::NotHttp));
    }
}

//! The head of an answer: status, framing of the body, and whether the connection lives on.

use std::mem::MaybeUninit;

/// Longest head of an answer, in bytes.
pub(super) const LONGEST_HEAD: usize = 64 * 1024;

/// Longest body that is kept, in bytes. A longer one is a bad response: no acknowledgement of an order needs it.
pub(super) const LONGEST_BODY: usize = 1024 * 1024;

/// More headers than this are no head.
const MOST_HEADERS: usize = 96;

/// Why a stream of bytes is no HTTP/1.1 answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the answer's head is not HTTP/1.1")]
    Head,
    #[error("the answer's head is longer than {LONGEST_HEAD} bytes")]
    HeadTooLong,
    #[error("the answer's body is longer than {LONGEST_BODY} bytes")]
    BodyTooLong,
    #[error("the answer's length is not a number")]
    Length,
    #[error("the answer's chunks are damaged")]
    Chunk,
    #[error("the server switches protocols, which nobody asked for")]
    Upgrade,
}

/// How the body of an answer ends.
pub(super) enum Framing {
    Empty,
    Length(u64),
    Chunked,
    UntilClose,
}

/// What the head of an answer says.
pub(super) struct Head {
    /// In bytes, up to and with the empty line.
    pub length: usize,
    pub status: u16,
    /// The connection cannot be used again.
    pub close: bool,
    pub framing: Framing,
}

/// The head at the beginning of `bytes`, when all of it is there. `to_head`: the request was `HEAD`.
pub(super) fn parse_head(bytes: &[u8], to_head: bool) -> Result<Option<Head>, Malformed> {
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
        Err(_) => return Err(Malformed::Head),
    };
    let status = response.code.ok_or(Malformed::Head)?;
    if status == 101 {
        return Err(Malformed::Upgrade);
    }
    let mut close = response.version == Some(0);
    let mut body_length = None;
    let mut chunked = false;
    for header in response.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        match header.name.len() {
            14 if is("content-length") => {
                body_length = Some(parse_length(header.value, body_length)?)
            }
            17 if is("transfer-encoding") => chunked = contains_word(header.value, b"chunked"),
            10 if is("connection") => {
                close = contains_word(header.value, b"close")
                    || (close && !contains_word(header.value, b"keep-alive"));
            }
            _ => {}
        }
    }
    let framing = if to_head || status < 200 || status == 204 || status == 304 {
        Framing::Empty
    } else if chunked {
        Framing::Chunked
    } else {
        body_length.map_or(Framing::UntilClose, Framing::Length)
    };
    Ok(Some(Head {
        length,
        status,
        close: close || matches!(framing, Framing::UntilClose),
        framing,
    }))
}

/// Two lengths that differ are no length.
fn parse_length(value: &[u8], before: Option<u64>) -> Result<u64, Malformed> {
    let text = std::str::from_utf8(value)
        .map_err(|_| Malformed::Length)?
        .trim();
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed::Length);
    }
    let length = text.parse().map_err(|_| Malformed::Length)?;
    match before {
        Some(other) if other != length => Err(Malformed::Length),
        _ => Ok(length),
    }
}

fn contains_word(value: &[u8], word: &[u8]) -> bool {
    value
        .split(|byte| *byte == b',')
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(word))
}

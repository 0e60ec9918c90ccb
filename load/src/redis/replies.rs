//! What a server says, cut into replies; and a reply as JSON.

use std::mem;

use serde_json::{Map, Value};

/// Longest reply that is taken.
const LONGEST: usize = 64 << 20;

/// Longest line: a status, an error, a number, a length.
const LONGEST_LINE: usize = 64 << 10;

/// Arrays in arrays, at most.
const DEEPEST: usize = 8;

/// Cuts what a server says into whole replies.
#[derive(Debug, Default)]
pub struct Replies {
    /// A reply that is not complete, or the last one that was told.
    partial: Vec<u8>,
    is_told: bool,
}

/// What the next bytes hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Framed<'a> {
    /// All of them are taken in, and no reply is complete.
    More,
    Reply {
        /// Bytes that are taken in.
        used: usize,
        /// The whole reply, as it came.
        reply: &'a [u8],
    },
    /// This is not the protocol.
    Malformed,
}

impl Replies {
    /// A new connection: what was half read is forgotten.
    pub fn reset(&mut self) {
        self.partial.clear();
        self.is_told = false;
    }

    /// The next reply of a connection.
    pub fn take<'a>(&'a mut self, bytes: &'a [u8]) -> Framed<'a> {
        if mem::take(&mut self.is_told) {
            self.partial.clear();
        }
        if self.partial.is_empty() {
            return match extent(bytes, 0) {
                Err(Malformed) => Framed::Malformed,
                Ok(Some(used)) => Framed::Reply {
                    used,
                    reply: &bytes[..used],
                },
                Ok(None) => {
                    self.partial.extend_from_slice(bytes);
                    Framed::More
                }
            };
        }
        let had = self.partial.len();
        self.partial.extend_from_slice(bytes);
        match extent(&self.partial, 0) {
            Ok(None) if self.partial.len() <= LONGEST => Framed::More,
            Ok(None) | Err(Malformed) => Framed::Malformed,
            Ok(Some(total)) => {
                self.partial.truncate(total);
                self.is_told = true;
                Framed::Reply {
                    used: total - had,
                    reply: &self.partial,
                }
            }
        }
    }
}

/// These bytes are not the protocol.
#[derive(Debug, PartialEq, Eq)]
struct Malformed;

/// Bytes of the reply that these begin with; `None`: it goes on behind them.
fn extent(bytes: &[u8], depth: usize) -> Result<Option<usize>, Malformed> {
    let Some((line, behind)) = line(bytes)? else {
        return Ok(None);
    };
    match bytes[0] {
        b'+' | b'-' => Ok(Some(behind)),
        b':' => number(line).map(|_| Some(behind)),
        b'$' => match number(line)? {
            -1 => Ok(Some(behind)),
            length => {
                let length = usize::try_from(length).map_err(|_| Malformed)?;
                let end = behind + length + 2;
                match (length <= LONGEST, bytes.get(end - 2..end)) {
                    (false, _) => Err(Malformed),
                    (true, None) => Ok(None),
                    (true, Some(b"\r\n")) => Ok(Some(end)),
                    (true, Some(_)) => Err(Malformed),
                }
            }
        },
        b'*' if depth < DEEPEST => {
            let mut end = behind;
            for _ in 0..number(line)?.max(0) {
                match extent(&bytes[end..], depth + 1)? {
                    None => return Ok(None),
                    Some(length) => end += length,
                }
            }
            Ok(Some(end))
        }
        _ => Err(Malformed),
    }
}

/// The first line behind its mark, and where the next one begins; `None`: it is not complete.
fn line(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Malformed> {
    match bytes.first() {
        None => return Ok(None),
        Some(b'+' | b'-' | b':' | b'$' | b'*') => {}
        Some(_) => return Err(Malformed),
    }
    let looked_at = &bytes[..bytes.len().min(LONGEST_LINE)];
    match looked_at.iter().position(|byte| *byte == b'\r') {
        None if bytes.len() >= LONGEST_LINE => Err(Malformed),
        None => Ok(None),
        Some(end) => match bytes.get(end + 1) {
            None => Ok(None),
            Some(b'\n') => Ok(Some((&bytes[1..end], end + 2))),
            Some(_) => Err(Malformed),
        },
    }
}

fn number(line: &[u8]) -> Result<i64, Malformed> {
    let text = std::str::from_utf8(line).map_err(|_| Malformed)?;
    text.parse().map_err(|_| Malformed)
}

/// The words of an error; `None`: the reply is none.
pub(super) fn error(reply: &[u8]) -> Option<&str> {
    let words = reply.strip_prefix(b"-")?.trim_ascii_end();
    Some(std::str::from_utf8(words).unwrap_or("ERR"))
}

/// A whole reply as JSON: texts, numbers, null, and lists of these. An error within a list is `{ "error": … }`.
pub fn value(reply: &[u8]) -> Value {
    read(reply).map_or(Value::Null, |(value, _)| value)
}

fn read(bytes: &[u8]) -> Option<(Value, usize)> {
    let (line, behind) = line(bytes).ok()??;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(match bytes[0] {
        b'+' => (Value::from(text(line)), behind),
        b'-' => {
            let error = Map::from_iter([("error".to_string(), Value::from(text(line)))]);
            (Value::Object(error), behind)
        }
        b':' => (Value::from(number(line).ok()?), behind),
        b'$' => match usize::try_from(number(line).ok()?) {
            Err(_) => (Value::Null, behind),
            Ok(length) => {
                let content = bytes.get(behind..behind + length)?;
                (Value::from(text(content)), behind + length + 2)
            }
        },
        _ => match usize::try_from(number(line).ok()?) {
            Err(_) => (Value::Null, behind),
            Ok(count) => {
                let (mut list, mut end) = (Vec::new(), behind);
                for _ in 0..count {
                    let (element, length) = read(&bytes[end..])?;
                    list.push(element);
                    end += length;
                }
                (Value::Array(list), end)
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SAID: &[u8] =
        b"+OK\r\n*3\r\n$6\r\nmaster\r\n:-7\r\n*1\r\n*2\r\n$-1\r\n$2\r\n\r\n\r\n$0\r\n\r\n-READONLY no\r\n*-1\r\n:1\r\n";

    #[test]
    fn replies_are_cut_out_wherever_the_bytes_are_cut() {
        for cut in 1..=SAID.len() {
            let mut replies = Replies::default();
            let mut heard = Vec::new();
            for piece in SAID.chunks(cut) {
                let mut rest = piece;
                while !rest.is_empty() {
                    match replies.take(rest) {
                        Framed::More => break,
                        Framed::Reply { used, reply } => {
                            heard.push(value(reply));
                            rest = &rest[used..];
                        }
                        Framed::Malformed => panic!("cut at {cut}"),
                    }
                }
            }
            let wanted = [
                json!("OK"),
                json!(["master", -7, [[null, "\r\n"]]]),
                json!(""),
                json!({ "error": "READONLY no" }),
                json!(null),
                json!(1),
            ];
            assert_eq!(heard, wanted, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_reply_is_told() {
        for bad in [
            &b"HTTP/1.1 400"[..],
            b"$3\r\nabcd\r\n",
            b"$99999999999\r\n",
            b"$-2\r\n",
            b":one\r\n",
            b"+OK\r+",
            b"%1\r\n",
            &b"*1\r\n".repeat(DEEPEST + 1),
            &[b'+'; LONGEST_LINE],
        ] {
            assert_eq!(Replies::default().take(bad), Framed::Malformed, "{bad:?}");
        }
    }

    #[test]
    fn an_error_is_no_value() {
        assert_eq!(
            error(b"-NOREPLICAS Not enough\r\n"),
            Some("NOREPLICAS Not enough")
        );
        assert_eq!(error(b"+OK\r\n"), None);
    }
}

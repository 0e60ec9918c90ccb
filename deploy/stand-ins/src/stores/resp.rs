//! RESP2: commands as bytes, replies from bytes.

use std::fmt::Write;

/// The deepest list in a list that is read.
const DEEPEST: usize = 8;

/// The longest text that is read, in bytes.
const LONGEST: usize = 16 << 20;

/// What Redis says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A text; bytes that are no UTF-8 are replaced.
    Text(String),
    /// An error, its first word included.
    Error(String),
    /// A number.
    Number(i64),
    /// Nothing.
    Null,
    /// A list.
    List(Vec<Reply>),
}

/// What came is no RESP2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("that is no reply of Redis")]
pub(super) struct Malformed;

impl Reply {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Reply::Text(text) => Some(text),
            Reply::Error(_) | Reply::Number(_) | Reply::Null | Reply::List(_) => None,
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<i64> {
        match self {
            Reply::Number(number) => Some(*number),
            Reply::Text(_) | Reply::Error(_) | Reply::Null | Reply::List(_) => None,
        }
    }
}

/// Appends a command; each word is sent with its length.
pub(super) fn append(out: &mut String, words: &[String]) {
    let _infallible = write!(out, "*{}\r\n", words.len());
    for word in words {
        let _infallible = write!(out, "${}\r\n{word}\r\n", word.len());
    }
}

/// Reads the first reply of `bytes`, with how many bytes it has; `None` when it is not all there.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Malformed> {
    let mut at = 0;
    Ok(value(bytes, &mut at, 0)?.map(|reply| (reply, at)))
}

fn value(bytes: &[u8], at: &mut usize, depth: usize) -> Result<Option<Reply>, Malformed> {
    if depth > DEEPEST {
        return Err(Malformed);
    }
    let Some(line) = line(bytes, at)? else {
        return Ok(None);
    };
    let (kind, rest) = line.split_at_checked(1).ok_or(Malformed)?;
    Ok(Some(match kind {
        "+" => Reply::Text(rest.to_owned()),
        "-" => Reply::Error(rest.to_owned()),
        ":" => Reply::Number(rest.parse().map_err(|_| Malformed)?),
        "$" => match length(rest)? {
            None => Reply::Null,
            Some(length) => {
                let Some(text) = bytes.get(*at..*at + length + 2) else {
                    return Ok(None);
                };
                *at += length + 2;
                let text = text.strip_suffix(b"\r\n").ok_or(Malformed)?;
                Reply::Text(String::from_utf8_lossy(text).into_owned())
            }
        },
        "*" => match length(rest)? {
            None => Reply::Null,
            Some(count) => {
                let mut list = Vec::new();
                for _ in 0..count {
                    match value(bytes, at, depth + 1)? {
                        Some(item) => list.push(item),
                        None => return Ok(None),
                    }
                }
                Reply::List(list)
            }
        },
        _ => return Err(Malformed),
    }))
}

/// The next line without its end.
fn line<'a>(bytes: &'a [u8], at: &mut usize) -> Result<Option<&'a str>, Malformed> {
    let rest = &bytes[*at..];
    let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else {
        return if rest.len() > LONGEST {
            Err(Malformed)
        } else {
            Ok(None)
        };
    };
    *at += end + 2;
    std::str::from_utf8(&rest[..end])
        .map(Some)
        .map_err(|_| Malformed)
}

/// A length; `None` is -1, which stands for nothing.
fn length(text: &str) -> Result<Option<usize>, Malformed> {
    if text == "-1" {
        return Ok(None);
    }
    let length: usize = text.parse().map_err(|_| Malformed)?;
    if length > LONGEST {
        Err(Malformed)
    } else {
        Ok(Some(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_whole_or_not_at_all() {
        let bytes = b"*4\r\n$3\r\na\r\n\r\n:-7\r\n$-1\r\n*2\r\n+OK\r\n-ERR no\r\n+next";
        let expected = Reply::List(vec![
            Reply::Text("a\r\n".to_owned()),
            Reply::Number(-7),
            Reply::Null,
            Reply::List(vec![
                Reply::Text("OK".to_owned()),
                Reply::Error("ERR no".to_owned()),
            ]),
        ]);
        let whole = bytes.len() - 5;
        // "a\r\n" has three bytes.
        assert_eq!(read(bytes), Ok(Some((expected, whole))));
        for length in 0..whole {
            assert_eq!(read(&bytes[..length]), Ok(None), "cut at {length}");
        }
    }

    #[test]
    fn what_is_no_reply_is_told() {
        for wrong in [
            "HTTP/1.1 200 OK\r\n",
            "\r\n",
            ":x\r\n",
            "$-2\r\n",
            "$1\r\nabc",
        ] {
            assert_eq!(read(wrong.as_bytes()), Err(Malformed), "{wrong:?}");
        }
        assert_eq!(read("*1\r\n".repeat(20).as_bytes()), Err(Malformed));
    }

    #[test]
    fn words_are_sent_with_their_lengths() {
        let mut out = String::new();
        append(
            &mut out,
            &["SET".to_owned(), "k\r\n".to_owned(), "é".to_owned()],
        );
        assert_eq!(out, "*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$2\r\né\r\n");
    }
}

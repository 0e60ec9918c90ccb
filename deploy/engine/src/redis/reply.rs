//! Replies of Redis, read from bytes. Pure.

/// Lists within lists; deeper ones are none that a server sends.
const DEEPEST: u8 = 8;

/// The longest text and the longest list that are taken, in bytes and in values.
const LONGEST: usize = 512 << 20;

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, of whichever kind.
    Text(Vec<u8>),
    /// A whole number.
    Number(i64),
    /// A list.
    List(Vec<Value>),
    /// There is nothing.
    Nothing,
    /// The command was refused.
    Error(String),
}

/// Bytes that are no reply of Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no reply of Redis")]
pub struct Malformed;

/// The first reply in `input` and its length in bytes; none when it is not all there.
///
/// # Errors
/// [`Malformed`] when it will never be one.
pub fn parse(input: &[u8]) -> Result<Option<(Value, usize)>, Malformed> {
    value(input, 0)
}

fn value(input: &[u8], depth: u8) -> Result<Option<(Value, usize)>, Malformed> {
    let Some((line, mut at)) = line(input)? else {
        return Ok(None);
    };
    let (kind, rest) = line.split_first().ok_or(Malformed)?;
    let text = std::str::from_utf8(rest).map_err(|_| Malformed)?;
    let found = match kind {
        b'+' => Value::Text(rest.to_vec()),
        b'-' => Value::Error(text.to_owned()),
        b':' => Value::Number(text.parse().map_err(|_| Malformed)?),
        b'$' | b'*' if text == "-1" => Value::Nothing,
        b'$' => {
            let end = at + length(text)?;
            let Some(tail) = input.get(end..end + 2) else {
                return Ok(None);
            };
            if tail != b"\r\n" {
                return Err(Malformed);
            }
            let text = input[at..end].to_vec();
            at = end + 2;
            Value::Text(text)
        }
        b'*' if depth < DEEPEST => {
            let mut list = Vec::new();
            for _ in 0..length(text)? {
                let Some((next, taken)) = value(&input[at..], depth + 1)? else {
                    return Ok(None);
                };
                list.push(next);
                at += taken;
            }
            Value::List(list)
        }
        _ => return Err(Malformed),
    };
    Ok(Some((found, at)))
}

/// The first line without its end, and where the next one begins.
fn line(input: &[u8]) -> Result<Option<(&[u8], usize)>, Malformed> {
    match input.iter().position(|byte| *byte == b'\n') {
        None => Ok(None),
        Some(end) if end > 1 && input[end - 1] == b'\r' => Ok(Some((&input[..end - 1], end + 1))),
        Some(_) => Err(Malformed),
    }
}

fn length(text: &str) -> Result<usize, Malformed> {
    let length: usize = text.parse().map_err(|_| Malformed)?;
    (length <= LONGEST).then_some(length).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_however_it_is_cut() {
        let bytes = b"*5\r\n+OK\r\n:-7\r\n$5\r\nab\r\nc\r\n$-1\r\n-ERR no\r\n:1\r\n";
        let whole = bytes.len() - 4;
        let expected = Value::List(vec![
            Value::Text(b"OK".to_vec()),
            Value::Number(-7),
            Value::Text(b"ab\r\nc".to_vec()),
            Value::Nothing,
            Value::Error("ERR no".to_owned()),
        ]);
        assert_eq!(parse(bytes), Ok(Some((expected, whole))));
        for end in 0..whole {
            assert_eq!(parse(&bytes[..end]), Ok(None), "cut at {end}");
        }
    }

    #[test]
    fn what_is_no_reply_is_told() {
        let deep = "*1\r\n".repeat(20);
        for wrong in [
            "HTTP/1.1 200 OK\r\n",
            "\n",
            "$x\r\n",
            "$1\r\nabc",
            ":one\r\n",
            "*99999999999\r\n",
            &deep,
        ] {
            assert_eq!(parse(wrong.as_bytes()), Err(Malformed), "{wrong}");
        }
    }
}

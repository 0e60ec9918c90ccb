//! What a server of NATS says, line by line: pure, bytes in, messages out.

/// The longest line or message that is read, in bytes.
const LONGEST: usize = 4 << 20;

/// Something that the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// What it is; the first line of a connection.
    Info,
    /// It asks whether somebody is there.
    Ping,
    /// Somebody is there.
    Pong,
    /// It took what was sent.
    Ok,
    /// It did not; the connection may end.
    Error(String),
    /// A message.
    Message {
        /// On which subject.
        subject: String,
        /// Its bytes, as text; headers are left out.
        payload: String,
    },
}

/// What came is not this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("that is not the protocol of NATS")]
pub(super) struct Malformed;

/// Reads the first thing that was said in `bytes`, with how many bytes it has; `None` when it is not all there.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Said, usize)>, Malformed> {
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
        return if bytes.len() > LONGEST {
            Err(Malformed)
        } else {
            Ok(None)
        };
    };
    let line = std::str::from_utf8(&bytes[..end]).map_err(|_| Malformed)?;
    let after = end + 2;
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let said = match word.to_ascii_uppercase().as_str() {
        "INFO" => Said::Info,
        "PING" => Said::Ping,
        "PONG" => Said::Pong,
        "+OK" => Said::Ok,
        "-ERR" => Said::Error(rest.trim_matches('\'').to_owned()),
        "MSG" => return message(bytes, after, rest, false),
        "HMSG" => return message(bytes, after, rest, true),
        _ => return Err(Malformed),
    };
    Ok(Some((said, after)))
}

/// `SUBJECT SID [REPLY] [HEADER BYTES] BYTES`, and the bytes after it.
fn message(
    bytes: &[u8],
    after: usize,
    line: &str,
    has_header: bool,
) -> Result<Option<(Said, usize)>, Malformed> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let number = |back: usize| -> Result<usize, Malformed> {
        let place = fields.len().checked_sub(back).ok_or(Malformed)?;
        fields[place].parse().map_err(|_| Malformed)
    };
    let subject = fields.first().ok_or(Malformed)?;
    let length = number(1)?;
    let header = if has_header { number(2)? } else { 0 };
    if length > LONGEST || header > length {
        return Err(Malformed);
    }
    let Some(all) = bytes.get(after..after + length + 2) else {
        return Ok(None);
    };
    let all = all.strip_suffix(b"\r\n").ok_or(Malformed)?;
    let said = Said::Message {
        subject: (*subject).to_owned(),
        payload: String::from_utf8_lossy(&all[header..]).into_owned(),
    };
    Ok(Some((said, after + length + 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_whole_or_not_at_all() {
        let bytes = b"HMSG in.1 1 21 24\r\nNATS/1.0 503 None\r\n\r\nabc\r\nPING\r\n";
        let whole = bytes.len() - 6;
        let expected = Said::Message {
            subject: "in.1".to_owned(),
            payload: "abc".to_owned(),
        };
        assert_eq!(read(bytes), Ok(Some((expected, whole))));
        assert_eq!(read(&bytes[whole..]), Ok(Some((Said::Ping, 6))));
        for length in 0..whole {
            assert_eq!(read(&bytes[..length]), Ok(None), "cut at {length}");
        }
    }

    #[test]
    fn what_is_not_this_protocol_is_told() {
        for wrong in [
            "HTTP/1.1 400 Bad Request\r\n",
            "MSG a 1 x\r\n",
            "HMSG a 1 9 3\r\nabc\r\n",
            "MSG a 1 1\r\nabc\r\n",
        ] {
            assert_eq!(read(wrong.as_bytes()), Err(Malformed), "{wrong:?}");
        }
        let refused = Said::Error("Authorization Violation".to_owned());
        assert_eq!(
            read(b"-ERR 'Authorization Violation'\r\n"),
            Ok(Some((refused, 32)))
        );
    }
}

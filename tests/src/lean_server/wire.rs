//! Requests as bytes: where one ends, and which one it is.

/// What is at the beginning of a connection's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// Not yet a whole request.
    Partial,
    /// A request of so many bytes, and the number that it carries, if it carries one.
    Whole { bytes: usize, id: Option<u64> },
    /// No HTTP/1.1 that a load generator would send.
    Malformed,
}

/// Headers whose digits at the end tell requests apart; in lower case.
const ID_HEADERS: [&[u8]; 2] = [b"x-request-id", b"x-vegeta-seq"];

/// Most bytes of a head.
const LONGEST_HEAD: usize = 16 * 1024;

/// Looks at the first request in `bytes`. Only with `wants_id` it is looked for its number, which takes time.
pub fn parse(bytes: &[u8], wants_id: bool) -> Parsed {
    let Some(head) = end_of_head(bytes) else {
        return if bytes.len() > LONGEST_HEAD {
            Parsed::Malformed
        } else {
            Parsed::Partial
        };
    };
    let (mut length, mut id) = (0, None);
    for line in lines(&bytes[..head]) {
        let Some((name, value)) = field(line) else {
            continue;
        };
        if name.eq_ignore_ascii_case(b"content-length") {
            let Some(number) = digits_at_end(value) else {
                return Parsed::Malformed;
            };
            length = number as usize;
        } else if wants_id
            && ID_HEADERS
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
        {
            id = digits_at_end(value);
        }
    }
    if bytes.len() < head + length {
        return Parsed::Partial;
    }
    Parsed::Whole {
        bytes: head + length,
        id,
    }
}

/// The length of the head with the empty line after it.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let first = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(first + 4)
}

/// The lines of a head after its first, without their ends.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n')
        .skip(1)
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

/// The number that a value ends with.
fn digits_at_end(value: &[u8]) -> Option<u64> {
    let count = value
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    std::str::from_utf8(&value[value.len() - count..])
        .ok()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_after_the_other() {
        let two =
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
        let first = Parsed::Whole {
            bytes: 27,
            id: None,
        };
        assert_eq!(parse(two, true), first);
        let second = Parsed::Whole {
            bytes: two.len() - 27,
            id: None,
        };
        assert_eq!(parse(&two[27..], true), second);
        assert_eq!(parse(&two[27..two.len() - 1], true), Parsed::Partial);
        assert_eq!(parse(&two[..26], true), Parsed::Partial);
    }

    #[test]
    fn requests_are_told_apart_by_their_headers() {
        let id = |text: &str| match parse(text.as_bytes(), true) {
            Parsed::Whole { id, .. } => id,
            other => panic!("{text:?}: {other:?}"),
        };
        assert_eq!(
            id("GET / HTTP/1.1\r\nX-Request-Id: load-17\r\n\r\n"),
            Some(17)
        );
        assert_eq!(
            id("GET / HTTP/1.1\r\nX-Vegeta-Seq: 4\r\nA: 9\r\n\r\n"),
            Some(4)
        );
        assert_eq!(id("GET /1 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"), None);
    }

    #[test]
    fn what_never_ends_is_malformed() {
        assert_eq!(parse(&[b'x'; LONGEST_HEAD + 1], false), Parsed::Malformed);
        let text = b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n";
        assert_eq!(parse(text, false), Parsed::Malformed);
    }
}

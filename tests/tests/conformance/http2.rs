//! HTTP/2 as the test server speaks it: written from RFC 9113 and RFC 7541 and not from the generator's code.

use std::io::{Read, Write};

use crate::stream::Stream;
use crate::way::{Asked, Kind, Said};

/// What clients begin with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The preface, and our settings in answer to it: at most 100 streams.
pub fn greet(stream: &mut Stream, received: &mut Vec<u8>) -> Option<()> {
    greet_with(stream, received, &[(3, 100)])
}

/// The same with other settings.
pub fn greet_with(
    stream: &mut Stream,
    received: &mut Vec<u8>,
    settings: &[(u16, u32)],
) -> Option<()> {
    while received.len() < PREFACE.len() {
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return None,
            Ok(count) => received.extend_from_slice(&bytes[..count]),
        }
    }
    let preface: Vec<u8> = received.drain(..PREFACE.len()).collect();
    assert_eq!(preface, PREFACE);
    let mut payload = Vec::new();
    for (name, value) in settings {
        payload.extend_from_slice(&name.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    stream.write_all(&frame(4, 0, 0, &payload)).ok()
}

/// A frame.
pub fn frame(kind: u8, flags: u8, stream: u64, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&(stream as u32).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The server will answer no stream beyond this one.
pub fn go_away(last: u64, code: u32) -> Vec<u8> {
    let payload = [(last as u32).to_be_bytes(), code.to_be_bytes()].concat();
    frame(7, 0, 0, &payload)
}

/// The server ends a stream without an answer.
pub fn reset(stream: u64, code: u32) -> Vec<u8> {
    frame(3, 0, stream, &code.to_be_bytes())
}

/// The first whole request. Frames of the connection itself are left out.
pub fn take(received: &mut Vec<u8>) -> Option<Asked> {
    loop {
        let (length, kind, flags, stream) = header(received, 0)?;
        if received.len() < 9 + length {
            return None;
        }
        match kind {
            1 => {}
            0 => panic!("the piece of a body came by itself"),
            4 | 6 | 8 | 3 => {
                received.drain(..9 + length);
                continue;
            }
            other => panic!("a client sent a frame of kind {other}"),
        }
        assert_eq!(flags & 4, 4, "the headers are in one frame");
        let headers = headers(&received[9..9 + length]);
        let (end, body) = match flags & 1 {
            1 => (9 + length, Vec::new()),
            _ => body(received, 9 + length, stream)?,
        };
        received.drain(..end);
        return Some(asked(&headers, &body, stream));
    }
}

/// The body of a stream whose frames begin here, and where they end; other frames may be between them.
fn body(received: &[u8], mut at: usize, stream: u64) -> Option<(usize, Vec<u8>)> {
    let mut body = Vec::new();
    loop {
        let (length, kind, flags, of) = header(received, at)?;
        let payload = received.get(at + 9..at + 9 + length)?;
        at += 9 + length;
        if kind == 0 {
            assert_eq!(of, stream, "a body in one piece: nothing was held back");
            body.extend_from_slice(payload);
            if flags & 1 == 1 {
                return Some((at, body));
            }
        }
    }
}

fn header(bytes: &[u8], at: usize) -> Option<(usize, u8, u8, u64)> {
    let head = bytes.get(at..at + 9)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
    Some((length, head[3], head[4], u64::from(stream)))
}

/// A block of headers as our client writes it: without a table and without Huffman's code.
fn headers(block: &[u8]) -> Vec<(String, String)> {
    let common = |place: u8| match place {
        1 => (":authority", ""),
        2 => (":method", "GET"),
        3 => (":method", "POST"),
        4 => (":path", "/"),
        6 => (":scheme", "http"),
        7 => (":scheme", "https"),
        28 => ("content-length", ""),
        31 => ("content-type", ""),
        other => panic!("{other} is not needed"),
    };
    let mut found = Vec::new();
    let mut at = 0;
    let text = |at: &mut usize| {
        let length = usize::from(block[*at]);
        assert!(length < 127, "short, and without Huffman's code");
        let text = &block[*at + 1..*at + 1 + length];
        *at += 1 + length;
        String::from_utf8(text.to_vec()).unwrap()
    };
    while at < block.len() {
        let first = block[at];
        at += 1;
        if first & 0x80 != 0 {
            let (name, value) = common(first & 0x7f);
            found.push((name.to_string(), value.to_string()));
            continue;
        }
        assert_eq!(first & 0x60, 0, "nothing is to be remembered");
        let name = match first & 0x0f {
            0 => text(&mut at),
            15 => {
                at += 1;
                common(15 + block[at - 1]).0.to_string()
            }
            place => common(place).0.to_string(),
        };
        found.push((name, text(&mut at)));
    }
    found
}

fn asked(headers: &[(String, String)], body: &[u8], stream: u64) -> Asked {
    let header = |name: &str| {
        let mut found = headers.iter().filter(|(found, _)| found == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} twice");
        value
    };
    assert!(header(":authority").unwrap().starts_with("127.0.0.1:"));
    assert!(matches!(header(":scheme"), Some("http" | "https")));
    if !body.is_empty() {
        assert_eq!(header("content-length").unwrap(), body.len().to_string());
        assert_eq!(header("content-type"), Some("application/json"));
    }
    let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| json[name].as_str().map(String::from);
    let of_path = header(":path").unwrap().rsplit('/').next().unwrap();
    Asked {
        id: text("id").unwrap_or_else(|| of_path.to_string()),
        kind: match header(":method").unwrap() {
            "POST" => Kind::New,
            "DELETE" => Kind::Cancel,
            "PUT" => Kind::Replace,
            other => panic!("{other} was asked"),
        },
        number: stream,
        terms: text("price").zip(text("quantity")),
    }
}

/// An answer, with an interim one before it, in two frames of headers and two of a body that are filled up; between them a
/// ping, and a frame of an extension that nobody knows.
pub fn answer(asked: &Asked, said: Said, node: &str) -> Vec<u8> {
    let (status, state, sequence) = match (said, asked.kind) {
        (Said::Done(sequence), Kind::New) => (201, "accepted", sequence),
        (Said::Done(sequence), Kind::Cancel) => (200, "cancelled", sequence),
        (Said::Done(sequence), Kind::Replace) => (200, "replaced", sequence),
        (Said::Rejected, Kind::New | Kind::Replace) => (422, "rejected", 0),
        (Said::Rejected, Kind::Cancel) => (404, "unknown-order", 0),
        (Said::Throttled, _) => (429, "throttled", 0),
        (Said::Unknown, _) => (503, "unknown", 0),
    };
    let id = &asked.id;
    let body = format!("{{\"state\":\"{state}\",\"id\":\"{id}\",\"sequence\":{sequence}}}");
    let stream = asked.number;
    // The size of the table, as an encoder says it that had one; a value in Huffman's code.
    let mut block = vec![0x20, 0x08, 3];
    block.extend_from_slice(status.to_string().as_bytes());
    block.extend_from_slice(&[0x58, 0x85, 0xae, 0xc3, 0x77, 0x1a, 0x4b]);
    let (first, rest) = block.split_at(4);
    let mut rest = rest.to_vec();
    rest.extend_from_slice(b"\x00\x06x-node");
    rest.push(node.len() as u8);
    rest.extend_from_slice(node.as_bytes());
    let (left, right) = body.as_bytes().split_at(body.len() / 3);
    let filled = [&[3][..], left, &[0; 3]].concat();
    [
        frame(1, 4, stream, b"\x08\x03103"),
        frame(1, 0, stream, first),
        frame(9, 4, stream, &rest),
        frame(0, 8, stream, &filled),
        frame(6, 0, 0, b"12345678"),
        frame(0xbe, 0xff, stream, b"unknown"),
        frame(0, 1, stream, right),
    ]
    .concat()
}

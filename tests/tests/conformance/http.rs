//! HTTP/1.1 as the test server speaks it.

use crate::way::{Asked, Kind, Said};

/// The first whole request.
pub fn take(received: &mut Vec<u8>) -> Option<Asked> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(received[..end].to_vec()).unwrap();
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |value| value.parse().unwrap());
    if received.len() < end + length {
        return None;
    }
    let body = received[end..end + length].to_vec();
    received.drain(..end + length);
    let mut words = head.split(' ');
    let kind = match words.next().unwrap() {
        "POST" => Kind::New,
        "DELETE" => Kind::Cancel,
        "PUT" => Kind::Replace,
        other => panic!("{other} was asked"),
    };
    let path = words.next().unwrap();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let of_path = path.rsplit('/').next().unwrap().to_string();
    let listener = query.strip_prefix("report=");
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| json[name].as_str().map(String::from);
    Some(Asked {
        id: text("id").unwrap_or(of_path),
        kind,
        number: listener.map_or(0, |name| name.parse().unwrap()),
        terms: text("price").zip(text("quantity")),
    })
}

/// An answer as the reference engine writes it.
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
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nx-node: {node}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

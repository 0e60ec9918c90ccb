//! WebSocket as the test server speaks it: written from RFC 6455 and not from the generator's code. Only the digest of the
//! handshake is a library's.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use shakedown_scenarios::plan::{
    Condition, Expected, Extract, GatewayPlan, JsonPointer, MessageAction, Take, Template,
    TemplatePart, Variable, WebSocketGateway,
};
use tungstenite::handshake::derive_accept_key;

use crate::stream::Stream;
use crate::way::{Asked, Kind, Said};

/// Pongs that came.
pub static PONGS: AtomicU64 = AtomicU64::new(0);

/// The profile's part.
pub fn plan() -> GatewayPlan {
    let action = |op: &str, done: &str, fields: &[(&str, Variable)]| MessageAction {
        send: message(op, fields),
        acked: state(&[done]),
        rejected: state(&["rejected", "too-late", "unknown-order"]),
        throttled: state(&["throttled"]),
    };
    let terms = [("price", Variable::Price), ("quantity", Variable::Quantity)];
    let order = [
        ("account", Variable::Account),
        ("symbol", Variable::Symbol),
        ("side", Variable::Side),
    ];
    let pointer = |at: &str| JsonPointer(at.to_string());
    GatewayPlan::WebSocket(Box::new(WebSocketGateway {
        port: None,
        path: "/ws".to_string(),
        id: pointer("/id"),
        new: action("new", "accepted", &[order.as_slice(), &terms].concat()),
        cancel: Some(action("cancel", "cancelled", &[])),
        replace: Some(action("replace", "replaced", &terms)),
        take: Take {
            server_id: None,
            sequence: Some(Extract::Pointer(pointer("/sequence"))),
            served_by: Some(Extract::Pointer(pointer("/node"))),
            term: None,
        },
    }))
}

fn state(names: &[&str]) -> Vec<Condition> {
    let names = names.iter().map(|name| json!(name));
    vec![Condition {
        pointer: JsonPointer("/state".to_string()),
        expected: Expected::AnyOf(names.collect()),
    }]
}

fn message(op: &str, fields: &[(&str, Variable)]) -> Template {
    let mut parts = vec![TemplatePart::Text(format!("{{\"op\":\"{op}\""))];
    let id = ("id", Variable::Id);
    for (name, variable) in std::iter::once(&id).chain(fields) {
        parts.push(TemplatePart::Text(format!(",\"{name}\":\"")));
        parts.push(TemplatePart::Hole {
            variable: variable.clone(),
            filters: Vec::new(),
        });
        parts.push(TemplatePart::Text("\"".to_string()));
    }
    parts.push(TemplatePart::Text("}".to_string()));
    Template { parts }
}

/// The server's side of the handshake; nothing when the client has gone.
pub fn greet(stream: &mut Stream, received: &mut Vec<u8>) -> Option<()> {
    let head = head(stream, received)?;
    assert!(head.starts_with("GET /ws HTTP/1.1\r\n"), "{head}");
    accept(stream, &head)
}

/// What the client begins with; nothing when it has gone.
pub fn head(stream: &mut Stream, received: &mut Vec<u8>) -> Option<String> {
    let end = loop {
        if let Some(at) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return None,
            Ok(count) => received.extend_from_slice(&bytes[..count]),
        }
    };
    Some(String::from_utf8(received.drain(..end).collect()).unwrap())
}

/// The answer to that.
pub fn accept(stream: &mut Stream, head: &str) -> Option<()> {
    let value = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    };
    assert_eq!(value("sec-websocket-version"), Some("13"));
    let accept = derive_accept_key(value("sec-websocket-key").unwrap().as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    );
    // A ping at once, in the same write as the handshake: whoever does not answer it is not to be served.
    let mut bytes = answer.into_bytes();
    bytes.extend_from_slice(b"\x89\x03abc");
    stream.write_all(&bytes).ok()
}

/// The first whole message. Pongs and closes are no messages.
pub fn take(received: &mut Vec<u8>) -> Option<Asked> {
    loop {
        let (first, payload) = frame(received)?;
        match first {
            0x81 => return Some(asked(&serde_json::from_slice(&payload).unwrap())),
            0x8a => {
                assert_eq!(payload, b"abc", "the pong of our ping");
                PONGS.fetch_add(1, Ordering::SeqCst);
            }
            0x88 => {}
            other => panic!("a client sent a frame {other:#x}"),
        }
    }
}

/// The first whole frame: its first byte and its payload without the mask.
fn frame(received: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let [first, second] = received.get(..2)?.try_into().unwrap();
    assert_eq!(second & 0x80, 0x80, "a client masks every frame");
    let (begins, length) = match second & 0x7f {
        126 => {
            let length = u16::from_be_bytes(received.get(2..4)?.try_into().unwrap());
            (4, usize::from(length))
        }
        127 => panic!("no message is that long"),
        short => (2, usize::from(short)),
    };
    let mask: [u8; 4] = received.get(begins..begins + 4)?.try_into().unwrap();
    let end = begins + 4 + length;
    let masked = received.get(begins + 4..end)?;
    let payload = masked
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask);
    let payload = payload.collect();
    received.drain(..end);
    Some((first, payload))
}

fn asked(message: &Value) -> Asked {
    let text = |name: &str| message[name].as_str().map(String::from);
    Asked {
        id: text("id").unwrap(),
        kind: match message["op"].as_str().unwrap() {
            "new" => Kind::New,
            "cancel" => Kind::Cancel,
            "replace" => Kind::Replace,
            other => panic!("{other} was asked"),
        },
        number: 0,
        terms: text("price").zip(text("quantity")),
    }
}

/// An answer, in two fragments with a ping between them, before it a notice that concerns no order of ours.
pub fn answer(asked: &Asked, said: Said, node: &str) -> Vec<u8> {
    let (state, sequence) = match (said, asked.kind) {
        (Said::Done(sequence), Kind::New) => ("accepted", sequence),
        (Said::Done(sequence), Kind::Cancel) => ("cancelled", sequence),
        (Said::Done(sequence), Kind::Replace) => ("replaced", sequence),
        (Said::Rejected, _) => ("rejected", 0),
        (Said::Throttled, _) => ("throttled", 0),
        (Said::Unknown, _) => ("unknown", 0),
    };
    let body = json!({ "state": state, "id": asked.id, "sequence": sequence, "node": node });
    let body = body.to_string().into_bytes();
    let (left, right) = body.split_at(body.len() / 3);
    let mut bytes = Vec::new();
    write(
        0x81,
        b"{\"trade\":7,\"id\":\"somebody-else-1\"}",
        &mut bytes,
    );
    write(0x01, left, &mut bytes);
    write(0x89, b"abc", &mut bytes);
    write(0x80, right, &mut bytes);
    bytes
}

fn write(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    assert!(payload.len() < 126);
    out.extend_from_slice(&[first, payload.len() as u8]);
    out.extend_from_slice(payload);
}

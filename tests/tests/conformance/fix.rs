//! FIX 4.4 as the test server speaks it: written from the specification and `docs/fix.md`, and not from the generator's
//! code. It knows no session for longer than its connection, and asks for new numbers at every Logon.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use shakedown_scenarios::plan::{FixGateway, FixNumbers, FixTake, GatewayPlan};

use crate::way::{Asked, Kind, Said};

/// The profile's part.
pub fn plan() -> GatewayPlan {
    GatewayPlan::Fix(Box::new(gateway()))
}

pub fn gateway() -> FixGateway {
    FixGateway {
        port: 1,
        sender: "SHK-{{session}}".to_string(),
        target: "ENGINE".to_string(),
        heartbeat_s: 30,
        numbers: FixNumbers::EachEntry,
        take: FixTake {
            server_id: Some(37),
            sequence: Some(17),
            served_by: Some(50),
        },
        drop_copy: None,
    }
}

/// A message by its tags; the first value of each counts.
pub type Tags = BTreeMap<u32, String>;

/// The server's end of one connection.
#[derive(Debug, Default)]
pub struct Wire {
    /// CompID of the client.
    pub client: String,
    /// Number of the next message that is written.
    pub next: u64,
}

/// The first whole message of any type; its length and its sum must be right.
pub fn message(received: &mut Vec<u8>) -> Option<Tags> {
    let text = String::from_utf8(received.clone()).unwrap();
    let at = text.find("\x0110=")? + 1;
    let end = at + text[at..].find('\x01')? + 1;
    let (whole, summed) = (&text[..end], &text[..at]);
    let sum = summed.bytes().map(u32::from).sum::<u32>() % 256;
    assert_eq!(
        &whole[at..],
        format!("10={sum:03}\x01"),
        "the sum of {whole}"
    );
    let body = summed.splitn(3, '\x01').nth(2).unwrap();
    let begins = format!("8=FIX.4.4\x019={}\x0135=", body.len());
    assert!(
        whole.starts_with(&begins),
        "{whole} does not begin with {begins}"
    );
    let mut tags = Tags::new();
    for field in body.split_terminator('\x01') {
        let (tag, value) = field.split_once('=').unwrap();
        tags.entry(tag.parse().unwrap())
            .or_insert(value.to_string());
    }
    received.drain(..end);
    Some(tags)
}

/// A message from the server: type, number and further fields, bars for what ends them.
pub fn sealed(client: &str, kind: &str, number: u64, fields: &str) -> Vec<u8> {
    let body = format!(
        "35={kind}|49=ENGINE|56={client}|34={number}|50=n1|52=20260101-00:00:00.000|{fields}"
    )
    .replace('|', "\x01");
    let mut bytes = format!("8=FIX.4.4\x019={}\x01{body}", body.len()).into_bytes();
    let sum = bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 256;
    bytes.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    bytes
}

/// The next message of any type; nothing when the client has gone.
pub fn read(stream: &mut impl Read, received: &mut Vec<u8>) -> Option<Tags> {
    loop {
        if let Some(tags) = message(received) {
            return Some(tags);
        }
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return None,
            Ok(count) => received.extend_from_slice(&bytes[..count]),
        }
    }
}

/// The server's side of the Logon; nothing when the client has gone. A question comes with it: whoever does not answer it
/// would not be served.
pub fn greet(stream: &mut (impl Read + Write), received: &mut Vec<u8>) -> Option<Wire> {
    let logon = read(stream, received)?;
    assert_eq!((logon[&35].as_str(), logon[&56].as_str()), ("A", "ENGINE"));
    assert_eq!((logon[&98].as_str(), logon[&108].as_str()), ("0", "30"));
    let client = logon[&49].clone();
    let mut bytes = sealed(&client, "A", 1, "98=0|108=30|141=Y|");
    bytes.extend(sealed(&client, "1", 2, "112=are you there|"));
    stream.write_all(&bytes).ok()?;
    Some(Wire { client, next: 3 })
}

/// The first whole order. What is of the session itself is none.
pub fn take(received: &mut Vec<u8>) -> Option<Asked> {
    loop {
        let tags = message(received)?;
        let kind = match tags[&35].as_str() {
            "D" => Kind::New,
            "F" => Kind::Cancel,
            "G" => Kind::Replace,
            "0" | "1" | "5" => continue,
            other => panic!("type {other} was sent"),
        };
        for tag in [11, 34, 52, 54, 55, 60] {
            assert!(tags.contains_key(&tag), "{tag} is missing in {tags:?}");
        }
        assert_eq!(kind == Kind::New, !tags.contains_key(&41), "{tags:?}");
        let terms = tags.get(&44).cloned().zip(tags.get(&38).cloned());
        assert_eq!(kind == Kind::Cancel, terms.is_none());
        let own = tags[&11].clone();
        return Some(Asked {
            id: tags.get(&583).unwrap_or(&own).clone(),
            kind,
            // What the report has to name.
            number: own.rsplit('-').next().unwrap().parse().unwrap(),
            terms,
        });
    }
}

/// The fields of an answer, which get their number and their sum when they are written: see [`finish`]. Before it comes a
/// report about an order of somebody else.
pub fn answer(asked: &Asked, said: Said, node: &str) -> Vec<u8> {
    let prefix = asked.id.rsplit_once('-').unwrap().0;
    let own = format!("{prefix}-{}", asked.number);
    let (kind, fields) = match (said, asked.kind) {
        (Said::Done(sequence), Kind::New) => ("8", format!("150=0|39=0|17={sequence}|37=1")),
        (Said::Done(sequence), Kind::Cancel) => ("8", format!("150=4|39=4|17={sequence}|37=1")),
        (Said::Done(sequence), Kind::Replace) => ("8", format!("150=5|39=0|17={sequence}|37=1")),
        (Said::Rejected, Kind::New) => ("8", "150=8|39=8|17=R1|37=NONE".to_string()),
        (Said::Rejected, _) => ("9", "39=4|102=0|434=1|37=1".to_string()),
        (Said::Throttled, _) => ("j", format!("372=D|380=8|379={own}")),
        (Said::Unknown, _) => ("j", format!("372=D|380=0|379={own}")),
    };
    let other = "8 50=n1|11=somebody-else-1|150=F|39=1|17=T1|37=2|\n";
    format!("{other}{kind} 50={node}|11={own}|{fields}|\n").into_bytes()
}

/// Answers as they go over the wire. What is no answer stays as it is.
pub fn finish(wire: &mut Wire, answers: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(answers).unwrap();
    let mut bytes = Vec::new();
    for line in text.lines() {
        let (kind, fields) = line.split_once(' ').unwrap();
        bytes.extend(sealed(&wire.client, kind, wire.next, fields));
        wire.next += 1;
    }
    bytes
}

//! A client over FIX 4.4 by hand, for what no load says: it keeps everything that it was told.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use shakedown_load::fix::{End, Event, Pen, Role, Session, Settings, tags, utc_offset_ns};
use shakedown_record::monotonic_ns;

use crate::venue::dial;

/// What a client was told, by tag.
pub(crate) type Told = BTreeMap<u32, String>;

/// A client whose session outlives its connections.
pub(crate) struct Client {
    pub(crate) session: Session,
    stream: TcpStream,
    /// Application messages, each number once.
    pub(crate) told: Vec<Told>,
    pub(crate) end: Option<End>,
}

impl Client {
    /// Logs on with new numbers, under the first name to the second.
    pub(crate) fn log_on([own, other]: [&str; 2], address: SocketAddr) -> Client {
        let session = Session::new(Settings {
            role: Role::Initiator,
            own: own.to_string(),
            other: other.to_string(),
            own_sub: None,
            heartbeat_s: 1,
            kept: 1_000,
            login: None,
            utc_offset_ns: utc_offset_ns(),
        });
        let stream = dial(address);
        let mut client = Client {
            session,
            stream,
            told: Vec::new(),
            end: None,
        };
        client.log_on_again(address, true);
        client
    }

    pub(crate) fn log_on_again(&mut self, address: SocketAddr, reset: bool) {
        self.stream = dial(address);
        self.end = None;
        let mut out = Vec::new();
        self.session.connect(reset, monotonic_ns(), &mut out);
        self.stream.write_all(&out).unwrap();
        self.hear(|client| client.session.is_on() || client.end.is_some());
    }

    pub(crate) fn say(&mut self, kind: &[u8], fill: impl FnOnce(&mut Pen)) {
        let mut out = Vec::new();
        self.session.send(kind, monotonic_ns(), &mut out, fill);
        // Who has gone hears it later.
        let _sent = self.stream.write_all(&out);
    }

    /// Ends the connection without a word.
    pub(crate) fn hang_up(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Both).unwrap();
    }

    /// Hears until it is enough, for ten seconds at most.
    pub(crate) fn hear(&mut self, is_enough: impl Fn(&Client) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut buffer = [0; 65_536];
        while !is_enough(self) && self.end.is_none() && Instant::now() < deadline {
            let mut out = Vec::new();
            let _still_there = self.session.tick(monotonic_ns(), &mut out);
            let count = self.stream.read(&mut buffer).unwrap_or(0);
            let mut rest = &buffer[..count];
            while !rest.is_empty() {
                let heard = self.session.hear(rest, monotonic_ns(), &mut out);
                rest = &rest[heard.used..];
                match heard.event {
                    Event::More => break,
                    Event::Aside | Event::LoggedOn { .. } => {}
                    Event::Said(message) => {
                        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
                        let fields = message.fields();
                        self.told
                            .push(fields.map(|(tag, value)| (tag, text(value))).collect());
                    }
                    Event::End(end) => {
                        self.end = Some(end);
                        break;
                    }
                }
            }
            let _sent = self.stream.write_all(&out);
        }
    }

    pub(crate) fn hear_reports(&mut self, count: usize) {
        self.hear(|client| client.told.len() >= count);
    }

    pub(crate) fn hear_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        self.hear(|_| Instant::now() >= until);
    }

    /// How many reports of each kind it was told.
    pub(crate) fn kinds(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for told in &self.told {
            *kinds.entry(kind(told)).or_default() += 1;
        }
        kinds
    }
}

pub(crate) fn kind(told: &Told) -> &'static str {
    match (
        told[&tags::MSG_TYPE].as_str(),
        told.get(&tags::EXEC_TYPE).map(String::as_str),
    ) {
        ("8", Some("0")) => "accepted",
        ("8", Some("8")) => "rejected",
        ("8", Some("F")) => "filled",
        ("8", Some("4")) => "cancelled",
        ("8", Some("5")) => "replaced",
        ("9", None) => "cancel-rejected",
        ("j", None) => "business-reject",
        other => panic!("{other:?}: {told:?}"),
    }
}

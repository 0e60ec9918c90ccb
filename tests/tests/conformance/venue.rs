//! The venue as trading systems meet it: what it was told to do is what it does, and nothing that it said is lost, also when it
//! was ended in the middle of it.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shakedown_load::venue::{Fate, VenueConfig, VenueFailure, fate, serve};
use shakedown_record::venue::{ReportKind, VenueEvent, read_venue};
use shakedown_scenarios::plan::{Delay, VenueFix, VenuePlan};
use tungstenite::{Message, WebSocket, client};

const MS: u64 = 1_000_000;

/// How long a read waits for the next report.
const HEARS_FOR: Duration = Duration::from_millis(50);

/// How long a venue may take to answer who dials.
const SHAKES_HANDS_WITHIN: Duration = Duration::from_secs(5);

fn plan() -> VenuePlan {
    VenuePlan {
        latency: Delay::Uniform {
            from_ns: 20 * MS,
            to_ns: 60 * MS,
        },
        rejects: 0.1,
        fills: 0.8,
        partial: 0.5,
        fill_after: Delay::Uniform {
            from_ns: 50 * MS,
            to_ns: 200 * MS,
        },
    }
}

/// A venue on a thread of its own, which speaks FIX as well.
pub(crate) struct Venue {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), VenueFailure>>,
}

impl Venue {
    pub(crate) fn open(listen: SocketAddr, log: &Path) -> Venue {
        let over = Arc::new(AtomicBool::new(false));
        let config = VenueConfig {
            listen,
            log: log.to_path_buf(),
            plan: plan(),
            seed: 7,
            fix: Some(VenueFix {
                comp_id: "VENUE".to_string(),
                tag: 526,
            }),
        };
        let is_over = Arc::clone(&over);
        let thread = thread::spawn(move || serve(&config, || is_over.load(Ordering::Relaxed)));
        Venue { over, thread }
    }

    pub(crate) fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap().unwrap();
    }
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// A connection to a venue that may still be on its way up.
pub(crate) fn dial(venue: SocketAddr) -> TcpStream {
    let deadline = Instant::now() + Duration::from_secs(5);
    let stream = loop {
        match TcpStream::connect(venue) {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        thread::sleep(Duration::from_millis(5));
    };
    read_within(&stream, HEARS_FOR);
    stream
}

fn read_within(stream: &TcpStream, at_most: Duration) {
    stream.set_read_timeout(Some(at_most)).unwrap();
}

/// A trading system that has logged on over WebSocket.
pub(crate) struct System {
    socket: WebSocket<TcpStream>,
}

impl System {
    fn log_on(venue: SocketAddr, after: usize) -> System {
        System::log_on_as("m", venue, after)
    }

    pub(crate) fn log_on_as(session: &str, venue: SocketAddr, after: usize) -> System {
        let stream = dial(venue);
        // A venue that has just begun to listen may be slow to shake hands on a busy machine.
        read_within(&stream, SHAKES_HANDS_WITHIN);
        let (socket, _) = client(format!("ws://{venue}/"), stream).unwrap();
        read_within(socket.get_ref(), HEARS_FOR);
        let mut system = System { socket };
        system.say(json!({ "op": "logon", "session": session, "after": after }));
        system
    }

    fn say(&mut self, message: Value) {
        self.socket
            .send(Message::text(message.to_string()))
            .unwrap();
    }

    pub(crate) fn order(&mut self, number: usize) {
        self.say(json!({
            "op": "new", "id": format!("q-{number}"), "tag": format!("t-{number}"),
            "symbol": "BTCUSD", "side": "buy", "price": "1.50", "quantity": "4",
        }));
    }

    /// Hears reports until there are so many, or for so long.
    pub(crate) fn hear(&mut self, reports: &mut Vec<Value>, count: usize, at_most: Duration) {
        let deadline = Instant::now() + at_most;
        while reports.len() < count && Instant::now() < deadline {
            if let Ok(Message::Text(text)) = self.socket.read() {
                reports.push(serde_json::from_str(&text).unwrap());
            }
        }
    }
}

/// How many reports of each kind so many orders lead to.
pub(crate) fn expected(orders: usize) -> BTreeMap<&'static str, usize> {
    let mut expected = BTreeMap::new();
    for number in 0..orders {
        match fate(&plan(), 7, &format!("q-{number}"), "4".parse().unwrap()) {
            Fate::Rejected { .. } => *expected.entry("rejected").or_default() += 1,
            Fate::Accepted { fills, .. } => {
                *expected.entry("accepted").or_default() += 1;
                *expected.entry("filled").or_default() += fills.len();
            }
        }
    }
    expected
}

fn kinds(reports: &[Value]) -> BTreeMap<&str, usize> {
    let mut kinds = BTreeMap::new();
    for report in reports {
        *kinds.entry(report["report"].as_str().unwrap()).or_default() += 1;
    }
    kinds
}

#[test]
fn orders_are_acknowledged_and_filled_when_they_are_to_be() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let log = folder.path().join("venue.jsonl");
    let venue = Venue::open(address, &log);
    let mut system = System::log_on(address, 0);
    (0..100).for_each(|number| system.order(number));
    let expected = expected(100);
    let mut reports = Vec::new();
    let count = expected.values().sum();
    system.hear(&mut reports, count, Duration::from_secs(10));
    assert_eq!(kinds(&reports), expected);
    for (at, report) in reports.iter().enumerate() {
        assert_eq!(report["sequence"], at as u64 + 1);
    }
    venue.end();
    let lines = read_venue(&log).unwrap().unwrap();
    let mut came = BTreeMap::new();
    for line in &lines {
        match &line.event {
            VenueEvent::Order(order) => {
                came.insert(order.id.clone(), line.at_ns);
                assert_eq!(order.tag, Some(order.id.replace('q', "t")));
            }
            VenueEvent::Report(report) if report.report == ReportKind::Accepted => {
                let after_ns = line.at_ns - came[&report.id];
                // Never before it is due; on a busy machine as late as may be.
                assert!(after_ns >= 20 * MS, "{} after {after_ns} ns", report.id);
            }
            _ => {}
        }
    }
    assert_eq!(came.len(), 100);
}

#[test]
fn a_venue_that_was_ended_goes_on_and_a_session_is_told_what_it_missed() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let log = folder.path().join("venue.jsonl");
    let venue = Venue::open(address, &log);
    let mut system = System::log_on(address, 0);
    (0..60).for_each(|number| system.order(number));
    let mut reports = Vec::new();
    system.hear(&mut reports, 40, Duration::from_secs(10));
    venue.end();
    let venue = Venue::open(address, &log);
    // Some of what was heard is forgotten again.
    reports.truncate(25);
    let mut system = System::log_on(address, 25);
    (60..80).for_each(|number| system.order(number));
    let expected = expected(80);
    let count = expected.values().sum();
    system.hear(&mut reports, count, Duration::from_secs(10));
    venue.end();
    assert_eq!(kinds(&reports), expected);
    let mut executions: Vec<&str> = reports
        .iter()
        .filter_map(|it| it["execution"].as_str())
        .collect();
    executions.sort_unstable();
    executions.dedup();
    assert_eq!(executions.len(), expected["filled"]);
    for (at, report) in reports.iter().enumerate() {
        assert_eq!(report["sequence"], at as u64 + 1);
    }
}

#[test]
fn whoever_has_not_logged_on_is_told_nothing_and_whoever_asks_is_answered() {
    use std::io::{Read, Write};
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let log = folder.path().join("venue.jsonl");
    let venue = Venue::open(address, &log);
    let mut system = System::log_on(address, 0);
    system.say(json!({ "op": "cancel", "id": "q-9" }));
    let mut reports = Vec::new();
    system.hear(&mut reports, 1, Duration::from_secs(5));
    assert_eq!(reports[0]["reason"], "unknown-order");
    let mut plain = TcpStream::connect(address).unwrap();
    plain
        .write_all(b"GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("}"),
        "{answer}"
    );
    let stream = TcpStream::connect(address).unwrap();
    let (mut stranger, _) = client(format!("ws://{address}/"), stream).unwrap();
    let order = r#"{"op":"new","id":"a","symbol":"A","side":"buy","price":"1","quantity":"1"}"#;
    stranger.send(Message::text(order)).unwrap();
    stranger.send(Message::text("nonsense")).unwrap();
    thread::sleep(Duration::from_millis(200));
    venue.end();
    let lines = read_venue(&log).unwrap().unwrap();
    let malformed = lines
        .iter()
        .filter(|line| matches!(line.event, VenueEvent::Malformed { .. }));
    assert_eq!(malformed.count(), 2, "{lines:?}");
}

//! The listener to market-data feeds against one that hangs up, says nothing, and refuses: nothing is missed that the feed
//! tells, and what cannot be heard is said.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use shakedown_load::feed::{FeedConfig, FeedFiles, FeedListener};
use shakedown_load::secret::Secrets;
use shakedown_record::feed::{FeedReport, FeedRow, read_feed};
use shakedown_record::feed_book::{BookEvent, read_feed_book};
use shakedown_scenarios::plan::{
    Auth, FeedBookPlan, FeedPlan, FeedSnapshotPlan, JsonPointer, MadeAt,
};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::{Message, WebSocket, accept_hdr};

/// How many messages there are to tell.
const LAST: u64 = 40;

/// What a feed does once it was called.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Tells so many messages and hangs up.
    HangsUpAfter(u64),
    /// Tells so many messages, and then stands still with its sockets open.
    FreezesAfter(u64),
}

/// A feed of messages 1 to [`LAST`].
struct Feed {
    url: String,
    calls: Arc<AtomicU64>,
    /// What each call asked to go on after.
    after: Arc<Mutex<Vec<String>>>,
}

impl Feed {
    fn open(manner: Manner) -> Feed {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let feed = Feed {
            url,
            calls: Arc::default(),
            after: Arc::default(),
        };
        let (calls, after) = (Arc::clone(&feed.calls), Arc::clone(&feed.after));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (calls, after) = (Arc::clone(&calls), Arc::clone(&after));
                thread::spawn(move || serve(stream.unwrap(), manner, &calls, &after));
            }
        });
        feed
    }
}

#[allow(clippy::result_large_err, reason = "tungstenite's own type")]
fn serve(stream: TcpStream, manner: Manner, calls: &AtomicU64, after: &Mutex<Vec<String>>) {
    let mut query = String::new();
    let look = |request: &Request, response: Response| {
        query = request.uri().query().unwrap_or_default().to_string();
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr(stream, look) else {
        return;
    };
    let number = query.trim_start_matches("after=").to_string();
    let from = number.parse::<u64>().unwrap_or(0) + 1;
    calls.fetch_add(1, Ordering::SeqCst);
    after.lock().unwrap().push(number);
    let most = match manner {
        Manner::HangsUpAfter(most) | Manner::FreezesAfter(most) => most,
    };
    for sequence in (from..=LAST).take(most as usize) {
        tell(&mut socket, sequence);
    }
    if manner == Manner::FreezesAfter(most) {
        thread::sleep(Duration::from_secs(30));
    }
}

#[allow(clippy::disallowed_methods, reason = "a feed dates its messages")]
fn tell(socket: &mut WebSocket<TcpStream>, sequence: u64) {
    let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let at_ms = at.unwrap().as_millis() as u64;
    let text = json!({ "seq": sequence, "at": at_ms, "order": format!("t-{sequence}") });
    // Whoever has gone is told nothing more.
    let _ = socket.send(Message::text(text.to_string()));
}

fn listen(entry: &[&Feed], file: &Path) -> FeedListener {
    let pointer = |text: &str| JsonPointer(text.into());
    FeedListener::start(FeedConfig {
        plan: FeedPlan {
            path: "/feed?after={{after}}".into(),
            sequence: pointer("/seq"),
            made: Some(MadeAt {
                at: pointer("/at"),
                unit_ns: 1_000_000,
            }),
            order: Some(pointer("/order")),
            book: None,
            clock_error_ns: None,
        },
        auth: Auth::None,
        secrets: Secrets::default(),
        entry: entry.iter().map(|feed| feed.url.clone()).collect(),
        prefix: "t".into(),
        sides: ["buy".into(), "sell".into()],
        seed: 7,
        files: FeedFiles::Whole {
            messages: file.to_path_buf(),
            book: None,
        },
    })
    .unwrap()
}

/// Listens until the last message came, or for so long.
fn heard(entry: &[&Feed], at_most: Duration) -> (Vec<FeedRow>, FeedReport) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.csv");
    let listener = listen(entry, &file);
    let deadline = Instant::now() + at_most;
    let is_all = || {
        let rows = read_feed(&file).ok().flatten().unwrap_or_default();
        rows.iter().any(|row| row.sequence == LAST)
    };
    while Instant::now() < deadline && !is_all() {
        thread::sleep(Duration::from_millis(20));
    }
    let report = listener.end();
    (read_feed(&file).unwrap().unwrap(), report)
}

fn sequences(rows: &[FeedRow]) -> Vec<u64> {
    rows.iter().map(|row| row.sequence).collect()
}

#[test]
fn a_feed_that_hangs_up_goes_on_where_it_stopped() {
    let feed = Feed::open(Manner::HangsUpAfter(15));
    let (rows, report) = heard(&[&feed], Duration::from_secs(10));
    assert_eq!(sequences(&rows), (1..=LAST).collect::<Vec<u64>>());
    assert_eq!(feed.after.lock().unwrap()[..3], ["", "15", "30"]);
    assert!(
        report.connected >= 3 && report.messages == LAST,
        "{report:?}"
    );
    assert!(rows.iter().all(|row| row.slot == Some(row.sequence)));
    let ages = rows.iter().map(|row| row.age_ns.unwrap());
    // Milliseconds are whole: a message may be up to one older than it says.
    assert!(
        ages.clone()
            .all(|age_ns| (0..2_000_000_000).contains(&age_ns)),
        "{:?}",
        ages.max()
    );
}

#[test]
fn a_feed_that_freezes_is_left_for_the_next_entry() {
    let frozen = Feed::open(Manner::FreezesAfter(7));
    let sound = Feed::open(Manner::FreezesAfter(LAST));
    let (rows, report) = heard(&[&frozen, &sound], Duration::from_secs(20));
    assert_eq!(sequences(&rows), (1..=LAST).collect::<Vec<u64>>());
    assert_eq!(sound.after.lock().unwrap()[..], ["7"]);
    assert!(report.connections[0].ended.contains("silent"), "{report:?}");
    assert_eq!(frozen.calls.load(Ordering::SeqCst), 1);
}

#[test]
fn a_feed_that_is_not_there_is_said_to_be_none() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = Feed {
        url: format!("http://{}", taken.local_addr().unwrap()),
        calls: Arc::default(),
        after: Arc::default(),
    };
    drop(taken);
    let (rows, report) = heard(&[&gone], Duration::from_millis(300));
    assert_eq!(rows, []);
    assert_eq!((report.connected, report.messages), (0, 0));
    assert!(report.refused.unwrap().contains("refused"));
}

/// A feed that tells what rests in two parts, hangs up between them the first time, and then tells two messages a call.
fn serve_late(stream: TcpStream, calls: &AtomicU64, paths: &Mutex<Vec<String>>) {
    let mut path = String::new();
    #[allow(clippy::result_large_err, reason = "tungstenite's own type")]
    let look = |request: &Request, response: Response| {
        path = request.uri().to_string();
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr(stream, look) else {
        return;
    };
    paths.lock().unwrap().push(path.clone());
    let is_first = calls.fetch_add(1, Ordering::SeqCst) == 0;
    let mut tell = |text: serde_json::Value| {
        // Whoever has gone is told nothing more.
        let _ = socket.send(Message::text(text.to_string()));
    };
    let order =
        |id: &str| json!({ "order": id, "s": "XAU", "side": "sell", "p": "1.5", "left": "2" });
    let part =
        |more: bool, id: &str| json!({ "seq": 20, "e": "all", "book": [order(id)], "more": more });
    if path == "/feed?all" {
        tell(part(true, "t-1"));
        if is_first {
            return;
        }
        tell(part(false, "t-2"));
    }
    let after = path.strip_prefix("/feed?after=").unwrap_or("20");
    let from = after.parse::<u64>().unwrap() + 1;
    for sequence in (from..=24).take(2) {
        tell(json!({ "seq": sequence, "e": "gone", "order": "t-1" }));
    }
}

fn listen_late(url: &str, file: &Path) -> FeedListener {
    let pointer = |text: &str| JsonPointer(text.into());
    FeedListener::start(FeedConfig {
        plan: FeedPlan {
            path: "/feed?after={{after}}".into(),
            sequence: pointer("/seq"),
            made: None,
            order: Some(pointer("/order")),
            book: Some(FeedBookPlan {
                event: pointer("/e"),
                accepted: vec!["new".into()],
                replaced: Vec::new(),
                cancelled: vec!["gone".into()],
                symbol: pointer("/s"),
                side: pointer("/side"),
                price: pointer("/p"),
                quantity: pointer("/q"),
                remaining: Some(pointer("/left")),
                fills: pointer("/f"),
                fill_maker: pointer("/m"),
                fill_quantity: pointer("/q"),
                snapshot: Some(FeedSnapshotPlan {
                    path: "/feed?all".into(),
                    events: vec!["all".into()],
                    orders: pointer("/book"),
                    more: Some(pointer("/more")),
                }),
            }),
            clock_error_ns: None,
        },
        auth: Auth::None,
        secrets: Secrets::default(),
        entry: vec![url.to_string()],
        prefix: "t".into(),
        sides: ["buy".into(), "sell".into()],
        seed: 7,
        files: FeedFiles::Late {
            book: file.to_path_buf(),
        },
    })
    .unwrap()
}

#[test]
fn who_comes_late_waits_for_its_time_and_is_told_all_that_rests_before_what_comes_after() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    let (calls, paths) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(Mutex::new(Vec::new())),
    );
    let (served, called) = (Arc::clone(&calls), Arc::clone(&paths));
    thread::spawn(move || {
        for stream in server.incoming() {
            serve_late(stream.unwrap(), &served, &called);
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed-late.csv");
    let listener = listen_late(&url, &file);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(calls.load(Ordering::SeqCst), 0, "nobody told it to come");
    listener.joiner().join();
    let rows = || read_feed_book(&file).ok().flatten().unwrap_or_default();
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline && rows().last().is_none_or(|row| row.sequence != 24) {
        thread::sleep(Duration::from_millis(20));
    }
    let report = listener.end();
    let events: Vec<(u64, BookEvent)> =
        rows().iter().map(|row| (row.sequence, row.event)).collect();
    use BookEvent::{Cancelled, Listed, Snapshot, Whole};
    let expected = [
        (20, Snapshot),
        (20, Listed),
        (20, Snapshot),
        (20, Listed),
        (20, Listed),
        (20, Whole),
        (21, Cancelled),
        (22, Cancelled),
        (23, Cancelled),
        (24, Cancelled),
    ];
    assert_eq!(events, expected, "{report:?}");
    let paths = paths.lock().unwrap();
    assert_eq!(paths[..3], ["/feed?all", "/feed?all", "/feed?after=22"]);
}

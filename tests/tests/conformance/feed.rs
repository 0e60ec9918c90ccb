//! The listener to market-data feeds against one that hangs up, says nothing, and refuses: nothing is missed that the feed
//! tells, and what cannot be heard is said.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use shakedown_load::feed::{FeedConfig, FeedListener};
use shakedown_load::secret::Secrets;
use shakedown_record::feed::{FeedReport, FeedRow, read_feed};
use shakedown_scenarios::plan::{Auth, FeedPlan, JsonPointer, MadeAt};
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
            clock_error_ns: None,
        },
        auth: Auth::None,
        secrets: Secrets::default(),
        entry: entry.iter().map(|feed| feed.url.clone()).collect(),
        prefix: "t".into(),
        seed: 7,
        file: file.to_path_buf(),
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

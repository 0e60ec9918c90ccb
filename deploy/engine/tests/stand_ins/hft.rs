//! hft: books in memory.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::process::{
    Process, at, metrics, number, number_in, ports, share_within, soon, wait_until_well, words,
};
use super::support::processes::say;
use super::support::{call, resting};

pub const TESTS: &[(&str, fn())] = &[
    ("hft_serves_books_from_memory", hft_serves_books_from_memory),
    (
        "hft_is_fast_enough_and_says_so",
        hft_is_fast_enough_and_says_so,
    ),
    (
        "hft_sends_away_what_is_too_much",
        hft_sends_away_what_is_too_much,
    ),
    (
        "hft_shows_how_much_of_the_limit_is_used",
        hft_shows_how_much_of_the_limit_is_used,
    ),
    ("hft_stops_in_order", hft_stops_in_order),
    (
        "hft_defects_change_what_is_served",
        hft_defects_change_what_is_served,
    ),
];

struct Hft {
    process: Process,
    http: SocketAddr,
    binary: SocketAddr,
}

impl Hft {
    fn start(more: &str) -> Self {
        let ports = ports(2);
        let (http, binary) = (at(ports[0]), at(ports[1]));
        let line = format!("node --as hft --name hft-1 --http {http} --binary {binary} {more}");
        let process = Process::start(&words(&line));
        wait_until_well(http, "/health");
        Self {
            process,
            http,
            binary,
        }
    }
}

/// Statuses of answers of the binary gateway.
const ACCEPTED: u8 = 1;
const THROTTLED: u8 = 7;

/// A limit order that rests, between 1000.00 and 1009.99 and for 0.10, as a frame.
fn frame(number: u64) -> Vec<u8> {
    let id = format!("o-{number:09}");
    let texts: [&[u8]; 3] = [id.as_bytes(), b"acct", b"ETHUSD"];
    let length = 40 + texts.iter().map(|text| text.len()).sum::<usize>();
    let mut frame = u32::try_from(length).expect("short").to_le_bytes().to_vec();
    frame.extend([1, 1, 0, 0]);
    frame.extend(number.to_le_bytes());
    frame.extend((100_000 + number % 1_000).to_le_bytes());
    frame.extend(10u64.to_le_bytes());
    frame.extend([2, 2, 1, 1]);
    frame.extend(texts.map(|text| u8::try_from(text.len()).expect("short")));
    frame.push(0);
    texts.iter().for_each(|text| frame.extend(*text));
    frame
}

/// How often each status was answered.
#[derive(Debug, Default)]
struct Answers([usize; 11]);

/// Sends new orders with these numbers in batches, so many in a second, and reads all answers that come within 2 s after.
fn send(address: SocketAddr, numbers: std::ops::Range<u64>, per_s: u64) -> Answers {
    let stream = TcpStream::connect(address).expect("the engine answers");
    stream.set_nodelay(true).expect("a socket");
    let mut output = stream.try_clone().expect("a socket");
    let expected = numbers.end - numbers.start;
    let reader = std::thread::spawn(move || read(stream, expected));
    let (start, first, batch) = (Instant::now(), numbers.start, 8);
    for from in numbers.clone().step_by(batch) {
        let until = (from + batch as u64).min(numbers.end);
        let due = start + Duration::from_secs_f64((from - first) as f64 / per_s as f64);
        let now = Instant::now();
        if due > now + Duration::from_millis(1) {
            std::thread::sleep(due - now);
        }
        let frames: Vec<u8> = (from..until).flat_map(frame).collect();
        output.write_all(&frames).expect("the engine reads");
    }
    reader.join().expect("answers are read")
}

fn read(mut stream: TcpStream, expected: u64) -> Answers {
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .expect("a socket");
    let (mut answers, mut count) = (Answers::default(), 0);
    let (mut buffer, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    while count < expected {
        let Ok(length @ 1..) = stream.read(&mut piece) else {
            break;
        };
        buffer.extend_from_slice(&piece[..length]);
        let mut at = 0;
        while let Some(head) = buffer.get(at..at + 4) {
            let length = u32::from_le_bytes(head.try_into().expect("four")) as usize;
            let Some(frame) = buffer.get(at..at + length) else {
                break;
            };
            answers.0[usize::from(frame[32])] += 1;
            count += 1;
            at += length;
        }
        buffer.drain(..at);
    }
    answers
}

fn hft_serves_books_from_memory() {
    let hft = Hft::start("");
    let reply = call(hft.http, "POST", "/orders", &resting("a")).expect("answered");
    assert_eq!(
        (reply.status, &reply.body["state"]),
        (201, &"accepted".into())
    );
    let sell = resting("b")
        .replace("buy", "sell")
        .replace("0.010", "0.004");
    assert_eq!(
        call(hft.http, "POST", "/orders", &sell)
            .expect("answered")
            .status,
        201
    );
    let book = call(hft.http, "GET", "/debug/orderbook/BTCUSD", "")
        .expect("answered")
        .body;
    assert_eq!(book["bids"][0]["quantity"], "0.006");
    assert_eq!(book["asks"].as_array().map(Vec::len), Some(0));
    let empty = call(hft.http, "GET", "/debug/orderbook/ETHUSD", "").expect("answered");
    assert_eq!(
        (empty.status, empty.body["bids"].as_array().map(Vec::len)),
        (200, Some(0))
    );
    assert_eq!(
        call(hft.http, "DELETE", "/orders/a", "")
            .expect("answered")
            .status,
        200
    );
    assert_eq!(
        call(hft.http, "DELETE", "/orders/x", "")
            .expect("answered")
            .status,
        404
    );
    let trades = call(hft.http, "GET", "/trades", "").expect("answered").body;
    assert_eq!(trades["count"], 1);
    let health = call(hft.http, "GET", "/health", "").expect("answered").body;
    assert_eq!(
        (&health["status"], &health["redis"]),
        (&"healthy".into(), &"none".into())
    );
    let text = metrics(hft.http);
    for (series, value) in [
        ("hft_orders_total", 4.0),
        ("hft_errors_total", 0.0),
        ("hft_trades_total", 1.0),
        ("hft_worker_queue_limit", 100_000.0),
        ("hft_rate_limit_per_second", 100_000.0),
        ("hft_open_orders", 0.0),
    ] {
        assert_eq!(number_in(&text, series), Some(value), "{series}");
    }
}

/// The rate and the latency themselves are the machine's: a campaign measures them. Here both are told, and that the engine is
/// far from where a lock, a thread or a disk would put it.
fn hft_is_fast_enough_and_says_so() {
    let hft = Hft::start("--rate-limit 10000000");
    let start = Instant::now();
    let answers = send(hft.binary, 0..40_000, 50_000);
    let took = start.elapsed();
    assert_eq!(answers.0[usize::from(ACCEPTED)], 40_000, "{answers:?}");
    let within = share_within(hft.http, "hft_order_latency_seconds", "0.00001");
    say(&format!(
        "  40000 orders in {} ms, {:.2} % of them within 10 us",
        took.as_millis(),
        within * 100.0
    ));
    assert!(within > 0.5, "{within}");
    assert_eq!(
        number(hft.http, "hft_order_latency_seconds_count"),
        40_000.0
    );
}

fn hft_sends_away_what_is_too_much() {
    let hft = Hft::start("--rate-limit 1000");
    let answers = send(hft.binary, 0..2_000, 10_000);
    let throttled = answers.0[usize::from(THROTTLED)];
    assert!(throttled > 1_000, "{answers:?}");
    assert_eq!(
        answers.0[usize::from(ACCEPTED)] + throttled,
        2_000,
        "{answers:?}"
    );
    assert_eq!(
        number(hft.http, "hft_rejected_rate_limit_total"),
        throttled as f64
    );
    let full = Hft::start("--queue-limit 0");
    let reply = call(full.http, "POST", "/orders", &resting("a")).expect("answered");
    assert_eq!(
        (reply.status, &reply.body["reason"]),
        (429, &"queue-full".into())
    );
    assert_eq!(number(full.http, "hft_rejected_queue_full_total"), 1.0);
}

fn hft_shows_how_much_of_the_limit_is_used() {
    let hft = Hft::start("--risk-limit 10");
    let answers = send(hft.binary, 0..5, 1_000);
    assert_eq!(answers.0[usize::from(ACCEPTED)], 5);
    assert_eq!(number(hft.http, "hft_risk_utilisation_ratio"), 0.5);
    let answers = send(hft.binary, 5..15, 1_000);
    assert_eq!((answers.0[1], answers.0[4]), (5, 5), "{answers:?}");
    assert_eq!(number(hft.http, "hft_risk_utilisation_ratio"), 1.0);
}

fn hft_stops_in_order() {
    let mut hft = Hft::start("--drain-ms 400");
    let http = hft.http;
    let seen = std::thread::spawn(move || {
        soon(5, || {
            call(http, "GET", "/health", "").is_ok_and(|reply| reply.body["status"] == "draining")
        })
    });
    std::thread::sleep(Duration::from_millis(100));
    hft.process.stop();
    assert!(seen.join().expect("it looks"), "nobody was sent elsewhere");
}

fn hft_defects_change_what_is_served() {
    let slow = Hft::start("--defect slow-match");
    send(slow.binary, 0..500, 2_000);
    let within = share_within(slow.http, "hft_order_latency_seconds", "0.00002");
    assert_eq!(within, 0.0, "slow-match");

    let open = Hft::start("--rate-limit 1000 --defect no-rate-limit");
    let answers = send(open.binary, 0..2_000, 10_000);
    assert_eq!(
        answers.0[usize::from(ACCEPTED)],
        2_000,
        "no-rate-limit: {answers:?}"
    );

    let drops = Hft::start("--defect queue-drops");
    let answers = send(drops.binary, 0..21_000, 10_000);
    assert_eq!(
        answers.0[usize::from(ACCEPTED)],
        20_994,
        "queue-drops: {answers:?}"
    );

    let overrun = Hft::start("--risk-limit 10 --defect risk-overrun");
    let answers = send(overrun.binary, 0..15, 1_000);
    assert_eq!(
        answers.0[usize::from(ACCEPTED)],
        15,
        "risk-overrun: {answers:?}"
    );
    assert_eq!(
        call(overrun.http, "DELETE", "/orders/o-000000003", "")
            .expect("answered")
            .status,
        200
    );
    assert_eq!(
        number(overrun.http, "hft_risk_utilisation_ratio"),
        1.5,
        "risk-overrun"
    );

    let corrupt = Hft::start("--defect corrupt-orderbook-debug");
    send(corrupt.binary, 0..10, 1_000);
    let book = call(corrupt.http, "GET", "/debug/orderbook/ETHUSD", "")
        .expect("answered")
        .body;
    let shown = book["bids"].as_array().expect("a list");
    let wrong = shown.iter().filter(|row| row["quantity"] != "0.10").count();
    assert_eq!((shown.len(), wrong), (10, 1), "corrupt-orderbook-debug");
}

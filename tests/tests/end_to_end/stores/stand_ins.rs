//! Stand-ins that keep what they have in real servers: what is there when they are killed, and what they say when a server is lost.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use shakedown_scenarios::plan::{Delay, VenuePlan};
use shakedown_tests::shakedown::{Sandbox, beside, binary, within_s};

use super::{Foreign, PASSWORD, program};

/// A process that ends with the test.
struct Process(Child);

impl Process {
    fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.stderr(Stdio::null()).spawn().unwrap())
    }

    fn end(mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Status and body of an answer; `None`: there was none.
fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: stand-in\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_string()))
}

fn status(address: SocketAddr, method: &str, path: &str, body: &str) -> u16 {
    ask(address, method, path, body).map_or(0, |(status, _)| status)
}

fn json(address: SocketAddr, path: &str) -> Value {
    let (_, body) = ask(address, "GET", path, "").unwrap();
    serde_json::from_str(&body).unwrap()
}

/// A number of `/metrics`; none that is not there.
fn number(address: SocketAddr, series: &str) -> Option<f64> {
    let (_, text) = ask(address, "GET", "/metrics", "")?;
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

struct Redis {
    _server: Process,
    address: SocketAddr,
}

impl Redis {
    fn start() -> Self {
        let address = free();
        let mut command = Command::new(program("SHAKEDOWN_REDIS", "redis-server"));
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
        command.args(["--save", ""]);
        let server = Process::start(command);
        let redis = Self {
            _server: server,
            address,
        };
        assert!(within_s(10.0, || redis.cli(&["PING"]) == "PONG\n"));
        redis
    }

    /// What it says to its own client.
    fn cli(&self, words: &[&str]) -> String {
        let output = Command::new(program("SHAKEDOWN_REDIS", "redis-cli"))
            .args(["-h", "127.0.0.1", "-p", &self.address.port().to_string()])
            .args(words)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }
}

fn hft(redis: &Redis, http: SocketAddr, who: &[&str]) -> Process {
    let mut command = Command::new(binary());
    command.args(["engine", "node", "--as", "hft"]).args(who);
    command.args([
        "--http",
        &http.to_string(),
        "--redis",
        &redis.address.to_string(),
    ]);
    let process = Process::start(command);
    assert!(within_s(10.0, || status(http, "GET", "/health", "") == 200));
    process
}

const NAMED: [&str; 2] = ["--name", "hft-1"];

fn buy(http: SocketAddr, id: &str) {
    let order = format!(
        r#"{{"id":"{id}","account":"a","symbol":"BTCUSD","side":"buy","price":"50000.01","quantity":"0.010"}}"#
    );
    assert_eq!(status(http, "POST", "/orders", &order), 201);
}

#[test]
fn an_engine_in_memory_comes_back_with_what_redis_has() {
    let _beside = beside();
    let (redis, http) = (Redis::start(), free());
    let first = hft(&redis, http, &NAMED);
    (0..20).for_each(|n| buy(http, &format!("a-{n}")));
    assert_eq!(status(http, "DELETE", "/orders/a-3", ""), 200);
    assert!(within_s(5.0, || number(http, "hft_journal_waiting_bytes")
        == Some(0.0)));
    std::thread::sleep(Duration::from_millis(100));
    let (orders, book) = (json(http, "/orders"), json(http, "/debug/orderbook/BTCUSD"));
    assert_eq!(
        (&orders["count"], book["bids"].as_array().map(Vec::len)),
        (&20.into(), Some(19))
    );
    let top = || redis.cli(&["GET", "hft:hft-1:book:BTCUSD"]);
    assert!(
        within_s(5.0, || top().contains(r#""bid":"50000.01""#)),
        "{}",
        top()
    );
    first.end(Signal::KILL);
    let second = hft(&redis, http, &NAMED);
    assert_eq!(json(http, "/orders"), orders);
    assert_eq!(json(http, "/debug/orderbook/BTCUSD"), book);
    (0..5).for_each(|n| buy(http, &format!("b-{n}")));
    second.end(Signal::TERM);
    let _third = hft(&redis, http, &NAMED);
    assert_eq!(
        json(http, "/orders")["count"],
        25,
        "an orderly stop loses nothing"
    );
}

#[test]
fn a_replica_without_a_name_takes_the_seat_that_it_had_or_a_free_one() {
    let _beside = beside();
    let (redis, first, second) = (Redis::start(), free(), free());
    let one = hft(&redis, first, &[]);
    let _two = hft(&redis, second, &[]);
    let name = |http: SocketAddr| json(http, "/health")["name"].clone();
    assert_eq!(
        (name(first), name(second)),
        ("hft-1".into(), "hft-2".into())
    );
    buy(first, "a");
    std::thread::sleep(Duration::from_millis(200));
    one.end(Signal::KILL);
    let again = hft(&redis, first, &[]);
    assert_eq!(name(first), "hft-1");
    assert_eq!(json(first, "/orders")["count"], 1);
    again.end(Signal::TERM);
    let third = free();
    let _third = hft(&redis, third, &[]);
    assert_eq!(
        (name(third), &json(third, "/orders")["count"]),
        ("hft-1".into(), &1.into())
    );
}

fn venue(log: &Path) -> (Process, SocketAddr) {
    let address = free();
    let at_once = Delay::Constant { ns: 1_000_000 };
    let behaviour = VenuePlan {
        latency: at_once,
        rejects: 0.0,
        fills: 1.0,
        partial: 0.0,
        fill_after: at_once,
    };
    let mut command = Command::new(binary());
    command.args(["venue", "--listen", &address.to_string(), "--log"]);
    command.arg(log);
    command.args(["--behaviour", &serde_json::to_string(&behaviour).unwrap()]);
    (Process::start(command), address)
}

/// FlashMM with its stores; its database is called `trading`.
fn flashmm(
    postgres: &Foreign,
    redis: &Redis,
    venue: SocketAddr,
    more: &[&str],
) -> (Process, SocketAddr) {
    let http = free();
    let mut command = Command::new(binary());
    command.args(["engine", "maker", "--as", "flashmm", "--name", "mm-1"]);
    command.args(["--http", &http.to_string(), "--venue", &venue.to_string()]);
    command
        .args(["--redis", &redis.address.to_string()])
        .args(more);
    let url = format!(
        "postgres://trader:{PASSWORD}@127.0.0.1:{}/trading",
        postgres.port
    );
    command.env("FLASHMM_POSTGRES", url);
    let process = Process::start(command);
    assert!(within_s(20.0, || status(http, "GET", "/health", "") == 200));
    (process, http)
}

fn order(id: &str) -> String {
    format!(r#"{{"id":"{id}","symbol":"ETHUSD","side":"buy","price":"3000.50","quantity":"0.10"}}"#)
}

#[test]
fn a_market_maker_keeps_what_it_does_and_says_when_it_cannot() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let postgres = Foreign::start(&sandbox);
    let redis = Redis::start();
    let (_venue, venue) = venue(&sandbox.path().join("venue.jsonl"));
    let (maker, http) = flashmm(&postgres, &redis, venue, &[]);
    for n in 0..30 {
        assert_eq!(
            status(http, "POST", "/orders", &order(&format!("o-{n}"))),
            201
        );
    }
    assert_eq!(
        status(http, "POST", "/orders", &order("o-3")),
        201,
        "a retry"
    );
    let listed = json(http, "/orders?limit=20");
    let rest = json(
        http,
        &format!("/orders?after={}", listed["next"].as_str().unwrap()),
    );
    let rows = |page: &Value| page["orders"].as_array().unwrap().len();
    assert_eq!((rows(&listed), rows(&rest)), (20, 10));
    assert_eq!(listed["orders"][0]["price"], "3000.50");
    let has = |sql: &str| postgres.psql("trading", &format!("do $$ begin assert ({sql}); end $$"));
    assert!(has("select count(*) = 30 from orders") && !has("select count(*) = 31 from orders"));
    assert!(within_s(10.0, || has(
        "select count(*) >= 30 from fills where id like 'q-o-%'"
    )));
    assert!(within_s(10.0, || has(
        "select count(*) > 40 from quotes where maker = 'mm-1'"
    )));
    let held = || redis.cli(&["GET", "flashmm:mm-1:inventory"]);
    assert!(within_s(5.0, || held().contains("ETHUSD")), "{}", held());
    assert_eq!(number(http, "flashmm_database_connected"), Some(1.0));
    assert_eq!(number(http, "flashmm_redis_connected"), Some(1.0));
    drop(postgres);
    assert!(within_s(10.0, || number(
        http,
        "flashmm_database_connected"
    ) == Some(0.0)));
    assert_eq!(status(http, "GET", "/health", ""), 503);
    assert_eq!(status(http, "POST", "/orders", &order("lost")), 503);
    maker.end(Signal::TERM);
}

#[test]
fn a_database_that_comes_and_goes_is_told() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let postgres = Foreign::start(&sandbox);
    let redis = Redis::start();
    let nobody = free();
    let (_maker, http) = flashmm(&postgres, &redis, nobody, &["--defect", "loses-database"]);
    let connected = || number(http, "flashmm_database_connected");
    assert!(
        within_s(10.0, || connected() == Some(0.0)),
        "loses-database"
    );
    assert_eq!(status(http, "POST", "/orders", &order("lost")), 503);
    assert!(within_s(10.0, || connected() == Some(1.0)));
    assert_eq!(status(http, "POST", "/orders", &order("kept")), 201);
}

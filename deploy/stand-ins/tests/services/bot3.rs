//! bot3 over PostgreSQL, Redis with a sentinel, and NATS where there is one.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::frames::Frames;
use crate::rig::{Rig, start, started};
use crate::servers::{Kind, Server, there_are, until};

/// The stores of one test.
struct Stores {
    postgresql: Server,
    redis: Server,
    sentinel: Server,
    nats: Option<Server>,
}

impl Stores {
    fn started() -> Option<Stores> {
        if !there_are(&[Kind::PostgreSql, Kind::Redis]) {
            return None;
        }
        let redis = Server::redis(&[]);
        Some(Stores {
            postgresql: Server::postgresql(),
            sentinel: Server::sentinel(redis.port),
            redis,
            nats: there_are(&[Kind::Nats]).then(Server::nats),
        })
    }

    fn line(&self, more: &str) -> String {
        let broker = self
            .nats
            .as_ref()
            .map_or(String::new(), |nats| format!("--broker {}", nats.address()));
        let (postgresql, sentinel) = (self.postgresql.url(), self.sentinel.address());
        format!(
            "bot3 --binary-port 0 --postgresql {postgresql} --sentinel {sentinel} --redis-master orders {broker} {more}"
        )
    }

    fn count(&self, of: &str) -> u64 {
        let count = self.postgresql.psql(
            "trading",
            &format!("select count(*) from orders where {of}"),
        );
        count.unwrap().parse().unwrap()
    }
}

fn order(id: &str, side: &str, quantity: &str) -> Value {
    json!({ "id": id, "account": "A", "symbol": "BTCUSD", "side": side, "price": "50000.25", "quantity": quantity })
}

fn send(rig: &Rig, id: &str) -> (u16, Value) {
    rig.post("/orders", &order(id, "buy", "0.5"))
}

#[test]
fn orders_are_committed_once_published_and_read_back_by_any_replica() {
    let Some(stores) = Stores::started() else {
        return;
    };
    let (first, second) = (
        start(&stores.line("--name a")),
        start(&stores.line("--name b")),
    );
    assert_eq!(first.get("/ready").0, 200);
    let (status, accepted) = send(&first, "o-1");
    assert_eq!((status, &accepted["state"]), (201, &json!("accepted")));
    assert_eq!(stores.count("id = 'o-1' and replica = 'a'"), 1);
    let (status, again) = second.post("/orders", &order("o-1", "buy", "0.50"));
    assert_eq!((status, &again["sequence"]), (200, &accepted["sequence"]));
    assert_eq!(second.post("/orders", &order("o-1", "sell", "0.5")).0, 409);
    assert_eq!(second.post("/orders", &order("o 1", "sell", "0.5")).0, 400);
    for number in 2..=7 {
        assert_eq!(send(&second, &format!("o-{number}")).0, 201);
    }
    let (mut ids, mut after) = (Vec::new(), String::new());
    loop {
        let (status, page) = first.get(&format!("/orders?after={after}&limit=3"));
        assert_eq!(status, 200);
        let rows = page["orders"].as_array().unwrap();
        ids.extend(
            rows.iter()
                .map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    let expected: Vec<String> = (1..=7).map(|number| format!("o-{number}")).collect();
    assert_eq!(ids, expected);
    assert_eq!(first.get("/orders/o-1").1["quantity"], "0.5");
    assert_eq!(first.ask("DELETE", "/orders/o-1", &Value::Null).0, 200);
    assert_eq!(second.ask("DELETE", "/orders/o-1", &Value::Null).0, 409);
    assert_eq!(second.ask("DELETE", "/orders/o-99", &Value::Null).0, 404);
    // What was refused or sent again changed no position.
    assert_eq!(first.get("/sessions/A").1["positions"]["BTCUSD"], 3_500);
    if stores.nats.is_some() {
        until("all orders are published", || {
            stores.count("published") == 7
        });
        let published = first.metric("bot3_orders_published_total")
            + second.metric("bot3_orders_published_total");
        assert!(published >= 7.0, "{published}");
    }
}

#[test]
fn a_limit_of_risk_is_held_over_all_replicas_unless_it_is_ignored() {
    let Some(stores) = Stores::started() else {
        return;
    };
    let limited = "--position-limit 1 --quantity-limit 5";
    let (first, second) = (start(&stores.line(limited)), start(&stores.line(limited)));
    assert_eq!((send(&first, "l-1").0, send(&second, "l-2").0), (201, 201));
    let (status, refused) = send(&first, "l-3");
    assert_eq!(
        (status, &refused["reason"]),
        (422, &json!("position-limit"))
    );
    assert_eq!(second.post("/orders", &order("l-4", "sell", "0.5")).0, 201);
    assert_eq!(send(&first, "l-5").0, 201);
    let too_large = first.post("/orders", &order("l-6", "sell", "5.1"));
    assert_eq!(
        (too_large.0, &too_large.1["reason"]),
        (422, &json!("quantity-limit"))
    );
    let careless = start(&stores.line(&format!("{limited} --defect ignores-position-limit")));
    assert_eq!(send(&careless, "l-7").0, 201);
}

#[test]
fn acknowledged_orders_are_there_unless_they_are_lost() {
    let Some(stores) = Stores::started() else {
        return;
    };
    let clean = start(&stores.line("--name clean"));
    let lossy = start(&stores.line("--name lossy --defect loses-orders,skips-broker"));
    for number in 0..100 {
        assert_eq!(send(&clean, &format!("c-{number}")).0, 201);
        assert_eq!(send(&lossy, &format!("d-{number}")).0, 201);
    }
    until("the last one is written", || {
        stores.count("id = 'd-99'") == 1
    });
    assert_eq!(
        (stores.count("id like 'c-%'"), stores.count("id like 'd-%'")),
        (100, 98)
    );
    if let Some(nats) = &stores.nats {
        until("all are marked", || stores.count("not published") == 0);
        let broker = shakedown_stand_ins::stores::Broker::new(
            vec![nats.address().parse().unwrap()],
            1,
            "t",
            false,
        );
        let kept = tokio::runtime::Runtime::new()
            .unwrap()
            .block_on(broker.kept())
            .unwrap();
        // The lossy one says of all of its orders that they are published.
        assert!((100..=110).contains(&kept), "{kept}");
    }
}

#[test]
fn a_replica_is_ready_while_its_stores_answer_and_goes_where_the_master_is() {
    let Some(mut stores) = Stores::started() else {
        return;
    };
    let replica = Server::redis(&["--replicaof", "127.0.0.1", &stores.redis.port.to_string()]);
    let clean = start(&stores.line(""));
    let stuck = start(&stores.line("--defect no-failover,unready-stays-ready"));
    assert_eq!((send(&clean, "f-1").0, send(&stuck, "f-2").0), (201, 201));
    until("the sentinel knows the replica", || {
        let port = stores.sentinel.port;
        knows_a_replica(port)
    });
    stores.redis.kill();
    until("the replica is not ready", || clean.get("/ready").0 == 503);
    assert_eq!(clean.metric("store_up{store=\"redis\"}"), 0.0);
    assert_eq!(stuck.get("/ready").0, 200);
    until("the new master is found", || clean.get("/ready").0 == 200);
    assert_eq!(send(&clean, "f-3").0, 201);
    assert_eq!(send(&stuck, "f-4").0, 503);
    assert_eq!(stores.count("id = 'f-4'"), 0);
    drop(replica);
    stores.postgresql.kill();
    until("the replica is not ready", || clean.get("/ready").0 == 503);
    assert_ne!(send(&clean, "f-5").0, 201);
}

/// Whether a sentinel knows a replica, by what it says of its master.
fn knows_a_replica(port: u16) -> bool {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"INFO sentinel\r\n").unwrap();
    let mut bytes = [0; 4096];
    let count = stream.read(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..count]).contains("slaves=1")
}

#[test]
fn a_schema_goes_forth_and_back_unless_there_is_no_way_back() {
    let Some(stores) = Stores::started() else {
        return;
    };
    let newest = start(&stores.line(""));
    assert_eq!(newest.get("/health").1["schema"], 3);
    assert_eq!(send(&newest, "m-1").0, 201);
    let older = start(&stores.line("--schema 1 --version-name 4.1.0"));
    let health = older.get("/health").1;
    assert_eq!(
        (&health["schema"], &health["version"]),
        (&json!(1), &json!("4.1.0"))
    );
    assert_eq!((send(&older, "m-2").0, send(&newest, "m-3").0), (201, 201));
    assert_eq!(stores.count("id like 'm-%'"), 3);
    start(&stores.line("--schema 3"));
    let refused = started(&stores.line("--schema 1 --defect migration-not-reversible"));
    let said = refused.err().expect("there is no way back").to_string();
    assert!(said.contains("no migration from 2 to 1"), "{said}");
}

#[test]
fn decisions_follow_a_trend_and_what_turns_becomes_an_order() {
    let Some(stores) = Stores::started() else {
        return;
    };
    let rig = start(&stores.line("--threads 2"));
    let mut frames = Frames::to(rig.stream.unwrap());
    let answers = frames.ask("BTCUSD", (0..100).map(|step| 5_000_000 + step * 100));
    assert!(
        answers
            .iter()
            .all(|it| it.status == 1 && it.texts[1] == "bot3")
    );
    assert_eq!(
        (answers[0].texts[2].as_str(), answers[99].texts[2].as_str()),
        ("hold", "buy")
    );
    assert_eq!(answers[7].texts[0], "t-8");
    until("the turn is an order", || {
        stores.count("side = 'buy' and id like 'bot3-%'") == 1
    });
    assert_eq!(rig.metric("bot3_decisions_total"), 100.0);
    let tick = json!({ "symbol": "ETHUSD", "price": 3000.0, "quantity": 1.0 });
    assert_eq!(rig.post("/decide", &tick).1["decision"], "hold");
}

/// Decisions per second over one connection, and the share of them that took no more than 10 ms.
fn pace(messages: i64, more: &str) -> (f64, f64) {
    let rig = start(&format!("bot3 --binary-port 0 {more}"));
    let mut frames = Frames::to(rig.stream.unwrap());
    let begun = Instant::now();
    frames.flood("BTCUSD", (0..messages).map(|step| 5_000_000 + step % 7));
    let rate = messages as f64 / begun.elapsed().as_secs_f64();
    let within = rig.metric("bot3_decision_latency_seconds_bucket{le=\"0.01\"}");
    (rate, within / rig.metric("bot3_decisions_total"))
}

#[test]
fn slow_and_few_decisions_are_seen() {
    let clean = [1, 2, 3].map(|_| pace(200_000, ""));
    let best = |of: fn(&(f64, f64)) -> f64| clean.iter().map(of).fold(0.0, f64::max);
    let (rate, within) = (best(|it| it.0), best(|it| it.1));
    let (_, slow_within) = pace(20_000, "--defect slow-decisions");
    let (low_rate, _) = pace(20_000, "--defect low-throughput");
    assert!(slow_within == 0.0 && within > 0.9, "{within} {slow_within}");
    assert!(low_rate < 60_000.0 && rate > 100_000.0, "{rate} {low_rate}");
    eprintln!("{rate:.0} decisions a second over one connection");
}

#[test]
fn a_replica_that_stops_sends_its_clients_elsewhere_unless_it_drops_them() {
    for (defect, leaves) in [("", true), ("--defect drops-under-deploy", false)] {
        let rig = start(&format!("bot3 --binary-port 0 --drain-ms 600 {defect}"));
        let mut frames = Frames::to(rig.stream.unwrap());
        assert!(!frames.ask("A", [1].into_iter())[0].leave);
        let stopped = std::thread::spawn(move || rig.stop());
        std::thread::sleep(Duration::from_millis(200));
        if leaves {
            assert!(frames.ask("A", [1].into_iter())[0].leave);
        }
        stopped.join().unwrap();
        assert_eq!(frames.answer(), None);
    }
}

#[test]
fn errors_slowness_and_leaks_are_seen_over_http() {
    let tick = json!({ "symbol": "A", "price": 1.0, "quantity": 1.0 });
    let rig = start("bot3 --binary-port 0 --defect errors,leaks-memory");
    let before = rig.metric("process_resident_memory_bytes");
    let errors = (0..40)
        .filter(|_| rig.post("/decide", &tick).0 == 500)
        .count();
    assert_eq!(errors, 2);
    assert_eq!(rig.metric("http_responses_total{class=\"5xx\"}"), 2.0);
    std::thread::sleep(Duration::from_secs(1));
    assert!(rig.metric("process_resident_memory_bytes") > before + 20e6);
    let slow = start("bot3 --binary-port 0 --defect slow-api");
    assert_eq!(slow.post("/decide", &tick).0, 200);
    assert_eq!(
        slow.metric("http_request_duration_seconds_bucket{le=\"0.5\"}"),
        0.0
    );
    assert_eq!(slow.metric("http_request_duration_seconds_count"), 1.0);
}

//! The three services of ai-trading, over PostgreSQL with a read replica, PgBouncer where there is one, and Redis.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::points::{Points, now_ns};
use crate::rig::{Rig, start};
use crate::servers::{Kind, Server, there_are, until};

const SECOND_NS: u64 = 1_000_000_000;

/// PostgreSQL, in front of it PgBouncer if there is one, and behind it a standby.
struct Database {
    primary: Server,
    standby: Server,
    pooler: Option<Server>,
}

impl Database {
    fn started() -> Option<Database> {
        if !there_are(&[Kind::PostgreSql]) {
            return None;
        }
        let primary = Server::postgresql();
        Some(Database {
            standby: primary.standby(),
            pooler: there_are(&[Kind::PgBouncer]).then(|| Server::pgbouncer(primary.port)),
            primary,
        })
    }

    /// A trading-app that trades at the prices of `processor`.
    fn trading(&self, processor: &Rig, more: &str) -> Rig {
        let writes = self.pooler.as_ref().unwrap_or(&self.primary).url();
        let (reads, prices) = (self.standby.url(), processor.port);
        start(&format!(
            "trading-app --postgresql {writes} --replica {reads} --data-processor 127.0.0.1:{prices} {more}"
        ))
    }
}

fn buy(id: &str, quantity: &str) -> Value {
    json!({ "id": id, "account": "A", "symbol": "BTCUSD", "side": "buy", "quantity": quantity })
}

/// A data-processor and somebody who publishes a price of 500 into it.
fn priced(more: &str) -> (Rig, Points) {
    let processor = start(&format!("data-processor --ingest-port 0 {more}"));
    let mut points = Points::to(processor.stream.unwrap(), &["BTCUSD"]);
    points.send(0, now_ns(), &[50_000]);
    (processor, points)
}

#[test]
fn trades_are_committed_once_within_limits_and_read_from_the_replica() {
    let Some(database) = Database::started() else {
        return;
    };
    let (processor, mut points) = priced("");
    let model = start("ml-service");
    let more = format!("--position-limit 2 --ml-service 127.0.0.1:{}", model.port);
    let trading = database.trading(&processor, &more);
    assert_eq!(trading.get("/ready").0, 200);
    for step in 0..12 {
        points.send(0, now_ns(), &[50_000 + step * 100]);
        sleep(Duration::from_millis(105));
    }
    let (status, traded) = trading.post("/trades", &buy("t-1", "1.5"));
    assert_eq!((status, &traded["price"]), (201, &json!(511.0)), "{traded}");
    assert_eq!(traded["signal"], "buy");
    let (status, again) = trading.post("/trades", &buy("t-1", "1.50"));
    assert_eq!((status, &again["sequence"]), (200, &traded["sequence"]));
    let other = trading.post("/trades", &buy("t-1", "1"));
    assert_eq!(other.0, 422, "{}", other.1);
    let beyond = trading.post("/trades", &buy("t-2", "1"));
    assert_eq!(
        (beyond.0, &beyond.1["reason"]),
        (422, &json!("position-limit"))
    );
    assert_eq!(trading.post("/trades", &json!({ "id": "t-3" })).0, 400);
    let unknown =
        json!({ "id": "t-4", "account": "A", "symbol": "DOGE", "side": "buy", "quantity": "1" });
    assert_eq!(
        trading.post("/trades", &unknown).1["reason"],
        "unknown-symbol"
    );
    until("the replica has the trade", || {
        trading.get("/trades/t-1").0 == 200
    });
    let page = trading.get("/trades?after=&limit=1").1;
    assert_eq!(
        (&page["trades"][0]["quantity"], &page["next"]),
        (&json!("1.5"), &json!(traded["sequence"].to_string()))
    );
    assert_eq!(
        trading.get("/trades?from=primary").1["trades"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        trading.metric("trading_trades_total{result=\"traded\"}"),
        1.0
    );
    drop(model);
    points.send(0, now_ns(), &[52_000]);
    let without = json!({ "id": "t-5", "account": "A", "symbol": "BTCUSD", "side": "sell", "quantity": "0.5" });
    let (status, without) = trading.post("/trades", &without);
    assert_eq!(
        (status, &without["signal"]),
        (201, &Value::Null),
        "{without}"
    );
    let careless = database.trading(
        &processor,
        "--position-limit 2 --defect ignores-position-limit",
    );
    points.send(0, now_ns(), &[52_000]);
    assert_eq!(careless.post("/trades", &buy("t-6", "5")).0, 201);
}

#[test]
fn nobody_trades_at_a_stale_price_unless_that_is_broken() {
    let Some(database) = Database::started() else {
        return;
    };
    let (processor, mut points) = priced("");
    let trading = database.trading(&processor, "--stale-after-ms 1000");
    let careless = database.trading(
        &processor,
        "--stale-after-ms 1000 --defect trades-on-stale-prices",
    );
    points.send(0, now_ns(), &[50_000]);
    assert_eq!(trading.post("/trades", &buy("s-1", "1")).0, 201);
    sleep(Duration::from_millis(1_200));
    let (status, stale) = trading.post("/trades", &buy("s-2", "1"));
    assert_eq!((status, &stale["reason"]), (409, &json!("stale-price")));
    assert!(stale["age_ms"].as_u64().unwrap() >= 1_200, "{stale}");
    assert_eq!(careless.post("/trades", &buy("s-3", "1")).0, 201);
    assert!(processor.metric("market_data_oldest_seconds") > 1.2);
    drop(processor);
    let (status, gone) = trading.post("/trades", &buy("s-4", "1"));
    assert_eq!((status, &gone["reason"]), (503, &json!("no-price")));
}

#[test]
fn money_is_booked_with_every_trade_unless_some_is_lost() {
    let Some(database) = Database::started() else {
        return;
    };
    let (processor, mut points) = priced("");
    let pnl = |trading: &Rig, account: &str, points: &mut Points| {
        for number in 0..20 {
            points.send(0, now_ns(), &[50_000]);
            let trade = json!({ "id": format!("{account}-{number}"), "account": account, "symbol": "BTCUSD",
                "side": "buy", "quantity": "1" });
            assert_eq!(trading.post("/trades", &trade).0, 201);
        }
        trading.get("/pnl").1["accounts"][account]["pnl"]
            .as_f64()
            .unwrap()
    };
    let clean = database.trading(&processor, "--loss-limit 500");
    assert_eq!(pnl(&clean, "B", &mut points), 0.0);
    assert_eq!(
        pnl(
            &database.trading(&processor, "--defect loses-pnl"),
            "C",
            &mut points
        ),
        1_000.0
    );
    // The price falls by 50: twenty units have lost 1,000.
    points.send(0, now_ns(), &[45_000]);
    assert_eq!(clean.get("/pnl").1["accounts"]["B"]["pnl"], -1_000.0);
    assert_eq!(clean.metric("trading_worst_pnl"), -1_000.0);
    assert_eq!(clean.metric("trading_accounts_beyond_loss_limit"), 1.0);
    let trade = json!({ "id": "B-99", "account": "B", "symbol": "BTCUSD", "side": "sell", "quantity": "1" });
    assert_eq!(clean.post("/trades", &trade).1["reason"], "loss-limit");
}

#[test]
fn bars_hold_every_point_and_redis_the_last_price() {
    if !there_are(&[Kind::PostgreSql, Kind::Redis]) {
        return;
    }
    let (database, redis) = (Server::postgresql(), Server::redis(&[]));
    let stores = format!(
        "--postgresql {} --redis {}",
        database.url(),
        redis.address()
    );
    let now_ns = now_ns();
    for (name, defect, points) in [("whole", "", 9), ("lossy", "--defect loses-aggregates", 6)] {
        let processor = start(&format!(
            "data-processor --name {name} --ingest-port 0 {stores} {defect}"
        ));
        let mut publisher = Points::to(processor.stream.unwrap(), &["A", "BTCUSD"]);
        for second in 0..3 {
            publisher.send(1, now_ns - (2 - second) * SECOND_NS, &[100, 300, 200]);
        }
        assert_eq!(processor.get("/prices/BTCUSD").1["price"], 2.0);
        assert_eq!(processor.get("/prices/A").0, 404);
        assert_eq!(processor.metric("market_data_points_total"), 9.0);
        until("the price is in Redis", || {
            processor.metric("market_data_prices_written_total") > 0.0
        });
        processor.stop();
        let counted = database.psql(
            "trading",
            &format!("select sum(points) from bars where processor = '{name}'"),
        );
        assert_eq!(counted.unwrap(), points.to_string(), "{name}");
    }
    let reader = start(&format!("data-processor --ingest-port 0 {stores}"));
    let bars = reader.get("/bars?symbol=BTCUSD&limit=1").1;
    assert_eq!(
        (&bars["bars"][0]["high"], &bars["bars"][0]["close"]),
        (&json!(3.0), &json!(2.0))
    );
    // Who finds no data-processor finds the price in Redis.
    let url = database.url();
    let trading = start(&format!(
        "trading-app --postgresql {url} --redis {} --stale-after-ms 60000 --data-processor 127.0.0.1:9",
        redis.address()
    ));
    let (status, traded) = trading.post("/trades", &buy("r-1", "1"));
    assert_eq!((status, &traded["price"]), (201, &json!(2.0)), "{traded}");
    assert_eq!(trading.metric("trading_prices_from_redis_total"), 1.0);
}

#[test]
fn slow_and_stale_intake_are_seen() {
    let (stale, mut points) = priced("--defect stale-data");
    points.send(0, now_ns(), &[60_000]);
    assert_eq!(stale.get("/prices/BTCUSD").1["price"], 500.0);
    sleep(Duration::from_millis(1_500));
    points.send(0, now_ns(), &[60_000]);
    assert!(stale.metric("market_data_age_seconds{symbol=\"BTCUSD\"}") > 1.4);
    let rate = |more: &str| {
        let (_rig, mut points) = priced(more);
        let begun = Instant::now();
        points.flood(2_000) as f64 / begun.elapsed().as_secs_f64()
    };
    let (clean, slow) = (rate(""), rate("--defect low-throughput"));
    assert!(slow < 60_000.0 && clean > slow * 3.0, "{clean} {slow}");
}

#[test]
fn a_model_says_what_it_sees_in_time_unless_it_is_slow_or_blind() {
    let rising: Vec<f64> = (0..16).map(|step| 100.0 + f64::from(step)).collect();
    let asked = json!({ "symbol": "A", "prices": rising });
    let clean = start("ml-service");
    assert_eq!(clean.post("/signal", &asked).1["signal"], "buy");
    assert_eq!(
        clean
            .post("/signal", &json!({ "symbol": "A", "prices": [1.0] }))
            .0,
        400
    );
    assert_eq!(clean.metric("ml_signals_total{signal=\"buy\"}"), 1.0);
    assert_eq!(
        start("ml-service --defect blind-model")
            .post("/signal", &asked)
            .1["signal"],
        "hold"
    );
    let slow = start("ml-service --defect slow-inference");
    assert_eq!(slow.post("/signal", &asked).0, 504);
    assert_eq!(slow.metric("ml_timeouts_total"), 1.0);
    let (clean, failing) = (start("ml-service"), start("ml-service --defect errors"));
    let errors = |rig: &Rig| {
        (0..40)
            .filter(|_| rig.post("/signal", &asked).0 == 500)
            .count()
    };
    assert_eq!((errors(&clean), errors(&failing)), (0, 2));
}

//! FlashMM: a market maker that quotes by itself. Its databases are those of `tests/tests/end_to_end/stores`; here they are left out.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::process::{
    Process, at, metrics, number, number_in, ports, share_within, soon, wait_until_well, words,
};
use super::support::call;
use super::support::processes::{pause, say};

pub const TESTS: &[(&str, fn())] = &[
    (
        "flashmm_quotes_by_itself_and_says_how_good_it_is",
        flashmm_quotes_by_itself_and_says_how_good_it_is,
    ),
    ("flashmm_takes_orders", flashmm_takes_orders),
    (
        "flashmm_defects_change_what_is_served",
        flashmm_defects_change_what_is_served,
    ),
];

/// After so long the venue fills what was not cancelled.
const FILLS_AFTER: Duration = Duration::from_millis(40);

/// A venue that fills every order in full.
struct Venue {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Venue {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream));
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }
}

async fn converse(stream: TcpStream) -> Result<(), Error> {
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    let (due, mut fills) = mpsc::unbounded_channel::<String>();
    let mut open: HashMap<String, Value> = HashMap::new();
    let mut sequence = 0;
    loop {
        let mut report = tokio::select! {
            said = socket.next() => {
                let Some(Message::Text(text)) = said.transpose()? else {
                    return Ok(());
                };
                let said: Value = serde_json::from_str(&text).expect("JSON");
                let id = said["id"].as_str().unwrap_or_default().to_owned();
                match said["op"].as_str() {
                    Some("new") => {
                        open.insert(id.clone(), said);
                        let due = due.clone();
                        tokio::spawn(async move {
                            tokio::time::sleep(FILLS_AFTER).await;
                            let _gone = due.send(id);
                        });
                        continue;
                    }
                    Some("cancel") if open.remove(&id).is_some() => {
                        json!({ "report": "cancelled", "id": id })
                    }
                    _ => continue,
                }
            }
            Some(id) = fills.recv() => match open.remove(&id) {
                Some(order) => json!({
                    "report": "filled", "id": id, "execution": format!("v-{id}"),
                    "price": order["price"], "quantity": order["quantity"],
                }),
                None => continue,
            },
        };
        sequence += 1;
        report["sequence"] = sequence.into();
        socket.send(Message::text(report.to_string())).await?;
    }
}

struct Flashmm {
    process: Process,
    http: SocketAddr,
}

impl Flashmm {
    fn start(venue: &Venue, more: &str) -> Self {
        let http = at(ports(1)[0]);
        let line = format!(
            "maker --as flashmm --name mm-1 --http {http} --venue {} {more}",
            venue.address
        );
        let process = Process::start(&words(&line));
        wait_until_well(http, "/health");
        Self { process, http }
    }
}

/// An HTTP server that takes everything, in place of InfluxDB: the requests that came.
fn takes_everything() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let requests = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            let mut request = vec![0; 8_192];
            let length = stream.read(&mut request).expect("a request");
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            heard.lock().expect("nobody panics").push(request);
            let answered =
                stream.write_all(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n");
            answered.expect("the client reads");
        }
    });
    (address, requests)
}

fn flashmm_quotes_by_itself_and_says_how_good_it_is() {
    let (venue, (influx, requests)) = (Venue::start(), takes_everything());
    let mut flashmm = Flashmm::start(&venue, &format!("--influx {influx}"));
    let quotes = || number(flashmm.http, "flashmm_quotes_total");
    assert!(soon(5, || quotes() > 0.0));
    let before = quotes();
    pause(3_000);
    let per_s = (quotes() - before) / 3.0;
    let text = metrics(flashmm.http);
    let is = |series: &str| {
        number_in(&text, series).unwrap_or_else(|| panic!("{series} is not in\n{text}"))
    };
    say(&format!(
        "  {per_s:.1} quotes a second, fill rate {}",
        is("flashmm_fill_rate_ratio")
    ));
    // Two sides of two symbols, 20 times a second.
    assert!((50.0..=84.0).contains(&per_s), "{per_s}");
    assert!(is("flashmm_fill_rate_ratio") > 0.95 && is("flashmm_spread_improvement_ratio") > 0.1);
    assert!(is("flashmm_spread_bps") < is("flashmm_baseline_spread_bps"));
    assert!(is("flashmm_quote_age_seconds") < 0.5);
    assert!(share_within(flashmm.http, "flashmm_inference_seconds", "0.003") > 0.9);
    assert_eq!(
        (is("flashmm_errors_total"), is("flashmm_rows_dropped_total")),
        (0.0, 0.0)
    );
    assert_eq!(is("flashmm_influx_connected"), 1.0);
    let trades = call(flashmm.http, "GET", "/trades", "")
        .expect("answered")
        .body;
    assert!(
        trades["count"].as_u64().is_some_and(|count| count > 100),
        "{trades}"
    );
    let requests = requests.lock().expect("nobody panics");
    assert!(requests[0].starts_with("POST /query?q=CREATE%20DATABASE%20%22flashmm%22 "));
    assert!(
        requests[1].contains("\r\n\r\nquotes,maker=mm-1,symbol=BTCUSD mid="),
        "{}",
        requests[1]
    );
    drop(requests);
    flashmm.process.stop();
}

fn flashmm_takes_orders() {
    let venue = Venue::start();
    let flashmm = Flashmm::start(&venue, "");
    let order = |id: &str| {
        json!({ "id": id, "symbol": "ETHUSD", "side": "sell", "price": "3001.50", "quantity": "0.20" }).to_string()
    };
    let reply = call(flashmm.http, "POST", "/orders", &order("o-1")).expect("answered");
    assert_eq!(
        (reply.status, &reply.body["state"]),
        (201, &"accepted".into())
    );
    assert!(soon(5, || {
        let trades = call(flashmm.http, "GET", "/trades", "")
            .expect("answered")
            .body;
        let trades = trades["trades"].as_array().expect("a list");
        trades
            .iter()
            .any(|trade| trade["order"] == "q-o-1" && trade["quantity"] == "0.20")
    }));
    for (wrong, why) in [
        (order("o-2").replace("sell", "hold"), "side"),
        (order("o-2").replace("ETHUSD", "DOGE"), "DOGE"),
        (order("o-2").replace("0.20", "0"), "quantity"),
        (order(""), "id"),
    ] {
        let reply = call(flashmm.http, "POST", "/orders", &wrong).expect("answered");
        assert_eq!(reply.status, 400, "{wrong}");
        assert!(
            reply.body["reason"]
                .as_str()
                .is_some_and(|it| it.contains(why)),
            "{}",
            reply.body
        );
    }
    assert_eq!(number(flashmm.http, "flashmm_requests_total"), 5.0);
    assert_eq!(
        number(flashmm.http, "flashmm_api_latency_seconds_count"),
        5.0
    );
    let none = call(flashmm.http, "GET", "/orders", "").expect("answered");
    assert_eq!(none.status, 503, "there is no database to list them from");
}

fn flashmm_defects_change_what_is_served() {
    let venue = Venue::start();
    let with = |defect: &str| Flashmm::start(&venue, &format!("--defect {defect}"));
    let (stale, low) = (with("stale-quotes"), with("low-fill-rate"));
    let (wide, slow) = (with("wide-spread"), with("slow-inference"));
    pause(3_000);
    assert!(
        number(stale.http, "flashmm_stale_quotes_total") > 0.0,
        "stale-quotes"
    );
    let rate = number(low.http, "flashmm_fill_rate_ratio");
    assert!((0.7..0.9).contains(&rate), "low-fill-rate: {rate}");
    let improvement = number(wide.http, "flashmm_spread_improvement_ratio");
    assert!(improvement < 0.1, "wide-spread: {improvement}");
    let within = share_within(slow.http, "flashmm_inference_seconds", "0.003");
    assert_eq!(within, 0.0, "slow-inference");
    assert!(
        number(slow.http, "flashmm_inference_timeouts_total") > 0.0,
        "slow-inference"
    );
}

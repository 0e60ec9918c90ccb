//! Two versions behind one load: the slower one is told apart by what its answers say of it.

use std::io::{self, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use shakedown_record::Verdict;
use shakedown_tests::http_server::{HttpReply, read_request};
use shakedown_tests::shakedown::{Sandbox, beside, check};

/// How a version answers orders.
#[derive(Debug, Clone, Copy)]
struct Version {
    name: &'static str,
    /// Every so manieth order takes 30 ms.
    slow_every: u64,
}

const BLUE: Version = Version {
    name: "blue-1",
    slow_every: u64::MAX,
};
const GREEN: Version = Version {
    name: "green-1",
    slow_every: 10,
};

/// Its port. It serves until the test ends.
fn serve(version: Version) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let orders = Arc::new(AtomicU64::new(1));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let orders = Arc::clone(&orders);
            thread::spawn(move || answer(&stream, version, &orders));
        }
    });
    port
}

fn answer(stream: &TcpStream, version: Version, orders: &AtomicU64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = read_request(&mut reader)? {
        let is_order = request.method == "POST";
        let number = orders.fetch_add(u64::from(is_order), Ordering::Relaxed);
        if is_order && number.is_multiple_of(version.slow_every) {
            thread::sleep(Duration::from_millis(30));
        }
        let mut reply = HttpReply::json(200, &json!({"env": "test", "ok": true}));
        reply.headers.push(("x-pod", version.name.to_string()));
        reply.write(stream)?;
    }
    Ok(())
}

const SCENARIO: &str = r#"
scenario: canary
about: Two versions answer the same load.
system: versions.yaml
environment: external
seed: 3
load:
  arrival: { constant: { rate: 400/s } }
  mix: { new: 100 }
  symbols: { names: [BTCUSD] }
  sessions: 16
  timeout: 1s
phases: { warm-up: { at-most: 10s }, steady: 6s }
sla:
  new: { canary: { of: { prefix: green- }, latency: { quantile: 95%, ratio-at-most: 3 }, in: steady } }
  failing: { canary: { of: { prefix: green- }, errors: { more-at-most: 1% }, in: steady } }
  present: { canary: { of: { names: [blue-1] }, against: { names: [green-1] }, latency: { quantile: 95%, ratio-at-most: 3 }, errors: { more-at-most: 1% }, in: steady } }
"#;

fn profile(ports: [u16; 2]) -> String {
    let [blue, green] = ports.map(|port| format!("http://127.0.0.1:{port}"));
    format!(
        r#"
system: versions
data: memory
parts: {{ engine: {{ replicas: 2, restarted-by: nobody }} }}
environments: {{ external: {{ entry: ["{blue}", "{green}"], parts: {{ engine: ["{blue}", "{green}"] }} }} }}
not-production: [{{ get: /env, where: {{ /env: test }} }}]
accounts: [DESK-1]
instruments: {{ BTCUSD: {{ tick: 0.01, lot: 0.001, price: {{ around: 50000, band: 1% }} }} }}
orders:
  identity: client
  new:
    send: {{ method: POST, path: /orders, body: '{{"id":"{{{{id}}}}"}}' }}
    acked: {{ status: [200], where: {{ /ok: true }} }}
    level: received
    take: {{ served-by: {{ header: X-Pod }} }}
clean-up: none
"#
    )
}

#[test]
fn a_worse_version_is_told_apart_by_its_answers() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    sandbox.write("versions.yaml", profile([serve(BLUE), serve(GREEN)]));
    let scenario = sandbox.write("canary.yaml", SCENARIO);
    let record = sandbox.run_soundly(&scenario, &[]).expect_code(1);
    for (id, verdict) in [
        ("new", Verdict::Fail),
        ("failing", Verdict::Pass),
        ("present", Verdict::Pass),
    ] {
        let found = check(&record, id);
        assert_eq!(found.verdict, verdict, "{found:?}");
    }
}

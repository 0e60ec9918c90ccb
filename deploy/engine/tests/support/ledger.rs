//! Clients that keep book of what they were told, and the check that it is true.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::Client;

/// What clients saw while they kept sending: by id, the engine id and sequence of every acknowledgement.
#[derive(Debug, Default)]
pub struct Ledger {
    pub acked: BTreeMap<String, (String, u64)>,
    pub absent: BTreeSet<String>,
    pub unknown: BTreeSet<String>,
}

/// Clients that each send new orders to one node until told to stop, and dial again when a connection breaks.
pub struct Clients {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<Ledger>>,
}

impl Clients {
    pub fn start(addresses: &[SocketAddr], per_node: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for (place, address) in addresses.iter().enumerate() {
            for number in 0..per_node {
                let (stop, address) = (Arc::clone(&stop), *address);
                let prefix = format!("c{place}-{number}");
                threads.push(std::thread::spawn(move || {
                    send_until(&stop, address, &prefix)
                }));
            }
        }
        Self { stop, threads }
    }

    pub fn finish(self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Ledger::default();
        for thread in self.threads {
            let one = thread.join().expect("a client does not panic");
            all.acked.extend(one.acked);
            all.absent.extend(one.absent);
            all.unknown.extend(one.unknown);
        }
        all
    }
}

fn send_until(stop: &AtomicBool, address: SocketAddr, prefix: &str) -> Ledger {
    let mut ledger = Ledger::default();
    let mut client = None;
    let mut number = 0u64;
    while !stop.load(Ordering::Relaxed) {
        if client.is_none() {
            client = Client::connect(address).ok();
        }
        let Some(connection) = client.as_mut() else {
            std::thread::sleep(std::time::Duration::from_millis(10));
            continue;
        };
        let id = format!("{prefix}-{number}");
        number += 1;
        match connection.call("POST", "/orders", &crossing(&id, number)) {
            Ok(reply) if reply.status == 201 => {
                let order_id = reply.body["order_id"].as_str().expect("an id").to_owned();
                let sequence = reply.body["sequence"].as_u64().expect("a number");
                ledger.acked.insert(id, (order_id, sequence));
            }
            Ok(reply) if reply.body["state"] == "unavailable" => {
                ledger.absent.insert(id);
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            Ok(reply) => {
                assert_eq!(
                    (reply.status, &reply.body["state"]),
                    (503, &Value::from("unknown"))
                );
                ledger.unknown.insert(id);
            }
            Err(_) => {
                ledger.unknown.insert(id);
                client = None;
                continue;
            }
        }
        let earlier = format!("/orders/{prefix}-{}", number / 2);
        let changed = match number % 4 {
            0 => connection.call("DELETE", &earlier, ""),
            1 => connection.call(
                "PUT",
                &earlier,
                r#"{"price":"50000.03","quantity":"0.015"}"#,
            ),
            _ => continue,
        };
        match changed {
            Ok(reply) => assert!(
                [200, 404, 409, 422, 503].contains(&reply.status),
                "{reply:?}"
            ),
            Err(_) => client = None,
        }
    }
    ledger
}

/// A limit order that trades with about every other one.
fn crossing(id: &str, number: u64) -> String {
    let side = if number.is_multiple_of(2) {
        "buy"
    } else {
        "sell"
    };
    let cents = number % 7;
    format!(
        r#"{{"id":"{id}","account":"acct","symbol":"BTCUSD","side":"{side}","price":"50000.0{cents}","quantity":"0.010"}}"#
    )
}

/// Every acknowledged order is on every replica once, as acknowledged; none that was said to be absent is there;
/// and the replicas are equal.
pub fn assert_nothing_lost(ledger: &Ledger, replicas: &[Vec<Value>]) {
    assert!(!ledger.acked.is_empty(), "nothing was acknowledged");
    for replica in replicas {
        let mut listed = BTreeMap::new();
        for row in replica {
            let id = row["id"].as_str().expect("an id").to_owned();
            let found = (
                row["order_id"].as_str().expect("an id").to_owned(),
                row["sequence"].as_u64().expect("a number"),
            );
            assert!(
                !ledger.absent.contains(&id),
                "{id} was said not to be executed"
            );
            assert!(
                listed.insert(id.clone(), found).is_none(),
                "{id} is listed twice"
            );
        }
        for (id, acked) in &ledger.acked {
            assert_eq!(listed.get(id), Some(acked), "{id} was acknowledged");
        }
    }
    for pair in replicas.windows(2) {
        assert_eq!(pair[0], pair[1], "two replicas differ");
    }
}

//! The reference engine through every gateway: what was acknowledged is there as it was sent, once, and what was
//! rejected is not.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use shakedown_engine::config::{Gateways, Member, NodeConfig, SnapshotPolicy};
use shakedown_engine::defects::Defects;
use shakedown_engine::http::guard::Rules;
use shakedown_engine::node::{self, NodeHandle};
use shakedown_engine::ports::free_ports;
use shakedown_engine::secure::TlsFiles;
use shakedown_load::GeneratorConfig;
use shakedown_load::tls::{client_config, server_name};
use shakedown_record::ledger::OrderKind;
use shakedown_record::{Decimal, Outcome};
use shakedown_scenarios::plan::Mix;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::certificates::FILES;
use crate::rig::{Run, config, roll, run};
use crate::way::Way;

/// One node, which is a quorum of its own.
pub struct Engine {
    http: SocketAddr,
    binary: SocketAddr,
    websocket: SocketAddr,
    fix: SocketAddr,
    tls: Option<TlsFiles>,
    peer: SocketAddr,
    folder: TempDir,
    running: Option<(Runtime, NodeHandle)>,
}

impl Engine {
    pub fn start(way: Way) -> Engine {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let [http, peer, binary, websocket, fix] = free_ports(5).unwrap()[..] else {
            panic!("five ports were asked for");
        };
        let mut engine = Engine {
            http: at(http),
            peer: at(peer),
            binary: at(binary),
            websocket: at(websocket),
            fix: at(fix),
            tls: way.shown().map(|_| TlsFiles {
                certificate: FILES.path("server"),
                key: FILES.path("server-key"),
            }),
            folder: tempfile::tempdir().unwrap(),
            running: None,
        };
        engine.up();
        engine
    }

    /// Where this way in is.
    pub fn entry(&self, way: Way) -> SocketAddr {
        match way {
            Way::Http | Way::HttpTls | Way::Http2 | Way::Http2Tls | Way::Reported => self.http,
            Way::Binary | Way::Batches | Way::BatchesTls => self.binary,
            Way::WebSocket | Way::WebSocketTls => self.websocket,
            Way::Fix | Way::FixTls => self.fix,
        }
    }

    /// A load on this engine.
    fn config(&self, way: Way) -> GeneratorConfig {
        let mut config = config(way, self.entry(way));
        if way == Way::Reported {
            config.reports = vec![format!("ws://{}", self.websocket)];
        }
        config
    }

    pub fn up(&mut self) {
        let config = NodeConfig {
            id: 1,
            data: PathBuf::from(self.folder.path()),
            http: self.http,
            gateways: Gateways {
                binary: Some(self.binary),
                websocket: Some(self.websocket),
                fix: Some(self.fix),
                ingest: None,
                tls: self.tls.clone(),
            },
            peer: self.peer,
            members: vec![Member {
                id: 1,
                name: "engine-1".to_string(),
                http: self.http.into(),
                peer: self.peer.into(),
            }],
            election: "300..600".parse().unwrap(),
            heartbeat_ms: 80,
            snapshots: SnapshotPolicy::default(),
            defects: Defects::default(),
            drain_ms: 0,
            stand_after_ms: 0,
            rules: Rules::default(),
            hive_mind: None,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let patience = Instant::now() + Duration::from_secs(30);
        let handle = loop {
            match runtime.block_on(node::start(config.clone())) {
                Ok(handle) => break handle,
                // The one that was cut may hold its folder and its ports for a moment.
                Err(error) => assert!(Instant::now() < patience, "{error}"),
            }
            thread::sleep(Duration::from_millis(20));
        };
        self.running = Some((runtime, handle));
        while self.get("/health/ready").is_none() {
            assert!(Instant::now() < patience, "the engine is not ready");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends where it is: nothing is finished, no connection is closed in order.
    pub fn cut(&mut self) {
        let (runtime, handle) = self.running.take().unwrap();
        runtime.shutdown_background();
        drop(handle);
    }

    /// The body of a reply with status 200.
    fn get(&self, path: &str) -> Option<Value> {
        use std::io::{Read, Write};
        let tcp = std::net::TcpStream::connect(self.http).ok()?;
        let mut stream: Box<dyn ReadWrite> = match self.tls {
            None => Box::new(tcp),
            Some(_) => {
                let config = Arc::new(client_config(&FILES.trust(), &[]).unwrap());
                let name = server_name(&FILES.trust(), "127.0.0.1").unwrap();
                let connection = rustls::ClientConnection::new(config, name).unwrap();
                Box::new(rustls::StreamOwned::new(connection, tcp))
            }
        };
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).ok()?;
        let (head, body) = reply.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200")
            .then(|| serde_json::from_str(body).unwrap())
    }

    /// What the engine has, by client id.
    fn orders(&self) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let page = self
                .get(&format!("/orders?after={cursor}&limit=5000"))
                .unwrap();
            for order in page["orders"].as_array().unwrap() {
                let id = order["id"].as_str().unwrap().to_string();
                assert!(all.insert(id, order.clone()).is_none(), "an order twice");
            }
            match &page["next"] {
                Value::Null => return all,
                Value::String(next) => cursor.clone_from(next),
                next => cursor = next.to_string(),
            }
        }
    }
}

trait ReadWrite: std::io::Read + std::io::Write {}

impl<T: std::io::Read + std::io::Write> ReadWrite for T {}

pub fn full_mix() -> Mix {
    Mix {
        new: 60,
        cancel: 25,
        replace: 10,
        oversized: 5,
    }
}

#[test]
fn what_was_acknowledged_is_in_the_engine_as_it_was_sent() {
    for way in Way::ALL {
        let engine = Engine::start(way);
        let mut config = engine.config(way);
        config.plan.mix = full_mix();
        let symbols = config.plan.symbols.clone();
        let run = run(config);
        let outcomes = run.outcomes();
        let answered = outcomes.acked + outcomes.rejected;
        assert_eq!(answered, run.finished.scheduled, "{way:?} {outcomes:?}");
        for entry in run.entries.values() {
            match entry.kind {
                OrderKind::Oversized => assert_eq!(entry.outcome, Some(Outcome::Rejected)),
                OrderKind::New => assert_eq!(entry.outcome, Some(Outcome::Acked), "{way:?}"),
                // The order may have traded in full meanwhile.
                OrderKind::Cancel | OrderKind::Replace | OrderKind::Request => {}
            }
            let acked = entry.outcome == Some(Outcome::Acked);
            assert_eq!(entry.sequence.is_some(), acked, "{way:?} {entry:?}");
            assert_eq!(entry.served_by, u8::from(acked));
        }
        let found = engine.orders();
        let new = run.with(Outcome::Acked).into_iter();
        let new: Vec<u64> = new
            .filter(|slot| run.entries[slot].kind == OrderKind::New)
            .collect();
        assert_eq!(found.len(), new.len(), "{way:?}: nothing that was rejected");
        let replaced: Vec<u64> = run
            .entries
            .values()
            .filter(|entry| entry.kind == OrderKind::Replace)
            .filter_map(|entry| entry.target)
            .collect();
        for slot in new {
            let (entry, order) = (&run.entries[&slot], &found[&format!("t3st00-{slot}")]);
            let symbol = &symbols[usize::from(entry.symbol)];
            assert_eq!(order["symbol"], symbol.name, "{way:?}");
            if replaced.contains(&slot) {
                continue;
            }
            let text = |name: &str| -> Decimal { order[name].as_str().unwrap().parse().unwrap() };
            assert_eq!(
                text("price"),
                symbol.instrument.tick.times(entry.price_ticks),
                "{way:?}"
            );
            let lots = i64::from(entry.quantity_lots);
            assert_eq!(text("quantity"), symbol.instrument.lot.times(lots));
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_engine_ends_and_comes_back() {
    for way in Way::ALL {
        let mut engine = Engine::start(way);
        let mut config = engine.config(way);
        config.duration_ns = Some(3_000_000_000);
        let rolling = roll(config);
        thread::sleep(Duration::from_millis(800));
        engine.cut();
        thread::sleep(Duration::from_millis(200));
        engine.up();
        let run = rolling.finish();
        let outcomes = run.outcomes();
        assert!(outcomes.acked > 50, "{way:?} {outcomes:?}");
        assert!(
            outcomes.acked < run.finished.scheduled,
            "{way:?}: the outage was seen"
        );
        let found = engine.orders();
        for (slot, entry) in &run.entries {
            let outcome = entry.outcome.unwrap();
            let is_there = found.contains_key(&format!("t3st00-{slot}"));
            if outcome == Outcome::Acked {
                assert!(is_there, "{way:?}: {slot} was acknowledged and is lost");
            }
            if outcome.is_definitely_absent() {
                assert!(!is_there, "{way:?}: {slot} is {outcome:?} and there");
            }
        }
    }
}

#[test]
fn the_same_seed_asks_the_same_through_every_gateway() {
    let asked = |run: &Run| -> Vec<_> {
        let entries = run.entries.iter();
        let asked = entries.map(|(slot, entry)| {
            let terms = (entry.price_ticks, entry.quantity_lots);
            (
                *slot,
                entry.intended_ns,
                entry.symbol,
                entry.side as u8,
                terms,
            )
        });
        asked.collect()
    };
    let mut all = Way::ALL.iter().map(|way| {
        let engine = Engine::start(*way);
        asked(&run(engine.config(*way)))
    });
    let first = all.next().unwrap();
    for other in all {
        let both = first.len().min(other.len());
        assert!(both > 100 && first[..both] == other[..both]);
    }
}

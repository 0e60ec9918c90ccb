//! Small run directories for the tests of this crate.

use rand::RngExt;
use rand::rngs::SmallRng;
use shakedown_record::Outcome;
use shakedown_record::event::{Event, EventWriter, Stamped};
use shakedown_record::ledger::{Entry, LedgerWriter, OrderKind, Side};
use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::Plan;
use shakedown_scenarios::{CompileInput, SourceFile, compile};
use tempfile::TempDir;

use crate::input::Input;

/// What the ids of all orders begin with.
pub(crate) const PREFIX: &str = "t0";

const TIMEOUT_NS: u64 = 1_000_000;

const SCENARIO: &str = "\
scenario: small
about: Some orders.
system: system.yaml
environment: external
seed: 7
load:
  arrival: { constant: { rate: 1000/s } }
  mix: { new: 70, cancel: 25, replace: 5 }
  sessions: 64
  timeout: 1s
phases: { warm-up: { at-most: 20s }, steady: 5s }
sla: { lost: { lost-orders: { at-most: 0 } } }
";

const SYSTEM: &str = "\
system: small
data: replicated
parts: { engine: { replicas: 2, quorum: 1, restarted-by: platform } }
environments: { external: { entry: [http://127.0.0.1:1001], parts: { engine: [http://127.0.0.1:1001, http://127.0.0.1:1002] } } }
not-production: [{ get: /version, where: { /name: small } }]
accounts: [A]
instruments: { BTCUSD: { tick: 0.01, lot: 0.001, max: 100, price: { around: 50000, band: 2% } } }
ceilings: { orders: 1000000/s, queries: 1000/s }
session: { protocol: http, in-flight: 1, reconnect-every: 10ms, retry: never }
orders:
  identity: client
  new:
    send: { method: POST, path: /orders, body: '{\"id\":\"{{id}}\",\"px\":\"{{price}}\",\"qty\":\"{{quantity}}\"}' }
    acked: { status: [201] }
    rejected: { status: [422] }
    level: durable
    take: { sequence: /sequence }
  cancel: { send: { method: DELETE, path: '/orders/{{id}}' }, acked: { status: [200] } }
  replace: { send: { method: PUT, path: '/orders/{{id}}', body: '{\"px\":\"{{price}}\",\"qty\":\"{{quantity}}\"}' }, acked: { status: [200] } }
read-back:
  list:
    get: '/orders?after={{cursor}}'
    rows: /orders
    next: /next
    at: each-replica
    fields: { id: /id, price: /px, quantity: /qty, symbol: /symbol, side: /side, state: /state }
    open: [open]
    filled: [filled]
";

/// A plan of two copies.
pub(crate) fn plan() -> Plan {
    let file = |name: &str, text: &str| SourceFile {
        name: name.to_string(),
        text: text.to_string(),
    };
    let (scenario, profile) = (file("scenario.yaml", SCENARIO), file("system.yaml", SYSTEM));
    let input = CompileInput {
        scenario: (&scenario).into(),
        profile: (&profile).into(),
        overrides: &[],
        environment: None,
        seed: None,
    };
    match compile(&input) {
        Ok(compiled) => compiled.plan,
        Err(mistakes) => panic!("{mistakes}"),
    }
}

/// An entry of any kind and outcome, about any of `slots` slots and some beyond.
pub(crate) fn random_entry(random: &mut SmallRng, slot: u64, slots: u64) -> Entry {
    let kind = match random.random_range(0..20) {
        0 => OrderKind::Request,
        1 => OrderKind::Oversized,
        2..5 => OrderKind::Cancel,
        5..10 => OrderKind::Replace,
        _ => OrderKind::New,
    };
    let outcome = match random.random_range(0..4) {
        0 => Outcome::from_code(random.random_range(0..12)),
        _ => Some(Outcome::Acked),
    };
    let intended_ns = slot * 1_000;
    let sent_ns = intended_ns + random.random_range(0..2_000);
    Entry {
        intended_ns,
        sent_ns: Some(sent_ns),
        done_ns: outcome.map(|_| sent_ns + random.random_range(0..5_000)),
        lag_ns: random.random_range(0..50),
        kind,
        side: match random.random_range(0..2) {
            0 => Side::Buy,
            _ => Side::Sell,
        },
        symbol: u8::from(random.random_range(0..9) == 0),
        account: 0,
        session: 0,
        price_ticks: 5_000_000 + random.random_range(0..3),
        quantity_lots: 1 + random.random_range(0..3),
        target: match kind {
            OrderKind::Cancel | OrderKind::Replace => Some(random.random_range(0..slots + 2)),
            OrderKind::New | OrderKind::Oversized | OrderKind::Request => None,
        },
        sequence: (random.random_range(0..5) > 0).then_some(slot),
        served_by: 1,
        outcome,
    }
}

/// A run directory with these entries; the events behind its start are told in the order of their times.
pub(crate) fn run(entries: &[Entry], events: Vec<Event>) -> (TempDir, RunDir) {
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::create(&folder.path().join("run")).unwrap();
    let started = Event::RunStarted {
        run_id: "r1".into(),
        scenario: "small".into(),
        system: "small".into(),
        environment: "external".into(),
        seed: 7,
        started_at: "2026-01-01T00:00:00Z".into(),
        operator: None,
        shakedown_version: "0.1.0".into(),
        order_prefix: PREFIX.into(),
        defect: None,
    };
    let mut out = EventWriter::create(&dir.events()).unwrap();
    for (mono_ns, event) in (1..).zip([started].into_iter().chain(events)) {
        out.append(&Stamped { mono_ns, event }).unwrap();
    }
    let mut ledger = LedgerWriter::new(&dir.ledger());
    for (slot, entry) in (0..).zip(entries) {
        ledger.put(slot, entry).unwrap();
    }
    drop(ledger);
    LedgerWriter::finish(&dir.ledger(), entries.len() as u64).unwrap();
    (folder, dir)
}

/// What the analysis reads of it.
pub(crate) fn input(dir: &RunDir) -> Input {
    Input::read(dir, TIMEOUT_NS).unwrap()
}

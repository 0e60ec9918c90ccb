//! Makes a run directory as a run would leave it: no fault, one node's answers, and as many copies as are asked for.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use shakedown_record::event::{
    Event, EventWriter, GeneratorReport, Moment, ReadBackDone, ReplicaSeen, Stamped,
};
use shakedown_record::ledger::{Entry, LedgerWriter, OrderKind, Side};
use shakedown_record::readback::{ReadKind, Row, RowWriter, rows_path};
use shakedown_record::run_dir::RunDir;
use shakedown_record::{Decimal, Outcome, OutcomeCounts};

use super::Planted;

const PREFIX: &str = "scale0";
const ZERO_NS: u64 = 1_000_000_000;
const RATE_PER_S: u64 = 100_000;
const SESSIONS: u64 = 64;
/// Messages in a round of the mix: 14 new, 5 cancels, 1 replace.
const ROUND: u64 = 20;
const NEW: u64 = 14;
const CANCELS: u64 = 5;

/// An order of a round that nobody cancels or replaces, and one that is cancelled.
const UNTOUCHED: u64 = 8;
const CANCELLED: u64 = 2;

const SCENARIO: &str = "\
scenario: scale
about: A ledger of any length.
system: system.yaml
environment: external
seed: 7
load:
  arrival: { constant: { rate: 100000/s } }
  mix: { new: 70, cancel: 25, replace: 5 }
  sessions: 64
  timeout: 1s
phases: { warm-up: { at-most: 20s }, steady: 5s }
sla: { lost: { lost-orders: { at-most: 0 } } }
";

/// What was made.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Made {
    pub messages: u64,
    /// Acknowledged new orders.
    pub orders: u64,
    pub copies: u32,
    pub ledger_bytes: u64,
    pub readback_bytes: u64,
}

fn system(copies: u32) -> String {
    let urls: Vec<String> = (1..=copies)
        .map(|n| format!("http://127.0.0.1:{}", 1_000 + n))
        .collect();
    let urls = urls.join(", ");
    format!(
        "system: scale
data: replicated
parts: {{ engine: {{ replicas: {copies}, quorum: 1, restarted-by: platform }} }}
environments: {{ external: {{ entry: [{urls}], parts: {{ engine: [{urls}] }} }} }}
not-production: [{{ get: /version, where: {{ /name: scale }} }}]
accounts: [A]
instruments: {{ BTCUSD: {{ tick: 0.01, lot: 0.001, max: 100, price: {{ around: 50000, band: 2% }} }} }}
ceilings: {{ orders: 1000000/s, queries: 1000/s }}
session: {{ protocol: http, in-flight: 1, reconnect-every: 10ms, retry: never }}
orders:
  identity: client
  new:
    send: {{ method: POST, path: /orders, body: '{{\"id\":\"{{{{id}}}}\",\"px\":\"{{{{price}}}}\",\"qty\":\"{{{{quantity}}}}\"}}' }}
    acked: {{ status: [201] }}
    rejected: {{ status: [422] }}
    level: durable
    take: {{ sequence: /sequence }}
  cancel: {{ send: {{ method: DELETE, path: \"/orders/{{{{id}}}}\" }}, acked: {{ status: [200] }} }}
  replace: {{ send: {{ method: PUT, path: \"/orders/{{{{id}}}}\", body: '{{\"px\":\"{{{{price}}}}\",\"qty\":\"{{{{quantity}}}}\"}}' }}, acked: {{ status: [200] }} }}
read-back:
  list:
    get: \"/orders?after={{{{cursor}}}}\"
    rows: /orders
    next: /next
    at: each-replica
    fields: {{ id: /id, price: /px, quantity: /qty, symbol: /symbol, side: /side, state: /state }}
    open: [open]
    filled: [filled]
"
    )
}

/// So many messages have so many new orders, the last of which may be of a round that is not whole.
fn messages_for(orders: u64) -> u64 {
    orders / NEW * ROUND + orders % NEW
}

fn kind(slot: u64) -> OrderKind {
    match slot % ROUND {
        at if at < NEW => OrderKind::New,
        at if at < NEW + CANCELS => OrderKind::Cancel,
        _ => OrderKind::Replace,
    }
}

/// The order that a cancel or replace is about: those of a round are about the first orders of it.
fn target(slot: u64) -> Option<u64> {
    let at = slot % ROUND;
    (at >= NEW).then(|| slot - at + (at - NEW))
}

fn entry(slot: u64, is_phantom: bool) -> Entry {
    let intended_ns = slot * (1_000_000_000 / RATE_PER_S);
    let outcome = if is_phantom {
        Outcome::Rejected
    } else {
        Outcome::Acked
    };
    Entry {
        intended_ns,
        sent_ns: Some(intended_ns + 9_000),
        done_ns: Some(intended_ns + 400_000 + slot % 977 * 100),
        lag_ns: 5_000,
        kind: kind(slot),
        side: side(slot),
        symbol: 0,
        account: 0,
        session: (slot % SESSIONS) as u16,
        price_ticks: 4_950_000 + (slot.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as i64,
        quantity_lots: 1 + (slot % 50) as u32,
        target: target(slot),
        sequence: (!is_phantom).then_some(slot + 1),
        served_by: 1,
        outcome: Some(outcome),
    }
}

fn side(slot: u64) -> Side {
    if slot.is_multiple_of(2) {
        Side::Buy
    } else {
        Side::Sell
    }
}

/// Slots at which something is planted: spread over the run.
struct Spots {
    lost: Vec<u64>,
    corrupt: Vec<u64>,
    phantom: Vec<u64>,
    duplicate: Vec<u64>,
    resurrected: Vec<u64>,
}

impl Spots {
    fn of(planted: Planted, messages: u64) -> Self {
        let all = planted.all();
        let rounds = (messages / ROUND / (all + 1)).max(1);
        let mut spots = (1..=all).map(|n| n * rounds * ROUND);
        let mut take = |count: u64, at: u64| {
            let of = spots.by_ref().take(count as usize);
            of.map(|round| round + at).collect()
        };
        Self {
            lost: take(planted.lost, UNTOUCHED),
            corrupt: take(planted.corrupt, UNTOUCHED),
            phantom: take(planted.phantom, UNTOUCHED),
            duplicate: take(planted.duplicate, UNTOUCHED),
            resurrected: take(planted.resurrected, CANCELLED),
        }
    }
}

/// Makes one with so many acknowledged orders.
///
/// # Errors
/// When a file cannot be written.
pub fn make(root: &Path, orders: u64, copies: u32, planted: Planted) -> io::Result<Made> {
    let messages = messages_for(orders + planted.phantom);
    let dir = RunDir::create(root)?;
    fs::write(dir.scenario(), SCENARIO)?;
    fs::write(dir.system(), system(copies))?;
    fs::write(dir.ledger().join("served-by.json"), r#"["engine-1"]"#)?;
    let spots = Spots::of(planted, messages);
    let mut outcomes = OutcomeCounts::default();
    let mut acknowledged = 0;
    let mut ledger = LedgerWriter::new(&dir.ledger());
    for slot in 0..messages {
        let entry = entry(slot, spots.phantom.contains(&slot));
        outcomes.add(entry.settled(), 1);
        acknowledged +=
            u64::from(entry.kind.makes_order() && entry.outcome == Some(Outcome::Acked));
        ledger.put(slot, &entry)?;
        ledger.release_below(slot);
    }
    drop(ledger);
    LedgerWriter::finish(&dir.ledger(), messages)?;
    let rows = write_rows(&dir, messages, copies, &spots)?;
    let first = rows_path(dir.root(), ReadKind::Converged, "engine-1");
    write_events(&dir, messages, outcomes, rows, copies)?;
    dir.seal()?;
    Ok(Made {
        messages,
        orders: acknowledged,
        copies,
        ledger_bytes: messages * 64,
        readback_bytes: fs::metadata(first)?.len() * u64::from(copies),
    })
}

/// Every copy is the same; how many rows each has.
fn write_rows(dir: &RunDir, messages: u64, copies: u32, spots: &Spots) -> io::Result<u64> {
    let mut out = RowWriter::create(dir.root(), ReadKind::Converged, "engine-1")?;
    let mut replaced = Vec::new();
    for slot in (0..messages).filter(|slot| kind(*slot).makes_order()) {
        if slot % ROUND == 0 {
            replaced = (slot..(slot + ROUND).min(messages))
                .filter(|later| kind(*later) == OrderKind::Replace)
                .collect();
        }
        if spots.lost.contains(&slot) {
            continue;
        }
        let values = replaced
            .iter()
            .find(|later| target(**later) == Some(slot))
            .unwrap_or(&slot);
        let more = u32::from(spots.corrupt.contains(&slot));
        let is_cancelled = slot % ROUND < CANCELS && slot + NEW < messages;
        let state = match (slot % 2, is_cancelled) {
            (_, true) if spots.resurrected.contains(&slot) => "open",
            (_, true) => "cancelled",
            (0, false) => "open",
            (_, false) => "filled",
        };
        let row = row(slot, &entry(*values, false), more, state);
        let times = 1 + u32::from(spots.duplicate.contains(&slot));
        (0..times).try_for_each(|_| out.write(&row))?;
    }
    out.write(&Row {
        id: format!("{PREFIX}-s0"),
        found: true,
        ..Row::default()
    })?;
    let rows = out.finish()?;
    let path = |n: u32| rows_path(dir.root(), ReadKind::Converged, &format!("engine-{n}"));
    for n in 2..=copies {
        fs::copy(path(1), path(n))?;
    }
    Ok(rows)
}

fn row(slot: u64, values: &Entry, more_lots: u32, state: &str) -> Row {
    let lots = i64::from(values.quantity_lots + more_lots);
    Row {
        id: format!("{PREFIX}-{slot}"),
        found: true,
        price: Some(Decimal::new(1, 2).times(values.price_ticks).to_string()),
        quantity: Some(Decimal::new(1, 3).times(lots).to_string()),
        symbol: Some("BTCUSD".into()),
        side: Some(match side(slot) {
            Side::Buy => "buy".into(),
            Side::Sell => "sell".into(),
        }),
        state: Some(state.into()),
        ..Row::default()
    }
}

fn write_events(
    dir: &RunDir,
    messages: u64,
    outcomes: OutcomeCounts,
    rows: u64,
    copies: u32,
) -> io::Result<()> {
    let end_ns = messages * (1_000_000_000 / RATE_PER_S);
    let names: Vec<String> = (1..=copies).map(|n| format!("engine-{n}")).collect();
    let load = Event::LoadStarted {
        zero_mono_ns: ZERO_NS,
        sessions: SESSIONS as u32,
        threads: 1,
    };
    let report = GeneratorReport {
        scheduled: messages,
        outcomes,
        send_lag_p99_ns: Some(9_000),
        ..GeneratorReport::default()
    };
    let mut told = vec![
        (0, started()),
        (0, seen(Moment::Before, &names)),
        (0, load),
        (end_ns / 10, Event::SteadyReached),
        (
            end_ns,
            Event::LoadStopped {
                scheduled: messages,
                end_ns,
            },
        ),
        (end_ns, Event::Generator { report }),
        (
            end_ns,
            Event::Sentinel {
                acked: true,
                id: format!("{PREFIX}-s0"),
                reason: None,
                read: ReadKind::Converged,
            },
        ),
    ];
    told.extend(names.iter().map(|name| (end_ns, read_back(name, rows))));
    told.push((end_ns, seen(Moment::After, &names)));
    let finished_at = "2026-01-01T00:00:00Z".into();
    told.push((end_ns, Event::RunFinished { finished_at }));
    let mut events = EventWriter::create(&dir.events())?;
    for (at_ns, event) in told {
        let mono_ns = ZERO_NS + at_ns;
        events.append(&Stamped { mono_ns, event })?;
    }
    Ok(())
}

fn seen(when: Moment, names: &[String]) -> Event {
    let replica = |name: &String| ReplicaSeen {
        name: name.clone(),
        reachable: true,
        ready: Some(true),
        role: None,
        version: Some("1".into()),
    };
    Event::TargetSeen {
        when,
        version: Some("1".into()),
        image_digests: Vec::new(),
        replicas: names.iter().map(replica).collect(),
    }
}

fn read_back(replica: &str, rows: u64) -> Event {
    Event::ReadBack(ReadBackDone {
        read: ReadKind::Converged,
        replica: replica.to_string(),
        complete: true,
        rows,
        watermark: None,
        reason: None,
        by_id: false,
        foreign: Some(0),
        trades: None,
        depth: None,
        during: None,
    })
}

fn started() -> Event {
    Event::RunStarted {
        run_id: "scale".into(),
        scenario: "scale".into(),
        system: "scale".into(),
        environment: "external".into(),
        seed: 7,
        started_at: "2026-01-01T00:00:00Z".into(),
        operator: None,
        shakedown_version: env!("CARGO_PKG_VERSION").into(),
        order_prefix: PREFIX.into(),
        defect: None,
    }
}

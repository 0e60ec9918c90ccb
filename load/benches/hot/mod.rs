//! The functions that every request goes through, each ready to be called again and again.
//!
//! `hot_path` takes the time of a call, `instructions` counts what it executes: both of the same calls.

mod requests;

use std::hint::black_box;

use shakedown_load::pacing::Schedule;
use shakedown_record::Outcome;
use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::ledger::{Entry, LedgerWriter, OrderKind, Side};
use shakedown_record::slots::SlotTally;
use shakedown_scenarios::plan::{Arrival, Hawkes, Spacing};

/// One call of a hot function; it holds what the function needs.
pub type Call = Box<dyn FnMut()>;

/// Their names, the order of a request's life.
pub const NAMES: [&str; 11] = [
    "schedule/constant",
    "schedule/poisson",
    "schedule/ramp",
    "schedule/hawkes",
    "draft",
    "patch",
    "parse",
    "judge",
    "record/histogram",
    "record/slot",
    "ledger",
];

/// The hot function with a name of [`NAMES`]; `None` when there is none, or what it needs cannot be had.
pub fn call(name: &str) -> Option<Call> {
    match name {
        "schedule/constant" => Some(schedule(Arrival::Constant {
            rate_per_s: 29_999.0,
        })),
        "schedule/poisson" => Some(schedule(Arrival::Poisson {
            rate_per_s: 29_999.0,
        })),
        "schedule/ramp" => Some(schedule(Arrival::Ramp {
            from_per_s: 10_000.0,
            to_per_s: 29_999.0,
            begins_ns: 0,
            over_ns: 3_600_000_000_000,
            spacing: Spacing::Even,
        })),
        "schedule/hawkes" => Some(schedule(Arrival::Hawkes(Hawkes {
            rate_per_s: 29_999.0,
            branching: 0.9,
            decays_ns: vec![1_000_000, 10_000_000, 100_000_000, 1_000_000_000],
        }))),
        "draft" => requests::draft(),
        "patch" => requests::patch(),
        "parse" => Some(requests::parse()),
        "judge" => Some(requests::judge()),
        "record/histogram" => Some(histogram()),
        "record/slot" => Some(slot()),
        "ledger" => ledger(),
        _ => None,
    }
}

/// The next slot's moment.
fn schedule(arrival: Arrival) -> Call {
    let mut schedule = Schedule::new(arrival, 7);
    Box::new(move || {
        black_box(schedule.advance());
    })
}

/// A latency into a histogram.
fn histogram() -> Call {
    let mut histogram = LatencyHistogram::default();
    Box::new(move || histogram.record(black_box(1_234_567)))
}

/// A request that has ended into its 100 ms slot.
fn slot() -> Call {
    let mut tally = SlotTally::default();
    Box::new(move || {
        if tally.response_ns.len() > 10_000 {
            tally = SlotTally::default();
        }
        tally.add(Outcome::Acked, black_box(1_234_567), 890);
    })
}

/// An order into the ledger.
fn ledger() -> Option<Call> {
    let folder = tempfile::tempdir().ok()?;
    let mut writer = LedgerWriter::new(folder.path());
    let entry = Entry {
        intended_ns: 1,
        sent_ns: Some(2),
        done_ns: Some(3),
        lag_ns: 1,
        kind: OrderKind::New,
        side: Side::Buy,
        symbol: 0,
        account: 0,
        session: 3,
        price_ticks: 5_000_000,
        quantity_lots: 10,
        target: None,
        sequence: Some(9),
        served_by: 1,
        outcome: Some(Outcome::Acked),
    };
    let mut slot = 0;
    Some(Box::new(move || {
        // The folder lives as long as what is written into it.
        let _ = &folder;
        slot = (slot + 1) % (1 << 20);
        black_box(writer.put(slot, black_box(&entry)).is_ok());
    }))
}

//! The order flow, held against what the profile can take.

use crate::plan::{Instrument, LoadPlan, Mix, Peak, SymbolShare};
use crate::spec::scenario::{ArrivalSpec, LoadSpec, MixSpec, SymbolsSpec};

use super::arrival::arrival;
use super::references::instead;
use super::replay::{Ground, Read, replay};
use super::shape::{shape, skew, zipf};
use super::sheet::{At, Sheet};
use super::system::Described;

const MOST_SESSIONS: u32 = 20_000;
const MOST_THREADS: u32 = 64;
const MOST_WORKERS: u32 = 64;
const LONGEST_TIMEOUT_NS: u64 = 300_000_000_000;

/// Of a recording that could not be read: nothing is refused because of it.
const UNKNOWN_MIX: Mix = Mix {
    new: 1,
    cancel: 1,
    replace: 1,
    oversized: 0,
};

/// The order flow, and a note on its recording; `None` when a mistake leaves nothing to build on.
pub(super) fn load(
    spec: &LoadSpec,
    accounts: Vec<String>,
    described: &Described,
    (peak, read): (Option<&Peak>, Option<&Read>),
    sheet: &Sheet,
) -> Option<(LoadPlan, Option<String>)> {
    let at = At::of(&["load"]);
    let symbols = symbols(&at.to("symbols"), spec.symbols.as_ref(), described, sheet);
    let named = symbols.as_deref().unwrap_or_default();
    let (arrival, mix, note) = match &spec.arrival {
        ArrivalSpec::Replay(replay_spec) => {
            let ground = Ground {
                load: spec,
                read,
                symbols: named,
                described,
                sheet,
            };
            match replay(&at.to("arrival").to("replay"), replay_spec, ground) {
                Some(replayed) => (Some(replayed.arrival), replayed.mix, replayed.note),
                None => (None, UNKNOWN_MIX, None),
            }
        }
        ArrivalSpec::Constant(_)
        | ArrivalSpec::Poisson(_)
        | ArrivalSpec::Ramp(_)
        | ArrivalSpec::Steps(_)
        | ArrivalSpec::Spike(_)
        | ArrivalSpec::Bursts(_)
        | ArrivalSpec::Hawkes(_)
        | ArrivalSpec::DoubledPeak(_) => {
            let arrival = arrival(&at.to("arrival"), &spec.arrival, described, peak, sheet);
            let mix = mix(&at.to("mix"), spec.mix, described, named, sheet);
            (arrival, mix, None)
        }
    };
    refuse_other_rate(&at.to("arrival"), &spec.arrival, peak, sheet);
    let threads = spec.threads.unwrap_or(1);
    let workers = spec.workers.unwrap_or(1);
    limits(&at, spec, threads, sheet);
    shared_by(&at, spec, threads, workers, sheet);
    let shape = shape(&at, spec, accounts.len(), mix, sheet);
    let load = LoadPlan {
        arrival: arrival?,
        mix,
        symbols: symbols?,
        accounts,
        sessions: spec.sessions,
        threads,
        workers,
        timeout_ns: spec.timeout.ns,
        shape: shape?,
    };
    Some((load, note))
}

/// A peak beside a rate of its own would be a claim without a test.
fn refuse_other_rate(at: &At, spec: &ArrivalSpec, peak: Option<&Peak>, sheet: &Sheet) {
    if peak.is_some() && !matches!(spec, ArrivalSpec::DoubledPeak(_)) {
        sheet.refuse_with(
            at,
            "the scenario has a `peak`, and its load has another rate",
            "write arrival: { doubled-peak: {} }, or take `peak` out",
        );
    }
}

fn limits(at: &At, spec: &LoadSpec, threads: u32, sheet: &Sheet) {
    if !(1..=MOST_SESSIONS).contains(&spec.sessions) {
        sheet.refuse_with(
            &at.to("sessions"),
            format!("{} sessions cannot be had", spec.sessions),
            format!("from 1 to {MOST_SESSIONS}"),
        );
    }
    if !(1..=MOST_THREADS).contains(&threads) {
        sheet.refuse_with(
            &at.to("threads"),
            format!("{threads} load threads cannot be had"),
            format!("from 1 to {MOST_THREADS}; one carries some ten thousand messages a second"),
        );
    } else if threads > spec.sessions {
        sheet.refuse_with(
            &at.to("threads"),
            format!("{threads} threads cannot share {} sessions", spec.sessions),
            "at most one thread for each session",
        );
    }
    if !(1_000_000..=LONGEST_TIMEOUT_NS).contains(&spec.timeout.ns) {
        sheet.refuse_with(
            &at.to("timeout"),
            format!(
                "a timeout of {} is not sensible",
                super::human::time_text(spec.timeout.ns)
            ),
            "from 1ms to 5m; 1s is usual",
        );
    }
}

/// Every thread of every worker has a session of its own.
fn shared_by(at: &At, spec: &LoadSpec, threads: u32, workers: u32, sheet: &Sheet) {
    if !(1..=MOST_WORKERS).contains(&workers) {
        sheet.refuse_with(
            &at.to("workers"),
            format!("{workers} workers cannot be had"),
            format!("from 1 to {MOST_WORKERS}; one is Shakedown itself"),
        );
    } else if workers > 1 && u64::from(workers) * u64::from(threads) > u64::from(spec.sessions) {
        sheet.refuse_with(
            &at.to("workers"),
            format!(
                "{workers} workers with {threads} threads each cannot share {} sessions",
                spec.sessions
            ),
            "at least one session for each thread of each worker",
        );
    }
}

fn mix(
    at: &At,
    spec: Option<MixSpec>,
    described: &Described,
    symbols: &[SymbolShare],
    sheet: &Sheet,
) -> Mix {
    let spec = spec.unwrap_or(MixSpec {
        new: 1,
        cancel: 0,
        replace: 0,
        oversized: 0,
    });
    let orders = &described.system.orders;
    if spec.new == 0 {
        sheet.refuse_with(
            &at.to("new"),
            "without new orders there is nothing to measure",
            "write a weight above 0",
        );
    }
    let actions = [
        ("cancel", spec.cancel, orders.cancel.is_some()),
        ("replace", spec.replace, orders.replace.is_some()),
    ];
    for (name, weight, there) in actions {
        if weight > 0 && !there {
            sheet.refuse_with(
                &at.to(name),
                format!(
                    "the profile of `{}` does not say how to {name}",
                    described.system.name
                ),
                format!("write {name}: 0, or describe `orders.{name}` in the profile"),
            );
        }
    }
    refuse_unbounded_oversized(at, spec.oversized, symbols, sheet);
    let heaviest = [spec.new, spec.cancel, spec.replace, spec.oversized];
    if heaviest.iter().any(|weight| *weight > 1_000_000) {
        sheet.refuse_with(
            at,
            "a weight is above 1000000",
            "weights are shares, such as 70, 25 and 5",
        );
    }
    Mix {
        new: spec.new,
        cancel: spec.cancel,
        replace: spec.replace,
        oversized: spec.oversized,
    }
}

/// Oversized orders need to know which quantity is too large.
fn refuse_unbounded_oversized(at: &At, weight: u32, symbols: &[SymbolShare], sheet: &Sheet) {
    let unbounded = symbols
        .iter()
        .find(|symbol| symbol.instrument.oversized_lots.is_none());
    if weight > 0
        && let Some(symbol) = unbounded
    {
        sheet.refuse_with(
            &at.to("oversized"),
            format!(
                "the profile does not say which quantity of {} is too large",
                symbol.name
            ),
            format!(
                "write oversized: 0, or `max` under instruments.{} in the profile",
                symbol.name
            ),
        );
    }
}

fn symbols(
    at: &At,
    spec: Option<&SymbolsSpec>,
    described: &Described,
    sheet: &Sheet,
) -> Option<Vec<SymbolShare>> {
    let all = &described.instruments;
    let Some(spec) = spec else {
        return Some(shares(all.clone(), 0.0));
    };
    let known: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    if spec.names.is_empty() {
        sheet.refuse_with(
            &at.to("names"),
            "no symbol is named",
            instead("", &known, "the profile has"),
        );
        return None;
    }
    let mut chosen: Vec<Option<(String, Instrument)>> = Vec::new();
    for (index, name) in spec.names.iter().enumerate() {
        let at = at.to("names").item(index);
        if spec.names[..index].contains(name) {
            sheet.refuse(&at, format!("`{}` is there twice", name.0));
        }
        let found = all.iter().find(|(known, _)| *known == name.0).cloned();
        if found.is_none() {
            sheet.refuse_with(
                &at,
                format!(
                    "the profile of `{}` has no instrument `{}`",
                    described.system.name, name.0
                ),
                instead(&name.0, &known, "it has"),
            );
        }
        chosen.push(found);
    }
    let exponent = match &spec.skew {
        None => 0.0,
        Some(written) => skew(&at.to("skew"), written, sheet)?,
    };
    Some(shares(chosen.into_iter().collect::<Option<_>>()?, exponent))
}

/// Shares in proportion to 1 / n^exponent, summing to 1.
fn shares(symbols: Vec<(String, Instrument)>, exponent: f64) -> Vec<SymbolShare> {
    let shares = zipf(symbols.len(), exponent);
    let symbols = symbols.into_iter().zip(shares);
    symbols
        .map(|((name, instrument), share)| SymbolShare {
            name,
            share,
            instrument,
        })
        .collect()
}

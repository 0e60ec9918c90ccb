//! The order flow, held against what the profile can take.

use crate::plan::{Arrival, Instrument, LoadPlan, Mix, SymbolShare};
use crate::spec::scenario::{ArrivalSpec, LoadSpec, MixSpec, SkewSpec, SymbolsSpec};

use super::human::rate_text;
use super::references::instead;
use super::sheet::{At, Sheet};
use super::system::Described;

const MOST_SESSIONS: u32 = 20_000;
const MOST_THREADS: u32 = 64;
const HIGHEST_RATE_PER_S: f64 = 1_000_000.0;
const LONGEST_TIMEOUT_NS: u64 = 300_000_000_000;

/// The order flow; `None` when a mistake leaves nothing to build on.
pub(super) fn load(
    spec: &LoadSpec,
    accounts: Vec<String>,
    described: &Described,
    sheet: &Sheet,
) -> Option<LoadPlan> {
    let at = At::of(&["load"]);
    let arrival = arrival(&at.to("arrival"), &spec.arrival, described, sheet);
    let symbols = symbols(&at.to("symbols"), spec.symbols.as_ref(), described, sheet);
    let mix = mix(
        &at.to("mix"),
        spec.mix,
        described,
        symbols.as_deref().unwrap_or_default(),
        sheet,
    );
    let threads = spec.threads.unwrap_or(1);
    limits(&at, spec, threads, sheet);
    Some(LoadPlan {
        arrival: arrival?,
        mix,
        symbols: symbols?,
        accounts,
        sessions: spec.sessions,
        threads,
        timeout_ns: spec.timeout.ns,
    })
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

fn arrival(at: &At, spec: &ArrivalSpec, described: &Described, sheet: &Sheet) -> Option<Arrival> {
    let later = |name: &str| {
        sheet.not_supported(&at.to(name), &format!("`{name}`"));
        None
    };
    let (name, arrival) = match spec {
        ArrivalSpec::Constant(spec) => (
            "constant",
            Arrival::Constant {
                rate_per_s: spec.rate.per_s,
            },
        ),
        ArrivalSpec::Poisson(spec) => (
            "poisson",
            Arrival::Poisson {
                rate_per_s: spec.rate.per_s,
            },
        ),
        ArrivalSpec::Ramp(_) => return later("ramp"),
        ArrivalSpec::Steps(_) => return later("steps"),
        ArrivalSpec::Spike(_) => return later("spike"),
        ArrivalSpec::Hawkes(_) => return later("hawkes"),
        ArrivalSpec::Replay(_) => return later("replay"),
    };
    let at = at.to(name).to("rate");
    let rate_per_s = arrival.rate_per_s();
    if !(1.0..=HIGHEST_RATE_PER_S).contains(&rate_per_s) {
        sheet.refuse_with(
            &at,
            format!("a rate of {} is not sensible", rate_text(rate_per_s)),
            "from 1/s to 1000000/s",
        );
        return None;
    }
    if let Some(ceiling) = described.system.ceilings.orders_per_s
        && rate_per_s > ceiling
    {
        sheet.refuse_with(
            &at,
            format!(
                "{} is above the ceiling of `{}`, {}",
                rate_text(rate_per_s),
                described.system.name,
                rate_text(ceiling)
            ),
            "lower the rate, or raise `ceilings.orders` in the profile with its owner's consent",
        );
    }
    Some(arrival)
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
        None | Some(SkewSpec::Even) => 0.0,
        Some(SkewSpec::Zipf(exponent)) => {
            let exponent = exponent.0.to_f64();
            if !(exponent > 0.0 && exponent <= 10.0) {
                sheet.refuse_with(
                    &at.to("skew").to("zipf"),
                    format!("an exponent of {exponent} is not sensible"),
                    "above 0, at most 10; markets are near 1.1",
                );
                return None;
            }
            exponent
        }
    };
    Some(shares(chosen.into_iter().collect::<Option<_>>()?, exponent))
}

/// Shares in proportion to 1 / n^exponent, summing to 1.
fn shares(symbols: Vec<(String, Instrument)>, exponent: f64) -> Vec<SymbolShare> {
    let weight = |index: usize| ((index + 1) as f64).powf(-exponent);
    let total: f64 = (0..symbols.len()).map(weight).sum();
    symbols
        .into_iter()
        .enumerate()
        .map(|(index, (name, instrument))| SymbolShare {
            name,
            share: weight(index) / total,
            instrument,
        })
        .collect()
}

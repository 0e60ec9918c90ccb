//! A recording that is sent again: read, held against the instrument, and within the ceilings.

use std::sync::Arc;

use shakedown_record::ledger::OrderKind;
use shakedown_record::run_dir::sha256_hex_of;

use crate::diagnostics::Diagnostic;
use crate::plan::{Arrival, Mix, Recording, Replay, SymbolShare};
use crate::recording::{Against, LeftOut, Mistake, Placed, Resolved, lines, resolve};
use crate::spec::scenario::{LoadSpec, RecordedPricesSpec, ReplaySpec};

use super::human::{counted, rate_text};
use super::sheet::{At, Sheet};
use super::system::Described;

/// LOBSTER's stocks: a cent, in ten-thousandths of a dollar.
const DEFAULT_TICK: i64 = 100;
const HIGHEST_RATE_PER_S: f64 = 1_000_000.0;

/// The text of the recording, or why it cannot be had.
pub(super) type Read = Result<String, String>;

/// What a replay is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) load: &'a LoadSpec,
    pub(super) read: Option<&'a Read>,
    pub(super) symbols: &'a [SymbolShare],
    pub(super) described: &'a Described,
    pub(super) sheet: &'a Sheet<'a>,
}

/// A replay, and what a person should know of it.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) arrival: Arrival,
    /// How many messages of each kind there are.
    pub(super) mix: Mix,
    pub(super) note: Option<String>,
}

/// The replay; `None` when a mistake leaves nothing to build on.
pub(super) fn replay(at: &At, spec: &ReplaySpec, ground: Ground) -> Option<Replayed> {
    refuse_other_words(ground);
    let speed = speed(&at.to("speed"), spec, ground.sheet);
    let placed = placed(&at.to("tick"), spec, ground.sheet);
    let symbol = symbol(ground);
    let text = text(&at.to("file"), ground)?;
    let against = symbol?;
    let against = Against {
        name: &against.name,
        instrument: &against.instrument,
        placed: placed?,
        speed: speed?,
    };
    let resolved = lines(text).and_then(|lines| resolve(&lines, against));
    let resolved = match resolved {
        Ok(resolved) => resolved,
        Err(mistakes) => {
            tell(&spec.file, text, mistakes, ground.sheet);
            return None;
        }
    };
    let mix = mix(&resolved);
    refuse_lacking(&at.to("file"), &resolved, mix, ground);
    let note = left_out(&resolved);
    let recording = Recording::new(
        resolved.messages,
        sha256_hex_of(text.as_bytes()),
        text.to_string(),
    );
    let arrival = Arrival::Replay(Replay {
        recording: Arc::new(recording),
        speed: against.speed,
        again: spec.again,
    });
    refuse_too_fast(&at.to("speed"), &arrival, ground);
    Some(Replayed { arrival, mix, note })
}

/// A recording says itself what is sent.
fn refuse_other_words(ground: Ground) {
    let at = At::of(&["load"]);
    let written = [
        ("mix", ground.load.mix.is_some()),
        ("prices", ground.load.prices.is_some()),
        ("lifetimes", ground.load.lifetimes.is_some()),
    ];
    for (name, is_written) in written {
        if is_written {
            ground.sheet.refuse_entry(
                &at.to(name),
                format!("a replay has no `{name}`: the recording says it"),
                "take it out",
            );
        }
    }
}

fn speed(at: &At, spec: &ReplaySpec, sheet: &Sheet) -> Option<f64> {
    let speed = spec.speed.map_or(1.0, |speed| speed.0.to_f64());
    if (0.001..=1000.0).contains(&speed) {
        return Some(speed);
    }
    sheet.refuse_with(
        at,
        format!("{speed} times as fast is not sensible"),
        "from 0.001 to 1000",
    );
    None
}

fn placed(at: &At, spec: &ReplaySpec, sheet: &Sheet) -> Option<Placed> {
    match (spec.prices, spec.tick) {
        (None | Some(RecordedPricesSpec::AsRecorded), None) => Some(Placed::AsRecorded),
        (None | Some(RecordedPricesSpec::AsRecorded), Some(_)) => {
            sheet.refuse_with(
                at,
                "prices stay as recorded: a tick says nothing",
                "take it out, or write prices: around",
            );
            None
        }
        (Some(RecordedPricesSpec::Around), None) => Some(Placed::Around { tick: DEFAULT_TICK }),
        (Some(RecordedPricesSpec::Around), Some(tick)) => {
            let unit = shakedown_record::Decimal::new(1, 4);
            let tick_units = tick.0.in_units_of(unit).filter(|units| *units > 0);
            if tick_units.is_none() {
                sheet.refuse_with(
                    at,
                    format!("a tick of {} is no whole number of 0.0001", tick.0),
                    "the tick of the recorded prices, such as 0.01",
                );
            }
            tick_units.map(|tick| Placed::Around { tick })
        }
    }
}

/// The one symbol of the recording.
fn symbol<'a>(ground: Ground<'a>) -> Option<&'a SymbolShare> {
    if let [symbol] = ground.symbols {
        return Some(symbol);
    }
    if let Some(first) = ground.symbols.first() {
        ground.sheet.refuse_entry(
            &At::of(&["load", "symbols"]),
            format!(
                "a recording is of one symbol, and the load has {}",
                ground.symbols.len()
            ),
            format!("name one: symbols: {{ names: [{}] }}", first.name),
        );
    }
    None
}

fn text<'a>(at: &At, ground: Ground<'a>) -> Option<&'a str> {
    match ground.read {
        Some(Ok(text)) => Some(text),
        Some(Err(why)) => {
            ground.sheet.refuse_with(
                at,
                format!("the recording cannot be read: {why}"),
                "a path relative to the scenario",
            );
            None
        }
        None => {
            ground.sheet.refuse_with(
                at,
                "no recording is at hand",
                "write the path of a LOBSTER message file, relative to the scenario",
            );
            None
        }
    }
}

/// Mistakes of the recording, each with its line.
fn tell(name: &str, text: &str, mistakes: Vec<Mistake>, sheet: &Sheet) {
    for mistake in mistakes {
        let mut diagnostic = Diagnostic::of_file(name, mistake.message).with_hint(mistake.hint);
        diagnostic.line = Some(mistake.line);
        diagnostic.column = Some(mistake.column);
        diagnostic.text = text.lines().nth(mistake.line - 1).map(str::to_string);
        sheet.tell(diagnostic);
    }
}

fn mix(resolved: &Resolved) -> Mix {
    let count = |kind| {
        let messages = resolved.messages.iter();
        messages.filter(|message| message.kind == kind).count() as u32
    };
    Mix {
        new: count(OrderKind::New),
        cancel: count(OrderKind::Cancel),
        replace: count(OrderKind::Replace),
        oversized: 0,
    }
}

/// Too few messages, or messages that the profile cannot send.
fn refuse_lacking(at: &At, resolved: &Resolved, mix: Mix, ground: Ground) {
    if resolved.messages.len() < 2 {
        ground.sheet.refuse_with(
            at,
            format!(
                "the recording has {} that can be sent",
                counted(resolved.messages.len() as u64, "message")
            ),
            "it must show orders being entered",
        );
    }
    let orders = &ground.described.system.orders;
    let actions = [
        ("cancel", mix.cancel, orders.cancel.is_some()),
        ("replace", mix.replace, orders.replace.is_some()),
    ];
    for (name, count, there) in actions {
        if count > 0 && !there {
            ground.sheet.refuse_with(
                at,
                format!(
                    "the recording has {count} messages for which the profile of `{}` does not say how to {name}",
                    ground.described.system.name
                ),
                format!("describe `orders.{name}` in the profile, or leave these lines out of the recording"),
            );
        }
    }
}

fn refuse_too_fast(at: &At, arrival: &Arrival, ground: Ground) {
    let highest = arrival.rate_per_s();
    let system = &ground.described.system;
    let ceiling = system.ceilings.orders_per_s.unwrap_or(HIGHEST_RATE_PER_S);
    if highest > ceiling.min(HIGHEST_RATE_PER_S) {
        ground.sheet.refuse_with(
            at,
            format!(
                "the busiest second has {}, above the ceiling of `{}`, {}",
                rate_text(highest),
                system.name,
                rate_text(ceiling.min(HIGHEST_RATE_PER_S))
            ),
            "replay it slower: speed: 0.5",
        );
    }
}

/// What is not sent, in words.
fn left_out(resolved: &Resolved) -> Option<String> {
    let LeftOut {
        unknown,
        hidden,
        crosses,
        halts,
    } = resolved.left_out;
    let all = [
        (unknown, "about orders from before it"),
        (hidden, "about hidden orders"),
        (crosses, "about crosses"),
        (halts, "about halts"),
    ];
    let words: Vec<String> = all
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    (!words.is_empty()).then(|| {
        format!(
            "of the recording {} are sent; left out: {}",
            counted(resolved.messages.len() as u64, "message"),
            words.join(", ")
        )
    })
}

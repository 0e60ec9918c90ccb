//! Stale reads: what a copy did not show while a fault was on, though it had been acknowledged before the copy was asked.
//!
//! An order that no later read shows either is not stale: it is lost, and that is another class. Of a copy that says up to
//! which sequence it is current, what it leaves out below that is a lie, however short ago it was acknowledged.

use std::collections::BTreeMap;

use shakedown_record::event::{During, ReadBackDone};
use shakedown_record::readback::{ReadKind, read_rows};
use shakedown_scenarios::plan::Plan;

use super::classes::Class;
use super::copy_read::CopyRead;
use super::fates::Fates;
use crate::bits::Bits;
use crate::input::{Fate, Input};
use crate::words::{count, duration_ns};

/// Stale orders of all degraded reads.
#[derive(Debug, Default)]
pub(crate) struct Stale {
    pub class: Class,
    /// The oldest, and who did not show it.
    worst: Option<Worst>,
    /// Orders below the watermark of the copy that did not show them.
    denied: u64,
}

#[derive(Debug)]
struct Worst {
    age_ns: u64,
    replica: String,
    firing: String,
}

impl Stale {
    /// Nothing was looked for, and why.
    fn unknown(why: &str, not_checkable: bool) -> Stale {
        Stale {
            class: Class {
                incomplete: Some(why.to_string()),
                not_checkable,
                ..Class::default()
            },
            ..Stale::default()
        }
    }

    /// What there is to say beside the number.
    pub fn words(&self) -> Option<String> {
        let worst = self.worst.as_ref()?;
        let mut text = format!(
            "one acknowledged {} before {} was asked for it during {}",
            duration_ns(worst.age_ns as f64),
            worst.replica,
            worst.firing
        );
        if self.denied > 0 {
            let denied = count(self.denied);
            text.push_str(&format!(
                "; {denied} below the watermark that the copy told"
            ));
        }
        Some(text)
    }
}

/// Holds every degraded read against what was acknowledged before it, and what `later` reads show.
pub(crate) fn stale(
    input: &Input,
    plan: &Plan,
    fates: &Fates,
    later: &[(ReadKind, Vec<CopyRead>)],
) -> Stale {
    if !plan.reads.contains(&ReadKind::Degraded) {
        return Stale::unknown("the scenario asks for no read while a fault is on", true);
    }
    let mut shown_later = Bits::default();
    let copies = later.iter().flat_map(|(_, copies)| copies);
    copies.for_each(|copy| shown_later.union(&copy.present));
    let known: BTreeMap<u64, (u64, Option<u64>)> = fates
        .acked
        .and(&shown_later)
        .iter()
        .filter_map(|slot| {
            let entry = input.orders.get(slot)?;
            match input.fate(slot, &entry) {
                Fate::Acked { at_ns } => Some((slot, (at_ns, input.sequence(slot, &entry)))),
                Fate::Indeterminate | Fate::Absent(_) => None,
            }
        })
        .collect();
    let mut stale = Stale::default();
    let mut reads = 0;
    for done in &input.facts.reads {
        let Some(during) = done.during.as_deref().filter(|_| done.complete) else {
            continue;
        };
        if let Some(shown) = shown(input, done) {
            reads += 1;
            stale.take(input, (done, during), &shown, &known);
        }
    }
    match reads {
        0 => Stale::unknown("no copy could be read while a fault was on", false),
        _ => stale,
    }
}

impl Stale {
    fn take(
        &mut self,
        input: &Input,
        (done, during): (&ReadBackDone, &During),
        shown: &Bits,
        known: &BTreeMap<u64, (u64, Option<u64>)>,
    ) {
        let asked_ns = input.facts.since_zero(during.from_mono_ns).unwrap_or(0);
        let asked_ns = asked_ns.max(0) as u64;
        for (slot, (acked_ns, sequence)) in known {
            if *acked_ns >= asked_ns || shown.contains(*slot) {
                continue;
            }
            let new = self.class.found.insert(*slot);
            let denied =
                matches!((sequence, done.watermark), (Some(own), Some(mark)) if *own <= mark);
            self.denied += u64::from(new && denied);
            let age_ns = asked_ns - acked_ns;
            if self
                .worst
                .as_ref()
                .is_none_or(|worst| worst.age_ns < age_ns)
            {
                self.worst = Some(Worst {
                    age_ns,
                    replica: done.replica.clone(),
                    firing: during.firing.label(),
                });
            }
        }
    }
}

/// The slots of the orders that a copy showed; `None`: its rows cannot be read, or are not all there.
fn shown(input: &Input, done: &ReadBackDone) -> Option<Bits> {
    let name = done.rows_name();
    let rows = read_rows(&input.root, done.read, &name).ok()?;
    let (mut shown, mut count) = (Bits::default(), 0);
    for row in rows {
        let row = row.ok()?;
        count += 1;
        let own = row.id.strip_prefix(input.facts.prefix());
        let slot = own.and_then(|rest| rest.strip_prefix('-')?.parse().ok());
        if let Some(slot) = slot.filter(|slot| *slot < input.orders.slots_end) {
            shown.insert(slot);
        }
    }
    (count == done.rows).then_some(shown)
}

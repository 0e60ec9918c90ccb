//! Restores: the data was brought back as it was at a moment, and what was acknowledged after that is gone by what a restore is.
//!
//! So orders that were acknowledged between the moment and the end of the restore may be there or not; they are no loss, and
//! counted. What was acknowledged before the moment must be there: a backup without it is one that loses orders. What was sent
//! after the moment, and is there all the same, shows that the data was not brought back to it.

use shakedown_record::fault::EffectFigure;
use shakedown_record::readback::ReadKind;
use shakedown_record::restore::RestoreRecord;

use super::copy_read::CopyRead;
use super::fates::Fates;
use crate::bits::Bits;
use crate::facts::{Facts, FiringFacts};
use crate::input::{Fate, Input};

/// A restore that was seen to be done, on the clock of the orders: nanoseconds since zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restore {
    pub fault: String,
    /// The moment as of which the data is.
    pub to_ns: u64,
    /// How far the clock of the data may be from ours.
    pub error_ns: u64,
    pub began_ns: u64,
    /// The data was in use again.
    pub done_ns: u64,
}

impl Restore {
    fn of(facts: &Facts, firing: &FiringFacts) -> Option<Restore> {
        let (done, effect) = firing.effect.as_ref().filter(|_| firing.is_confirmed())?;
        let named = |it: &&EffectFigure| it.name == EffectFigure::RESTORED_TO;
        let moment = effect.figures.iter().find(named)?;
        let at = |mono_ns: u64| Some(facts.since_zero(mono_ns)?.max(0) as u64);
        Some(Restore {
            fault: firing.firing.label(),
            to_ns: at(moment.measured? as u64)?,
            error_ns: moment.error.unwrap_or(0.0).max(0.0) as u64,
            began_ns: at(firing.injected?)?,
            done_ns: at(*done)?,
        })
    }

    /// Whether what was acknowledged at this time may be gone by what a restore is.
    pub fn may_take(&self, acked_ns: u64) -> bool {
        acked_ns.saturating_add(self.error_ns) > self.to_ns && acked_ns <= self.done_ns
    }
}

/// The restores of a run, by when they began.
pub(crate) fn restores(facts: &Facts) -> Vec<Restore> {
    let mut all: Vec<Restore> = facts
        .firings
        .iter()
        .filter_map(|firing| Restore::of(facts, firing))
        .collect();
    all.sort_by_key(|restore| restore.began_ns);
    all
}

/// Whether any of them may have taken away what was acknowledged at this time.
pub(crate) fn may_be_gone(restores: &[Restore], acked_ns: u64) -> bool {
    restores.iter().any(|restore| restore.may_take(acked_ns))
}

/// What each restore took away and kept, by the read after the heal.
pub(super) fn records(
    input: &Input,
    fates: &Fates,
    reads: &[(ReadKind, Vec<CopyRead>)],
) -> Vec<RestoreRecord> {
    if fates.restores.is_empty() {
        return Vec::new();
    }
    let copies = reads
        .iter()
        .find(|(read, _)| *read == ReadKind::Converged)
        .map(|(_, copies)| copies.as_slice());
    let there = copies.map(|copies| {
        let mut there = Bits::default();
        copies.iter().for_each(|copy| there.union(&copy.present));
        let is_whole = copies.iter().all(CopyRead::is_complete);
        (there, is_whole)
    });
    let of = |restore: &Restore| of_one(input, restore, there.as_ref());
    fates.restores.iter().map(of).collect()
}

fn of_one(input: &Input, restore: &Restore, there: Option<&(Bits, bool)>) -> RestoreRecord {
    let (mut missing_before, mut rolled_back, mut last_ns) = (0, 0, restore.to_ns);
    let mut record = RestoreRecord {
        fault: restore.fault.clone(),
        to_s: seconds(restore.to_ns),
        clock_error_s: seconds(restore.error_ns),
        began_s: seconds(restore.began_ns),
        done_s: seconds(restore.done_ns),
        ..RestoreRecord::default()
    };
    for (slot, entry) in input.orders.iter() {
        let acked_ns = match (entry.kind.makes_order(), input.fate(slot, &entry)) {
            (true, Fate::Acked { at_ns }) if at_ns <= restore.done_ns => at_ns,
            _ => continue,
        };
        let is_there = there.is_some_and(|(there, _)| there.contains(slot));
        if !restore.may_take(acked_ns) {
            record.before += 1;
            missing_before += u64::from(!is_there);
            continue;
        }
        record.after += 1;
        if !is_there {
            rolled_back += 1;
            last_ns = last_ns.max(acked_ns);
        }
        let sent_after = entry
            .sent_ns
            .is_some_and(|sent_ns| sent_ns > restore.to_ns.saturating_add(restore.error_ns));
        let is_kept = is_there && sent_after && acked_ns < restore.began_ns;
        record.kept_after += u64::from(is_kept);
    }
    if there.is_some_and(|(_, is_whole)| *is_whole) {
        record.missing_before = Some(missing_before);
        record.rolled_back = Some(rolled_back);
        record.rpo_s = Some(seconds(last_ns - restore.to_ns));
    }
    record
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

//! Every new order by what is known of it: acknowledged, indeterminate, or definitely absent.

use shakedown_record::Outcome;
use shakedown_record::ledger::OrderKind;
use shakedown_scenarios::plan::Plan;

use super::replaces::Replaces;
use super::restored::{Restore, may_be_gone, restores};
use crate::bits::Bits;
use crate::input::{Fate, Input};

/// The new orders of a run, retries taken into account.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    /// Must be there: acknowledged, outright or on retry.
    pub acked: Bits,
    /// May be there, once.
    pub indeterminate: Bits,
    /// Cannot be there.
    pub absent: Bits,
    /// Those of the absent ones that reached the engine, which said no.
    pub declined: Bits,
    /// How many of them it rejected by its rules.
    pub rejected: u64,
    /// Orders whose cancel was acknowledged.
    pub cancelled: Bits,
    /// Acknowledged orders that the engine may have cancelled by contract, and then lists no more.
    pub excused: Bits,
    /// Acknowledged orders that a restore may have taken away: there or not, once.
    pub rolled: Bits,
    /// Restores that were seen to be done.
    pub restores: Vec<Restore>,
    /// Replaces that were or may have been executed.
    pub replaces: Replaces,
}

impl Fates {
    /// Sorts every order of the ledger.
    pub fn of(input: &Input, plan: &Plan) -> Self {
        let restores = restores(&input.facts);
        let mut fates = Fates {
            replaces: Replaces::beside(&restores),
            restores,
            ..Fates::default()
        };
        let contract = plan.system.cancel_on_disconnect;
        let is_unlisted = contract.is_some_and(|contract| contract.unlisted);
        let connections = input.connections.as_ref().filter(|_| is_unlisted);
        input.orders.iter().for_each(|(slot, entry)| {
            // A damaged entry may name any slot; of one that was never written there is no row to judge.
            let target = entry
                .target
                .filter(|target| *target < input.orders.slots_end);
            match entry.kind {
                OrderKind::New | OrderKind::Oversized => {
                    fates.add(slot, input.fate(slot, &entry));
                    let over = connections.and_then(|all| all.that_answered(&entry));
                    if over.is_some_and(|over| over.ended_ns.is_some()) {
                        fates.excused.insert(slot);
                    }
                }
                OrderKind::Replace => match (target, input.fate(slot, &entry)) {
                    (None, _) | (_, Fate::Absent(_)) => {}
                    (Some(target), Fate::Acked { .. } | Fate::Indeterminate) => {
                        fates.replaces.add(slot, target);
                    }
                },
                OrderKind::Cancel => {
                    let holds = match input.fate(slot, &entry) {
                        Fate::Acked { at_ns } => !may_be_gone(&fates.restores, at_ns),
                        Fate::Indeterminate | Fate::Absent(_) => false,
                    };
                    if let Some(target) = target.filter(|_| holds) {
                        fates.cancelled.insert(target);
                    }
                }
                OrderKind::Request => {}
            }
        });
        fates.replaces.sort();
        fates
    }

    fn add(&mut self, slot: u64, fate: Fate) {
        let set = match fate {
            Fate::Acked { at_ns } if may_be_gone(&self.restores, at_ns) => &mut self.rolled,
            Fate::Acked { .. } => &mut self.acked,
            Fate::Indeterminate => &mut self.indeterminate,
            Fate::Absent(outcome) => {
                self.rejected += u64::from(outcome == Outcome::Rejected);
                if matches!(outcome, Outcome::Rejected | Outcome::Throttled) {
                    self.declined.insert(slot);
                }
                &mut self.absent
            }
        };
        set.insert(slot);
    }
}

//! The figures of data loss, with the first orders of each class and their story.

use shakedown_record::Outcome;
use shakedown_record::readback::ReadKind;
use shakedown_record::restore::RestoreRecord;
use shakedown_record::run_record::{Coverage, DataLoss, OrderExample};
use shakedown_record::side_by_side::both;
use shakedown_scenarios::checkable;
use shakedown_scenarios::plan::{DataClass, PeakFlow, Plan, RuleKind, System};

use super::classes::{self, Class, Classes, Gone, Sorter};
use super::copies::{Keeps, Reader};
use super::copy_read::CopyRead;
use super::fates::Fates;
use super::reordered::reordered;
use super::restored::records;
use super::rpo::{Rpo, over, rpo};
use super::stale::{Stale, stale};
use crate::bits::Bits;
use crate::failover::Struck;
use crate::input::Input;
use crate::story::Teller;

/// Examples of each class in the record.
const EXAMPLES: usize = 5;

/// The class that is looked at where the profile says what the engine may cancel.
pub(crate) const AGREED: &str = "contract-cancelled";

/// Data loss as measured, and what it rests on.
#[derive(Debug)]
pub(crate) struct Assessment {
    pub data_loss: DataLoss,
    pub classes: Classes,
    pub rpo: Rpo,
    /// What outages after the load took.
    pub gone: Vec<Gone>,
    pub stale: Stale,
    /// New orders that cannot have been executed.
    pub absent: u64,
    /// Orders whose cancel was acknowledged.
    pub cancelled: u64,
    /// What every read found on every copy.
    pub reads: Vec<(ReadKind, Vec<CopyRead>)>,
}

/// What the ledger and the copies hold, before it is held against each other: nothing of it depends on faults.
#[derive(Debug)]
pub(crate) struct Looked {
    fates: Fates,
    reads: Vec<(ReadKind, Vec<CopyRead>)>,
    reordered: Class,
}

/// Looks at every order in the ledger and on every copy.
pub(crate) fn look(input: &Input, plan: &Plan) -> Looked {
    let known = || {
        let fates = Fates::of(input, plan);
        let reads = read_all(input, plan, &fates);
        (fates, reads)
    };
    let ((fates, reads), reordered) = both(known, || numbered_wrong(input, plan));
    Looked {
        fates,
        reads,
        reordered,
    }
}

/// What became of every order. `recovered[i]`: when service was back after firing `i`.
pub(crate) fn assess(
    input: &Input,
    plan: &Plan,
    looked: Looked,
    struck: &[Struck],
    recovered: &[Option<u64>],
) -> Assessment {
    let (mut classes, gone) = all_classes(input, plan, &looked);
    let Looked { fates, reads, .. } = looked;
    let stale = stale(input, plan, &fates, &reads);
    classes.insert(DataClass::Stale, stale.class.clone());
    let lost = &classes[&DataClass::Lost];
    let over = over(struck, recovered);
    let rpo = rpo(input, (&lost.found, &gone), struck, &over);
    let restores = records(input, &fates, &reads);
    let value = |class: DataClass| classes[&class].value();
    let teller = Teller {
        input,
        plan,
        struck,
        over: &over,
        reads: &reads,
    };
    let data_loss = DataLoss {
        acknowledged: fates.acked.len() + fates.rolled.len(),
        rejected: fates.rejected,
        indeterminate: fates.indeterminate.len(),
        lost: value(DataClass::Lost),
        divergent: value(DataClass::Divergent),
        phantom: value(DataClass::Phantom),
        resurrected: value(DataClass::Resurrected),
        duplicate: value(DataClass::Duplicate),
        corrupt: value(DataClass::Corrupt),
        reordered: value(DataClass::Reordered),
        stale: value(DataClass::Stale),
        unresolved: value(DataClass::Unresolved),
        contract_cancelled: None,
        rolled_back: rolled_back(&restores),
        rpo_orders: lost.value(),
        rpo_s: rpo.seconds.filter(|_| lost.value().is_some()),
        coverage: coverage(input, plan, &fates, &classes, &reads),
        restores,
        examples: examples(input, &classes, &reads, &teller),
    };
    Assessment {
        data_loss,
        classes,
        rpo,
        gone,
        stale,
        absent: fates.absent.len(),
        cancelled: fates.cancelled.len(),
        reads,
    }
}

/// What restores took away, all together; `None` without any, or where not all copies were read.
fn rolled_back(restores: &[RestoreRecord]) -> Option<u64> {
    let mut each = restores.iter().map(|restore| restore.rolled_back);
    let first = each.next()??;
    each.try_fold(first, |sum, more| Some(sum + more?))
}

/// The reads from which loss may be concluded, of those that the plan asks for. A degraded read never proves loss.
fn read_all(input: &Input, plan: &Plan, fates: &Fates) -> Vec<(ReadKind, Vec<CopyRead>)> {
    if plan.system.read_back.is_none() {
        return Vec::new();
    }
    let asked = plan.reads.iter().filter(|it| **it != ReadKind::Degraded);
    let mut asked = asked.peekable();
    let mut ended = Bits::default();
    let mut reads = Vec::new();
    while let Some(read) = asked.next() {
        let reader = Reader {
            input,
            plan,
            fates,
            ended: &ended,
            keeps: Keeps {
                ended: asked.peek().is_some(),
                filled: counts_trades(plan),
            },
        };
        let mut copies = reader.copies(*read);
        for copy in &mut copies {
            let own = std::mem::take(&mut copy.ended);
            if copy.is_complete() {
                ended.union(&own);
            }
        }
        reads.push((*read, copies));
    }
    reads
}

/// Whether a rule asks how many orders were filled.
fn counts_trades(plan: &Plan) -> bool {
    let of_trades = |kind: &RuleKind| {
        matches!(
            kind,
            RuleKind::Peak {
                flow: PeakFlow::Trades,
                ..
            }
        )
    };
    plan.rules.iter().any(|rule| of_trades(&rule.kind))
}

/// Orders that the engine numbered against time.
fn numbered_wrong(input: &Input, plan: &Plan) -> Class {
    match provable(DataClass::Reordered, &plan.system) {
        Ok(()) => reordered(input, plan, 2 * input.clock_error_ns()),
        Err(why) => Class {
            incomplete: Some(why),
            not_checkable: true,
            ..Class::default()
        },
    }
}

fn all_classes(input: &Input, plan: &Plan, looked: &Looked) -> (Classes, Vec<Gone>) {
    let Looked {
        fates,
        reads,
        reordered,
    } = looked;
    let unread = |why: &str, not_checkable: bool| {
        let mut all = classes::unknown(why, not_checkable);
        all.insert(DataClass::Reordered, reordered.clone());
        all
    };
    let (mut all, mut gone) = (Classes::new(), Vec::new());
    if plan.system.read_back.is_none() {
        return (unread("the profile has no read-back", true), gone);
    }
    let mut had_ended = false;
    for (read, copies) in reads {
        let sorter = Sorter {
            input,
            plan,
            fates,
            read: *read,
            copies,
            had_ended,
            reordered,
        };
        let more = sorter.classes();
        gone.extend(Gone::of(*read, &all, &more));
        classes::merge(&mut all, more);
        let mut complete = copies.iter().filter(|copy| copy.is_complete());
        had_ended |= complete.any(|copy| copy.has_ended);
    }
    match all.is_empty() {
        true => {
            let why = "the plan asks for no read of the copies";
            (unread(why, false), gone)
        }
        false => (all, gone),
    }
}

fn provable(class: DataClass, system: &System) -> Result<(), String> {
    let all = checkable(system).into_iter();
    let mut of = all.filter(|(known, _)| *known == class);
    of.next().map_or(Ok(()), |(_, provable)| provable)
}

fn coverage(
    input: &Input,
    plan: &Plan,
    fates: &Fates,
    classes: &Classes,
    reads: &[(ReadKind, Vec<CopyRead>)],
) -> Coverage {
    let copies = || reads.iter().flat_map(|(_, copies)| copies);
    let complete_in_all = |replica: &str| {
        copies()
            .filter(|copy| copy.replica == replica)
            .all(CopyRead::is_complete)
    };
    let mut replicas: Vec<&str> = copies().map(|copy| copy.replica.as_str()).collect();
    replicas.sort_unstable();
    replicas.dedup();
    let mut during = input.facts.reads.iter();
    let during = during.find(|done| done.during.is_some() && done.complete);
    let complete = reads
        .iter()
        .filter(|(_, copies)| copies.iter().any(CopyRead::is_complete))
        .map(|(read, _)| *read);
    let without_contract = plan.system.cancel_on_disconnect.is_none();
    let not_checkable = classes.iter().filter(|(_, class)| class.not_checkable);
    Coverage {
        orders: if reads.is_empty() {
            0
        } else {
            fates.acked.len() + fates.rolled.len()
        },
        replicas_expected: replicas.len() as u64,
        replicas_read: replicas
            .iter()
            .filter(|replica| complete_in_all(replica))
            .count() as u64,
        reads: during
            .map(|_| ReadKind::Degraded)
            .into_iter()
            .chain(complete)
            .collect(),
        reads_asked: match reads.is_empty() {
            true => Vec::new(),
            false => plan.reads.clone(),
        },
        not_checkable: not_checkable
            .map(|(name, _)| name.name().to_string())
            .chain(without_contract.then(|| AGREED.to_string()))
            .collect(),
        unread: copies().filter_map(|copy| copy.unread.clone()).collect(),
    }
}

fn examples(
    input: &Input,
    classes: &Classes,
    reads: &[(ReadKind, Vec<CopyRead>)],
    teller: &Teller<'_>,
) -> Vec<OrderExample> {
    let mut examples = Vec::new();
    for (name, class) in classes {
        examples.extend(class.found.iter().take(EXAMPLES).map(|slot| OrderExample {
            class: name.name().to_string(),
            order: input.order_id(slot),
            slot: Some(slot),
            story: teller.in_short(slot),
        }));
        if *name == DataClass::Phantom {
            examples.extend(strangers(class, reads));
        }
    }
    examples
}

fn strangers(class: &Class, reads: &[(ReadKind, Vec<CopyRead>)]) -> Vec<OrderExample> {
    if class.strangers == 0 {
        return Vec::new();
    }
    let copies = reads.iter().flat_map(|(_, copies)| copies);
    let Some(copy) = copies.max_by_key(|copy| copy.strangers) else {
        return Vec::new();
    };
    let stranger = |id: &String| OrderExample {
        class: DataClass::Phantom.name().to_string(),
        order: id.clone(),
        slot: None,
        story: format!(
            "found on {}; it bears the prefix of this run and was never sent",
            copy.replica
        ),
    };
    copy.named_strangers
        .iter()
        .take(EXAMPLES)
        .map(stranger)
        .collect()
}

/// How an outcome reads in a story.
pub(crate) fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Acked => "acknowledged",
        Outcome::Rejected => "rejected by the engine",
        Outcome::Throttled => "refused for load",
        Outcome::BadResponse => "answered in a way that the profile does not list",
        Outcome::Timeout => "not answered within the timeout",
        Outcome::ResetAfterSend => "sent, and the connection broke before an answer",
        Outcome::Refused => "not sent: the connection was refused",
        Outcome::Unreachable => "not sent: the host could not be reached",
        Outcome::NotSent => "never sent",
        Outcome::Unresolved => "still open when the run ended",
    }
}

//! What must hold after every run, to the unit. Each function names what it found broken.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_load::pacing::Schedule;
use shakedown_record::ledger::{Entry, OrderKind};
use shakedown_record::slots::slot_index;
use shakedown_record::{Outcome, OutcomeCounts};

use super::weather::{Outcome as Weathered, Saw};

const SECOND_NS: u64 = 1_000_000_000;

/// Every law that a run broke, in words; empty when all hold.
pub fn violations(run: &Weathered) -> Vec<String> {
    let mut broken = Vec::new();
    if let Err(error) = &run.finished {
        broken.push(format!("the run did not end soundly: {error}"));
    }
    if run.overtaken > 0 {
        broken.push(format!(
            "{} times more slots had ended than were scheduled",
            run.overtaken
        ));
    }
    broken.extend(sums(run));
    broken.extend(the_schedule(run));
    broken.extend(parts(run));
    broken.extend(entries(run));
    broken.extend(the_servers_view(run));
    broken
}

/// Scheduled, ended, in the ledger: one number.
fn sums(run: &Weathered) -> Vec<String> {
    let Ok(finished) = &run.finished else {
        return Vec::new();
    };
    let mut counted = OutcomeCounts::default();
    for entry in run.entries.values() {
        if let Some(outcome) = entry.outcome {
            counted.add(outcome, 1);
        }
    }
    let mut broken = Vec::new();
    let numbers = [
        ("outcomes", finished.report.outcomes.total()),
        ("lines in the ledger", run.entries.len() as u64),
        ("lines with an outcome", counted.total()),
    ];
    for (name, number) in numbers {
        if number != finished.scheduled {
            let scheduled = finished.scheduled;
            broken.push(format!("{number} {name}, {scheduled} scheduled"));
        }
    }
    if counted != finished.report.outcomes {
        let report = finished.report.outcomes;
        broken.push(format!("ledger {counted:?}, report {report:?}"));
    }
    broken
}

/// Slots, times and sessions are those of the schedule, computed again.
fn the_schedule(run: &Weathered) -> Vec<String> {
    let Ok(finished) = &run.finished else {
        return Vec::new();
    };
    let sessions = u64::from(run.config.plan.sessions);
    let schedule = Schedule::new(run.config.plan.arrival.clone(), run.config.seed);
    let due: Vec<_> = schedule
        .take_while(|slot| slot.at_ns < finished.end_ns)
        .collect();
    let mut broken = Vec::new();
    if due.len() as u64 != finished.scheduled {
        let scheduled = finished.scheduled;
        broken.push(format!(
            "{} slots were due, {scheduled} scheduled",
            due.len()
        ));
    }
    // For each second and each session: scheduled against ended.
    let mut by_second: BTreeMap<u64, i64> = BTreeMap::new();
    let mut by_session: BTreeMap<u64, i64> = BTreeMap::new();
    for slot in &due {
        *by_second.entry(slot.at_ns / SECOND_NS).or_default() += 1;
        *by_session.entry(slot.index % sessions).or_default() += 1;
        match run.entries.get(&slot.index) {
            Some(entry) if entry.intended_ns == slot.at_ns => {}
            found => broken.push(format!("slot {slot:?} is {found:?}")),
        }
    }
    for entry in run.entries.values().filter(|entry| entry.outcome.is_some()) {
        *by_second.entry(entry.intended_ns / SECOND_NS).or_default() -= 1;
        *by_session.entry(u64::from(entry.session)).or_default() -= 1;
    }
    for (what, sums) in [("second", by_second), ("session", by_session)] {
        let unequal = sums.iter().filter(|(_, difference)| **difference != 0);
        broken.extend(unequal.map(|(which, difference)| {
            format!("{what} {which}: {difference} more scheduled than ended")
        }));
    }
    broken
}

/// The 100 ms slots that the run told, against its ledger, outcome by outcome.
fn parts(run: &Weathered) -> Vec<String> {
    let mut from_ledger: BTreeMap<usize, OutcomeCounts> = BTreeMap::new();
    for entry in run.entries.values() {
        if let Some(outcome) = entry.outcome {
            let counts = from_ledger.entry(slot_index(entry.intended_ns));
            counts.or_default().add(outcome, 1);
        }
    }
    let mut broken = Vec::new();
    for (place, (index, stats)) in run.slots.iter().enumerate() {
        if place != *index {
            broken.push(format!("100 ms slot {index} came as number {place}"));
        }
        let expected = from_ledger.remove(index).unwrap_or_default();
        if stats.outcomes != expected {
            let told = stats.outcomes;
            broken.push(format!(
                "100 ms slot {index}: told {told:?}, ledger {expected:?}"
            ));
        }
    }
    broken.extend(
        from_ledger
            .into_iter()
            .map(|(index, counts)| format!("100 ms slot {index} was never told: {counts:?}")),
    );
    broken
}

/// What an entry says of itself, and of the order that it addresses.
fn entries(run: &Weathered) -> Vec<String> {
    let mut broken = Vec::new();
    for (slot, entry) in &run.entries {
        let Some(outcome) = entry.outcome else {
            broken.push(format!("slot {slot} has not ended"));
            continue;
        };
        if entry.sent_ns.is_none() != is_absent(outcome) {
            broken.push(format!(
                "slot {slot}: {outcome:?}, sent at {:?}",
                entry.sent_ns
            ));
        }
        let ended = entry.done_ns.unwrap_or(0);
        if ended < entry.sent_ns.unwrap_or(entry.intended_ns) {
            broken.push(format!("slot {slot} ended before it began"));
        }
        let addressed = entry.target.map(|target| run.entries.get(&target));
        let is_known =
            |order: &Entry| order.outcome == Some(Outcome::Acked) && order.session == entry.session;
        if let Some(order) = addressed
            && !order.is_some_and(is_known)
        {
            broken.push(format!("slot {slot} addresses {order:?}"));
        }
        if let Some(sequence) = entry.sequence
            && sequence != entry.target.unwrap_or(*slot)
        {
            broken.push(format!("slot {slot} has the answer of {sequence}"));
        }
    }
    broken
}

fn is_absent(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Refused | Outcome::Unreachable | Outcome::NotSent => true,
        Outcome::Acked
        | Outcome::Rejected
        | Outcome::Throttled
        | Outcome::BadResponse
        | Outcome::Timeout
        | Outcome::ResetAfterSend
        | Outcome::Unresolved => false,
    }
}

/// A message as both sides know it: the order that it is about, and what it asks.
type Key = (u64, char);

fn key(slot: u64, entry: &Entry) -> Key {
    let kind = match entry.kind {
        OrderKind::New | OrderKind::Oversized | OrderKind::Request => 'n',
        OrderKind::Cancel => 'c',
        OrderKind::Replace => 'r',
    };
    (entry.target.unwrap_or(slot), kind)
}

/// Nothing that the server saw is absent, nothing is definite that it did not say, and nothing came twice.
fn the_servers_view(run: &Weathered) -> Vec<String> {
    let mut ours: BTreeMap<Key, Vec<Outcome>> = BTreeMap::new();
    for (slot, entry) in &run.entries {
        if let Some(outcome) = entry.outcome {
            ours.entry(key(*slot, entry)).or_default().push(outcome);
        }
    }
    let mut theirs: BTreeMap<Key, Vec<&Saw>> = BTreeMap::new();
    for saw in &run.seen {
        theirs.entry((saw.slot, saw.kind)).or_default().push(saw);
    }
    let keys: BTreeSet<Key> = ours.keys().chain(theirs.keys()).copied().collect();
    let none = (Vec::new(), Vec::new());
    keys.into_iter()
        .filter_map(|key| {
            let outcomes = ours.get(&key).unwrap_or(&none.0);
            let seen = theirs.get(&key).unwrap_or(&none.1);
            disagreement(outcomes, seen).map(|what| {
                format!(
                    "order {} ({}): {what}: {outcomes:?}, server {seen:?}",
                    key.0, key.1
                )
            })
        })
        .collect()
}

/// One message may have been tried again after it was definitely not sent, so both sides are counted.
fn disagreement(outcomes: &[Outcome], seen: &[&Saw]) -> Option<&'static str> {
    let ours = |wanted: Outcome| {
        outcomes
            .iter()
            .filter(|outcome| **outcome == wanted)
            .count()
    };
    let said = |wanted: char| seen.iter().filter(|saw| saw.answer == wanted).count();
    let sent = outcomes.iter().filter(|outcome| !is_absent(**outcome));
    if seen.len() > sent.count() {
        return Some("the server saw more than was sent");
    }
    if ours(Outcome::Acked) > said('+') {
        return Some("acknowledged, and the server did not");
    }
    if ours(Outcome::Rejected) > said('-') {
        return Some("rejected, and the server did not");
    }
    if ours(Outcome::Throttled) > said('!') {
        return Some("throttled, and the server did not");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saw(answer: char) -> Saw {
        Saw {
            slot: 1,
            kind: 'n',
            answer,
        }
    }

    #[test]
    fn the_server_and_the_ledger_may_not_contradict_each_other() {
        let done = saw('+');
        assert_eq!(disagreement(&[Outcome::Acked], &[&done]), None);
        assert_eq!(disagreement(&[Outcome::Timeout], &[&done]), None);
        assert_eq!(disagreement(&[Outcome::NotSent], &[]), None);
        for outcome in [Outcome::NotSent, Outcome::Refused, Outcome::Unreachable] {
            assert!(disagreement(&[outcome], &[&done]).is_some());
        }
        assert!(disagreement(&[Outcome::Timeout], &[&done, &done]).is_some());
        assert!(disagreement(&[], &[&done]).is_some());
        for (outcome, answer) in [
            (Outcome::Acked, '-'),
            (Outcome::Rejected, '+'),
            (Outcome::Throttled, '?'),
        ] {
            assert!(disagreement(&[outcome], &[&saw(answer)]).is_some());
        }
    }
}

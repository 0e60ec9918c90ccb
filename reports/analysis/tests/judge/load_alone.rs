//! `shakedown load`: the same truth without a plan.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use shakedown_analysis::{LoadResult, analyse_load};
use shakedown_record::event::GeneratorReport;
use shakedown_record::ledger::{Entry, LedgerWriter};
use shakedown_record::load_digest::LoadDigest;
use shakedown_record::slots::{SlotTally, slot_index};
use shakedown_record::{Outcome, Phase};

use crate::build::*;

const GONE_AT: u64 = 7 * S + 411 * MS;

fn result(entries: &[Entry], end_ns: u64) -> LoadResult {
    measured(entries, end_ns, |kept| kept)
}

/// The result of a load with these entries; `keep`: what becomes of the digest's word on which to keep.
fn measured(entries: &[Entry], end_ns: u64, keep: fn(bool) -> bool) -> LoadResult {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = LedgerWriter::new(folder.path());
    let mut digest = LoadDigest::new(TIMEOUT, end_ns);
    let mut kept = 0;
    let last = entries.iter().map(|entry| entry.intended_ns).max();
    for index in 0..last.map_or(0, |last_ns| slot_index(last_ns) + 1) {
        let mut tally = SlotTally::default();
        let numbered = (0..).zip(entries.iter().copied());
        let inside: Vec<(u64, Entry)> = numbered
            .filter(|(_, entry)| slot_index(entry.intended_ns) == index)
            .collect();
        for (_, entry) in &inside {
            let response_ns = entry.response_ns(TIMEOUT);
            tally.add(entry.settled(), response_ns, u64::from(entry.lag_ns));
        }
        if keep(digest.add(tally, &inside)) {
            for (_, entry) in &inside {
                ledger.put(kept, entry).unwrap();
                kept += 1;
            }
        }
    }
    digest.end();
    drop(ledger);
    LedgerWriter::finish(folder.path(), kept).unwrap();
    let report = GeneratorReport {
        scheduled: entries.len() as u64,
        ..GeneratorReport::default()
    };
    analyse_load(&digest, folder.path(), TIMEOUT, end_ns, &report).unwrap()
}

#[test]
fn what_is_not_kept_changes_nothing() {
    for seed in 0..40 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut entries: Vec<Entry> = (0..20 * RATE)
            .map(|slot| entry(slot, RATE, u64::MAX, u64::MAX, Away::Dead))
            .collect();
        for _ in 0..random.random_range(0..6) {
            let from = random.random_range(0..entries.len());
            let length = random.random_range(1..3_000).min(entries.len() - from);
            let only = random.random_bool(0.5).then(|| random.random_range(0..64));
            let late_ns = random.random_range(20 * MS..200 * MS);
            let dead = random.random_bool(0.5);
            for entry in &mut entries[from..from + length] {
                if only.is_some_and(|session| entry.session % 64 != session) {
                    continue;
                }
                if dead {
                    entry.outcome = Some(Outcome::ResetAfterSend);
                } else {
                    entry.done_ns = Some(entry.intended_ns + late_ns);
                }
            }
        }
        let (sparse, full) = (
            measured(&entries, 20 * S, |kept| kept),
            measured(&entries, 20 * S, |_| true),
        );
        assert_eq!(sparse.failover, full.failover, "seed {seed}");
        assert_eq!(sparse.timeline, full.timeline, "seed {seed}");
    }
}

fn gone(length: u64, away: Away) -> LoadResult {
    let to = GONE_AT.saturating_add(length);
    let entries: Vec<Entry> = (0..20 * RATE)
        .map(|slot| entry(slot, RATE, GONE_AT, to, away))
        .collect();
    result(&entries, 20 * S)
}

#[test]
fn half_a_second_and_two_are_told_within_twenty_milliseconds() {
    for (seconds, away) in [
        (0.5, Away::Dead),
        (2.0, Away::Dead),
        (0.5, Away::Frozen),
        (2.0, Away::Frozen),
    ] {
        let load = gone((seconds * 1e9) as u64, away);
        let [entry] = load.failover.as_slice() else {
            panic!("{:?}", load.failover)
        };
        assert_eq!(entry.fault, None);
        near(Some(entry.started_at_s), GONE_AT as f64 / 1e9, 5.0);
        near(entry.first_ack_s, seconds, 20.0);
        near(entry.worst_session_gap_s, seconds, 20.0);
        near(entry.recovered_s, seconds, 100.0);
        assert_eq!(entry.censored_at_s, None);
    }
}

#[test]
fn for_ever_is_null_and_censored() {
    for away in [Away::Dead, Away::Frozen] {
        let load = gone(u64::MAX, away);
        let [entry] = load.failover.as_slice() else {
            panic!("{:?}", load.failover)
        };
        assert_eq!(
            (
                entry.first_ack_s,
                entry.recovered_s,
                entry.worst_session_gap_s
            ),
            (None, None, None)
        );
        near(entry.censored_at_s, 20.0 - GONE_AT as f64 / 1e9, 5.0);
    }
}

#[test]
fn a_good_load_has_no_outage_and_a_dead_server_nothing_else() {
    let good = gone(0, Away::Dead);
    assert!(good.failover.is_empty());
    assert_eq!(good.latency[&Phase::Run].count, 20 * RATE);
    near(good.throughput[&Phase::Run].offered_per_s, RATE as f64, 0.0);
    let entries: Vec<Entry> = (0..RATE)
        .map(|slot| entry(slot, RATE, 0, u64::MAX, Away::Dead))
        .collect();
    let dead = result(&entries, S);
    assert_eq!(dead.failover.len(), 1);
    assert_eq!(dead.failover[0].recovered_s, None);
    assert_eq!(dead.latency_acked[&Phase::Run].p99_ns, None);
    assert_eq!(
        dead.latency[&Phase::Run].p50_ns.unwrap() / MS,
        1_000,
        "refused orders count as the timeout"
    );
}

#[test]
fn slots_out_of_order_give_the_same_figures() {
    let mut entries: Vec<Entry> = (0..20 * RATE)
        .map(|slot| entry(slot, RATE, GONE_AT, GONE_AT + S, Away::Dead))
        .collect();
    let ordered = result(&entries, 20 * S);
    entries.sort_by_key(|entry| entry.session);
    let sessions_apart = result(&entries, 20 * S);
    assert_eq!(ordered.latency, sessions_apart.latency);
    assert_eq!(ordered.failover, sessions_apart.failover);
    assert_eq!(ordered.timeline, sessions_apart.timeline);
}

#[test]
fn an_empty_ledger_has_no_figures() {
    let load = result(&[], 0);
    assert_eq!(load.latency[&Phase::Run].p50_ns, None);
    assert_eq!(load.throughput[&Phase::Run].offered_per_s, None);
    assert!(load.failover.is_empty());
    assert_eq!(load.generator.outcomes.get(Outcome::Acked), 0);
}

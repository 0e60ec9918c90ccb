//! `shakedown load`: the same truth without a plan.

use shakedown_analysis::analyse_load;
use shakedown_record::event::GeneratorReport;
use shakedown_record::ledger::{Entry, LedgerWriter};
use shakedown_record::{Outcome, Phase};

use crate::build::*;

const GONE_AT: u64 = 7 * S + 411 * MS;

fn result(entries: &[Entry], end_ns: u64) -> shakedown_analysis::LoadResult {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = LedgerWriter::new(folder.path());
    for (slot, entry) in entries.iter().enumerate() {
        ledger.put(slot as u64, entry).unwrap();
    }
    drop(ledger);
    LedgerWriter::finish(folder.path(), entries.len() as u64).unwrap();
    let report = GeneratorReport {
        scheduled: entries.len() as u64,
        ..GeneratorReport::default()
    };
    analyse_load(folder.path(), TIMEOUT, end_ns, &report).unwrap()
}

fn gone(length: u64, away: Away) -> shakedown_analysis::LoadResult {
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

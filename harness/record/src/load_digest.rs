//! A load on one URL as it goes by: figures of every request, and whole entries only where something was wrong.
//!
//! A ledger keeps 64 bytes of every slot because each order is looked for afterwards. Of a plain request only its figures
//! are wanted, and those are taken while the load runs: no file grows with its length. What an outage is timed from,
//! entry by entry, is kept: a disturbed 100 ms slot, all that follow until every session that had a bad request has had
//! a good one again, and until something was acknowledged.

use std::collections::{HashSet, VecDeque};

use crate::histogram::LatencyHistogram;
use crate::ledger::Entry;
use crate::outcome::{Outcome, OutcomeCounts};
use crate::slots::{IntervalStats, SLOT_NS, SlotTally};

/// Below this an answer is good whatever the load's health limit turns out to be, in nanoseconds.
pub const GOOD_NS: u64 = 50_000_000;

/// 100 ms slots of a second.
const SLOTS_PER_SECOND: usize = 10;

/// Longest wait of the interval log, in intervals: memory does not grow with the load's length.
const LOG_INTERVALS: u64 = 300;

const SECOND_NS: u64 = 1_000_000_000;

/// The figures of a load, taken 100 ms slot by slot.
#[derive(Debug, Clone)]
pub struct LoadDigest {
    timeout_ns: u64,
    pub outcomes: OutcomeCounts,
    /// From the actual send, served requests only.
    pub service: LatencyHistogram,
    /// Response times by interval of [`log_ns`](Self::log_ns), failures censored at the timeout.
    pub log: Vec<LatencyHistogram>,
    /// Length of an interval of the log in nanoseconds, whole seconds.
    pub log_ns: u64,
    /// 100 ms slots from zero.
    pub slots: Vec<IntervalStats>,
    /// Seconds from zero; the last one may be short.
    pub seconds: Vec<IntervalStats>,
    not_acked: LatencyHistogram,
    second: VecDeque<SlotTally>,
    bad_sessions: HashSet<u16>,
    waits_for_an_ack: bool,
}

impl LoadDigest {
    /// An empty digest. `duration_ns`: how long the load is meant to last; it decides how fine the log is.
    pub fn new(timeout_ns: u64, duration_ns: u64) -> LoadDigest {
        let seconds = duration_ns
            .div_ceil(SECOND_NS)
            .div_ceil(LOG_INTERVALS)
            .max(1);
        LoadDigest {
            timeout_ns,
            outcomes: OutcomeCounts::default(),
            service: LatencyHistogram::default(),
            log: Vec::new(),
            log_ns: seconds * SECOND_NS,
            slots: Vec::new(),
            seconds: Vec::new(),
            not_acked: LatencyHistogram::default(),
            second: VecDeque::with_capacity(SLOTS_PER_SECOND),
            bad_sessions: HashSet::new(),
            waits_for_an_ack: false,
        }
    }

    /// The next 100 ms slot: its tally and its entries by slot. True when the entries have to be kept.
    pub fn add(&mut self, tally: SlotTally, entries: &[(u64, Entry)]) -> bool {
        let interval = (self.slots.len() as u64 * SLOT_NS as u64 / self.log_ns) as usize;
        while self.log.len() <= interval {
            self.log.push(LatencyHistogram::default());
        }
        for (_, entry) in entries {
            let response_ns = entry.response_ns(self.timeout_ns);
            self.log[interval].record(response_ns);
            if let Some(service_ns) = entry.service_ns() {
                self.service.record(service_ns);
            }
            if entry.settled() != Outcome::Acked {
                self.not_acked.record(response_ns);
            }
        }
        self.outcomes.merge(&tally.outcomes);
        self.slots.push(tally.interval());
        let keeps = self.keeps(&tally, entries);
        self.second.push_back(tally);
        if self.second.len() == SLOTS_PER_SECOND {
            self.end_second();
        }
        keeps
    }

    /// Ends the last second, whole or not.
    pub fn end(&mut self) {
        if !self.second.is_empty() {
            self.end_second();
        }
    }

    /// From the intended time, failures censored at the timeout.
    pub fn response(&self) -> LatencyHistogram {
        let mut response = LatencyHistogram::default();
        self.log
            .iter()
            .for_each(|interval| response.merge(interval));
        response
    }

    /// The same, acknowledged requests only.
    pub fn acked(&self) -> LatencyHistogram {
        let mut acked = self.response();
        acked.take_away(&self.not_acked);
        acked
    }

    fn end_second(&mut self) {
        let mut whole = SlotTally::default();
        self.second.drain(..).for_each(|slot| whole.merge(&slot));
        self.seconds.push(whole.interval());
    }

    fn keeps(&mut self, tally: &SlotTally, entries: &[(u64, Entry)]) -> bool {
        let disturbed = entries.iter().any(|(_, entry)| self.may_be_bad(entry));
        let keeps = disturbed || self.waits_for_an_ack || !self.bad_sessions.is_empty();
        if !keeps {
            return false;
        }
        self.waits_for_an_ack = disturbed || (self.waits_for_an_ack && tally.outcomes.acked == 0);
        for (_, entry) in entries {
            if self.may_be_bad(entry) {
                self.bad_sessions.insert(entry.session);
            } else {
                self.bad_sessions.remove(&entry.session);
            }
        }
        true
    }

    /// Not served, or later than what is good in any case; the generator's own lateness does not count.
    fn may_be_bad(&self, entry: &Entry) -> bool {
        let response_ns = entry.response_ns(self.timeout_ns);
        !entry.settled().is_served()
            || response_ns.saturating_sub(u64::from(entry.lag_ns)) > GOOD_NS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{OrderKind, Side};

    const MS: u64 = 1_000_000;

    fn entry(at_ms: u64, session: u16, outcome: Outcome, took_ms: u64) -> Entry {
        Entry {
            intended_ns: at_ms * MS,
            sent_ns: Some(at_ms * MS),
            done_ns: Some((at_ms + took_ms) * MS),
            lag_ns: 0,
            kind: OrderKind::Request,
            side: Side::Buy,
            symbol: 0,
            account: 0,
            session,
            price_ticks: 0,
            quantity_lots: 0,
            target: None,
            sequence: None,
            served_by: 0,
            outcome: Some(outcome),
        }
    }

    fn add(digest: &mut LoadDigest, entries: &[Entry]) -> bool {
        let mut tally = SlotTally::default();
        for entry in entries {
            tally.add(entry.settled(), entry.response_ns(1_000 * MS), 0);
        }
        let numbered: Vec<(u64, Entry)> = (0..).zip(entries.iter().copied()).collect();
        digest.add(tally, &numbered)
    }

    #[test]
    fn entries_are_kept_from_a_bad_request_until_its_session_is_served_again() {
        let mut digest = LoadDigest::new(1_000 * MS, 10_000 * MS);
        let good = |at_ms, session| entry(at_ms, session, Outcome::Acked, 1);
        assert!(!add(&mut digest, &[good(0, 0), good(1, 1)]));
        assert!(add(
            &mut digest,
            &[entry(100, 0, Outcome::Timeout, 1_000), good(101, 1)]
        ));
        assert!(
            add(&mut digest, &[good(201, 1)]),
            "session 0 had no good answer yet"
        );
        assert!(add(&mut digest, &[]));
        assert!(add(&mut digest, &[good(401, 0)]));
        assert!(!add(&mut digest, &[good(501, 0), good(502, 1)]));
        assert!(add(&mut digest, &[entry(600, 1, Outcome::Acked, 51)]));
    }

    #[test]
    fn what_is_late_by_the_generator_alone_is_not_kept() {
        let mut digest = LoadDigest::new(1_000 * MS, 10_000 * MS);
        let late = Entry {
            lag_ns: 60_000_000,
            ..entry(0, 0, Outcome::Acked, 70)
        };
        assert!(!add(&mut digest, &[late]));
    }

    #[test]
    fn figures_are_of_every_request() {
        let mut digest = LoadDigest::new(1_000 * MS, 10_000 * MS);
        for slot in 0..25 {
            add(
                &mut digest,
                &[
                    entry(slot * 100, 0, Outcome::Acked, 2),
                    entry(slot * 100 + 50, 1, Outcome::Refused, 1),
                ],
            );
        }
        digest.end();
        assert_eq!((digest.outcomes.acked, digest.outcomes.refused), (25, 25));
        assert_eq!(digest.response().count(), 50);
        assert_eq!(
            digest.response().quantile_ns(0.9).map(|ns| ns / MS),
            Some(1_000)
        );
        let acked = digest.acked().summary();
        assert_eq!((acked.count, acked.max_ns.map(|ns| ns / MS)), (25, Some(2)));
        assert_eq!(digest.service.count(), 25);
        assert_eq!((digest.slots.len(), digest.seconds.len()), (25, 3));
        assert_eq!(digest.seconds[2].stats.outcomes.total(), 10);
    }
}

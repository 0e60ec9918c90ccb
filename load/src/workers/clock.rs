//! How far two clocks are apart, and how well that is known.
//!
//! Four stamps of an exchange (as in NTP, RFC 5905 section 8) give the offset of the other clock to within half of the
//! round trip, whatever the ways there and back cost. Of many exchanges the one with the shortest round trip is the
//! best. Clocks drift, so this goes on for the whole run: a time of a worker is turned into the coordinator's by the
//! offset at the start, and what the offset may have become since is part of the error.

/// Exchanges of so long a time are looked at together, in nanoseconds: the best of them counts.
const EPOCH_NS: u64 = 5_000_000_000;

/// An exchange of stamps. `sent_ns` and `back_ns` are the coordinator's clock, the others the worker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    pub sent_ns: u64,
    pub heard_ns: u64,
    pub said_ns: u64,
    pub back_ns: u64,
}

/// The worker's clock minus the coordinator's, known to within an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    pub offset_ns: i64,
    pub error_ns: u64,
}

impl Exchange {
    /// What it says; `None` when its stamps run backwards.
    pub fn offset(&self) -> Option<Offset> {
        let away_ns = self.back_ns.checked_sub(self.sent_ns)?;
        let held_ns = self.said_ns.checked_sub(self.heard_ns)?;
        let round_trip_ns = away_ns.checked_sub(held_ns)?;
        let there = i128::from(self.heard_ns) - i128::from(self.sent_ns);
        let back = i128::from(self.said_ns) - i128::from(self.back_ns);
        Some(Offset {
            offset_ns: i64::try_from((there + back) / 2).ok()?,
            // Halves are rounded, once here and once above.
            error_ns: round_trip_ns / 2 + 1,
        })
    }
}

/// Follows one clock from the first exchange to the last.
#[derive(Debug, Clone, Default)]
pub struct ClockWatch {
    exchanges: u64,
    /// The best before the load began.
    opening: Option<Offset>,
    /// The offset that zero was turned by.
    fixed: Option<Offset>,
    epoch_ends_ns: u64,
    epoch: Option<Offset>,
    /// Of the epochs that are over.
    worst_ns: u64,
}

impl ClockWatch {
    /// Takes in an exchange.
    pub fn add(&mut self, exchange: &Exchange) {
        let Some(offset) = exchange.offset() else {
            return;
        };
        self.exchanges += 1;
        match self.fixed {
            None => self.opening = better(self.opening, offset),
            Some(_) => {
                if exchange.back_ns >= self.epoch_ends_ns {
                    self.close_epoch();
                    self.epoch_ends_ns = exchange.back_ns + EPOCH_NS;
                }
                self.epoch = better(self.epoch, offset);
            }
        }
    }

    /// Exchanges so far.
    pub fn exchanges(&self) -> u64 {
        self.exchanges
    }

    /// The best offset so far is the one by which times are turned from now on; `None`: there was no exchange.
    pub fn fix(&mut self) -> Option<Offset> {
        self.fixed = self.opening;
        self.fixed
    }

    /// The offset by which times are turned, and how far off it was at most.
    pub fn bound(&self) -> Option<Offset> {
        let fixed = self.fixed?;
        let now_ns = self.epoch.map_or(0, |epoch| distance_ns(fixed, epoch));
        Some(Offset {
            error_ns: fixed.error_ns.max(self.worst_ns).max(now_ns),
            ..fixed
        })
    }

    fn close_epoch(&mut self) {
        if let (Some(fixed), Some(epoch)) = (self.fixed, self.epoch.take()) {
            self.worst_ns = self.worst_ns.max(distance_ns(fixed, epoch));
        }
    }
}

fn better(known: Option<Offset>, other: Offset) -> Option<Offset> {
    match known {
        Some(known) if known.error_ns < other.error_ns => Some(known),
        Some(_) | None => Some(other),
    }
}

/// By how much times that are turned by the first may be wrong when the second holds.
fn distance_ns(fixed: Offset, now: Offset) -> u64 {
    fixed
        .offset_ns
        .abs_diff(now.offset_ns)
        .saturating_add(now.error_ns)
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, proptest};

    use super::*;

    const S: u64 = 1_000_000_000;

    /// An exchange with a clock that is ahead, over ways of these lengths.
    fn exchange(at_ns: u64, ahead_ns: i64, there_ns: u64, back_ns: u64) -> Exchange {
        let theirs = |ns: u64| (ns as i64 + ahead_ns) as u64;
        Exchange {
            sent_ns: at_ns,
            heard_ns: theirs(at_ns + there_ns),
            said_ns: theirs(at_ns + there_ns + 5_000),
            back_ns: at_ns + there_ns + 5_000 + back_ns,
        }
    }

    proptest! {
        /// However unlike the two ways are, the true offset is within the error of the one that is told.
        #[test]
        fn the_truth_is_within_the_error(
            ahead_ns in -1_000_000_000_000i64..1_000_000_000_000,
            ways in proptest::collection::vec((0..50_000_000u64, 0..50_000_000u64), 1..40),
        ) {
            let mut watch = ClockWatch::default();
            for (number, (there_ns, back_ns)) in ways.iter().enumerate() {
                let at_ns = 10_000 * S + number as u64 * S;
                watch.add(&exchange(at_ns, ahead_ns, *there_ns, *back_ns));
            }
            let offset = watch.fix().unwrap();
            prop_assert!(offset.offset_ns.abs_diff(ahead_ns) <= offset.error_ns);
        }
    }

    #[test]
    fn the_shortest_round_trip_wins() {
        let mut watch = ClockWatch::default();
        watch.add(&exchange(S, 7_000, 40_000, 900_000));
        watch.add(&exchange(2 * S, 7_000, 30_000, 30_000));
        watch.add(&exchange(3 * S, 7_000, 800_000, 20_000));
        let offset = watch.fix().unwrap();
        assert_eq!((offset.offset_ns, offset.error_ns), (7_000, 30_001));
    }

    #[test]
    fn a_clock_that_drifts_after_the_start_widens_the_bound() {
        let mut watch = ClockWatch::default();
        watch.add(&exchange(S, 7_000, 30_000, 30_000));
        watch.fix();
        for second in 2..600 {
            // 20 parts in a million.
            let ahead_ns = 7_000 + 20_000 * (second as i64 - 1);
            watch.add(&exchange(second * S, ahead_ns, 30_000, 30_000));
        }
        let bound = watch.bound().unwrap();
        assert_eq!(bound.offset_ns, 7_000);
        // As of some moment of the last 5 s.
        let drifted_ns = 598 * 20_000;
        assert!(
            (drifted_ns - 100_000..drifted_ns + 60_000).contains(&bound.error_ns),
            "{bound:?}"
        );
    }

    #[test]
    fn one_slow_exchange_among_others_says_nothing() {
        let mut watch = ClockWatch::default();
        watch.add(&exchange(S, 0, 30_000, 30_000));
        watch.fix();
        for second in 2..100 {
            let way_ns = if second % 3 == 0 { 30_000 } else { 80_000_000 };
            watch.add(&exchange(second * S, 0, way_ns, 30_000));
        }
        assert!(watch.bound().unwrap().error_ns < 100_000);
    }

    #[test]
    fn stamps_that_run_backwards_are_no_exchange() {
        let mut watch = ClockWatch::default();
        watch.add(&Exchange {
            sent_ns: 10,
            heard_ns: 20,
            said_ns: 19,
            back_ns: 30,
        });
        assert_eq!(
            (watch.exchanges(), watch.fix(), watch.bound()),
            (0, None, None)
        );
    }
}

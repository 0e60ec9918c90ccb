//! Healthy 100 ms slots: the one definition of "steady" and "recovered".
//!
//! The run engine decides with it when a fault may fire, the analysis decides with it when service was back; they
//! cannot disagree because they call the same code. A slot holds the orders *intended* in it, whenever they ended.

use serde::{Deserialize, Serialize};

use crate::outcome::{Outcome, OutcomeCounts};

/// Length of a slot in nanoseconds.
pub const SLOT_NS: i64 = 100_000_000;

/// How many healthy slots in a row make a healthy window: 5 s.
pub const WINDOW_SLOTS: usize = 50;

/// Largest share of errors in a healthy slot or window.
pub const MAX_ERROR_FRACTION: f64 = 0.001;

/// A slot in which the generator itself released an order this late says nothing about the engine.
pub const VOID_LAG_NS: u64 = 20_000_000;

/// At most this many of the slots of a window may be unknown.
pub const MAX_UNKNOWN_SLOTS: usize = 5;

/// Slot index of an intended time.
pub fn slot_index(intended_ns: u64) -> usize {
    (intended_ns / SLOT_NS as u64) as usize
}

/// The orders of one slot while they are being collected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotTally {
    pub outcomes: OutcomeCounts,
    /// Response times in nanoseconds, failures censored at the timeout.
    pub response_ns: Vec<u64>,
    /// Largest release lag of the generator, in nanoseconds.
    pub lag_max_ns: u64,
}

impl SlotTally {
    /// Counts one order that ended.
    pub fn add(&mut self, outcome: Outcome, response_ns: u64, lag_ns: u64) {
        self.outcomes.add(outcome, 1);
        self.response_ns.push(response_ns);
        self.lag_max_ns = self.lag_max_ns.max(lag_ns);
    }

    /// Adds the orders of the same slot that another thread collected.
    pub fn merge(&mut self, other: &SlotTally) {
        self.outcomes.merge(&other.outcomes);
        self.response_ns.extend_from_slice(&other.response_ns);
        self.lag_max_ns = self.lag_max_ns.max(other.lag_max_ns);
    }

    /// The figures of the finished slot.
    pub fn stats(&self) -> SlotStats {
        self.interval().stats
    }

    /// The figures of the finished slot, or of as long an interval as it was filled for.
    pub fn interval(&self) -> IntervalStats {
        let mut samples = self.response_ns.clone();
        let p999_ns = take_rank(&mut samples, 0.999);
        let p99_ns = take_rank(&mut samples, 0.99);
        let p50_ns = take_rank(&mut samples, 0.50);
        IntervalStats {
            stats: SlotStats {
                outcomes: self.outcomes,
                p50_ns,
                p99_ns,
                lag_max_ns: self.lag_max_ns,
            },
            p999_ns,
        }
    }
}

/// The value at a quantile of samples in any order by nearest rank, in linear time.
fn take_rank(samples: &mut [u64], quantile: f64) -> Option<u64> {
    let rank = (quantile * samples.len() as f64).ceil().max(1.0) as usize;
    let at = rank.min(samples.len()).checked_sub(1)?;
    let (_, value, _) = samples.select_nth_unstable(at);
    Some(*value)
}

/// The value at a quantile of sorted samples by nearest rank; `None` without samples.
pub fn nearest_rank(sorted: &[u64], quantile: f64) -> Option<u64> {
    let rank = (quantile * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank.min(sorted.len()).checked_sub(1)?).copied()
}

/// The figures of one finished slot. Quantiles are of response time, failures censored at the timeout.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SlotStats {
    pub outcomes: OutcomeCounts,
    pub p50_ns: Option<u64>,
    pub p99_ns: Option<u64>,
    pub lag_max_ns: u64,
}

/// The figures of one finished interval of any length.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct IntervalStats {
    pub stats: SlotStats,
    pub p999_ns: Option<u64>,
}

/// Whether a slot served its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotHealth {
    Healthy,
    Unhealthy,
    /// No traffic, or the generator was late itself: neither good nor bad.
    Unknown,
}

impl SlotStats {
    /// Judges the slot: errors under [`MAX_ERROR_FRACTION`] and P99 at most `p99_limit_ns`.
    pub fn health(&self, p99_limit_ns: u64) -> SlotHealth {
        let total = self.outcomes.total();
        let Some(p99_ns) = self.p99_ns else {
            return SlotHealth::Unknown;
        };
        let errors = self.outcomes.errors() as f64 / total as f64;
        if errors > MAX_ERROR_FRACTION {
            return SlotHealth::Unhealthy;
        }
        if p99_ns <= p99_limit_ns {
            return SlotHealth::Healthy;
        }
        if self.lag_max_ns > VOID_LAG_NS {
            SlotHealth::Unknown
        } else {
            SlotHealth::Unhealthy
        }
    }
}

/// Floor of the health limit: below it a slow slot is noise of the machine, not an outage.
pub const P99_LIMIT_FLOOR_NS: u64 = 20_000_000;

/// The P99 above which a slot counts as not recovered, in nanoseconds.
///
/// Twice the slot P99 that 95 % of the slots of the proven steady state stay below, the scenario's own latency limit,
/// or [`P99_LIMIT_FLOOR_NS`], whichever is largest. One hiccup of the machine does not widen it.
pub fn p99_limit_ns(steady: &[SlotStats], sla_ns: Option<u64>) -> u64 {
    let mut p99s: Vec<u64> = steady.iter().filter_map(|slot| slot.p99_ns).collect();
    p99s.sort_unstable();
    let usual_ns = nearest_rank(&p99s, 0.95).unwrap_or(0);
    P99_LIMIT_FLOOR_NS
        .max(2 * usual_ns)
        .max(sla_ns.unwrap_or(0))
}

/// Indices of the slots that count as proven steady state between two run times, for [`p99_limit_ns`].
///
/// They lie wholly inside, and the last whole one is left out: its orders may still have been under way when the
/// fault struck.
pub fn steady_slots(from_ns: u64, first_injection_ns: u64) -> std::ops::Range<usize> {
    let from = from_ns.div_ceil(SLOT_NS as u64) as usize;
    let to = slot_index(first_injection_ns).saturating_sub(1);
    from..to.max(from)
}

/// Index of the first slot at or after `from` that starts a healthy window of [`WINDOW_SLOTS`].
///
/// The window starts with a healthy slot and has no unhealthy one. `None`: no such window in `slots`.
pub fn first_healthy_window(slots: &[SlotStats], from: usize, p99_limit_ns: u64) -> Option<usize> {
    let health: Vec<SlotHealth> = slots.iter().map(|slot| slot.health(p99_limit_ns)).collect();
    (from..(slots.len() + 1).saturating_sub(WINDOW_SLOTS)).find(|&start| {
        let window = &health[start..start + WINDOW_SLOTS];
        let unknown = window
            .iter()
            .filter(|slot| **slot == SlotHealth::Unknown)
            .count();
        window[0] == SlotHealth::Healthy
            && !window.contains(&SlotHealth::Unhealthy)
            && unknown <= MAX_UNKNOWN_SLOTS
    })
}

/// Why the last [`WINDOW_SLOTS`] slots are not a steady state.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotSteady {
    #[error("only {slots} of {WINDOW_SLOTS} slots of 100 ms have ended")]
    TooEarly { slots: usize },
    #[error("{empty} of the last {WINDOW_SLOTS} slots had no orders")]
    NoTraffic { empty: usize },
    #[error("nothing was acknowledged in the last 5 s")]
    NothingAcknowledged,
    #[error("{percent:.2} % errors in the last 5 s (limit 0.1 %)")]
    Errors { percent: f64 },
    #[error("acknowledged rate moved by {percent:.1} % within the last 5 s (limit 5 %)")]
    RateDrifts { percent: f64 },
    #[error("response time still moves: {change_ms:+.2} ms over the last 5 s")]
    LatencyTrend { change_ms: f64 },
}

/// Is the end of `slots` a steady state? Errors under 0.1 %, acknowledged within 5 % of offered, no trend over 5 s.
///
/// The trend is Theil and Sen's slope over the slot medians; a rise or fall counts when it is more than half of the
/// median and more than 1 ms over the window.
pub fn steady(slots: &[SlotStats]) -> Result<(), NotSteady> {
    let Some(start) = slots.len().checked_sub(WINDOW_SLOTS) else {
        return Err(NotSteady::TooEarly { slots: slots.len() });
    };
    let window = &slots[start..];
    let medians: Vec<f64> = window
        .iter()
        .filter_map(|slot| slot.p50_ns)
        .map(|ns| ns as f64)
        .collect();
    let empty = WINDOW_SLOTS - medians.len();
    if empty > MAX_UNKNOWN_SLOTS {
        return Err(NotSteady::NoTraffic { empty });
    }
    let mut outcomes = OutcomeCounts::default();
    window
        .iter()
        .for_each(|slot| outcomes.merge(&slot.outcomes));
    if outcomes.acked == 0 {
        return Err(NotSteady::NothingAcknowledged);
    }
    let errors = outcomes.errors() as f64 / outcomes.total() as f64;
    if errors > MAX_ERROR_FRACTION {
        return Err(NotSteady::Errors {
            percent: errors * 100.0,
        });
    }
    let served = |part: &[SlotStats]| {
        let of = |pick: fn(&OutcomeCounts) -> u64| {
            part.iter().map(|slot| pick(&slot.outcomes)).sum::<u64>() as f64
        };
        of(|counts| counts.acked + counts.rejected) / of(OutcomeCounts::total).max(1.0)
    };
    let drift = (served(&window[WINDOW_SLOTS / 2..]) - served(&window[..WINDOW_SLOTS / 2])).abs();
    if drift > 0.05 {
        return Err(NotSteady::RateDrifts {
            percent: drift * 100.0,
        });
    }
    let change_ns = theil_sen_slope(&medians) * medians.len() as f64;
    if change_ns.abs() > 1e6 && change_ns.abs() > 0.5 * median(medians.clone()) {
        return Err(NotSteady::LatencyTrend {
            change_ms: change_ns / 1e6,
        });
    }
    Ok(())
}

fn theil_sen_slope(values: &[f64]) -> f64 {
    let slopes = (0..values.len())
        .flat_map(|a| (a + 1..values.len()).map(move |b| (a, b)))
        .map(|(a, b)| (values[b] - values[a]) / (b - a) as f64)
        .collect();
    median(slopes)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(outcome: Outcome, response_ns: u64) -> SlotStats {
        let mut tally = SlotTally::default();
        (0..100).for_each(|_| tally.add(outcome, response_ns, 0));
        tally.stats()
    }

    #[test]
    fn a_flat_minute_is_steady_and_a_rising_one_is_not() {
        let flat = vec![slot(Outcome::Acked, 2_000_000); 50];
        assert_eq!(steady(&flat), Ok(()));
        let rising: Vec<_> = (0..50)
            .map(|i| slot(Outcome::Acked, 2_000_000 + i * 500_000))
            .collect();
        assert!(matches!(
            steady(&rising),
            Err(NotSteady::LatencyTrend { .. })
        ));
    }

    #[test]
    fn silence_errors_and_haste_are_not_steady() {
        assert!(matches!(steady(&[]), Err(NotSteady::TooEarly { .. })));
        assert!(matches!(
            steady(&vec![SlotStats::default(); 50]),
            Err(NotSteady::NoTraffic { .. })
        ));
        assert!(matches!(
            steady(&vec![slot(Outcome::Rejected, 1); 50]),
            Err(NotSteady::NothingAcknowledged)
        ));
        let mut broken = vec![slot(Outcome::Acked, 1); 50];
        broken[20] = slot(Outcome::Timeout, 1_000_000_000);
        assert!(matches!(steady(&broken), Err(NotSteady::Errors { .. })));
    }

    #[test]
    fn recovery_starts_with_the_first_slot_of_a_whole_healthy_window() {
        let mut slots = vec![slot(Outcome::Acked, 1_000_000); 120];
        slots[..20].fill(slot(Outcome::Refused, 1_000_000_000));
        slots[30] = slot(Outcome::Acked, 900_000_000);
        assert_eq!(first_healthy_window(&slots, 0, 5_000_000), Some(31));
        assert_eq!(first_healthy_window(&slots[..60], 0, 5_000_000), None);
    }

    #[test]
    fn slots_that_a_fault_may_have_touched_are_no_steady_state() {
        assert_eq!(steady_slots(150_000_000, 1_050_000_000), 2..9);
        assert_eq!(steady_slots(150_000_000, 250_000_000), 2..2);
    }

    #[test]
    fn a_late_generator_makes_a_slot_unknown_but_never_hides_errors() {
        let mut late = slot(Outcome::Acked, 50_000_000);
        late.lag_max_ns = VOID_LAG_NS + 1;
        assert_eq!(late.health(5_000_000), SlotHealth::Unknown);
        let mut failed = slot(Outcome::Timeout, 50_000_000);
        failed.lag_max_ns = VOID_LAG_NS + 1;
        assert_eq!(failed.health(5_000_000), SlotHealth::Unhealthy);
    }
}

//! Closed-form and seeded schedules.

use shakedown_scenarios::plan::{Arrival, Replay};

use super::hawkes::HawkesWalk;
use super::walk::CurveWalk;
use crate::flow::random::Random;
use crate::portable::natural_log;

/// One scheduled slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Number of the slot, from 0.
    pub index: u64,
    /// Intended time in nanoseconds since zero.
    pub at_ns: u64,
}

/// The endless stream of slots of an arrival process; the first is due at zero.
///
/// The same arrival and seed give the same stream on every machine: integers throughout, and where a logarithm is
/// needed one that uses only operations which IEEE 754 defines to the bit. Taking a slot allocates nothing.
#[derive(Debug, Clone)]
pub struct Schedule {
    gaps: Gaps,
    next: Slot,
}

#[derive(Debug, Clone)]
enum Gaps {
    /// `10^18 / nano_per_s` as quotient and remainder; the remainders are carried, so that nothing drifts.
    Constant {
        nano_per_s: u128,
        quotient_ns: u64,
        remainder: u128,
        carried: u128,
    },
    Poisson {
        seed: u64,
        mean_ns: f64,
    },
    /// A rate that changes by a plan.
    Curve(CurveWalk),
    /// Slots that bring about slots.
    Hawkes(Box<HawkesWalk>),
    /// As recorded.
    Replay(Replay),
}

/// Slots per second times 10^9, which is whole for every rate that people write.
fn nano_per_s(rate_per_s: f64) -> u128 {
    ((rate_per_s * 1e9).round() as u128).max(1)
}

const NS_PER_S_TIMES_NANO: u128 = 1_000_000_000_000_000_000;

impl Schedule {
    /// When a slot is due that never is: later than any run, and far enough from overflow to be added to.
    pub const NEVER_NS: u64 = u64::MAX / 2;

    /// A schedule; rates must be positive and finite.
    pub fn new(arrival: Arrival, seed: u64) -> Schedule {
        let curve = arrival.curve();
        let gaps = match arrival {
            Arrival::Constant { rate_per_s } => {
                let nano_per_s = nano_per_s(rate_per_s);
                Gaps::Constant {
                    nano_per_s,
                    quotient_ns: (NS_PER_S_TIMES_NANO / nano_per_s) as u64,
                    remainder: NS_PER_S_TIMES_NANO % nano_per_s,
                    carried: nano_per_s / 2,
                }
            }
            Arrival::Poisson { rate_per_s } => Gaps::Poisson {
                seed,
                mean_ns: 1e9 / rate_per_s,
            },
            Arrival::Hawkes(hawkes) => Gaps::Hawkes(Box::new(HawkesWalk::new(&hawkes, seed))),
            Arrival::Replay(replay) => Gaps::Replay(replay),
            Arrival::Ramp { .. }
            | Arrival::Steps { .. }
            | Arrival::Spike(_)
            | Arrival::Bursts(_) => {
                let (curve, spacing) = curve.expect("these have one");
                Gaps::Curve(CurveWalk::new(curve, spacing, seed))
            }
        };
        Schedule {
            gaps,
            next: Slot { index: 0, at_ns: 0 },
        }
    }

    /// The next slot, without taking it.
    pub fn peek(&self) -> Slot {
        self.next
    }

    /// Takes the next slot.
    pub fn advance(&mut self) -> Slot {
        let slot = self.next;
        self.next = Slot {
            index: slot.index + 1,
            at_ns: self.gaps.after(slot).min(Self::NEVER_NS),
        };
        slot
    }
}

impl Iterator for Schedule {
    type Item = Slot;

    fn next(&mut self) -> Option<Slot> {
        Some(self.advance())
    }
}

impl Gaps {
    /// When the slot after this one is due; to be asked for each slot once, in order.
    fn after(&mut self, slot: Slot) -> u64 {
        let gap_ns = match self {
            Gaps::Constant {
                nano_per_s,
                quotient_ns,
                remainder,
                carried,
            } => {
                *carried += *remainder;
                if *carried < *nano_per_s {
                    *quotient_ns
                } else {
                    *carried -= *nano_per_s;
                    *quotient_ns + 1
                }
            }
            Gaps::Poisson { seed, mean_ns } => {
                let uniform = Random::for_slot(*seed, slot.index, Random::GAPS).unit();
                (-natural_log(uniform) * *mean_ns).round() as u64
            }
            Gaps::Hawkes(walk) => walk.after(slot.index),
            Gaps::Replay(replay) => return recorded_ns(replay, slot.index + 1),
            Gaps::Curve(walk) => return walk.after(slot.index),
        };
        slot.at_ns.saturating_add(gap_ns)
    }
}

/// When a slot of a replay is due.
fn recorded_ns(replay: &Replay, index: u64) -> u64 {
    let messages = replay.recording.messages();
    let count = messages.len().max(1) as u64;
    let (round, number) = (index / count, (index % count) as usize);
    match messages.get(number) {
        Some(message) if round == 0 || replay.again => replay
            .recording
            .round_ns()
            .saturating_mul(round)
            .saturating_add(message.at_ns),
        Some(_) | None => Schedule::NEVER_NS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// round(i * 10^9 / rate), computed at once and not step by step.
    fn closed_form(index: u64, rate_per_s: f64) -> u64 {
        let rate = nano_per_s(rate_per_s);
        ((u128::from(index) * NS_PER_S_TIMES_NANO + rate / 2) / rate) as u64
    }

    #[test]
    fn constant_is_the_closed_form_at_every_slot() {
        for rate_per_s in [0.1, 3.0, 7.5, 1500.0, 29_999.0, 1_000_000.0, 3e7] {
            let schedule = Schedule::new(Arrival::Constant { rate_per_s }, 0);
            for slot in schedule.take(100_000) {
                assert_eq!(
                    slot.at_ns,
                    closed_form(slot.index, rate_per_s),
                    "{rate_per_s}/s"
                );
            }
        }
    }

    #[test]
    fn a_rate_that_does_not_divide_a_second_does_not_drift_in_an_hour() {
        let mut schedule = Schedule::new(Arrival::Constant { rate_per_s: 333.0 }, 0);
        let hour = schedule.nth(333 * 3600).unwrap();
        assert_eq!(hour.at_ns, 3_600_000_000_000);
    }

    #[test]
    fn poisson_has_the_mean_and_the_spread_of_its_process() {
        let rate_per_s = 2_000.0;
        let slots: Vec<Slot> = Schedule::new(Arrival::Poisson { rate_per_s }, 7)
            .take(200_001)
            .collect();
        assert_eq!(slots[0].at_ns, 0);
        let gaps: Vec<f64> = slots
            .windows(2)
            .map(|pair| (pair[1].at_ns - pair[0].at_ns) as f64)
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean / 500_000.0 - 1.0).abs() < 0.01, "mean {mean}");
        assert!(
            (variance.sqrt() / mean - 1.0).abs() < 0.02,
            "not exponential"
        );
        let long = gaps.iter().filter(|gap| **gap > 3.0 * mean).count() as f64;
        assert!((long / gaps.len() as f64 / (-3f64).exp() - 1.0).abs() < 0.05);
    }

    #[test]
    fn one_seed_is_one_stream_and_another_seed_another() {
        let stream = |seed| -> Vec<Slot> {
            Schedule::new(Arrival::Poisson { rate_per_s: 1e4 }, seed)
                .take(1_000)
                .collect()
        };
        assert_eq!(stream(7), stream(7));
        assert_ne!(stream(7), stream(8));
    }

    /// Changing this number breaks the replay of every recorded run: do it knowingly and say so in the changelog.
    #[test]
    fn the_poisson_stream_is_the_same_for_ever() {
        let mut schedule = Schedule::new(Arrival::Poisson { rate_per_s: 1e4 }, 7);
        let at_ns = [10, 100, 10_000].map(|skip| schedule.nth(skip).map(|slot| slot.at_ns));
        assert_eq!(
            at_ns,
            [Some(1_068_862), Some(10_388_804), Some(987_882_095)]
        );
    }
}

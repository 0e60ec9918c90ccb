//! Slots that bring about further slots: a Hawkes process, drawn exactly.

use shakedown_scenarios::plan::Hawkes;

use crate::flow::random::Random;
use crate::portable::{exponential, natural_log};

/// Most exponentials in the kernel.
const MOST_DECAYS: usize = 8;

/// A Hawkes process whose kernel is a sum of exponentials.
///
/// The intensity is a constant plus one excess for each exponential; every slot raises each excess by its kick, and each
/// decays on its own. The next slot is the earliest of one that the constant brings about and one that each excess brings
/// about: the cumulative intensity of each is inverted in closed form, so that nothing is drawn in vain (Dassios and
/// Zhao, "Exact simulation of Hawkes process with exponentially decaying intensity", 2013, with several exponentials).
///
/// The excesses begin at their means, so that the mean rate is the asked one from zero on.
#[derive(Debug, Clone)]
pub(super) struct HawkesWalk {
    seed: u64,
    base_per_ns: f64,
    excesses: [Excess; MOST_DECAYS],
    count: usize,
}

/// One exponential of the kernel.
#[derive(Debug, Clone, Copy, Default)]
struct Excess {
    per_ns: f64,
    /// What a slot adds.
    kick_per_ns: f64,
    /// One over the time constant.
    decay_per_ns: f64,
}

impl HawkesWalk {
    /// A process with this mean rate; the branching ratio must be below 1.
    pub(super) fn new(hawkes: &Hawkes, seed: u64) -> HawkesWalk {
        let rate_per_ns = hawkes.rate_per_s / 1e9;
        let count = hawkes.decays_ns.len().min(MOST_DECAYS);
        let share = hawkes.branching / count.max(1) as f64;
        let mut excesses = [Excess::default(); MOST_DECAYS];
        for (excess, decay_ns) in excesses.iter_mut().zip(&hawkes.decays_ns) {
            let decay_per_ns = 1.0 / *decay_ns as f64;
            *excess = Excess {
                per_ns: share * rate_per_ns,
                kick_per_ns: share * decay_per_ns,
                decay_per_ns,
            };
        }
        HawkesWalk {
            seed,
            base_per_ns: rate_per_ns * (1.0 - hawkes.branching),
            excesses,
            count,
        }
    }

    /// Nanoseconds from slot `index` to the next one; to be asked for each slot once, in order.
    pub(super) fn after(&mut self, index: u64) -> u64 {
        let mut random = Random::for_slot(self.seed, index, Random::GAPS);
        let mut gap_ns = -natural_log(random.unit()) / self.base_per_ns;
        for excess in &self.excesses[..self.count] {
            gap_ns = gap_ns.min(excess.first_ns(random.unit()));
        }
        for excess in &mut self.excesses[..self.count] {
            excess.per_ns =
                excess.per_ns * exponential(-excess.decay_per_ns * gap_ns) + excess.kick_per_ns;
        }
        gap_ns.round() as u64
    }
}

impl Excess {
    /// When an excess that nothing adds to brings about its first slot; infinity when it dies away before.
    fn first_ns(&self, uniform: f64) -> f64 {
        let left = 1.0 + natural_log(uniform) * self.decay_per_ns / self.per_ns;
        if left > 0.0 {
            -natural_log(left) / self.decay_per_ns
        } else {
            f64::INFINITY
        }
    }
}

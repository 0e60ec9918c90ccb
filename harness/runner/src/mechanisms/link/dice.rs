//! Chance, decided by a seed: the n-th chunk of the k-th connection always has the same luck.

use std::f64::consts::TAU;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::condition::{Direction, Jitter, LinkState};

/// What was decided about one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    /// Delay with jitter, without the stall of a loss.
    pub delay_ns: u64,
    /// Stall of a loss, when it is lost.
    pub stall_ns: Option<u64>,
}

/// The luck of one connection in one direction.
#[derive(Debug)]
pub(super) struct Dice {
    rng: ChaCha8Rng,
}

impl Dice {
    /// The dice of the `connection`-th accepted connection of a link.
    pub fn new(seed: u64, connection: u64, direction: Direction) -> Dice {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(connection * 2 + direction.index() as u64);
        Dice { rng }
    }

    /// Decides about the next chunk. Takes the same amount of chance whatever the state is, so that a change of state
    /// does not change the luck of what comes later.
    pub fn next(&mut self, state: &LinkState) -> Fate {
        let [loss, first, second]: [f64; 3] = std::array::from_fn(|_| self.rng.random());
        Fate {
            delay_ns: delay_ns(state, first, second),
            stall_ns: state
                .loss
                .filter(|asked| loss < asked.share)
                .map(|asked| asked.stall_ns),
        }
    }
}

fn delay_ns(state: &LinkState, first: f64, second: f64) -> u64 {
    let asked = state.delay_ns as f64;
    let drawn = match state.jitter {
        None => return state.delay_ns,
        Some(Jitter::Uniform { by_ns }) => asked + (first * 2.0 - 1.0) * by_ns as f64,
        Some(Jitter::Normal { deviation_ns }) => {
            // Box and Muller; 1 - first is never zero.
            let normal = (-2.0 * (1.0 - first).ln()).sqrt() * (TAU * second).cos();
            asked + normal.clamp(-4.0, 4.0) * deviation_ns as f64
        }
    };
    // Negative values become zero.
    drawn as u64
}

#[cfg(test)]
mod tests {
    use super::super::condition::Loss;
    use super::*;

    fn fates(seed: u64, connection: u64, state: &LinkState, count: usize) -> Vec<Fate> {
        let mut dice = Dice::new(seed, connection, Direction::ToDestination);
        (0..count).map(|_| dice.next(state)).collect()
    }

    fn jittery(jitter: Jitter) -> LinkState {
        LinkState {
            delay_ns: 5_000_000,
            jitter: Some(jitter),
            loss: Some(Loss::of(0.1)),
            ..LinkState::default()
        }
    }

    #[test]
    fn one_seed_one_fate() {
        let state = jittery(Jitter::Uniform { by_ns: 1_000_000 });
        assert_eq!(fates(7, 3, &state, 500), fates(7, 3, &state, 500));
        assert_ne!(fates(7, 3, &state, 500), fates(8, 3, &state, 500));
        assert_ne!(fates(7, 3, &state, 500), fates(7, 4, &state, 500));
    }

    #[test]
    fn a_change_of_state_leaves_later_luck_alone() {
        let state = jittery(Jitter::Uniform { by_ns: 1_000_000 });
        let mut dice = Dice::new(7, 3, Direction::ToDestination);
        (0..100).for_each(|_| {
            dice.next(&LinkState::default());
        });
        assert_eq!(dice.next(&state), fates(7, 3, &state, 101)[100]);
    }

    #[test]
    fn shares_and_spreads_are_as_asked() {
        let uniform = fates(1, 0, &jittery(Jitter::Uniform { by_ns: 1_000_000 }), 20_000);
        let lost = uniform
            .iter()
            .filter(|fate| fate.stall_ns.is_some())
            .count();
        assert!((1_800..2_200).contains(&lost), "{lost} of 20000 lost");
        assert!(
            uniform
                .iter()
                .all(|fate| (4_000_000..=6_000_000).contains(&fate.delay_ns))
        );
        let normal = fates(
            1,
            0,
            &jittery(Jitter::Normal {
                deviation_ns: 1_000_000,
            }),
            20_000,
        );
        let mean = normal.iter().map(|fate| fate.delay_ns as f64).sum::<f64>() / 20_000.0;
        let variance = normal
            .iter()
            .map(|fate| (fate.delay_ns as f64 - mean).powi(2))
            .sum::<f64>()
            / 20_000.0;
        assert!((4_970_000.0..5_030_000.0).contains(&mean), "{mean}");
        assert!((970_000.0..1_030_000.0).contains(&variance.sqrt()));
    }

    #[test]
    fn a_jitter_above_the_delay_never_goes_back_in_time() {
        let state = LinkState {
            delay_ns: 10,
            jitter: Some(Jitter::Uniform { by_ns: 1_000 }),
            ..LinkState::default()
        };
        assert!(
            fates(1, 0, &state, 100)
                .iter()
                .any(|fate| fate.delay_ns == 0)
        );
    }
}

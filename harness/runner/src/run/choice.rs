//! Every choice of a run from its one seed, so that `replay` makes the same ones in any order of events.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// A generator for one choice: equal seed, purpose, fault and occurrence give equal numbers, whatever else happened.
pub fn chooser(seed: u64, purpose: &str, fault: &str, occurrence: u32) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(fnv1a(&format!("{purpose}/{fault}/{occurrence}")));
    generator
}

/// Up to `at_most_ns`, inclusive, for one firing of a fault.
pub fn jitter_ns(seed: u64, fault: &str, occurrence: u32, at_most_ns: u64) -> u64 {
    chooser(seed, "jitter", fault, occurrence).random_range(0..=at_most_ns)
}

/// `count` different items, in their original order; all of them when there are not more.
pub fn pick<T: Clone>(generator: &mut ChaCha8Rng, items: &[T], count: usize) -> Vec<T> {
    let amount = count.min(items.len());
    let mut chosen = rand::seq::index::sample(generator, items.len(), amount).into_vec();
    chosen.sort_unstable();
    chosen.into_iter().map(|at| items[at].clone()).collect()
}

/// Fowler, Noll and Vo's hash: stable over versions and machines, which the standard library's is not.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_chooses_the_same_and_another_firing_chooses_anew() {
        let jitters = |seed| -> Vec<u64> {
            (0..20)
                .map(|occurrence| jitter_ns(seed, "leader-dies", occurrence, 2_000_000_000))
                .collect()
        };
        assert_eq!(jitters(7), jitters(7));
        assert_ne!(jitters(7), jitters(8));
        assert!(
            jitters(7)
                .iter()
                .any(|jitter_ns| *jitter_ns != jitters(7)[0])
        );
        assert!(
            jitters(7)
                .iter()
                .all(|jitter_ns| *jitter_ns <= 2_000_000_000)
        );
        assert_eq!(jitter_ns(7, "leader-dies", 3, 0), 0);
    }

    #[test]
    fn picked_items_are_different_and_every_item_can_be_picked() {
        let items = ["a", "b", "c"];
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let picked = pick(&mut chooser(seed, "targets", "f", 0), &items, 2);
            assert_eq!(picked.len(), 2);
            assert_ne!(picked[0], picked[1]);
            seen.extend(picked);
        }
        assert_eq!(seen.len(), 3);
        assert_eq!(pick(&mut chooser(1, "targets", "f", 0), &items, 9), items);
    }
}

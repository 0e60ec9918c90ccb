//! Random numbers for one slot, whatever happened in the slots before it.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), started anew
/// for every slot from the seed, the slot's number and the purpose.
///
/// Written out because the stream is part of a run's record: it must be the same in ten years, with any version of
/// any library.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Purpose: gaps between arrivals.
    pub const GAPS: u64 = 1;
    /// Purpose: what an order says.
    pub const ORDERS: u64 = 2;
    /// Purpose: how long an order lives, and what ends its life.
    pub const LIVES: u64 = 3;
    /// Purpose: keys and masks of WebSocket.
    pub const MASKS: u64 = 4;
    /// Purpose: prices of market data.
    pub const POINTS: u64 = 11;
    /// Purpose: what a venue does.
    pub const VENUE: u64 = 12;

    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

    /// The stream of one slot for one purpose.
    pub fn for_slot(seed: u64, slot: u64, purpose: u64) -> Random {
        let stream = mix(seed ^ purpose.wrapping_mul(Self::GOLDEN));
        Random {
            state: stream ^ mix(slot.wrapping_add(Self::GOLDEN)),
        }
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(Self::GOLDEN);
        mix(self.state)
    }

    /// A whole number in `0..bound`; the bias is below `bound / 2^64`.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in (0, 1], of 53 bits.
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_has_a_stream_of_its_own() {
        let purposes = [
            Random::GAPS,
            Random::ORDERS,
            Random::LIVES,
            Random::MASKS,
            Random::POINTS,
            Random::VENUE,
        ];
        let streams = purposes.map(|purpose| Random::for_slot(7, 7, purpose).bits());
        for (at, stream) in streams.iter().enumerate() {
            assert!(!streams[..at].contains(stream), "purpose {}", purposes[at]);
        }
    }

    #[test]
    fn slots_and_purposes_are_independent_streams() {
        let first = |seed, slot, purpose| Random::for_slot(seed, slot, purpose).bits();
        assert_eq!(first(7, 1, Random::GAPS), first(7, 1, Random::GAPS));
        let all = [
            first(7, 1, Random::GAPS),
            first(7, 1, Random::ORDERS),
            first(7, 2, Random::GAPS),
            first(8, 1, Random::GAPS),
        ];
        for (at, value) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(value));
        }
    }

    #[test]
    fn numbers_over_neighbouring_slots_are_uniform() {
        let mut counts = [0u32; 16];
        for slot in 0..160_000 {
            counts[Random::for_slot(7, slot, Random::ORDERS).below(16) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| count.abs_diff(10_000) < 500),
            "{counts:?}"
        );
    }

    #[test]
    fn unit_is_never_zero() {
        let mut random = Random { state: 0 };
        assert!((0..10_000).all(|_| {
            let unit = random.unit();
            unit > 0.0 && unit <= 1.0
        }));
    }
}

//! Points: when they are due, and what they say. Pure.

use shakedown_scenarios::plan::{Arrival, SymbolShare};

use crate::flow::random::Random;
use crate::pacing::Schedule;

/// One point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    /// From 1.
    pub(super) sequence: u64,
    /// Intended time in nanoseconds since zero.
    pub(super) at_ns: u64,
    /// Index into the symbols.
    pub(super) symbol: usize,
    pub(super) price_ticks: i64,
}

/// The endless stream of points: the symbols take turns, and each price goes one tick up, one down, or nowhere.
#[derive(Debug)]
pub(super) struct Source {
    schedule: Schedule,
    seed: u64,
    prices: Vec<Walk>,
}

#[derive(Debug)]
struct Walk {
    ticks: i64,
    lowest: i64,
    highest: i64,
}

impl Source {
    /// At least one symbol; the rate is positive and finite.
    pub(super) fn new(rate_per_s: f64, symbols: &[SymbolShare], seed: u64) -> Source {
        let walks = symbols.iter().map(|symbol| {
            let instrument = &symbol.instrument;
            let band_ticks = instrument.band_ticks.max(0);
            Walk {
                ticks: instrument.around_ticks,
                lowest: instrument.around_ticks - band_ticks,
                highest: instrument.around_ticks + band_ticks,
            }
        });
        Source {
            schedule: Schedule::new(Arrival::Constant { rate_per_s }, seed),
            seed,
            prices: walks.collect(),
        }
    }

    /// When the next point is due, in nanoseconds since zero.
    pub(super) fn due_ns(&self) -> u64 {
        self.schedule.peek().at_ns
    }

    /// Takes the next point.
    pub(super) fn take(&mut self) -> Point {
        let slot = self.schedule.advance();
        let symbol = (slot.index % self.prices.len() as u64) as usize;
        let step = Random::for_slot(self.seed, slot.index, Random::POINTS).below(3) as i64 - 1;
        let walk = &mut self.prices[symbol];
        walk.ticks = (walk.ticks + step).clamp(walk.lowest, walk.highest);
        Point {
            sequence: slot.index + 1,
            at_ns: slot.at_ns,
            symbol,
            price_ticks: walk.ticks,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use shakedown_scenarios::plan::Instrument;

    use super::*;

    pub(in crate::points) fn symbols() -> Vec<SymbolShare> {
        let symbol = |name: &str| SymbolShare {
            name: name.into(),
            share: 0.5,
            instrument: Instrument {
                tick: "0.01".parse().unwrap(),
                lot: "1".parse().unwrap(),
                around_ticks: 5_000,
                band_ticks: 20,
                largest_lots: 1,
                oversized_lots: None,
            },
        };
        vec![symbol("AAA"), symbol("BBB")]
    }

    fn points(seed: u64) -> Vec<Point> {
        let mut source = Source::new(1e6, &symbols(), seed);
        (0..10_000).map(|_| source.take()).collect()
    }

    #[test]
    fn numbers_count_from_one_and_times_are_the_schedule_s() {
        for (at, point) in points(7).iter().enumerate() {
            assert_eq!(point.sequence, at as u64 + 1);
            assert_eq!((point.at_ns, point.symbol), (at as u64 * 1_000, at % 2));
        }
    }

    #[test]
    fn prices_walk_by_a_tick_within_their_band() {
        let points = points(7);
        for symbol in 0..2 {
            let mut last = 5_000;
            let mut seen = std::collections::BTreeSet::new();
            for point in points.iter().filter(|point| point.symbol == symbol) {
                assert!((point.price_ticks - last).abs() <= 1);
                last = point.price_ticks;
                seen.insert(last);
            }
            assert!(
                seen.len() > 20 && *seen.first().unwrap() >= 4_980,
                "{seen:?}"
            );
            assert!(*seen.last().unwrap() <= 5_020);
        }
    }

    #[test]
    fn one_seed_is_one_stream_and_another_seed_another() {
        assert_eq!(points(7), points(7));
        assert_ne!(points(7), points(8));
    }
}

//! Last prices of all symbols, and the bars: what all connections share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::bars::{Bar, Bars};
use super::frames::{Hear, Point};
use crate::defects::SHOWN_LATE;
use crate::metrics::wall_ns;

/// Between two of the prices that are remembered.
const SAMPLE_NS: u64 = 100_000_000;

/// Prices that are remembered of each symbol.
const SAMPLES: usize = 32;

const SECOND_NS: u64 = 1_000_000_000;

/// The last price of a symbol.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Quote {
    pub symbol: Arc<str>,
    pub price: f64,
    /// When it was made, in nanoseconds since 1970.
    pub at_ns: u64,
    /// Points of this symbol until now.
    pub points: u64,
    /// Prices of the last seconds, one for each 100 ms, the oldest first.
    pub recent: VecDeque<f64>,
}

/// What is known of the market; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Market {
    known: Arc<Mutex<Known>>,
    /// The defect `stale-data`.
    shows_late: bool,
}

/// Everything that was taken in.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub points: u64,
    pub quotes: BTreeMap<Arc<str>, Quote>,
    pub bars: Bars,
}

/// What one connection said since it was last handed on.
#[derive(Debug, Default)]
pub(super) struct Local {
    names: Vec<Arc<str>>,
    parts: Vec<Option<Part>>,
    /// Parts of seconds that are over.
    over: Vec<(usize, u64, Bar)>,
    points: u64,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    second: u64,
    bar: Bar,
    at_ns: u64,
    points: u64,
}

impl Hear for Local {
    fn symbol(&mut self, name: &str) {
        self.names.push(Arc::from(name));
        self.parts.push(None);
    }

    fn point(&mut self, point: Point) {
        self.points += 1;
        let second = point.at_ns / SECOND_NS;
        let of = Bar::of(point.price);
        match &mut self.parts[point.symbol] {
            Some(part) if part.second == second => {
                part.bar.then(&of);
                part.at_ns = part.at_ns.max(point.at_ns);
                part.points += 1;
            }
            Some(part) => {
                self.over.push((point.symbol, part.second, part.bar));
                let (at_ns, points) = (point.at_ns, part.points + 1);
                *part = Part {
                    second,
                    bar: of,
                    at_ns,
                    points,
                };
            }
            empty => {
                let at_ns = point.at_ns;
                *empty = Some(Part {
                    second,
                    bar: of,
                    at_ns,
                    points: 1,
                });
            }
        }
    }
}

impl Market {
    /// Empty; `shows_late` is the defect.
    pub(super) fn new(shows_late: bool) -> Self {
        Self {
            known: Arc::default(),
            shows_late,
        }
    }

    /// Takes what a connection said.
    pub(super) fn take(&self, local: &mut Local) {
        let mut known = self.lock();
        known.points += std::mem::take(&mut local.points);
        for (symbol, second, bar) in local.over.drain(..) {
            known.bars.take(second, &local.names[symbol], &bar);
        }
        for (name, part) in local.names.iter().zip(&mut local.parts) {
            if let Some(part) = part.take() {
                known.bars.take(part.second, name, &part.bar);
                self.show(&mut known, name, &part);
            }
        }
    }

    /// What is known; hold it for a moment only.
    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, known: &mut Known, name: &Arc<str>, part: &Part) {
        let quote = known
            .quotes
            .entry(Arc::clone(name))
            .or_insert_with(|| Quote {
                symbol: Arc::clone(name),
                price: part.bar.close,
                at_ns: 0,
                points: 0,
                recent: VecDeque::with_capacity(SAMPLES),
            });
        quote.points += part.points;
        let is_held = self.shows_late && quote.age_ns() < SHOWN_LATE.as_nanos() as u64;
        if part.at_ns < quote.at_ns || is_held {
            return;
        }
        if part.at_ns / SAMPLE_NS > quote.at_ns / SAMPLE_NS {
            if quote.recent.len() == SAMPLES {
                quote.recent.pop_front();
            }
            quote.recent.push_back(part.bar.close);
        }
        (quote.price, quote.at_ns) = (part.bar.close, part.at_ns);
    }
}

impl Quote {
    /// How old it is by this machine's clock, in nanoseconds.
    pub(super) fn age_ns(&self) -> u64 {
        wall_ns().saturating_sub(self.at_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(shows_late: bool, points: &[(u64, f64)]) -> Market {
        let market = Market::new(shows_late);
        let mut local = Local::default();
        local.symbol("A");
        for (at_ns, price) in points {
            local.point(Point {
                symbol: 0,
                at_ns: *at_ns,
                price: *price,
            });
            market.take(&mut local);
        }
        market
    }

    #[test]
    fn the_newest_price_is_shown_and_all_are_counted() {
        let now_ns = wall_ns();
        let points = [
            (now_ns - 3 * SECOND_NS, 1.0),
            (now_ns, 2.0),
            (now_ns - SECOND_NS, 3.0),
        ];
        let market = taken(false, &points);
        let known = market.lock();
        let quote = &known.quotes["A"];
        assert_eq!((quote.price, quote.points, known.points), (2.0, 3, 3));
        assert_eq!(quote.recent, [1.0, 2.0]);
        assert_eq!(known.bars.due(true).len(), 3);
    }

    #[test]
    fn a_stale_price_stays() {
        let now_ns = wall_ns();
        let market = taken(true, &[(now_ns - SECOND_NS, 1.0), (now_ns, 2.0)]);
        assert_eq!(market.lock().quotes["A"].price, 1.0);
    }

    #[test]
    fn seconds_are_told_apart_within_one_read() {
        let market = Market::new(false);
        let mut local = Local::default();
        local.symbol("A");
        for at_s in [5, 5, 6] {
            local.point(Point {
                symbol: 0,
                at_ns: at_s * SECOND_NS,
                price: 1.0,
            });
        }
        market.take(&mut local);
        let due = market.lock().bars.due(true);
        assert_eq!(
            due.iter().map(|(_, bar)| bar.points).collect::<Vec<_>>(),
            [2, 1]
        );
        assert_eq!(market.lock().quotes["A"].points, 3);
    }
}

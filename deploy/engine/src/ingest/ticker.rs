//! The last price of each symbol.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The last price of a symbol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Quote {
    /// The publisher's number of the point.
    pub sequence: u64,
    /// When the point was made, as the publisher states it, in nanoseconds since 1970.
    pub at_ns: u64,
    /// As it was written.
    pub price: String,
}

/// What a node has taken in; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Ticker(Arc<Mutex<Taken>>);

/// Everything that was taken in.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Taken {
    /// How many points.
    pub points: u64,
    /// The last of each symbol.
    pub quotes: BTreeMap<String, Quote>,
}

impl Ticker {
    /// Takes in so many points, with the last of each symbol among them.
    pub fn take(&self, points: u64, last: impl IntoIterator<Item = (String, Quote)>) {
        let mut taken = self.lock();
        taken.points += points;
        for (symbol, quote) in last {
            let known = taken.quotes.entry(symbol).or_default();
            if quote.sequence >= known.sequence {
                *known = quote;
            }
        }
    }

    /// What was taken in until now.
    pub fn taken(&self) -> Taken {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(sequence: u64) -> Quote {
        Quote {
            sequence,
            at_ns: sequence,
            price: sequence.to_string(),
        }
    }

    #[test]
    fn the_newest_price_of_a_symbol_stays() {
        let ticker = Ticker::default();
        ticker.take(
            5,
            [("AAA".to_owned(), quote(4)), ("BBB".to_owned(), quote(5))],
        );
        ticker.take(2, [("AAA".to_owned(), quote(3))]);
        let taken = ticker.taken();
        assert_eq!(taken.points, 7);
        assert_eq!(taken.quotes["AAA"], quote(4));
        assert_eq!(taken.quotes["BBB"], quote(5));
    }
}

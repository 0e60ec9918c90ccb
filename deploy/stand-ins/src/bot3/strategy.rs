//! Decisions: two moving averages for each symbol, the noise around them, and limits of risk. Pure, and nothing is allocated
//! but for a symbol that was never seen.

/// Weights of a new price in the fast and the slow average, and in the noise.
const FAST: f64 = 1.0 / 8.0;
const SLOW: f64 = 1.0 / 64.0;
const NOISE: f64 = 1.0 / 32.0;

/// Prices before the averages mean anything.
const WARM_UP: u32 = 16;

/// How far apart the averages must be, in units of the noise.
const APART: f64 = 0.5;

/// Most symbols of one table.
const MOST_SYMBOLS: usize = 4_096;

/// Places of the index; more than twice the symbols, a power of two.
const PLACES: usize = 16_384;

const NOBODY: u16 = u16::MAX;

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Buy,
    Sell,
    Hold,
    /// A limit of risk forbids it.
    Refused(&'static str),
}

/// A decision, and whether it turns what was decided on this symbol before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decided {
    pub decision: Decision,
    pub turns: bool,
}

/// Limits of risk, in units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limits {
    pub position: f64,
    pub quantity: f64,
}

#[derive(Debug)]
struct Market {
    symbol: Box<str>,
    fast: f64,
    slow: f64,
    noise: f64,
    last: f64,
    seen: u32,
    position: f64,
    /// The last decision that was no hold.
    side: Option<Decision>,
}

/// The state of all symbols of one thread.
#[derive(Debug)]
pub(super) struct Strategy {
    limits: Limits,
    places: Vec<u16>,
    markets: Vec<Market>,
}

impl Decision {
    /// As it is told.
    pub(super) fn word(self) -> &'static str {
        match self {
            Decision::Buy => "buy",
            Decision::Sell => "sell",
            Decision::Hold => "hold",
            Decision::Refused(why) => why,
        }
    }
}

impl Strategy {
    /// Knows no symbol yet.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            places: vec![NOBODY; PLACES],
            markets: Vec::new(),
        }
    }

    /// Takes a price in and decides.
    pub(super) fn decide(&mut self, symbol: &str, price: f64, quantity: f64) -> Decided {
        let refused = |why| Decided {
            decision: Decision::Refused(why),
            turns: false,
        };
        if price <= 0.0 {
            return refused("price-not-positive");
        }
        if quantity > self.limits.quantity {
            return refused("quantity-limit");
        }
        let limit = self.limits.position;
        let Some(market) = self.market(symbol, price) else {
            return refused("too-many-symbols");
        };
        market.take(price);
        let decision = market.signal();
        let change = match decision {
            Decision::Buy => quantity,
            Decision::Sell => -quantity,
            Decision::Hold | Decision::Refused(_) => 0.0,
        };
        // At its limit a position may only come down.
        if change != 0.0 && (market.position + change).abs() > limit {
            return Decided {
                decision: Decision::Hold,
                turns: false,
            };
        }
        market.position += change;
        let turns = change != 0.0 && market.side != Some(decision);
        if turns {
            market.side = Some(decision);
        }
        Decided { decision, turns }
    }

    /// The state of a symbol; made when it is new, and none when there are too many.
    fn market(&mut self, symbol: &str, price: f64) -> Option<&mut Market> {
        let mut place = hash(symbol) as usize & (PLACES - 1);
        loop {
            let known = self.places[place];
            if known == NOBODY {
                break;
            }
            if *self.markets[usize::from(known)].symbol == *symbol {
                return self.markets.get_mut(usize::from(known));
            }
            place = (place + 1) & (PLACES - 1);
        }
        if self.markets.len() == MOST_SYMBOLS {
            return None;
        }
        self.places[place] = u16::try_from(self.markets.len()).ok()?;
        self.markets.push(Market {
            symbol: symbol.into(),
            fast: price,
            slow: price,
            noise: 0.0,
            last: price,
            seen: 0,
            position: 0.0,
            side: None,
        });
        self.markets.last_mut()
    }
}

impl Market {
    fn take(&mut self, price: f64) {
        // The mean of all prices while there are few: the first one would weigh for long otherwise.
        let all = 1.0 / (f64::from(self.seen) + 1.0);
        self.fast += (price - self.fast) * FAST.max(all);
        self.slow += (price - self.slow) * SLOW.max(all);
        self.noise += ((price - self.last).abs() - self.noise) * NOISE.max(all);
        self.last = price;
        self.seen = self.seen.saturating_add(1);
    }

    fn signal(&self) -> Decision {
        let apart = self.fast - self.slow;
        if self.seen < WARM_UP || apart.abs() <= self.noise * APART {
            Decision::Hold
        } else if apart > 0.0 {
            Decision::Buy
        } else {
            Decision::Sell
        }
    }
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        position: 100.0,
        quantity: 10.0,
    };

    fn run(prices: impl Iterator<Item = f64>) -> Vec<Decided> {
        let mut strategy = Strategy::new(LIMITS);
        prices
            .map(|price| strategy.decide("BTCUSD", price, 1.0))
            .collect()
    }

    #[test]
    fn a_trend_is_followed_and_its_turn_is_told_once() {
        let up = (0..60).map(|step| 100.0 + f64::from(step));
        let down = (0..60).map(|step| 160.0 - f64::from(step) * 2.0);
        let decided = run(up.chain(down));
        assert!(decided[..15].iter().all(|it| it.decision == Decision::Hold));
        assert_eq!(decided[59].decision, Decision::Buy);
        assert_eq!(decided[119].decision, Decision::Sell);
        assert_eq!(decided.iter().filter(|it| it.turns).count(), 2);
    }

    #[test]
    fn prices_that_go_nowhere_are_held() {
        let decided = run((0..200).map(|step| 100.0 + f64::from(step % 2)));
        assert!(decided.iter().all(|it| it.decision == Decision::Hold));
    }

    #[test]
    fn no_position_grows_beyond_its_limit() {
        let decided = run((0..300).map(|step| 100.0 + f64::from(step)));
        let bought = decided.iter().filter(|it| it.decision == Decision::Buy);
        assert_eq!(bought.count(), 100);
    }

    #[test]
    fn symbols_are_apart_and_there_are_only_so_many() {
        let mut strategy = Strategy::new(LIMITS);
        for number in 0..MOST_SYMBOLS {
            let decided = strategy.decide(&format!("S{number}"), number as f64 + 1.0, 1.0);
            assert_eq!(decided.decision, Decision::Hold);
        }
        assert_eq!(strategy.market("S7", 1.0).unwrap().last, 8.0);
        let refused = strategy.decide("one more", 1.0, 1.0).decision;
        assert_eq!(refused, Decision::Refused("too-many-symbols"));
    }

    #[test]
    fn what_is_beyond_a_limit_is_refused_with_the_limit() {
        let mut strategy = Strategy::new(LIMITS);
        let mut refused = |price, quantity| strategy.decide("A", price, quantity).decision.word();
        assert_eq!(refused(1.0, 10.1), "quantity-limit");
        assert_eq!(refused(0.0, 1.0), "price-not-positive");
    }
}

//! What must hold of fills, whatever book they come from.
//!
//! ```text
//! I1  every trade has two sides, of one price and one quantity
//! I2  an execution is told once; what is told again says so, and says the same
//! I3  quantity = open + filled + cancelled, and the fills that were told are what was filled
//! I4  what is bought is sold: positions of a symbol add up to nothing, and so does the money
//! ```
//!
//! Each sees what the others cannot: a fill that is told twice to both sides is symmetric, and adds up to nothing.

use std::collections::BTreeMap;

use shakedown_record::ledger::Side;

/// One side of a trade, as it was told to its owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Leg {
    /// Of this report (ExecID of FIX).
    pub execution: String,
    /// Of the trade, which the other side has too (TrdMatchID of FIX).
    pub trade: String,
    pub order: u64,
    pub account: u32,
    pub side: Side,
    pub price_ticks: i64,
    pub lots: u64,
    /// It says of itself that it was told before (PossResend of FIX).
    pub again: bool,
}

/// What an order came to, as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub order: u64,
    pub lots: u64,
    pub open_lots: u64,
    pub filled_lots: u64,
    pub cancelled_lots: u64,
}

/// A rule that fills break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Breach {
    /// A trade has not one side each, or they do not say the same (I1).
    Lopsided { trade: String, legs: usize },
    /// An execution was told twice as if it were new (I2).
    Twice { execution: String },
    /// An execution was told again otherwise (I2).
    Changed { execution: String },
    /// The parts of an order are not the whole of it (I3).
    Unequal { standing: Standing },
    /// The fills that were told are not what was filled (I3).
    Untold {
        order: u64,
        filled_lots: u64,
        told_lots: u64,
    },
    /// Positions add up to so many lots (I4).
    Position { lots: i128 },
    /// Price times quantity adds up to so many ticks times lots (I4).
    Money { ticks_lots: i128 },
}

/// Holds the fills of one symbol against each other: I1, I2 and I4.
pub fn check_fills(legs: &[Leg]) -> Vec<Breach> {
    let (once, mut breaches) = told_once(legs);
    breaches.extend(lopsided(&once));
    breaches.extend(unbalanced(&once));
    breaches
}

/// Holds what became of orders against the fills that were told of them: I3.
pub fn check_quantities(standings: &[Standing], legs: &[Leg]) -> Vec<Breach> {
    let (once, _) = told_once(legs);
    let mut told: BTreeMap<u64, u64> = BTreeMap::new();
    for leg in once {
        *told.entry(leg.order).or_default() += leg.lots;
    }
    let mut breaches = Vec::new();
    for standing in standings {
        let parts = [
            standing.open_lots,
            standing.filled_lots,
            standing.cancelled_lots,
        ];
        if parts.iter().map(|lots| u128::from(*lots)).sum::<u128>() != u128::from(standing.lots) {
            breaches.push(Breach::Unequal {
                standing: *standing,
            });
        }
        let told_lots = told.get(&standing.order).copied().unwrap_or_default();
        if told_lots != standing.filled_lots {
            breaches.push(Breach::Untold {
                order: standing.order,
                filled_lots: standing.filled_lots,
                told_lots,
            });
        }
    }
    breaches
}

/// Each execution once, and what is wrong with those that were told more often (I2).
fn told_once(legs: &[Leg]) -> (Vec<&Leg>, Vec<Breach>) {
    let mut first: BTreeMap<(&str, u64), &Leg> = BTreeMap::new();
    let mut breaches = Vec::new();
    let mut once = Vec::new();
    for leg in legs {
        let Some(known) = first.get(&(leg.execution.as_str(), leg.order)) else {
            first.insert((&leg.execution, leg.order), leg);
            once.push(leg);
            continue;
        };
        let execution = leg.execution.clone();
        let same = Leg {
            again: known.again,
            ..leg.clone()
        };
        if same != **known {
            breaches.push(Breach::Changed { execution });
        } else if !leg.again {
            breaches.push(Breach::Twice { execution });
        }
    }
    (once, breaches)
}

/// Trades that have not one buyer and one seller who were told the same (I1).
fn lopsided(legs: &[&Leg]) -> Vec<Breach> {
    let mut trades: BTreeMap<&str, Vec<&Leg>> = BTreeMap::new();
    for leg in legs {
        trades.entry(&leg.trade).or_default().push(leg);
    }
    let is_even = |legs: &[&Leg]| match legs {
        [one, other] => {
            one.side != other.side && (one.price_ticks, one.lots) == (other.price_ticks, other.lots)
        }
        _ => false,
    };
    trades
        .into_iter()
        .filter(|(_, legs)| !is_even(legs))
        .map(|(trade, legs)| Breach::Lopsided {
            trade: trade.to_string(),
            legs: legs.len(),
        })
        .collect()
}

/// Whether what was bought was sold (I4), in whole numbers.
fn unbalanced(legs: &[&Leg]) -> Vec<Breach> {
    let (mut lots, mut ticks_lots) = (0i128, 0i128);
    for leg in legs {
        let signed = match leg.side {
            Side::Buy => i128::from(leg.lots),
            Side::Sell => -i128::from(leg.lots),
        };
        lots += signed;
        ticks_lots += signed * i128::from(leg.price_ticks);
    }
    let position = (lots != 0).then_some(Breach::Position { lots });
    let money = (ticks_lots != 0).then_some(Breach::Money { ticks_lots });
    position.into_iter().chain(money).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(trade: u32, side: Side) -> Leg {
        let (order, letter) = match side {
            Side::Buy => (1, 'b'),
            Side::Sell => (2, 's'),
        };
        Leg {
            execution: format!("{trade}{letter}"),
            trade: trade.to_string(),
            order,
            account: 0,
            side,
            price_ticks: 10,
            lots: 3,
            again: false,
        }
    }

    fn trade(number: u32) -> [Leg; 2] {
        [leg(number, Side::Buy), leg(number, Side::Sell)]
    }

    #[test]
    fn fills_of_both_sides_are_in_order() {
        let mut legs = [trade(1), trade(2)].concat();
        assert_eq!(check_fills(&legs), []);
        legs.push(Leg {
            again: true,
            ..legs[0].clone()
        });
        assert_eq!(check_fills(&legs), [], "told again, and it says so");
    }

    #[test]
    fn a_fill_that_one_side_does_not_hear_of_is_found() {
        let found = check_fills(&trade(1)[..1]);
        let lopsided = Breach::Lopsided {
            trade: "1".into(),
            legs: 1,
        };
        let position = Breach::Position { lots: 3 };
        let money = Breach::Money { ticks_lots: 30 };
        assert_eq!(found, [lopsided, position, money]);
    }

    #[test]
    fn sides_that_were_told_another_price_are_found() {
        let mut legs = trade(1);
        legs[1].price_ticks = 11;
        let lopsided = Breach::Lopsided {
            trade: "1".into(),
            legs: 2,
        };
        assert_eq!(
            check_fills(&legs),
            [lopsided, Breach::Money { ticks_lots: -3 }]
        );
    }

    #[test]
    fn a_fill_that_is_told_twice_to_both_sides_is_found_though_it_is_even() {
        let legs = [trade(1), trade(1)].concat();
        let twice = |execution: &str| Breach::Twice {
            execution: execution.into(),
        };
        assert_eq!(check_fills(&legs), [twice("1b"), twice("1s")]);
        let mut changed = legs;
        changed[2].lots = 4;
        assert_eq!(
            check_fills(&changed)[0],
            Breach::Changed {
                execution: "1b".into()
            }
        );
    }

    #[test]
    fn parts_that_are_not_the_whole_and_fills_that_nobody_told_are_found() {
        let standing = Standing {
            order: 1,
            lots: 5,
            open_lots: 2,
            filled_lots: 3,
            cancelled_lots: 0,
        };
        assert_eq!(check_quantities(&[standing], &trade(1)), []);
        let short = Standing {
            open_lots: 1,
            ..standing
        };
        assert_eq!(
            check_quantities(&[short], &trade(1)),
            [Breach::Unequal { standing: short }]
        );
        assert_eq!(
            check_quantities(&[standing], &[]),
            [Breach::Untold {
                order: 1,
                filled_lots: 3,
                told_lots: 0
            }]
        );
    }
}

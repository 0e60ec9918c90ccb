//! I7: how much rests at a price, by a copy's own account, is what its orders have open there.
//!
//! The depth is read behind the list. Where both bear the same watermark they are of one moment: watermarks only grow, and the
//! list's is the lowest of its pages. Where they do not, nothing is said of them.

use std::collections::BTreeMap;

use shakedown_history::{Depth, Fault, Resting, check_depth};
use shakedown_record::Decimal;
use shakedown_record::ledger::Side;
use shakedown_record::readback::DepthOf;
use shakedown_scenarios::plan::{DataLayout, EnvironmentPlan, Plan, SymbolShare};

use super::copy::CopyBook;
use crate::data_loss::side_name;

/// A price whose depth is not that of its orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drifted {
    pub side: Side,
    pub price_ticks: i64,
    pub text: String,
}

/// Holds the depth of a symbol against the orders that rest; `None` where it does not apply.
///
/// # Errors
/// Why it cannot be judged, where it should be.
pub(super) fn drifted(
    plan: &Plan,
    book: &CopyBook,
    symbol: u8,
    resting: &[Resting],
) -> Option<Result<Vec<Drifted>, String>> {
    let depth = book.depth.as_ref()?;
    if !all_orders_are_ours(plan, book) {
        return None;
    }
    let name = &plan.load.symbols.get(usize::from(symbol))?.name;
    Some(depth.clone().and_then(|depth| {
        let depth = depth.iter().find(|depth| depth.symbol == *name);
        let depth = depth.ok_or_else(|| format!("it said no depth of {name}"))?;
        if book.mark != Some(depth.mark) {
            return Err(format!(
                "its depth of {name} is as of {}, and its orders of another moment",
                depth.mark
            ));
        }
        compare(plan, (symbol, book.name.as_str()), depth, resting)
    }))
}

/// A copy that holds every order of its books, and none of others.
fn all_orders_are_ours(plan: &Plan, book: &CopyBook) -> bool {
    let replicas = plan.system.parts.first().map_or(1, |part| part.replicas);
    let is_memory = plan.system.data == DataLayout::Memory;
    let is_whole = plan.system.copies_are_equal()
        || is_memory && (replicas <= 1 || plan.system.books_are_apart());
    let is_local = matches!(plan.environment, EnvironmentPlan::Local { .. });
    is_whole && (is_local || book.foreign == Some(0))
}

/// What is told of each price, in ticks and lots: an entry is all of a price or one order of it, and those of one price add up.
/// `None` where it cannot be understood.
fn levels(share: &SymbolShare, depth: &DepthOf, resting: &[Resting]) -> Option<Vec<Depth>> {
    let (tick, lot) = (share.instrument.tick, share.instrument.lot);
    let bids = depth.bids.iter().map(|it| (Side::Buy, it));
    let asks = depth.asks.iter().map(|it| (Side::Sell, it));
    let mut orders: BTreeMap<(u8, i64), u64> = BTreeMap::new();
    for row in resting {
        *orders.entry((row.side as u8, row.price_ticks)).or_default() += 1;
    }
    let mut told: BTreeMap<(u8, i64), Depth> = BTreeMap::new();
    for (side, level) in bids.chain(asks) {
        let price: Decimal = level.price.parse().ok()?;
        let quantity: Decimal = level.quantity.parse().ok()?;
        let price_ticks = price.in_units_of(tick)?;
        let key = (side as u8, price_ticks);
        let depth = told.entry(key).or_insert(Depth {
            side,
            price_ticks,
            lots: 0,
            orders: match level.orders {
                Some(_) => 0,
                // Not told: nothing to be compared.
                None => orders.get(&key).copied().unwrap_or(0),
            },
        });
        depth.lots += u64::try_from(quantity.in_units_of(lot)?).ok()?;
        if let Some(orders) = &level.orders {
            depth.orders += orders.parse::<u64>().ok()?;
        }
    }
    Some(told.into_values().collect())
}

fn compare(
    plan: &Plan,
    (symbol, copy): (u8, &str),
    depth: &DepthOf,
    resting: &[Resting],
) -> Result<Vec<Drifted>, String> {
    let share = &plan.load.symbols[usize::from(symbol)];
    let (tick, lot) = (share.instrument.tick, share.instrument.lot);
    let levels = levels(share, depth, resting)
        .ok_or_else(|| format!("its depth of {} cannot be understood", share.name))?;
    let words = |found: Option<(u64, u64)>| match found {
        None => "nothing".to_string(),
        Some((lots, orders)) => {
            let quantity = lot.times(i64::try_from(lots).unwrap_or(i64::MAX));
            format!("{quantity} of {orders} orders")
        }
    };
    let faults = check_depth(resting, &levels).into_iter();
    Ok(faults
        .filter_map(|fault| match fault {
            Fault::OtherDepth {
                side,
                price_ticks,
                read,
                summed,
            } => Some(Drifted {
                side,
                price_ticks,
                text: format!(
                    "the depth of {} on {copy} to {} at {} is {}, and what its orders have open is {}",
                    share.name,
                    side_name(side),
                    tick.times(price_ticks),
                    words(read),
                    words(summed)
                ),
            }),
            Fault::Crossed { .. } | Fault::OutOfTurn { .. } => None,
        })
        .collect())
}

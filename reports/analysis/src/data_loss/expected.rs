//! The values that a copy may report of an order: what was sent, after the replaces that were acknowledged.
//!
//! A replace without an answer may have been executed or not: then both values are right. Numbers are compared
//! exactly, whatever their spelling.

use std::borrow::Cow;

use shakedown_record::Decimal;
use shakedown_record::ledger::{Entry, Side};
use shakedown_record::readback::RowView;
use shakedown_scenarios::plan::Plan;

use crate::input::Fate;

/// A replace that was, or may have been, executed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    values: Values,
    acked: bool,
    sequence: Option<u64>,
    sent_ns: u64,
    done_ns: u64,
}

/// Price and quantity in ticks and lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Values {
    pub price_ticks: i64,
    pub quantity_lots: u32,
}

impl Values {
    /// The values that an entry carries.
    pub fn of(entry: &Entry) -> Self {
        Self {
            price_ticks: entry.price_ticks,
            quantity_lots: entry.quantity_lots,
        }
    }
}

impl Change {
    /// The change that a replace makes; `None` when it was definitely not executed.
    pub fn of(entry: &Entry, fate: Fate, sequence: Option<u64>) -> Option<Self> {
        let (acked, done_ns) = match fate {
            Fate::Acked { at_ns } => (true, at_ns),
            Fate::Indeterminate => (false, u64::MAX),
            Fate::Absent(_) => return None,
        };
        Some(Self {
            values: Values::of(entry),
            acked,
            sequence,
            sent_ns: entry.sent_ns.unwrap_or(entry.intended_ns),
            done_ns,
        })
    }
}

/// Every pair of values that is right for an order that was sent as `original`.
///
/// Of several acknowledged replaces the last counts: by engine sequence where all have one, else by time, where
/// replaces that overlap in time leave it open which was last.
pub(crate) fn allowed(original: Values, changes: &[Change]) -> Vec<Values> {
    let acked: Vec<&Change> = changes.iter().filter(|change| change.acked).collect();
    let sequences: Option<Vec<u64>> = acked.iter().map(|change| change.sequence).collect();
    let last = |change: &&&Change| match &sequences {
        Some(sequences) => change.sequence == sequences.iter().max().copied(),
        None => !acked.iter().any(|later| later.sent_ns > change.done_ns),
    };
    let mut values: Vec<Values> = acked
        .iter()
        .filter(last)
        .map(|change| change.values)
        .collect();
    if values.is_empty() {
        values.push(original);
    }
    values.extend(
        changes
            .iter()
            .filter(|change| !change.acked)
            .map(|change| change.values),
    );
    values
}

/// What a row says that is not what was sent, in words; `None` when all that it says is right.
pub(crate) fn difference(
    plan: &Plan,
    entry: &Entry,
    changes: &[Change],
    row: &RowView<'_>,
) -> Option<String> {
    let symbol = plan.load.symbols.get(usize::from(entry.symbol))?;
    let side = &plan.system.orders.side_names[entry.side as usize];
    if let Some(found) = row.symbol.filter(|found| *found != symbol.name) {
        return Some(format!("symbol {found}, sent {}", symbol.name));
    }
    if let Some(found) = row.side.filter(|found| !found.eq_ignore_ascii_case(side)) {
        return Some(format!("side {found}, sent {side}"));
    }
    let instrument = &symbol.instrument;
    let own = Values::of(entry);
    let allowed = match changes {
        [] => Cow::Borrowed(std::slice::from_ref(&own)),
        changes => Cow::Owned(allowed(own, changes)),
    };
    let is = |text: Option<&str>, unit: Decimal, count: i64| {
        text.is_none_or(|text| text.parse::<Decimal>() == Ok(unit.times(count)))
    };
    let lots = |values: &Values| i64::from(values.quantity_lots);
    let right_price = |values: &Values| is(row.price, instrument.tick, values.price_ticks);
    let right_quantity = |values: &Values| is(row.quantity, instrument.lot, lots(values));
    let mut of_right_price = allowed
        .iter()
        .filter(|values| right_price(values))
        .peekable();
    let Some(first) = of_right_price.peek().copied() else {
        let found = row.price.unwrap_or_default();
        let expected = instrument.tick.times(allowed[0].price_ticks);
        return Some(format!("price {found}, expected {expected}"));
    };
    if of_right_price.any(right_quantity) {
        return None;
    }
    let found = row.quantity.unwrap_or_default();
    let expected = instrument.lot.times(lots(first));
    Some(format!("quantity {found}, expected {expected}"))
}

/// How a person names a side.
pub(crate) fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(quantity_lots: u32) -> Values {
        Values {
            price_ticks: 100,
            quantity_lots,
        }
    }

    fn change(
        quantity_lots: u32,
        acked: bool,
        sequence: Option<u64>,
        sent_ns: u64,
        done_ns: u64,
    ) -> Change {
        Change {
            values: values(quantity_lots),
            acked,
            sequence,
            sent_ns,
            done_ns,
        }
    }

    #[test]
    fn an_acknowledged_replace_replaces_and_an_unanswered_one_may() {
        assert_eq!(allowed(values(1), &[]), [values(1)]);
        assert_eq!(
            allowed(values(1), &[change(2, true, None, 0, 5)]),
            [values(2)]
        );
        assert_eq!(
            allowed(values(1), &[change(2, false, None, 0, 5)]),
            [values(1), values(2)]
        );
        let both = [change(2, true, Some(1), 0, 5), change(3, false, None, 6, 9)];
        assert_eq!(allowed(values(1), &both), [values(2), values(3)]);
    }

    #[test]
    fn of_several_replaces_the_last_in_engine_order_counts() {
        let by_sequence = [
            change(2, true, Some(9), 0, 5),
            change(3, true, Some(8), 6, 9),
        ];
        assert_eq!(allowed(values(1), &by_sequence), [values(2)]);
        let by_time = [change(2, true, None, 0, 5), change(3, true, None, 6, 9)];
        assert_eq!(allowed(values(1), &by_time), [values(3)]);
        let overlapping = [change(2, true, None, 0, 7), change(3, true, None, 6, 9)];
        assert_eq!(allowed(values(1), &overlapping), [values(2), values(3)]);
    }
}

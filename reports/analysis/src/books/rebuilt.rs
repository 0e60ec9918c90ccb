//! The books that a feed's messages tell, message by message. Pure.
//!
//! Only orders of ours are kept: what others have in the books changes ours by nothing but trades, which are told.

use std::collections::{BTreeMap, HashMap};

use shakedown_record::Decimal;
use shakedown_record::feed_book::{BookEvent, BookFill, BookRow, Named};
use shakedown_record::ledger::Side;
use shakedown_scenarios::plan::Plan;

use super::copy::number_of;
use crate::input::{Input, Whose};

/// An order that can trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rests {
    pub symbol: u8,
    pub side: Side,
    pub price_ticks: i64,
    pub lots: u64,
}

/// What rests, by the numbers of the orders.
pub(super) type Resting = BTreeMap<u64, Rests>;

/// What a message does to the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub sequence: u64,
    pub received_ns: u64,
    pub event: BookEvent,
    /// `None`: an order of others.
    pub order: Option<u64>,
    /// What rests of it is told, or follows from what was told before; `None`: it is out.
    terms: Option<Terms>,
    /// Orders of ours that rested, and how much of each traded.
    fills: Vec<(u64, u64)>,
    /// How much the message's order traded, with whomever.
    traded_lots: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Terms {
    /// Where it is told, what can still trade, else the whole quantity.
    told: Rests,
    is_remaining: bool,
}

/// Messages as they are told, each number once and in their order.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub changes: Vec<Change>,
    /// Messages that cannot be understood: the number of each, and the first in words.
    pub unclear: Vec<u64>,
    pub first_unclear: Option<String>,
}

impl Stream {
    /// Reads messages; of those with one number the first counts.
    pub fn of<'r>(
        input: &Input,
        plan: &Plan,
        rows: impl IntoIterator<Item = &'r BookRow>,
    ) -> Stream {
        let mut rows: Vec<&BookRow> = rows.into_iter().collect();
        rows.sort_by_key(|row| row.sequence);
        rows.dedup_by_key(|row| row.sequence);
        let (mut stream, reader) = (Stream::default(), Reader { input, plan });
        for row in rows {
            match reader.change(row) {
                Ok(change) => stream.changes.push(change),
                Err(why) => {
                    stream.unclear.push(row.sequence);
                    stream
                        .first_unclear
                        .get_or_insert(format!("message {}: {why}", row.sequence));
                }
            }
        }
        stream
    }

    /// How many numbers between these two never came, both included, and the first of them.
    pub fn missing(&self, from: u64, to: u64) -> Option<(u64, u64)> {
        let unclear = self.unclear.iter().copied();
        let mut numbers: Vec<u64> = self.changes.iter().map(|it| it.sequence).collect();
        numbers.extend(unclear);
        numbers.sort_unstable();
        numbers.retain(|number| (from..=to).contains(number));
        let missing = (to + 1).saturating_sub(from) - numbers.len() as u64;
        let first = (from..=to).zip(numbers.iter().copied().map(Some).chain([None]));
        let mut first = first.filter(|(wanted, number)| *number != Some(*wanted));
        (missing > 0).then(|| (missing, first.next().map_or(to, |(wanted, _)| wanted)))
    }

    /// How many messages up to this one cannot be understood.
    pub fn unclear_up_to(&self, sequence: u64) -> usize {
        self.unclear.partition_point(|it| *it <= sequence)
    }
}

struct Reader<'a> {
    input: &'a Input,
    plan: &'a Plan,
}

impl Reader<'_> {
    fn change(&self, row: &BookRow) -> Result<Change, &'static str> {
        let changes = match row.event {
            BookEvent::Accepted | BookEvent::Replaced | BookEvent::Cancelled => true,
            BookEvent::Other | BookEvent::Snapshot | BookEvent::Listed | BookEvent::Whole => false,
        };
        let mut change = Change {
            sequence: row.sequence,
            received_ns: row.received_ns,
            event: row.event,
            order: None,
            terms: None,
            fills: Vec::new(),
            traded_lots: 0,
        };
        if !changes {
            return Ok(change);
        }
        change.order = self.number(row.order.as_ref().ok_or("it names no order")?);
        let symbol = row.symbol.as_deref().and_then(|name| self.symbol(name));
        for fill in &row.fills {
            self.fill(&mut change, fill, symbol)?;
        }
        if change.order.is_some() && row.event != BookEvent::Cancelled {
            change.terms = Some(self.terms(row)?);
        }
        Ok(change)
    }

    fn fill(
        &self,
        change: &mut Change,
        fill: &BookFill,
        symbol: Option<u8>,
    ) -> Result<(), &'static str> {
        let maker = fill.maker.as_ref();
        let maker = self.number(maker.ok_or("a trade does not name the order that rested")?);
        if maker.is_none() && change.order.is_none() {
            return Ok(());
        }
        let symbol = symbol.ok_or("it names no symbol of the load")?;
        let lots = fill.quantity.and_then(|it| self.lots(symbol, it));
        let lots = lots.ok_or("a trade does not say of how much, in whole lots")?;
        change.traded_lots += lots;
        change.fills.extend(maker.map(|maker| (maker, lots)));
        Ok(())
    }

    fn terms(&self, row: &BookRow) -> Result<Terms, &'static str> {
        Ok(Terms {
            told: self.rests(row)?,
            is_remaining: row.remaining.is_some(),
        })
    }

    /// Where an order stands, with what can still trade if the row says so, else with all of it.
    fn rests(&self, row: &BookRow) -> Result<Rests, &'static str> {
        let symbol = row.symbol.as_deref().and_then(|name| self.symbol(name));
        let symbol = symbol.ok_or("it names no symbol of the load")?;
        let instrument = &self.plan.load.symbols[usize::from(symbol)].instrument;
        let price = row.price.and_then(|it| it.in_units_of(instrument.tick));
        let quantity = row.remaining.or(row.quantity);
        let lots = quantity.and_then(|it| self.lots(symbol, it));
        Ok(Rests {
            symbol,
            side: row.side.ok_or("it says no side")?,
            price_ticks: price.ok_or("it says no price, in whole ticks")?,
            lots: lots.ok_or("it says no quantity, in whole lots")?,
        })
    }

    fn symbol(&self, name: &str) -> Option<u8> {
        let mut symbols = self.plan.load.symbols.iter();
        symbols
            .position(|known| known.name == name)
            .map(|symbol| symbol as u8)
    }

    fn lots(&self, symbol: u8, quantity: Decimal) -> Option<u64> {
        let instrument = &self.plan.load.symbols[usize::from(symbol)].instrument;
        u64::try_from(quantity.in_units_of(instrument.lot)?).ok()
    }

    fn number(&self, named: &Named) -> Option<u64> {
        number_of(match named {
            Named::Slot(slot) => Whose::Slot(*slot),
            Named::Sentinel(number) => Whose::Sentinel(*number),
            Named::Other(id) => self.input.whose(id),
        })
    }
}

/// The list of what rests that somebody who came late was told last: up to which number, and what.
///
/// # Errors
/// Why there is none.
pub(super) fn listed(
    input: &Input,
    plan: &Plan,
    rows: &[BookRow],
) -> Result<(u64, Resting), String> {
    let end = rows.iter().rposition(|row| row.event == BookEvent::Whole);
    let end = end.ok_or("what rests was not told to its end")?;
    let begin = rows[..end]
        .iter()
        .rposition(|row| row.event == BookEvent::Snapshot);
    let begin = begin.ok_or("what rests was not told from its beginning")?;
    let reader = Reader { input, plan };
    let mut resting = Resting::new();
    for row in &rows[begin + 1..end] {
        let order = row.order.as_ref().ok_or("an entry names no order")?;
        if let Some(number) = reader.number(order) {
            let rests = reader.rests(row);
            resting.insert(number, rests.map_err(|why| format!("an entry: {why}"))?);
        }
    }
    Ok((rows[end].sequence, resting))
}

/// Books on which messages are done.
#[derive(Debug, Clone, Default)]
pub(super) struct Books {
    pub resting: Resting,
    /// How much of an order has traded.
    filled: HashMap<u64, u64>,
}

impl Books {
    /// Books with what rests already.
    pub fn with(resting: Resting) -> Books {
        Books {
            resting,
            filled: HashMap::new(),
        }
    }

    /// Does what a message tells; returns the orders of ours that it changed.
    pub fn apply(&mut self, change: &Change) -> Vec<u64> {
        for (maker, lots) in &change.fills {
            *self.filled.entry(*maker).or_default() += lots;
            if let Some(rests) = self.resting.get_mut(maker) {
                rests.lots = rests.lots.saturating_sub(*lots);
                if rests.lots == 0 {
                    self.resting.remove(maker);
                }
            }
        }
        if let Some(order) = change.order {
            self.change(order, change);
        }
        let makers = change.fills.iter().map(|(maker, _)| *maker);
        makers.chain(change.order).collect()
    }

    fn change(&mut self, order: u64, change: &Change) {
        if change.traded_lots > 0 {
            *self.filled.entry(order).or_default() += change.traded_lots;
        }
        let filled = self.filled.get(&order).copied().unwrap_or(0);
        let rests = match (change.event, change.terms) {
            (BookEvent::Accepted | BookEvent::Replaced, Some(terms)) => Some(Rests {
                lots: match terms.is_remaining {
                    true => terms.told.lots,
                    false => terms.told.lots.saturating_sub(filled),
                },
                ..terms.told
            }),
            (BookEvent::Cancelled, _) => None,
            _ => return,
        };
        match rests.filter(|rests| rests.lots > 0) {
            Some(rests) => self.resting.insert(order, rests),
            None => self.resting.remove(&order),
        };
    }
}

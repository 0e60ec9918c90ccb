//! One copy's orders and trades, in ticks and lots, by our numbers.

use std::collections::BTreeMap;
use std::io;

use shakedown_record::Decimal;
use shakedown_record::event::CopiedDepth;
use shakedown_record::ledger::Side;
use shakedown_record::readback::{
    DepthOf, ReadKind, Row, Trade, read_copied_depth, read_copied_trades, read_rows,
};
use shakedown_scenarios::plan::{EnvironmentPlan, FieldMap, Plan, ReadBack};

use crate::data_loss::CopyRead;
use crate::input::{Input, Whose};

/// Sentinel orders are numbered from here on; below are the slots.
const SENTINELS: u64 = 1 << 48;

/// Whether an order can still trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Filled,
    /// Neither: cancelled, or taken out by the engine.
    Ended,
}

/// An order as a copy has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub symbol: u8,
    pub side: Side,
    pub price_ticks: i64,
    pub lots: u64,
    pub state: State,
    pub filled: Option<u64>,
    pub remaining: Option<u64>,
    pub sequence: Option<u64>,
    pub replaced: Option<u64>,
    pub cancelled: Option<u64>,
}

/// A trade between two orders; `None`: not one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Traded {
    pub id: String,
    pub maker: Option<u64>,
    pub taker: Option<u64>,
    pub price: Decimal,
    pub quantity: Decimal,
    pub sequence: Option<u64>,
}

/// A copy, or all of them where each holds a part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CopyBook {
    pub name: String,
    pub orders: BTreeMap<u64, Held>,
    /// `None`: not read, or not all of them.
    pub trades: Option<Vec<Traded>>,
    /// How many orders of others it listed; `None`: nobody counted.
    pub foreign: Option<u64>,
    /// Its watermark when its orders were listed.
    pub mark: Option<u64>,
    /// How much rests at each price, by its own account. `None`: the profile does not say where that is.
    pub depth: Option<Result<Vec<DepthOf>, String>>,
}

/// What was read of all copies.
#[derive(Debug, Default)]
pub(super) struct Copies {
    pub all: Vec<CopyBook>,
    /// Why not every copy is among them.
    pub unread: Vec<String>,
    /// Why orders of others may have traded with ours; `None`: they did not.
    pub others: Option<String>,
}

/// The slot of an order; `None` for a sentinel.
pub(super) fn slot_of(number: u64) -> Option<u64> {
    (number < SENTINELS).then_some(number)
}

/// The number of an order of ours.
pub(super) fn number_of(whose: Whose) -> Option<u64> {
    match whose {
        Whose::Slot(slot) => Some(slot).filter(|slot| *slot < SENTINELS),
        Whose::Sentinel(n) => n.checked_add(SENTINELS),
        Whose::Stranger | Whose::Foreign => None,
    }
}

/// The id of an order, by its number.
pub(super) fn id_of(input: &Input, number: u64) -> String {
    match slot_of(number) {
        Some(slot) => input.order_id(slot),
        None => format!("{}-s{}", input.facts.prefix(), number - SENTINELS),
    }
}

impl Copies {
    /// Reads the copies again, as the converged read found them.
    pub fn read(input: &Input, plan: &Plan, reads: &[(ReadKind, Vec<CopyRead>)]) -> Copies {
        Copies::of(input, plan, reads, ReadKind::Converged)
    }

    /// The same, as another read of all copies found them.
    pub fn of(
        input: &Input,
        plan: &Plan,
        reads: &[(ReadKind, Vec<CopyRead>)],
        kind: ReadKind,
    ) -> Copies {
        let mut copies = Copies::each(input, plan, reads, kind);
        if !plan.system.copies_are_equal() {
            copies.join();
        }
        copies.others = others(plan, &copies.all);
        copies
    }

    /// The same, each copy by itself, also where it holds a part only.
    pub fn each(
        input: &Input,
        plan: &Plan,
        reads: &[(ReadKind, Vec<CopyRead>)],
        kind: ReadKind,
    ) -> Copies {
        let mut copies = Copies::default();
        let made = reads.iter().find(|(read, _)| *read == kind);
        let (Some((_, known)), Some(fields)) = (made, fields(plan)) else {
            let why = format!("the copies were not read {}", kind.moment());
            copies.unread.push(why);
            return copies;
        };
        let reader = Reader {
            input,
            plan,
            fields,
            kind,
        };
        for copy in known {
            match (&copy.unread, reader.copy(&copy.replica)) {
                (Some(why), _) => copies.unread.push(why.clone()),
                (None, Ok(book)) => copies.all.push(book),
                (None, Err(why)) => copies.unread.push(format!("{}: {why}", copy.replica)),
            }
        }
        copies.others = others(plan, &copies.all);
        copies
    }

    /// Takes copies that hold a part each as one.
    fn join(&mut self) {
        if self.all.len() < 2 {
            return;
        }
        let mut parts = std::mem::take(&mut self.all).into_iter();
        let mut whole = parts.next().unwrap_or_default();
        for part in parts {
            whole.name = format!("{}, {}", whole.name, part.name);
            for (number, held) in part.orders {
                whole.orders.entry(number).or_insert(held);
            }
            // A trade may be told by several replicas of a part, under an id that another part has too.
            whole.trades = None;
            whole.foreign = whole.foreign.zip(part.foreign).map(|(a, b)| a + b);
        }
        self.all.push(whole);
    }

    /// An order as the first copy that has it shows it.
    pub fn held(&self, number: u64) -> Option<&Held> {
        self.all.iter().find_map(|copy| copy.orders.get(&number))
    }
}

/// Why orders of others may have traded with ours, or stood in their way.
fn others(plan: &Plan, copies: &[CopyBook]) -> Option<String> {
    match plan.environment {
        // What Shakedown has started itself nobody else knows.
        EnvironmentPlan::Local { .. } => return None,
        EnvironmentPlan::External(_)
        | EnvironmentPlan::Docker(_)
        | EnvironmentPlan::Kubernetes(_) => {}
    }
    let has_none = |copy: &CopyBook| {
        let mixed = |trade: &Traded| trade.maker.is_some() != trade.taker.is_some();
        let traded_alone = copy.trades.as_ref().map(|all| !all.iter().any(mixed));
        copy.foreign == Some(0) || traded_alone == Some(true)
    };
    let mixed = copies.iter().find(|copy| !has_none(copy))?;
    Some(format!(
        "orders of others are on {}, and may have traded with ours",
        mixed.name
    ))
}

fn fields(plan: &Plan) -> Option<&FieldMap> {
    match plan.system.read_back.as_ref()? {
        ReadBack::List { fields, .. } => Some(fields),
        ReadBack::ById { .. } => None,
    }
}

struct Reader<'a> {
    input: &'a Input,
    plan: &'a Plan,
    fields: &'a FieldMap,
    kind: ReadKind,
}

impl Reader<'_> {
    fn copy(&self, replica: &str) -> Result<CopyBook, String> {
        let root = &self.input.root;
        let words = |error: io::Error| format!("its rows cannot be read: {error}");
        let mut book = CopyBook {
            name: replica.to_string(),
            ..CopyBook::default()
        };
        for row in read_rows(root, self.kind, replica).map_err(words)? {
            let row = row.map_err(words)?;
            let Some(number) = self.number(&row.id).filter(|_| row.found) else {
                continue;
            };
            let held = self.held(number, &row);
            let held = held.ok_or_else(|| format!("the row of {} cannot be understood", row.id))?;
            book.orders.entry(number).or_insert(held);
        }
        let mut reads = self.input.facts.reads.iter().rev();
        let done = reads.find(|it| it.read == self.kind && it.replica == replica);
        book.foreign = done.and_then(|done| done.foreign);
        book.mark = done.and_then(|done| done.watermark);
        book.depth = self.depth(replica, done.and_then(|done| done.depth.as_ref()));
        let told = done.and_then(|done| done.trades.as_ref());
        if let Some(told) = told.filter(|told| told.incomplete.is_none()) {
            let trades = read_copied_trades(root, self.kind, replica).map_err(words)?;
            let trades = trades.unwrap_or_default();
            if trades.len() as u64 != told.rows {
                return Err("its trades are not as many as were read".to_string());
            }
            let all = trades.iter().map(|trade| self.traded(trade));
            let all: Option<Vec<Traded>> = all.collect();
            book.trades = Some(all.ok_or("a trade cannot be understood")?);
        }
        Ok(book)
    }

    /// What it says of its depth, and why not, where it was asked.
    fn depth(
        &self,
        replica: &str,
        done: Option<&CopiedDepth>,
    ) -> Option<Result<Vec<DepthOf>, String>> {
        let done = done?;
        if let Some(why) = &done.incomplete {
            return Some(Err(why.clone()));
        }
        let read = read_copied_depth(&self.input.root, ReadKind::Converged, replica);
        Some(match read.map(Option::unwrap_or_default) {
            Ok(depth) if depth.len() as u64 == done.symbols => Ok(depth),
            Ok(_) => Err("its depth is not of as many symbols as were read".to_string()),
            Err(error) => Err(format!("its depth cannot be read: {error}")),
        })
    }

    fn number(&self, id: &str) -> Option<u64> {
        number_of(self.input.whose(id))
    }

    fn held(&self, number: u64, row: &Row) -> Option<Held> {
        let sent = slot_of(number).and_then(|slot| self.input.orders.get(slot));
        let symbols = &self.plan.load.symbols;
        let symbol = match &row.symbol {
            Some(name) => symbols.iter().position(|known| known.name == *name)?,
            None => usize::from(sent?.symbol),
        };
        let instrument = &symbols.get(symbol)?.instrument;
        let lots = |text: &str| {
            let value: Decimal = text.parse().ok()?;
            u64::try_from(value.in_units_of(instrument.lot)?).ok()
        };
        // What the profile names and the row does not have is not understood; what it does not name is not known.
        let quantity = |text: &Option<String>| match text {
            Some(text) => lots(text).map(Some),
            None => Some(None),
        };
        let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
        let price: Decimal = row.price.as_ref()?.parse().ok()?;
        Some(Held {
            symbol: symbol as u8,
            side: match &row.side {
                Some(name) => self.side(name)?,
                None => sent?.side,
            },
            price_ticks: price.in_units_of(instrument.tick)?,
            lots: lots(row.quantity.as_ref()?)?,
            state: self.state(row),
            filled: quantity(&row.filled)?,
            remaining: quantity(&row.remaining)?,
            sequence: number(&row.sequence),
            replaced: number(&row.replaced_sequence),
            cancelled: number(&row.cancelled_sequence),
        })
    }

    fn side(&self, name: &str) -> Option<Side> {
        let [buy, sell] = &self.plan.system.orders.side_names;
        if name.eq_ignore_ascii_case(buy) {
            return Some(Side::Buy);
        }
        name.eq_ignore_ascii_case(sell).then_some(Side::Sell)
    }

    /// An order without a state counts as open, as everywhere.
    fn state(&self, row: &Row) -> State {
        let is_in = |states: &[String]| row.state.as_ref().is_none_or(|it| states.contains(it));
        if is_in(&self.fields.open_states) {
            return State::Open;
        }
        match is_in(&self.fields.filled_states) {
            true => State::Filled,
            false => State::Ended,
        }
    }

    fn traded(&self, trade: &Trade) -> Option<Traded> {
        Some(Traded {
            id: trade.id.clone(),
            maker: self.number(&trade.maker),
            taker: self.number(&trade.taker),
            price: trade.price.parse().ok()?,
            quantity: trade.quantity.parse().ok()?,
            sequence: match &trade.sequence {
                Some(text) => Some(text.parse().ok()?),
                None => None,
            },
        })
    }
}

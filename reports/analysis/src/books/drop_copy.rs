//! The drop copy beside what clients were told: every acceptance, replace, cancel and fill in it once, with the same values,
//! and nothing else.
//!
//! The two streams are compared by what they say, not by the moment: the session waits until nothing comes any more. A
//! report that is missing is only a contradiction when the session was there at the end; one that says something else, or
//! of what never was, always is.

use std::collections::{BTreeMap, HashMap};

use shakedown_record::Decimal;
use shakedown_record::ledger::{
    CopiedReport, DropCopyEnd, Entry, OrderKind, Side, read_drop_copy, read_drop_copy_end,
};
use shakedown_record::readback::ReadKind;
use shakedown_record::run_record::DropCopyRecord;
use shakedown_scenarios::plan::{Plan, ReadBack, RuleKind};

use super::copy::{Copies, Traded, slot_of};
use crate::data_loss::CopyRead;
use crate::input::{Fate, Input, Whose};

/// Contradictions that are told in full.
const KEPT: usize = 5;

/// What the drop copy came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Reports, each counted once.
    pub reports: u64,
    /// Acknowledged requests that were looked for.
    pub requests: u64,
    /// Sides of trades that were looked for; `None`: no copy's trades were read.
    pub fills: Option<u64>,
    pub contradictions: u64,
    /// The first contradictions, and the order of each; `None`: no slot stands for it.
    pub first: Vec<(String, Option<u64>)>,
    /// Why there may be more.
    pub open: Option<String>,
}

impl Copied {
    /// As it stands in `record.json`.
    pub fn record(&self) -> DropCopyRecord {
        DropCopyRecord {
            reports: self.reports,
            requests: self.requests,
            fills: self.fills,
            contradictions: self.contradictions,
            open: self.open.clone(),
            examples: self.first.iter().map(|(text, _)| text.clone()).collect(),
        }
    }

    fn add(&mut self, slot: Option<u64>, text: String) {
        self.contradictions += 1;
        if self.first.len() < KEPT {
            self.first.push((text, slot));
        }
    }
}

/// What a report tells (ExecType, 150).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    New,
    Cancelled,
    Replaced,
    Traded,
}

impl Told {
    fn of(report: &CopiedReport) -> Option<Told> {
        match report.exec_type.as_str() {
            "0" => Some(Told::New),
            "4" => Some(Told::Cancelled),
            "5" => Some(Told::Replaced),
            "F" => Some(Told::Traded),
            // Refusals, pending states and answers to questions change no order.
            _ => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Told::New => "acceptance",
            Told::Cancelled => "cancel",
            Told::Replaced => "replace",
            Told::Traded => "fill",
        }
    }
}

/// Compares; `None` when no rule asks.
pub(crate) fn drop_copy(
    input: &Input,
    plan: &Plan,
    reads: &[(ReadKind, Vec<CopyRead>)],
) -> Option<Copied> {
    let mut rules = plan.rules.iter();
    rules.find(|rule| rule.kind == RuleKind::DropCopy)?;
    let ledger = input.root.join("ledger");
    let (reports, end) = match (read_drop_copy(&ledger), read_drop_copy_end(&ledger)) {
        (Ok(reports), Ok(end)) => (reports, end),
        (Err(error), _) | (_, Err(error)) => {
            return Some(Copied {
                open: Some(error.to_string()),
                ..Copied::default()
            });
        }
    };
    let mut comparing = Comparing {
        input,
        plan,
        found: Copied::default(),
        told: BTreeMap::new(),
        is_whole: false,
    };
    comparing.found.open = comparing.why_not_whole(&reports, end);
    comparing.is_whole = comparing.found.open.is_none();
    comparing.sort(&reports);
    comparing.requests();
    comparing.fills(reads);
    Some(comparing.found)
}

struct Comparing<'a, 'r> {
    input: &'a Input,
    plan: &'a Plan,
    found: Copied,
    /// What was told of each order.
    told: BTreeMap<(u64, Told), Vec<&'r CopiedReport>>,
    /// The session was there at the end: what is not in it was not sent.
    is_whole: bool,
}

impl<'r> Comparing<'_, 'r> {
    fn why_not_whole(&self, reports: &[CopiedReport], end: Option<DropCopyEnd>) -> Option<String> {
        if reports.is_empty() {
            return Some("the drop copy received nothing".to_string());
        }
        match end {
            Some(end) if end.complete => None,
            Some(_) => Some("the drop copy session was not logged on in the end".to_string()),
            None => Some("the drop copy session did not come to its end".to_string()),
        }
    }

    /// Sorts the reports by order, each once, and tells of those of which there should be none.
    fn sort(&mut self, reports: &'r [CopiedReport]) {
        let mut known: HashMap<&str, &CopiedReport> = HashMap::new();
        for report in reports {
            if let Some(first) = known.get(report.exec_id.as_str()) {
                if !says_the_same(first, report) {
                    let slot = self.order(&report.id).map(|(slot, _)| slot);
                    let (exec_id, id) = (&report.exec_id, &report.id);
                    let text =
                        format!("report {exec_id} of {id} says another thing the second time");
                    self.found.add(slot, text);
                }
                continue;
            }
            known.insert(&report.exec_id, report);
            self.found.reports += 1;
            if let Some(told) = Told::of(report) {
                self.place(report, told);
            }
        }
    }

    fn place(&mut self, report: &'r CopiedReport, told: Told) {
        match self.input.whose(&report.id) {
            Whose::Slot(_) => {}
            Whose::Stranger => {
                let words = told.words();
                let text = format!("{words} of {}, which was never sent", report.id);
                return self.found.add(None, text);
            }
            Whose::Sentinel(_) | Whose::Foreign => return,
        }
        let Some((slot, entry)) = self.order(&report.id) else {
            let text = format!("{} of {}, which was never sent", told.words(), report.id);
            return self.found.add(None, text);
        };
        if let Fate::Absent(outcome) = self.input.fate(slot, &entry) {
            let name = outcome.name();
            let text = format!("{} of {}, which was {name}", told.words(), report.id);
            return self.found.add(Some(slot), text);
        }
        self.told.entry((slot, told)).or_default().push(report);
    }

    /// The order that an id is of: its own, or that of a request to change it.
    fn order(&self, id: &str) -> Option<(u64, Entry)> {
        let Whose::Slot(slot) = self.input.whose(id) else {
            return None;
        };
        let entry = self.input.orders.get(slot)?;
        match entry.kind {
            OrderKind::New | OrderKind::Oversized => Some((slot, entry)),
            OrderKind::Cancel | OrderKind::Replace => {
                let target = entry.target?;
                Some((target, self.input.orders.get(target)?))
            }
            OrderKind::Request => None,
        }
    }

    /// Looks for every request that was acknowledged while the load ran.
    fn requests(&mut self) {
        let mut missing = 0_u64;
        for (slot, entry) in self.input.orders.iter() {
            if !self.was_done_in_time(slot, &entry) {
                continue;
            }
            let (order, told) = match (entry.kind, entry.target) {
                (OrderKind::New | OrderKind::Oversized, _) => (slot, Told::New),
                (OrderKind::Cancel, Some(target)) => (target, Told::Cancelled),
                (OrderKind::Replace, Some(target)) => (target, Told::Replaced),
                (OrderKind::Cancel | OrderKind::Replace, None) | (OrderKind::Request, _) => {
                    continue;
                }
            };
            self.found.requests += 1;
            let of = self.input.orders.get(order).unwrap_or(entry);
            let entry = Entry {
                symbol: of.symbol,
                side: of.side,
                ..entry
            };
            let reports = self.told.get(&(order, told)).map_or(&[][..], Vec::as_slice);
            let wrong = wrong(self.plan, &entry, told, reports);
            let Some(wrong) = wrong else { continue };
            if reports.is_empty() && !self.is_whole {
                missing += 1;
                continue;
            }
            let text = format!(
                "{} of {}: {wrong}",
                told.words(),
                self.input.order_id(order)
            );
            self.found.add(Some(order), text);
        }
        if let Some(open) = self.found.open.as_mut().filter(|_| missing > 0) {
            open.push_str(&format!("; {missing} acknowledged requests are not in it"));
        }
    }

    /// It was acknowledged before the load stopped, to whoever sent it first.
    fn was_done_in_time(&self, slot: u64, entry: &Entry) -> bool {
        let end_ns = self.input.end_ns();
        matches!(self.input.fate(slot, entry), Fate::Acked { at_ns } if at_ns <= end_ns)
    }

    /// Compares the fills with the trades that were read of a copy.
    fn fills(&mut self, reads: &[(ReadKind, Vec<CopyRead>)]) {
        let copies = Copies::read(self.input, self.plan, reads);
        let Some(trades) = copies.all.iter().find_map(|copy| copy.trades.as_ref()) else {
            if reads_trades(self.plan) {
                let why = "no copy's trades were read";
                self.found.open.get_or_insert_with(|| why.to_string());
            }
            return;
        };
        let mut balance: HashMap<Fill, Balance> = HashMap::new();
        let mut sides = 0;
        for trade in trades {
            for number in [trade.maker, trade.taker].into_iter().flatten() {
                let Some(slot) = slot_of(number) else {
                    continue;
                };
                sides += 1;
                let balance = balance.entry(Fill::of_trade(slot, trade)).or_default();
                balance.read += 1;
                balance.in_time += u64::from(self.is_between_known(trade));
            }
        }
        for ((slot, told), reports) in &self.told {
            for report in reports.iter().filter(|_| *told == Told::Traded) {
                if let Some(fill) = Fill::of_report(*slot, report) {
                    balance.entry(fill).or_default().told += 1;
                }
            }
        }
        self.found.fills = Some(sides);
        let mut balance: Vec<(Fill, Balance)> = balance.into_iter().collect();
        balance.sort_by_key(|(fill, _)| fill.slot);
        for (fill, balance) in balance {
            let lacks = self.is_whole && balance.told < balance.in_time;
            if lacks || balance.told > balance.read {
                let text = format!(
                    "fills of {} with {} at {}: {} in the drop copy, {} on the copies",
                    self.input.order_id(fill.slot),
                    fill.quantity,
                    fill.price,
                    balance.told,
                    balance.read
                );
                self.found.add(Some(fill.slot), text);
            }
        }
    }

    /// Both orders of a trade were acknowledged while the load ran, so that the trade was made then.
    fn is_between_known(&self, trade: &Traded) -> bool {
        let is_known = |number: Option<u64>| {
            let slot = number.and_then(slot_of);
            let entry = slot.and_then(|slot| Some((slot, self.input.orders.get(slot)?)));
            entry.is_some_and(|(slot, entry)| self.was_done_in_time(slot, &entry))
        };
        is_known(trade.maker) && is_known(trade.taker)
    }
}

fn reads_trades(plan: &Plan) -> bool {
    match &plan.system.read_back {
        Some(ReadBack::List { trades, .. }) => trades.is_some(),
        Some(ReadBack::ById { .. }) | None => false,
    }
}

/// A fill of an order; several are alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Fill {
    slot: u64,
    price: Decimal,
    quantity: Decimal,
}

impl Fill {
    fn of_trade(slot: u64, trade: &Traded) -> Fill {
        Fill {
            slot,
            price: trade.price,
            quantity: trade.quantity,
        }
    }

    /// `None` when it does not say of how much, and at which price.
    fn of_report(slot: u64, report: &CopiedReport) -> Option<Fill> {
        Some(Fill {
            slot,
            price: report.last_price.as_ref()?.parse().ok()?,
            quantity: report.last_quantity.as_ref()?.parse().ok()?,
        })
    }
}

/// How often a fill is there.
#[derive(Debug, Clone, Copy, Default)]
struct Balance {
    /// In the trades of a copy, and among those, by orders that were acknowledged while the load ran.
    read: u64,
    in_time: u64,
    /// In the drop copy.
    told: u64,
}

/// What is wrong with what the drop copy told of a request; `None` when nothing is.
fn wrong(plan: &Plan, entry: &Entry, told: Told, reports: &[&CopiedReport]) -> Option<String> {
    let Some(first) = reports.first() else {
        return Some("acknowledged, and not in the drop copy".to_string());
    };
    match told {
        Told::New | Told::Cancelled if reports.len() > 1 => {
            Some(format!("told {} times", reports.len()))
        }
        Told::New => differs(plan, entry, first),
        // What was cancelled is told with values that replaces may have changed.
        Told::Cancelled | Told::Traded => None,
        Told::Replaced => {
            let differences = reports.iter().map(|report| differs(plan, entry, report));
            let all: Option<Vec<String>> = differences.collect();
            all?.into_iter().next()
        }
    }
}

/// Where a report says something else than was sent.
fn differs(plan: &Plan, entry: &Entry, report: &CopiedReport) -> Option<String> {
    let symbol = plan.load.symbols.get(usize::from(entry.symbol))?;
    let side = match entry.side {
        Side::Buy => "1",
        Side::Sell => "2",
    };
    let instrument = &symbol.instrument;
    let price = instrument.tick.times(entry.price_ticks);
    let quantity = instrument.lot.times(i64::from(entry.quantity_lots));
    let other = |text: &Option<String>, sent: &str| {
        let text = text.as_ref()?;
        (text != sent).then(|| text.clone())
    };
    let number = |text: &Option<String>, sent: Decimal| {
        let text = text.as_ref()?;
        (text.parse::<Decimal>() != Ok(sent)).then(|| text.clone())
    };
    let all = [
        (
            "symbol",
            other(&report.symbol, &symbol.name),
            symbol.name.clone(),
        ),
        ("side", other(&report.side, side), side.to_string()),
        ("price", number(&report.price, price), price.to_string()),
        (
            "quantity",
            number(&report.quantity, quantity),
            quantity.to_string(),
        ),
    ];
    let (name, found, sent) = all.into_iter().find(|(_, found, _)| found.is_some())?;
    Some(format!("{name} {}, sent {sent}", found?))
}

/// Two reports under one id say the same of an order.
fn says_the_same(one: &CopiedReport, other: &CopiedReport) -> bool {
    let said = |report: &CopiedReport| CopiedReport {
        // What belongs to the message and not to what it reports.
        mono_ns: 0,
        node: None,
        number: 0,
        repeat: false,
        text: None,
        ..report.clone()
    };
    said(one) == said(other)
}

//! What a replay found, as a person reads it.

use shakedown_history::{Ask, Effect, Finding, Learned, Operation};
use shakedown_record::ledger::OrderKind;
use shakedown_scenarios::plan::Plan;

use super::copy::{id_of, slot_of};
use crate::data_loss::side_name;
use crate::input::Input;
use crate::words::moment_s;

/// Words for one run.
pub(super) struct Words<'a> {
    pub input: &'a Input,
    pub plan: &'a Plan,
}

impl Words<'_> {
    /// A finding; `copies`: who tells what it is held against.
    pub fn finding(&self, finding: &Finding, copies: &str) -> String {
        let id = |number: u64| id_of(self.input, number);
        match *finding {
            Finding::SameNumber {
                sequence,
                first,
                second,
            } => format!(
                "{} and {} were both given the sequence number {sequence}",
                self.named(first),
                self.named(second)
            ),
            Finding::OutOfTime { first, second } => format!(
                "{} was acknowledged before {} was sent, and has the higher sequence number",
                self.named(first),
                self.named(second)
            ),
            Finding::Impossible { number, effect, .. } => format!(
                "{} was acknowledged, and could not be done at its place in the engine's order: {}",
                self.named(number),
                effect_words(effect)
            ),
            Finding::WronglyRefused { number, order } => format!(
                "{} was refused, and {} could be cancelled all the while",
                self.named(number),
                id(order)
            ),
            Finding::OtherwiseTraded {
                number,
                order,
                read,
                replayed,
            } => format!(
                "{} made {} trade {}, by the trades of {copies}; by price and time it trades {}",
                self.named(number),
                id(order),
                self.lots(order, read),
                self.lots(order, replayed)
            ),
            Finding::OtherwiseFilled {
                order,
                read,
                replayed,
            } => format!(
                "{} of {} had traded in the end, by {copies}; by the replay {}",
                self.lots(order, read),
                id(order),
                self.lots(order, replayed)
            ),
            Finding::OtherwiseOpen {
                order,
                read,
                replayed,
            } => {
                format!(
                    "{} is {} on {copies}, and {} by the replay",
                    id(order),
                    self.open(order, read),
                    self.open(order, replayed)
                )
            }
        }
    }

    /// How much of an order is open; `None`: it is not.
    pub fn open(&self, order: u64, lots: Option<u64>) -> String {
        lots.map_or("not open".to_string(), |lots| {
            format!("open with {}", self.lots(order, lots))
        })
    }

    /// The request or order that a finding is about.
    pub fn about(&self, finding: &Finding) -> u64 {
        match *finding {
            Finding::SameNumber { second, .. } => second,
            Finding::OutOfTime { first, .. } => first,
            Finding::Impossible { number, .. }
            | Finding::WronglyRefused { number, .. }
            | Finding::OtherwiseTraded { number, .. } => number,
            Finding::OtherwiseFilled { order, .. } | Finding::OtherwiseOpen { order, .. } => order,
        }
    }

    /// An order that bears two numbers.
    pub fn misnumbered(&self, number: u64, told: u64, read: u64) -> String {
        format!(
            "{} was acknowledged with the sequence number {told}, and stands with {read}",
            self.named(number)
        )
    }

    /// A request in the engine's order.
    pub fn request(&self, one: &Operation) -> String {
        let place = one.sequence.map_or(String::new(), |n| format!("{n}: "));
        let when = match (slot_of(one.number), one.answered_ns) {
            (None, _) => "the sentinel".to_string(),
            (Some(_), Some(answered_ns)) => format!(
                "sent at {}, {} at {}",
                moment_s(one.sent_ns as f64 / 1e9),
                match one.learned {
                    Learned::Refused => "refused",
                    Learned::Done { .. } | Learned::Nothing => "acknowledged",
                },
                moment_s(answered_ns as f64 / 1e9)
            ),
            (Some(_), None) => {
                let sent = moment_s(one.sent_ns as f64 / 1e9);
                format!("sent at {sent}, never acknowledged")
            }
        };
        let id = id_of(self.input, one.number);
        format!("{place}{}, {id}, {when}", self.asked(one))
    }

    fn asked(&self, one: &Operation) -> String {
        let at = |order: u64, price_ticks: i64, lots: u32| {
            let price = self.price(order, price_ticks);
            format!("{} at {price}", self.lots(order, u64::from(lots)))
        };
        match one.ask {
            Ask::New {
                side,
                price_ticks,
                lots,
            } => format!("{} {}", side_name(side), at(one.number, price_ticks, lots)),
            Ask::Cancel { order } => format!("cancel of {}", id_of(self.input, order)),
            Ask::Replace {
                order,
                price_ticks,
                lots,
            } => format!(
                "replace of {} by {}",
                id_of(self.input, order),
                at(order, price_ticks, lots)
            ),
        }
    }

    /// A request by what it is: `abc-7`, or `the cancel abc-9 of abc-7`.
    pub fn named(&self, number: u64) -> String {
        let id = id_of(self.input, number);
        let entry = slot_of(number).and_then(|slot| self.input.orders.get(slot));
        let target = entry.and_then(|entry| Some((entry.kind, entry.target?)));
        match target {
            Some((OrderKind::Cancel, order)) => {
                format!("the cancel {id} of {}", id_of(self.input, order))
            }
            Some((OrderKind::Replace, order)) => {
                format!("the replace {id} of {}", id_of(self.input, order))
            }
            Some((OrderKind::New | OrderKind::Oversized | OrderKind::Request, _)) | None => id,
        }
    }

    pub fn lots(&self, order: u64, lots: u64) -> String {
        let lots = i64::try_from(lots).unwrap_or(i64::MAX);
        match self.share(order) {
            Some(share) => format!("{} {}", share.instrument.lot.times(lots), share.name),
            None => format!("{lots} lots"),
        }
    }

    fn price(&self, order: u64, price_ticks: i64) -> String {
        match self.share(order) {
            Some(share) => share.instrument.tick.times(price_ticks).to_string(),
            None => format!("{price_ticks} ticks"),
        }
    }

    fn share(&self, order: u64) -> Option<&shakedown_scenarios::plan::SymbolShare> {
        let entry = self.input.orders.get(slot_of(order)?)?;
        self.plan.load.symbols.get(usize::from(entry.symbol))
    }
}

pub(super) fn effect_words(effect: Effect) -> String {
    use shakedown_history::Refusal;
    match effect {
        Effect::Done { filled_lots } => format!("it trades {filled_lots} lots at once"),
        Effect::Refused(Refusal::Known) => "there is such an order already".to_string(),
        Effect::Refused(Refusal::Unknown) => "there is no such order yet".to_string(),
        Effect::Refused(Refusal::Closed) => "the order is filled or cancelled by then".to_string(),
        Effect::Refused(Refusal::TooLittle) => {
            "more than that of it has traded by then".to_string()
        }
    }
}

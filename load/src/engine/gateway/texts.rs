//! The texts of an order: what templates are filled with.

use std::sync::Arc;

use shakedown_record::Decimal;
use shakedown_record::ledger::Side;
use shakedown_scenarios::plan::LoadPlan;

use super::said::Letter;
use crate::binary::{Kind, Request, Units};
use crate::engine::desk::Job;
use crate::error::LoadError;
use crate::http::{Grid, Vars, append_number};

/// What stands for the number of a session in names of sessions.
pub(super) const SESSION: &str = "{{session}}";

/// What the orders of a thread are called, and buffers for the texts of one of them.
#[derive(Debug)]
pub(crate) struct OrderTexts {
    symbols: Vec<SymbolText>,
    accounts: Vec<String>,
    session_names: Vec<String>,
    side_names: [String; 2],
    prefix: Arc<str>,
    id: String,
    price: String,
    quantity: String,
}

/// A symbol's texts.
#[derive(Debug)]
struct SymbolText {
    name: String,
    tick: Grid,
    lot: Grid,
}

impl OrderTexts {
    /// For the sessions with these numbers.
    ///
    /// # Errors
    /// When a tick or lot of the plan has more digits than can be written.
    pub fn new(
        plan: &LoadPlan,
        side_names: &[String; 2],
        prefix: &str,
        sessions: impl Iterator<Item = u16>,
    ) -> Result<OrderTexts, LoadError> {
        let symbols = plan.symbols.iter().map(|symbol| {
            let grid = |step: Decimal| {
                Grid::new(step).ok_or_else(|| LoadError::Plan {
                    what: format!("tick or lot of {} is too large", symbol.name),
                })
            };
            Ok(SymbolText {
                name: symbol.name.clone(),
                tick: grid(symbol.instrument.tick)?,
                lot: grid(symbol.instrument.lot)?,
            })
        });
        Ok(OrderTexts {
            symbols: symbols.collect::<Result<_, LoadError>>()?,
            accounts: plan.accounts.clone(),
            session_names: sessions.map(|session| session.to_string()).collect(),
            side_names: side_names.clone(),
            prefix: prefix.into(),
            id: String::new(),
            price: String::new(),
            quantity: String::new(),
        })
    }

    /// Frames give a text one byte for its length.
    ///
    /// # Errors
    /// When a symbol or account is too long for them.
    pub fn refuse_long_names(&self) -> Result<(), LoadError> {
        let symbols = self.symbols.iter().map(|symbol| &symbol.name);
        let mut names = symbols.chain(&self.accounts);
        match names.find(|name| name.len() > usize::from(u8::MAX)) {
            None => Ok(()),
            Some(name) => Err(LoadError::Plan {
                what: format!(
                    "'{name}' is longer than the {} bytes that a frame has for it",
                    u8::MAX
                ),
            }),
        }
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.session_names.len()
    }

    /// The id of the order that a slot is about.
    pub fn id_of(&mut self, slot: u64, job: &Job) -> &str {
        order_id(&self.prefix, slot, job, &mut self.id);
        &self.id
    }

    /// The text of a session's number.
    pub fn session_name(&self, session: usize) -> &str {
        &self.session_names[session]
    }

    /// A text with the session's number in its places.
    pub fn named(&self, text: &str, session: usize) -> String {
        text.replace(SESSION, self.session_name(session))
    }

    /// The client's id that goes with a slot.
    pub fn id_of_slot(&mut self, slot: u64) -> &str {
        client_id(&self.prefix, slot, &mut self.id);
        &self.id
    }

    /// The slot of the new order that has this id; `None`: it is not of these orders.
    pub fn slot_of(&self, id: &str) -> Option<u64> {
        let number = id.strip_prefix(&*self.prefix)?.strip_prefix('-')?;
        let is_plain = number == "0" || !number.starts_with(['0', '+']);
        number.parse().ok().filter(|_| is_plain)
    }

    /// A letter as a frame.
    pub fn request(&mut self, kind: Kind, letter: &Letter<'_>) -> Request<'_> {
        let job = letter.job;
        let symbol = &self.symbols[usize::from(job.symbol)];
        order_id(&self.prefix, letter.slot, job, &mut self.id);
        let id = self.id.as_str();
        let plain = Request {
            kind,
            number: letter.number,
            id,
            account: "",
            symbol: "",
            side: None,
            price: Units::default(),
            quantity: Units::default(),
        };
        let priced = Request {
            price: symbol.tick.units(job.price_ticks),
            quantity: symbol.lot.units(i64::from(job.quantity_lots)),
            ..plain
        };
        let account = self.accounts.get(usize::from(job.account));
        match kind {
            Kind::Cancel => plain,
            Kind::Replace => priced,
            Kind::New => Request {
                account: account.map_or("", String::as_str),
                symbol: &symbol.name,
                side: Some(job.side),
                ..priced
            },
        }
    }

    /// What stands in the holes of a letter.
    pub fn of(&mut self, letter: &Letter<'_>) -> Vars<'_> {
        let job = letter.job;
        let symbol = &self.symbols[usize::from(job.symbol)];
        self.price.clear();
        symbol.tick.append(job.price_ticks, &mut self.price);
        self.quantity.clear();
        symbol
            .lot
            .append(i64::from(job.quantity_lots), &mut self.quantity);
        order_id(&self.prefix, letter.slot, job, &mut self.id);
        Vars {
            id: Some(&self.id),
            session: Some(&self.session_names[letter.session]),
            account: self
                .accounts
                .get(usize::from(job.account))
                .map(String::as_str),
            symbol: Some(&symbol.name),
            side: Some(match job.side {
                Side::Buy => &self.side_names[0],
                Side::Sell => &self.side_names[1],
            }),
            price: Some(&self.price),
            quantity: Some(&self.quantity),
            ..Vars::default()
        }
    }
}

/// The id of the order that a slot is about: the engine's where it made one, else the client's.
fn order_id(prefix: &str, slot: u64, job: &Job, id: &mut String) {
    match &job.target {
        None => client_id(prefix, slot, id),
        Some(target) => match &target.server_id {
            None => client_id(prefix, target.slot, id),
            Some(known) => known.as_ref().clone_into(id),
        },
    }
}

/// The client order id of a slot.
pub(super) fn client_id(prefix: &str, slot: u64, id: &mut String) {
    id.clear();
    id.push_str(prefix);
    id.push('-');
    append_number(slot, id);
}

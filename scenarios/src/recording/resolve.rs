//! A recorded stream held against an instrument: which order each line means, and what is sent for it.

use std::collections::HashMap;

use shakedown_record::Decimal;
use shakedown_record::ledger::{OrderKind, Side};

use super::line::{Event, Line, Mistake};
use crate::plan::{Instrument, Recorded};

/// Mistakes that are told of one recording.
const MOST_MISTAKES: usize = 20;

/// What a recording is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Against<'a> {
    pub(crate) name: &'a str,
    pub(crate) instrument: &'a Instrument,
    pub(crate) placed: Placed,
    pub(crate) speed: f64,
}

/// How recorded prices become prices of the instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// As they are.
    AsRecorded,
    /// Distances from the first price, in ticks of this many ten-thousandths, around the middle of the band.
    Around { tick: i64 },
}

/// Lines for which nothing is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// About orders that the recording does not show being entered.
    pub(crate) unknown: u64,
    pub(crate) hidden: u64,
    pub(crate) crosses: u64,
    pub(crate) halts: u64,
}

/// What is sent.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) messages: Vec<Recorded>,
    pub(crate) left_out: LeftOut,
}

/// An order of the recording that is still open.
#[derive(Debug, Clone, Copy)]
struct Open {
    message: u32,
    left: u32,
}

/// What is sent for each line, or every mistake up to a number.
pub(crate) fn resolve(lines: &[Line], against: Against) -> Result<Resolved, Vec<Mistake>> {
    let mut resolver = Resolver {
        against,
        first: None,
        open: HashMap::new(),
        resolved: Resolved::default(),
    };
    let mut mistakes = Vec::new();
    for line in lines {
        if let Err(mistake) = resolver.add(line) {
            mistakes.push(mistake);
            if mistakes.len() == MOST_MISTAKES {
                break;
            }
        }
    }
    if mistakes.is_empty() {
        Ok(resolver.resolved)
    } else {
        Err(mistakes)
    }
}

struct Resolver<'a> {
    against: Against<'a>,
    /// Time and price of the first line that is sent.
    first: Option<(u64, i64)>,
    open: HashMap<u64, Open>,
    resolved: Resolved,
}

impl Resolver<'_> {
    fn add(&mut self, line: &Line) -> Result<(), Mistake> {
        match line.event {
            Event::New => self.enter(line),
            Event::PartialCancel => self.reduce(line, OrderKind::Replace, line.side),
            // A visible order was hit: an order of the other side came and took it.
            Event::Executed => self.reduce(line, OrderKind::New, other(line.side)),
            Event::Delete => match self.open.remove(&line.order) {
                Some(open) => {
                    self.send(line, OrderKind::Cancel, line.side, open.left, open.message)
                }
                None => {
                    self.resolved.left_out.unknown += 1;
                    Ok(())
                }
            },
            Event::HiddenExecuted => {
                self.resolved.left_out.hidden += 1;
                Ok(())
            }
            Event::Cross => {
                self.resolved.left_out.crosses += 1;
                Ok(())
            }
            Event::Halt => {
                self.resolved.left_out.halts += 1;
                Ok(())
            }
        }
    }

    fn enter(&mut self, line: &Line) -> Result<(), Mistake> {
        let message = self.next_message(line)?;
        let open = Open {
            message,
            left: line.size,
        };
        if self.open.insert(line.order, open).is_some() {
            return Err(wrong(
                line,
                format!("order {} is entered twice", line.order),
                "an id belongs to one order until it is deleted",
            ));
        }
        self.send(line, OrderKind::New, line.side, line.size, message)
    }

    /// An open order loses some of its size.
    fn reduce(&mut self, line: &Line, kind: OrderKind, side: Side) -> Result<(), Mistake> {
        let Some(open) = self.open.get_mut(&line.order) else {
            self.resolved.left_out.unknown += 1;
            return Ok(());
        };
        let Some(left) = open.left.checked_sub(line.size) else {
            return Err(wrong(
                line,
                format!(
                    "order {} has {} left, less than {}",
                    line.order, open.left, line.size
                ),
                "sizes of an order add up to what was entered",
            ));
        };
        open.left = left;
        let entered = open.message;
        if left == 0 {
            self.open.remove(&line.order);
        }
        match (kind, left) {
            (OrderKind::Replace, 0) => self.send(line, OrderKind::Cancel, side, line.size, entered),
            (OrderKind::Replace, left) => self.send(line, kind, side, left, entered),
            _ => {
                let own = self.next_message(line)?;
                self.send(line, kind, side, line.size, own)
            }
        }
    }

    fn next_message(&self, line: &Line) -> Result<u32, Mistake> {
        u32::try_from(self.resolved.messages.len()).map_err(|_| {
            wrong(
                line,
                "more messages than can be numbered".to_string(),
                "cut the recording",
            )
        })
    }

    fn send(
        &mut self,
        line: &Line,
        kind: OrderKind,
        side: Side,
        lots: u32,
        order: u32,
    ) -> Result<(), Mistake> {
        let instrument = self.against.instrument;
        let (first_ns, first_price) = *self.first.get_or_insert((line.at_ns, line.price));
        let price_ticks = self.ticks(line, first_price)?;
        if instrument.oversized_lots.is_some_and(|most| lots >= most) {
            return Err(wrong(
                line,
                format!(
                    "{lots} lots are more than the largest quantity of {}",
                    self.against.name
                ),
                "a size is in lots; `max` in the profile says how many an order may have",
            ));
        }
        let after_ns = (line.at_ns - first_ns) as f64 / self.against.speed;
        self.resolved.messages.push(Recorded {
            at_ns: after_ns.round() as u64,
            kind,
            side,
            price_ticks,
            quantity_lots: lots,
            order,
        });
        Ok(())
    }

    /// The price in ticks of the instrument, within its band.
    fn ticks(&self, line: &Line, first_price: i64) -> Result<i64, Mistake> {
        let Against {
            name, instrument, ..
        } = self.against;
        let price = Decimal::new(i128::from(line.price), 4);
        let ticks = match self.against.placed {
            Placed::AsRecorded => price.in_units_of(instrument.tick),
            Placed::Around { tick } => {
                let distance = line.price - first_price;
                (distance % tick == 0).then(|| instrument.around_ticks + distance / tick)
            }
        };
        let Some(ticks) = ticks else {
            return Err(wrong(
                line,
                format!("{price} is no whole number of ticks"),
                "the tick is that of the instrument, or with prices: around that of replay.tick",
            ));
        };
        let distance = (ticks - instrument.around_ticks).abs();
        if distance > instrument.band_ticks || ticks < 1 {
            return Err(wrong(
                line,
                format!("{price} is outside the price band of {name}"),
                "widen instruments.*.price.band in the profile, or write prices: around to shift the prices to its middle",
            ));
        }
        Ok(ticks)
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}

fn wrong(line: &Line, message: String, hint: &'static str) -> Mistake {
    Mistake {
        line: line.number,
        column: 1,
        message,
        hint,
    }
}

//! An image of the exchange at one moment: taken in microseconds, written and read at leisure.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Accounts, Chunks, Exchange, Exposures, Limits, Lines, Memory, Order, Orders, Timers, Trade,
};
use crate::book::Book;
use crate::command::OrderState;
use crate::defects::Defects;
use crate::instruments;
use crate::records::{Record, read_record, write_record};

/// The version of the written form.
const IMAGE_VERSION: u32 = 3;

/// Everything that a replica must know to go on from here. It shares its rows with the exchange it was taken of.
#[derive(Debug, Clone)]
pub struct Image {
    sequence: u64,
    accounts: Vec<Arc<str>>,
    killed: BTreeMap<u32, u64>,
    epochs: BTreeMap<u64, u64>,
    limits: Limits,
    orders: Chunks<Option<Order>>,
    trades: Chunks<Trade>,
}

/// Why an image could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bytes are damaged or cut off.
    #[error(
        "the snapshot is damaged or cut off; remove it, and this node gets a new one from its peers"
    )]
    Damaged,
    /// Whole, but not in a form that this engine knows.
    #[error("the snapshot was written by another version of the engine: {0}")]
    Foreign(String),
}

#[derive(Serialize)]
enum Part<'a> {
    Head {
        version: u32,
        sequence: u64,
        accounts: &'a [Arc<str>],
        killed: &'a BTreeMap<u32, u64>,
        epochs: &'a BTreeMap<u64, u64>,
        limits: &'a Limits,
    },
    Orders(&'a [Option<Order>]),
    Trades(&'a [Trade]),
    End {
        orders: u64,
        trades: u64,
    },
}

#[derive(Deserialize)]
enum OwnedPart {
    Head {
        version: u32,
        sequence: u64,
        accounts: Vec<Arc<str>>,
        killed: BTreeMap<u32, u64>,
        epochs: BTreeMap<u64, u64>,
        limits: Limits,
    },
    Orders(Vec<Option<Order>>),
    Trades(Vec<Trade>),
    End {
        orders: u64,
        trades: u64,
    },
}

impl Image {
    /// Takes an image of `exchange`.
    pub fn of(exchange: &Exchange) -> Self {
        Self {
            sequence: exchange.sequence,
            accounts: exchange.accounts.names().to_vec(),
            killed: exchange.accounts.killed().clone(),
            epochs: exchange.lines.epochs().clone(),
            limits: exchange.exposures.limits().clone(),
            orders: exchange.orders.share_rows(),
            trades: exchange.trades.clone(),
        }
    }

    /// Writes the image.
    ///
    /// # Errors
    /// [`ImageError::Io`] from the writer.
    pub fn write(&self, out: &mut impl Write) -> Result<(), ImageError> {
        write_part(
            out,
            &Part::Head {
                version: IMAGE_VERSION,
                sequence: self.sequence,
                accounts: &self.accounts,
                killed: &self.killed,
                epochs: &self.epochs,
                limits: &self.limits,
            },
        )?;
        for rows in self.orders.slices() {
            write_part(out, &Part::Orders(rows))?;
        }
        for rows in self.trades.slices() {
            write_part(out, &Part::Trades(rows))?;
        }
        write_part(
            out,
            &Part::End {
                orders: self.orders.len() as u64,
                trades: self.trades.len() as u64,
            },
        )
    }

    /// Reads an image that was written with [`Self::write`].
    ///
    /// # Errors
    /// [`ImageError`]; a damaged or cut image never comes back as a smaller one.
    pub fn read(input: &mut impl Read) -> Result<Self, ImageError> {
        let OwnedPart::Head {
            version,
            sequence,
            accounts,
            killed,
            epochs,
            limits,
        } = read_part(input)?
        else {
            return Err(ImageError::Foreign("it has no head".to_owned()));
        };
        if version != IMAGE_VERSION {
            return Err(ImageError::Foreign(format!(
                "version {version} is not {IMAGE_VERSION}"
            )));
        }
        let mut image = Self {
            sequence,
            accounts,
            killed,
            epochs,
            limits,
            orders: Chunks::default(),
            trades: Chunks::default(),
        };
        loop {
            match read_part(input)? {
                OwnedPart::Head { .. } => {
                    return Err(ImageError::Foreign("it has two heads".to_owned()));
                }
                OwnedPart::Orders(rows) => rows.into_iter().for_each(|row| image.orders.push(row)),
                OwnedPart::Trades(rows) => rows.into_iter().for_each(|row| image.trades.push(row)),
                OwnedPart::End { orders, trades } => {
                    let whole =
                        orders == image.orders.len() as u64 && trades == image.trades.len() as u64;
                    return if whole {
                        Ok(image)
                    } else {
                        Err(ImageError::Damaged)
                    };
                }
            }
        }
    }

    /// The exchange as it was: books, indexes and counts are rebuilt from the rows.
    pub fn restore(self, defects: Defects) -> Exchange {
        let mut accounts = Accounts::default();
        for name in &self.accounts {
            accounts.number(name);
        }
        for (number, sequence) in self.killed {
            accounts.kill(number, sequence);
        }
        let mut lines = Lines::of_epochs(self.epochs);
        let mut exposures = Exposures::with(self.limits);
        let mut timers = Timers::default();
        let mut books: Vec<Book> = instruments::all().iter().map(|_| Book::default()).collect();
        for order in self.orders.iter_from(0).flatten() {
            if let Some(session) = order.risk {
                exposures.add(session, order.instrument, order.exposed_lots());
            }
            if order.state == OrderState::Open {
                timers.add(order);
                if !order.waits() {
                    books[order.instrument.index()].insert(
                        order.side,
                        order.price_ticks,
                        order.place(),
                        order.open_lots(),
                    );
                }
                accounts.opened(order.account);
                if let Some(line) = order.bound.as_ref().and_then(|bound| bound.line) {
                    lines.bind(line, order.order_id);
                }
            }
        }
        let orders = Orders::from_rows(self.orders);
        Exchange {
            memory: Memory::restored(&orders, defects.not_restored()),
            orders,
            trades: self.trades,
            books,
            accounts,
            lines,
            exposures,
            timers,
            sequence: self.sequence,
            max_open_orders_per_account: super::MAX_OPEN_ORDERS_PER_ACCOUNT,
            defects,
        }
    }
}

fn write_part(out: &mut impl Write, part: &Part<'_>) -> Result<(), ImageError> {
    let payload =
        postcard::to_stdvec(part).map_err(|error| ImageError::Foreign(error.to_string()))?;
    Ok(write_record(out, &payload)?)
}

fn read_part(input: &mut impl Read) -> Result<OwnedPart, ImageError> {
    match read_record(input)? {
        Record::Whole(payload) => {
            postcard::from_bytes(&payload).map_err(|error| ImageError::Foreign(error.to_string()))
        }
        Record::End | Record::Torn => Err(ImageError::Damaged),
    }
}

//! What a feed told of the books, message by message: `feed-book.csv` by whoever listened from the start, `feed-late.csv` by
//! a subscriber that came late and was told first what rests. Append-only while the run goes on.
//!
//! ```text
//! received_ns,sequence,event,order,symbol,side,price,quantity,remaining,fills
//! 81220417331,17,accepted,4,BTCUSD,buy,50000.01,0.125,0.1,2:0.025
//! 81220419907,17,snapshot,,,,,,,
//! 81220419907,17,listed,4,BTCUSD,buy,50000.01,,0.1,
//! 81220419907,17,whole,,,,,,,
//! ```
//!
//! `order`: the slot of an order of ours, or its sentinel's number behind an `s`, or another id behind a `=`, and nothing where
//! the message names none. `fills`: whom that order traded with, and how much. What rests stands between `snapshot` and
//! `whole`; one that was cut off begins again.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::decimal::Decimal;
use crate::ledger::Side;
use crate::table::{TableError, read_table};

/// Name of the file of whoever listened from the start.
pub const FEED_BOOK_FILE: &str = "feed-book.csv";

/// Name of the file of whoever came late.
pub const FEED_LATE_FILE: &str = "feed-late.csv";

const HEADER: &str = "received_ns,sequence,event,order,symbol,side,price,quantity,remaining,fills";

/// What a row tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookEvent {
    /// A new order.
    Accepted,
    /// New terms of an order.
    Replaced,
    /// An order is out of the book.
    Cancelled,
    /// A message that changes no book.
    Other,
    /// What rests as of this number follows.
    Snapshot,
    /// An order that rests.
    Listed,
    /// That was all that rests.
    Whole,
}

impl BookEvent {
    const ALL: [BookEvent; 7] = [
        BookEvent::Accepted,
        BookEvent::Replaced,
        BookEvent::Cancelled,
        BookEvent::Other,
        BookEvent::Snapshot,
        BookEvent::Listed,
        BookEvent::Whole,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            BookEvent::Accepted => "accepted",
            BookEvent::Replaced => "replaced",
            BookEvent::Cancelled => "cancelled",
            BookEvent::Other => "other",
            BookEvent::Snapshot => "snapshot",
            BookEvent::Listed => "listed",
            BookEvent::Whole => "whole",
        }
    }
}

/// An order as a message names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Named {
    Slot(u64),
    Sentinel(u64),
    /// Another id.
    Other(String),
}

impl Named {
    /// The order behind an id; `None` when it has letters that ids do not have.
    pub fn of(id: &str, prefix: &str) -> Option<Named> {
        let rest = id
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('-'));
        let ours = rest.and_then(|rest| match rest.strip_prefix('s') {
            Some(rest) => number(rest).map(Named::Sentinel),
            None => number(rest).map(Named::Slot),
        });
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b':');
        let plain = !id.is_empty() && id.bytes().all(is_plain);
        ours.or_else(|| plain.then(|| Named::Other(id.to_string())))
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Named::Slot(slot) => write!(out, "{slot}"),
            Named::Sentinel(number) => write!(out, "s{number}"),
            Named::Other(id) => write!(out, "={id}"),
        }
    }

    fn read(text: &str) -> Option<Named> {
        match text.split_at_checked(1)? {
            ("=", id) if !id.is_empty() => Some(Named::Other(id.to_string())),
            ("s", rest) => number(rest).map(Named::Sentinel),
            _ => number(text).map(Named::Slot),
        }
    }
}

/// A number as we write it: no sign, no leading zero.
fn number(text: &str) -> Option<u64> {
    let is_plain = text == "0" || text.starts_with(|it: char| ('1'..='9').contains(&it));
    text.parse().ok().filter(|_| is_plain)
}

/// A part of an order that was traded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookFill {
    /// The order that rested; `None`: the message does not name it.
    pub maker: Option<Named>,
    /// `None`: the message does not say how much.
    pub quantity: Option<Decimal>,
}

/// One row. What is `None` the message did not say, or not so that it could be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookRow {
    /// `CLOCK_MONOTONIC` at receipt, in nanoseconds.
    pub received_ns: u64,
    pub sequence: u64,
    pub event: BookEvent,
    pub order: Option<Named>,
    pub symbol: Option<String>,
    pub side: Option<Side>,
    pub price: Option<Decimal>,
    /// Of the whole order.
    pub quantity: Option<Decimal>,
    /// What of it can still trade.
    pub remaining: Option<Decimal>,
    pub fills: Vec<BookFill>,
}

impl BookRow {
    /// A row that says nothing more than what it is.
    pub fn new(received_ns: u64, sequence: u64, event: BookEvent) -> Self {
        Self {
            received_ns,
            sequence,
            event,
            order: None,
            symbol: None,
            side: None,
            price: None,
            quantity: None,
            remaining: None,
            fills: Vec::new(),
        }
    }
}

/// Writes one of the files.
#[derive(Debug)]
pub struct BookWriter {
    file: BufWriter<File>,
}

impl BookWriter {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be created, or exists.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 16, File::create_new(path)?);
        writeln!(file, "{HEADER}")?;
        Ok(Self { file })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, row: &BookRow) -> io::Result<()> {
        let file = &mut self.file;
        let name = row.event.name();
        write!(file, "{},{},{name},", row.received_ns, row.sequence)?;
        if let Some(order) = &row.order {
            order.write(file)?;
        }
        write!(file, ",{}", row.symbol.as_deref().unwrap_or_default())?;
        let side = row.side.map_or("", |side| match side {
            Side::Buy => "buy",
            Side::Sell => "sell",
        });
        write!(file, ",{side}")?;
        for value in [row.price, row.quantity, row.remaining] {
            file.write_all(b",")?;
            if let Some(value) = value {
                write!(file, "{value}")?;
            }
        }
        for (at, fill) in row.fills.iter().enumerate() {
            file.write_all(if at == 0 { b"," } else { b" " })?;
            if let Some(maker) = &fill.maker {
                maker.write(file)?;
            }
            file.write_all(b":")?;
            if let Some(quantity) = fill.quantity {
                write!(file, "{quantity}")?;
            }
        }
        match row.fills.is_empty() {
            true => file.write_all(b",\n"),
            false => file.write_all(b"\n"),
        }
    }

    /// Hands everything to the kernel.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Reads all rows in the order of their receipt; `None` when there is no such file: nobody listened. A torn last line (the
/// run was killed while writing it) is dropped.
///
/// # Errors
/// When the file cannot be read, or a line other than the last is no row.
pub fn read_feed_book(path: &Path) -> Result<Option<Vec<BookRow>>, TableError> {
    read_table(path, HEADER, "a row of the feed's books", read_row)
}

fn read_row(text: &str) -> Option<BookRow> {
    let fields: Vec<&str> = text.split(',').collect();
    let [
        received,
        sequence,
        event,
        order,
        symbol,
        side,
        price,
        quantity,
        remaining,
        fills,
    ] = fields[..]
    else {
        return None;
    };
    let mut events = BookEvent::ALL.into_iter();
    let fills = fills.split_ascii_whitespace().map(read_fill);
    Some(BookRow {
        received_ns: received.parse().ok()?,
        sequence: sequence.parse().ok()?,
        event: events.find(|it| it.name() == event)?,
        order: optional(order, Named::read)?,
        symbol: optional(symbol, |text| Some(text.to_string()))?,
        side: optional(side, |text| match text {
            "buy" => Some(Side::Buy),
            "sell" => Some(Side::Sell),
            _ => None,
        })?,
        price: optional(price, |text| text.parse().ok())?,
        quantity: optional(quantity, |text| text.parse().ok())?,
        remaining: optional(remaining, |text| text.parse().ok())?,
        fills: fills.collect::<Option<Vec<BookFill>>>()?,
    })
}

fn read_fill(text: &str) -> Option<BookFill> {
    let (maker, quantity) = text.split_once(':')?;
    Some(BookFill {
        maker: optional(maker, Named::read)?,
        quantity: optional(quantity, |text| text.parse().ok())?,
    })
}

/// `Some(None)` where nothing is written.
fn optional<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match text {
        "" => Some(None),
        text => read(text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<BookRow> {
        let decimal = |text: &str| Some(text.parse().unwrap());
        let fill = |maker: Option<Named>, quantity: &str| BookFill {
            maker,
            quantity: quantity.parse().ok(),
        };
        vec![
            BookRow {
                order: Some(Named::Slot(4)),
                symbol: Some("BTCUSD".into()),
                side: Some(Side::Buy),
                price: decimal("50000.01"),
                quantity: decimal("0.125"),
                remaining: decimal("0"),
                fills: vec![
                    fill(Some(Named::Sentinel(0)), "0.025"),
                    fill(Some(Named::Other("x-9".into())), "0.1"),
                    fill(None, "no number"),
                ],
                ..BookRow::new(81, 17, BookEvent::Accepted)
            },
            BookRow {
                order: Some(Named::Other("-7".into())),
                side: Some(Side::Sell),
                ..BookRow::new(82, 18, BookEvent::Cancelled)
            },
            BookRow::new(83, 18, BookEvent::Whole),
        ]
    }

    #[test]
    fn rows_round_trip_and_a_torn_last_line_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FEED_BOOK_FILE);
        assert!(read_feed_book(&path).unwrap().is_none());
        let mut writer = BookWriter::create(&path).unwrap();
        rows().iter().for_each(|row| writer.write(row).unwrap());
        writer.flush().unwrap();
        assert_eq!(read_feed_book(&path).unwrap().unwrap(), rows());
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("83,1");
        std::fs::write(&path, text).unwrap();
        assert_eq!(read_feed_book(&path).unwrap().unwrap(), rows());
    }

    #[test]
    fn damage_is_an_error_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FEED_LATE_FILE);
        for wrong in [
            "1,2,accepted,4,,,,,",
            "1,2,gone,4,,,,,,",
            "1,2,accepted,04,,,,,,",
            "1,2,accepted,s,,,,,,",
            "1,2,accepted,4,,up,,,,",
            "1,2,accepted,4,,,a,,,",
            "1,2,accepted,4,,,,,,5",
            "x,2,accepted,4,,,,,,",
        ] {
            std::fs::write(&path, format!("{HEADER}\n{wrong}\n1,2,other,,,,,,,\n")).unwrap();
            let error = read_feed_book(&path).unwrap_err().to_string();
            assert!(error.contains("line 2"), "{wrong}: {error}");
        }
    }

    #[test]
    fn ids_are_ours_or_of_others_or_none() {
        let of = |id: &str| Named::of(id, "t");
        assert_eq!(of("t-17"), Some(Named::Slot(17)));
        assert_eq!(of("t-0"), Some(Named::Slot(0)));
        assert_eq!(of("t-s3"), Some(Named::Sentinel(3)));
        for id in ["t-017", "t-+7", "t-s", "u-4", "17", "s3", "=", "t"] {
            assert_eq!(of(id), Some(Named::Other(id.to_string())), "{id}");
            let mut text = Vec::new();
            of(id).unwrap().write(&mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            assert_eq!(Named::read(&text), of(id), "{text}");
        }
        for id in ["", "a,b", "a b", "a:b", "ü", "a\n"] {
            assert_eq!(of(id), None, "{id}");
        }
    }
}

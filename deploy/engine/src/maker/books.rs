//! What the market maker keeps: quotes and trades.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::defects::Defects;

/// A tick, and the quote that it led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Quote {
    /// The tick's id.
    pub(crate) id: String,
    pub(crate) symbol: String,
    pub(crate) side: String,
    pub(crate) price: String,
    pub(crate) quantity: String,
}

/// A fill, as it was booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Trade {
    /// The venue's id.
    pub(crate) execution: String,
    /// Our order.
    pub(crate) order: String,
    pub(crate) price: String,
    pub(crate) quantity: String,
}

/// A report of the venue, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    sequence: u64,
    report: String,
    id: String,
    #[serde(default)]
    execution: String,
    #[serde(default)]
    price: String,
    #[serde(default)]
    quantity: String,
}

/// A part of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<T>,
    /// Where the next one begins, if there is one.
    pub(crate) next: Option<usize>,
    pub(crate) total: usize,
}

/// What the venue is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// This quote, as an order.
    Quote(Quote),
    /// Not this one any more.
    Cancel(Quote),
}

/// What is kept; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    quotes: Vec<Quote>,
    by_id: HashMap<String, usize>,
    trades: Vec<Trade>,
    /// The last report that was heard, and how many of them were fills.
    heard: u64,
    fills: u64,
    /// Who else is told of what was booked.
    listener: Option<UnboundedSender<Trade>>,
}

impl Books {
    /// Books whose trades are told to somebody else as well.
    pub(crate) fn told_to(listener: UnboundedSender<Trade>) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            listener: Some(listener),
            ..Kept::default()
        })))
    }

    /// Keeps a quote; false when there was one for this tick already.
    pub(crate) fn quote(&self, quote: &Quote) -> bool {
        let mut kept = self.lock();
        let place = kept.quotes.len();
        if kept.by_id.contains_key(&quote.id) {
            return false;
        }
        kept.by_id.insert(quote.id.clone(), place);
        kept.quotes.push(quote.clone());
        true
    }

    /// Books what a report says, once.
    pub(crate) fn book(&self, report: Report, defects: &Defects) {
        let mut kept = self.lock();
        if report.sequence <= kept.heard {
            return;
        }
        kept.heard = report.sequence;
        if report.report != "filled" {
            return;
        }
        drop(kept);
        let trade = Trade {
            execution: report.execution,
            order: report.id,
            price: report.price,
            quantity: report.quantity,
        };
        self.fill(trade, defects);
    }

    /// Books a fill that was told for the first time.
    pub(crate) fn fill(&self, trade: Trade, defects: &Defects) {
        let mut kept = self.lock();
        kept.fills += 1;
        for _ in 0..defects.times_booked(kept.fills) {
            kept.trades.push(trade.clone());
            if let Some(listener) = &kept.listener {
                let _gone = listener.send(trade.clone());
            }
        }
    }

    /// The last report that was heard.
    pub(crate) fn heard(&self) -> u64 {
        self.lock().heard
    }

    pub(crate) fn quotes(&self, from: usize, limit: usize) -> Page<Quote> {
        page(&self.lock().quotes, from, limit)
    }

    pub(crate) fn trades(&self, from: usize, limit: usize) -> Page<Trade> {
        page(&self.lock().trades, from, limit)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn page<T: Clone>(all: &[T], from: usize, limit: usize) -> Page<T> {
    let rows: Vec<T> = all.iter().skip(from).take(limit).cloned().collect();
    let end = from + rows.len();
    Page {
        next: (end < all.len()).then_some(end),
        rows,
        total: all.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defects::Defect;

    fn report(sequence: u64, report: &str) -> Report {
        Report {
            sequence,
            report: report.to_owned(),
            id: "q-1".to_owned(),
            execution: format!("v-{sequence}"),
            price: "1.5".to_owned(),
            quantity: "2".to_owned(),
        }
    }

    fn booked(defects: &Defects, fills: u64) -> Vec<String> {
        let books = Books::default();
        for sequence in 1..=fills {
            books.book(report(sequence, "filled"), defects);
            books.book(report(sequence, "filled"), defects);
        }
        let trades = books.trades(0, 1_000).rows;
        trades.into_iter().map(|trade| trade.execution).collect()
    }

    #[test]
    fn a_fill_is_booked_once_however_often_it_is_told() {
        assert_eq!(booked(&Defects::default(), 3), ["v-1", "v-2", "v-3"]);
        let books = Books::default();
        books.book(report(1, "accepted"), &Defects::default());
        assert_eq!((books.heard(), books.trades(0, 9).total), (1, 0));
    }

    #[test]
    fn defects_book_too_little_or_too_much() {
        let drops = Defects::new([Defect::DropsFills]);
        assert_eq!(booked(&drops, 60).len(), 57);
        let doubles = Defects::new([Defect::DoubleCountsFills]);
        assert_eq!(booked(&doubles, 60).len(), 63);
    }

    #[test]
    fn pages_follow_each_other() {
        let books = Books::default();
        for number in 0..5 {
            let quote = Quote {
                id: number.to_string(),
                symbol: String::new(),
                side: String::new(),
                price: String::new(),
                quantity: String::new(),
            };
            assert!(books.quote(&quote));
            assert!(!books.quote(&quote), "a tick that is told twice");
        }
        assert_eq!(books.quotes(0, 3).next, Some(3));
        let last = books.quotes(3, 3);
        assert_eq!((last.rows.len(), last.next, last.total), (2, None, 5));
    }
}

//! A subscriber that came late to the feed beside what was told from the start: what it was told first is what all messages had
//! come to by then, and what it makes of the rest is the same in the end.

use std::collections::BTreeSet;

use shakedown_record::feed_book::{BookEvent, BookRow};

use super::copy::id_of;
use super::feed_book::{Comparing, unwritten};
use super::rebuilt::{Books, Resting, Stream, listed};
use crate::words::count;

impl Comparing<'_> {
    /// Compares, where the profile says how anybody can come late.
    pub fn late(&mut self) {
        let book = self.plan.feed_book();
        if book.is_none_or(|book| book.snapshot.is_none()) {
            return;
        }
        if let Err(why) = self.compare_late() {
            self.found
                .lacks(format!("who came late to the feed: {why}"));
        }
    }

    fn compare_late(&mut self) -> Result<(), String> {
        let report = self.input.facts.late_feed.as_ref();
        if let Some(why) = report.and_then(unwritten) {
            return Err(why);
        }
        let rows = self.input.feed_books.late.as_ref();
        let Some(rows) = rows.filter(|rows| !rows.is_empty()) else {
            let refused = report.and_then(|report| report.refused.clone());
            return Err(refused.unwrap_or("it was told nothing".to_string()));
        };
        let (joined, resting) = listed(self.input, self.plan, rows)?;
        self.is_whole_up_to(joined)?;
        self.found.late = Some(resting.len() as u64);
        let first = self.differences(&self.books_at(joined).resting, &resting, joined);
        let known: BTreeSet<u64> = first.iter().map(|(order, _)| *order).collect();
        for (order, text) in first {
            self.found.add(order, text);
        }
        let after = rows.iter().filter(|row| is_after(row, joined));
        let stream = Stream::of(self.input, self.plan, after);
        self.is_heard(&stream, joined)?;
        let mut books = Books::with(resting);
        let changes = stream.changes.iter();
        for change in changes.take_while(|change| change.sequence <= self.sentinel) {
            books.apply(change);
        }
        let unsure = self.unsure(&stream);
        let whole = self.books_at(self.sentinel).resting;
        for (order, text) in self.differences(&whole, &books.resting, self.sentinel) {
            if !known.contains(&order) && !unsure.contains(&order) {
                self.found.add(order, text);
            }
        }
        Ok(())
    }

    fn is_heard(&self, stream: &Stream, joined: u64) -> Result<(), String> {
        if let Some((missing, first)) = stream.missing(joined + 1, self.sentinel) {
            return Err(format!(
                "{} numbers never came after what rests, the first of them {first}",
                count(missing)
            ));
        }
        match &stream.first_unclear {
            Some(first) if stream.unclear_up_to(self.sentinel) > 0 => Err(first.clone()),
            Some(_) | None => Ok(()),
        }
    }

    /// Orders with new terms, where messages do not tell what can still trade: what had traded before, who came late cannot
    /// know.
    fn unsure(&self, stream: &Stream) -> BTreeSet<u64> {
        let book = self.plan.feed_book();
        if book.is_some_and(|book| book.remaining.is_some()) {
            return BTreeSet::new();
        }
        let replaced = stream.changes.iter();
        let replaced = replaced.filter(|change| change.event == BookEvent::Replaced);
        replaced.filter_map(|change| change.order).collect()
    }

    fn differences(&self, whole: &Resting, late: &Resting, at: u64) -> Vec<(u64, String)> {
        let orders: BTreeSet<&u64> = whole.keys().chain(late.keys()).collect();
        let differ = orders
            .into_iter()
            .filter(|order| whole.get(order) != late.get(order));
        let told = |order: &u64| {
            let text = format!(
                "{} is {} at message {at} for who came late to the feed, and {} for who heard all of it",
                id_of(self.input, *order),
                self.state(late.get(order).copied()),
                self.state(whole.get(order).copied())
            );
            (*order, text)
        };
        differ.map(told).collect()
    }
}

/// A message behind what rests.
fn is_after(row: &BookRow, joined: u64) -> bool {
    match row.event {
        BookEvent::Snapshot | BookEvent::Listed | BookEvent::Whole => false,
        BookEvent::Accepted | BookEvent::Replaced | BookEvent::Cancelled | BookEvent::Other => {
            row.sequence > joined
        }
    }
}

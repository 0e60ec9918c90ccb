//! A run directory as the analysis reads it. What is missing or damaged is named, never guessed and never fatal.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::PathBuf;

use shakedown_record::event::read_events;
use shakedown_record::feed::{FeedRow, read_feed};
use shakedown_record::feed_book::{BookRow, read_feed_book};
use shakedown_record::ledger::{
    Entry, OrderKind, PlantedLine, Retry, Terms, read_connection_ends, read_planted, read_retries,
    read_server_ids,
};
use shakedown_record::points::{PointsRow, read_points};
use shakedown_record::run_dir::RunDir;
use shakedown_record::series::{SeriesRecord, read_series};
use shakedown_record::venue::{TradeRow, VenueLine, read_trades, read_venue};
use shakedown_record::worker::Parts;
use shakedown_record::{Outcome, Phase, PhaseWindows};

use crate::connections::Connections;
use crate::error::AnalysisError;
use crate::facts::Facts;
use crate::orders::Orders;

/// Names of the nodes that served us, as the generator counts them: a JSON array beside the ledger.
const SERVED_BY: &str = "served-by.json";

/// The inputs of one run.
#[derive(Debug)]
pub(crate) struct Input {
    pub root: PathBuf,
    pub facts: Facts,
    pub orders: Orders,
    /// What was sent again after the heal, by slot.
    pub retries: HashMap<u64, Vec<Retry>>,
    pub server_ids: ServerIds,
    /// Ends of connections; `None` when nobody wrote them down.
    pub connections: Option<Connections>,
    /// Terms of leaders that acknowledgements told.
    pub terms: Terms,
    /// Orders that were planted beside the load, and what the copies said of them.
    pub planted: Vec<PlantedLine>,
    /// What was read of the system's own series; `None` when nobody looked.
    pub series: Option<SeriesRecord>,
    /// What the venue did, and the trades of the system; `None` when there was none, or nobody asked.
    pub venue: Option<Vec<VenueLine>>,
    pub trades: Option<Vec<TradeRow>>,
    /// Market data that was published; `None` when there was none.
    pub points: Option<Vec<PointsRow>>,
    /// What the market-data feed told; `None` when nobody listened.
    pub feed: Option<Vec<FeedRow>>,
    pub feed_books: FeedBooks,
    served_by: Vec<String>,
    /// What could not be read, in words.
    pub missing: Vec<String>,
}

/// What the market-data feed told of the books; `None` when nobody asked.
#[derive(Debug, Default)]
pub(crate) struct FeedBooks {
    pub whole: Option<Vec<BookRow>>,
    /// What it told who came late.
    pub late: Option<Vec<BookRow>>,
}

impl FeedBooks {
    fn read(dir: &RunDir, missing: &mut Vec<String>) -> FeedBooks {
        FeedBooks {
            whole: kept(read_feed_book(&dir.feed_book()), missing),
            late: kept(read_feed_book(&dir.feed_late()), missing),
        }
    }
}

/// Ids that the engine made.
#[derive(Debug, Default)]
pub(crate) struct ServerIds {
    pub slot_of: HashMap<String, u64>,
    pub id_of: HashMap<u64, String>,
}

/// Whose an order is, by its id on a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Slot(u64),
    /// The sentinel of that number.
    Sentinel(u64),
    /// Our prefix, and no slot.
    Stranger,
    /// Somebody else's order.
    Foreign,
}

/// What became of an order, with its retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Acknowledged, outright or on retry; when first.
    Acked { at_ns: u64 },
    /// May have executed or not, once.
    Indeterminate,
    /// Cannot have executed.
    Absent(Outcome),
}

/// What a file holds, if there is one; why it cannot be read is missing.
fn kept<T>(read: Result<Option<T>, impl Display>, missing: &mut Vec<String>) -> Option<T> {
    read.unwrap_or_else(|error| {
        missing.push(error.to_string());
        None
    })
}

impl Input {
    /// Reads what there is.
    ///
    /// # Errors
    /// Only when there is no such folder.
    pub fn read(dir: &RunDir, timeout_ns: u64) -> Result<Self, AnalysisError> {
        if !dir.root().is_dir() {
            return Err(AnalysisError::NoDirectory {
                path: dir.root().to_path_buf(),
            });
        }
        let mut missing = Vec::new();
        let events = read_events(&dir.events()).unwrap_or_else(|error| {
            missing.push(error.to_string());
            Vec::new()
        });
        let facts = Facts::gather(&events);
        let ledger = dir.ledger();
        let end_ns = facts.stopped.map(|stopped| stopped.end_ns);
        let orders = Orders::open(&ledger, timeout_ns, end_ns).unwrap_or_else(|error| {
            missing.push(error.to_string());
            Orders::empty(timeout_ns)
        });
        let retries = kept(read_retries(&ledger).map(Some), &mut missing).unwrap_or_default();
        let ids = kept(read_server_ids(&ledger).map(Some), &mut missing).unwrap_or_default();
        let terms = kept(Terms::read(&ledger).map(Some), &mut missing).unwrap_or_default();
        let series = kept(read_series(&dir.series()), &mut missing);
        let venue = kept(read_venue(&dir.venue()), &mut missing);
        let trades = kept(read_trades(&dir.trades()), &mut missing);
        let points = kept(read_points(&dir.points()), &mut missing);
        let feed = kept(read_feed(&dir.feed()), &mut missing);
        let parts = kept(Parts::read(&dir.workers()), &mut missing);
        missing.extend(parts.map(|parts| parts.lacking()));
        let connections = kept(read_connection_ends(&ledger), &mut missing);
        let planted = kept(read_planted(&ledger).map(Some), &mut missing).unwrap_or_default();
        let mut by_slot: HashMap<u64, Vec<Retry>> = HashMap::new();
        for retry in retries {
            by_slot.entry(retry.slot).or_default().push(retry);
        }
        let mut server_ids = ServerIds::default();
        for id in ids {
            server_ids
                .id_of
                .entry(id.slot)
                .or_insert_with(|| id.id.clone());
            server_ids.slot_of.insert(id.id, id.slot);
        }
        Ok(Self {
            root: dir.root().to_path_buf(),
            facts,
            orders,
            retries: by_slot,
            server_ids,
            connections: connections.map(Connections::of),
            terms,
            planted,
            series,
            venue,
            trades,
            points,
            feed,
            feed_books: FeedBooks::read(dir, &mut missing),
            served_by: std::fs::read(ledger.join(SERVED_BY))
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok())
                .unwrap_or_default(),
            missing,
        })
    }

    /// End of the schedule in nanoseconds since zero; of a run that died, the last slot that it wrote.
    pub fn end_ns(&self) -> u64 {
        let written = if self.orders.written == 0 {
            0
        } else {
            self.orders.last_intended_ns + 1
        };
        self.facts.stopped.map_or(written, |stopped| stopped.end_ns)
    }

    /// How far the times of workers may be from ours, in nanoseconds.
    pub fn clock_error_ns(&self) -> u64 {
        let workers = self.facts.generator.iter().flat_map(|it| &it.workers);
        let errors = workers.map(|worker| worker.clock_error_ns);
        errors.max().unwrap_or(0)
    }

    /// The best outcome of an order over all attempts. The ledger's own outcome is `entry.settled()`.
    pub fn fate(&self, slot: u64, entry: &Entry) -> Fate {
        let retries = self.retries.get(&slot).map_or(&[][..], Vec::as_slice);
        let own =
            (entry.settled() == Outcome::Acked).then(|| entry.done_ns.unwrap_or(entry.intended_ns));
        let again = retries
            .iter()
            .filter(|retry| retry.outcome == Outcome::Acked)
            .map(|retry| retry.done_ns);
        if let Some(at_ns) = own.into_iter().chain(again).min() {
            return Fate::Acked { at_ns };
        }
        let settled = entry.settled();
        let tried_again = retries.iter().any(|retry| retry.outcome.is_indeterminate());
        match settled.is_indeterminate() || tried_again {
            true => Fate::Indeterminate,
            false => Fate::Absent(settled),
        }
    }

    /// Whose an order is. Copies know it by the client's id; of engines that make the ids, the engine's may stand there
    /// instead.
    pub fn whose(&self, id: &str) -> Whose {
        let own = id
            .strip_prefix(self.facts.prefix())
            .and_then(|rest| rest.strip_prefix('-'));
        let Some(rest) = own else {
            let slot = self.server_ids.slot_of.get(id);
            return slot.map_or(Whose::Foreign, |slot| Whose::Slot(*slot));
        };
        // The parser takes a plus sign too.
        let number = |text: &str| match text.as_bytes().first()?.is_ascii_digit() {
            true => text.parse().ok(),
            false => None,
        };
        match rest.strip_prefix('s') {
            Some(rest) => number(rest).map_or(Whose::Stranger, Whose::Sentinel),
            None => number(rest).map_or(Whose::Stranger, Whose::Slot),
        }
    }

    /// Engine sequence number of an order, from its acknowledgement or that of its retry.
    pub fn sequence(&self, slot: u64, entry: &Entry) -> Option<u64> {
        let again = || {
            self.retries
                .get(&slot)?
                .iter()
                .find_map(|retry| retry.sequence)
        };
        entry.sequence.or_else(again)
    }

    /// The node that served an order, where it said so.
    pub fn served_by(&self, entry: &Entry) -> Option<&str> {
        let index = usize::from(entry.served_by).checked_sub(1)?;
        self.served_by.get(index).map(String::as_str)
    }

    /// The id under which an order is known: the client's, or the engine's where the engine makes the ids.
    pub fn order_id(&self, slot: u64) -> String {
        match self.server_ids.id_of.get(&slot) {
            Some(id) => id.clone(),
            None => format!("{}-{slot}", self.facts.prefix()),
        }
    }

    /// What a slot is called: its order, and what it asks of another.
    pub fn message_id(&self, slot: u64) -> String {
        let entry = self.orders.get(slot);
        let asks = |word: &str, target: Option<u64>| {
            target.map(|target| format!("the {word} of {}", self.order_id(target)))
        };
        let said = entry.and_then(|entry| match entry.kind {
            OrderKind::Cancel => asks("cancel", entry.target),
            OrderKind::Replace => asks("replace", entry.target),
            OrderKind::New | OrderKind::Oversized | OrderKind::Request => None,
        });
        said.unwrap_or_else(|| self.order_id(slot))
    }

    /// The phase of an order.
    pub fn phase(&self, windows: &PhaseWindows, entry: &Entry) -> Phase {
        windows.phase_at(entry.intended_ns as i64)
    }
}

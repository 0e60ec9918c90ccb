//! What a request asked of a book, when, and what its client learned.

use shakedown_record::ledger::Side;

/// What is asked of the book of one symbol. Prices in ticks, quantities in lots; orders go by the number of the request
/// that made them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// A limit order: it trades with what is there at its price or better, the rest goes to the book.
    New {
        side: Side,
        price_ticks: i64,
        lots: u32,
    },
    /// Take an order out of the book.
    Cancel { order: u64 },
    /// Give an order another price and another total quantity, of which what was filled stays filled. It keeps its place
    /// in the queue when the price stays and the quantity does not grow.
    Replace {
        order: u64,
        price_ticks: i64,
        lots: u32,
    },
}

/// What the client learned of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Learned {
    /// It was done. `filled_lots`: how much of it traded at once, where the answer says so.
    Done { filled_lots: Option<u64> },
    /// It was refused, by a rule of the book or another one: it had no effect.
    Refused,
    /// Nothing: it may have been done at any time since it was sent, or never.
    Nothing,
}

/// A request of one client. Times are nanoseconds of one clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operation {
    /// Its number; an order that it makes goes by it.
    pub number: u64,
    pub ask: Ask,
    /// When it was sent.
    pub sent_ns: u64,
    /// When its answer was there; `None`: never.
    pub answered_ns: Option<u64>,
    pub learned: Learned,
    /// Where the engine says that it stands among all that it did.
    pub sequence: Option<u64>,
}

impl Operation {
    /// It had been answered before the other one was sent.
    pub fn precedes(&self, other: &Operation) -> bool {
        self.answered_ns
            .is_some_and(|answered_ns| answered_ns < other.sent_ns)
    }
}

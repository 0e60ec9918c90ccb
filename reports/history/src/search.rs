//! Is there any order that explains a window of a history?
//!
//! Wing and Gong's search ("Testing and verifying concurrent objects", JPDC 1993) with Lowe's memory of what was tried
//! ("Testing for linearizability", CCPE 2017): what was done and the book that it left. Steps are taken back instead of
//! copying the book. It is exponential in how many requests overlap, so it is bounded by steps, and says so when they end.
//!
//! Two books are one where they differ only in the order of neighbours at one price that do not trade any more, by what was
//! read: whatever comes, it does the same to both.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use crate::book::{Book, Open};
use crate::operation::{Learned, Operation};
use crate::reading::{Known, Misfit, Reading, Taken};

/// A part of a history that begins with a known book, and ends with what was read.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    pub operations: &'a [Operation],
    pub before: &'a Book,
    pub reading: Reading<'a>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This order explains it, by the numbers of the requests; those with an unknown end that are not in it were never
    /// done.
    Explained(Vec<u64>),
    /// No order explains it.
    Unexplained,
    /// Not found in so many steps.
    Undecided { steps: u64 },
}

/// Looks for an order that explains a window, in `most_steps` steps at most.
pub fn search(window: &Window<'_>, most_steps: u64) -> Answer {
    let known = Known::new(window.reading, window.operations);
    let operations = window.operations.iter().collect();
    let (book, taken) = (window.before.clone(), Taken::new());
    let mut search = Search::new(&known, operations, Span::ToTheEnd, book, &taken);
    match search.next_order(most_steps) {
        Found::Order => Answer::Explained(search.order().map(|one| one.number).collect()),
        Found::NoMore => Answer::Unexplained,
        Found::OutOfSteps => Answer::Undecided {
            steps: search.spent,
        },
    }
}

/// How far the requests of a search go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// Up to this moment: what was answered before must be done, what was not may be done later.
    Before(u64),
    /// Whatever was done is among them, and leads to what was read.
    ToTheEnd,
}

impl Span {
    /// Within the span the request has to be done.
    fn owes(self, operation: &Operation) -> bool {
        match (operation.learned, self) {
            (Learned::Nothing, _) => false,
            (Learned::Done { .. } | Learned::Refused, Span::ToTheEnd) => true,
            (Learned::Done { .. } | Learned::Refused, Span::Before(end_ns)) => operation
                .answered_ns
                .is_some_and(|answered_ns| answered_ns < end_ns),
        }
    }
}

/// How a search went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// An order, or a further one that leaves another book or other requests to be done.
    Order,
    NoMore,
    OutOfSteps,
}

/// A step that was taken: which request, where the book stood before, and what was taken.
struct Step {
    at: usize,
    mark: usize,
    taken: Vec<((u64, u64), u64)>,
}

pub(crate) struct Search<'a> {
    known: &'a Known<'a>,
    operations: Vec<&'a Operation>,
    span: Span,
    book: Book,
    taken: Taken,
    done: Vec<u64>,
    /// Requests that have to be done and are not yet.
    owed: usize,
    steps: Vec<Step>,
    tried: HashSet<(Vec<u64>, [u64; 2])>,
    /// Where to go on from, and whether nothing was tried from there yet.
    from: usize,
    is_fresh: bool,
    /// Steps that were tried.
    pub spent: u64,
    /// What did not fit after the most steps.
    pub nearest: Option<(usize, Misfit)>,
}

impl<'a> Search<'a> {
    /// A search from a book, for orders of requests of which `taken` was taken before.
    pub fn new(
        known: &'a Known<'a>,
        operations: Vec<&'a Operation>,
        span: Span,
        mut book: Book,
        taken: &Taken,
    ) -> Self {
        book.settle();
        let owed = operations.iter().filter(|one| span.owes(one)).count();
        Self {
            known,
            done: vec![0; operations.len().div_ceil(64)],
            operations,
            span,
            book,
            taken: taken.clone(),
            owed,
            steps: Vec::new(),
            tried: HashSet::new(),
            from: 0,
            is_fresh: true,
            spent: 0,
            nearest: None,
        }
    }

    /// Looks for the next order.
    pub fn next_order(&mut self, most_steps: u64) -> Found {
        loop {
            if std::mem::take(&mut self.is_fresh) && self.owed == 0 && self.ends_well() {
                return Found::Order;
            }
            if let Some(at) = self.next() {
                if self.spent == most_steps {
                    return Found::OutOfSteps;
                }
                self.spent += 1;
                self.is_fresh = self.step(at);
                self.from = if self.is_fresh { 0 } else { at + 1 };
            } else {
                let Some(last) = self.steps.pop() else {
                    return Found::NoMore;
                };
                self.undo(&last);
                self.from = last.at + 1;
            }
        }
    }

    /// The order that was found.
    pub fn order(&self) -> impl Iterator<Item = &'a Operation> + '_ {
        self.steps.iter().map(|step| self.operations[step.at])
    }

    /// The book in which the search began, when there is nothing more to be found.
    pub fn into_book(self) -> Book {
        self.book
    }

    /// The same, by the places of the requests.
    pub fn order_at(&self) -> impl Iterator<Item = usize> + '_ {
        self.steps.iter().map(|step| step.at)
    }

    /// The next request that may be done now: nothing that was answered before it was sent is still to be done.
    fn next(&self) -> Option<usize> {
        let open = |at: &usize| !self.is_done(*at);
        let owed = (0..self.operations.len()).filter(open);
        let until_ns = owed
            .filter(|at| self.span.owes(self.operations[*at]))
            .filter_map(|at| self.operations[at].answered_ns)
            .min();
        (self.from..self.operations.len())
            .filter(open)
            .find(|at| until_ns.is_none_or(|until_ns| self.operations[*at].sent_ns <= until_ns))
    }

    /// Does a request; false, and nothing is changed, when that cannot be, or leads where we have been.
    fn step(&mut self, at: usize) -> bool {
        let mark = self.book.mark();
        let operation = self.operations[at];
        let effect = self.book.apply(operation.number, &operation.ask);
        let misfit = self
            .known
            .misfit(operation, effect, &self.book, mark, &self.taken);
        let step = Step {
            at,
            mark,
            taken: self.known.takes(operation, &self.book, mark),
        };
        for (pair, lots) in &step.taken {
            *self.taken.entry(*pair).or_default() += lots;
        }
        self.done[at / 64] |= 1 << (at % 64);
        self.owed -= usize::from(self.span.owes(operation));
        if let Some(misfit) = misfit {
            self.note(misfit);
        }
        let is_new = misfit.is_none()
            && self
                .tried
                .insert((self.done.clone(), self.picture_of_here()));
        if is_new {
            self.steps.push(step);
        } else {
            self.undo(&step);
        }
        is_new
    }

    fn undo(&mut self, step: &Step) {
        self.book.back_to(step.mark);
        for (pair, lots) in &step.taken {
            if let Some(all) = self.taken.get_mut(pair) {
                *all -= lots;
            }
        }
        self.done[step.at / 64] &= !(1 << (step.at % 64));
        self.owed += usize::from(self.span.owes(self.operations[step.at]));
    }

    fn is_done(&self, at: usize) -> bool {
        self.done[at / 64] >> (at % 64) & 1 == 1
    }

    fn ends_well(&mut self) -> bool {
        match self.span {
            Span::Before(_) => true,
            Span::ToTheEnd => {
                let misfit = self.known.misfit_in_the_end(&self.book, &self.taken);
                if let Some(misfit) = misfit {
                    self.note(misfit);
                }
                misfit.is_none()
            }
        }
    }

    fn note(&mut self, misfit: Misfit) {
        let depth = self.steps.len();
        if self.nearest.is_none_or(|(deepest, _)| deepest < depth) {
            self.nearest = Some((depth, misfit));
        }
    }

    /// What the search has changed so far: within one search the same changes leave the same book.
    fn picture_of_here(&self) -> [u64; 2] {
        let changed = self.book.touched_prices(0);
        let orders = changed
            .iter()
            .flat_map(|(side, price_ticks)| self.book.queue_at(*side, *price_ticks));
        let [one, other] = picture(self.known, orders, &self.taken);
        let mut hasher = DefaultHasher::new();
        changed.hash(&mut hasher);
        [one ^ hasher.finish(), other]
    }
}

/// Orders of a book in the order in which they would trade, and what was taken, in 128 bits: everything on which what comes
/// depends.
pub(crate) fn picture(
    known: &Known<'_>,
    orders: impl Iterator<Item = (u64, Open)>,
    taken: &Taken,
) -> [u64; 2] {
    let mut hashers = [0u8, 1].map(|salt| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        hasher
    });
    let mut put = |number: u64, open: &Open| {
        for hasher in &mut hashers {
            (number, open.side as u8, open.price_ticks).hash(hasher);
            (open.lots, open.filled_lots).hash(hasher);
        }
    };
    // Neighbours that do not trade any more, by number.
    let mut still: Vec<(u64, Open)> = Vec::new();
    for (number, open) in orders {
        let is_still = known.is_still(number, &open);
        let is_next = still.last().is_some_and(|(_, last)| {
            (last.side, last.price_ticks) == (open.side, open.price_ticks)
        });
        if !(is_still && is_next) {
            still.sort_unstable_by_key(|(number, _)| *number);
            still
                .drain(..)
                .for_each(|(number, open)| put(number, &open));
        }
        match is_still {
            true => still.push((number, open)),
            false => put(number, &open),
        }
    }
    still.sort_unstable_by_key(|(number, _)| *number);
    still
        .drain(..)
        .for_each(|(number, open)| put(number, &open));
    hashers.map(|mut hasher| {
        for (pair, lots) in taken.iter().filter(|(_, lots)| **lots > 0) {
            (pair, lots).hash(&mut hasher);
        }
        hasher.finish()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Ask;
    use shakedown_record::ledger::Side;

    fn operation(number: u64, ask: Ask, times: (u64, Option<u64>), learned: Learned) -> Operation {
        Operation {
            number,
            ask,
            sent_ns: times.0,
            answered_ns: times.1,
            learned,
            sequence: None,
        }
    }

    fn new(number: u64, side: Side, lots: u32, times: (u64, u64), filled_lots: u64) -> Operation {
        let ask = Ask::New {
            side,
            price_ticks: 10,
            lots,
        };
        let learned = Learned::Done {
            filled_lots: Some(filled_lots),
        };
        operation(number, ask, (times.0, Some(times.1)), learned)
    }

    fn searched(operations: &[Operation], after: Option<&[(u64, u64)]>) -> Answer {
        let before = Book::default();
        let after = after.map(|after| after.iter().copied().collect());
        let window = Window {
            operations,
            before: &before,
            reading: Reading {
                after: after.as_ref(),
                ..Reading::default()
            },
        };
        search(&window, 10_000)
    }

    #[test]
    fn who_filled_whom_tells_the_order_of_requests_that_overlap() {
        let overlapping = [
            new(1, Side::Buy, 5, (0, 100), 5),
            new(2, Side::Sell, 5, (0, 100), 0),
        ];
        assert_eq!(searched(&overlapping, None), Answer::Explained(vec![2, 1]));
        let apart = [
            new(1, Side::Buy, 5, (0, 40), 5),
            new(2, Side::Sell, 5, (50, 100), 0),
        ];
        assert_eq!(searched(&apart, None), Answer::Unexplained);
    }

    #[test]
    fn what_never_ended_may_have_been_done_or_not() {
        let maker = Ask::New {
            side: Side::Sell,
            price_ticks: 10,
            lots: 5,
        };
        let maker = operation(1, maker, (0, None), Learned::Nothing);
        let taker = |filled| new(2, Side::Buy, 5, (50, 60), filled);
        assert_eq!(
            searched(&[maker, taker(5)], None),
            Answer::Explained(vec![1, 2])
        );
        assert_eq!(
            searched(&[maker, taker(0)], None),
            Answer::Explained(vec![2])
        );
        assert_eq!(searched(&[maker, taker(3)], None), Answer::Unexplained);
        let read = [(1, 5), (2, 5)];
        assert_eq!(
            searched(&[maker, taker(0)], Some(&read)),
            Answer::Unexplained
        );
        let read = [(2, 5)];
        assert_eq!(
            searched(&[maker, taker(0)], Some(&read)),
            Answer::Explained(vec![2])
        );
    }

    #[test]
    fn a_cancel_that_came_too_late_needs_a_filled_order() {
        let cancel = |learned| operation(3, Ask::Cancel { order: 1 }, (0, Some(100)), learned);
        let both = [
            new(1, Side::Buy, 5, (0, 100), 0),
            new(2, Side::Sell, 5, (0, 100), 5),
        ];
        let done = Learned::Done { filled_lots: None };
        let with = |learned| [both[0], both[1], cancel(learned)];
        assert!(matches!(
            searched(&with(Learned::Refused), None),
            Answer::Explained(_)
        ));
        assert_eq!(searched(&with(done), None), Answer::Unexplained);
    }

    #[test]
    fn a_search_ends_when_its_steps_do() {
        let operations: Vec<Operation> = (0..12)
            .map(|number| new(number, Side::Buy, 1, (0, 100), 1))
            .collect();
        let before = Book::default();
        let window = Window {
            operations: &operations,
            before: &before,
            reading: Reading::default(),
        };
        assert_eq!(search(&window, 5), Answer::Undecided { steps: 5 });
        assert_eq!(search(&window, 1_000), Answer::Unexplained);
    }
}

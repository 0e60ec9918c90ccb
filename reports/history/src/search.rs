//! Is there any order that explains a window of a history?
//!
//! Wing and Gong's search ("Testing and verifying concurrent objects", JPDC 1993) with Lowe's memory of what was tried
//! ("Testing for linearizability", CCPE 2017): what was done and the book that it left. Steps are taken back instead of
//! copying the book. It is exponential in how many requests overlap, so it is bounded by steps, and says so when they end.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use shakedown_record::ledger::Side;

use crate::book::{Book, Effect};
use crate::operation::{Learned, Operation};

/// A part of a history that begins with a known book.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    pub operations: &'a [Operation],
    pub before: &'a Book,
    /// What must be in the book in the end, where that was read: each order with what is still to be traded of it, by
    /// number.
    pub after: Option<&'a [(u64, u64)]>,
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
    Search::new(window).run(most_steps)
}

/// True when what a client learned is what the book did.
pub(crate) fn agrees(learned: Learned, effect: Effect) -> bool {
    match (learned, effect) {
        (Learned::Done { filled_lots: None }, Effect::Done { .. })
        | (Learned::Refused, Effect::Refused(_)) => true,
        (
            Learned::Done {
                filled_lots: Some(said),
            },
            Effect::Done { filled_lots },
        ) => said == filled_lots,
        // What had no effect need not be done at all.
        (Learned::Nothing, Effect::Done { .. }) => true,
        (Learned::Nothing | Learned::Done { .. }, Effect::Refused(_))
        | (Learned::Refused, Effect::Done { .. }) => false,
    }
}

/// A step that was taken: which request, and where the book stood before.
struct Step {
    at: usize,
    mark: usize,
}

struct Search<'a> {
    operations: &'a [Operation],
    after: Option<&'a [(u64, u64)]>,
    book: Book,
    done: Vec<u64>,
    /// Requests with a known end that are not done yet.
    owed: usize,
    steps: Vec<Step>,
    tried: HashSet<(Vec<u64>, [u64; 2])>,
}

impl<'a> Search<'a> {
    fn new(window: &Window<'a>) -> Self {
        let operations = window.operations;
        let mut book = window.before.clone();
        book.settle();
        Self {
            operations,
            after: window.after,
            book,
            done: vec![0; operations.len().div_ceil(64)],
            owed: operations.iter().filter(|one| is_owed(one)).count(),
            steps: Vec::new(),
            tried: HashSet::new(),
        }
    }

    fn run(mut self, most_steps: u64) -> Answer {
        let (mut taken, mut from) = (0u64, 0usize);
        loop {
            if from == 0 && self.owed == 0 && self.is_as_read() {
                let order = self.steps.iter();
                return Answer::Explained(
                    order.map(|step| self.operations[step.at].number).collect(),
                );
            }
            if let Some(at) = self.next(from) {
                if taken == most_steps {
                    return Answer::Undecided { steps: taken };
                }
                taken += 1;
                from = if self.step(at) { 0 } else { at + 1 };
            } else {
                let Some(last) = self.steps.pop() else {
                    return Answer::Unexplained;
                };
                self.undo(&last);
                from = last.at + 1;
            }
        }
    }

    /// The next request that may be done now: nothing that was answered before it was sent is still to be done.
    fn next(&self, from: usize) -> Option<usize> {
        let open = |at: &usize| !self.is_done(*at);
        let answered = (0..self.operations.len()).filter(open);
        let until_ns = answered
            .filter(|at| is_owed(&self.operations[*at]))
            .filter_map(|at| self.operations[at].answered_ns)
            .min();
        (from..self.operations.len())
            .filter(open)
            .find(|at| until_ns.is_none_or(|until_ns| self.operations[*at].sent_ns <= until_ns))
    }

    /// Does a request; false, and nothing is changed, when that cannot be, or leads where we have been.
    fn step(&mut self, at: usize) -> bool {
        let mark = self.book.mark();
        let operation = &self.operations[at];
        let effect = self.book.apply(operation.number, &operation.ask);
        self.done[at / 64] |= 1 << (at % 64);
        self.owed -= usize::from(is_owed(operation));
        let step = Step { at, mark };
        let is_new = agrees(operation.learned, effect)
            && self.tried.insert((self.done.clone(), picture(&self.book)));
        if is_new {
            self.steps.push(step);
        } else {
            self.undo(&step);
        }
        is_new
    }

    fn undo(&mut self, step: &Step) {
        self.book.back_to(step.mark);
        self.done[step.at / 64] &= !(1 << (step.at % 64));
        self.owed += usize::from(is_owed(&self.operations[step.at]));
    }

    fn is_done(&self, at: usize) -> bool {
        self.done[at / 64] >> (at % 64) & 1 == 1
    }

    fn is_as_read(&self) -> bool {
        let Some(after) = self.after else {
            return true;
        };
        let queues = [Side::Buy, Side::Sell];
        let count: usize = queues
            .iter()
            .map(|side| self.book.queue_of(*side).count())
            .sum();
        let is_there = |(number, lots): &(u64, u64)| {
            let open = self.book.open(*number);
            open.is_some_and(|open| open.open_lots() == *lots)
        };
        count == after.len() && after.iter().all(is_there)
    }
}

/// Its end is known: it has to be in the order.
fn is_owed(operation: &Operation) -> bool {
    operation.learned != Learned::Nothing
}

/// The book in 128 bits: everything on which its future depends.
fn picture(book: &Book) -> [u64; 2] {
    [0u8, 1].map(|salt| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        for side in [Side::Buy, Side::Sell] {
            for (number, open) in book.queue_of(side) {
                (number, open.price_ticks, open.lots, open.filled_lots).hash(&mut hasher);
            }
            side.hash(&mut hasher);
        }
        hasher.finish()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Ask;

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
        let window = Window {
            operations,
            before: &before,
            after,
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
            after: None,
        };
        assert_eq!(search(&window, 5), Answer::Undecided { steps: 5 });
        assert_eq!(search(&window, 1_000), Answer::Unexplained);
    }
}

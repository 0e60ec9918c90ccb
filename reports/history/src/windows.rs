//! A whole history without numbers, searched one window after the other.
//!
//! ```text
//! requests by time of sending --> cut where nothing is in flight   a window
//! the books that a window may begin with x every order that explains its answers --> the books that it may end with
//! none left: no order explains the history     too many, or too many steps: undecided, and so is all that follows
//! ```
//!
//! What was not answered when a window ends may have been done in it, or is carried on: a state is a book with the requests
//! that are still to be done. So a window can be cut at any moment without losing an explanation or gaining one; that it
//! is cut at a quiet one keeps the states few. Where it does not get quiet, it is cut where few requests are in flight.

mod answer;
mod cuts;
mod smallest;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use shakedown_record::ledger::Side;
use shakedown_record::side_by_side::side_by_side;

use crate::book::Book;
use crate::operation::{Ask, Learned, Operation};
use crate::reading::{Known, Misfit, Reading, Taken};
use crate::search::{Found, Search, Span, picture};

pub use answer::{Bound, Ended, Limits, Searched, Undecided, Unexplained};
use cuts::cuts;

/// Searches each history, on so many threads; the answers are in the order of the histories.
pub fn search_windows_all(
    histories: &[(&[Operation], Reading<'_>)],
    limits: &Limits,
    threads: usize,
) -> Vec<Searched> {
    side_by_side(histories, threads, |(operations, reading)| {
        search_windows(operations, reading, limits)
    })
}

/// Searches a history for an order that explains it, from an empty book on. Nothing is made of numbers that it may have.
pub fn search_windows(
    operations: &[Operation],
    reading: &Reading<'_>,
    limits: &Limits,
) -> Searched {
    let mut sorted: Vec<&Operation> = operations.iter().collect();
    sorted.sort_by_key(|one| (one.sent_ns, one.number));
    let made = sorted.iter().enumerate().filter_map(|(at, one)| {
        let is_new = matches!(one.ask, Ask::New { .. });
        is_new.then_some((one.number, at))
    });
    let made = made.collect();
    let known = Known::new(*reading, operations);
    let mut named: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, one) in sorted.iter().enumerate() {
        if let Ask::Cancel { order } | Ask::Replace { order, .. } = one.ask {
            named.entry(order).or_default().push(at);
        }
    }
    let mut windows = Windows {
        known: &known,
        made,
        named,
        limits,
        spent: 0,
        searched: Searched {
            windows: 0,
            requests: 0,
            longest: 0,
            books: 1,
            ended: Ended::Explained,
        },
        sorted,
    };
    windows.run();
    windows.searched
}

/// Where a history may have come to.
#[derive(Debug, Clone, Default)]
struct State {
    book: Book,
    taken: Taken,
    /// Requests that are not done yet.
    waiting: Vec<usize>,
}

struct Windows<'a> {
    known: &'a Known<'a>,
    sorted: Vec<&'a Operation>,
    /// Where the request stands that makes an order.
    made: HashMap<u64, usize>,
    /// Where requests stand that name an order.
    named: HashMap<u64, Vec<usize>>,
    limits: &'a Limits,
    spent: u64,
    searched: Searched,
}

/// Orders that explain a window, by the places of its requests, and what did not fit after the most steps.
struct Orders {
    found: Vec<Vec<usize>>,
    nearest: Option<(usize, Misfit)>,
}

/// Why a window has no end.
enum Halt {
    Unexplained(Option<Misfit>),
    Hit(Bound),
}

impl Windows<'_> {
    fn run(&mut self) {
        let mut states = vec![State::default()];
        for cut in cuts(&self.sorted, self.limits) {
            let requests = cut.of.len();
            let ended = match cut.span {
                None => Err(Halt::Hit(Bound::Longest)),
                Some(span) => self.advance(&mut states, cut.of.clone(), span),
            };
            self.searched.ended = match ended {
                Ok(()) => {
                    self.searched.windows += 1;
                    self.searched.requests += requests as u64;
                    self.searched.longest = self.searched.longest.max(requests as u64);
                    self.searched.books = self.searched.books.max(states.len() as u64);
                    continue;
                }
                Err(Halt::Unexplained(nearest)) => {
                    Ended::Unexplained(self.smallest(&states, cut.of, nearest))
                }
                Err(Halt::Hit(bound)) => Ended::Undecided(Undecided {
                    from_ns: self.sorted[cut.of.start].sent_ns,
                    requests,
                    bound,
                }),
            };
            return;
        }
    }

    /// From the states that a window may begin with to those that it may end with. Where there are none, those that it may
    /// begin with stay.
    fn advance(
        &mut self,
        states: &mut Vec<State>,
        of: Range<usize>,
        span: Span,
    ) -> Result<(), Halt> {
        let mut left = self.limits.steps;
        let mut ends: Vec<State> = Vec::new();
        let mut deepest: Option<(usize, Misfit)> = None;
        for state in states.iter_mut() {
            let places: Vec<usize> = state.waiting.iter().copied().chain(of.clone()).collect();
            let Orders { mut found, nearest } = self.orders(state, &places, span, &mut left)?;
            if let Some(nearest) = nearest
                && deepest.is_none_or(|deepest| deepest.0 < nearest.0)
            {
                deepest = Some(nearest);
            }
            let is_over = span == Span::ToTheEnd && !found.is_empty();
            let only = found.pop();
            self.pay(found.len() * state.book.size())?;
            for order in found {
                ends.push(self.after(state.clone(), &places, &order, of.end));
            }
            if let Some(order) = only {
                ends.push(self.after(std::mem::take(state), &places, &order, of.end));
            }
            if is_over {
                break;
            }
            if ends.len() > 4 * self.limits.books {
                ends = self.different(ends)?;
            }
            if ends.len() > 4 * self.limits.books {
                return Err(Halt::Hit(Bound::Books(ends.len())));
            }
        }
        // Where there are no more than before, few will be the same.
        if ends.len() > states.len() || self.searched.windows.is_multiple_of(16) {
            ends = self.different(ends)?;
        }
        if ends.is_empty() {
            return Err(Halt::Unexplained(deepest.map(|(_, misfit)| misfit)));
        }
        if ends.len() > self.limits.books {
            return Err(Halt::Hit(Bound::Books(ends.len())));
        }
        let carried = ends.iter().map(|state| state.waiting.len()).max();
        let carried = carried.unwrap_or_default();
        if carried > self.limits.carried && span != Span::ToTheEnd {
            return Err(Halt::Hit(Bound::Carried(carried)));
        }
        *states = ends;
        Ok(())
    }

    /// Every order that explains a window from one state on, as far as they differ in the end; at the end of the history
    /// one is enough.
    fn orders(
        &mut self,
        state: &mut State,
        places: &[usize],
        span: Span,
        left: &mut u64,
    ) -> Result<Orders, Halt> {
        let operations = places.iter().map(|at| self.sorted[*at]).collect();
        let book = std::mem::take(&mut state.book);
        let mut search = Search::new(self.known, operations, span, book, &state.taken);
        let mut found = Vec::new();
        let left_in_all = self.limits.steps_in_all.saturating_sub(self.spent);
        let most = (*left).min(left_in_all);
        loop {
            match search.next_order(most) {
                Found::Order => found.push(search.order_at().collect()),
                Found::NoMore => break,
                Found::OutOfSteps if most < *left => {
                    return Err(Halt::Hit(Bound::StepsInAll(self.limits.steps_in_all)));
                }
                Found::OutOfSteps => return Err(Halt::Hit(Bound::Steps(self.limits.steps))),
            }
            if span == Span::ToTheEnd {
                // Nothing comes after it: where the book went does not matter.
                return Ok(Orders {
                    found,
                    nearest: None,
                });
            }
            if found.len() > 4 * self.limits.books {
                return Err(Halt::Hit(Bound::Books(found.len())));
            }
        }
        *left -= search.spent;
        self.spent += search.spent;
        let nearest = search.nearest;
        state.book = search.into_book();
        Ok(Orders { found, nearest })
    }

    /// The state that an order of some requests leads to.
    fn after(&self, mut state: State, places: &[usize], order: &[usize], end: usize) -> State {
        for at in order {
            let one = self.sorted[places[*at]];
            let mark = state.book.mark();
            state.book.apply(one.number, &one.ask);
            for (pair, lots) in self.known.takes(one, &state.book, mark) {
                *state.taken.entry(pair).or_default() += lots;
            }
        }
        let is_left = |at: &usize| !order.contains(at);
        let waiting = (0..places.len()).filter(is_left).map(|at| places[at]);
        state.waiting = waiting.collect();
        self.cancel_what_is_to_go(&mut state, end);
        state.book.settle_and_forget();
        state
            .taken
            .retain(|(taker, _), _| state.book.open(*taker).is_some());
        let can_be_done = |at: &&usize| self.can_be_done(**at, &state, end);
        state.waiting = state.waiting.iter().filter(can_be_done).copied().collect();
        state
    }

    /// Does cancels without an answer of orders that are only in the way, and that no other request is about any more.
    fn cancel_what_is_to_go(&self, state: &mut State, end: usize) {
        let goes = |at: &usize| {
            let one = self.sorted[*at];
            let (Ask::Cancel { order }, None) = (one.ask, one.answered_ns) else {
                return false;
            };
            let is_over =
                |other: &usize| other == at || (*other < end && !state.waiting.contains(other));
            let open = state.book.open(order);
            open.is_some_and(|open| self.known.is_to_go(order, open, &state.taken))
                && self.named[&order].iter().all(is_over)
        };
        let gone: Vec<usize> = state.waiting.iter().copied().filter(goes).collect();
        for at in &gone {
            let one = self.sorted[*at];
            state.book.apply(one.number, &one.ask);
        }
        state.waiting.retain(|at| !gone.contains(at));
    }

    /// A request without an answer about an order that is gone has no effect any more, whenever it is done.
    fn can_be_done(&self, at: usize, state: &State, end: usize) -> bool {
        let one = self.sorted[at];
        if one.learned != Learned::Nothing {
            return true;
        }
        let order = match one.ask {
            Ask::New { .. } => return true,
            Ask::Cancel { order } | Ask::Replace { order, .. } => order,
        };
        let is_to_come = |made: &usize| *made >= end || state.waiting.contains(made);
        state.book.open(order).is_some() || self.made.get(&order).is_some_and(is_to_come)
    }

    /// Counts orders that are copied or compared, a step for every few.
    fn pay(&mut self, orders: usize) -> Result<(), Halt> {
        const OF_A_STEP: u64 = 16;
        self.spent += (orders as u64).div_ceil(OF_A_STEP);
        if self.spent > self.limits.steps_in_all {
            return Err(Halt::Hit(Bound::StepsInAll(self.limits.steps_in_all)));
        }
        Ok(())
    }

    /// Each state once.
    fn different(&mut self, mut states: Vec<State>) -> Result<Vec<State>, Halt> {
        if states.len() < 2 {
            return Ok(states);
        }
        self.pay(states.iter().map(|state| state.book.size()).sum())?;
        let mut seen = HashSet::new();
        states.retain(|state| {
            let queues = [Side::Buy, Side::Sell].into_iter();
            let orders = queues.flat_map(|side| state.book.queue_of(side));
            let picture = picture(self.known, orders, &state.taken);
            seen.insert((picture, state.waiting.clone()))
        });
        Ok(states)
    }
}

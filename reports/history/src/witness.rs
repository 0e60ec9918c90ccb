//! The engine's own order, replayed.
//!
//! An engine that numbers what it does says in which order that was. The replay asks four things of it: is a number given
//! once, does nothing come before what had been answered when it was sent, does every answer follow from the book, and
//! is the book in the end the one that was read. What passes is linearizable, for the order that shows it is there. What
//! does not pass contradicts the engine's own words, whether or not some other order would explain the answers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use shakedown_record::ledger::Side;

use crate::book::{Book, Effect};
use crate::operation::{Ask, Learned, Operation};
use crate::reading::agrees;

/// The history of one symbol, from an empty book on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Testimony<'a> {
    /// In any order. What was refused by a rule that is not the book's had no effect, and is left out.
    pub operations: &'a [Operation],
    /// What was in the book in the end, where that was read: each order with what is still to be traded of it.
    pub after: Option<&'a BTreeMap<u64, u64>>,
    /// How much had traded of orders in the end, where that was read.
    pub filled: Option<&'a BTreeMap<u64, u64>>,
    /// What traded, where all trades were read: by the number of the request that caused it, how much of each order.
    pub traded: Option<&'a BTreeMap<u64, BTreeMap<u64, u64>>>,
}

/// What contradicts an engine's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Two requests have one number.
    SameNumber {
        sequence: u64,
        first: u64,
        second: u64,
    },
    /// `first` had been answered before `second` was sent, and has the larger number.
    OutOfTime { first: u64, second: u64 },
    /// The book would have done something else.
    Impossible {
        number: u64,
        learned: Learned,
        effect: Effect,
    },
    /// A cancel or replace was refused, and the order could have been cancelled or replaced all the while; or a new order
    /// was, which no book does.
    WronglyRefused { number: u64, order: u64 },
    /// The request made an order trade so much, by what was read, and makes it trade so much by the replay.
    OtherwiseTraded {
        number: u64,
        order: u64,
        read: u64,
        replayed: u64,
    },
    /// So much of an order had traded by what was read, and so much by the replay.
    OtherwiseFilled {
        order: u64,
        read: u64,
        replayed: u64,
    },
    /// An order was read with so many open lots, and has so many by the replay; `None`: it is not in the book.
    OtherwiseOpen {
        order: u64,
        read: Option<u64>,
        replayed: Option<u64>,
    },
}

impl Finding {
    /// It may come from a request whose end is not known, and that was done unseen.
    fn may_come_from_the_unknown(&self) -> bool {
        match self {
            Finding::SameNumber { .. } | Finding::OutOfTime { .. } => false,
            Finding::Impossible { .. }
            | Finding::WronglyRefused { .. }
            | Finding::OtherwiseTraded { .. }
            | Finding::OtherwiseFilled { .. }
            | Finding::OtherwiseOpen { .. } => true,
        }
    }
}

/// What a replay found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witnessed {
    /// Requests that were done in the replay.
    pub replayed: u64,
    /// Requests that were done, and of which the engine does not say where in its order.
    pub unplaced: u64,
    /// Requests of which nobody knows whether they were done.
    pub unknown: u64,
    /// So many of the first requests were done before anything of which that is not known, or not where it was done.
    pub sure: u64,
    pub findings: Vec<Finding>,
    /// Of the findings, those that stand whatever became of the requests without a known end or place.
    pub certain: Vec<usize>,
}

impl Witnessed {
    /// The order explains everything.
    pub fn is_explained(&self) -> bool {
        self.findings.is_empty() && self.unplaced == 0
    }

    /// Something contradicts the order, whatever became of the requests without a known end.
    pub fn is_contradicted(&self) -> bool {
        !self.certain.is_empty()
    }

    fn find(&mut self, finding: Finding, is_sure: bool) {
        if is_sure || !finding.may_come_from_the_unknown() {
            self.certain.push(self.findings.len());
        }
        self.findings.push(finding);
    }
}

/// Replays a history in the engine's order.
pub fn replay(testimony: &Testimony<'_>) -> Witnessed {
    let (placed, rest): (Vec<&Operation>, Vec<&Operation>) = testimony
        .operations
        .iter()
        .partition(|one| one.sequence.is_some() && one.learned != Learned::Refused);
    let mut placed = placed;
    placed.sort_by_key(|one| (one.sequence, one.number));
    let refused: Vec<&Operation> = rest
        .iter()
        .filter(|one| one.learned == Learned::Refused)
        .copied()
        .collect();
    let count = |learned: fn(&Learned) -> bool| {
        rest.iter().filter(|one| learned(&one.learned)).count() as u64
    };
    let span = Spans::of(&placed);
    let without_place = rest.iter().filter(|one| one.learned != Learned::Refused);
    let sure = without_place.map(|one| span.of_one(one).0).min();
    let mut witnessed = Witnessed {
        replayed: placed.len() as u64,
        unplaced: count(|learned| matches!(learned, Learned::Done { .. })),
        unknown: count(|learned| *learned == Learned::Nothing),
        sure: sure.unwrap_or(placed.len()) as u64,
        ..Witnessed::default()
    };
    let mut in_time = Vec::new();
    numbers_and_times(&placed, &mut in_time);
    in_time
        .into_iter()
        .for_each(|finding| witnessed.find(finding, true));
    let mut lives = Lives::of(&refused);
    let mut book = Book::default();
    for (at, one) in placed.iter().enumerate() {
        let is_sure = sure.is_none_or(|sure| at < sure);
        done(&mut book, one, testimony, |finding| {
            witnessed.find(finding, is_sure);
        });
        lives.note(at, &book);
        book.settle();
    }
    let is_known = sure.is_none();
    let mut in_the_end: Vec<Finding> = lives.wrongly(&refused, &span).collect();
    if let Some(after) = testimony.after {
        compare(&book, after, &mut in_the_end);
    }
    if let Some(filled) = testimony.filled {
        in_the_end.extend(otherwise_filled(&book, filled));
    }
    in_the_end
        .into_iter()
        .for_each(|finding| witnessed.find(finding, is_known));
    witnessed
}

/// Does a request in the book, and holds what it did against what was learned of it.
fn done(
    book: &mut Book,
    one: &Operation,
    testimony: &Testimony<'_>,
    mut find: impl FnMut(Finding),
) {
    let mark = book.mark();
    let effect = book.apply(one.number, &one.ask);
    // That it has a place means that it was done, whether its client heard of it or not.
    let learned = match one.learned {
        Learned::Nothing => Learned::Done { filled_lots: None },
        learned => learned,
    };
    if !agrees(learned, effect) {
        find(Finding::Impossible {
            number: one.number,
            learned,
            effect,
        });
    }
    let (Some(traded), Some(sequence)) = (testimony.traded, one.sequence) else {
        return;
    };
    let nothing = BTreeMap::new();
    let read = traded.get(&sequence).unwrap_or(&nothing);
    let replayed = book.traded(mark);
    if *read == replayed {
        return;
    }
    let orders: BTreeSet<&u64> = read.keys().chain(replayed.keys()).collect();
    for order in orders {
        let of = |lots: &BTreeMap<u64, u64>| lots.get(order).copied().unwrap_or_default();
        if of(read) != of(&replayed) {
            find(Finding::OtherwiseTraded {
                number: one.number,
                order: *order,
                read: of(read),
                replayed: of(&replayed),
            });
        }
    }
}

/// Orders of which more or less had traded.
fn otherwise_filled<'a>(
    book: &'a Book,
    filled: &'a BTreeMap<u64, u64>,
) -> impl Iterator<Item = Finding> + 'a {
    filled.iter().filter_map(|(order, read)| {
        let replayed = book.filled_lots(*order)?;
        (replayed != *read).then_some(Finding::OtherwiseFilled {
            order: *order,
            read: *read,
            replayed,
        })
    })
}

/// Holds the numbers and the times of requests against each other, those of many books at once where one numbering is
/// over all of them.
pub fn check_order(operations: &[Operation]) -> Vec<Finding> {
    let placed = operations
        .iter()
        .filter(|one| one.sequence.is_some() && one.learned != Learned::Refused);
    let mut placed: Vec<&Operation> = placed.collect();
    placed.sort_by_key(|one| (one.sequence, one.number));
    let mut findings = Vec::new();
    numbers_and_times(&placed, &mut findings);
    findings
}

/// Holds the numbers against each other and against the clock, in one pass.
fn numbers_and_times(placed: &[&Operation], findings: &mut Vec<Finding>) {
    for pair in placed.windows(2) {
        if let (Some(sequence), true) = (pair[0].sequence, pair[0].sequence == pair[1].sequence) {
            findings.push(Finding::SameNumber {
                sequence,
                first: pair[0].number,
                second: pair[1].number,
            });
        }
    }
    let mut latest: Option<&Operation> = None;
    for one in placed {
        if let Some(latest) = latest
            && one.precedes(latest)
        {
            findings.push(Finding::OutOfTime {
                first: one.number,
                second: latest.number,
            });
        }
        if latest.is_none_or(|latest| latest.sent_ns < one.sent_ns) {
            latest = Some(one);
        }
    }
}

/// How an order fared in the replay. Places count the requests that were done before.
#[derive(Debug, Default)]
struct Life {
    entered: Option<usize>,
    closed: Option<usize>,
    /// How much had traded, each time that more had.
    filled: Vec<(usize, u64)>,
}

/// The orders that refused requests name.
#[derive(Debug)]
struct Lives(HashMap<u64, Life>);

impl Lives {
    fn of(refused: &[&Operation]) -> Lives {
        let named = refused.iter().filter_map(|one| order_of(&one.ask));
        Lives(named.map(|order| (order, Life::default())).collect())
    }

    fn note(&mut self, at: usize, book: &Book) {
        if self.0.is_empty() {
            return;
        }
        for number in book.touched(0) {
            let Some(life) = self.0.get_mut(&number) else {
                continue;
            };
            life.entered.get_or_insert(at + 1);
            if book.open(number).is_none() {
                life.closed.get_or_insert(at + 1);
            }
            if let Some(lots) = book.filled_lots(number) {
                life.filled.push((at + 1, lots));
            }
        }
    }

    /// A refusal is right when at some place where it may stand the order was not there yet, or not there any more, or
    /// had traded too much already. All three only come or only go with time: the ends of its span decide.
    fn wrongly<'a>(
        &'a self,
        refused: &'a [&'a Operation],
        span: &'a Spans,
    ) -> impl Iterator<Item = Finding> + 'a {
        let wrong = |one: &&Operation| {
            let Some(order) = order_of(&one.ask) else {
                // No book refuses an order of something.
                return is_of_something(&one.ask).then_some(Finding::WronglyRefused {
                    number: one.number,
                    order: one.number,
                });
            };
            let life = self.0.get(&order)?;
            let (earliest, latest) = span.of_one(one);
            let not_yet = life.entered.is_none_or(|entered| earliest < entered);
            let not_any_more = life.closed.is_some_and(|closed| closed <= latest);
            let too_little = match one.ask {
                Ask::Replace { lots, .. } => life
                    .filled
                    .iter()
                    .any(|(at, filled)| *at <= latest && *filled >= u64::from(lots)),
                Ask::New { .. } | Ask::Cancel { .. } => false,
            };
            let is_right = not_yet || not_any_more || too_little;
            (!is_right).then_some(Finding::WronglyRefused {
                number: one.number,
                order,
            })
        };
        refused.iter().filter_map(wrong)
    }
}

fn order_of(ask: &Ask) -> Option<u64> {
    match ask {
        Ask::Cancel { order } | Ask::Replace { order, .. } => Some(*order),
        Ask::New { .. } => None,
    }
}

fn is_of_something(ask: &Ask) -> bool {
    matches!(ask, Ask::New { lots, .. } if *lots > 0)
}

/// Between which requests of the order a request without a place may stand.
struct Spans {
    /// The latest time of sending up to each place.
    sent_ns: Vec<u64>,
    /// The earliest time of an answer from each place on.
    answered_ns: Vec<u64>,
}

impl Spans {
    fn of(placed: &[&Operation]) -> Spans {
        let mut latest_ns = 0;
        let sent_ns = placed.iter().map(|one| {
            latest_ns = latest_ns.max(one.sent_ns);
            latest_ns
        });
        let sent_ns = sent_ns.collect();
        let mut earliest_ns = u64::MAX;
        let answered = placed.iter().rev().map(|one| {
            earliest_ns = earliest_ns.min(one.answered_ns.unwrap_or(u64::MAX));
            earliest_ns
        });
        let mut answered_ns: Vec<u64> = answered.collect();
        answered_ns.reverse();
        Spans {
            sent_ns,
            answered_ns,
        }
    }

    /// How many requests come before it at least and at most.
    fn of_one(&self, one: &Operation) -> (usize, usize) {
        let earliest = self
            .answered_ns
            .partition_point(|answered_ns| *answered_ns < one.sent_ns);
        let until_ns = one.answered_ns.unwrap_or(u64::MAX);
        let latest = self.sent_ns.partition_point(|sent_ns| *sent_ns <= until_ns);
        (earliest, latest)
    }
}

/// Holds the book against what was read.
fn compare(book: &Book, after: &BTreeMap<u64, u64>, findings: &mut Vec<Finding>) {
    let mut replayed = BTreeMap::new();
    for side in [Side::Buy, Side::Sell] {
        replayed.extend(
            book.queue_of(side)
                .map(|(number, open)| (number, open.open_lots())),
        );
    }
    let differ = |order: &u64| {
        let (read, replayed) = (after.get(order).copied(), replayed.get(order).copied());
        (read != replayed).then_some(Finding::OtherwiseOpen {
            order: *order,
            read,
            replayed,
        })
    };
    findings.extend(after.keys().filter_map(differ));
    let unread = replayed.keys().filter(|order| !after.contains_key(order));
    findings.extend(unread.filter_map(differ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(number: u64, ask: Ask, times: (u64, u64), sequence: u64) -> Operation {
        Operation {
            number,
            ask,
            sent_ns: times.0,
            answered_ns: Some(times.1),
            learned: Learned::Done { filled_lots: None },
            sequence: Some(sequence),
        }
    }

    fn new(side: Side, lots: u32) -> Ask {
        Ask::New {
            side,
            price_ticks: 10,
            lots,
        }
    }

    fn found(operations: &[Operation], after: &[(u64, u64)]) -> Witnessed {
        replay(&Testimony {
            operations,
            after: Some(&after.iter().copied().collect()),
            ..Testimony::default()
        })
    }

    #[test]
    fn a_true_order_explains_everything() {
        let operations = [
            placed(1, new(Side::Buy, 5), (0, 10), 1),
            placed(2, new(Side::Sell, 3), (5, 20), 2),
            placed(3, Ask::Cancel { order: 1 }, (30, 40), 3),
        ];
        let witnessed = found(&operations, &[]);
        assert!(witnessed.is_explained() && !witnessed.is_contradicted());
        assert_eq!(witnessed.replayed, 3);
    }

    #[test]
    fn a_number_that_is_given_twice_and_one_that_overtakes_are_found() {
        let operations = [
            placed(1, new(Side::Buy, 5), (0, 10), 7),
            placed(2, new(Side::Buy, 5), (20, 30), 7),
            placed(3, new(Side::Buy, 5), (40, 50), 6),
        ];
        let findings = found(&operations, &[(1, 5), (2, 5), (3, 5)]).findings;
        let same = Finding::SameNumber {
            sequence: 7,
            first: 1,
            second: 2,
        };
        let late = |first| Finding::OutOfTime { first, second: 3 };
        assert_eq!(findings, [same, late(1), late(2)]);
    }

    #[test]
    fn an_answer_that_the_book_would_not_give_is_found() {
        let operations = [
            placed(1, new(Side::Buy, 5), (0, 10), 1),
            placed(2, new(Side::Sell, 5), (20, 30), 2),
            placed(3, Ask::Cancel { order: 1 }, (40, 50), 3),
        ];
        let witnessed = found(&operations, &[]);
        assert!(matches!(
            witnessed.findings[..],
            [Finding::Impossible { number: 3, .. }]
        ));
        assert!(witnessed.is_contradicted());
    }

    #[test]
    fn a_refusal_needs_a_place_where_it_is_right() {
        let refused = |times: (u64, u64)| Operation {
            learned: Learned::Refused,
            sequence: None,
            ..placed(9, Ask::Cancel { order: 1 }, times, 0)
        };
        let with = |times| {
            [
                placed(1, new(Side::Buy, 5), (0, 10), 1),
                placed(2, new(Side::Sell, 5), (20, 30), 2),
                refused(times),
            ]
        };
        let wrong = Finding::WronglyRefused {
            number: 9,
            order: 1,
        };
        assert_eq!(found(&with((12, 15)), &[]).findings, [wrong]);
        assert_eq!(found(&with((12, 25)), &[]).findings, [], "filled meanwhile");
        assert_eq!(found(&with((5, 15)), &[]).findings, [], "not there yet");
        assert_eq!(found(&with((40, 50)), &[]).findings, []);
    }

    fn unknown(number: u64, ask: Ask, sent_ns: u64) -> Operation {
        Operation {
            learned: Learned::Nothing,
            answered_ns: None,
            sequence: None,
            ..placed(number, ask, (sent_ns, 0), 0)
        }
    }

    #[test]
    fn what_comes_before_the_unknown_is_certain_and_what_comes_after_it_is_not() {
        let twice = |at: u64, sequence| placed(9, Ask::Cancel { order: 1 }, (at, at + 5), sequence);
        let begin = [
            placed(1, new(Side::Buy, 5), (0, 10), 1),
            placed(2, new(Side::Sell, 5), (20, 30), 2),
        ];
        let with = |cancel| {
            [
                begin[0],
                begin[1],
                unknown(3, new(Side::Sell, 5), 50),
                cancel,
            ]
        };
        let before = found(&with(twice(40, 3)), &[]);
        assert_eq!((before.sure, before.certain.len()), (3, 1), "{before:?}");
        let after = found(&with(twice(60, 3)), &[]);
        assert_eq!((after.sure, after.findings.len()), (2, 1));
        assert!(!after.is_contradicted() && !after.is_explained());
    }

    #[test]
    fn an_order_that_trades_out_of_turn_is_found_at_the_request_that_made_it() {
        let operations = [
            placed(1, new(Side::Buy, 5), (0, 10), 1),
            placed(2, new(Side::Buy, 5), (20, 30), 2),
            placed(3, new(Side::Sell, 5), (40, 50), 3),
        ];
        let told = |maker: u64| BTreeMap::from([(3, BTreeMap::from([(maker, 5), (3, 5)]))]);
        let replayed = |traded: &BTreeMap<u64, BTreeMap<u64, u64>>| {
            replay(&Testimony {
                operations: &operations,
                traded: Some(traded),
                ..Testimony::default()
            })
        };
        assert!(replayed(&told(1)).is_explained());
        let otherwise = |order, read, replayed| Finding::OtherwiseTraded {
            number: 3,
            order,
            read,
            replayed,
        };
        let witnessed = replayed(&told(2));
        assert_eq!(witnessed.findings, [otherwise(1, 0, 5), otherwise(2, 5, 0)]);
        assert!(witnessed.is_contradicted());
    }

    #[test]
    fn an_order_that_traded_more_than_the_replay_makes_it_is_found() {
        let operations = [
            placed(1, new(Side::Buy, 5), (0, 10), 1),
            placed(2, new(Side::Sell, 3), (20, 30), 2),
            placed(3, Ask::Cancel { order: 1 }, (40, 50), 3),
        ];
        let filled = BTreeMap::from([(1, 4), (2, 3)]);
        let witnessed = replay(&Testimony {
            operations: &operations,
            filled: Some(&filled),
            ..Testimony::default()
        });
        let otherwise = Finding::OtherwiseFilled {
            order: 1,
            read: 4,
            replayed: 3,
        };
        assert_eq!(witnessed.findings, [otherwise]);
    }

    #[test]
    fn what_is_read_otherwise_is_found_and_may_come_from_the_unknown() {
        let mut operations = vec![placed(1, new(Side::Buy, 5), (0, 10), 1)];
        let otherwise = |read, replayed| Finding::OtherwiseOpen {
            order: 1,
            read,
            replayed,
        };
        assert_eq!(
            found(&operations, &[(1, 4)]).findings,
            [otherwise(Some(4), Some(5))]
        );
        assert_eq!(found(&operations, &[]).findings, [otherwise(None, Some(5))]);
        assert!(found(&operations, &[]).is_contradicted());
        operations.push(unknown(2, Ask::Cancel { order: 1 }, 20));
        let witnessed = found(&operations, &[]);
        assert!(!witnessed.is_explained() && !witnessed.is_contradicted());
    }
}

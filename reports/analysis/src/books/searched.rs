//! Some order of all requests, searched for in windows, of an engine that does not say in which order it did what.
//!
//! Whatever a request without an answer may have done is tried as well: what no order explains is a contradiction, unless
//! orders of others may have traded with ours.

use shakedown_history::{
    Bound, Ended, Learned, Limits, Misfit, Operation, Reading, Searched, Undecided, Unexplained,
    search_windows_all,
};
use shakedown_record::side_by_side::cores;
use shakedown_scenarios::HistoryBy;
use shakedown_scenarios::plan::Plan;
use std::collections::BTreeMap;

use super::copy::{Copies, CopyBook, id_of, slot_of};
use super::history::{Contradiction, History, KEPT, Search};
use super::requests::Requests;
use super::told::{Case, cases};
use super::words::{Words, effect_words};
use crate::words::{count, moment_s};

/// Searches every symbol, as each copy tells of it.
pub(super) fn searched(
    plan: &Plan,
    copies: &Copies,
    requests: &Requests,
    words: &Words<'_>,
) -> History {
    let nothing = CopyBook::default();
    let without = std::slice::from_ref(&nothing);
    let books: &[CopyBook] = match copies.all.is_empty() {
        true => without,
        false => &copies.all,
    };
    let cases = cases(plan, books, requests, HistoryBy::Search);
    let histories: Vec<(&[Operation], Reading<'_>)> = cases
        .iter()
        .map(|case| {
            let reading = match copies.all.is_empty() {
                true => Reading::default(),
                false => Reading {
                    after: Some(&case.told.after),
                    filled: Some(&case.told.filled),
                    taken: case.told.taken.as_ref(),
                },
            };
            (&requests.of_symbol[&case.symbol][..], reading)
        })
        .collect();
    let all = search_windows_all(&histories, &Limits::USUAL, cores());
    let mut judging = Judging {
        requests,
        words,
        others: copies.others.as_deref(),
        history: History {
            symbols: requests.of_symbol.len() as u64,
            unanswered: requests.unanswered,
            resolved: requests.resolved,
            undecided: requests.unanswered - requests.resolved,
            ..History::default()
        },
        search: Search::default(),
        decided: BTreeMap::new(),
        open: copies.unread.clone(),
    };
    for (case, searched) in cases.iter().zip(&all) {
        judging.take(case, searched);
    }
    judging.finish()
}

struct Judging<'a> {
    requests: &'a Requests,
    words: &'a Words<'a>,
    /// Why orders of others may explain what ours do not.
    others: Option<&'a str>,
    history: History,
    search: Search,
    /// Requests and windows of each symbol that were decided on every copy.
    decided: BTreeMap<u8, (u64, u64)>,
    open: Vec<String>,
}

impl Judging<'_> {
    fn take(&mut self, case: &Case, searched: &Searched) {
        let here = (searched.requests, searched.windows);
        let decided = self.decided.entry(case.symbol).or_insert(here);
        *decided = here.min(*decided);
        self.search.longest = self.search.longest.max(searched.longest);
        self.search.books = self.search.books.max(searched.books);
        match &searched.ended {
            Ended::Explained => {}
            Ended::Undecided(undecided) => {
                let why = self.undecided(case, undecided);
                if !self.open.contains(&why) {
                    self.open.push(why);
                }
            }
            Ended::Unexplained(unexplained) => {
                let text = self.unexplained(case, unexplained);
                match self.others {
                    Some(others) => self.open.push(format!("{text}; {others}")),
                    None => self.contradict(case, unexplained, text),
                }
            }
        }
    }

    fn contradict(&mut self, case: &Case, unexplained: &Unexplained, text: String) {
        self.history.contradictions += 1;
        if self.history.first.len() == KEPT {
            return;
        }
        let about = unexplained.last.or_else(|| {
            let nearest = unexplained.nearest.as_ref();
            nearest.map(about)
        });
        let around = unexplained.requests.iter();
        let around = around
            .filter_map(|number| self.operation(case.symbol, *number))
            .map(|one| {
                let request = self.words.request(one);
                format!("among the requests that no order explains: {request}")
            });
        let contradiction = Contradiction {
            text,
            slot: about.and_then(slot_of),
            around: around.collect(),
        };
        self.history.first.push(contradiction);
    }

    fn operation(&self, symbol: u8, number: u64) -> Option<&Operation> {
        let mut all = self.requests.of_symbol[&symbol].iter();
        all.find(|one| one.number == number)
    }

    fn unexplained(&self, case: &Case, unexplained: &Unexplained) -> String {
        let all = unexplained.requests.iter();
        let all: Vec<&Operation> = all
            .filter_map(|number| self.operation(case.symbol, *number))
            .collect();
        let from_ns = all.iter().map(|one| one.sent_ns).min().unwrap_or_default();
        let end_ns = all.iter().filter_map(|one| one.answered_ns).max();
        let what = match unexplained.last {
            None => format!("what {} tell in the end", case.copies),
            Some(last) => {
                let refused = self
                    .operation(case.symbol, last)
                    .is_some_and(|one| one.learned == Learned::Refused);
                let answer = if refused {
                    "refusal"
                } else {
                    "acknowledgement"
                };
                format!("the {answer} of {}", self.words.named(last))
            }
        };
        let nearest = unexplained.nearest.as_ref();
        let nearest = nearest.map_or(String::new(), |misfit| {
            format!(": {}", self.misfit(misfit, &case.copies))
        });
        format!(
            "no order of the {} requests for {} from {} to {} explains {what}{nearest}",
            all.len(),
            self.symbol(case.symbol),
            moment_s(from_ns as f64 / 1e9),
            moment_s(end_ns.unwrap_or(from_ns) as f64 / 1e9),
        )
    }

    fn misfit(&self, misfit: &Misfit, copies: &str) -> String {
        let (words, id) = (self.words, |number| id_of(self.words.input, number));
        match *misfit {
            Misfit::Answer {
                number,
                learned: Learned::Refused,
                ..
            } => format!("{} could be done all the while", words.named(number)),
            Misfit::Answer { number, effect, .. } => format!(
                "{} could not be done: {}",
                words.named(number),
                effect_words(effect)
            ),
            Misfit::Taken {
                taker,
                maker,
                read,
                replayed,
                ..
            } => format!(
                "{} took {} of {}, by the trades of {copies}; by price and time it takes {}",
                id(taker),
                words.lots(taker, read),
                id(maker),
                words.lots(taker, replayed)
            ),
            Misfit::Filled {
                order,
                read,
                replayed,
                ..
            } => format!(
                "{} of {} had traded in the end, by {copies}; by price and time {} have",
                words.lots(order, read),
                id(order),
                words.lots(order, replayed)
            ),
            Misfit::Closed {
                number,
                order,
                read,
            } => format!(
                "with {} the order {} ends, and it is open with {} on {copies}",
                words.named(number),
                id(order),
                words.lots(order, read)
            ),
            Misfit::Open {
                order,
                read,
                replayed,
            } => {
                format!(
                    "{} is {} on {copies}, and {} by price and time",
                    id(order),
                    words.open(order, read),
                    words.open(order, replayed)
                )
            }
        }
    }

    fn undecided(&self, case: &Case, undecided: &Undecided) -> String {
        let requests = count(undecided.requests as u64);
        let why = match undecided.bound {
            Bound::Longest => format!(
                "the next {requests} requests overlap without a moment at which few are in flight"
            ),
            Bound::Carried(carried) => {
                format!("{carried} requests without a known end may be done at any time after it")
            }
            Bound::Books(books) => {
                format!("the answers of {requests} requests leave {books} or more books possible")
            }
            Bound::Steps(steps) => {
                let steps = count(steps);
                format!("{steps} steps were too few for a window of {requests} requests")
            }
            Bound::StepsInAll(steps) => {
                let steps = count(steps);
                format!("{steps} steps in all windows before the next {requests} requests")
            }
        };
        format!(
            "{} is undecided from {} on: {why}; fewer requests at a time can be decided: lower the rate, or spread it over \
             more symbols",
            self.symbol(case.symbol),
            moment_s(undecided.from_ns as f64 / 1e9),
        )
    }

    fn symbol(&self, symbol: u8) -> &str {
        let share = self.words.plan.load.symbols.get(usize::from(symbol));
        share.map_or("a symbol", |share| share.name.as_str())
    }

    fn finish(self) -> History {
        let (mut history, mut search) = (self.history, self.search);
        let mut open = self.open;
        history.replayed = self.decided.values().map(|(requests, _)| requests).sum();
        search.windows = self.decided.values().map(|(_, windows)| windows).sum();
        let all: usize = self.requests.of_symbol.values().map(Vec::len).sum();
        search.left = (all as u64).saturating_sub(history.replayed);
        if history.replayed == 0 && history.first.is_empty() {
            open.push("no request could be decided".to_string());
        }
        history.search = Some(search);
        history.open = (!open.is_empty()).then(|| open.join("; "));
        history
    }
}

/// The order or request that a misfit is about.
fn about(misfit: &Misfit) -> u64 {
    match *misfit {
        Misfit::Answer { number, .. } => number,
        Misfit::Taken { taker, .. } => taker,
        Misfit::Filled { order, .. }
        | Misfit::Closed { order, .. }
        | Misfit::Open { order, .. } => order,
    }
}

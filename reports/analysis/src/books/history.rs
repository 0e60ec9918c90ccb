//! The engine's own order of all requests, replayed on a book of our own; where it has none, one is searched for.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::thread::available_parallelism;

use shakedown_history::{
    Finding, Learned, Operation, Testimony, Witnessed, check_order, replay_all,
};
use shakedown_record::readback::ReadKind;
use shakedown_record::run_record::{HistoryRecord, SearchRecord};
use shakedown_scenarios::plan::{DataLayout, Plan, RuleKind};
use shakedown_scenarios::{HistoryBy, history_by};

use super::copy::{Copies, CopyBook, slot_of};
use super::requests::{Requests, gather};
use super::searched::searched;
use super::told::{Case, cases};
use super::words::Words;
use crate::data_loss::CopyRead;
use crate::input::Input;
use crate::words::count;

/// Contradictions that are told in full.
pub(super) const KEPT: usize = 5;

/// Requests that are told of before and after the one in question.
const AROUND: usize = 5;

/// Something that contradicts the engine's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contradiction {
    pub text: String,
    /// The order or request that it is about; `None`: no slot stands for it.
    pub slot: Option<u64>,
    /// The requests around it in the engine's order, or all those that no order explains.
    pub around: Vec<String>,
}

/// What a search in windows took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Search {
    pub windows: u64,
    /// Requests in the longest window.
    pub longest: u64,
    /// Books that were possible at once, at most.
    pub books: u64,
    /// Requests from the first window of a symbol on that was not decided, or that no order explains.
    pub left: u64,
}

/// What the replay came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub symbols: u64,
    /// Requests that were replayed, or searched and decided.
    pub replayed: u64,
    /// `None`: the engine's own order was replayed.
    pub search: Option<Search>,
    pub unanswered: u64,
    pub resolved: u64,
    /// Requests of which nobody knows whether, or where in the order, they were done.
    pub undecided: u64,
    /// Contradictions that nothing unknown can explain, and the first of them.
    pub contradictions: u64,
    pub first: Vec<Contradiction>,
    /// Why it is not known whether there are more.
    pub open: Option<String>,
}

impl History {
    /// As it stands in `record.json`.
    pub fn record(&self) -> HistoryRecord {
        HistoryRecord {
            symbols: self.symbols,
            requests: self.replayed,
            search: self.search.map(|search| SearchRecord {
                windows: search.windows,
                longest: search.longest,
                books: search.books,
                left: search.left,
            }),
            unanswered: self.unanswered,
            resolved: self.resolved,
            undecided: self.undecided,
            contradictions: self.contradictions,
            open: self.open.clone(),
            examples: self.first.iter().map(|first| first.text.clone()).collect(),
        }
    }
}

/// Replays a run, or searches it; `None` when no rule asks.
pub(crate) fn history(
    input: &Input,
    plan: &Plan,
    reads: &[(ReadKind, Vec<CopyRead>)],
) -> Option<History> {
    let mut rules = plan.rules.iter();
    rules.find(|rule| rule.kind == RuleKind::Linearizable)?;
    let copies = Copies::read(input, plan, reads);
    let by = history_by(&plan.system).unwrap_or(HistoryBy::Numbers);
    let requests = gather(input, plan, &copies, by);
    let words = Words { input, plan };
    Some(match by {
        HistoryBy::Numbers => judge(plan, &copies, &requests, &words),
        HistoryBy::Search => searched(plan, &copies, &requests, &words),
    })
}

fn judge(plan: &Plan, copies: &Copies, requests: &Requests, words: &Words<'_>) -> History {
    let mut judging = Judging {
        words,
        requests,
        history: History {
            symbols: requests.of_symbol.len() as u64,
            unanswered: requests.unanswered,
            resolved: requests.resolved,
            ..History::default()
        },
        doubts: Vec::new(),
        doubted: 0,
    };
    for (number, told, read) in &requests.misnumbered {
        judging.contradict(words.misnumbered(*number, *told, *read), *number);
    }
    let one_numbering = match plan.system.data {
        DataLayout::Replicated => true,
        DataLayout::Sharded { .. } | DataLayout::Store { .. } | DataLayout::Memory => {
            requests.of_symbol.len() == 1
        }
    };
    if one_numbering {
        let all = requests.of_symbol.values().flatten();
        let all: Vec<Operation> = all.copied().collect();
        for finding in check_order(&all) {
            judging.contradict(words.finding(&finding, ""), words.about(&finding));
        }
    }
    let nothing = CopyBook::default();
    let without = std::slice::from_ref(&nothing);
    let books: &[CopyBook] = match copies.all.is_empty() {
        true => without,
        false => &copies.all,
    };
    let cases = cases(plan, books, requests, HistoryBy::Numbers);
    let testimonies: Vec<Testimony<'_>> = cases
        .iter()
        .map(|case| {
            let told = (!copies.all.is_empty()).then_some(&case.told);
            Testimony {
                operations: &requests.of_symbol[&case.symbol],
                after: told.map(|told| &told.after),
                filled: told.map(|told| &told.filled),
                traded: told.and_then(|told| told.traded.as_ref()),
            }
        })
        .collect();
    let threads = available_parallelism().map_or(1, NonZero::get);
    let mut counted = BTreeSet::new();
    for (case, witnessed) in cases.iter().zip(replay_all(&testimonies, threads)) {
        if counted.insert(case.symbol) {
            judging.history.replayed += witnessed.replayed;
            judging.history.undecided += witnessed.unknown + witnessed.unplaced;
        }
        let is_alone = copies.others.is_none();
        judging.take(case, &witnessed, is_alone, one_numbering);
    }
    judging.finish(copies)
}

struct Judging<'a> {
    words: &'a Words<'a>,
    requests: &'a Requests,
    history: History,
    /// The first of what is no proof, in words.
    doubts: Vec<String>,
    doubted: u64,
}

impl Judging<'_> {
    fn take(&mut self, case: &Case, witnessed: &Witnessed, is_alone: bool, one_numbering: bool) {
        for (at, finding) in witnessed.findings.iter().enumerate() {
            let in_time = matches!(
                finding,
                Finding::SameNumber { .. } | Finding::OutOfTime { .. }
            );
            if in_time && one_numbering {
                continue;
            }
            let text = self.words.finding(finding, &case.copies);
            if witnessed.certain.contains(&at) && (is_alone || in_time) {
                self.contradict(text, self.words.about(finding));
                continue;
            }
            self.doubted += 1;
            if self.doubts.is_empty() {
                self.doubts.push(text);
            }
        }
    }

    fn contradict(&mut self, text: String, about: u64) {
        self.history.contradictions += 1;
        if self.history.first.len() < KEPT {
            let around = match self.history.first.is_empty() {
                true => self.around(about),
                false => Vec::new(),
            };
            self.history.first.push(Contradiction {
                text,
                slot: slot_of(about),
                around,
            });
        }
    }

    /// The requests around one of them, in the engine's order.
    fn around(&self, number: u64) -> Vec<String> {
        let mut books = self.requests.of_symbol.values();
        let holds = |book: &&Vec<Operation>| book.iter().any(|one| one.number == number);
        let Some(book) = books.find(holds) else {
            return Vec::new();
        };
        let placed = book.iter().filter(|one| one.sequence.is_some());
        let mut placed: Vec<&Operation> = placed.collect();
        placed.sort_by_key(|one| (one.sequence, one.number));
        let Some(at) = placed.iter().position(|one| one.number == number) else {
            return Vec::new();
        };
        let to = (at + AROUND + 1).min(placed.len());
        let near = &placed[at.saturating_sub(AROUND)..to];
        near.iter()
            .map(|one| format!("in the engine's order {}", self.words.request(one)))
            .collect()
    }

    fn finish(self, copies: &Copies) -> History {
        let unplaced = self.unplaced();
        let mut history = self.history;
        let mut open = copies.unread.clone();
        if history.replayed == 0 {
            open.push("no acknowledged request could be replayed".to_string());
        }
        if self.doubted > 0 {
            let first = self.doubts.first().map_or("", String::as_str);
            let reason = copies.others.clone().unwrap_or_else(|| {
                format!(
                    "{} requests without a known end or place could explain it",
                    count(history.undecided)
                )
            });
            open.push(format!(
                "{} differences, the first: {first}; {reason}",
                count(self.doubted)
            ));
        } else if unplaced > 0 {
            open.push(format!(
                "{} requests were done, and nothing says where in the engine's order",
                count(unplaced)
            ));
        }
        history.open = (!open.is_empty()).then(|| open.join("; "));
        history
    }

    /// Requests that were done nobody knows where.
    fn unplaced(&self) -> u64 {
        let all = self.requests.of_symbol.values().flatten();
        let unplaced =
            all.filter(|one| one.sequence.is_none() && matches!(one.learned, Learned::Done { .. }));
        unplaced.count() as u64
    }
}

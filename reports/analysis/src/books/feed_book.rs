//! The books that are rebuilt from the market-data feed beside the books that were read of every copy, order by order with what
//! can still trade; and the same for a subscriber that came late and was told first what rests.
//!
//! A copy is read behind the sentinel: it shows no less than what was told up to the sentinel's message, or up to its own mark
//! (where that counts as the feed does); and no more than what was told up to the end of the read, and perhaps what was on its
//! way then. Whatever an order was in between, the copy may show.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_record::feed::FeedReport;
use shakedown_record::feed_book::BookEvent;
use shakedown_record::readback::ReadKind;
use shakedown_record::run_record::FeedBookRecord;
use shakedown_scenarios::plan::{FeedRule, Plan, RuleKind};

use super::copy::{Copies, CopyBook, Held, State, id_of, number_of, slot_of};
use super::rebuilt::{Books, Resting, Rests, Stream};
use crate::data_loss::{CopyRead, side_name};
use crate::input::Input;
use crate::words::count;

/// Contradictions that are told in full.
const KEPT: usize = 5;

/// What the feed's books came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FeedBook {
    /// Messages from which the books were rebuilt.
    pub messages: u64,
    /// Orders of ours that rest by them when the copies were read.
    pub orders: u64,
    /// Copies that were compared.
    pub copies: u64,
    /// Orders that rested by what who came late was told first; `None`: nobody came late.
    pub late: Option<u64>,
    /// Orders that differ, each counted once for all copies that show it alike.
    pub contradictions: u64,
    /// The first contradictions, and the order of each; `None`: no slot stands for it.
    pub first: Vec<(String, Option<u64>)>,
    /// Why there may be more.
    pub open: Option<String>,
}

impl FeedBook {
    /// As it stands in `record.json`.
    pub fn record(&self) -> FeedBookRecord {
        FeedBookRecord {
            messages: self.messages,
            orders: self.orders,
            copies: self.copies,
            late: self.late,
            contradictions: self.contradictions,
            open: self.open.clone(),
            examples: self.first.iter().map(|(text, _)| text.clone()).collect(),
        }
    }

    fn open(why: impl Into<String>) -> FeedBook {
        FeedBook {
            open: Some(why.into()),
            ..FeedBook::default()
        }
    }

    pub(super) fn lacks(&mut self, why: String) {
        match &mut self.open {
            Some(open) => open.push_str(&format!("; {why}")),
            None => self.open = Some(why),
        }
    }

    pub(super) fn add(&mut self, order: u64, text: String) {
        self.contradictions += 1;
        if self.first.len() < KEPT {
            self.first.push((text, slot_of(order)));
        }
    }
}

/// Compares; `None` when no rule asks.
pub(crate) fn feed_book(
    input: &Input,
    plan: &Plan,
    reads: &[(ReadKind, Vec<CopyRead>)],
) -> Option<FeedBook> {
    let mut rules = plan.rules.iter();
    rules.find(|rule| rule.kind == RuleKind::Feed(FeedRule::Book))?;
    let Some(rows) = input
        .feed_books
        .whole
        .as_ref()
        .filter(|rows| !rows.is_empty())
    else {
        return Some(FeedBook::open("nothing was heard of the feed"));
    };
    let stream = Stream::of(input, plan, rows);
    let found = match Comparing::new(input, plan, &stream) {
        Err(why) => FeedBook::open(why),
        Ok(mut comparing) => {
            comparing.late();
            comparing.copies(&Copies::read(input, plan, reads));
            comparing.found
        }
    };
    Some(found)
}

pub(super) struct Comparing<'a> {
    pub input: &'a Input,
    pub plan: &'a Plan,
    stream: &'a Stream,
    /// The number of the first message.
    first: u64,
    /// Behind everything that was sent before the copies were read.
    pub sentinel: u64,
    /// The last number that was heard by the end of the read.
    read: u64,
    /// Acknowledgements bear the feed's numbers.
    numbers_are_shared: bool,
    pub found: FeedBook,
}

impl<'a> Comparing<'a> {
    /// # Errors
    /// Why the books cannot be rebuilt up to the read.
    fn new(input: &'a Input, plan: &'a Plan, stream: &'a Stream) -> Result<Self, String> {
        heard_from_the_start(input)?;
        let sentinel = sentinel(input, stream)?;
        let ended_ns = input.facts.read_ended.get(&ReadKind::Converged);
        let ended_ns = *ended_ns.ok_or("the copies were not read after the heal")?;
        let numbers = stream.changes.iter().map(|change| change.sequence);
        let first = numbers.min().unwrap_or(sentinel);
        let by_then = stream.changes.iter();
        let by_then = by_then.filter(|change| change.received_ns <= ended_ns);
        let read = by_then.map(|change| change.sequence).max();
        let comparing = Comparing {
            input,
            plan,
            stream,
            first,
            sentinel,
            read: read.unwrap_or(sentinel).max(sentinel),
            numbers_are_shared: numbers_are_shared(input, stream),
            found: FeedBook::default(),
        };
        comparing.is_whole_up_to(comparing.read)?;
        Ok(comparing)
    }

    pub fn is_whole_up_to(&self, sequence: u64) -> Result<(), String> {
        if let Some((missing, first)) = self.stream.missing(self.first, sequence) {
            return Err(format!(
                "{} numbers never came before the copies were read, the first of them {first}",
                count(missing)
            ));
        }
        let unclear = self.stream.unclear_up_to(sequence);
        match &self.stream.first_unclear {
            Some(first) if unclear > 0 => Err(format!(
                "{} messages cannot be understood, first {first}",
                count(unclear as u64)
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The books after this message.
    pub fn books_at(&self, sequence: u64) -> Books {
        let mut books = Books::default();
        let changes = self.stream.changes.iter();
        for change in changes.take_while(|change| change.sequence <= sequence) {
            books.apply(change);
        }
        books
    }

    fn copies(&mut self, copies: &Copies) {
        self.found.messages = self.stream.changes.len() as u64;
        self.found.orders = self.books_at(self.sentinel).resting.len() as u64;
        self.found.copies = copies.all.len() as u64;
        let mut differ: BTreeMap<(u64, String), Vec<&str>> = BTreeMap::new();
        let mut unsure = BTreeSet::new();
        for copy in &copies.all {
            let from = match self.from(copy) {
                Ok(from) => from,
                Err(why) => {
                    self.found.lacks(why);
                    continue;
                }
            };
            let books = self.books_at(from);
            let (were, may_be) = self.since(&books, from);
            for number in numbers(copy, &books.resting, &were) {
                let shown = copy.orders.get(&number).and_then(shown);
                let told = books.resting.get(&number).copied();
                let known = were.get(&number);
                if shown == told || known.is_some_and(|states| states.contains(&shown)) {
                    continue;
                }
                if may_be.get(&number).is_some_and(|it| it.contains(&shown)) {
                    unsure.insert(number);
                    continue;
                }
                let told = known.and_then(|it| it.last()).copied().unwrap_or(told);
                let by = (number, self.differs(shown, told));
                differ.entry(by).or_default().push(&copy.name);
            }
        }
        for ((number, words), names) in differ {
            let id = id_of(self.input, number);
            let words = words.replace("{copies}", &names.join(", "));
            self.found.add(number, format!("{id} {words}"));
        }
        if !unsure.is_empty() {
            self.found.lacks(format!(
                "{} orders differ, which messages that came after the read may explain",
                count(unsure.len() as u64)
            ));
        }
        if !copies.unread.is_empty() {
            self.found.lacks(copies.unread.join("; "));
        }
    }

    /// The message up to which a copy shows at least what was told.
    fn from(&self, copy: &CopyBook) -> Result<u64, String> {
        let reads = self.input.facts.reads.iter().rev();
        let mut of_copy =
            reads.filter(|it| it.read == ReadKind::Converged && it.replica == copy.name);
        let mark = of_copy.next().and_then(|done| done.watermark);
        let Some(mark) = mark.filter(|_| self.numbers_are_shared) else {
            return Ok(self.sentinel);
        };
        let heard = self.stream.changes.last().map_or(0, |last| last.sequence);
        if mark > heard {
            return Err(format!(
                "{} was read up to {mark}, and the feed heard up to {heard}",
                copy.name
            ));
        }
        self.is_whole_up_to(mark)?;
        Ok(mark.max(self.sentinel))
    }

    /// What orders were after this message up to the end of the read, and what they may have been besides: by messages that came
    /// later, and may have been on their way.
    fn since(&self, books: &Books, from: u64) -> (States, States) {
        let (mut were, mut may_be) = (States::new(), States::new());
        let mut books = books.clone();
        let changes = self.stream.changes.iter();
        for change in changes.filter(|change| change.sequence > from) {
            let states = match change.sequence <= self.read {
                true => &mut were,
                false => &mut may_be,
            };
            for order in books.apply(change) {
                let state = books.resting.get(&order).copied();
                states.entry(order).or_default().push(state);
            }
        }
        (were, may_be)
    }

    fn differs(&self, shown: Option<Rests>, told: Option<Rests>) -> String {
        let (shown, told) = (self.state(shown), self.state(told));
        format!("is {shown} on {{copies}}, and {told} by the feed")
    }

    pub fn state(&self, rests: Option<Rests>) -> String {
        let Some(rests) = rests else {
            return "not open".to_string();
        };
        let share = &self.plan.load.symbols[usize::from(rests.symbol)];
        let lots = i64::try_from(rests.lots).unwrap_or(i64::MAX);
        format!(
            "open to {} {} {} at {}",
            side_name(rests.side),
            share.instrument.lot.times(lots),
            share.name,
            share.instrument.tick.times(rests.price_ticks)
        )
    }
}

/// What an order was, one state after the other.
type States = BTreeMap<u64, Vec<Option<Rests>>>;

/// Orders of which anything is known.
fn numbers(copy: &CopyBook, resting: &Resting, were: &States) -> BTreeSet<u64> {
    let open = copy.orders.iter().filter(|(_, held)| shown(held).is_some());
    let open = open.map(|(number, _)| *number);
    open.chain(resting.keys().copied())
        .chain(were.keys().copied())
        .collect()
}

/// What a copy shows of an order.
fn shown(held: &Held) -> Option<Rests> {
    let lots = held.remaining.filter(|lots| *lots > 0)?;
    (held.state == State::Open).then_some(Rests {
        symbol: held.symbol,
        side: held.side,
        price_ticks: held.price_ticks,
        lots,
    })
}

pub(super) fn unwritten(report: &FeedReport) -> Option<String> {
    let why = report.unwritten.as_ref()?;
    Some(format!("what it was told could not be written: {why}"))
}

fn heard_from_the_start(input: &Input) -> Result<(), String> {
    let report = input.facts.feed.as_ref();
    let report = report.ok_or("nothing says how listening to the feed ended")?;
    if let Some(why) = unwritten(report) {
        return Err(why);
    }
    let opened = report.connections.first().map(|first| first.from_mono_ns);
    let began = input.facts.zero.map(|zero| zero.mono_ns);
    match opened.zip(began) {
        Some((opened, began)) if opened <= began => Ok(()),
        Some(_) | None => Err("the feed was not heard from the first order on".to_string()),
    }
}

/// The number of the last message on a sentinel: behind it the copies were read.
fn sentinel(input: &Input, stream: &Stream) -> Result<u64, String> {
    let sent = input.facts.sentinels.get(&ReadKind::Converged);
    let acked = sent.into_iter().flatten().filter(|(_, word)| word.is_ok());
    let mut last = None;
    for (id, _) in acked {
        let number = number_of(input.whose(id));
        let mut accepted = stream.changes.iter().rev();
        let told = accepted.find(|it| it.event == BookEvent::Accepted && it.order == number);
        let told = told.ok_or(format!("the feed was not heard up to the sentinel {id}"))?;
        last = last.max(Some(told.sequence));
    }
    last.ok_or("no sentinel order was acknowledged".to_string())
}

/// Acknowledgements bear the same numbers as the feed's messages, as far as any are known.
fn numbers_are_shared(input: &Input, stream: &Stream) -> bool {
    let accepted = stream
        .changes
        .iter()
        .filter(|it| it.event == BookEvent::Accepted);
    let mut known = accepted.filter_map(|change| {
        let slot = change.order.and_then(slot_of)?;
        let acknowledged = input.sequence(slot, &input.orders.get(slot)?)?;
        Some(acknowledged == change.sequence)
    });
    known.next() == Some(true) && known.all(|same| same)
}

//! Planted orders that wait: stop orders, and orders that are good until a time.
//!
//! They are judged by what every copy says of them. When a stop's price was reached is known by the pair of ours that traded
//! there; when the time of an order is over, by the clock that Shakedown has in common with the engine.

use std::collections::BTreeSet;

use shakedown_record::Outcome;
use shakedown_record::ledger::{PlantedKind, PlantedLine, PlantedLook, PlantedOrder};
use shakedown_record::run_record::TimedRecord;
use shakedown_scenarios::plan::{Plan, RuleKind, TimedOrder};

use crate::failover::Struck;
use crate::input::Input;
use crate::words::duration_ns;

/// Contradictions that are told in full.
const KEPT: usize = 5;

/// The wall clock may not step by more while it is held against the engine's.
const STEP_NS: i128 = 50_000_000;

/// What it came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Waited {
    pub orders: u64,
    pub copies: u64,
    pub before: u64,
    pub during: u64,
    pub after: u64,
    pub contradictions: u64,
    /// The first of them, in words.
    pub first: Vec<String>,
    /// Why there may be more.
    pub open: Option<String>,
}

impl Waited {
    /// As it stands in `record.json`.
    pub fn record(&self) -> TimedRecord {
        TimedRecord {
            orders: self.orders,
            copies: self.copies,
            before: self.before,
            during: self.during,
            after: self.after,
            contradictions: self.contradictions,
            open: self.open.clone(),
            examples: self.first.clone(),
        }
    }

    fn wrong(&mut self, what: String) {
        self.contradictions += 1;
        if self.first.len() < KEPT {
            self.first.push(what);
        }
    }

    fn unknown(&mut self, why: impl Into<String>) {
        self.open.get_or_insert(why.into());
    }
}

/// What was planted, and what is known of it.
struct Field<'a> {
    orders: Vec<&'a PlantedOrder>,
    looks: Vec<&'a PlantedLook>,
    copies: BTreeSet<&'a str>,
}

/// What a copy says of an order that waits.
enum Said {
    Waits,
    /// What it waited for has come.
    Done,
}

impl<'a> Field<'a> {
    fn of(input: &'a Input) -> Self {
        let (mut orders, mut looks) = (Vec::new(), Vec::new());
        for line in &input.planted {
            match line {
                PlantedLine::Order(order) => orders.push(order),
                PlantedLine::Look(look) => looks.push(look),
            }
        }
        let copies = looks.iter().map(|look| look.replica.as_str()).collect();
        Self {
            orders,
            looks,
            copies,
        }
    }

    fn acked(&self, kind: PlantedKind) -> impl Iterator<Item = &'a PlantedOrder> + '_ {
        let orders = self.orders.iter().copied();
        orders.filter(move |order| order.kind == kind && order.outcome == Outcome::Acked)
    }

    fn looks(&self, order: &PlantedOrder) -> impl Iterator<Item = &'a PlantedLook> + '_ {
        let id = order.id.clone();
        self.looks.iter().copied().filter(move |look| look.id == id)
    }

    /// Begins with what is to be told of either kind; whether anything can be said at all.
    fn begin(&self, plan: &Plan, kind: PlantedKind, struck: &[Struck]) -> Waited {
        let mut found = Waited {
            orders: self.acked(kind).count() as u64,
            copies: self.copies.len() as u64,
            ..Waited::default()
        };
        let expected = plan
            .system
            .parts
            .first()
            .map_or(1, |part| u64::from(part.replicas));
        if found.orders == 0 {
            found.unknown("no planted order was acknowledged");
        }
        if found.copies < expected {
            found.unknown(format!("{} of {expected} copies were asked", found.copies));
        }
        if struck.is_empty() {
            found.unknown("no fault struck");
        }
        for copy in &self.copies {
            let asked = |order: &&PlantedOrder| self.looks(order).any(|look| look.replica == *copy);
            if !self.acked(kind).all(|order| asked(&order)) {
                found.unknown(format!("{copy} was not asked for all of them"));
            }
        }
        found
    }
}

/// Reads what a copy says of an order; what is wrong or unclear by itself is noted.
fn said(way: &TimedOrder, look: &PlantedLook, found: &mut Waited) -> Option<Said> {
    let (id, copy) = (&look.id, &look.replica);
    match look.found {
        None => {
            let why = look.why.as_deref().unwrap_or("it was not asked");
            found.unknown(format!("{copy} could not be asked for {id}: {why}"));
            return None;
        }
        Some(false) => {
            found.wrong(format!("{id} is not on {copy}"));
            return None;
        }
        Some(true) => {}
    }
    let state = look.state.clone().unwrap_or_default();
    let is_done = way.done.contains(&state);
    if !is_done && !way.waiting.contains(&state) {
        found.unknown(format!(
            "{copy} says of {id} that it is `{state}`, which the profile does not name"
        ));
        return None;
    }
    if way.count.is_some() {
        let count = look.count.as_deref().unwrap_or("");
        let expected = if is_done { "1" } else { "0" };
        if count.parse::<u64>().is_err() {
            found.unknown(format!(
                "{copy} does not say how often what {id} waits for came"
            ));
        } else if count != expected {
            found.wrong(format!("{id} is `{state}` on {copy}, {count} times"));
        }
    }
    Some(if is_done { Said::Done } else { Said::Waits })
}

/// Something of it was traded.
fn is_filled(look: &PlantedLook) -> bool {
    let filled = look.filled.as_deref().unwrap_or("");
    filled.bytes().any(|digit| (b'1'..=b'9').contains(&digit))
}

/// Up to which prices pairs of ours have traded, in ticks.
struct Reached {
    /// Before the first fault, and after service was good again.
    early: i64,
    late: i64,
    /// Ever, and perhaps.
    reached: i64,
    perhaps: i64,
}

fn reached(
    input: &Input,
    field: &Field<'_>,
    struck: &[Struck],
    recovered: &[Option<u64>],
) -> Reached {
    let since = |order: &PlantedOrder| input.facts.since_zero(order.at_ns);
    let first_fault = struck.first().map(|firing| firing.injected_ns as i64);
    let all_over = recovered.iter().copied().collect::<Option<Vec<u64>>>();
    let all_over = all_over
        .and_then(|over| over.into_iter().max())
        .map(|over| over as i64);
    let (mut reached, mut perhaps, mut early) = (i64::MIN, i64::MIN, i64::MIN);
    let mut late = i64::MIN;
    let takers = field
        .orders
        .iter()
        .filter(|order| order.kind == PlantedKind::Taker);
    for taker in takers {
        let has_traded = field.looks(taker).any(is_filled);
        if !has_traded {
            // It may have been traded, and not be told.
            let may_be = taker.outcome == Outcome::Acked || taker.outcome.is_indeterminate();
            perhaps = perhaps.max(if may_be { taker.price_ticks } else { i64::MIN });
            continue;
        }
        reached = reached.max(taker.price_ticks);
        match (since(taker), first_fault, all_over) {
            (Some(at), Some(fault), _) if at < fault => early = early.max(taker.price_ticks),
            (Some(at), _, Some(over)) if at > over => late = late.max(taker.price_ticks),
            _ => {}
        }
    }
    Reached {
        early,
        late,
        reached,
        perhaps,
    }
}

/// Planted stop orders; `None` when no rule asks.
pub(crate) fn stops(
    input: &Input,
    plan: &Plan,
    struck: &[Struck],
    recovered: &[Option<u64>],
) -> Option<Waited> {
    plan.rules
        .iter()
        .find(|rule| rule.kind == RuleKind::Stops)?;
    let way = plan.system.timed_orders.as_ref()?.stop.as_ref()?;
    let field = Field::of(input);
    let mut found = field.begin(plan, PlantedKind::Stop, struck);
    let Reached {
        early,
        late,
        reached,
        perhaps,
    } = reached(input, &field, struck, recovered);
    for stop in field.acked(PlantedKind::Stop) {
        let price = stop.price_ticks;
        match price {
            _ if price <= early => found.before += 1,
            _ if price <= late => found.after += 1,
            _ => {}
        }
        for look in field.looks(stop) {
            let (id, copy) = (&look.id, &look.replica);
            match said(way, look, &mut found) {
                Some(Said::Waits) if price <= reached => {
                    found.wrong(format!(
                        "{id} was not triggered on {copy}, though its price was reached"
                    ));
                }
                Some(Said::Done) if price > reached.max(perhaps) => {
                    found.wrong(format!(
                        "{id} was triggered on {copy}, though its price was not reached"
                    ));
                }
                Some(_) | None => {}
            }
        }
    }
    if found.before == 0 {
        found.unknown("no stop was to be triggered before the fault");
    }
    if found.after == 0 {
        found.unknown("no stop was to be triggered after service was good again");
    }
    Some(found)
}

/// Outages on the wall clock.
struct Outages {
    /// When each began, and when service was good again, in milliseconds since 1970.
    all: Vec<(u64, Option<u64>)>,
}

/// When the time of an order is over, beside the outages.
enum Due {
    Before,
    /// It may end so much later: in milliseconds since 1970.
    During(u64),
    /// Nobody knows when service was good again.
    Unknown,
    After,
}

impl Outages {
    fn of(struck: &[Struck], recovered: &[Option<u64>], wall: impl Fn(u64) -> u64) -> Self {
        let ends = recovered.iter().copied().chain(std::iter::repeat(None));
        let all = struck.iter().zip(ends);
        let all = all.map(|(firing, over)| (wall(firing.injected_ns), over.map(&wall)));
        Self { all: all.collect() }
    }

    fn place(&self, due_ms: u64) -> Due {
        let begun = self.all.iter().filter(|(from, _)| *from <= due_ms);
        let mut place = Due::Before;
        for (_, over) in begun {
            place = match (place, over) {
                (Due::Unknown, _) | (_, None) => Due::Unknown,
                (Due::During(known), Some(over)) => Due::During(known.max(*over)),
                (_, Some(over)) if *over >= due_ms => Due::During(*over),
                (_, Some(_)) => Due::After,
            };
        }
        place
    }
}

/// Planted orders that are good until a time; `None` when no rule asks.
pub(crate) fn expiry(
    input: &Input,
    plan: &Plan,
    struck: &[Struck],
    recovered: &[Option<u64>],
) -> Option<Waited> {
    let within_ns = plan.rules.iter().find_map(|rule| match rule.kind {
        RuleKind::Expiry { within_ns } => Some(within_ns),
        _ => None,
    })?;
    let way = plan.system.timed_orders.as_ref()?.expiring.as_ref()?;
    let field = Field::of(input);
    let mut found = field.begin(plan, PlantedKind::Expiring, struck);
    let offsets = field.orders.iter().map(|order| offset_ns(order));
    let (Some(first), Some(last)) = (offsets.clone().min(), offsets.max()) else {
        return Some(found);
    };
    if last - first > STEP_NS {
        let by = duration_ns((last - first) as f64);
        found.unknown(format!(
            "the wall clock was stepped by {by}: no time can be held against it"
        ));
        return Some(found);
    }
    let zero_ns = input.facts.zero.map_or(0, |zero| i128::from(zero.mono_ns));
    let wall = |ns: u64| u64::try_from((first + zero_ns + i128::from(ns)) / 1_000_000).unwrap_or(0);
    let outages = Outages::of(struck, recovered, wall);
    let Some(counter) = field.acked(PlantedKind::Counter).next() else {
        found.unknown(
            "nothing says when the copies were asked: no order was traded with what was left",
        );
        return Some(found);
    };
    let within_ms = within_ns / 1_000_000;
    for order in field.acked(PlantedKind::Expiring) {
        let due_ms = order.expires_ms.unwrap_or(0);
        let allowed_ms = match outages.place(due_ms) {
            Due::Unknown => {
                found.unknown("service was not good again: nobody knows until when orders may end");
                u64::MAX
            }
            Due::During(over_ms) => over_ms.max(due_ms).saturating_add(within_ms),
            Due::Before | Due::After => due_ms.saturating_add(within_ms),
        };
        let is_over = allowed_ms < counter.wall_ms;
        match outages.place(due_ms) {
            Due::Before if is_over => found.before += 1,
            Due::During(_) if is_over => found.during += 1,
            Due::After if is_over => found.after += 1,
            Due::Before | Due::During(_) | Due::After | Due::Unknown => {}
        }
        for look in field.looks(order) {
            held(way, look, (due_ms, allowed_ms, is_over), &mut found);
        }
    }
    for (some, when) in [
        (found.before, "before the fault"),
        (found.during, "during the outage"),
        (found.after, "after the outage"),
    ] {
        if some == 0 {
            found.unknown(format!("the time of no order was over {when}"));
        }
    }
    Some(found)
}

/// The wall clock beyond the monotonic one.
fn offset_ns(order: &PlantedOrder) -> i128 {
    i128::from(order.wall_ms) * 1_000_000 - i128::from(order.at_ns)
}

/// Holds what a copy says against when the order must have ended.
fn held(
    way: &TimedOrder,
    look: &PlantedLook,
    (due_ms, allowed_ms, is_over): (u64, u64, bool),
    found: &mut Waited,
) {
    let (id, copy) = (&look.id, &look.replica);
    match said(way, look, found) {
        None => {}
        Some(Said::Waits) if is_over => {
            found.wrong(format!(
                "{id} has not ended on {copy}, though its time was over"
            ));
        }
        Some(Said::Waits) => {}
        Some(Said::Done) => {
            let at_ms = look.at_ms.as_deref().and_then(|at| at.parse::<u64>().ok());
            let apart = |late: u64, early: u64| duration_ns((late - early) as f64 * 1e6);
            match at_ms {
                None => found.unknown(format!("{copy} does not say when {id} ended")),
                Some(at_ms) if at_ms < due_ms => {
                    found.wrong(format!(
                        "{id} ended {} early on {copy}",
                        apart(due_ms, at_ms)
                    ));
                }
                Some(at_ms) if at_ms > allowed_ms => {
                    found.wrong(format!(
                        "{id} ended {} late on {copy}",
                        apart(at_ms, due_ms)
                    ));
                }
                Some(_) => {}
            }
            if is_filled(look) {
                found.wrong(format!("{id} has ended and was traded on {copy}"));
            }
        }
    }
}

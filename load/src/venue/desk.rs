//! The venue's state: which orders there are, what is due for them, and what each session was told. Pure: time is given.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use shakedown_record::Decimal;
use shakedown_record::venue::{ReportKind, VenueEvent, VenueLine, VenueOrder, VenueReport};
use shakedown_scenarios::plan::VenuePlan;

use super::fate::{Fate, Fill, fate};

/// The venue's state.
#[derive(Debug)]
pub struct Desk {
    plan: VenuePlan,
    seed: u64,
    /// Everything that a session was told, by number.
    told: BTreeMap<String, Vec<VenueReport>>,
    orders: HashMap<Key, Order>,
    due: BinaryHeap<Reverse<Due>>,
    /// How many things were put into `due`: what is due at one time is done in the order in which it was put there.
    put: u64,
    executions: u64,
}

/// Session and id.
type Key = (String, String);

/// An order, as far as it has come.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) symbol: String,
    pub(super) side: String,
    pub(super) price: String,
    pub(super) quantity: Decimal,
    /// What can still be filled.
    pub(super) remaining: Decimal,
    /// What was told of it last, but for cancels that were rejected.
    pub(super) last: Option<ReportKind>,
    came_ns: u64,
    state: State,
    fills: usize,
}

/// Something that a session asked for.
enum Asked {
    Order(Key),
    Cancel {
        at_ns: u64,
        key: Key,
        request: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody was told of it.
    New,
    Open,
    Done,
}

/// Something that is to be told.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at_ns: u64,
    number: u64,
    key: Key,
    what: What,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Accept,
    Reject(&'static str),
    Fill(usize),
    /// With the cancel's own id.
    Cancel(Option<String>),
}

impl Desk {
    /// A venue on which nothing has happened yet.
    pub fn new(plan: VenuePlan, seed: u64) -> Desk {
        Desk {
            plan,
            seed,
            told: BTreeMap::new(),
            orders: HashMap::new(),
            due: BinaryHeap::new(),
            put: 0,
            executions: 0,
        }
    }

    /// The same, with all that is in the log of an earlier process: what was due meanwhile is due now.
    pub fn resume(plan: VenuePlan, seed: u64, lines: &[VenueLine]) -> Desk {
        let mut desk = Desk::new(plan, seed);
        let (mut asked, mut answered) = (Vec::new(), HashMap::new());
        for line in lines {
            desk.remember(line, &mut asked, &mut answered);
        }
        for asked in asked {
            match asked {
                Asked::Order(key) => {
                    let order = desk.orders.get(&key);
                    if order.is_some_and(|order| order.state != State::Done) {
                        desk.plan_ahead(&key);
                    }
                }
                Asked::Cancel {
                    at_ns,
                    key,
                    request,
                } => match answered.get_mut(&(key.clone(), request.clone())) {
                    Some(times) if *times > 0 => *times -= 1,
                    Some(_) | None => desk.plan_cancel(at_ns, key, request),
                },
            }
        }
        desk
    }

    /// `answered`: how often each cancel was, by its order and its own id.
    fn remember(
        &mut self,
        line: &VenueLine,
        asked: &mut Vec<Asked>,
        answered: &mut HashMap<(Key, Option<String>), u64>,
    ) {
        match &line.event {
            VenueEvent::Order(order) => {
                if self.enter(line.at_ns, order) {
                    asked.push(Asked::Order((order.session.clone(), order.id.clone())));
                }
            }
            VenueEvent::Cancel {
                session,
                id,
                request,
            } => asked.push(Asked::Cancel {
                at_ns: line.at_ns,
                key: (session.clone(), id.clone()),
                request: request.clone(),
            }),
            VenueEvent::Report(report) => {
                if matches!(
                    report.report,
                    ReportKind::Cancelled | ReportKind::CancelRejected
                ) {
                    let key = (report.session.clone(), report.id.clone());
                    *answered.entry((key, report.request.clone())).or_default() += 1;
                }
                self.reported(report);
            }
            VenueEvent::Started { .. }
            | VenueEvent::Logon { .. }
            | VenueEvent::Gone { .. }
            | VenueEvent::Numbers { .. }
            | VenueEvent::Malformed { .. } => {}
        }
    }

    /// Puts an order on the books; false when there was one of this id.
    fn enter(&mut self, now_ns: u64, order: &VenueOrder) -> bool {
        let key = (order.session.clone(), order.id.clone());
        if self.orders.contains_key(&key) {
            return false;
        }
        let quantity = order.quantity.parse().unwrap_or(Decimal::new(0, 0));
        let order = Order {
            symbol: order.symbol.clone(),
            side: order.side.clone(),
            price: order.price.clone(),
            quantity,
            remaining: quantity,
            last: None,
            came_ns: now_ns,
            state: State::New,
            fills: 0,
        };
        self.orders.insert(key, order);
        true
    }

    /// An order came. The same id a second time is told so and changes nothing.
    pub fn order(&mut self, now_ns: u64, order: &VenueOrder) {
        let key = (order.session.clone(), order.id.clone());
        match self.enter(now_ns, order) {
            true => self.plan_ahead(&key),
            false => self.put(now_ns, key, What::Reject("duplicate-id")),
        }
    }

    /// A cancel came; `request` is its own id, where it has one.
    pub fn cancel(&mut self, now_ns: u64, session: &str, id: &str, request: Option<String>) {
        self.plan_cancel(now_ns, (session.to_string(), id.to_string()), request);
    }

    fn plan_cancel(&mut self, came_ns: u64, key: Key, request: Option<String>) {
        // As long as for the order itself: both are messages to one venue.
        let after_ns = match fate(&self.plan, self.seed, &key.1, Decimal::new(0, 0)) {
            Fate::Rejected { after_ns } | Fate::Accepted { after_ns, .. } => after_ns,
        };
        self.put(came_ns + after_ns, key, What::Cancel(request));
    }

    /// Puts what is still to be told of an order where it is due.
    fn plan_ahead(&mut self, key: &Key) {
        let Some(order) = self.orders.get(key) else {
            return;
        };
        let (came_ns, state, done) = (order.came_ns, order.state, order.fills);
        if !order.quantity.is_positive() {
            return self.put(came_ns, key.clone(), What::Reject("quantity"));
        }
        match fate(&self.plan, self.seed, &key.1, order.quantity) {
            Fate::Rejected { after_ns } => {
                self.put(came_ns + after_ns, key.clone(), What::Reject("venue"));
            }
            Fate::Accepted { after_ns, fills } => {
                if state == State::New {
                    self.put(came_ns + after_ns, key.clone(), What::Accept);
                }
                for (number, fill) in fills.iter().enumerate().skip(done) {
                    self.put(came_ns + fill.after_ns, key.clone(), What::Fill(number));
                }
            }
        }
    }

    fn put(&mut self, at_ns: u64, key: Key, what: What) {
        self.put += 1;
        self.due.push(Reverse(Due {
            at_ns,
            number: self.put,
            key,
            what,
        }));
    }

    /// When something is due next.
    pub fn due_ns(&self) -> Option<u64> {
        self.due.peek().map(|Reverse(due)| due.at_ns)
    }

    /// Tells what is due by now: reports, which have to be in the log before anybody sees them.
    pub fn turn(&mut self, now_ns: u64, reports: &mut Vec<VenueReport>) {
        while let Some(Reverse(due)) = self.due.peek()
            && due.at_ns <= now_ns
        {
            let Some(Reverse(due)) = self.due.pop() else {
                return;
            };
            if let Some(report) = self.report(&due) {
                self.reported(&report);
                reports.push(report);
            }
        }
    }

    /// What is told; nothing when it has come to nothing meanwhile.
    fn report(&self, due: &Due) -> Option<VenueReport> {
        let order = self.orders.get(&due.key);
        let state = order.map(|order| order.state);
        let plain = |report: ReportKind| VenueReport {
            session: due.key.0.clone(),
            sequence: self.told.get(&due.key.0).map_or(0, Vec::len) as u64 + 1,
            report,
            id: due.key.1.clone(),
            execution: None,
            price: None,
            quantity: None,
            remaining: None,
            reason: None,
            request: match &due.what {
                What::Cancel(request) => request.clone(),
                What::Accept | What::Reject(_) | What::Fill(_) => None,
            },
            number: None,
        };
        let because = |report: ReportKind, reason: &str| VenueReport {
            reason: Some(reason.to_string()),
            ..plain(report)
        };
        match (&due.what, state) {
            (What::Accept, Some(State::New)) => Some(plain(ReportKind::Accepted)),
            (What::Reject("duplicate-id"), _) => {
                Some(because(ReportKind::Rejected, "duplicate-id"))
            }
            (What::Reject(reason), Some(State::New)) => Some(because(ReportKind::Rejected, reason)),
            (What::Fill(number), Some(State::Open)) => {
                let order = order?;
                let fill = self.fill(&due.key, order, *number)?;
                Some(VenueReport {
                    execution: Some(format!("v-{}", self.executions + 1)),
                    price: Some(order.price.clone()),
                    quantity: Some(fill.quantity.to_string()),
                    remaining: Some(fill.remaining.to_string()),
                    ..plain(ReportKind::Filled)
                })
            }
            (What::Cancel(_), Some(State::New | State::Open)) => Some(plain(ReportKind::Cancelled)),
            (What::Cancel(_), Some(State::Done)) => {
                Some(because(ReportKind::CancelRejected, "too-late"))
            }
            (What::Cancel(_), None) => Some(because(ReportKind::CancelRejected, "unknown-order")),
            (What::Accept | What::Reject(_) | What::Fill(_), _) => None,
        }
    }

    fn fill(&self, key: &Key, order: &Order, number: usize) -> Option<Fill> {
        match fate(&self.plan, self.seed, &key.1, order.quantity) {
            Fate::Accepted { fills, .. } => fills.into_iter().nth(number),
            Fate::Rejected { .. } => None,
        }
    }

    /// Keeps a report, and what it means for its order.
    fn reported(&mut self, report: &VenueReport) {
        let key = (report.session.clone(), report.id.clone());
        if report.report == ReportKind::Filled {
            self.executions += 1;
        }
        let is_second = report.reason.as_deref() == Some("duplicate-id");
        if let Some(order) = self.orders.get_mut(&key).filter(|_| !is_second) {
            order.told(report);
        }
        let told = self.told.entry(report.session.clone()).or_default();
        told.push(report.clone());
    }

    /// The order with this id of a session.
    pub(super) fn known(&self, session: &str, id: &str) -> Option<&Order> {
        self.orders.get(&(session.to_string(), id.to_string()))
    }

    /// What a session was told after a number.
    pub fn after(&self, session: &str, sequence: u64) -> &[VenueReport] {
        let told = self.told.get(session).map_or(&[][..], Vec::as_slice);
        let from = usize::try_from(sequence).unwrap_or(usize::MAX);
        told.get(from..).unwrap_or_default()
    }
}

impl Order {
    /// What a report means for it.
    fn told(&mut self, report: &VenueReport) {
        match report.report {
            ReportKind::Accepted => self.state = State::Open,
            ReportKind::Rejected | ReportKind::Cancelled => self.state = State::Done,
            ReportKind::CancelRejected => return,
            ReportKind::Filled => {
                self.fills += 1;
                let remaining = report.remaining.as_deref().map(str::parse::<Decimal>);
                self.remaining = match remaining {
                    Some(Ok(remaining)) => remaining,
                    Some(Err(_)) | None => Decimal::new(0, 0),
                };
                self.state = match self.remaining.is_positive() {
                    true => State::Open,
                    false => State::Done,
                };
            }
        }
        self.last = Some(report.report);
    }
}

#[cfg(test)]
mod tests;

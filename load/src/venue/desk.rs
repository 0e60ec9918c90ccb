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

#[derive(Debug)]
struct Order {
    price: String,
    quantity: Decimal,
    came_ns: u64,
    state: State,
    fills: usize,
    cancel_came_ns: Option<u64>,
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
    Cancel,
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
        for line in lines {
            desk.remember(line);
        }
        let mut open: Vec<(Key, u64)> = desk
            .orders
            .iter()
            .filter(|(_, order)| order.state != State::Done)
            .map(|(key, order)| (key.clone(), order.came_ns))
            .collect();
        open.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
        for (key, _) in open {
            desk.plan_ahead(&key);
        }
        desk
    }

    fn remember(&mut self, line: &VenueLine) {
        match &line.event {
            VenueEvent::Order(order) => {
                self.enter(line.at_ns, order);
            }
            VenueEvent::Cancel { session, id } => {
                if let Some(order) = self.orders.get_mut(&(session.clone(), id.clone())) {
                    order.cancel_came_ns = Some(line.at_ns);
                }
            }
            VenueEvent::Report(report) => self.reported(report),
            VenueEvent::Started { .. }
            | VenueEvent::Logon { .. }
            | VenueEvent::Gone { .. }
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
            price: order.price.clone(),
            quantity,
            came_ns: now_ns,
            state: State::New,
            fills: 0,
            cancel_came_ns: None,
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

    /// A cancel came.
    pub fn cancel(&mut self, now_ns: u64, session: &str, id: &str) {
        let key = (session.to_string(), id.to_string());
        if let Some(order) = self.orders.get_mut(&key) {
            order.cancel_came_ns = Some(now_ns);
        }
        self.plan_cancel(now_ns, key);
    }

    fn plan_cancel(&mut self, came_ns: u64, key: Key) {
        // As long as for the order itself: both are messages to one venue.
        let after_ns = match fate(&self.plan, self.seed, &key.1, Decimal::new(0, 0)) {
            Fate::Rejected { after_ns } | Fate::Accepted { after_ns, .. } => after_ns,
        };
        self.put(came_ns + after_ns, key, What::Cancel);
    }

    /// Puts what is still to be told of an order where it is due.
    fn plan_ahead(&mut self, key: &Key) {
        let Some(order) = self.orders.get(key) else {
            return;
        };
        let (came_ns, state, done) = (order.came_ns, order.state, order.fills);
        let cancel_came_ns = order.cancel_came_ns;
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
        if let Some(cancel_came_ns) = cancel_came_ns {
            self.plan_cancel(cancel_came_ns, key.clone());
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
            (What::Cancel, Some(State::New | State::Open)) => Some(plain(ReportKind::Cancelled)),
            (What::Cancel, Some(State::Done)) => {
                Some(because(ReportKind::CancelRejected, "too-late"))
            }
            (What::Cancel, None) => Some(because(ReportKind::CancelRejected, "unknown-order")),
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
            order.state = match report.report {
                ReportKind::Accepted => State::Open,
                ReportKind::Rejected | ReportKind::Cancelled => State::Done,
                ReportKind::CancelRejected => order.state,
                ReportKind::Filled => {
                    order.fills += 1;
                    match report.remaining.as_deref().map(str::parse::<Decimal>) {
                        Some(Ok(remaining)) if remaining.is_positive() => State::Open,
                        Some(_) | None => State::Done,
                    }
                }
            };
        }
        let told = self.told.entry(report.session.clone()).or_default();
        told.push(report.clone());
    }

    /// What a session was told after a number.
    pub fn after(&self, session: &str, sequence: u64) -> &[VenueReport] {
        let told = self.told.get(session).map_or(&[][..], Vec::as_slice);
        let from = usize::try_from(sequence).unwrap_or(usize::MAX);
        told.get(from..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::Delay;

    use super::*;

    fn plan() -> VenuePlan {
        VenuePlan {
            latency: Delay::Uniform {
                from_ns: 10,
                to_ns: 100,
            },
            rejects: 0.1,
            fills: 0.8,
            partial: 0.5,
            fill_after: Delay::Uniform {
                from_ns: 1_000,
                to_ns: 9_000,
            },
        }
    }

    fn order(number: u64) -> VenueOrder {
        VenueOrder {
            session: "m".into(),
            id: format!("q-{number}"),
            tag: None,
            symbol: "A".into(),
            side: "buy".into(),
            price: "1.5".into(),
            quantity: "4".into(),
        }
    }

    /// Everything that is told of so many orders, one every 100 ns, of which every seventh is cancelled.
    fn lines(count: u64, kill_after_ns: &[u64]) -> Vec<VenueLine> {
        let mut desk = Desk::new(plan(), 7);
        let mut lines: Vec<VenueLine> = Vec::new();
        for now_ns in (0..count * 100 + 30_000).step_by(50) {
            if kill_after_ns.contains(&now_ns) {
                desk = Desk::resume(plan(), 7, &lines);
            }
            let mut say = |event| {
                lines.push(VenueLine {
                    at_ns: now_ns,
                    event,
                })
            };
            let number = now_ns / 100;
            if number < count && now_ns % 100 == 0 {
                desk.order(now_ns, &order(number));
                say(VenueEvent::Order(order(number)));
            }
            if number < count && now_ns % 100 == 50 && number % 7 == 0 {
                let (session, id) = ("m".to_string(), format!("q-{number}"));
                desk.cancel(now_ns, &session, &id);
                say(VenueEvent::Cancel { session, id });
            }
            let mut reports = Vec::new();
            desk.turn(now_ns, &mut reports);
            reports
                .into_iter()
                .for_each(|it| say(VenueEvent::Report(it)));
        }
        assert_eq!(desk.due_ns(), None);
        lines
    }

    fn reports(lines: &[VenueLine]) -> Vec<&VenueReport> {
        let reports = lines.iter().filter_map(|line| match &line.event {
            VenueEvent::Report(report) => Some(report),
            _ => None,
        });
        reports.collect()
    }

    #[test]
    fn every_order_is_answered_and_filled_as_its_fate_says() {
        let lines = lines(500, &[]);
        let reports = reports(&lines);
        for (at, report) in reports.iter().enumerate() {
            assert_eq!(report.sequence, at as u64 + 1);
        }
        let mut executions = std::collections::BTreeSet::new();
        for number in 0..500 {
            let id = format!("q-{number}");
            let of: Vec<_> = reports.iter().filter(|report| report.id == id).collect();
            let kinds: Vec<ReportKind> = of.iter().map(|report| report.report).collect();
            let filled = kinds
                .iter()
                .filter(|kind| **kind == ReportKind::Filled)
                .count();
            let fills = match fate(&plan(), 7, &id, "4".parse().unwrap()) {
                Fate::Rejected { .. } => {
                    assert!(kinds.contains(&ReportKind::Rejected) || number % 7 == 0);
                    0
                }
                Fate::Accepted { fills, .. } => fills.len(),
            };
            assert!(filled == fills || number % 7 == 0, "{id}: {kinds:?}");
            for report in of.iter().filter(|it| it.report == ReportKind::Filled) {
                assert!(executions.insert(report.execution.clone()), "{report:?}");
            }
        }
        assert!(executions.len() > 300);
        assert!(reports.iter().any(|it| it.report == ReportKind::Cancelled));
    }

    #[test]
    fn a_venue_that_was_killed_goes_on_as_if_it_had_not_been() {
        let whole = lines(300, &[]);
        let killed = lines(300, &[5_000, 5_050, 17_000, 40_000]);
        assert_eq!(reports(&whole), reports(&killed));
    }

    #[test]
    fn a_session_is_told_again_what_it_missed() {
        let lines = lines(50, &[]);
        let desk = Desk::resume(plan(), 7, &lines);
        let all = reports(&lines).len();
        assert_eq!(desk.after("m", 0).len(), all);
        assert_eq!(desk.after("m", all as u64 - 2)[0].sequence, all as u64 - 1);
        assert_eq!(desk.after("m", 9_999), []);
        assert_eq!(desk.after("stranger", 0), []);
    }

    #[test]
    fn what_cannot_be_is_rejected() {
        let mut desk = Desk::new(plan(), 7);
        let mut reports = Vec::new();
        let nothing = VenueOrder {
            quantity: "0".into(),
            ..order(1)
        };
        desk.order(0, &nothing);
        desk.order(1, &nothing);
        desk.cancel(2, "m", "q-2");
        desk.turn(1_000, &mut reports);
        let reasons: Vec<_> = reports
            .iter()
            .map(|it| it.reason.as_deref().unwrap())
            .collect();
        assert_eq!(reasons, ["quantity", "duplicate-id", "unknown-order"]);
    }
}

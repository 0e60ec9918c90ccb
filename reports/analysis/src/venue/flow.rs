//! What came to the venue and what became of it: how much was filled, how often, and how long orders stood.
//!
//! ```text
//! message due ----> order comes ---------------- cancel comes, or filled, or rejected
//!                        the next message of its symbol with another price is due
//!                                  |<- outdated ->|
//! ```

use std::collections::{BTreeMap, HashMap};

use shakedown_record::venue::{
    ReportKind, VenueEvent, VenueFlow, VenueLine, VenueOrder, VenueReport,
};
use shakedown_record::{Decimal, Phase, PhaseWindows, RunZero, Window};
use shakedown_scenarios::plan::{Plan, RuleKind, VenueCount, VenueRule};

use super::measure::slot_of;
use crate::input::Input;
use crate::metrics::Bounds;

/// Told of an order whose id was there before: it is no order.
const SECOND: &str = "duplicate-id";

/// One order, from its arrival to its end; nanoseconds since zero.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    pub id: String,
    came_ns: i64,
    /// When it was filled in full or rejected, or its cancel came; `None`: it was there to the last.
    ended_ns: Option<i64>,
    quantity: f64,
    filled: f64,
    /// Nothing more can be filled of it.
    is_over: bool,
    /// When the market had moved away from what caused it; `None`: it did not, or nobody knows the cause.
    outdated_ns: Option<i64>,
    is_tied: bool,
}

/// All that came, in the order in which it came.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Flow {
    orders: Vec<Standing>,
    fills_ns: Vec<i64>,
    /// Up to when it is known what the venue did.
    until_ns: i64,
    /// How long the venue may take until nothing more happens to an order.
    longest_ns: i64,
}

/// Orders that the market had moved away from, in a phase.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outdated<'a> {
    /// Those whose time was over in the phase, whether they stood by then or not.
    pub due: u64,
    /// Those that stood.
    pub stood: u64,
    /// Orders that do not say what caused them.
    pub untied: u64,
    /// The one that stood longest, and for how long.
    pub longest: Option<(&'a Standing, i64)>,
}

impl Flow {
    /// Follows what the venue wrote.
    pub fn of(input: &Input, plan: &Plan, lines: &[VenueLine], zero: RunZero) -> Self {
        let last_ns = lines.last().map_or(0, |line| zero.since_ns(line.at_ns));
        let read = input.facts.trades.as_ref();
        let read_ns = read.map_or(last_ns, |done| zero.since_ns(done.from_mono_ns));
        let longest_ns = plan.venue.map_or(0, |venue| venue.longest_ns());
        let moves = is_asked(plan).then(|| Moves::of(input));
        let mut flow = Self {
            until_ns: last_ns.max(read_ns),
            longest_ns: i64::try_from(longest_ns).unwrap_or(i64::MAX / 4),
            ..Self::default()
        };
        let mut known: HashMap<(&str, &str), usize> = HashMap::new();
        for line in lines {
            let at_ns = zero.since_ns(line.at_ns);
            match &line.event {
                VenueEvent::Order(order) => {
                    let place = flow.orders.len();
                    let key = (order.session.as_str(), order.id.as_str());
                    if *known.entry(key).or_insert(place) == place {
                        flow.orders
                            .push(standing(input, moves.as_ref(), order, at_ns));
                    }
                }
                VenueEvent::Cancel { session, id, .. } => {
                    if let Some(place) = known.get(&(session.as_str(), id.as_str())) {
                        flow.orders[*place].ended_ns.get_or_insert(at_ns);
                    }
                }
                VenueEvent::Report(report) => {
                    if report.report == ReportKind::Filled {
                        flow.fills_ns.push(at_ns);
                    }
                    let key = (report.session.as_str(), report.id.as_str());
                    if let Some(place) = known.get(&key) {
                        flow.orders[*place].told(report, at_ns);
                    }
                }
                VenueEvent::Started { .. }
                | VenueEvent::Logon { .. }
                | VenueEvent::Gone { .. }
                | VenueEvent::Numbers { .. }
                | VenueEvent::Malformed { .. } => {}
            }
        }
        flow
    }

    /// True when nothing ever came.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Share of the quantity that came in a phase which was filled: at least, and at most, for what may still be. `None` where no
    /// quantity came.
    pub fn filled(&self, windows: &PhaseWindows, phase: Phase) -> Option<(Bounds, u64)> {
        let (mut orders, mut whole, mut filled, mut open) = (0, 0.0, 0.0, 0.0);
        for order in self.within(windows, phase) {
            orders += 1;
            whole += order.quantity;
            filled += order.filled;
            let may_come =
                !order.is_over && order.came_ns.saturating_add(self.longest_ns) > self.until_ns;
            open += if may_come {
                order.quantity - order.filled
            } else {
                0.0
            };
        }
        (whole > 0.0).then(|| {
            let bounds = Bounds {
                at_least: filled / whole,
                at_most: (filled + open) / whole,
            };
            (bounds, orders)
        })
    }

    /// How many came or were made in a phase.
    pub fn count(&self, windows: &PhaseWindows, phase: Phase, of: VenueCount) -> u64 {
        let count = match of {
            VenueCount::Orders => self.within(windows, phase).count(),
            VenueCount::Fills => {
                let windows = windows.windows(phase);
                let fills = self.fills_ns.iter();
                fills.filter(|at_ns| is_within(&windows, **at_ns)).count()
            }
        };
        count as u64
    }

    /// Orders that had stood for a time after the market had moved away from them, as that time was over.
    pub fn outdated(
        &self,
        windows: &PhaseWindows,
        phase: Phase,
        older_than_ns: u64,
    ) -> Outdated<'_> {
        let older_than_ns = i64::try_from(older_than_ns).unwrap_or(i64::MAX / 4);
        let mut found = Outdated::default();
        let windows = windows.windows(phase);
        for order in &self.orders {
            found.untied += u64::from(!order.is_tied);
            let Some(outdated_ns) = order.outdated_ns else {
                continue;
            };
            let over_ns = outdated_ns.saturating_add(older_than_ns);
            let ended_ns = order.ended_ns.unwrap_or(self.until_ns);
            if !is_within(&windows, over_ns) || over_ns > self.until_ns {
                continue;
            }
            found.due += 1;
            if ended_ns <= over_ns {
                continue;
            }
            found.stood += 1;
            let stood_ns = ended_ns - outdated_ns;
            if found
                .longest
                .is_none_or(|(_, known_ns)| stood_ns > known_ns)
            {
                found.longest = Some((order, stood_ns));
            }
        }
        found
    }

    /// As it stands in `record.json`.
    pub fn record(&self, windows: &PhaseWindows) -> BTreeMap<Phase, VenueFlow> {
        let phases = [
            Phase::WarmUp,
            Phase::Steady,
            Phase::Impact,
            Phase::Recovery,
            Phase::Run,
        ];
        let lasted = phases
            .into_iter()
            .filter(|phase| windows.seconds(*phase) > 0.0);
        lasted
            .map(|phase| {
                let seconds = windows.seconds(phase);
                let per_s = |of| self.count(windows, phase, of) as f64 / seconds;
                let filled = self.filled(windows, phase);
                let flow = VenueFlow {
                    orders_per_s: per_s(VenueCount::Orders),
                    fills_per_s: per_s(VenueCount::Fills),
                    filled: filled.map(|(filled, _)| filled.at_least),
                };
                (phase, flow)
            })
            .collect()
    }

    fn within(&self, windows: &PhaseWindows, phase: Phase) -> impl Iterator<Item = &Standing> {
        let windows = windows.windows(phase);
        let orders = self.orders.iter();
        orders.filter(move |order| is_within(&windows, order.came_ns))
    }
}

impl Standing {
    fn told(&mut self, report: &VenueReport, at_ns: i64) {
        match report.report {
            ReportKind::Rejected if report.reason.as_deref() == Some(SECOND) => {}
            ReportKind::Rejected | ReportKind::Cancelled => {
                self.is_over = true;
                self.ended_ns.get_or_insert(at_ns);
            }
            ReportKind::Filled => {
                self.filled += report.quantity.as_deref().map_or(0.0, decimal);
                if report
                    .remaining
                    .as_deref()
                    .is_some_and(|left| decimal(left) <= 0.0)
                {
                    self.is_over = true;
                    self.ended_ns.get_or_insert(at_ns);
                }
            }
            ReportKind::Accepted | ReportKind::CancelRejected => {}
        }
    }
}

fn standing(input: &Input, moves: Option<&Moves>, order: &VenueOrder, at_ns: i64) -> Standing {
    let cause = slot_of(input, order).and_then(|slot| input.orders.get(slot));
    let outdated_ns = moves
        .zip(cause.as_ref())
        .and_then(|(moves, cause)| moves.after(cause.symbol, cause.intended_ns, cause.price_ticks));
    Standing {
        id: order.id.clone(),
        came_ns: at_ns,
        ended_ns: None,
        quantity: decimal(&order.quantity),
        filled: 0.0,
        is_over: false,
        outdated_ns,
        is_tied: cause.is_some(),
    }
}

/// A number as it was sent; what is none is nothing.
fn decimal(text: &str) -> f64 {
    text.parse::<Decimal>()
        .map_or(0.0, |number| number.to_f64())
}

fn is_within(windows: &[Window], at_ns: i64) -> bool {
    windows.iter().any(|window| window.contains(at_ns))
}

fn is_asked(plan: &Plan) -> bool {
    let mut rules = plan.rules.iter();
    rules.any(|rule| matches!(rule.kind, RuleKind::Venue(VenueRule::StaleQuotes { .. })))
}

/// The prices of each symbol, as they were due.
struct Moves(HashMap<u8, Vec<(u64, i64)>>);

impl Moves {
    fn of(input: &Input) -> Self {
        let mut moves: HashMap<u8, Vec<(u64, i64)>> = HashMap::new();
        let entries = input.orders.iter().map(|(_, entry)| entry);
        for entry in entries.filter(|entry| entry.kind.makes_order()) {
            let prices = moves.entry(entry.symbol).or_default();
            prices.push((entry.intended_ns, entry.price_ticks));
        }
        // Several workers number their slots apart from each other.
        moves.values_mut().for_each(|prices| prices.sort_unstable());
        Self(moves)
    }

    /// When the next other price of a symbol was due.
    fn after(&self, symbol: u8, at_ns: u64, price_ticks: i64) -> Option<i64> {
        let prices = self.0.get(&symbol)?;
        let later = &prices[prices.partition_point(|(due_ns, _)| *due_ns <= at_ns)..];
        let other = later.iter().find(|(_, price)| *price != price_ticks)?;
        i64::try_from(other.0).ok()
    }
}

//! The venue's fills against the system's own trades.

use std::collections::{BTreeMap, HashMap};

use shakedown_record::Decimal;
use shakedown_record::run_record::TradesRecord;
use shakedown_record::venue::{
    ReportKind, TradeRow, TradesDone, VenueEvent, VenueLine, VenueReport,
};
use shakedown_scenarios::plan::TradeClass;

/// A fill by then before the reading began must be booked, in nanoseconds; a later one may be.
const SETTLED_NS: u64 = 500_000_000;

const MOST_EXAMPLES: usize = 5;

/// How fills and trades differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trades {
    pub read: u64,
    pub incomplete: Option<String>,
    /// The system was not there when its trades were read: it cannot know of the last fills.
    pub away: bool,
    pub counts: BTreeMap<TradeClass, u64>,
    pub examples: BTreeMap<TradeClass, Vec<String>>,
}

impl Trades {
    /// Compares.
    pub fn of(lines: &[VenueLine], rows: &[TradeRow], done: &TradesDone) -> Trades {
        let mut trades = Trades {
            read: rows.len() as u64,
            incomplete: done.incomplete.clone(),
            away: is_away(lines, done.from_mono_ns),
            ..Trades::default()
        };
        let mut booked: HashMap<&str, Vec<&TradeRow>> = HashMap::new();
        for row in rows {
            booked.entry(&row.execution).or_default().push(row);
        }
        let mut filled: HashMap<&str, &VenueReport> = HashMap::new();
        let due_ns = done.from_mono_ns.saturating_sub(SETTLED_NS);
        for line in lines {
            let VenueEvent::Report(report) = &line.event else {
                continue;
            };
            let Some(execution) = report.execution.as_deref().filter(|_| is_fill(report)) else {
                continue;
            };
            filled.insert(execution, report);
            match booked.get(execution).map_or(&[][..], Vec::as_slice) {
                [] if line.at_ns <= due_ns => {
                    trades.note(TradeClass::Missing, execution, "is not booked");
                }
                [] => {}
                [first, more @ ..] => {
                    if !more.is_empty() {
                        let times = format!("is booked {} times", more.len() + 1);
                        trades.note(TradeClass::Duplicate, execution, &times);
                    }
                    if let Some(how) = difference(report, first) {
                        trades.note(TradeClass::Wrong, execution, &how);
                    }
                }
            }
        }
        let mut strange: Vec<&str> = booked.keys().copied().collect();
        strange.retain(|execution| !filled.contains_key(execution));
        strange.sort_unstable();
        for execution in strange {
            trades.note(TradeClass::Phantom, execution, "was never filled");
        }
        trades
    }

    fn note(&mut self, what: TradeClass, execution: &str, how: &str) {
        *self.counts.entry(what).or_default() += 1;
        let examples = self.examples.entry(what).or_default();
        if examples.len() < MOST_EXAMPLES {
            examples.push(format!("{execution} {how}"));
        }
    }

    pub fn count(&self, what: TradeClass) -> u64 {
        self.counts.get(&what).copied().unwrap_or(0)
    }

    /// As it stands in `record.json`.
    pub fn record(&self) -> TradesRecord {
        TradesRecord {
            read: self.read,
            incomplete: self.incomplete.clone(),
            missing: self.count(TradeClass::Missing),
            phantom: self.count(TradeClass::Phantom),
            duplicate: self.count(TradeClass::Duplicate),
            wrong: self.count(TradeClass::Wrong),
            examples: self.examples.values().flatten().cloned().collect(),
        }
    }
}

fn is_fill(report: &VenueReport) -> bool {
    report.report == ReportKind::Filled
}

/// True when no session was logged on at that time.
fn is_away(lines: &[VenueLine], at_ns: u64) -> bool {
    let mut there = 0u64;
    for line in lines.iter().take_while(|line| line.at_ns <= at_ns) {
        match &line.event {
            VenueEvent::Logon { .. } => there += 1,
            VenueEvent::Gone { .. } => there = there.saturating_sub(1),
            VenueEvent::Started { .. } => there = 0,
            VenueEvent::Order(_)
            | VenueEvent::Cancel { .. }
            | VenueEvent::Report(_)
            | VenueEvent::Numbers { .. }
            | VenueEvent::Malformed { .. } => {}
        }
    }
    there == 0
}

/// How a trade differs from its fill; numbers are compared, not their texts.
fn difference(fill: &VenueReport, trade: &TradeRow) -> Option<String> {
    let differs = |fill: &Option<String>, trade: &Option<String>| {
        let (fill, trade) = (fill.as_deref()?, trade.as_deref()?);
        let number = |text: &str| text.parse::<Decimal>().ok();
        (number(fill) != number(trade)).then(|| (fill.to_string(), trade.to_string()))
    };
    if let Some((fill, trade)) = differs(&fill.quantity, &trade.quantity) {
        return Some(format!("was filled with {fill} and is booked with {trade}"));
    }
    let (fill, trade) = differs(&fill.price, &trade.price)?;
    Some(format!("was filled at {fill} and is booked at {trade}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(number: u64, at_ns: u64) -> VenueLine {
        VenueLine {
            at_ns,
            event: VenueEvent::Report(VenueReport {
                session: "m".into(),
                sequence: number,
                report: ReportKind::Filled,
                id: format!("q-{number}"),
                execution: Some(format!("v-{number}")),
                price: Some("1.50".into()),
                quantity: Some("2".into()),
                remaining: Some("0".into()),
                reason: None,
                request: None,
                number: None,
            }),
        }
    }

    fn trade(number: u64) -> TradeRow {
        TradeRow {
            replica: "maker-1".into(),
            execution: format!("v-{number}"),
            price: Some("1.5".into()),
            quantity: Some("2.0".into()),
        }
    }

    fn compared(rows: &[TradeRow]) -> [u64; 4] {
        let logon = VenueEvent::Logon {
            session: "m".into(),
            after: 0,
        };
        let mut lines = vec![VenueLine {
            at_ns: 1,
            event: logon,
        }];
        lines.extend((1..=5).map(|number| fill(number, number)));
        // Just before the reading: nobody can say.
        lines.push(fill(6, 10 * SETTLED_NS - 1));
        let done = TradesDone {
            from_mono_ns: 10 * SETTLED_NS,
            rows: rows.len() as u64,
            incomplete: None,
        };
        let trades = Trades::of(&lines, rows, &done);
        assert!(!trades.away);
        TradeClass::ALL.map(|what| trades.count(what))
    }

    #[test]
    fn every_difference_has_its_name() {
        let all: Vec<TradeRow> = (1..=5).map(trade).collect();
        assert_eq!(compared(&all), [0, 0, 0, 0]);
        let with_last: Vec<TradeRow> = (1..=6).map(trade).collect();
        assert_eq!(compared(&with_last), [0, 0, 0, 0]);
        assert_eq!(compared(&all[1..]), [1, 0, 0, 0], "missing");
        let strange = [&all[..], &[trade(9)]].concat();
        assert_eq!(compared(&strange), [0, 1, 0, 0], "phantom");
        let twice = [&all[..], &[trade(3)]].concat();
        assert_eq!(compared(&twice), [0, 0, 1, 0], "duplicate");
        let mut wrong = all.clone();
        wrong[2].quantity = Some("3".into());
        wrong[3].price = Some("1.51".into());
        assert_eq!(compared(&wrong), [0, 0, 0, 2], "wrong");
    }

    #[test]
    fn whoever_is_not_there_cannot_know() {
        let done = TradesDone {
            from_mono_ns: 10 * SETTLED_NS,
            ..TradesDone::default()
        };
        assert!(Trades::of(&[fill(1, 1)], &[], &done).away);
    }
}

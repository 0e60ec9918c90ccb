//! Known truth: a system that answers every message after 4 ms with an order, which the venue fills 1 ms later.

use shakedown_analysis::{Analysis, analyse};
use shakedown_record::event::Event;
use shakedown_record::ledger::OrderKind;
use shakedown_record::run_record::Severity;
use shakedown_record::venue::{
    ReportKind, TradeRow, TradesDone, VenueEvent, VenueLine, VenueOrder, VenueReport,
};
use shakedown_record::{Outcome, Phase, Verdict};
use shakedown_scenarios::plan::{Rule, RuleKind, TradeClass, VenueRule};

use crate::build::*;

pub struct Venue {
    pub run: Run,
    pub lines: Vec<VenueLine>,
    trades: Vec<TradeRow>,
    pub done: TradesDone,
}

impl Venue {
    pub fn sound() -> Venue {
        let mut run = Run::healthy();
        let response = VenueRule::Response {
            quantile: 0.99,
            at_most_ns: 5 * MS,
            phase: Phase::Steady,
        };
        let trades = TradeClass::ALL.map(|what| VenueRule::Trades { what, at_most: 0 });
        let rules = trades.into_iter().chain([response]).map(|rule| Rule {
            id: rule.name().to_string(),
            kind: RuleKind::Venue(rule),
            severity: Severity::Critical,
            source: None,
        });
        run.plan.rules.extend(rules);
        let session = "m".to_string();
        let mut lines = vec![VenueLine {
            at_ns: ZERO - S,
            event: VenueEvent::Logon { session, after: 0 },
        }];
        let mut trades = Vec::new();
        for (slot, entry) in run.entries.iter().enumerate() {
            if entry.outcome == Some(Outcome::Acked) && entry.kind == OrderKind::New {
                let at_ns = ZERO + entry.intended_ns + 4 * MS;
                let number = trades.len() as u64 + 1;
                lines.push(order(slot as u64, at_ns));
                lines.push(fill(slot as u64, number, at_ns + MS));
                trades.push(trade(number));
            }
        }
        let done = TradesDone {
            from_mono_ns: ZERO + END + 2 * S,
            rows: trades.len() as u64,
            incomplete: None,
        };
        Venue {
            run,
            lines,
            trades,
            done,
        }
    }

    pub fn judge(self) -> Analysis {
        let done = self.done;
        let run = self.run.and(END, Event::TradesRead { done });
        let (_folder, dir) = run.write();
        let text = |values: Vec<String>| values.join("\n") + "\n";
        let lines = self
            .lines
            .iter()
            .map(|line| serde_json::to_string(line).unwrap());
        std::fs::write(dir.venue(), text(lines.collect())).unwrap();
        let trades = self
            .trades
            .iter()
            .map(|row| serde_json::to_string(row).unwrap());
        std::fs::write(dir.trades(), text(trades.collect())).unwrap();
        analyse(&dir, &run.plan).unwrap()
    }
}

fn order(slot: u64, at_ns: u64) -> VenueLine {
    VenueLine {
        at_ns,
        event: VenueEvent::Order(VenueOrder {
            session: "m".into(),
            id: format!("q-{slot}"),
            tag: Some(order_id(slot)),
            symbol: "BTCUSD".into(),
            side: "buy".into(),
            price: "1.50".into(),
            quantity: "2".into(),
        }),
    }
}

fn fill(slot: u64, number: u64, at_ns: u64) -> VenueLine {
    VenueLine {
        at_ns,
        event: VenueEvent::Report(VenueReport {
            session: "m".into(),
            sequence: number,
            report: ReportKind::Filled,
            id: format!("q-{slot}"),
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
        quantity: Some("2".into()),
    }
}

fn is_red(venue: Venue, id: &str, said: &str) {
    let analysis = venue.judge();
    assert_eq!(ids(&analysis, Verdict::Fail), [id]);
    let text = &the(&analysis, id).observed.text;
    assert!(text.contains(said), "{text}");
}

#[test]
fn a_sound_system_passes_with_its_figures() {
    let analysis = Venue::sound().judge();
    assert_eq!(ids(&analysis, Verdict::Fail), [] as [&str; 0]);
    assert_eq!(ids(&analysis, Verdict::Inconclusive), [] as [&str; 0]);
    let venue = analysis.record.venue.unwrap();
    assert_eq!((venue.orders, venue.unanswered), (venue.fills, 0));
    let response = venue.response[&Phase::Steady].p99_ns.unwrap() as f64;
    assert!(
        (response / (4.0 * MS as f64) - 1.0).abs() < 0.01,
        "{response}"
    );
}

#[test]
fn every_way_of_booking_wrongly_is_named() {
    let mut missing = Venue::sound();
    missing.trades.remove(6);
    is_red(missing, "missing-trades", "v-7 is not booked");
    let mut phantom = Venue::sound();
    phantom.trades.push(trade(999_999));
    is_red(phantom, "phantom-trades", "v-999999 was never filled");
    let mut duplicate = Venue::sound();
    duplicate.trades.push(trade(7));
    is_red(duplicate, "duplicate-trades", "v-7 is booked 2 times");
    let mut wrong = Venue::sound();
    wrong.trades[6].price = Some("1.51".into());
    is_red(
        wrong,
        "wrong-trades",
        "filled at 1.50 and is booked at 1.51",
    );
}

#[test]
fn late_orders_and_none_at_all_are_late() {
    let mut late = Venue::sound();
    for line in &mut late.lines {
        line.at_ns += 3 * MS;
    }
    is_red(late, "response", "samples");
    let mut silent = Venue::sound();
    let mut number = 0;
    silent.lines.retain(|line| {
        number += u64::from(matches!(line.event, VenueEvent::Order(_)));
        !matches!(line.event, VenueEvent::Order(_)) || number % 20 != 0
    });
    is_red(silent, "response", "never answered");
}

#[test]
fn what_could_not_be_known_is_inconclusive() {
    let open = |venue: Venue, why: &str| {
        let analysis = venue.judge();
        let check = the(&analysis, "missing-trades");
        assert_eq!(check.verdict, Verdict::Inconclusive);
        assert!(check.why.contains(why), "{}", check.why);
    };
    let mut unread = Venue::sound();
    unread.done.incomplete = Some("maker-1: connection refused".into());
    unread.trades.truncate(10);
    open(unread, "connection refused");
    let mut away = Venue::sound();
    away.trades.pop();
    let session = "m".to_string();
    away.lines.push(VenueLine {
        at_ns: ZERO + END + S,
        event: VenueEvent::Gone { session },
    });
    open(away, "not logged on");
}

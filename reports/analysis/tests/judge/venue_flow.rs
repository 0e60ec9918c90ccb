//! Known truth: orders that come to the venue 4 ms after what caused them was due, and are filled 1 ms later; the price of
//! the symbol is another one 2 to 6 ms after each message.

use shakedown_record::run_record::Check;
use shakedown_record::venue::{ReportKind, VenueEvent, VenueLine};
use shakedown_record::{Phase, Verdict};
use shakedown_scenarios::plan::{Delay, RuleKind, VenueCount, VenuePlan, VenueRule};

use crate::build::*;
use crate::plan::rule;
use crate::venue::Venue;

fn fill_rate(at_least: f64) -> VenueRule {
    VenueRule::FillRate {
        at_least,
        phase: Phase::Steady,
    }
}

fn rate(of: VenueCount, at_least_per_s: f64) -> VenueRule {
    VenueRule::Rate {
        of,
        at_least_per_s,
        phase: Phase::Steady,
    }
}

fn stale(at_most: u64) -> VenueRule {
    VenueRule::StaleQuotes {
        older_than_ns: 20 * MS,
        at_most,
        phase: Phase::Steady,
    }
}

/// A sound system and its venue, with a rule.
fn with(own: VenueRule) -> Venue {
    let mut venue = Venue::sound();
    let delay = Delay::Constant { ns: MS };
    venue.run.plan.venue = Some(VenuePlan {
        latency: delay,
        rejects: 0.0,
        fills: 1.0,
        partial: 0.0,
        fill_after: delay,
    });
    venue.run.plan.rules.push(rule("own", RuleKind::Venue(own)));
    venue
}

fn judged(own: VenueRule, spoil: impl FnOnce(&mut Vec<VenueLine>)) -> Check {
    let mut venue = with(own);
    spoil(&mut venue.lines);
    told(venue)
}

fn told(venue: Venue) -> Check {
    let analysis = venue.judge();
    the(&analysis, "own").clone()
}

fn is_open(own: VenueRule, said: &str, spoil: impl FnOnce(&mut Vec<VenueLine>)) {
    let check = judged(own, spoil);
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:?}");
    assert!(check.why.contains(said), "{check:?}");
}

fn is_report(line: &VenueLine, what: ReportKind) -> bool {
    matches!(&line.event, VenueEvent::Report(report) if report.report == what)
}

/// Every tenth order is cancelled as soon as it is there, before it is filled.
fn tenth_cancelled(lines: &mut [VenueLine]) {
    let fills = lines
        .iter_mut()
        .filter(|line| is_report(line, ReportKind::Filled));
    for line in fills.step_by(10) {
        let VenueEvent::Report(report) = &mut line.event else {
            continue;
        };
        report.report = ReportKind::Cancelled;
        (report.quantity, report.remaining, report.execution) = (None, None, None);
    }
}

fn nothing(lines: &mut Vec<VenueLine>) {
    lines.truncate(1);
}

#[test]
fn what_was_filled_of_all_that_came_is_the_fill_rate() {
    let kept = judged(fill_rate(0.95), |_| ());
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
    assert!(kept.observed.text.starts_with("100 % of "), "{kept:?}");
    let broken = judged(fill_rate(0.95), |lines| tenth_cancelled(lines));
    assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
    assert!((broken.observed.value.unwrap() - 0.9).abs() < 2e-3);
    assert_eq!(broken.limit.text, "at least 95 %");
    let kept = judged(fill_rate(0.89), |lines| tenth_cancelled(lines));
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
}

#[test]
fn half_a_fill_is_half_an_order() {
    let halved = judged(fill_rate(0.95), |lines| {
        for line in lines {
            if let VenueEvent::Report(report) = &mut line.event {
                (report.quantity, report.remaining) = (Some("1".into()), Some("1".into()));
            }
        }
    });
    assert_eq!(halved.verdict, Verdict::Fail, "{halved:?}");
    assert!((halved.observed.value.unwrap() - 0.5).abs() < 1e-9);
}

#[test]
fn an_id_that_comes_again_is_no_order() {
    let again = judged(fill_rate(0.95), |lines| {
        let orders: Vec<VenueLine> = lines
            .iter()
            .filter(|line| matches!(line.event, VenueEvent::Order(_)))
            .cloned()
            .collect();
        lines.extend(orders);
        lines.sort_by_key(|line| line.at_ns);
    });
    assert_eq!(again.verdict, Verdict::Pass, "{again:?}");
}

#[test]
fn without_orders_there_is_no_fill_rate_and_no_stale_quote_and_no_rate() {
    let none = "no order came to the venue";
    is_open(fill_rate(0.95), none, nothing);
    is_open(stale(0), none, nothing);
    is_open(rate(VenueCount::Orders, 1.0), none, nothing);
    let before_steady = |lines: &mut Vec<VenueLine>| {
        lines.retain(|line| line.at_ns < ZERO + 5 * S);
    };
    is_open(
        fill_rate(0.95),
        "no order came to the venue in phase steady",
        before_steady,
    );
}

#[test]
fn what_a_venue_that_fell_silent_would_have_filled_is_open() {
    let mut silent = with(VenueRule::FillRate {
        at_least: 0.9999,
        phase: Phase::WarmUp,
    });
    let is_order = |line: &VenueLine| matches!(line.event, VenueEvent::Order(_));
    let lines = &mut silent.lines;
    lines.retain(|line| line.at_ns < ZERO + 6 * S);
    let last_order = lines.iter().rposition(is_order).unwrap();
    lines.truncate(last_order + 1);
    silent.done.from_mono_ns = 0;
    let check = told(silent);
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:?}");
    assert!(check.why.contains("not heard of"), "{check:?}");
}

#[test]
fn rates_at_the_venue_are_counted_there() {
    for of in [VenueCount::Orders, VenueCount::Fills] {
        // 85 % of 500 messages a second are new orders.
        let kept = judged(rate(of, 420.0), |_| ());
        assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
        let broken = judged(rate(of, 430.0), |_| ());
        assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
    }
    let broken = judged(rate(VenueCount::Fills, 420.0), |lines| {
        tenth_cancelled(lines)
    });
    assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
    let none = judged(rate(VenueCount::Fills, 1.0), |lines| {
        lines.retain(|line| !is_report(line, ReportKind::Filled));
    });
    assert_eq!(none.verdict, Verdict::Fail, "{none:?}");
}

/// The order of this number is filled so much later.
fn late_fill(lines: &mut [VenueLine], number: usize, late_ns: u64) {
    let mut fills = lines
        .iter_mut()
        .filter(|line| line.at_ns > ZERO + 7 * S && is_report(line, ReportKind::Filled));
    fills.nth(number).unwrap().at_ns += late_ns;
}

#[test]
fn an_order_that_stands_after_the_market_has_moved_is_stale() {
    let kept = judged(stale(0), |_| ());
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
    let broken = judged(stale(0), |lines| {
        late_fill(lines, 5, 40 * MS);
        lines.sort_by_key(|line| line.at_ns);
    });
    assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
    assert!(broken.observed.text.starts_with("1 of "), "{broken:?}");
    assert!(broken.observed.text.contains("stood for"), "{broken:?}");
    let allowed = judged(stale(1), |lines| late_fill(lines, 5, 40 * MS));
    assert_eq!(allowed.verdict, Verdict::Pass, "{allowed:?}");
    let short = judged(stale(0), |lines| late_fill(lines, 5, 10 * MS));
    assert_eq!(short.verdict, Verdict::Pass, "{short:?}");
}

#[test]
fn a_system_that_has_asked_for_its_order_back_has_done_its_part() {
    let cancelled = judged(stale(0), |lines| {
        late_fill(lines, 5, 40 * MS);
        let late = lines.iter().find(|line| {
            let VenueEvent::Report(report) = &line.event else {
                return false;
            };
            let came = lines.iter().find(
                |line| matches!(&line.event, VenueEvent::Order(order) if order.id == report.id),
            );
            came.is_some_and(|came| line.at_ns > came.at_ns + 20 * MS)
        });
        let VenueEvent::Report(report) = late.unwrap().event.clone() else {
            unreachable!("it is a report");
        };
        lines.push(VenueLine {
            at_ns: late.unwrap().at_ns - 35 * MS,
            event: VenueEvent::Cancel {
                session: report.session,
                id: report.id,
                request: None,
            },
        });
        lines.sort_by_key(|line| line.at_ns);
    });
    assert_eq!(cancelled.verdict, Verdict::Pass, "{cancelled:?}");
}

#[test]
fn orders_without_a_cause_and_a_market_that_stands_still_leave_quotes_open() {
    is_open(stale(0), "do not say what caused them", |lines| {
        for line in lines {
            if let VenueEvent::Order(order) = &mut line.event {
                order.tag = None;
            }
        }
    });
    let mut still = with(stale(0));
    for entry in &mut still.run.entries {
        entry.price_ticks = 5_000_000;
    }
    still.run = still.run.refill();
    let check = told(still);
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:?}");
    assert!(check.why.contains("did not move"), "{check:?}");
}

//! The desk alone: what it tells, of whom, when, and after an end in the middle.

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
            desk.cancel(now_ns, &session, &id, None);
            say(VenueEvent::Cancel {
                session,
                id,
                request: None,
            });
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
    desk.cancel(2, "m", "q-2", None);
    desk.turn(1_000, &mut reports);
    let reasons: Vec<_> = reports
        .iter()
        .map(|it| it.reason.as_deref().unwrap())
        .collect();
    assert_eq!(reasons, ["quantity", "duplicate-id", "unknown-order"]);
}

#[test]
fn a_cancel_that_a_killed_venue_had_not_answered_is_answered() {
    let asked = |id: &str| VenueEvent::Cancel {
        session: "m".into(),
        id: id.into(),
        request: Some(format!("c-{id}")),
    };
    let lines: Vec<VenueLine> = [asked("q-8"), asked("q-9")]
        .into_iter()
        .map(|event| VenueLine { at_ns: 5, event })
        .collect();
    let mut told = Vec::new();
    Desk::resume(plan(), 7, &lines).turn(1_000, &mut told);
    let requests: Vec<_> = told.iter().map(|it| it.request.as_deref()).collect();
    assert_eq!(requests.len(), 2);
    assert!(requests.contains(&Some("c-q-8")) && requests.contains(&Some("c-q-9")));
    let answer = VenueLine {
        at_ns: 6,
        event: VenueEvent::Report(told.remove(0)),
    };
    let lines = [lines, vec![answer]].concat();
    let mut rest = Vec::new();
    Desk::resume(plan(), 7, &lines).turn(1_000, &mut rest);
    assert_eq!((rest.len(), &rest[0].request), (1, &told[0].request));
}

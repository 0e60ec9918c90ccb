//! Twice a recorded peak: what was not offered is never held against the system, and what was not answered is.

use shakedown_record::event::Event;
use shakedown_record::{Outcome, Verdict};
use shakedown_scenarios::plan::{Peak, PeakFlow, ReadBack, Rule, RuleKind, Standard};

use crate::build::*;
use crate::plan::rule;

const FLOWS: [PeakFlow; 3] = [PeakFlow::In, PeakFlow::Out, PeakFlow::Trades];

/// A run of 500 messages a second without faults, whose peaks are half of these.
fn run(in_per_s: f64, out_per_s: f64, trades_per_s: f64) -> Run {
    let mut run = Run::away(0, Away::Dead);
    run.plan.faults.clear();
    let owed = [in_per_s, out_per_s, trades_per_s];
    run.plan.rules = FLOWS
        .into_iter()
        .zip(owed)
        .map(|(flow, at_least_per_s)| peak_rule(flow, at_least_per_s))
        .collect();
    run.plan.peak = Some(Peak {
        standard: Standard::Rts6,
        in_per_s: in_per_s / 2.0,
        out_per_s: out_per_s / 2.0,
        trades_per_s: Some(trades_per_s / 2.0),
        from: "2026-01-01".parse().unwrap(),
        to: "2026-06-30".parse().unwrap(),
        source: "a test".into(),
        date: "2026-07-01".parse().unwrap(),
        example: false,
    });
    if let Some(ReadBack::List { fields, .. }) = &mut run.plan.system.read_back {
        fields.filled_states = vec!["filled".into()];
    }
    let fault = |event: &Event| {
        matches!(
            event,
            Event::FaultPrepared { .. }
                | Event::FaultInjected { .. }
                | Event::FaultEffect { .. }
                | Event::FaultHealing { .. }
                | Event::FaultHealed { .. }
                | Event::FaultClean { .. }
                | Event::RedundancyRestored { .. }
        )
    };
    run.without(fault).every_copy(|rows| {
        for row in rows.iter_mut().step_by(2) {
            row.state = Some("filled".into());
        }
    })
}

fn peak_rule(flow: PeakFlow, at_least_per_s: f64) -> Rule {
    let kind = RuleKind::Peak {
        flow,
        at_least_per_s,
    };
    rule(flow.rule_id(), kind)
}

fn verdicts(run: &Run) -> Vec<Verdict> {
    let analysis = run.judge();
    let of = |flow: PeakFlow| the(&analysis, flow.rule_id()).verdict;
    FLOWS.into_iter().map(of).collect()
}

#[test]
fn what_was_offered_answered_and_traded_passes() {
    let run = run(500.0, 475.0, 100.0);
    assert_eq!(verdicts(&run), [Verdict::Pass; 3]);
}

#[test]
fn a_rate_that_was_not_offered_is_nobodys_failure() {
    let run = run(505.0, 505.0, 100.0);
    use Verdict::{Inconclusive, Pass};
    assert_eq!(verdicts(&run), [Inconclusive, Inconclusive, Pass]);
    let analysis = run.judge();
    let why = &the(&analysis, "peak-in").why;
    assert!(why.contains("twice the peak was not offered"), "{why}");
    assert_eq!(analysis.record.verdict, Inconclusive);
}

#[test]
fn messages_that_never_left_were_not_offered() {
    let mut run = run(500.0, 475.0, 100.0);
    for entry in run.entries.iter_mut().step_by(50) {
        entry.outcome = Some(Outcome::NotSent);
        entry.sent_ns = None;
    }
    let run = run_again(run);
    assert_eq!(verdicts(&run)[0], Verdict::Inconclusive);
}

#[test]
fn a_starved_generator_shows_no_double() {
    let run = run(500.0, 475.0, 100.0).with(|event| {
        if let Event::Generator { report } = event {
            report.saturated = true;
            report.why = vec!["too little CPU".into()];
        }
    });
    assert_eq!(verdicts(&run), [Verdict::Inconclusive; 3]);
}

#[test]
fn offered_and_left_unanswered_is_a_failure() {
    let mut run = run(500.0, 495.0, 100.0);
    for entry in run.entries.iter_mut().step_by(50) {
        entry.outcome = Some(Outcome::Timeout);
    }
    let run = run_again(run);
    assert_eq!(verdicts(&run)[..2], [Verdict::Pass, Verdict::Fail]);
    let reasons = run.judge().record.reasons;
    assert!(
        reasons[0].starts_with("twice the recorded peak was not borne: peak-out"),
        "{reasons:?}"
    );
}

#[test]
fn trades_are_only_certain_of_filled_orders() {
    let all = run(500.0, 475.0, 115.0);
    assert_eq!(verdicts(&all)[2], Verdict::Inconclusive);
    let none = run(500.0, 475.0, 100.0).every_copy(|rows| {
        rows.iter_mut()
            .for_each(|row| row.state = Some("open".into()));
    });
    assert_eq!(verdicts(&none)[2], Verdict::Inconclusive);
    let unread = run(500.0, 475.0, 100.0).without(|event| matches!(event, Event::ReadBack(_)));
    assert_eq!(verdicts(&unread)[2], Verdict::Inconclusive);
}

/// The counts in the events as the entries are now.
fn run_again(run: Run) -> Run {
    let mut outcomes = shakedown_record::OutcomeCounts::default();
    let entries = run.entries.iter();
    entries.for_each(|entry| outcomes.add(entry.settled(), 1));
    run.with(move |event| {
        if let Event::Generator { report } = event {
            report.outcomes = outcomes;
        }
    })
}

//! A new version beside the present one: red when it is worse for sure, green when it is as good for sure, and else neither.

use shakedown_record::ledger::Entry;
use shakedown_record::run_record::Check;
use shakedown_record::{Outcome, Phase, Verdict};
use shakedown_scenarios::plan::RuleKind;
use shakedown_scenarios::plan::gates::{AnsweredBy, CanaryRule, LatencyRatio};

use crate::build::*;
use crate::plan::rule;

const CHECK: &str = "canary";

fn limits() -> CanaryRule {
    CanaryRule {
        of: AnsweredBy::Prefix("green-".into()),
        against: None,
        latency: Some(LatencyRatio {
            quantile: 0.99,
            at_most: 1.2,
        }),
        more_errors: Some(0.02),
        phase: Phase::Steady,
    }
}

/// Every `one_in`th message is the new version's; `change` spoils messages in the steady phase, each with how many of its side
/// came before it.
fn run(one_in: u64, rule_of: CanaryRule, change: impl Fn(bool, u64, &mut Entry)) -> Run {
    let mut entries = Run::healthy().entries;
    let mut counts = [0, 0];
    for (slot, entry) in (0u64..).zip(&mut entries) {
        let is_new = slot % one_in == 1;
        entry.served_by = match entry.settled().is_served() {
            true => 1 + u8::from(is_new),
            false => 0,
        };
        if (7 * S..11 * S).contains(&entry.intended_ns) {
            change(is_new, counts[usize::from(is_new)], entry);
            counts[usize::from(is_new)] += 1;
        }
    }
    let mut run = Run::of(entries);
    run.served_by = vec!["blue-1", "green-1"];
    run.plan.rules = vec![rule(CHECK, RuleKind::Canary(rule_of))];
    run
}

fn judged(run: &Run) -> Check {
    the(&run.judge(), CHECK).clone()
}

fn is(check: &Check, verdict: Verdict, words: &str) {
    assert_eq!(check.verdict, verdict, "{check:?}");
    let told = format!("{} {}", check.observed.text, check.why);
    assert!(told.contains(words), "{words}: {told}");
}

fn as_it_is(_: bool, _: u64, _: &mut Entry) {}

fn slow(entry: &mut Entry) {
    entry.done_ns = Some(entry.intended_ns + 20 * MS);
}

fn failed(entry: &mut Entry) {
    entry.outcome = Some(Outcome::BadResponse);
    entry.sequence = None;
}

#[test]
fn as_good_as_the_others_passes() {
    let check = judged(&run(4, limits(), as_it_is));
    is(&check, Verdict::Pass, "P99 1.00 times the others'");
    assert_eq!(check.observed.value, Some(1.0));
    assert!(check.observed.text.contains("answers against"), "{check:?}");
}

#[test]
fn slower_for_sure_fails_whoever_is_slow_too_seldom_does_not() {
    let with = |one_in: u64| {
        run(4, limits(), move |is_new, count, entry| {
            if is_new && count % one_in == 0 {
                slow(entry);
            }
        })
    };
    is(&judged(&with(20)), Verdict::Fail, "times the others'");
    // One in a hundred is what chance may make of a P99.
    is(&judged(&with(100)), Verdict::Inconclusive, "leave it open");
}

#[test]
fn as_slow_as_the_others_is_no_worse() {
    let both = run(4, limits(), |_, count, entry| {
        if count % 20 == 0 {
            slow(entry);
        }
    });
    is(&judged(&both), Verdict::Pass, "P99 1.00 times");
}

#[test]
fn failing_more_often_for_sure_fails() {
    let errors_only = || CanaryRule {
        latency: None,
        ..limits()
    };
    let with = |one_in: u64| {
        run(4, errors_only(), move |is_new, count, entry| {
            if is_new && count % one_in == 0 {
                failed(entry);
            }
        })
    };
    is(&judged(&with(10)), Verdict::Fail, "errors 6.");
    is(&judged(&with(50)), Verdict::Inconclusive, "leave it open");
    is(&judged(&with(10_000)), Verdict::Pass, "errors 0.");
    // Against those who fail as often it is no worse, however bad both are.
    let both = run(4, errors_only(), |_, count, entry| {
        if count % 10 == 0 {
            failed(entry);
        }
    });
    let check = judged(&both);
    assert_ne!(check.verdict, Verdict::Fail, "{check:?}");
}

#[test]
fn failures_that_could_be_anybodys_leave_it_open() {
    let nameless = run(4, limits(), |is_new, count, entry| {
        if !is_new && count % 20 == 0 {
            entry.outcome = Some(Outcome::Timeout);
            entry.done_ns = Some(entry.intended_ns + TIMEOUT);
            entry.sequence = None;
            entry.served_by = 0;
        }
    });
    is(
        &judged(&nameless),
        Verdict::Inconclusive,
        "failures that could be anybody's",
    );
    // What is worse for sure stays so.
    let worse = run(4, limits(), |is_new, count, entry| {
        if is_new && count % 5 == 0 {
            failed(entry);
        } else if !is_new && count == 0 {
            entry.outcome = Some(Outcome::Timeout);
            entry.served_by = 0;
        }
    });
    is(&judged(&worse), Verdict::Fail, "errors 13.");
}

#[test]
fn too_few_answers_show_nothing() {
    is(
        &judged(&run(40, limits(), as_it_is)),
        Verdict::Inconclusive,
        "no end",
    );
    let nobody = CanaryRule {
        of: AnsweredBy::Names(vec!["green-7".into()]),
        ..limits()
    };
    is(
        &judged(&run(4, nobody, as_it_is)),
        Verdict::Inconclusive,
        "no answer of green-7 in phase steady",
    );
    let against_nobody = CanaryRule {
        against: Some(AnsweredBy::Names(vec!["red".into()])),
        ..limits()
    };
    is(
        &judged(&run(4, against_nobody, as_it_is)),
        Verdict::Inconclusive,
        "no answer of red",
    );
}

#[test]
fn only_answers_of_its_phase_count() {
    let elsewhere = CanaryRule {
        phase: Phase::WarmUp,
        ..limits()
    };
    let slow_later = run(4, elsewhere, |is_new, _, entry| {
        if is_new {
            slow(entry);
        }
    });
    assert_eq!(judged(&slow_later).verdict, Verdict::Pass);
}

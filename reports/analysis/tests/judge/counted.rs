//! Rules on what the system's own counters and spreads come to in a phase: rates, shares, improvements.

use shakedown_record::series::Sample;
use shakedown_record::{Phase, Verdict};
use shakedown_scenarios::plan::{LimitEnd, MetricLimit, MetricRule};

use crate::build::*;
use crate::metrics::{Look, judged, looks, of, open, sample};

fn rule(name: &str, labels: &[(&str, &str)], limit: MetricLimit) -> MetricRule {
    MetricRule {
        of: of(name, labels),
        limit,
        phase: Phase::Steady,
    }
}

fn rate(end: LimitEnd, limit_per_s: f64) -> MetricRule {
    rule(
        "decisions_total",
        &[],
        MetricLimit::Rate { end, limit_per_s },
    )
}

fn at_least(limit_per_s: f64) -> MetricRule {
    rate(LimitEnd::AtLeast, limit_per_s)
}

fn at_most(limit_per_s: f64) -> MetricRule {
    rate(LimitEnd::AtMost, limit_per_s)
}

/// Each of three replicas decides a thousand times a second.
fn decisions(_target: &str, at_ns: u64) -> Vec<Sample> {
    vec![sample("decisions_total", &[], at_ns as f64 / 1e6)]
}

fn verdict(own: MetricRule, looks: &[Look]) -> Verdict {
    judged(own, looks, &[]).verdict
}

#[test]
fn a_rate_is_summed_over_replicas_and_held_on_average() {
    let looks = looks(decisions);
    let kept = judged(at_least(2_990.0), &looks, &[]);
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
    assert_eq!(kept.limit.text, "at least 2,990/s");
    assert!((kept.observed.value.unwrap() - 3_000.0).abs() < 2.0);
    assert_eq!(verdict(at_least(3_010.0), &looks), Verdict::Fail);
    assert_eq!(verdict(at_most(3_010.0), &looks), Verdict::Pass);
    assert_eq!(verdict(at_most(2_990.0), &looks), Verdict::Fail);
    open(&judged(at_least(3_000.0), &looks, &[]), "no exact time");
}

#[test]
fn what_a_replaced_replica_counted_last_is_unknown_and_not_zero() {
    let mut replaced = looks(decisions);
    for look in &mut replaced {
        if look.target == "engine-2" && look.at_ns > 9 * S {
            look.started_s = Some(2_000.0);
            look.samples = vec![sample("decisions_total", &[], 5.0)];
        }
    }
    let said = "engine-2 was replaced";
    open(&judged(at_least(2_990.0), &replaced, &[]), said);
    open(&judged(at_least(9_000.0), &replaced, &[]), said);
    open(&judged(at_most(9_000.0), &replaced, &[]), said);
    // What the others and it certainly did is enough for the one, and too much for the other.
    assert_eq!(verdict(at_least(2_100.0), &replaced), Verdict::Pass);
    assert_eq!(verdict(at_most(2_100.0), &replaced), Verdict::Fail);
}

#[test]
fn scrapes_that_are_missing_in_between_take_nothing_from_a_rate() {
    let mut holed = looks(decisions);
    holed.retain(|look| look.target != "engine-1" || !(8 * S..10 * S).contains(&look.at_ns));
    let gap = [("engine-1", 9 * S, false)];
    let kept = judged(at_least(2_990.0), &holed, &gap);
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
    assert_eq!(
        judged(at_most(3_010.0), &holed, &gap).verdict,
        Verdict::Pass
    );
    // A process that does not say when it began may have been replaced there: it counted so much at least.
    for look in &mut holed {
        look.started_s = None;
    }
    let kept = judged(at_least(2_990.0), &holed, &gap);
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
    open(
        &judged(at_most(3_010.0), &holed, &gap),
        "engine-1 could not be looked at",
    );
}

#[test]
fn replicas_that_nobody_looked_at_leave_a_rate_open_whatever_the_others_did() {
    let mut unseen = looks(decisions);
    unseen.retain(|look| look.target != "engine-3");
    let said = "engine-3 was never looked at";
    open(&judged(at_least(1.0), &unseen, &[]), said);
    open(&judged(at_least(9_000.0), &unseen, &[]), said);
    open(&judged(at_most(9_000.0), &unseen, &[]), said);
    let mut silent = looks(decisions);
    for look in silent.iter_mut().filter(|look| look.target == "engine-3") {
        look.samples.clear();
    }
    let said = "engine-3 never showed decisions_total";
    open(&judged(at_least(2_990.0), &silent, &[]), said);
    open(&judged(at_most(9_000.0), &silent, &[]), said);
    let other = rule(
        "decisions_total",
        &[("kind", "none")],
        MetricLimit::Rate {
            end: LimitEnd::AtLeast,
            limit_per_s: 1.0,
        },
    );
    open(
        &judged(other, &looks(decisions), &[]),
        "no replica ever showed decisions_total{kind=\"none\"}",
    );
    open(
        &judged(
            at_least(1.0),
            &looks(|_, _| vec![sample("decisions_total", &[], -1.0)]),
            &[],
        ),
        "no counter can be",
    );
}

fn filled(end: LimitEnd, limit: f64) -> MetricRule {
    rule(
        "orders_total",
        &[("end", "filled")],
        MetricLimit::Ratio {
            to: of("quotes_total", &[]),
            end,
            limit,
        },
    )
}

/// 96 of a hundred quotes are filled, a hundred a second at each replica.
fn quotes(_target: &str, at_ns: u64) -> Vec<Sample> {
    let hundreds = (at_ns / S) as f64;
    vec![
        sample("orders_total", &[("end", "filled")], 7.0 + 96.0 * hundreds),
        sample("orders_total", &[("end", "cancelled")], 4.0 * hundreds),
        sample("quotes_total", &[], 30.0 + 100.0 * hundreds),
    ]
}

#[test]
fn a_share_is_what_was_counted_in_the_phase_and_not_before() {
    let looks = looks(quotes);
    let kept = judged(filled(LimitEnd::AtLeast, 0.95), &looks, &[]);
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
    assert!(kept.observed.text.starts_with("96 % ("), "{kept:?}");
    let broken = judged(filled(LimitEnd::AtLeast, 0.97), &looks, &[]);
    assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
    assert_eq!(broken.limit.text, "at least 97 %");
    assert_eq!(
        verdict(filled(LimitEnd::AtMost, 0.96), &looks),
        Verdict::Pass
    );
    assert_eq!(
        verdict(filled(LimitEnd::AtMost, 0.95), &looks),
        Verdict::Fail
    );
}

#[test]
fn a_share_of_nothing_and_one_of_which_a_part_is_missing_are_open() {
    let own = || filled(LimitEnd::AtLeast, 0.95);
    let idle = looks(|_, _| {
        vec![
            sample("orders_total", &[("end", "filled")], 7.0),
            sample("quotes_total", &[], 30.0),
        ]
    });
    open(&judged(own(), &idle, &[]), "quotes_total counted nothing");
    let without = looks(|_, _| vec![sample("orders_total", &[("end", "filled")], 7.0)]);
    open(&judged(own(), &without, &[]), "ever showed quotes_total");
    let mut replaced = looks(quotes);
    for look in replaced.iter_mut().filter(|look| look.at_ns > 9 * S) {
        look.started_s = Some(2_000.0);
    }
    open(&judged(own(), &replaced, &[]), "was replaced");
    // Also where what was seen is too little: what was not seen may have been filled.
    open(
        &judged(filled(LimitEnd::AtLeast, 0.99), &replaced, &[]),
        "was replaced",
    );
    open(&judged(own(), &[], &[]), "never looked at");
}

fn improvement(at_least: f64) -> MetricRule {
    rule(
        "spread",
        &[("of", "quotes")],
        MetricLimit::Improvement {
            over: of("spread", &[("of", "baseline")]),
            at_least,
        },
    )
}

/// 20 % better for the one symbol and 12 % for the other.
fn spreads(_target: &str, at_ns: u64) -> Vec<Sample> {
    // Both move together, as spreads do.
    let wide = 1.0 + (at_ns / S % 3) as f64;
    let spread = |who: &str, symbol: &str, value| {
        sample("spread", &[("of", who), ("symbol", symbol)], value)
    };
    vec![
        spread("quotes", "A", 0.8 * wide),
        spread("baseline", "A", wide),
        spread("quotes", "B", 8.8 * wide),
        spread("baseline", "B", 10.0 * wide),
    ]
}

#[test]
fn an_improvement_is_that_of_the_worst_symbol() {
    let looks = looks(spreads);
    let kept = judged(improvement(0.1), &looks, &[]);
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
    assert!(
        (kept.observed.value.unwrap() - 0.12).abs() < 1e-9,
        "{kept:?}"
    );
    assert!(
        kept.observed.text.contains("spread{symbol=\"B\"}"),
        "{kept:?}"
    );
    let broken = judged(improvement(0.15), &looks, &[]);
    assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
    assert_eq!(broken.limit.text, "at least 15 %");
}

#[test]
fn a_spread_that_is_worse_is_below_nothing() {
    let swapped = looks(|target, at_ns| {
        let mut samples = spreads(target, at_ns);
        for sample in &mut samples {
            let own = sample.labels["of"] == "quotes";
            let other = if own { "baseline" } else { "quotes" };
            sample.labels.insert("of".into(), other.into());
        }
        samples
    });
    let broken = judged(improvement(0.0), &swapped, &[]);
    assert_eq!(broken.verdict, Verdict::Fail, "{broken:?}");
    assert!(broken.observed.text.starts_with("-25 %"), "{broken:?}");
}

#[test]
fn a_spread_that_was_not_seen_is_no_improvement() {
    let own = || improvement(0.1);
    let without = |gone: &'static str| {
        looks(move |target, at_ns| {
            let mut samples = spreads(target, at_ns);
            samples.retain(|sample| sample.labels["of"] != gone || sample.labels["symbol"] != "B");
            samples
        })
    };
    open(
        &judged(own(), &without("quotes"), &[]),
        "spread{symbol=\"B\"}",
    );
    open(
        &judged(own(), &without("baseline"), &[]),
        "spread{symbol=\"B\"}",
    );
    open(
        &judged(own(), &looks(|_, _| Vec::new()), &[]),
        "never showed",
    );
    let mut holed = looks(spreads);
    holed.retain(|look| look.target != "engine-1" || !(7 * S..11 * S).contains(&look.at_ns));
    open(
        &judged(own(), &holed, &[("engine-1", 8 * S, false)]),
        "there is no value of both",
    );
    open(&judged(own(), &[], &[]), "never looked at");
}

/// Histograms that observe a hundred spreads a second, 20 % better than without.
fn histograms(_target: &str, at_ns: u64) -> Vec<Sample> {
    let all = (at_ns / S) as f64 * 100.0;
    vec![
        sample("own_sum", &[], 50.0 + 0.4 * all),
        sample("own_count", &[], 1.0 + all),
        sample("base_sum", &[], 0.5 * all),
        sample("base_count", &[], all),
    ]
}

#[test]
fn histograms_tell_a_spread_by_all_that_they_observed() {
    let own = |at_least| {
        let over = of("base", &[]);
        rule("own", &[], MetricLimit::Improvement { over, at_least })
    };
    let looks = looks(histograms);
    let kept = judged(own(0.19), &looks, &[]);
    assert_eq!(kept.verdict, Verdict::Pass, "{kept:?}");
    assert_eq!(verdict(own(0.21), &looks), Verdict::Fail);
    let mut replaced = looks.clone();
    for look in replaced.iter_mut().filter(|look| look.at_ns > 9 * S) {
        look.started_s = Some(2_000.0);
    }
    open(&judged(own(0.1), &replaced, &[]), "was replaced");
}

//! A new version beside the present one: whose answers are meant, and what can be shown of them.

use shakedown_record::phase::Phase;
use shakedown_scenarios::plan::RuleKind;
use shakedown_scenarios::plan::gates::{AnsweredBy, CanaryRule, LatencyRatio};

use crate::common::{QUICKSTART, only, set, with};

fn said(rule: &str) -> String {
    only(with(QUICKSTART, &[set("sla.new", rule)])).to_string()
}

#[test]
fn a_rule_names_the_new_version_and_how_much_worse_it_may_be() {
    let rule = "{ canary: { of: { prefix: green- }, against: { names: [engine-1, engine-2] }, \
                latency: { quantile: 99%, ratio-at-most: 1.2 }, errors: { more-at-most: 0.5% }, in: steady } }";
    let plan = with(QUICKSTART, &[set("sla.new", rule)]).unwrap().plan;
    let wanted = CanaryRule {
        of: AnsweredBy::Prefix("green-".into()),
        against: Some(AnsweredBy::Names(vec![
            "engine-1".into(),
            "engine-2".into(),
        ])),
        latency: Some(LatencyRatio {
            quantile: 0.99,
            at_most: 1.2,
        }),
        more_errors: Some(0.005),
        phase: Phase::Steady,
    };
    let found = plan.rules.iter().find(|it| it.id == "new").unwrap();
    assert_eq!(found.kind, RuleKind::Canary(wanted.clone()));
    assert!(wanted.of.has("green-7") && !wanted.of.has("engine-1"));
    assert!(wanted.compares_with("engine-2") && !wanted.compares_with("engine-3"));
    let all = CanaryRule {
        against: None,
        ..wanted
    };
    assert!(all.compares_with("engine-3") && !all.compares_with("green-7"));
}

#[test]
fn what_compares_nothing_or_cannot_be_shown_is_refused() {
    for (rule, words) in [
        (
            "{ canary: { of: { prefix: green- }, in: steady } }",
            "nothing is compared",
        ),
        (
            "{ canary: { of: { names: [] }, errors: { more-at-most: 1% }, in: steady } }",
            "nobody is named",
        ),
        (
            "{ canary: { of: { prefix: g }, errors: { more-at-most: 0% }, in: steady } }",
            "the same cannot be shown",
        ),
        (
            "{ canary: { of: { prefix: g }, latency: { quantile: 99%, ratio-at-most: 0 }, in: steady } }",
            "0 times is not sensible",
        ),
        (
            "{ canary: { of: { prefix: g }, latency: { quantile: 99.9999%, ratio-at-most: 2 }, in: steady } }",
            "too few for a quantile",
        ),
    ] {
        let told = said(rule);
        assert!(told.contains(words), "{rule}: {told}");
    }
}

#[test]
fn answers_must_say_who_gave_them() {
    let rule = "{ canary: { of: { prefix: g }, errors: { more-at-most: 1% }, in: steady } }";
    let told = only(with("postgresql-commit-off", &[set("sla.new", rule)]));
    assert!(told.message.contains("do not say who gave them"), "{told}");
}

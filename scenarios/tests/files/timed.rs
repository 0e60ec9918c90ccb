//! Orders that wait: what a profile says of them, what a scenario plants, and what can be asked of it.

use shakedown_scenarios::SourceFile;
use shakedown_scenarios::plan::{RuleKind, Variable};

use crate::common::{QUICKSTART, compile_both, only, profile_alone, set, shipped, swapped, with};

const SCENARIO: &str = "stops";

#[test]
fn the_shipped_one_plants_both_kinds_beside_the_load() {
    let plan = with(SCENARIO, &[]).unwrap().plan;
    let planted = plan.planted.expect("it plants");
    let (stops, expiring) = (planted.stops.unwrap(), planted.expiring.unwrap());
    assert_eq!(
        (stops.symbol.as_str(), stops.count, stops.spread_ns),
        ("SOLUSD", 30, 0)
    );
    assert_eq!(
        (expiring.symbol.as_str(), expiring.spread_ns),
        ("ETHUSD", 40_000_000_000)
    );
    let timed = plan.system.timed_orders.unwrap();
    let body = timed.stop.unwrap().new.send.body.unwrap();
    assert!(body.variables().any(|it| *it == Variable::Stop));
    let within_ns = 1_000_000_000;
    for kind in [RuleKind::Stops, RuleKind::Expiry { within_ns }] {
        assert!(plan.rules.iter().any(|rule| rule.kind == kind), "{kind:?}");
    }
    assert!(with(QUICKSTART, &[]).unwrap().plan.planted.is_none());
}

#[test]
fn mistakes_in_what_is_planted_are_told() {
    for (key, value, said) in [
        ("planted.stops.symbol", "BTCUSD", "is a symbol of the load"),
        (
            "planted.stops.symbol",
            "DOGEUSD",
            "has no instrument `DOGEUSD`",
        ),
        (
            "planted.stops.symbol",
            "ETHUSD",
            "planted on the same symbol",
        ),
        ("planted.stops.count", "2", "2 orders cannot be planted"),
        (
            "planted.expiring.count",
            "5000",
            "5000 orders cannot be planted",
        ),
        ("sla.expiry.expiry.within", "0s", "nothing takes no time"),
    ] {
        let told = only(with(SCENARIO, &[set(key, value)]));
        assert!(told.message.contains(said), "{key}={value}: {told}");
    }
    let told = only(with(QUICKSTART, &[set("sla.stops", "{ stops: {} }")]));
    assert!(told.message.contains("plants no such orders"), "{told}");
    let told = only(with(
        QUICKSTART,
        &[set("sla.ends", "{ expiry: { within: 1s } }")],
    ));
    assert!(told.message.contains("plants no such orders"), "{told}");
}

#[test]
fn what_the_profile_does_not_describe_cannot_be_planted() {
    let told = only(compile_both(&shipped(SCENARIO), &without_stops(), &[]));
    assert!(
        told.message
            .contains("does not say how such orders are placed"),
        "{told}"
    );
}

/// The shipped profile without stop orders.
fn without_stops() -> SourceFile {
    let mut profile = shipped("reference-timed");
    let (before, rest) = profile.text.split_once("  stop:\n").expect("it has stops");
    let (_, after) = rest.split_once("  expiring:\n").expect("it has ends");
    profile.text = format!("{before}  expiring:\n{after}");
    profile
}

#[test]
fn mistakes_in_the_profile_are_told() {
    let text = shipped("reference-timed").text;
    for (from, to, said) in [
        (
            r#","stop_price":"{{stop}}""#,
            "",
            "does not say its {{stop}}",
        ),
        (
            r#","expires_at":{{expires}}"#,
            "",
            "does not say its {{expires}}",
        ),
        (
            "triggered: [triggered]",
            "triggered: [waiting]",
            "means `waiting` already",
        ),
        ("expired: [expired]", "expired: []", "no state is named"),
        ("{{expires}}", "{{expire}}", "did you mean `{{expires}}`"),
    ] {
        let told = only(profile_alone(&swapped(&text, from, to)));
        assert!(
            told.message.contains(said) || told.hint.as_deref().unwrap_or("").contains(said),
            "{from}: {told}"
        );
    }
}

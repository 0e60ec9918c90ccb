//! Figures of trading systems as rules: every block of docs/business.md compiles, every figure of its tables has its rule, and
//! what of such rules cannot be answered is refused.

use crate::common::{compile_both, file, only, set, shipped, with};
use shakedown_record::run_record::Severity;
use shakedown_scenarios::plan::{LimitEnd, MetricLimit, Plan, RuleKind, VenueCount, VenueRule};
use shakedown_scenarios::{Compiled, Diagnostics};

const MAKER: &str = "market-maker";
const REFERENCE: &str = "reference";
const GUIDE: &str = include_str!("../../../docs/business.md");

/// A scenario long enough for every figure, without rules.
fn scenario(system: &str, target: &str) -> String {
    format!(
        "scenario: figures\nabout: Every figure.\nsystem: {system}\nenvironment: local\nseed: 7\n\
         load: {{ arrival: {{ poisson: {{ rate: 1000/s }} }}, mix: {{ new: 100 }}, symbols: {{ names: [BTCUSD, ETHUSD] }}, \
         sessions: 100, timeout: 1s }}\n\
         phases: {{ warm-up: {{ at-most: 20s }}, steady: 6m, recovery: {{ at-most: 61m }} }}\n\
         faults:\n  dies: {{ do: {{ kill: {{ signal: KILL }} }}, to: {target}, when: {{ after: {{ phase: steady }} }}, for: 8s }}\n"
    )
}

fn compiled(system: &str, rules: &str) -> Result<Compiled, Diagnostics> {
    let mut options = Vec::new();
    let target = match system {
        MAKER => {
            options.push(set("profile.metrics", "{ path: /metrics }"));
            "{ part: maker }"
        }
        _ => "{ name: engine-1 }",
    };
    let text = scenario(system, target) + rules;
    compile_both(&file("s.yaml", &text), &shipped(system), &options)
}

/// The block of the guide that is headed so.
fn block(name: &str) -> &'static str {
    let (_, rest) = GUIDE
        .split_once(&format!("```yaml\n# {name}\n"))
        .expect("the guide has a block for it");
    rest.split_once("```").expect("the block ends").0
}

/// What the guide has on a system before its block.
fn table(name: &str) -> &'static str {
    let (_, rest) = GUIDE
        .split_once(&format!("\n## {name}\n"))
        .expect("the guide has a section on it");
    rest.split_once("```yaml").expect("a block follows").0
}

/// The rules that a row of the table names.
fn named(row: &str) -> Vec<&str> {
    let cell = row.split('|').nth(2).expect("a row has a second cell");
    cell.split('`').skip(1).step_by(2).collect()
}

fn plan_of(name: &str) -> Plan {
    let system = match name {
        "flashmm" | "ai-trading" => MAKER,
        _ => REFERENCE,
    };
    match compiled(system, block(name)) {
        Ok(compiled) => compiled.plan,
        Err(told) => panic!("{name}: {told}"),
    }
}

#[test]
fn every_figure_of_the_guide_is_a_rule_that_compiles() {
    for name in ["hive-mind", "bot3", "hft", "flashmm", "ai-trading"] {
        let plan = plan_of(name);
        let words = shakedown_scenarios::describe(&plan);
        let has = |id: &str| plan.rules.iter().any(|rule| rule.id == id);
        let rows = table(name).lines().filter(|line| line.starts_with("| "));
        let rows: Vec<&str> = rows.skip(1).collect();
        assert!(rows.len() > 5, "{name}: {rows:?}");
        for row in rows {
            let ids = named(row);
            assert!(!ids.is_empty(), "{name}: no rule in {row}");
            for id in ids {
                assert!(has(id), "{name}: the block has no rule {id}");
                assert!(
                    words.contains(&format!("{id}: ")),
                    "{name}: {id} in\n{words}"
                );
            }
        }
    }
    for name in ["reference", "market-maker"] {
        assert!(compiled(name, block("either")).is_ok());
    }
}

#[test]
fn an_alert_has_two_levels_as_two_rules() {
    let plan = plan_of("flashmm");
    let severity = |id: &str| {
        plan.rules
            .iter()
            .find(|rule| rule.id == id)
            .unwrap()
            .severity
    };
    assert_eq!(severity("errors-target"), Severity::Warning);
    assert_eq!(severity("errors"), Severity::Critical);
}

#[test]
fn the_rules_mean_what_they_say() {
    let plan = plan_of("ai-trading");
    let kind = |id: &str| &plan.rules.iter().find(|rule| rule.id == id).unwrap().kind;
    let RuleKind::Venue(VenueRule::Rate {
        of: VenueCount::Fills,
        at_least_per_s,
        ..
    }) = kind("trades")
    else {
        panic!("{:?}", kind("trades"));
    };
    assert!((at_least_per_s - 10_000.0 / 60.0).abs() < 1e-9);
    let RuleKind::Metric(rule) = kind("points") else {
        panic!("{:?}", kind("points"));
    };
    let expected = MetricLimit::Rate {
        end: LimitEnd::AtLeast,
        limit_per_s: 1e6,
    };
    assert_eq!(rule.limit, expected);
    let kept = plan_of("flashmm").series_kept();
    for name in [
        "quotes_filled_total",
        "quotes_total",
        "quoted_spread_sum",
        "baseline_spread",
    ] {
        assert!(kept.contains(name), "{kept:?}");
    }
}

#[test]
fn limits_on_what_is_counted_that_cannot_be_answered() {
    for (rule, path, said) in [
        (
            "metric-rate: { of: c_total, in: steady }",
            "metric-rate",
            "has no limit",
        ),
        (
            "metric-rate: { of: c_total, at-least: 1/s, at-most: 2/s, in: steady }",
            "metric-rate.at-least",
            "has two limits",
        ),
        (
            "metric-rate: { of: c_total, at-least: 0/s, in: steady }",
            "metric-rate.at-least",
            "can never be broken",
        ),
        (
            "metric-rate: { of: 9c, at-least: 1/s, in: steady }",
            "metric-rate.of",
            "no name of a Prometheus series",
        ),
        (
            "metric-ratio: { of: a_total, to: 9b, at-least: 95%, in: steady }",
            "metric-ratio.to",
            "no name of a Prometheus series",
        ),
        (
            "metric-ratio: { of: a_total, to: b_total, to-labels: { le: x }, at-least: 95%, in: steady }",
            "metric-ratio.to-labels.le",
            "no name of a label",
        ),
        (
            "metric-ratio: { of: a_total, to: a_total, at-least: 95%, in: steady }",
            "metric-ratio.to",
            "always 100%",
        ),
        (
            "metric-ratio: { of: a_total, to: b_total, in: steady }",
            "metric-ratio",
            "has no limit",
        ),
        (
            "spread-improvement: { of: s, over: s, at-least: 10%, in: steady }",
            "spread-improvement.over",
            "no better than itself",
        ),
        (
            "spread-improvement: { of: s, over: b, at-least: 100%, in: steady }",
            "spread-improvement.at-least",
            "no spread at all",
        ),
    ] {
        let told = only(with(
            "follower-kill",
            &[set("sla.own", &format!("{{ {rule} }}"))],
        ));
        assert_eq!(
            told.path.as_deref(),
            Some(format!("sla.own.{path}").as_str())
        );
        assert!(
            told.message.contains(said) && told.line.is_some(),
            "{told:?}"
        );
    }
}

#[test]
fn limits_at_the_venue_that_cannot_be_answered() {
    let venue = "venue: { rejects: 10%, fills: { share: 90% } }\n";
    let maker = |rule: &str| compiled(MAKER, &format!("{venue}sla:\n  own: {{ {rule} }}\n"));
    for (rule, said) in [
        (
            "fill-rate: { at-least: 95%, in: steady }",
            "the venue fills 81% of what comes",
        ),
        (
            "fill-rate: { at-least: 0%, in: steady }",
            "can never be broken",
        ),
        (
            "venue-rate: { of: orders, at-least: 0/s, in: steady }",
            "can never be broken",
        ),
        (
            "stale-quotes: { older-than: 0s, at-most: 0, in: steady }",
            "in no time",
        ),
        (
            "stale-quotes: { older-than: 10m, at-most: 0, in: steady }",
            "can hardly break it",
        ),
    ] {
        let told = only(maker(rule));
        assert!(
            told.message.contains(said) && told.line.is_some(),
            "{told:?}"
        );
    }
    assert!(maker("fill-rate: { at-least: 80%, in: steady }").is_ok());
    for rule in [
        "fill-rate: { at-least: 95%, in: steady }",
        "venue-rate: { of: fills, at-least: 1/s, in: steady }",
        "stale-quotes: { older-than: 1s, at-most: 0, in: steady }",
    ] {
        let told = only(compiled(REFERENCE, &format!("sla:\n  own: {{ {rule} }}\n")));
        assert!(told.message.contains("says nothing of a venue"), "{told:?}");
    }
    let told = only(maker(
        "venue-rate: { of: quotes, at-least: 1/s, in: steady }",
    ));
    assert!(told.message.contains("quotes"), "{told:?}");
}

#[test]
fn of_two_rates_the_tighter_one_holds_and_other_sides_are_other_limits() {
    let rate = |limit: &str| format!("{{ metric-rate: {{ of: c_total, {limit}, in: steady }} }}");
    let system = set("profile.sla.rate", &rate("at-least: 100/s"));
    for (own, expected) in [("at-least: 200/s", 200.0), ("at-least: 50/s", 100.0)] {
        let plan = with("quickstart", &[system.clone(), set("sla.rate", &rate(own))]);
        let plan = plan.unwrap().plan;
        let rule = plan.rules.iter().find(|rule| rule.id == "rate").unwrap();
        let RuleKind::Metric(rule) = &rule.kind else {
            panic!("{rule:?}");
        };
        assert!(
            matches!(rule.limit, MetricLimit::Rate { limit_per_s, .. } if limit_per_s == expected)
        );
    }
    let told = only(with(
        "quickstart",
        &[system, set("sla.rate", &rate("at-most: 50/s"))],
    ));
    assert!(told.message.contains("limits something else"), "{told}");
}

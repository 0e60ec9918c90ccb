//! hft: every figure of its documents has a requirement, and its rules have the documents' own limits.

use std::collections::BTreeSet;
use std::path::Path;

use crate::common::{file, with};
use crate::shipped::member;
use shakedown_record::run_record::Severity;
use shakedown_scenarios::library;
use shakedown_scenarios::plan::{LimitEnd, MetricLimit, Rule, RuleKind};
use shakedown_scenarios::suite::{Draft, Member, Suite};

const FOLDER: &str = "hft";

/// The figures of the deployment documents, in their order.
const FIGURES: [&str; 21] = [
    "at least 2 replicas a service",
    "anti-affinity",
    "graceful shutdown",
    "HPA 2 to 10 at 70 % CPU",
    "health, metrics and the order book at :8080",
    "order latency P99 < 10 us (critical), as the engine itself measures it",
    "> 50,000 operations per second (warning below)",
    "a limit of 100,000 orders per second",
    "worker queue of 100,000 orders",
    "error rate < 0.1 %",
    "memory < 85 %",
    "risk utilisation < 90 % (critical)",
    "RTO 5 min",
    "RPO 1 min",
    "backups every 6 h",
    "cross-region replication",
    "order-book corruption",
    "rolling update by image",
    "undo",
    "scale to 5",
    "Redis (cache and sessions)",
];

fn draft() -> Draft {
    let path = Path::new(FOLDER).join("suite.yaml");
    let shipped = library::find(&path.to_string_lossy()).expect("it is shipped");
    let source = file(shipped.path, shipped.text);
    Draft::read(&source).unwrap_or_else(|told| panic!("{told}"))
}

fn members(draft: &Draft) -> Vec<Member> {
    let files = draft.files().iter();
    files
        .map(|name| member(&Path::new(FOLDER).join(name)))
        .collect()
}

fn suite() -> Suite {
    let draft = draft();
    let read = draft.against(&members(&draft));
    read.unwrap_or_else(|told| panic!("{told}"))
}

fn rules(scenario: &str) -> Vec<Rule> {
    let compiled = with(scenario, &[]).unwrap_or_else(|told| panic!("{told}"));
    compiled.plan.rules
}

fn rule(scenario: &str, id: &str) -> Rule {
    let found = rules(scenario).into_iter().find(|rule| rule.id == id);
    found.unwrap_or_else(|| panic!("{scenario} has no {id}"))
}

#[test]
fn every_figure_of_the_documents_is_a_requirement_and_nothing_else_is() {
    let suite = suite();
    let required = suite.requirements.iter().map(|it| it.figure.as_str());
    assert_eq!(required.collect::<Vec<&str>>(), FIGURES);
    let sources = suite.requirements.iter().filter(|it| it.source.is_none());
    assert_eq!(sources.count(), 0);
}

#[test]
fn the_limits_are_those_of_the_documents() {
    let steady = |id: &str| rule("hft-steady", id).kind;
    let RuleKind::EngineLatency {
        quantile,
        at_most_ns,
        ..
    } = steady("p99")
    else {
        panic!("the engine measures its latency itself");
    };
    assert_eq!((quantile, at_most_ns), (0.99, 10_000));
    let RuleKind::Throughput { at_least_per_s, .. } = steady("steady-rate") else {
        panic!("a rate is a throughput");
    };
    assert_eq!(at_least_per_s, 50_000.0);
    let RuleKind::ErrorRate { at_most, .. } = steady("errors") else {
        panic!("errors are a share");
    };
    assert_eq!(at_most, 0.001);
    let value = |id: &str| match steady(id) {
        RuleKind::Metric(rule) => match rule.limit {
            MetricLimit::Value { end, limit, .. } => (end, limit),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(value("memory"), (LimitEnd::AtMost, 0.85));
    assert_eq!(value("risk"), (LimitEnd::AtMost, 0.9));
    assert_eq!(value("queue"), (LimitEnd::AtLeast, 100_000.0));
    let killed = |id: &str| rule("hft-replica-kill", id).kind;
    let minute_ns = 60_000_000_000;
    let failover = RuleKind::Failover {
        at_most_ns: 5 * minute_ns,
    };
    assert_eq!(killed("rto"), failover);
    let rpo = RuleKind::Rpo {
        at_most_ns: minute_ns,
    };
    assert_eq!(killed("rpo"), rpo);
}

#[test]
fn what_the_documents_call_a_warning_only_warns() {
    for (id, severity) in [
        ("steady-rate", Severity::Warning),
        ("p99", Severity::Critical),
        ("risk", Severity::Critical),
        ("errors", Severity::Critical),
    ] {
        assert_eq!(rule("hft-steady", id).severity, severity, "{id}");
    }
}

#[test]
fn every_rule_that_is_written_says_where_its_limit_comes_from() {
    let ours = ["steady-rate"];
    for Member { scenario, .. } in members(&draft()) {
        let unsourced = rules(&scenario)
            .into_iter()
            .filter(|rule| rule.source.is_none());
        let unsourced: BTreeSet<String> = unsourced.map(|rule| rule.id).collect();
        let unexpected: Vec<&String> = unsourced
            .iter()
            .filter(|id| !ours.contains(&id.as_str()))
            .collect();
        assert_eq!(unexpected, Vec::<&String>::new(), "{scenario}");
    }
}

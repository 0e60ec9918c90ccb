//! hive-mind: every figure of its documents has a requirement, and its rules have the documents' own limits.

use std::collections::BTreeSet;
use std::path::Path;

use crate::common::{file, with};
use crate::shipped::member;
use shakedown_record::run_record::Severity;
use shakedown_scenarios::library;
use shakedown_scenarios::plan::{MetricLimit, Rule, RuleKind};
use shakedown_scenarios::suite::{Draft, Member, Suite};

const FOLDER: &str = "hive-mind";

/// The figures of the deployment documents, in their order.
const FIGURES: [&str; 36] = [
    "Kubernetes 1.28+ HA",
    "under 1 ms between nodes",
    "NVMe with 3000+ IOPS",
    "health at :8091, metrics at :9090",
    "P99 trading latency <= 1 ms (critical above)",
    "P95 trading latency <= 500 us (warning above)",
    "P50, P95, P99, P99.9 are watched",
    "a latency test at a target of 100 us",
    "a latency validation with a P99 threshold of 1 ms",
    "operations per second and trades per second",
    "a performance run of 300 s at concurrency 1000",
    "availability 99.99 % (critical below)",
    "failed trades",
    "error rate <= 1 % (warning above)",
    "more than 5 consensus failures in 5 minutes is critical",
    "\"data inconsistency detected\" is critical",
    "CPU <= 80 % for 5 min",
    "memory <= 85 %",
    "disk free >= 15 %",
    "RTO < 1 min",
    "RPO < 10 s",
    "tolerance for lost trading data: zero",
    "blue-green deploy and traffic switch by patching the service selector",
    "rollout undo",
    "backup, restore",
    "backups every 6 h",
    "emergency failover to a second region's cluster and its verification",
    "emergency scale-down to 1 replica",
    "node connectivity",
    "leader elections",
    "network isolation between pods must hold",
    "pod security restricted",
    "failed logins",
    "rate-limit violations",
    "MiFID II (audit trail)",
    "SOX (change evidence)",
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
    let required: Vec<&str> = suite
        .requirements
        .iter()
        .map(|it| it.figure.as_str())
        .collect();
    assert_eq!(required, FIGURES);
    let sources = suite.requirements.iter().filter(|it| it.source.is_none());
    assert_eq!(sources.count(), 0);
}

#[test]
fn the_limits_are_those_of_the_documents() {
    let metric = |id: &str| match rule("hive-mind-steady", id).kind {
        RuleKind::Metric(rule) => (rule.of.name, rule.limit),
        other => panic!("{other:?}"),
    };
    let latency = |quantile, at_most| {
        let of = "trading_latency_seconds".to_string();
        (of, MetricLimit::Quantile { quantile, at_most })
    };
    assert_eq!(metric("p99"), latency(0.99, 0.001));
    assert_eq!(metric("p95"), latency(0.95, 0.0005));
    assert_eq!(metric("p50"), latency(0.5, 0.0001));
    let five_minutes_ns = 300_000_000_000;
    let grows = |at_most| MetricLimit::Increase {
        at_most,
        over_ns: five_minutes_ns,
    };
    assert_eq!(metric("consensus").1, grows(5.0));
    assert_eq!(metric("consistent").1, grows(0.0));
    let kind = |id: &str| rule("hive-mind-leader-kill", id).kind;
    assert_eq!(
        kind("rto"),
        RuleKind::Failover {
            at_most_ns: 60_000_000_000
        }
    );
    assert_eq!(
        kind("rpo"),
        RuleKind::Rpo {
            at_most_ns: 10_000_000_000
        }
    );
    let RuleKind::Resource(cpu) = rule("hive-mind-performance", "cpu").kind else {
        panic!("cpu is a resource");
    };
    assert_eq!((cpu.at_most, cpu.for_ns), (0.8, five_minutes_ns));
}

#[test]
fn what_the_documents_call_a_warning_only_warns() {
    for (id, severity) in [
        ("p99", Severity::Critical),
        ("p95", Severity::Warning),
        ("errors", Severity::Warning),
        ("consensus", Severity::Critical),
        ("consistent", Severity::Critical),
        ("available", Severity::Critical),
    ] {
        assert_eq!(rule("hive-mind-steady", id).severity, severity, "{id}");
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

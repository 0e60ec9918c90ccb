//! One rule becomes one check: a finding, weighed with the evidence it needs.

use shakedown_record::run_record::Check;
use shakedown_record::{Phase, Verdict};
use shakedown_scenarios::plan::{DataClass, Plan, Rule, RuleKind};

use super::finding::{Finding, Holds};
use super::{
    alert, availability, books, canary, control, data, failover, feed, gauge, isolation, latency,
    metric, peak, points, rates, restore, timed, venue,
};
use crate::evidence::Evidence;
use crate::input::Input;
use crate::measured::Measured;

/// Holds one rule against the measurements.
pub(crate) fn check(
    rule: &Rule,
    input: &Input,
    plan: &Plan,
    measured: &Measured,
    evidence: &Evidence,
) -> Check {
    let finding = finding(rule, input, plan, measured);
    let missing = evidence.missing(&rule.kind);
    let (verdict, why) = match (&finding.holds, missing.as_slice()) {
        // Changed evidence proves nothing, not even what is wrong.
        (_, missing) if !measured.seal.broken.is_empty() => {
            (Verdict::Inconclusive, missing.join("; "))
        }
        (Holds::NoWithProof, _) => (Verdict::Fail, finding.why.clone()),
        (_, [_, ..]) => (Verdict::Inconclusive, missing.join("; ")),
        (Holds::Unknown(why), []) => (Verdict::Inconclusive, why.clone()),
        (Holds::Yes, []) => (Verdict::Pass, finding.why.clone()),
        (Holds::No, []) => (Verdict::Fail, finding.why.clone()),
    };
    Check {
        id: rule.id.clone(),
        phase: phase(&rule.kind),
        kind: kind_name(&rule.kind).to_string(),
        limit: finding.limit,
        observed: finding.observed,
        verdict,
        severity: rule.severity,
        why,
        source: rule.source.clone(),
    }
}

fn finding(rule: &Rule, input: &Input, plan: &Plan, measured: &Measured) -> Finding {
    let id = &rule.id;
    match rule.kind {
        RuleKind::Latency {
            quantile,
            at_most_ns,
            phase,
        } => latency::at_client(measured, quantile, at_most_ns, phase),
        RuleKind::EngineLatency {
            quantile,
            at_most_ns,
            phase,
        } => latency::at_engine(input, plan, measured, quantile, at_most_ns, phase),
        RuleKind::Throughput {
            at_least_per_s,
            phase,
        } => rates::throughput(measured, at_least_per_s, phase),
        RuleKind::ErrorRate { at_most, phase } => rates::errors(measured, at_most, phase),
        RuleKind::RejectRate { at_most, phase } => rates::rejects(measured, at_most, phase),
        RuleKind::Failover { at_most_ns } => failover::failover(measured, at_most_ns),
        RuleKind::Availability {
            at_least,
            projected: false,
            ..
        } => availability::seen(measured, at_least),
        RuleKind::Availability {
            at_least,
            projected: true,
            failures_per_30d,
        } => availability::projected(measured, at_least, failures_per_30d),
        RuleKind::Orders { class, at_most } => data::orders(measured, class, at_most),
        RuleKind::CancelOnDisconnect => books::disconnects(measured),
        RuleKind::Exposure => books::exposure(measured),
        RuleKind::KillSwitch => control::kill_switch(measured),
        RuleKind::Terms => control::terms(measured),
        RuleKind::Linearizable => books::history(measured),
        RuleKind::Invariants => books::invariants(measured),
        RuleKind::Stops => timed::timed(measured.stops.as_ref(), timed::STOPS),
        RuleKind::Expiry { .. } => timed::timed(measured.expiry.as_ref(), timed::EXPIRY),
        RuleKind::DropCopy => books::drop_copy(measured),
        RuleKind::Rpo { at_most_ns } => data::rpo(measured, at_most_ns),
        RuleKind::RestoreRpo { at_most_ns } => restore::rpo(measured, at_most_ns),
        RuleKind::Canary(ref rule) => canary::canary(measured, rule),
        RuleKind::Metric(ref rule) => metric::metric(plan, measured, rule),
        RuleKind::Resource(ref rule) => gauge::resource(plan, measured, rule),
        RuleKind::Alert(ref rule) => alert::alert(input, plan, measured, rule),
        RuleKind::Isolation(ref rule) => isolation::isolation(measured, id, rule),
        RuleKind::Peak {
            flow,
            at_least_per_s,
        } => peak::peak(input, measured, flow, at_least_per_s),
        RuleKind::Feed(ref rule) => feed::feed(measured, rule),
        RuleKind::Points(ref rule) => points::points(measured, rule),
        RuleKind::Venue(ref rule) => venue::venue(measured, rule),
    }
}

fn phase(kind: &RuleKind) -> Phase {
    match kind {
        RuleKind::Latency { phase, .. }
        | RuleKind::EngineLatency { phase, .. }
        | RuleKind::Throughput { phase, .. }
        | RuleKind::ErrorRate { phase, .. }
        | RuleKind::RejectRate { phase, .. } => *phase,
        RuleKind::Metric(rule) => rule.phase,
        RuleKind::Resource(rule) => rule.phase,
        RuleKind::Canary(rule) => rule.phase,
        RuleKind::Peak { flow, .. } => peak::phase(*flow),
        RuleKind::Feed(rule) => rule.phase().unwrap_or(Phase::Run),
        RuleKind::Points(rule) => rule.phase().unwrap_or(Phase::Run),
        RuleKind::Venue(rule) => rule.phase().unwrap_or(Phase::Run),
        RuleKind::Failover { .. }
        | RuleKind::Availability { .. }
        | RuleKind::Orders { .. }
        | RuleKind::CancelOnDisconnect
        | RuleKind::Exposure
        | RuleKind::KillSwitch
        | RuleKind::Terms
        | RuleKind::Linearizable
        | RuleKind::Invariants
        | RuleKind::Stops
        | RuleKind::Expiry { .. }
        | RuleKind::DropCopy
        | RuleKind::Rpo { .. }
        | RuleKind::RestoreRpo { .. }
        | RuleKind::Alert(_)
        | RuleKind::Isolation(_) => Phase::Run,
    }
}

/// The rule's kind as it is written in a scenario.
pub(crate) fn kind_name(kind: &RuleKind) -> &'static str {
    match kind {
        RuleKind::Latency { .. } => "latency",
        RuleKind::EngineLatency { .. } => "engine-latency",
        RuleKind::Throughput { .. } => "throughput",
        RuleKind::Failover { .. } => "failover",
        RuleKind::Availability { .. } => "availability",
        RuleKind::ErrorRate { .. } => "error-rate",
        RuleKind::RejectRate { .. } => "reject-rate",
        RuleKind::CancelOnDisconnect => "cancel-on-disconnect",
        RuleKind::Exposure => "exposure",
        RuleKind::KillSwitch => "kill-switch",
        RuleKind::Terms => "terms",
        RuleKind::Linearizable => "linearizable",
        RuleKind::Invariants => "invariants",
        RuleKind::Stops => "stops",
        RuleKind::Expiry { .. } => "expiry",
        RuleKind::DropCopy => "drop-copy",
        RuleKind::Rpo { .. } => "rpo",
        RuleKind::RestoreRpo { .. } => "restore-rpo",
        RuleKind::Canary(_) => "canary",
        RuleKind::Metric(rule) => rule.limit.name(),
        RuleKind::Resource(_) => "resource",
        RuleKind::Alert(_) => "alert",
        RuleKind::Isolation(_) => "isolation",
        RuleKind::Peak { .. } => "peak",
        RuleKind::Feed(rule) => rule.name(),
        RuleKind::Points(rule) => rule.name(),
        RuleKind::Venue(rule) => rule.name(),
        RuleKind::Orders { class, .. } => match class {
            DataClass::Lost => "lost-orders",
            DataClass::Divergent => "divergent-orders",
            DataClass::Phantom => "phantom-orders",
            DataClass::Resurrected => "resurrected-orders",
            DataClass::Duplicate => "duplicate-orders",
            DataClass::Corrupt => "corrupt-orders",
            DataClass::Reordered => "reordered-orders",
            DataClass::Unresolved => "unresolved-orders",
            DataClass::Stale => "stale-orders",
        },
    }
}

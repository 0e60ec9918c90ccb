//! SLA rules: the system's own, the scenario's, and the implied ones.

use shakedown_record::phase::Phase;
use shakedown_record::run_record::Severity;

use crate::diagnostics::listed;
use crate::plan::{DataClass, Mix, Rule, RuleKind, System};
use crate::spec::Entries;
use crate::spec::scalar::Id;
use crate::spec::sla::{AvailabilityLimit, CountLimit, RuleSpec, Span};

use super::alerts::alert_kind;
use super::checkable::checkable;
use super::gates::gate_rules;
use super::isolation::isolation_kind;
use super::limits::tighter;
use super::market_data::{feed_rules, points_rules};
use super::metrics::{metric_kinds, resource_kind};
use super::sheet::{At, Sheet};
use super::venue::venue_rules;

/// Names of the kinds, in the order of the documentation.
const KINDS: [&str; 54] = [
    "latency",
    "engine-latency",
    "throughput",
    "failover",
    "availability",
    "error-rate",
    "reject-rate",
    "lost-orders",
    "divergent-orders",
    "phantom-orders",
    "resurrected-orders",
    "duplicate-orders",
    "corrupt-orders",
    "reordered-orders",
    "unresolved-orders",
    "cancel-on-disconnect",
    "exposure",
    "kill-switch",
    "terms",
    "linearizable",
    "invariants",
    "stops",
    "expiry",
    "drop-copy",
    "stale-orders",
    "rpo",
    "restore-rpo",
    "metric-quantile",
    "metric-value",
    "metric-increase",
    "metric-rate",
    "metric-ratio",
    "spread-improvement",
    "resource",
    "alert",
    "isolation",
    "canary",
    "response",
    "missing-trades",
    "phantom-trades",
    "duplicate-trades",
    "wrong-trades",
    "fill-rate",
    "venue-rate",
    "stale-quotes",
    "points-rate",
    "lost-points",
    "feed-gaps",
    "feed-duplicates",
    "feed-untold",
    "feed-phantom",
    "feed-book",
    "freshness",
    "feed-skew",
];

/// A rule with the place where it was written.
#[derive(Debug, Clone)]
pub(super) struct Written<'s> {
    pub(super) rule: Rule,
    pub(super) sheet: &'s Sheet<'s>,
    /// The entry under `sla`.
    pub(super) at: At,
    /// Written by the scenario, not by the profile.
    pub(super) by_scenario: bool,
}

impl Written<'_> {
    /// Where the rule's kind stands.
    pub(super) fn kind_at(&self) -> At {
        self.at.to(kind_name(&self.rule.kind))
    }
}

/// The rules of one file.
pub(super) fn written<'s>(
    specs: &Entries<Id, RuleSpec>,
    sheet: &'s Sheet<'s>,
    by_scenario: bool,
) -> Vec<Written<'s>> {
    specs
        .iter()
        .filter_map(|(id, spec)| {
            let at = At::of(&["sla", &id.0]);
            let kind = kind(&at, spec, sheet)?;
            Some(Written {
                rule: Rule {
                    id: id.0.clone(),
                    kind,
                    severity: spec.severity.unwrap_or(Severity::Critical),
                    source: spec.source.clone(),
                },
                sheet,
                at,
                by_scenario,
            })
        })
        .collect()
}

/// Every kind of limit that a rule sets, in the order of the grammar.
fn kinds_set(at: &At, spec: &RuleSpec, sheet: &Sheet) -> Vec<RuleKind> {
    let mut kinds: Vec<RuleKind> = Vec::new();
    let latency = spec.latency.as_ref().map(|limit| RuleKind::Latency {
        quantile: limit.quantile.fraction,
        at_most_ns: limit.at_most.ns,
        phase: limit.phase,
    });
    let engine = spec.engine_latency.as_ref();
    let engine_latency = engine.map(|limit| RuleKind::EngineLatency {
        quantile: limit.quantile.fraction,
        at_most_ns: limit.at_most.ns,
        phase: limit.phase,
    });
    let throughput = spec.throughput.as_ref().map(|limit| RuleKind::Throughput {
        at_least_per_s: limit.at_least.per_s,
        phase: limit.phase,
    });
    let failover = spec.failover.as_ref().map(|limit| RuleKind::Failover {
        at_most_ns: limit.at_most.ns,
    });
    let availability = spec.availability.as_ref();
    let availability = availability.map(|limit| available(&at.to("availability"), limit, sheet));
    let error_rate = spec.error_rate.as_ref().map(|limit| RuleKind::ErrorRate {
        at_most: limit.at_most.fraction,
        phase: limit.phase,
    });
    let reject_rate = spec.reject_rate.as_ref().map(|limit| RuleKind::RejectRate {
        at_most: limit.at_most.fraction,
        phase: limit.phase,
    });
    let rpo = spec.rpo.as_ref().map(|limit| RuleKind::Rpo {
        at_most_ns: limit.at_most.ns,
    });
    kinds.extend(
        [latency, engine_latency, throughput, failover, availability]
            .into_iter()
            .flatten(),
    );
    kinds.extend([error_rate, reject_rate, rpo].into_iter().flatten());
    kinds.extend(DataClass::ALL.into_iter().filter_map(|class| {
        count_limit(spec, class).map(|limit| RuleKind::Orders {
            class,
            at_most: limit.at_most,
        })
    }));
    let disconnects = spec.cancel_on_disconnect.as_ref();
    kinds.extend(disconnects.map(|_| RuleKind::CancelOnDisconnect));
    kinds.extend(spec.exposure.as_ref().map(|_| RuleKind::Exposure));
    kinds.extend(spec.kill_switch.as_ref().map(|_| RuleKind::KillSwitch));
    kinds.extend(spec.terms.as_ref().map(|_| RuleKind::Terms));
    let linearizable = spec.linearizable.as_ref().map(|_| RuleKind::Linearizable);
    let invariants = spec.invariants.as_ref().map(|_| RuleKind::Invariants);
    kinds.extend(spec.stops.as_ref().map(|_| RuleKind::Stops));
    kinds.extend(spec.expiry.as_ref().map(|limit| RuleKind::Expiry {
        within_ns: limit.within.ns,
    }));
    let drop_copy = spec.drop_copy.as_ref().map(|_| RuleKind::DropCopy);
    kinds.extend([linearizable, invariants, drop_copy].into_iter().flatten());
    kinds.extend(metric_kinds(at, spec, sheet));
    kinds.extend(spec.resource.as_ref().map(resource_kind));
    kinds.extend(spec.alert.as_ref().map(alert_kind));
    let isolation = spec.isolation.as_ref();
    kinds.extend(isolation.map(|limit| isolation_kind(at, limit, sheet)));
    kinds.extend(gate_rules(at, spec, sheet));
    kinds.extend(venue_rules(spec));
    kinds.extend(points_rules(spec));
    kinds.extend(feed_rules(spec));
    kinds
}

/// The one kind of limit that a rule sets.
fn kind(at: &At, spec: &RuleSpec, sheet: &Sheet) -> Option<RuleKind> {
    match kinds_set(at, spec, sheet).as_slice() {
        [only] => Some(only.clone()),
        [] => {
            sheet.refuse_entry(
                at,
                "this rule limits nothing",
                format!("write one of {}", listed(KINDS)),
            );
            None
        }
        several => {
            let names: Vec<&str> = several.iter().map(kind_name).collect();
            sheet.refuse_entry(
                at,
                format!(
                    "this rule limits {} things at once: {}",
                    several.len(),
                    names.join(", ")
                ),
                "give each its own rule, with its own id",
            );
            None
        }
    }
}

fn count_limit(spec: &RuleSpec, class: DataClass) -> Option<&CountLimit> {
    match class {
        DataClass::Lost => spec.lost_orders.as_ref(),
        DataClass::Divergent => spec.divergent_orders.as_ref(),
        DataClass::Phantom => spec.phantom_orders.as_ref(),
        DataClass::Resurrected => spec.resurrected_orders.as_ref(),
        DataClass::Duplicate => spec.duplicate_orders.as_ref(),
        DataClass::Corrupt => spec.corrupt_orders.as_ref(),
        DataClass::Reordered => spec.reordered_orders.as_ref(),
        DataClass::Unresolved => spec.unresolved_orders.as_ref(),
        DataClass::Stale => spec.stale_orders.as_ref(),
    }
}

fn available(at: &At, limit: &AvailabilityLimit, sheet: &Sheet) -> RuleKind {
    let failures = limit.failures_per_30d;
    match (limit.over, failures) {
        (Span::Projected, None) => sheet.refuse_entry(
            at,
            "`failures-per-30d` is missing: nothing says how often it fails",
            "such as failures-per-30d: 4",
        ),
        (Span::Projected, Some(count)) if !(count > 0.0 && count <= 100_000.0) => sheet
            .refuse_with(
                &at.to("failures-per-30d"),
                format!("{count} failures in 30 days are not sensible"),
                "above 0, at most 100000",
            ),
        (Span::Run, Some(_)) => sheet.refuse_with(
            &at.to("failures-per-30d"),
            "over a run, failures are measured, not assumed",
            "take it out, or write over: projected",
        ),
        (Span::Projected, Some(_)) | (Span::Run, None) => {}
    }
    RuleKind::Availability {
        at_least: limit.at_least.fraction,
        projected: limit.over == Span::Projected,
        failures_per_30d: failures.unwrap_or(0.0),
    }
}

/// The field under which a kind is written.
pub(super) fn kind_name(kind: &RuleKind) -> &'static str {
    match kind {
        RuleKind::Latency { .. } => "latency",
        RuleKind::EngineLatency { .. } => "engine-latency",
        RuleKind::Throughput { .. } => "throughput",
        RuleKind::Failover { .. } => "failover",
        RuleKind::Availability { .. } => "availability",
        RuleKind::ErrorRate { .. } => "error-rate",
        RuleKind::RejectRate { .. } => "reject-rate",
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
        RuleKind::Metric(rule) => rule.limit.name(),
        RuleKind::Resource(_) => "resource",
        RuleKind::Alert(_) => "alert",
        RuleKind::Isolation(_) => "isolation",
        RuleKind::Canary(_) => "canary",
        RuleKind::Peak { .. } => "peak",
        RuleKind::Feed(rule) => rule.name(),
        RuleKind::Points(rule) => rule.name(),
        RuleKind::Venue(rule) => rule.name(),
    }
}

/// The phase to which a kind is bound, if it is.
pub(super) fn phase_of(kind: &RuleKind) -> Option<Phase> {
    match kind {
        RuleKind::Latency { phase, .. }
        | RuleKind::EngineLatency { phase, .. }
        | RuleKind::Throughput { phase, .. }
        | RuleKind::ErrorRate { phase, .. }
        | RuleKind::RejectRate { phase, .. } => Some(*phase),
        RuleKind::Metric(rule) => Some(rule.phase),
        RuleKind::Resource(rule) => Some(rule.phase),
        RuleKind::Canary(rule) => Some(rule.phase),
        RuleKind::Feed(rule) => rule.phase(),
        RuleKind::Points(rule) => rule.phase(),
        RuleKind::Venue(rule) => rule.phase(),
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
        | RuleKind::Isolation(_)
        | RuleKind::Peak { .. } => None,
    }
}

/// The system's rules and the scenario's in one list: with the same id, the tighter one holds.
pub(super) fn merged<'s>(
    system: Vec<Written<'s>>,
    scenario: Vec<Written<'s>>,
    notes: &mut Vec<String>,
) -> Vec<Written<'s>> {
    let mut all = system;
    for own in scenario {
        let Some(known) = all.iter_mut().find(|known| known.rule.id == own.rule.id) else {
            all.push(own);
            continue;
        };
        match tighter(&own.rule.kind, &known.rule.kind) {
            None => own.sheet.refuse_entry(
                &own.at,
                format!(
                    "the system has a rule `{}` of its own, which limits something else ({})",
                    own.rule.id,
                    kind_name(&known.rule.kind)
                ),
                "choose another id",
            ),
            Some(true) => *known = own,
            Some(false) => notes.push(format!(
                "{}: the system's own limit is as tight or tighter, and holds",
                own.rule.id
            )),
        }
    }
    all
}

/// A rule `at most 0` for every class that can be checked and that nobody limits. Where nothing is cancelled, nothing can
/// come to life again.
pub(super) fn implied(written: &[Written], system: &System, mix: Mix) -> Vec<Rule> {
    let occurs = |class: DataClass| class != DataClass::Resurrected || mix.cancel > 0;
    let limited = |class: DataClass| {
        written
            .iter()
            .any(|known| matches!(known.rule.kind, RuleKind::Orders { class: c, .. } if c == class))
    };
    checkable(system)
        .into_iter()
        .filter(|(class, provable)| {
            class.is_implied() && provable.is_ok() && occurs(*class) && !limited(*class)
        })
        .map(|(class, _)| Rule {
            id: class.name().to_string(),
            kind: RuleKind::Orders { class, at_most: 0 },
            severity: Severity::Critical,
            source: Some("implied".to_string()),
        })
        .collect()
}

/// Ids of implied rules may not be used for anything else.
pub(super) fn refuse_taken_ids(written: &[Written], implied: &[Rule]) {
    for rule in implied {
        if let Some(taken) = written.iter().find(|known| known.rule.id == rule.id) {
            taken.sheet.refuse_entry(
                &taken.at,
                format!(
                    "the id `{}` belongs to the implied rule that no order may be {}",
                    rule.id, rule.id
                ),
                "choose another id, or write that rule yourself under another id too",
            );
        }
    }
}

//! Limits that this scenario cannot answer are refused before anything runs: a check that could never fail, or
//! never pass, would only look like evidence.

mod certain;
mod contradictions;
mod lacking;
mod unprovable;

use shakedown_record::phase::Phase;

use crate::plan::gates::CanaryRule;
use crate::plan::{
    DataClass, EnvironmentPlan, FaultPlan, FeedCount, FeedRule, LoadPlan, Phases, PointsLoad,
    RuleKind, System, VenuePlan,
};
use crate::spec::scenario::{PlantedSpec, ScenarioSpec};

use super::alerts::alert_refusal;
use super::checkable::{
    bound, copied, history_by, limited, readable_books, rebuildable, terms_told,
};
use super::gates::canary_refusal;
use super::human::{number_text, rate_text, share_text, time_text};
use super::isolation::isolation_refusal;
use super::market_data::{feed_refusal, points_refusal};
use super::metrics::{metric_refusal, resource_refusal};
use super::phases::{GOOD_FOR_NS, certain_ns};
use super::rules::{Written, phase_of};
use super::timed::{expiry_refusal, stops_refusal};
use super::venue::venue_refusal;
use certain::{certain_messages, lowest_per_s, silent_phase};
use contradictions::contradictions;
use lacking::lacking;
use unprovable::{books_refusal, class_refusal, kill_refusal, restore_refusal};

/// Samples that must lie beyond a quantile for it to mean anything.
const SAMPLES_BEYOND: f64 = 10.0;

/// What limits are held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) system: &'a System,
    /// `None` where it could not be read.
    pub(super) environment: Option<&'a EnvironmentPlan>,
    pub(super) load: &'a LoadPlan,
    /// Market data that is published beside the orders.
    pub(super) points: Option<PointsLoad>,
    /// How the venue behaves, where there is one.
    pub(super) venue: Option<VenuePlan>,
    /// Orders that wait, beside the load.
    pub(super) planted: Option<&'a PlantedSpec>,
    pub(super) phases: &'a Phases,
    pub(super) faults: &'a [FaultPlan],
    /// Faults are written, also when they could not be read.
    pub(super) has_faults: bool,
    pub(super) scenario: &'a ScenarioSpec,
}

/// Why a limit cannot be answered: the field, what is wrong, what to do.
pub(super) type Refusal = (&'static str, String, String);

/// What a limit of this kind is held against, in either file: what could not be read there is no reason to refuse.
fn grounds(kind: &RuleKind) -> &'static [&'static [&'static str]] {
    match (kind, phase_of(kind)) {
        (RuleKind::Failover { .. }, _) => &[&["load", "arrival"], &["phases", "recovery"]],
        (RuleKind::Peak { .. }, _) => &[],
        (RuleKind::Stops | RuleKind::Expiry { .. }, _) => &[&["planted"]],
        (
            RuleKind::Orders { .. }
            | RuleKind::Rpo { .. }
            | RuleKind::RestoreRpo { .. }
            | RuleKind::CancelOnDisconnect
            | RuleKind::Exposure
            | RuleKind::KillSwitch
            | RuleKind::Terms
            | RuleKind::Linearizable
            | RuleKind::Invariants
            | RuleKind::DropCopy,
            _,
        ) => &[
            &["read-back"],
            &["data"],
            &["parts"],
            &["orders"],
            &["gateway"],
            &["cancel-on-disconnect"],
            &["risk-limits"],
        ],
        (RuleKind::EngineLatency { .. } | RuleKind::Metric(_) | RuleKind::Resource(_), _) => {
            &[&["metrics"], &["load", "arrival"], &["phases"], &["faults"]]
        }
        (RuleKind::Alert(_), _) => &[&["alerts"], &["faults"]],
        (RuleKind::Isolation(_), _) => &[&["environments"], &["parts"]],
        (RuleKind::Feed(_), _) => &[
            &["market-data"],
            &["load", "arrival"],
            &["phases"],
            &["read-back"],
            &["data"],
            &["parts"],
        ],
        (RuleKind::Points(_) | RuleKind::Venue(_), _) => {
            &[&["market-data"], &["load", "arrival"], &["phases"]]
        }
        (_, Some(Phase::Steady)) => &[
            &["load", "arrival"],
            &["load", "mix"],
            &["phases", "steady"],
        ],
        (_, Some(Phase::WarmUp)) => &[&["load", "arrival"], &["load", "mix"]],
        (_, Some(Phase::Impact | Phase::Recovery | Phase::Run) | None) => &[
            &["load", "arrival"],
            &["load", "mix"],
            &["phases"],
            &["faults"],
        ],
    }
}

fn is_judged(written: &Written) -> bool {
    !grounds(&written.rule.kind)
        .iter()
        .any(|ground| written.sheet.lacks(ground))
}

/// Refuses what cannot be answered, and returns the rules that stay. A system's own rule about faults does not
/// apply to a scenario without any: it is left out, with a note.
pub(super) fn answerable<'s>(
    rules: Vec<Written<'s>>,
    facts: Facts,
    notes: &mut Vec<String>,
) -> Vec<Written<'s>> {
    let mut kept = Vec::new();
    for written in rules {
        if let Some(lacking) = lacking(&written.rule.kind, facts) {
            if written.sheet.lacks(&["faults"]) {
                kept.push(written);
                continue;
            }
            if written.by_scenario {
                written.sheet.refuse_entry(
                    &written.kind_at(),
                    lacking.message(&written.rule.kind),
                    lacking.hint(),
                );
            } else {
                notes.push(format!(
                    "{}: the system's own rule is not checked here, for {}",
                    written.rule.id,
                    lacking.words()
                ));
                continue;
            }
        } else if is_judged(&written)
            && let Some((field, message, hint)) = refusal(&written.rule.kind, facts)
        {
            let at = match field {
                "" => written.kind_at(),
                field => written.kind_at().to(field),
            };
            written.sheet.refuse_with(&at, message, hint);
        }
        kept.push(written);
    }
    contradictions(&kept);
    kept
}

fn refusal(kind: &RuleKind, facts: Facts) -> Option<Refusal> {
    restore_refusal(kind, facts.faults).or_else(|| own_refusal(kind, facts))
}

fn own_refusal(kind: &RuleKind, facts: Facts) -> Option<Refusal> {
    match kind {
        RuleKind::Latency {
            quantile,
            at_most_ns,
            phase,
        } => quantile_refusal(*quantile, *phase, facts)
            .or_else(|| timeout_refusal(*at_most_ns, facts)),
        RuleKind::EngineLatency {
            quantile, phase, ..
        } => engine_refusal(facts).or_else(|| quantile_refusal(*quantile, *phase, facts)),
        RuleKind::Throughput {
            at_least_per_s,
            phase,
        } => empty_phase(*phase, facts).or_else(|| throughput_refusal(*at_least_per_s, facts)),
        RuleKind::Failover { at_most_ns } => failover_refusal(*at_most_ns, facts),
        RuleKind::Availability {
            at_least,
            projected: false,
            ..
        } => share_refusal("at-least", 1.0 - at_least, Phase::Run, facts),
        RuleKind::Availability {
            projected: true, ..
        } => None,
        RuleKind::ErrorRate { at_most, phase } | RuleKind::RejectRate { at_most, phase } => {
            share_refusal("at-most", *at_most, *phase, facts)
        }
        RuleKind::Orders { class, .. } => class_refusal(*class, facts.system),
        RuleKind::CancelOnDisconnect => books_refusal(bound(facts.system), facts.system),
        RuleKind::Exposure => books_refusal(limited(facts.system), facts.system),
        RuleKind::Terms => books_refusal(terms_told(facts.system), facts.system),
        RuleKind::Linearizable => kill_refusal(facts.faults)
            .or_else(|| books_refusal(history_by(facts.system).map(|_| ()), facts.system)),
        RuleKind::Invariants | RuleKind::KillSwitch => {
            books_refusal(readable_books(facts.system), facts.system)
        }
        RuleKind::Stops => stops_refusal(facts),
        RuleKind::Expiry { within_ns } => expiry_refusal(*within_ns, facts),
        RuleKind::DropCopy => books_refusal(copied(facts.system), facts.system),
        RuleKind::Rpo { .. } | RuleKind::RestoreRpo { .. } => {
            class_refusal(DataClass::Lost, facts.system)
        }
        RuleKind::Metric(rule) => metric_refusal(rule, facts),
        RuleKind::Resource(rule) => resource_refusal(rule, facts),
        RuleKind::Alert(rule) => alert_refusal(rule, facts),
        RuleKind::Isolation(rule) => isolation_refusal(rule, facts),
        RuleKind::Canary(rule) => incomparable(rule, facts),
        // Nobody writes one: what it needs is looked at where the peak is written.
        RuleKind::Peak { .. } => None,
        RuleKind::Venue(rule) => venue_refusal(rule, facts),
        RuleKind::Points(rule) => points_refusal(rule, facts).or_else(|| {
            let phase = rule.phase()?;
            empty_phase(phase, facts)
        }),
        RuleKind::Feed(rule) => feed_refusal(rule, facts).or_else(|| match *rule {
            FeedRule::Count {
                what: FeedCount::Phantom,
                ..
            } => class_refusal(DataClass::Lost, facts.system),
            FeedRule::Count { .. } => None,
            FeedRule::Book => books_refusal(rebuildable(facts.system), facts.system),
            FeedRule::Time {
                quantile, phase, ..
            } => quantile_refusal(quantile, phase, facts),
        }),
    }
}

pub(super) fn empty_phase(phase: Phase, facts: Facts) -> Option<Refusal> {
    if certain_ns(phase, facts.phases, facts.faults) > 0 {
        return None;
    }
    let hint = match phase {
        Phase::Steady => "give it a length: phases: { steady: 10s }",
        Phase::Impact => "nothing is certain to last here; measure it in: run",
        Phase::WarmUp | Phase::Recovery | Phase::Run => "measure it in another phase",
    };
    Some((
        "in",
        format!(
            "the phase `{}` has no certain length in this scenario",
            phase.name()
        ),
        hint.to_string(),
    ))
}

pub(super) fn quantile_refusal(quantile: f64, phase: Phase, facts: Facts) -> Option<Refusal> {
    if quantile <= 0.0 || quantile >= 1.0 {
        return Some((
            "quantile",
            format!(
                "{} is no quantile that can be measured",
                share_text(quantile)
            ),
            "between 0% and 100%, such as 99%".to_string(),
        ));
    }
    if let Some(refusal) = empty_phase(phase, facts) {
        return Some(refusal);
    }
    if let Some(refusal) = silent_phase("quantile", phase, facts) {
        return Some(refusal);
    }
    let messages = certain_messages(phase, facts);
    let beyond = messages * (1.0 - quantile);
    if beyond + 1e-6 >= SAMPLES_BEYOND {
        return None;
    }
    let rate_per_s = lowest_per_s(phase, facts);
    let needed_s = SAMPLES_BEYOND / (1.0 - quantile) / rate_per_s;
    let enough = (1.0 - SAMPLES_BEYOND / messages.max(SAMPLES_BEYOND)) * 100.0;
    Some((
        "quantile",
        format!(
            "{} messages in `{}` are too few for a quantile of {}: {} lie beyond it, and {SAMPLES_BEYOND} are needed",
            number_text(messages.floor()),
            phase.name(),
            share_text(quantile),
            number_text((beyond * 10.0).floor() / 10.0),
        ),
        format!(
            "it takes {} s at {}; or choose at most {}%",
            number_text(needed_s.ceil()),
            rate_text(rate_per_s),
            number_text((enough * 100.0).floor() / 100.0)
        ),
    ))
}

fn timeout_refusal(at_most_ns: u64, facts: Facts) -> Option<Refusal> {
    if at_most_ns > 0 && at_most_ns < facts.load.timeout_ns {
        return None;
    }
    if at_most_ns == 0 {
        return Some((
            "at-most",
            "nothing takes no time".to_string(),
            "write a time above 0".to_string(),
        ));
    }
    Some((
        "at-most",
        format!(
            "a limit of {} can never be broken: at {} a message counts as failed (load.timeout)",
            time_text(at_most_ns),
            time_text(facts.load.timeout_ns)
        ),
        "lower the limit, or raise the timeout".to_string(),
    ))
}

fn incomparable(rule: &CanaryRule, facts: Facts) -> Option<Refusal> {
    canary_refusal(facts.system).or_else(|| match rule.latency {
        Some(ratio) => quantile_refusal(ratio.quantile, rule.phase, facts),
        None => empty_phase(rule.phase, facts),
    })
}

fn engine_refusal(facts: Facts) -> Option<Refusal> {
    let known = facts
        .system
        .metrics
        .as_ref()
        .and_then(|metrics| metrics.latency.as_ref());
    if known.is_some() {
        return None;
    }
    Some((
        "",
        format!(
            "the profile of `{}` names no latency histogram of the engine",
            facts.system.name
        ),
        "add to the profile: metrics: { path: /metrics, latency: order_latency_seconds }"
            .to_string(),
    ))
}

fn throughput_refusal(at_least_per_s: f64, facts: Facts) -> Option<Refusal> {
    let offered = facts.load.arrival.rate_per_s();
    let mix = facts.load.mix;
    let all = f64::from(mix.new)
        + f64::from(mix.cancel)
        + f64::from(mix.replace)
        + f64::from(mix.oversized);
    let acceptable = offered * (1.0 - f64::from(mix.oversized) / all.max(1.0));
    if at_least_per_s <= acceptable {
        return None;
    }
    let of_these = match mix.oversized {
        0 => String::new(),
        _ => format!(
            ", of which at most {} can be acknowledged",
            rate_text(acceptable)
        ),
    };
    Some((
        "at-least",
        format!(
            "{} cannot be reached: only {} are offered{of_these}",
            rate_text(at_least_per_s),
            rate_text(offered)
        ),
        "lower the limit, or raise load.arrival".to_string(),
    ))
}

fn failover_refusal(at_most_ns: u64, facts: Facts) -> Option<Refusal> {
    if let Some(refusal) = silent_phase("at-most", Phase::Recovery, facts) {
        return Some(refusal);
    }
    let rate_per_s = lowest_per_s(Phase::Recovery, facts);
    let resolution_ns = 1e9 / rate_per_s;
    if (at_most_ns as f64) < resolution_ns {
        return Some((
            "at-most",
            format!(
                "{} is finer than can be told: at {} orders are {} apart",
                time_text(at_most_ns),
                rate_text(rate_per_s),
                time_text(resolution_ns as u64)
            ),
            "raise the limit, or the rate".to_string(),
        ));
    }
    let recovery_ns = facts.phases.recovery_at_most_ns;
    let shown_ns = recovery_ns.saturating_sub(GOOD_FOR_NS);
    if at_most_ns <= shown_ns {
        return None;
    }
    Some((
        "at-most",
        format!(
            "a failover of {} cannot be shown: a recovery of at most {} shows {} at most, for service must stay good for {}",
            time_text(at_most_ns),
            time_text(recovery_ns),
            time_text(shown_ns),
            time_text(GOOD_FOR_NS)
        ),
        format!(
            "lower the limit, or write phases: {{ recovery: {{ at-most: {}s }} }}",
            at_most_ns
                .saturating_add(GOOD_FOR_NS)
                .div_ceil(1_000_000_000)
        ),
    ))
}

/// A share finer than one message of a phase: a single failure would break it, whatever it says.
fn share_refusal(field: &'static str, share: f64, phase: Phase, facts: Facts) -> Option<Refusal> {
    if let Some(refusal) = empty_phase(phase, facts) {
        return Some(refusal);
    }
    if share > 1e-12
        && let Some(refusal) = silent_phase(field, phase, facts)
    {
        return Some(refusal);
    }
    let messages = certain_messages(phase, facts);
    if share <= 1e-12 || share * messages + 1e-6 >= 1.0 {
        return None;
    }
    Some((
        field,
        format!(
            "this is finer than the {} messages in `{}`: a single one is {} of them",
            number_text(messages.floor()),
            phase.name(),
            share_text(1.0 / messages)
        ),
        "write 0% of errors (100% available), or lengthen the phase".to_string(),
    ))
}

//! Limits on series: from the file to the plan, and what of them cannot be answered.

mod counted;

use shakedown_record::phase::Phase;

use crate::plan::{
    EnvironmentPlan, LimitEnd, MetricLimit, MetricRule, Resource, ResourceRule, RuleKind,
    SeriesPattern,
};
use crate::spec::Entries;
use crate::spec::metric::{
    MetricIncrease, MetricQuantile, MetricValue, ResourceLimit, ResourceSpec,
};
use crate::spec::scalar::{Number, Symbol};
use crate::spec::sla::RuleSpec;

use super::answerable::{Facts, Refusal, empty_phase};
use super::human::{number_text, share_text, time_text};
use super::phases::certain_ns;
use super::sheet::{At, Sheet};
use counted::{is_idle, of_rate, of_ratio, of_spread};

/// Scrapes that must fit into a phase for it to be looked at.
const FEWEST_SCRAPES: u64 = 3;

/// The limits on series that a rule sets.
pub(super) fn metric_kinds(at: &At, spec: &RuleSpec, sheet: &Sheet) -> Vec<RuleKind> {
    let quantile = spec.metric_quantile.as_ref();
    let value = spec.metric_value.as_ref();
    let increase = spec.metric_increase.as_ref();
    let (rate, ratio) = (spec.metric_rate.as_ref(), spec.metric_ratio.as_ref());
    let spread = spec.spread_improvement.as_ref();
    let found = [
        quantile.map(|limit| of_quantile(&at.to("metric-quantile"), limit, sheet)),
        value.map(|limit| of_value(&at.to("metric-value"), limit, sheet)),
        increase.map(|limit| of_increase(&at.to("metric-increase"), limit, sheet)),
        rate.map(|limit| of_rate(&at.to("metric-rate"), limit, sheet)),
        ratio.map(|limit| of_ratio(&at.to("metric-ratio"), limit, sheet)),
        spread.map(|limit| of_spread(&at.to("spread-improvement"), limit, sheet)),
    ];
    found.into_iter().flatten().map(RuleKind::Metric).collect()
}

/// A limit on what is in use.
pub(super) fn resource_kind(spec: &ResourceLimit) -> RuleKind {
    RuleKind::Resource(ResourceRule {
        of: match spec.of {
            ResourceSpec::Cpu => Resource::Cpu,
            ResourceSpec::Memory => Resource::Memory,
            ResourceSpec::Disk => Resource::Disk,
        },
        at_most: spec.at_most.fraction,
        for_ns: spec.for_.map_or(0, |time| time.ns),
        phase: spec.phase,
    })
}

/// Why a limit on what is in use cannot be answered.
pub(super) fn resource_refusal(rule: &ResourceRule, facts: Facts) -> Option<Refusal> {
    if rule.at_most >= 1.0 {
        return Some((
            "at-most",
            "more than everything is never in use".to_string(),
            "below 100%, such as 85%".to_string(),
        ));
    }
    let environment = facts.environment?;
    nobody_tells(rule.of, environment)
        .or_else(|| empty_phase(rule.phase, facts))
        .or_else(|| too_short(rule.phase, environment.usage_every_ns(), facts))
        .or_else(|| too_long(rule.phase, rule.for_ns, facts))
}

/// Where nobody can be asked what a replica uses.
fn nobody_tells(of: Resource, environment: &EnvironmentPlan) -> Option<Refusal> {
    let series =
        "the system may expose it itself: metric-value: { of: process_resident_memory_bytes, … }";
    match (environment, of) {
        (EnvironmentPlan::External(_), _) => Some((
            "of",
            format!(
                "nobody can be asked for the {} in use in the environment external: only addresses are known there",
                of.name()
            ),
            series.to_string(),
        )),
        (EnvironmentPlan::Kubernetes(_), Resource::Disk) => Some((
            "of",
            "the metrics API of Kubernetes tells nothing of disks".to_string(),
            "the kubelet has such a series, and so may the system: metric-value: { of: … }"
                .to_string(),
        )),
        (EnvironmentPlan::Kubernetes(_), Resource::Cpu | Resource::Memory)
        | (EnvironmentPlan::Local { .. } | EnvironmentPlan::Docker(_), _) => None,
    }
}

fn of_quantile(at: &At, spec: &MetricQuantile, sheet: &Sheet) -> MetricRule {
    MetricRule {
        of: pattern(at, &spec.of, &spec.labels, sheet),
        limit: MetricLimit::Quantile {
            quantile: spec.quantile.fraction,
            at_most: float(spec.at_most),
        },
        phase: spec.phase,
    }
}

fn of_value(at: &At, spec: &MetricValue, sheet: &Sheet) -> MetricRule {
    let limits = [spec.at_most, spec.at_least].map(|limit| limit.map(float));
    let (end, limit) = either(at, limits, "at-most: 100000", sheet);
    MetricRule {
        of: pattern(at, &spec.of, &spec.labels, sheet),
        limit: MetricLimit::Value {
            end,
            limit,
            for_ns: spec.for_.map_or(0, |time| time.ns),
        },
        phase: spec.phase,
    }
}

/// The one limit of at-most and at-least.
fn either(
    at: &At,
    [at_most, at_least]: [Option<f64>; 2],
    such_as: &str,
    sheet: &Sheet,
) -> (LimitEnd, f64) {
    match (at_most, at_least) {
        (Some(limit), None) => (LimitEnd::AtMost, limit),
        (None, Some(limit)) => (LimitEnd::AtLeast, limit),
        (Some(_), Some(limit)) => {
            sheet.refuse_entry(
                &at.to("at-least"),
                "this rule has two limits",
                "give each its own rule, with its own id",
            );
            (LimitEnd::AtLeast, limit)
        }
        (None, None) => {
            sheet.refuse_entry(
                at,
                "this rule has no limit",
                format!("write at-most or at-least, such as {such_as}"),
            );
            (LimitEnd::AtMost, f64::INFINITY)
        }
    }
}

/// A limit that nothing can break says nothing.
fn refuse_idle(at: &At, (end, limit): (LimitEnd, f64), text: fn(f64) -> String, sheet: &Sheet) {
    if is_idle(end, limit) {
        sheet.refuse_with(
            &at.to("at-least"),
            format!("nothing is below {}: this can never be broken", text(limit)),
            "write more than nothing",
        );
    }
}

fn of_increase(at: &At, spec: &MetricIncrease, sheet: &Sheet) -> MetricRule {
    if spec.over.ns == 0 {
        sheet.refuse_with(
            &at.to("over"),
            "nothing grows in no time",
            "such as over: 5m",
        );
    }
    MetricRule {
        of: pattern(at, &spec.of, &spec.labels, sheet),
        limit: MetricLimit::Increase {
            at_most: float(spec.at_most),
            over_ns: spec.over.ns,
        },
        phase: spec.phase,
    }
}

fn pattern(
    at: &At,
    name: &Symbol,
    labels: &Entries<Symbol, String>,
    sheet: &Sheet,
) -> SeriesPattern {
    series(at, ("of", name), ("labels", labels), sheet)
}

/// The series that a field names, with the labels of another.
fn series(
    at: &At,
    (name_field, name): (&str, &Symbol),
    (labels_field, labels): (&str, &Entries<Symbol, String>),
    sheet: &Sheet,
) -> SeriesPattern {
    if !is_series(&name.0) {
        sheet.refuse_with(
            &at.to(name_field),
            "this is no name of a Prometheus series",
            "letters, digits, _ and :, a histogram without _bucket; labels stand apart: labels: { result: unknown }",
        );
    }
    for (label, _) in labels.iter() {
        if !is_series(&label.0) || label.0.contains(':') || label.0 == "le" {
            sheet.refuse_entry(
                &at.to(labels_field).to(&label.0),
                "this is no name of a label that can be chosen",
                "letters, digits and _; `le` belongs to the histogram",
            );
        }
    }
    let labels = labels.iter();
    SeriesPattern {
        name: name.0.clone(),
        labels: labels
            .map(|(label, value)| (label.0.clone(), value.clone()))
            .collect(),
    }
}

/// The base name of a series: no `_bucket` at its end.
pub(super) fn is_series(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
        && !name.ends_with("_bucket")
}

fn float(number: Number) -> f64 {
    number.0.to_string().parse().unwrap_or(f64::NAN)
}

/// Why a limit on a series cannot be answered.
pub(super) fn metric_refusal(rule: &MetricRule, facts: Facts) -> Option<Refusal> {
    let Some(metrics) = &facts.system.metrics else {
        return Some((
            "",
            format!(
                "the profile of `{}` does not say where its metrics are",
                facts.system.name
            ),
            "add to the profile: metrics: { path: /metrics }".to_string(),
        ));
    };
    if let MetricLimit::Quantile { quantile, .. } = rule.limit
        && (quantile <= 0.0 || quantile >= 1.0)
    {
        return Some((
            "quantile",
            format!(
                "{} is no quantile that can be measured",
                share_text(quantile)
            ),
            "between 0% and 100%, such as 99%".to_string(),
        ));
    }
    empty_phase(rule.phase, facts)
        .or_else(|| too_short(rule.phase, metrics.scrape_every_ns(), facts))
        .or_else(|| match rule.limit {
            MetricLimit::Value { for_ns, .. } => too_long(rule.phase, for_ns, facts),
            MetricLimit::Quantile { .. }
            | MetricLimit::Increase { .. }
            | MetricLimit::Rate { .. }
            | MetricLimit::Ratio { .. }
            | MetricLimit::Improvement { .. } => None,
        })
}

fn too_short(phase: Phase, every_ns: u64, facts: Facts) -> Option<Refusal> {
    let certain = certain_ns(phase, facts.phases, facts.faults);
    let needed = every_ns.saturating_mul(FEWEST_SCRAPES);
    (certain < needed).then(|| {
        (
            "in",
            format!(
                "the phase `{}` is only certain to last {}: too short for {FEWEST_SCRAPES} looks, one every {}",
                phase.name(),
                time_text(certain),
                time_text(every_ns)
            ),
            "lengthen it, measure it in another phase, or scrape more often (metrics.every in the profile) where it is a series"
                .to_string(),
        )
    })
}

/// A value that must be beyond its limit for longer than anybody looks breaks nothing.
fn too_long(phase: Phase, for_ns: u64, facts: Facts) -> Option<Refusal> {
    let certain = certain_ns(phase, facts.phases, facts.faults);
    (for_ns >= certain).then(|| {
        (
            "for",
            format!(
                "a value that has to be beyond its limit for {} can hardly break it: the phase `{}` is only certain to last {} s",
                time_text(for_ns),
                phase.name(),
                number_text(certain as f64 / 1e9)
            ),
            "shorten the time, or lengthen the phase".to_string(),
        )
    })
}

//! Which of two limits is the tighter one.

use shakedown_record::phase::Phase;

use crate::plan::gates::CanaryRule;
use crate::plan::{
    AlertRule, FeedRule, LimitEnd, MetricLimit, MetricRule, PointsRule, ResourceRule, RuleKind,
    VenueRule,
};

use super::rules::{kind_name, phase_of};

/// True when the first limit is tighter than the second; `None` when they do not limit the same thing.
pub(super) fn tighter(one: &RuleKind, other: &RuleKind) -> Option<bool> {
    let (one, other) = (Limit::of(one), Limit::of(other));
    let is_tighter = match one.side {
        End::AtMost => one.value < other.value,
        End::AtLeast => one.value > other.value,
    };
    (one.what == other.what).then_some(is_tighter)
}

/// A limit as a number, beside everything else that makes out what is limited.
struct Limit {
    what: String,
    side: End,
    value: f64,
}

enum End {
    AtMost,
    AtLeast,
}

impl Limit {
    fn of(kind: &RuleKind) -> Limit {
        let (detail, side, value) = match kind {
            RuleKind::Latency {
                quantile,
                at_most_ns,
                ..
            }
            | RuleKind::EngineLatency {
                quantile,
                at_most_ns,
                ..
            } => (quantile.to_string(), End::AtMost, *at_most_ns as f64),
            RuleKind::Throughput { at_least_per_s, .. }
            | RuleKind::Points(PointsRule::Rate { at_least_per_s, .. }) => {
                (String::new(), End::AtLeast, *at_least_per_s)
            }
            RuleKind::Failover { at_most_ns: limit }
            | RuleKind::Rpo { at_most_ns: limit }
            | RuleKind::RestoreRpo { at_most_ns: limit }
            | RuleKind::Expiry { within_ns: limit } => (String::new(), End::AtMost, *limit as f64),
            RuleKind::Availability {
                at_least,
                projected,
                failures_per_30d,
            } => {
                let over = format!("{projected} {failures_per_30d}");
                (over, End::AtLeast, *at_least)
            }
            RuleKind::CancelOnDisconnect
            | RuleKind::Exposure
            | RuleKind::KillSwitch
            | RuleKind::Terms
            | RuleKind::Stops
            | RuleKind::Linearizable
            | RuleKind::Invariants
            | RuleKind::DropCopy
            | RuleKind::Feed(FeedRule::Book) => nothing(),
            // Of two walls with one id neither is the tighter one.
            RuleKind::Isolation(rule) => (format!("{rule:?}"), End::AtMost, 0.0),
            RuleKind::ErrorRate { at_most, .. } | RuleKind::RejectRate { at_most, .. } => {
                (String::new(), End::AtMost, *at_most)
            }
            RuleKind::Metric(rule) => metric_limit(rule),
            RuleKind::Alert(rule) => alert_limit(rule),
            RuleKind::Canary(rule) => canary_limit(rule),
            RuleKind::Resource(rule) => resource_limit(rule),
            RuleKind::Peak {
                flow,
                at_least_per_s,
            } => (flow.words().to_string(), End::AtLeast, *at_least_per_s),
            RuleKind::Orders { at_most, .. }
            | RuleKind::Points(PointsRule::Lost { at_most })
            | RuleKind::Feed(FeedRule::Count { at_most, .. }) => {
                (String::new(), End::AtMost, *at_most as f64)
            }
            RuleKind::Venue(rule) => venue_limit(rule),
            RuleKind::Feed(FeedRule::Time {
                quantile,
                at_most_ns,
                ..
            }) => (quantile.to_string(), End::AtMost, *at_most_ns as f64),
        };
        let phase = phase_of(kind).map_or("", Phase::name);
        let what = format!("{} {phase} {detail}", kind_name(kind));
        Limit { what, side, value }
    }
}

fn resource_limit(rule: &ResourceRule) -> (String, End, f64) {
    let what = format!("{} {}", rule.of.name(), rule.for_ns);
    (what, End::AtMost, rule.at_most)
}

fn venue_limit(rule: &VenueRule) -> (String, End, f64) {
    match rule {
        VenueRule::Response {
            quantile,
            at_most_ns,
            ..
        } => (quantile.to_string(), End::AtMost, *at_most_ns as f64),
        VenueRule::Trades { at_most, .. } => (String::new(), End::AtMost, *at_most as f64),
        VenueRule::FillRate { at_least, .. } => (String::new(), End::AtLeast, *at_least),
        VenueRule::Rate {
            of, at_least_per_s, ..
        } => (of.name().to_string(), End::AtLeast, *at_least_per_s),
        VenueRule::StaleQuotes {
            older_than_ns,
            at_most,
            ..
        } => (older_than_ns.to_string(), End::AtMost, *at_most as f64),
    }
}

/// Of what must not be at all.
fn nothing() -> (String, End, f64) {
    (String::new(), End::AtMost, 0.0)
}

/// How soon an alert must fire, beside when it must be over.
fn alert_limit(rule: &AlertRule) -> (String, End, f64) {
    let (words, after) = (rule.words(), &rule.after);
    let what = format!("{words} {after} {:?}", rule.resolved_within_ns);
    (what, End::AtMost, rule.within_ns as f64)
}

/// How much slower it may be, or how much more often it may fail, beside whom it is compared with.
fn canary_limit(rule: &CanaryRule) -> (String, End, f64) {
    let whose = format!("{} {}", rule.of.words(), rule.against_words());
    match (&rule.latency, rule.more_errors) {
        (Some(ratio), None) => {
            let what = format!("{whose} latency {}", ratio.quantile);
            (what, End::AtMost, ratio.at_most)
        }
        (None, errors) => (
            format!("{whose} errors"),
            End::AtMost,
            errors.unwrap_or_default(),
        ),
        (Some(ratio), Some(errors)) => {
            let what = format!("{whose} latency {} errors {errors}", ratio.quantile);
            (what, End::AtMost, ratio.at_most)
        }
    }
}

/// What a limit on series limits, beside the number.
fn metric_limit(rule: &MetricRule) -> (String, End, f64) {
    let of = rule.of.words();
    let side = |end: LimitEnd| match end {
        LimitEnd::AtMost => End::AtMost,
        LimitEnd::AtLeast => End::AtLeast,
    };
    match &rule.limit {
        MetricLimit::Quantile { quantile, at_most } => {
            (format!("{of} {quantile}"), End::AtMost, *at_most)
        }
        MetricLimit::Value { end, limit, for_ns } => {
            (format!("{of} {end:?} {for_ns}"), side(*end), *limit)
        }
        MetricLimit::Increase { at_most, over_ns } => {
            (format!("{of} {over_ns}"), End::AtMost, *at_most)
        }
        MetricLimit::Rate { end, limit_per_s } => {
            (format!("{of} {end:?}"), side(*end), *limit_per_s)
        }
        MetricLimit::Ratio { to, end, limit } => {
            (format!("{of} {} {end:?}", to.words()), side(*end), *limit)
        }
        MetricLimit::Improvement { over, at_least } => {
            (format!("{of} {}", over.words()), End::AtLeast, *at_least)
        }
    }
}

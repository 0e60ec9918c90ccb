//! Limits on rates, shares and means of series: from the file to the plan.

use crate::compile::human::{number_text, rate_text, share_text};
use crate::compile::sheet::{At, Sheet};
use crate::plan::{LimitEnd, MetricLimit, MetricRule};
use crate::spec::metric::{MetricRate, MetricRatio, SpreadLimit};

use super::{either, pattern, refuse_idle, series};

pub(super) fn of_rate(at: &At, spec: &MetricRate, sheet: &Sheet) -> MetricRule {
    let limits = [spec.at_most, spec.at_least].map(|limit| limit.map(|rate| rate.per_s));
    let (end, limit_per_s) = either(at, limits, "at-least: 1000/s", sheet);
    refuse_idle(at, (end, limit_per_s), rate_text, sheet);
    MetricRule {
        of: pattern(at, &spec.of, &spec.labels, sheet),
        limit: MetricLimit::Rate { end, limit_per_s },
        phase: spec.phase,
    }
}

pub(super) fn of_ratio(at: &At, spec: &MetricRatio, sheet: &Sheet) -> MetricRule {
    let limits = [spec.at_most, spec.at_least].map(|limit| limit.map(|share| share.fraction));
    let (end, limit) = either(at, limits, "at-least: 95%", sheet);
    refuse_idle(at, (end, limit), share_text, sheet);
    let of = pattern(at, &spec.of, &spec.labels, sheet);
    let to = series(at, ("to", &spec.to), ("to-labels", &spec.to_labels), sheet);
    if of == to {
        sheet.refuse_with(
            &at.to("to"),
            "this is the series itself: a share of it is always 100%",
            "the counter of everything, such as to: quotes_total",
        );
    }
    MetricRule {
        of,
        limit: MetricLimit::Ratio { to, end, limit },
        phase: spec.phase,
    }
}

pub(super) fn of_spread(at: &At, spec: &SpreadLimit, sheet: &Sheet) -> MetricRule {
    let at_least = spec.at_least.fraction;
    if at_least >= 1.0 {
        sheet.refuse_with(
            &at.to("at-least"),
            format!(
                "an improvement of {} is no spread at all",
                number_text(at_least * 100.0) + "%"
            ),
            "below 100%, such as 10%",
        );
    }
    let of = pattern(at, &spec.of, &spec.labels, sheet);
    let (name, labels) = (("over", &spec.over), ("over-labels", &spec.over_labels));
    let over = series(at, name, labels, sheet);
    if of == over {
        sheet.refuse_with(
            &at.to("over"),
            "this is the series itself: it is no better than itself",
            "the spread without the system, such as over: baseline_spread",
        );
    }
    MetricRule {
        of,
        limit: MetricLimit::Improvement { over, at_least },
        phase: spec.phase,
    }
}

/// A floor at nothing is never broken.
pub(super) fn is_idle(end: LimitEnd, limit: f64) -> bool {
    match end {
        LimitEnd::AtLeast => limit <= 0.0,
        LimitEnd::AtMost => false,
    }
}

//! Limits on how much worse a new version answers than the present one.
//!
//! Three ways out: as good as asked for, whatever chance and nameless failures may hide; worse, whatever they may hide; or not to
//! be told.

use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::run_record::Quantity;
use shakedown_scenarios::plan::gates::{CanaryRule, LatencyRatio};

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::canary::{Compared, Side};
use crate::measured::Measured;
use crate::sureness::{quantile_bounds_ns, share_bounds};
use crate::words::{count, duration_ns, percent_up, quantile as quantile_name};

/// Both ends of two intervals together are wrong with a chance of one in twenty at most.
const WRONG: f64 = 0.05 / 4.0;

/// One of the two figures, held against its limit.
struct Part {
    value: Option<f64>,
    limit: String,
    text: String,
    holds: Holds,
}

pub(super) fn canary(measured: &Measured, rule: &CanaryRule) -> Finding {
    let unit = match rule.latency {
        Some(_) => "times",
        None => "fraction",
    };
    let why = format!(
        "answers of {} in phase {}, from sending to answer, held against those of {}; 95 % sure",
        rule.of.words(),
        rule.phase.name(),
        rule.against_words()
    );
    let found = measured.canaries.iter().find(|(known, _)| known == rule);
    let Some((_, both)) = found else {
        let limit = unmeasured(unit);
        return Finding {
            observed: unmeasured(unit),
            limit,
            holds: Holds::Unknown("nothing was compared".to_string()),
            why,
        };
    };
    let latency = rule.latency.map(|ratio| latency(both, ratio));
    let errors = rule.more_errors.map(|more| errors(both, more));
    let parts: Vec<Part> = latency.into_iter().chain(errors).collect();
    let told = |of: fn(&Part) -> &String| {
        let words: Vec<&str> = parts.iter().map(|part| of(part).as_str()).collect();
        words.join("; ")
    };
    let first = parts.first();
    let limit = rule.latency.map(|it| it.at_most).or(rule.more_errors);
    Finding {
        limit: quantity(limit, unit, told(|part| &part.limit)),
        observed: observed(
            both,
            first.and_then(|part| part.value),
            unit,
            &told(|part| &part.text),
        ),
        holds: nobody(rule, both).unwrap_or_else(|| together(parts)),
        why,
    }
}

fn observed(both: &Compared, value: Option<f64>, unit: &str, text: &str) -> Quantity {
    let (own, others) = (both.own.answers(), both.others.answers());
    let mut text = format!("{text} ({} answers against {})", count(own), count(others));
    if both.nameless_failures > 0 {
        let failures = count(both.nameless_failures);
        text.push_str(&format!("; {failures} failures that could be anybody's"));
    }
    if both.nameless > 0 {
        let nameless = count(both.nameless);
        text.push_str(&format!("; {nameless} answers without a name"));
    }
    quantity(value, unit, text)
}

/// Without answers of both there is nothing to compare.
fn nobody(rule: &CanaryRule, both: &Compared) -> Option<Holds> {
    let who = match (both.own.answers(), both.others.answers()) {
        (0, _) => rule.of.words(),
        (_, 0) => rule.against_words(),
        _ => return None,
    };
    Some(Holds::Unknown(format!(
        "no answer of {who} in phase {}",
        rule.phase.name()
    )))
}

/// What breaks one limit breaks the rule; what leaves one open leaves it open.
fn together(parts: Vec<Part>) -> Holds {
    let mut open = None;
    for part in parts {
        match part.holds {
            Holds::Yes => {}
            Holds::No | Holds::NoWithProof => return Holds::No,
            Holds::Unknown(why) => open = open.or(Some(why)),
        }
    }
    open.map_or(Holds::Yes, Holds::Unknown)
}

/// Where a figure lies, and the limit.
fn held(low: Option<f64>, high: Option<f64>, limit: f64, told: &str) -> Holds {
    match (low, high) {
        (_, Some(high)) if high <= limit => Holds::Yes,
        (Some(low), _) if low > limit => Holds::No,
        _ => Holds::Unknown(format!(
            "the limit lies where chance, and failures without a name, leave it open ({told}): more answers would tell"
        )),
    }
}

fn latency(both: &Compared, ratio: LatencyRatio) -> Part {
    let name = quantile_name(ratio.quantile);
    let at = |side: &Side| side.service.quantile_ns(ratio.quantile);
    let (own, others) = (at(&both.own), at(&both.others));
    let bounds =
        |histogram: &LatencyHistogram| quantile_bounds_ns(histogram, ratio.quantile, WRONG);
    // The worst for one side is that every failure without a name is its own.
    let (own_low, _) = bounds(&both.own.service);
    let (_, own_high) = bounds(&both.with_failures(&both.own.service));
    let (others_low, _) = bounds(&both.others.service);
    let (_, others_high) = bounds(&both.with_failures(&both.others.service));
    let low = divided(own_low, others_high);
    let high = divided(own_high, others_low);
    let ends = ends(low, high, |times| format!("{times:.2}"));
    let value = divided(own, others);
    let text = match (value, own, others) {
        (Some(times), Some(own), Some(others)) => format!(
            "{name} {times:.2} times the others', {} against {}, {ends}",
            duration_ns(own as f64),
            duration_ns(others as f64)
        ),
        _ => format!("{name} not measured"),
    };
    Part {
        value,
        limit: format!("{name} at most {} times the others'", ratio.at_most),
        holds: held(low, high, ratio.at_most, &format!("{name}, {ends}")),
        text,
    }
}

fn errors(both: &Compared, more: f64) -> Part {
    let bounds = |side: &Side, nameless: u64| {
        share_bounds(side.errors + nameless, side.answers() + nameless, WRONG)
    };
    let (own_low, _) = bounds(&both.own, 0);
    let (_, own_high) = bounds(&both.own, both.nameless_failures);
    let (others_low, _) = bounds(&both.others, 0);
    let (_, others_high) = bounds(&both.others, both.nameless_failures);
    let (low, high) = (own_low - others_high, own_high - others_low);
    let share = |side: &Side| side.errors as f64 / side.answers().max(1) as f64;
    let (own, others) = (share(&both.own), share(&both.others));
    let ends = ends(Some(low), Some(high), |share| {
        format!("{:+.3} %", share * 100.0)
    });
    Part {
        value: Some(own - others),
        limit: format!("at most {} more errors", percent_up(more)),
        text: format!(
            "errors {} against {}, {ends}",
            percent_up(own),
            percent_up(others)
        ),
        holds: held(Some(low), Some(high), more, &format!("errors, {ends}")),
    }
}

fn ends(low: Option<f64>, high: Option<f64>, told: impl Fn(f64) -> String) -> String {
    let low = low.map_or_else(|| "nothing".to_string(), &told);
    let high = high.map_or_else(|| "no end".to_string(), &told);
    format!("between {low} and {high}")
}

fn divided(one: Option<u64>, other: Option<u64>) -> Option<f64> {
    let (one, other) = (one?, other.filter(|other| *other > 0)?);
    Some(one as f64 / other as f64)
}

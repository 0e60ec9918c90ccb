//! Limits on series that the system exposes itself. What was not seen is not assumed: a replica that was not looked at, too few
//! looks, a process that was replaced leave a limit open, unless what was seen breaks it already.

use shakedown_record::Phase;
use shakedown_record::run_record::Quantity;
use shakedown_record::series::Origin;
use shakedown_scenarios::plan::{MetricLimit, MetricRule, Plan, SeriesPattern};

use super::counted::{Limit, of_rate, of_ratio};
use super::finding::{Finding, Holds, quantity, unmeasured};
use super::gauge::{Gauge, of_value};
use super::improvement::of_improvement;
use super::watched::Watched;
use crate::measured::Measured;
use crate::metrics::{
    Bounds, Course, Looks, Point, Rules, Spread, course, most_in_a_stretch, spread,
};
use crate::words::{count, duration_ns, moment_s, number, quantile as quantile_name};

/// Holds one rule against what was read.
pub(crate) fn metric(plan: &Plan, measured: &Measured, rule: &MetricRule) -> Finding {
    let metrics = plan.system.metrics.as_ref();
    let every_ns = metrics.map_or(0, |metrics| metrics.scrape_every_ns());
    let watched = Watched::of(plan, measured, Origin::Scrape, rule.phase, every_ns);
    let mut finding = match &rule.limit {
        MetricLimit::Quantile { quantile, at_most } => {
            of_quantile(&watched, &rule.of, *quantile, *at_most)
        }
        MetricLimit::Value { end, limit, for_ns } => {
            let rules = Rules {
                end: *end,
                limit: *limit,
                hole_ns: watched.hole_ns,
            };
            let of = Gauge {
                words: rule.of.words(),
                points: &|looks| fitting(looks, &rule.of),
                text: number,
                unit: "",
            };
            of_value(&watched, &of, rules, *for_ns)
        }
        MetricLimit::Increase { at_most, over_ns } => {
            of_increase(&watched, &rule.of, *at_most, *over_ns)
        }
        MetricLimit::Rate { end, limit_per_s } => {
            of_rate(&watched, &rule.of, Limit(*end, *limit_per_s))
        }
        MetricLimit::Ratio { to, end, limit } => {
            of_ratio(&watched, (&rule.of, to), Limit(*end, *limit))
        }
        MetricLimit::Improvement { over, at_least } => {
            of_improvement(&watched, (&rule.of, over), *at_least)
        }
    };
    ended(measured, &mut finding, rule.phase);
    finding
}

pub(super) fn ended(measured: &Measured, finding: &mut Finding, phase: Phase) {
    finding
        .why
        .push_str(&format!(", in phase {}", phase.name()));
    if measured.store.full && finding.holds == Holds::Yes {
        let why = "the file of series was full before the run was over";
        finding.holds = Holds::Unknown(why.to_string());
    }
}

fn fitting(looks: &Looks, of: &SeriesPattern) -> Vec<Vec<Point>> {
    let named = looks.named(&of.name);
    let fitting = named.filter(|(labels, _)| of.fits(labels));
    fitting.map(|(_, points)| points.to_vec()).collect()
}

fn limit_of(value: f64) -> Quantity {
    quantity(Some(value), "", number(value))
}

pub(super) fn moment(at_ns: i64) -> String {
    moment_s(at_ns as f64 / 1e9)
}

/// Growth of a counter over all replicas.
fn of_increase(watched: &Watched, of: &SeriesPattern, at_most: f64, over_ns: u64) -> Finding {
    let limit = limit_of(at_most);
    let why = format!(
        "growth of {} over all replicas in any {}",
        of.words(),
        duration_ns(over_ns as f64)
    );
    let mut rises = Vec::new();
    let mut doubt = watched.missing();
    let mut found = false;
    for (name, looks) in &watched.names {
        let Some(looks) = looks else { continue };
        let frames = looks.frames(&watched.windows);
        if looks.named(&of.name).next().is_none() {
            doubt = doubt.or_else(|| Some(format!("{name} never showed {}", of.name)));
        }
        for (labels, points) in looks.named(&of.name) {
            if !of.fits(labels) {
                continue;
            }
            found = true;
            let course = course(looks, points, &frames);
            doubt = doubt.or_else(|| doubt_of(name, &course));
            rises.extend(course.rises);
        }
    }
    if !found {
        let why_not = doubt.unwrap_or_else(|| format!("no replica ever showed {}", of.words()));
        return Finding {
            observed: unmeasured(""),
            limit,
            holds: Holds::Unknown(why_not),
            why,
        };
    }
    let most = most_in_a_stretch(&rises, &watched.windows, over_ns);
    let holds = match (most.at_least > at_most, most.at_most <= at_most, doubt) {
        (true, _, _) => Holds::No,
        (false, _, Some(doubt)) => Holds::Unknown(doubt),
        (false, true, None) => Holds::Yes,
        (false, false, None) => Holds::Unknown(format!(
            "it grew by {} in some stretch, for what it counted between two looks has no exact time",
            range(most)
        )),
    };
    Finding {
        observed: quantity(
            Some(most.at_least),
            "",
            range(most) + &seen_for(watched, over_ns),
        ),
        limit,
        holds,
        why,
    }
}

/// Of a phase that is shorter than the stretch: what was seen is no more than a lower bound on what a whole one would hold.
fn seen_for(watched: &Watched, over_ns: u64) -> String {
    let lengths = watched.windows.iter();
    let longest_ns = lengths.map(|window| window.to_ns - window.from_ns).max();
    let longest_ns = longest_ns.unwrap_or(0).max(0) as f64;
    match longest_ns < over_ns as f64 {
        true => format!(
            " in {}: the phase is shorter than {}, in which it may be more",
            duration_ns(longest_ns),
            duration_ns(over_ns as f64)
        ),
        false => String::new(),
    }
}

fn range(bounds: Bounds) -> String {
    match bounds.at_least == bounds.at_most {
        true => number(bounds.at_least),
        false => format!("{} to {}", number(bounds.at_least), number(bounds.at_most)),
    }
}

/// Why a counter may have counted more than was seen.
pub(super) fn doubt_of(name: &str, course: &Course) -> Option<String> {
    if let Some(value) = course.nonsense {
        return Some(format!("{name} showed {value}, which no counter can be"));
    }
    let reset = course.resets.first().map(|reset| {
        format!(
            "{name} was replaced or began anew between {} and {}: what it had counted last is not known",
            moment(reset.from_ns),
            moment(reset.to_ns)
        )
    });
    reset.or_else(|| {
        course.blind.first().map(|blind| {
            format!(
                "{name} could not be looked at between {} and {}, and does not say when its process began: it may have \
                 been replaced",
                moment(blind.from_ns),
                moment(blind.to_ns)
            )
        })
    })
}

/// A quantile of a histogram over all replicas.
fn of_quantile(watched: &Watched, of: &SeriesPattern, quantile: f64, at_most: f64) -> Finding {
    let name = quantile_name(quantile);
    let limit = limit_of(at_most);
    let why = format!(
        "{name} of {} over all replicas, by their own clocks",
        of.words()
    );
    let mut doubt = watched.missing();
    let mut all = Spread::default();
    for (replica, looks) in &watched.names {
        let Some(looks) = looks else { continue };
        let own = spread(looks, of, &watched.windows, at_most);
        if own.series == 0 {
            doubt = doubt
                .or_else(|| Some(format!("{replica} never showed a histogram {}", of.words())));
        }
        let course = Course {
            resets: own.resets.clone(),
            blind: own.blind.clone(),
            ..Course::default()
        };
        doubt = doubt.or_else(|| doubt_of(replica, &course));
        all.add(own);
    }
    let Some((least, greatest)) = all.share_above() else {
        let nothing = || format!("{} counted nothing in the phase", of.words());
        return Finding {
            observed: unmeasured(""),
            limit,
            holds: Holds::Unknown(doubt.unwrap_or_else(nothing)),
            why,
        };
    };
    let beyond = 1.0 - quantile;
    let samples = all.inside.total.round() as u64;
    let too_few = samples as f64 * beyond <= 1.0 - 1e-6;
    let holds = match (least > beyond + 1e-12, greatest <= beyond + 1e-12, doubt) {
        _ if too_few => Holds::Unknown(format!(
            "{} observations in the phase are too few for {name}",
            count(samples)
        )),
        (true, _, _) => Holds::No,
        (false, _, Some(doubt)) => Holds::Unknown(doubt),
        (false, true, None) => Holds::Yes,
        (false, false, None) => Holds::Unknown(undecided(&name, &all, least, greatest)),
    };
    let (value, text) = quantile_words(&all, quantile);
    Finding {
        observed: quantity(
            value,
            "",
            format!("{text} ({} observations)", count(samples)),
        ),
        limit,
        holds,
        why,
    }
}

fn undecided(name: &str, all: &Spread, least: f64, greatest: f64) -> String {
    if all.bucketless {
        return format!(
            "the histogram has no buckets: {name} cannot be told (a native histogram exists in the protobuf format only, \
             and the server answers with text although it was asked for that)"
        );
    }
    format!(
        "{} to {} % of the observations lie above the limit: it lies within a bucket, or too much was counted at the edges \
         of the phase",
        number((least * 1e4).floor() / 1e2),
        number((greatest * 1e4).ceil() / 1e2)
    )
}

fn quantile_words(all: &Spread, quantile: f64) -> (Option<f64>, String) {
    match all.parts.quantile(quantile) {
        None => (None, "not measured".to_string()),
        Some(lies) => match lies.value {
            Some(value) => (
                Some(value),
                format!(
                    "{}, between {} and {}",
                    number(value),
                    number(lies.lower),
                    number(lies.upper)
                ),
            ),
            None => (None, format!("above {}", number(lies.lower))),
        },
    }
}

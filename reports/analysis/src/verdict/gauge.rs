//! A value that is held at every replica: a gauge that the system exposes, or what it uses of its machine.

use shakedown_record::series::Origin;
use shakedown_scenarios::plan::{EnvironmentPlan, LimitEnd, Plan, ResourceRule};

use super::finding::{Finding, Holds, quantity, unmeasured};
use super::metric::{ended, moment};
use super::watched::Watched;
use crate::measured::Measured;
use crate::metrics::{Beyond, Hole, Looks, Point, Rules, levels, shares};
use crate::words::{count, duration_ns, percent_up};

/// A gauge that is held at every replica.
pub(super) struct Gauge<'a> {
    pub words: String,
    /// The values of each of its series at one replica; none where it never showed any.
    pub points: &'a dyn Fn(&Looks) -> Vec<Vec<Point>>,
    pub text: fn(f64) -> String,
    pub unit: &'static str,
}

/// Holds what is in use at each replica against a rule.
pub(crate) fn resource(plan: &Plan, measured: &Measured, rule: &ResourceRule) -> Finding {
    let every_ns = plan.environment.usage_every_ns();
    let watched = Watched::of(plan, measured, Origin::Machine, rule.phase, every_ns);
    let watched = match plan.environment {
        EnvironmentPlan::Kubernetes(_) => watched.seldom(),
        EnvironmentPlan::Local { .. }
        | EnvironmentPlan::Docker(_)
        | EnvironmentPlan::External(_) => watched,
    };
    let rules = Rules {
        end: LimitEnd::AtMost,
        limit: rule.at_most,
        hole_ns: watched.hole_ns,
    };
    let of = Gauge {
        words: format!("the {} in use", rule.of.name()),
        points: &|looks| {
            let shares = shares(looks, rule.of);
            (!shares.is_empty()).then_some(shares).into_iter().collect()
        },
        text: percent_up,
        unit: "fraction",
    };
    let mut finding = of_value(&watched, &of, rules, rule.for_ns);
    ended(measured, &mut finding, rule.phase);
    finding
}

/// What the gauges of all replicas came to.
struct Seen {
    samples: u64,
    worst: Option<(f64, i64, String)>,
    beyond: Option<(Beyond, String)>,
    hole: Option<String>,
}

/// A gauge at every replica.
pub(super) fn of_value(watched: &Watched, of: &Gauge, rules: Rules, for_ns: u64) -> Finding {
    let mut doubt = watched.missing();
    let mut seen = Seen {
        samples: 0,
        worst: None,
        beyond: None,
        hole: None,
    };
    for (name, looks) in &watched.names {
        let Some(looks) = looks else { continue };
        let series = (of.points)(looks);
        if series.is_empty() {
            doubt = doubt.or_else(|| Some(format!("{name} never showed {}", of.words)));
        }
        for points in &series {
            let own = levels(looks, points, &watched.windows, rules);
            seen.samples += own.samples;
            if let Some((worst, at_ns)) = own.worst {
                let known = seen.worst.as_ref().map(|(known, ..)| *known);
                if known.is_none_or(|known| rules.worse(known, worst) != known) {
                    seen.worst = Some((worst, at_ns, name.clone()));
                }
            }
            let longer = |known: &(Beyond, String), own: Beyond| {
                (own.at_least_ns, own.at_most_ns) > (known.0.at_least_ns, known.0.at_most_ns)
            };
            if let Some(own) = own.beyond
                && seen.beyond.as_ref().is_none_or(|known| longer(known, own))
            {
                seen.beyond = Some((own, name.clone()));
            }
            let hole = own
                .holes
                .first()
                .map(|hole| hole_words(name, looks, hole, of));
            seen.hole = seen.hole.or(hole);
        }
    }
    doubt = doubt.or(seen.hole.take());
    value_finding(&seen, of, rules, for_ns, doubt)
}

fn hole_words(name: &str, looks: &Looks, hole: &Hole, of: &Gauge) -> String {
    let why = match looks.why_between(hole.from_ns, hole.to_ns) {
        Some(reason) => format!(": {reason}"),
        None => String::new(),
    };
    format!(
        "there is no value of {} at {name} between {} and {}{why}",
        of.words,
        moment(hole.from_ns),
        moment(hole.to_ns)
    )
}

fn value_finding(
    seen: &Seen,
    of: &Gauge,
    rules: Rules,
    for_ns: u64,
    doubt: Option<String>,
) -> Finding {
    let for_ns_i = i64::try_from(for_ns).unwrap_or(i64::MAX);
    let broken = seen.beyond.as_ref();
    let holds = match (broken, doubt) {
        (Some((beyond, _)), _) if beyond.at_least_ns >= for_ns_i => Holds::No,
        (_, Some(doubt)) => Holds::Unknown(doubt),
        (Some((beyond, name)), None) if beyond.at_most_ns >= for_ns_i => Holds::Unknown(format!(
            "{name} was beyond the limit for {} to {}, for values are only known at the looks",
            duration_ns(beyond.at_least_ns as f64),
            duration_ns(beyond.at_most_ns as f64)
        )),
        (_, None) => Holds::Yes,
    };
    let end = match rules.end {
        LimitEnd::AtMost => "highest",
        LimitEnd::AtLeast => "lowest",
    };
    let observed = match &seen.worst {
        None => unmeasured(of.unit),
        Some((worst, at_ns, name)) => quantity(
            Some(*worst),
            of.unit,
            format!(
                "{} at {name}, {} ({} values)",
                (of.text)(*worst),
                moment(*at_ns),
                count(seen.samples)
            ),
        ),
    };
    let limit = match rules.end {
        LimitEnd::AtMost => (of.text)(rules.limit),
        LimitEnd::AtLeast => format!("at least {}", (of.text)(rules.limit)),
    };
    let hold = match for_ns {
        0 => String::new(),
        for_ns => format!(
            ", broken once beyond the limit for {}",
            duration_ns(for_ns as f64)
        ),
    };
    Finding {
        limit: quantity(Some(rules.limit), of.unit, limit),
        observed,
        holds,
        why: format!("{end} value of {} at any replica{hold}", of.words),
    }
}

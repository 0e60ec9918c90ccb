//! Latency limits: at the client by its own histogram, at the engine by the engine's.

use shakedown_record::Phase;
use shakedown_scenarios::plan::Plan;

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::engine_latency::EngineQuantile;
use crate::input::Input;
use crate::measured::Measured;
use crate::words::{count, duration_ns, duration_s, quantile as quantile_name};

/// Response time from the intended send time, failures censored at the timeout.
pub(crate) fn at_client(
    measured: &Measured,
    quantile: f64,
    at_most_ns: u64,
    phase: Phase,
) -> Finding {
    let limit = limit_of(at_most_ns);
    let histogram = &measured.tally.phases[&phase].response;
    let samples = histogram.count();
    let interval = histogram.quantile_interval_ns(quantile);
    let (Some(value_ns), Some((low_ns, high_ns))) = (histogram.quantile_ns(quantile), interval)
    else {
        return unknown(limit, format!("no orders in phase {}", phase.name()));
    };
    let text = format!(
        "{} ({} samples, 95 % sure: {} to {})",
        duration_ns(value_ns as f64),
        count(samples),
        duration_ns(low_ns as f64),
        duration_ns(high_ns as f64)
    );
    let name = quantile_name(quantile);
    let mut why = format!(
        "{name} of response time in phase {}, from the intended send time",
        phase.name()
    );
    if (low_ns..=high_ns).contains(&at_most_ns) {
        why.push_str(
            "; the limit lies within the 95 % interval: a longer run would tell more surely",
        );
    }
    Finding {
        holds: match enough(samples, quantile) {
            true => Holds::when(value_ns <= at_most_ns),
            false => Holds::Unknown(format!(
                "{} samples in phase {} are too few for {name}",
                count(samples),
                phase.name()
            )),
        },
        observed: quantity(Some(value_ns as f64 / 1e6), "ms", text),
        limit,
        why,
    }
}

/// At least one sample lies beyond the quantile.
fn enough(samples: u64, quantile: f64) -> bool {
    samples as f64 * (1.0 - quantile) > 1.0 - 1e-6
}

/// The engine's own histogram; only known to the bounds of a bucket.
pub(crate) fn at_engine(
    input: &Input,
    plan: &Plan,
    measured: &Measured,
    quantile: f64,
    at_most_ns: u64,
    phase: Phase,
) -> Finding {
    let limit = limit_of(at_most_ns);
    let metric = plan
        .system
        .metrics
        .as_ref()
        .and_then(|metrics| metrics.latency.as_deref());
    let Some(metric) = metric else {
        return unknown(
            limit,
            "the profile names no latency metric of the engine".to_string(),
        );
    };
    let missing = input.facts.scrapes_missing.last();
    let histogram = measured.engine.get(&phase);
    let found =
        histogram.and_then(|histogram| Some((histogram.count(), histogram.quantile(quantile)?)));
    let Some((samples, at)) = found else {
        let why = match missing {
            Some((replica, reason)) => format!("metric {metric} of {replica}: {reason}"),
            None => format!("metric {metric} counted nothing in phase {}", phase.name()),
        };
        return unknown(limit, why);
    };
    if let Some((replica, reason)) = missing {
        return unknown(limit, format!("metric {metric} of {replica}: {reason}"));
    }
    let name = quantile_name(quantile);
    Finding {
        holds: match enough(samples, quantile) {
            true => compare(at, at_most_ns as f64 / 1e9, &name),
            false => Holds::Unknown(format!(
                "{} samples of {metric} are too few for {name}",
                count(samples)
            )),
        },
        observed: quantity(
            at.bounded.map(|bounded| bounded.value_s * 1e3),
            "ms",
            engine_words(at, samples),
        ),
        limit,
        why: format!(
            "{name} of {metric} in phase {}, by the engine's own clock, interpolated within a bucket",
            phase.name()
        ),
    }
}

/// A limit inside the bucket that holds the quantile can neither be met nor broken.
fn compare(at: EngineQuantile, limit_s: f64, name: &str) -> Holds {
    match at.bounded {
        Some(bounded) if bounded.upper_s <= limit_s => Holds::Yes,
        _ if at.lower_s >= limit_s => Holds::No,
        Some(bounded) => Holds::Unknown(format!(
            "{name} lies between {} and {}, and so does the limit: the engine's buckets are too coarse",
            duration_s(at.lower_s),
            duration_s(bounded.upper_s)
        )),
        None => Holds::Unknown(format!(
            "{name} lies above {}, the highest bound of the engine's histogram",
            duration_s(at.lower_s)
        )),
    }
}

fn engine_words(at: EngineQuantile, samples: u64) -> String {
    match at.bounded {
        Some(bounded) => format!(
            "{} ({} samples, between {} and {})",
            duration_s(bounded.value_s),
            count(samples),
            duration_s(at.lower_s),
            duration_s(bounded.upper_s)
        ),
        None => format!(
            "above {} ({} samples)",
            duration_s(at.lower_s),
            count(samples)
        ),
    }
}

fn limit_of(at_most_ns: u64) -> shakedown_record::run_record::Quantity {
    quantity(
        Some(at_most_ns as f64 / 1e6),
        "ms",
        duration_ns(at_most_ns as f64),
    )
}

fn unknown(limit: shakedown_record::run_record::Quantity, why: String) -> Finding {
    Finding {
        observed: unmeasured(&limit.unit),
        limit,
        holds: Holds::Unknown(why.clone()),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine_latency::Bounded;

    #[test]
    fn a_limit_within_the_bucket_is_not_decided() {
        let at = EngineQuantile {
            lower_s: 0.010,
            bounded: Some(Bounded {
                value_s: 0.015,
                upper_s: 0.025,
            }),
        };
        assert_eq!(compare(at, 0.025, "P99"), Holds::Yes);
        assert_eq!(compare(at, 0.010, "P99"), Holds::No);
        assert!(matches!(compare(at, 0.020, "P99"), Holds::Unknown(_)));
        let above = EngineQuantile {
            lower_s: 1.0,
            bounded: None,
        };
        assert_eq!(compare(above, 0.5, "P99"), Holds::No);
        assert!(matches!(compare(above, 2.0, "P99"), Holds::Unknown(_)));
    }

    #[test]
    fn a_quantile_needs_a_sample_beyond_it() {
        assert!(enough(100, 0.99) && !enough(99, 0.99));
        assert!(enough(1_000, 0.999) && !enough(999, 0.999));
        assert!(!enough(0, 0.5));
    }
}

//! Limits on market data that was published.

use shakedown_record::Phase;
use shakedown_record::run_record::Quantity;
use shakedown_scenarios::plan::PointsRule;

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::measured::Measured;
use crate::words::{count, rate};

/// Holds a limit against what was published.
pub(crate) fn points(measured: &Measured, rule: &PointsRule) -> Finding {
    match *rule {
        PointsRule::Rate {
            at_least_per_s,
            phase,
        } => rate_of(measured, at_least_per_s, phase),
        PointsRule::Lost { at_most } => lost(measured, at_most),
    }
}

fn rate_of(measured: &Measured, at_least_per_s: f64, phase: Phase) -> Finding {
    let limit = quantity(
        Some(at_least_per_s),
        "1/s",
        format!("at least {}", rate(at_least_per_s)),
    );
    let Some(rates) = measured.points.rates.get(&phase) else {
        let why = format!("no market data was published in phase {}", phase.name());
        return unknown(limit, why);
    };
    let text = format!(
        "{} of {} offered",
        rate(rates.acknowledged_per_s),
        rate(rates.offered_per_s)
    );
    Finding {
        observed: quantity(Some(rates.acknowledged_per_s), "1/s", text),
        limit,
        holds: Holds::when(rates.acknowledged_per_s >= at_least_per_s),
        why: format!(
            "points that the engine acknowledged in phase {}",
            phase.name()
        ),
    }
}

fn lost(measured: &Measured, at_most: u64) -> Finding {
    let limit = quantity(Some(at_most as f64), "points", count(at_most));
    let Some(report) = &measured.points.report else {
        return unknown(limit, "nothing says how publishing ended".to_string());
    };
    let counts = &report.counts;
    let mut text = format!(
        "{} of {} offered",
        count(counts.lost()),
        count(counts.offered)
    );
    if counts.lost() > 0 {
        text.push_str(&format!(
            ": {} refused, {} not sent, {} without a receipt",
            count(counts.refused),
            count(counts.unsent),
            count(counts.unacknowledged)
        ));
    }
    if let Some(trouble) = report.trouble.as_ref().filter(|_| counts.lost() > 0) {
        text.push_str(&format!(" ({trouble})"));
    }
    Finding {
        observed: quantity(Some(counts.lost() as f64), "points", text),
        limit,
        holds: match counts.offered {
            0 => Holds::Unknown("no market data was published".to_string()),
            _ => Holds::when(counts.lost() <= at_most),
        },
        why: "points that the engine did not say that it took in".to_string(),
    }
}

fn unknown(limit: Quantity, why: String) -> Finding {
    Finding {
        observed: unmeasured(&limit.unit),
        limit,
        holds: Holds::Unknown(why.clone()),
        why,
    }
}

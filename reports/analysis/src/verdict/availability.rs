//! Limits on availability, as seen in the run and as projected onto 30 days.

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::availability::{Projection, project};
use crate::measured::Measured;
use crate::words::percent_down;

/// The worse of availability by requests and by time.
pub(crate) fn seen(measured: &Measured, at_least: f64) -> Finding {
    let limit = quantity(Some(at_least), "fraction", percent_down(at_least));
    let why = "the worse of orders served in time and of 100 ms slots with at least 99.9 % served"
        .to_string();
    let (Some(requests), Some(time)) = (measured.availability.requests, measured.availability.time)
    else {
        let holds = Holds::Unknown("no orders were scheduled in the measured phases".to_string());
        return Finding {
            limit,
            observed: unmeasured("fraction"),
            holds,
            why,
        };
    };
    let worse = requests.min(time);
    let text = format!(
        "{} (of requests {}, of time {})",
        percent_down(worse),
        percent_down(requests),
        percent_down(time)
    );
    Finding {
        limit,
        observed: quantity(Some(worse), "fraction", text),
        holds: Holds::when(worse >= at_least),
        why,
    }
}

/// 1 - failures x worst failover / 30 days.
pub(crate) fn projected(measured: &Measured, at_least: f64, failures_per_30d: f64) -> Finding {
    let limit = quantity(Some(at_least), "fraction", percent_down(at_least));
    let why = format!(
        "projected: {failures_per_30d} failures in 30 days, each as long as the worst that was seen"
    );
    let (observed, holds) = match project(&measured.failovers, failures_per_30d) {
        Projection::Known(value) => {
            let text = format!("{} projected", percent_down(value));
            (
                quantity(Some(value), "fraction", text),
                Holds::when(value >= at_least),
            )
        }
        Projection::AtBest(value) => {
            let text = format!("{} projected at best", percent_down(value));
            let holds = match value >= at_least {
                true => Holds::Unknown("service was not back when observation ended".to_string()),
                false => Holds::No,
            };
            (quantity(None, "fraction", text), holds)
        }
        Projection::NoFailover => {
            let holds = Holds::Unknown(
                "no fault was injected: there is no failover to project".to_string(),
            );
            (unmeasured("fraction"), holds)
        }
    };
    Finding {
        limit,
        observed,
        holds,
        why,
    }
}

//! Planted orders that waited for a price or for the end of their time.

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::books::Waited;
use crate::words::count;

pub(super) const STOPS: &str = "each planted stop order whose price was reached is triggered once on every copy, and none whose price was not";
pub(super) const EXPIRY: &str = "each planted order that is good until a time ends once on every copy, not before it, and soon after it or after the outage";

/// What contradicts is proof, whatever else is missing.
pub(super) fn timed(found: Option<&Waited>, why: &str) -> Finding {
    let unit = "contradictions";
    let limit = quantity(Some(0.0), unit, "no contradiction");
    let Some(found) = found else {
        return Finding {
            limit,
            observed: unmeasured(unit),
            holds: Holds::Unknown("it was not looked at".to_string()),
            why: String::new(),
        };
    };
    let of = format!(
        "{} orders on {} copies; due before the fault {}, during the outage {}, after it {}",
        count(found.orders),
        count(found.copies),
        count(found.before),
        count(found.during),
        count(found.after)
    );
    let (holds, text) = match (found.first.first(), &found.open) {
        (Some(first), _) => {
            let all = count(found.contradictions);
            let text = format!("{all} contradictions in {of}; first: {first}");
            (Holds::NoWithProof, text)
        }
        (None, Some(why)) => (Holds::Unknown(why.clone()), format!("none found in {of}")),
        (None, None) => (Holds::Yes, format!("none in {of}")),
    };
    Finding {
        limit,
        observed: quantity(Some(found.contradictions as f64), unit, text),
        holds,
        why: why.to_string(),
    }
}

//! What kill switches and the terms of leaders came to. What contradicts is proof, whatever else is missing.

use super::books::unasked;
use super::finding::{Finding, Holds, quantity};
use crate::measured::Measured;
use crate::words::count;

/// What became of accounts whose kill switch was pulled.
pub(super) fn kill_switch(measured: &Measured) -> Finding {
    let unit = "contradictions";
    let limit = quantity(Some(0.0), unit, "nothing of the account after it");
    let Some(found) = &measured.killed else {
        return unasked(limit, unit);
    };
    let later = found.tried_after_faults.map_or(String::new(), |tried| {
        format!(", {} of them after the last fault", count(tried))
    });
    let of = format!(
        "{} requests of {} accounts that were answered after it{later}",
        count(found.tried),
        count(found.accounts)
    );
    let (holds, text) = told(&found.first, found.contradictions, &found.open, &of);
    Finding {
        limit,
        observed: quantity(Some(found.contradictions as f64), unit, text),
        holds,
        why: "from its acknowledgement on nothing of the account is let in, replaced, filled or open, by the client's clock and by the engine's own numbers".to_string(),
    }
}

/// What acknowledgements told of terms.
pub(super) fn terms(measured: &Measured) -> Finding {
    let unit = "contradictions";
    let limit = quantity(Some(0.0), unit, "no deposed leader goes on");
    let Some(found) = &measured.terms else {
        return unasked(limit, unit);
    };
    let of = format!(
        "{} acknowledgements of {} terms",
        count(found.acknowledged),
        count(found.terms)
    );
    let (holds, text) = told(&found.first, found.contradictions, &found.open, &of);
    Finding {
        limit,
        observed: quantity(Some(found.contradictions as f64), unit, text),
        holds,
        why: "no request that was sent after an acknowledgement of a higher term had come was acknowledged with a lower one".to_string(),
    }
}

fn told(
    first: &[(String, Option<u64>)],
    contradictions: u64,
    open: &Option<String>,
    of: &str,
) -> (Holds, String) {
    match (first.first(), open) {
        (Some((first, _)), _) => {
            let all = count(contradictions);
            let text = format!("{all} contradictions in {of}; first: {first}");
            (Holds::NoWithProof, text)
        }
        (None, Some(why)) => (Holds::Unknown(why.clone()), format!("none found in {of}")),
        (None, None) => (Holds::Yes, format!("none in {of}")),
    }
}

//! What the engine's own order and the invariants came to. What contradicts is proof, whatever else is missing.

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::books::Search;
use crate::measured::Measured;
use crate::words::count;

/// What sessions or accounts have open and filled.
pub(crate) fn exposure(measured: &Measured) -> Finding {
    let unit = "holders";
    let limit = quantity(Some(0.0), unit, "nobody above it");
    let Some(found) = &measured.exposed else {
        return unasked(limit, unit);
    };
    let of = format!(
        "{} orders of {} holders, at most {:.0}% of the limit",
        count(found.orders),
        count(found.holders),
        found.most * 100.0
    );
    let (holds, text) = match (found.first.first(), &found.open) {
        (Some((first, _)), _) => {
            let above = count(found.above);
            let text = format!("{above} above it, by {of}; first: {first}");
            (Holds::NoWithProof, text)
        }
        (None, Some(why)) => (Holds::Unknown(why.clone()), format!("none found in {of}")),
        (None, None) => (Holds::Yes, format!("none in {of}")),
    };
    Finding {
        limit,
        observed: quantity(Some(found.above as f64), unit, text),
        holds,
        why: "what is open and filled together, counted from below at every place of the engine's own order".to_string(),
    }
}

/// Orders that end with their connection.
pub(crate) fn disconnects(measured: &Measured) -> Finding {
    let unit = "contradictions";
    let limit = quantity(Some(0.0), unit, "no contradiction");
    let Some(found) = &measured.disconnects else {
        return unasked(limit, unit);
    };
    let of = format!(
        "{} connections that ended, with {} orders of which {} were cancelled, and {} that did not end",
        count(found.ended),
        count(found.orders),
        count(found.cancelled),
        count(found.kept)
    );
    let (holds, text) = match (found.first.first(), &found.open) {
        (Some((first, _)), _) => {
            let all = count(found.contradictions);
            let text = format!("{all} contradictions in {of}; first: {first}");
            (Holds::NoWithProof, text)
        }
        (None, Some(why)) => {
            let text = format!("none found in {of}");
            (Holds::Unknown(why.clone()), text)
        }
        (None, None) => (Holds::Yes, format!("none in {of}")),
    };
    Finding {
        limit,
        observed: quantity(Some(found.contradictions as f64), unit, text),
        holds,
        why: "orders are cancelled with the connection over which they were entered, in the time that the profile says, and no others are".to_string(),
    }
}

/// The replay of the engine's own order.
pub(crate) fn history(measured: &Measured) -> Finding {
    let unit = "contradictions";
    let limit = quantity(Some(0.0), unit, "no contradiction");
    let Some(history) = &measured.history else {
        return unasked(limit, unit);
    };
    let of = format!(
        "{} requests of {} symbols {}",
        count(history.replayed),
        history.symbols,
        how(history.search.as_ref())
    );
    let unanswered = match history.unanswered {
        0 => String::new(),
        all => format!(
            "; {} got no answer, of which the copies tell the end of {}",
            count(all),
            count(history.resolved)
        ),
    };
    let (holds, text) = match (history.first.first(), &history.open) {
        (Some(first), _) => (
            Holds::NoWithProof,
            format!(
                "{} contradictions in {of}; first: {}",
                count(history.contradictions),
                first.text
            ),
        ),
        (None, Some(why)) => (
            Holds::Unknown(why.clone()),
            format!("none found in {of}{unanswered}"),
        ),
        (None, None) => (Holds::Yes, format!("none in {of}{unanswered}")),
    };
    Finding {
        limit,
        observed: quantity(Some(history.contradictions as f64), unit, text),
        holds,
        why: match history.search {
            None => "all requests, replayed in the engine's own order on a book of Shakedown's, explain every answer, every trade and the books that were read".to_string(),
            Some(_) => "the engine numbers nothing: some order of all requests, done on a book of Shakedown's, explains every answer, every trade and the books that were read".to_string(),
        },
    }
}

/// In which order requests were looked at.
fn how(search: Option<&Search>) -> String {
    match search {
        None => "in the engine's own order".to_string(),
        Some(search) => {
            let left = match search.left {
                0 => String::new(),
                left => format!(", and {} more left undecided", count(left)),
            };
            format!(
                "searched in {} windows of up to {} requests, with up to {} possible books{left}",
                count(search.windows),
                search.longest,
                search.books
            )
        }
    }
}

/// The invariants of books and trades.
pub(crate) fn invariants(measured: &Measured) -> Finding {
    let unit = "breaches";
    let limit = quantity(Some(0.0), unit, "no breach");
    let Some(found) = &measured.invariants else {
        return unasked(limit, unit);
    };
    let names: Vec<&str> = found.checked.iter().copied().collect();
    let of = format!("{} on {} copies", names.join(", "), found.copies);
    let (holds, text) = match (found.first.first(), &found.open) {
        (Some(first), _) => {
            let broken: Vec<&str> = found.names.iter().copied().collect();
            let text = format!(
                "{} breaches of {}; first: {}",
                count(found.broken),
                broken.join(", "),
                first.text
            );
            (Holds::NoWithProof, text)
        }
        (None, Some(why)) => (
            Holds::Unknown(why.clone()),
            format!("no breach found of {of}"),
        ),
        (None, None) => (Holds::Yes, format!("{of} hold")),
    };
    Finding {
        limit,
        observed: quantity(Some(found.broken as f64), unit, text),
        holds,
        why:
            "what must hold of the books and trades of every copy, as far as the profile reads them"
                .to_string(),
    }
}

/// The drop copy beside what clients were told.
pub(crate) fn drop_copy(measured: &Measured) -> Finding {
    let unit = "contradictions";
    let limit = quantity(Some(0.0), unit, "no contradiction");
    let Some(found) = &measured.drop_copy else {
        return unasked(limit, unit);
    };
    let fills = found.fills.map_or(String::new(), |fills| {
        format!(" and {} sides of trades", count(fills))
    });
    let of = format!(
        "{} acknowledged requests{fills} in {} reports",
        count(found.requests),
        count(found.reports)
    );
    let (holds, text) = match (found.first.first(), &found.open) {
        (Some((first, _)), _) => {
            let all = count(found.contradictions);
            let text = format!("{all} contradictions for {of}; first: {first}");
            (Holds::NoWithProof, text)
        }
        (None, Some(why)) => (
            Holds::Unknown(why.clone()),
            format!("no contradiction found for {of}"),
        ),
        (None, None) => (Holds::Yes, format!("none for {of}")),
    };
    Finding {
        limit,
        observed: quantity(Some(found.contradictions as f64), unit, text),
        holds,
        why: "every acceptance, replace, cancel and fill is in the drop copy once, with what was sent, and nothing else is".to_string(),
    }
}

/// The books that the market-data feed tells.
pub(crate) fn feed_book(measured: &Measured) -> Finding {
    let unit = "orders";
    let limit = quantity(Some(0.0), unit, "no difference");
    let Some(found) = &measured.feed_book else {
        return unasked(limit, unit);
    };
    let late = found.late.map_or(String::new(), |orders| {
        format!(", and one that came late and was told of {}", count(orders))
    });
    let of = format!(
        "{} open orders by {} messages, on {} copies{late}",
        count(found.orders),
        count(found.messages),
        found.copies
    );
    let (holds, text) = match (found.first.first(), &found.open) {
        (Some((first, _)), _) => {
            let all = count(found.contradictions);
            let text = format!("{all} orders differ in {of}; first: {first}");
            (Holds::NoWithProof, text)
        }
        (None, Some(why)) => (
            Holds::Unknown(why.clone()),
            format!("no difference found in {of}"),
        ),
        (None, None) => (Holds::Yes, format!("none in {of}")),
    };
    Finding {
        limit,
        observed: quantity(Some(found.contradictions as f64), unit, text),
        holds,
        why: "the books that are rebuilt from the market-data feed are those that were read of every copy, order by order".to_string(),
    }
}

pub(super) fn unasked(limit: shakedown_record::run_record::Quantity, unit: &str) -> Finding {
    Finding {
        limit,
        observed: unmeasured(unit),
        holds: Holds::Unknown("it was not looked at".to_string()),
        why: String::new(),
    }
}

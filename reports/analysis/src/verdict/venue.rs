//! Limits on what went between a trading system and its venue.

mod flow;

use shakedown_record::run_record::Quantity;
use shakedown_scenarios::plan::{TradeClass, VenueRule};

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::measured::Measured;
use crate::venue::{Trades, VenueFigures};
use crate::words::{count, duration_ns, percent_down, quantile as quantile_name, rate};

/// Holds a limit against what the venue wrote.
pub(crate) fn venue(measured: &Measured, rule: &VenueRule) -> Finding {
    let limit = limit_of(rule);
    let Some(figures) = &measured.venue else {
        return unknown(limit, "there is nothing of a venue".to_string());
    };
    let (flow, windows) = (&figures.flow, &measured.windows);
    match *rule {
        VenueRule::Response { .. } => response(figures, rule, limit),
        VenueRule::Trades { what, at_most } => match &figures.trades {
            None => unknown(limit, "the system's trades were not read".to_string()),
            Some(trades) => compared(figures, trades, what, at_most, limit),
        },
        VenueRule::FillRate { .. } | VenueRule::Rate { .. } | VenueRule::StaleQuotes { .. }
            if flow.is_empty() =>
        {
            unknown(limit, "no order came to the venue".to_string())
        }
        VenueRule::FillRate { at_least, phase } => {
            flow::filled(flow, windows, phase, at_least, limit)
        }
        VenueRule::Rate {
            of,
            at_least_per_s,
            phase,
        } => flow::rate_of(flow, windows, (of, phase), at_least_per_s, limit),
        VenueRule::StaleQuotes {
            older_than_ns,
            at_most,
            phase,
        } => flow::stale(flow, windows, (phase, older_than_ns), at_most, limit),
    }
}

fn limit_of(rule: &VenueRule) -> Quantity {
    let floor = |value: f64, unit: &str, text: String| {
        quantity(Some(value), unit, format!("at least {text}"))
    };
    match *rule {
        VenueRule::Response { at_most_ns, .. } => {
            let text = duration_ns(at_most_ns as f64);
            quantity(Some(at_most_ns as f64 / 1e6), "ms", text)
        }
        VenueRule::Trades { at_most, .. } => {
            quantity(Some(at_most as f64), "trades", count(at_most))
        }
        VenueRule::FillRate { at_least, .. } => floor(at_least, "fraction", percent_down(at_least)),
        VenueRule::Rate { at_least_per_s, .. } => floor(at_least_per_s, "/s", rate(at_least_per_s)),
        VenueRule::StaleQuotes { at_most, .. } => {
            quantity(Some(at_most as f64), "orders", count(at_most))
        }
    }
}

fn response(figures: &VenueFigures, rule: &VenueRule, limit: Quantity) -> Finding {
    let VenueRule::Response {
        quantile,
        at_most_ns,
        phase,
    } = *rule
    else {
        return unknown(limit, "this rule limits no time".to_string());
    };
    let name = quantile_name(quantile);
    let known = figures.response.get(&phase);
    let known = known.and_then(|known| Some((known.count(), known.quantile_ns(quantile)?)));
    let Some((samples, value_ns)) = known else {
        let why = format!("nothing was acknowledged in phase {}", phase.name());
        return unknown(limit, why);
    };
    let mut text = format!(
        "{} ({} samples)",
        duration_ns(value_ns as f64),
        count(samples)
    );
    if figures.counts.unanswered > 0 {
        let unanswered = count(figures.counts.unanswered);
        text.push_str(&format!(", {unanswered} never answered"));
    }
    let is_enough = samples as f64 * (1.0 - quantile) > 1.0 - 1e-6;
    let holds = match figures.counts.orders {
        0 => Holds::Unknown("no order came to the venue".to_string()),
        _ if !is_enough => Holds::Unknown(format!(
            "{} samples in phase {} are too few for {name}",
            count(samples),
            phase.name()
        )),
        _ => Holds::when(value_ns <= at_most_ns),
    };
    Finding {
        observed: quantity(Some(value_ns as f64 / 1e6), "ms", text),
        limit,
        holds,
        why: format!(
            "{name} from the intended time of a message to the order that it caused, in phase {}",
            phase.name()
        ),
    }
}

fn compared(
    figures: &VenueFigures,
    trades: &Trades,
    what: TradeClass,
    at_most: u64,
    limit: Quantity,
) -> Finding {
    let found = trades.count(what);
    let of = format!(
        "{} fills, {} trades",
        count(figures.counts.fills),
        count(trades.read)
    );
    let example = trades.examples.get(&what).and_then(|all| all.first());
    let example = example.map_or(String::new(), |example| format!("; {example}"));
    let holds = match (what, &trades.incomplete) {
        (TradeClass::Missing, Some(why)) => Holds::Unknown(why.clone()),
        (TradeClass::Missing, None) if trades.away && found > at_most => Holds::Unknown(
            "the system was not logged on to the venue when its trades were read".to_string(),
        ),
        _ if found > at_most => Holds::NoWithProof,
        (_, Some(why)) => Holds::Unknown(why.clone()),
        (_, None) if figures.counts.fills == 0 => {
            Holds::Unknown("the venue filled nothing".to_string())
        }
        (_, None) => Holds::Yes,
    };
    Finding {
        observed: quantity(
            Some(found as f64),
            "trades",
            format!("{} of {of}{example}", count(found)),
        ),
        limit,
        holds,
        why: match what {
            TradeClass::Missing => "fills of the venue that the system did not book",
            TradeClass::Phantom => "trades of the system that the venue never made",
            TradeClass::Duplicate => "fills that the system booked more than once",
            TradeClass::Wrong => "trades with another price or quantity than their fill",
        }
        .to_string(),
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

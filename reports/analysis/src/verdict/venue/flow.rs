//! Limits on what comes to the venue: how much of it is filled, how much comes, how long orders stand.

use shakedown_record::run_record::Quantity;
use shakedown_record::{Phase, PhaseWindows};
use shakedown_scenarios::plan::VenueCount;

use super::unknown;
use crate::venue::Flow;
use crate::verdict::finding::{Finding, Holds, quantity};
use crate::words::{count, duration_ns, percent_down, rate};

/// Share of the quantity that came which was filled.
pub(super) fn filled(
    flow: &Flow,
    windows: &PhaseWindows,
    phase: Phase,
    at_least: f64,
    limit: Quantity,
) -> Finding {
    let Some((share, orders)) = flow.filled(windows, phase) else {
        let why = format!("no order came to the venue in phase {}", phase.name());
        return unknown(limit, why);
    };
    let text = format!(
        "{} of {} orders",
        percent_down(share.at_least),
        count(orders)
    );
    let holds = match (share.at_least >= at_least, share.at_most < at_least) {
        (true, _) => Holds::Yes,
        (false, true) => Holds::No,
        (false, false) => Holds::Unknown(format!(
            "up to {} may be filled: the venue was not heard of for long enough after the last orders",
            percent_down(share.at_most)
        )),
    };
    Finding {
        observed: quantity(Some(share.at_least), "fraction", text),
        limit,
        holds,
        why: format!(
            "filled of the quantity of the orders that came to the venue in phase {}",
            phase.name()
        ),
    }
}

/// What comes or is done per second.
pub(super) fn rate_of(
    flow: &Flow,
    windows: &PhaseWindows,
    (of, phase): (VenueCount, Phase),
    at_least_per_s: f64,
    limit: Quantity,
) -> Finding {
    let seconds = windows.seconds(phase);
    if seconds <= 0.0 {
        return unknown(limit, format!("there was no phase {}", phase.name()));
    }
    let counted = flow.count(windows, phase, of);
    let per_s = counted as f64 / seconds;
    let what = match of {
        VenueCount::Orders => "orders that came to the venue",
        VenueCount::Fills => "fills of the venue",
    };
    Finding {
        observed: quantity(
            Some(per_s),
            "/s",
            format!(
                "{} ({} in {})",
                rate(per_s),
                count(counted),
                duration_ns(seconds * 1e9)
            ),
        ),
        limit,
        holds: Holds::when(per_s >= at_least_per_s),
        why: format!("{what} per second in phase {}", phase.name()),
    }
}

/// Orders that stood for too long.
pub(super) fn stale(
    flow: &Flow,
    windows: &PhaseWindows,
    (phase, older_than_ns): (Phase, u64),
    at_most: u64,
    limit: Quantity,
) -> Finding {
    let found = flow.outdated(windows, phase, older_than_ns);
    let age = duration_ns(older_than_ns as f64);
    let why = format!(
        "orders that still stood {age} after a message of their symbol with another price was due, in phase {}",
        phase.name()
    );
    let longest = found.longest.map_or(String::new(), |(order, stood_ns)| {
        format!("; {} stood for {}", order.id, duration_ns(stood_ns as f64))
    });
    let holds = match (found.stood > at_most, found.untied, found.due) {
        (true, _, _) => Holds::No,
        (false, 1.., _) => Holds::Unknown(format!(
            "{} orders at the venue do not say what caused them",
            count(found.untied)
        )),
        (false, 0, 0) => Holds::Unknown(format!(
            "the market did not move away from any order {age} before phase {} was over",
            phase.name()
        )),
        (false, 0, _) => Holds::Yes,
    };
    Finding {
        observed: quantity(
            Some(found.stood as f64),
            "orders",
            format!("{} of {}{longest}", count(found.stood), count(found.due)),
        ),
        limit,
        holds,
        why,
    }
}

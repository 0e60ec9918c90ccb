//! Limits on throughput, errors and rejects.

use shakedown_record::Phase;

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::measured::Measured;
use crate::words::{count, percent_up, rate};

/// Acknowledged per second in a phase.
pub(crate) fn throughput(measured: &Measured, at_least_per_s: f64, phase: Phase) -> Finding {
    let limit = quantity(Some(at_least_per_s), "/s", rate(at_least_per_s));
    let seconds = measured.windows.seconds(phase);
    let outcomes = measured.tally.phases[&phase].outcomes;
    let why = format!("acknowledged per second in phase {}", phase.name());
    if seconds <= 0.0 || outcomes.total() == 0 {
        let holds = Holds::Unknown(format!("no orders in phase {}", phase.name()));
        return Finding {
            limit,
            observed: unmeasured("/s"),
            holds,
            why,
        };
    }
    let (offered, achieved) = (
        outcomes.total() as f64 / seconds,
        outcomes.acked as f64 / seconds,
    );
    let holds = match (achieved >= at_least_per_s, offered >= at_least_per_s) {
        (true, _) => Holds::Yes,
        (false, true) => Holds::No,
        (false, false) => Holds::Unknown(format!(
            "only {} were offered, so {} could not be reached",
            rate(offered),
            rate(at_least_per_s)
        )),
    };
    let text = format!("{} of {} offered", rate(achieved), rate(offered));
    Finding {
        limit,
        observed: quantity(Some(achieved), "/s", text),
        holds,
        why,
    }
}

/// Share of messages that were neither acknowledged nor rejected.
pub(crate) fn errors(measured: &Measured, at_most: f64, phase: Phase) -> Finding {
    let outcomes = measured.tally.phases[&phase].outcomes;
    share(
        outcomes.errors(),
        outcomes.total(),
        at_most,
        phase,
        "neither acknowledged nor rejected",
    )
}

/// Share of rejects; orders that were made too large on purpose are left out.
pub(crate) fn rejects(measured: &Measured, at_most: f64, phase: Phase) -> Finding {
    let tally = &measured.tally.phases[&phase];
    let rejected = tally.outcomes.rejected - tally.oversized_rejected;
    share(
        rejected,
        tally.outcomes.total() - tally.oversized,
        at_most,
        phase,
        "rejected by the engine",
    )
}

fn share(part: u64, whole: u64, at_most: f64, phase: Phase, what: &str) -> Finding {
    let limit = quantity(Some(at_most), "fraction", percent_up(at_most));
    let why = format!(
        "share of messages in phase {} that were {what}",
        phase.name()
    );
    if whole == 0 {
        let holds = Holds::Unknown(format!("no orders in phase {}", phase.name()));
        return Finding {
            limit,
            observed: unmeasured("fraction"),
            holds,
            why,
        };
    }
    let fraction = part as f64 / whole as f64;
    let text = format!(
        "{} ({} of {})",
        percent_up(fraction),
        count(part),
        count(whole)
    );
    Finding {
        limit,
        observed: quantity(Some(fraction), "fraction", text),
        holds: Holds::when(fraction <= at_most),
        why,
    }
}

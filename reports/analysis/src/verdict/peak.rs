//! Twice a recorded peak: was it offered, was it answered, was it traded.
//!
//! That less was offered than asked for is never held against the system: the check is inconclusive then.

use shakedown_record::{Outcome, Phase};
use shakedown_scenarios::plan::PeakFlow;

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::data_loss::CopyRead;
use crate::input::Input;
use crate::measured::Measured;
use crate::words::{count, rate};

/// As in steady state, one in a thousand may go wrong: connections break.
const SLACK: f64 = 0.001;

/// Holds one flow against twice its peak.
pub(crate) fn peak(
    input: &Input,
    measured: &Measured,
    flow: PeakFlow,
    at_least_per_s: f64,
) -> Finding {
    let phase = phase(flow);
    let limit = quantity(Some(at_least_per_s), "/s", rate(at_least_per_s));
    let seconds = measured.windows.seconds(phase);
    let outcomes = &measured.tally.phases[&phase].outcomes;
    if seconds <= 0.0 || outcomes.total() == 0 {
        let why = format!("no orders in phase {}", phase.name());
        return unknown(limit, why);
    }
    let left = [Outcome::NotSent, Outcome::Refused, Outcome::Unreachable];
    let unsent: u64 = left.iter().map(|outcome| outcomes.get(*outcome)).sum();
    let sent = outcomes.total() - unsent;
    let enough = at_least_per_s * seconds * (1.0 - SLACK);
    // A window may cut a message off at either end.
    let reaches = |messages: u64| messages as f64 + 1.0 >= enough;
    match flow {
        PeakFlow::In => {
            let text = format!("{} sent", rate(sent as f64 / seconds));
            let holds = match reaches(sent) {
                true => Holds::Yes,
                false => Holds::Unknown(format!(
                    "only {} could be sent: twice the peak was not offered",
                    rate(sent as f64 / seconds)
                )),
            };
            Finding {
                limit,
                observed: quantity(Some(sent as f64 / seconds), "/s", text),
                holds,
                why: "messages sent to the system in a second of phase steady".to_string(),
            }
        }
        PeakFlow::Out => {
            let answered = outcomes.acked + outcomes.get(Outcome::Rejected);
            let per_s = answered as f64 / seconds;
            let holds = match (reaches(answered), reaches(sent)) {
                (true, _) => Holds::Yes,
                (false, true) => Holds::No,
                (false, false) => Holds::Unknown(
                    "twice the peak was not offered, so as many could not be answered".to_string(),
                ),
            };
            Finding {
                limit,
                observed: quantity(Some(per_s), "/s", format!("{} answered", rate(per_s))),
                holds,
                why: "messages acknowledged or rejected in a second of phase steady".to_string(),
            }
        }
        PeakFlow::Trades => trades(input, measured, limit, at_least_per_s, seconds),
    }
}

/// The phase in which a flow is counted. Trades are counted over the run, since an order may rest before it trades.
pub(crate) fn phase(flow: PeakFlow) -> Phase {
    match flow {
        PeakFlow::In | PeakFlow::Out => Phase::Steady,
        PeakFlow::Trades => Phase::Run,
    }
}

/// A trade fills two orders at most: half as many trades as filled orders are certain.
fn trades(
    input: &Input,
    measured: &Measured,
    limit: shakedown_record::run_record::Quantity,
    at_least_per_s: f64,
    seconds: f64,
) -> Finding {
    let copies = measured
        .assessment
        .reads
        .iter()
        .flat_map(|(_, copies)| copies);
    let Some(copy) = copies.into_iter().find(|copy| copy.is_complete()) else {
        return unknown(limit, "no copy was completely read back".to_string());
    };
    let filled = filled_in_run(input, measured, copy);
    let certain = filled.div_ceil(2) as f64 / seconds;
    let holds = match certain >= at_least_per_s * (1.0 - SLACK) {
        true => Holds::Yes,
        false => Holds::Unknown(format!(
            "no more than {} are certain: this flow trades too little (let more orders cross: load.prices)",
            rate(certain)
        )),
    };
    Finding {
        limit,
        observed: quantity(
            Some(certain),
            "/s",
            format!(
                "{} at least, by {} filled orders",
                rate(certain),
                count(filled)
            ),
        ),
        holds,
        why: "half the filled orders of a second, for a trade fills two at most".to_string(),
    }
}

fn filled_in_run(input: &Input, measured: &Measured, copy: &CopyRead) -> u64 {
    let in_run = |slot: &u64| {
        let entry = input.orders.get(*slot);
        entry.is_some_and(|entry| {
            measured.windows.phase_at(entry.intended_ns as i64) != Phase::WarmUp
        })
    };
    copy.filled.iter().filter(in_run).count() as u64
}

fn unknown(limit: shakedown_record::run_record::Quantity, why: String) -> Finding {
    Finding {
        limit,
        observed: unmeasured("/s"),
        holds: Holds::Unknown(why.clone()),
        why,
    }
}

//! The limit on failover time: max of time to recovery and worst session gap, over every fault and every outage.

use super::finding::{Finding, Holds, quantity};
use crate::failover::Timed;
use crate::measured::Measured;
use crate::words::{duration_ns, duration_s};

/// Holds the worst failover against the limit. What had not ended is broken as soon as it outlasted the limit.
pub(crate) fn failover(measured: &Measured, at_most_ns: u64) -> Finding {
    let limit_s = at_most_ns as f64 / 1e9;
    let limit = quantity(Some(limit_s), "s", duration_ns(at_most_ns as f64));
    let length_s = |timed: &&Timed| timed.gate_s().unwrap_or(timed.at_least_s);
    let worst = measured
        .failovers
        .iter()
        .max_by(|a, b| length_s(a).total_cmp(&length_s(b)));
    let why =
        "from the fault to 5 s of good service, and the longest that any session went without"
            .to_string();
    let Some(worst) = worst else {
        let observed = quantity(Some(0.0), "s", "no outage");
        return Finding {
            limit,
            observed,
            holds: Holds::Yes,
            why,
        };
    };
    let open = measured
        .failovers
        .iter()
        .find(|timed| timed.gate_s().is_none());
    let holds = match open {
        _ if length_s(&worst) > limit_s => Holds::No,
        Some(open) => Holds::Unknown(format!(
            "service was not back after {} when observation of {} ended, which is too early for the limit",
            duration_s(open.at_least_s),
            name(open)
        )),
        None => Holds::Yes,
    };
    let shown = open
        .filter(|_| holds != Holds::No || worst.gate_s().is_none())
        .unwrap_or(worst);
    Finding {
        observed: quantity(shown.gate_s(), "s", words(shown, measured.failovers.len())),
        limit,
        holds,
        why,
    }
}

fn name(timed: &Timed) -> String {
    match &timed.entry.fault {
        Some(fault) => fault.clone(),
        None => format!("the outage at {}", duration_s(timed.entry.started_at_s)),
    }
}

fn words(timed: &Timed, of: usize) -> String {
    let entry = &timed.entry;
    let mut text = match (entry.recovered_s, timed.gate_s()) {
        (Some(recovered_s), Some(_)) => format!("{}, then good for 5 s", duration_s(recovered_s)),
        _ => format!("not back after {}", duration_s(timed.at_least_s)),
    };
    match entry.worst_session_gap_s {
        Some(gap_s) => text.push_str(&format!("; worst session {}", duration_s(gap_s))),
        None => text.push_str("; a session never got an answer again"),
    }
    if let Some(resolution_s) = entry.resolution_s {
        text.push_str(&format!("; resolution {}", duration_s(resolution_s)));
    }
    match (&entry.fault, of) {
        (Some(_), 1) => {}
        (Some(fault), _) => text.push_str(&format!(" (worst of {of}: {fault})")),
        (None, _) => text.push_str(&format!(" (no fault explains {})", name(timed))),
    }
    text
}

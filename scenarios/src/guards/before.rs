//! Before a run: every guard that a plan, an instant and calendars decide.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::calendar::Calendar;
use crate::compile::{rate_text, share_text, time_text};
use crate::plan::{EnvironmentPlan, FaultKind, FaultPlan, Plan, WindowKind};

use super::guard::{Guard, Refusal};
use super::length::planned_longest_ns;
use super::windows::hours_text;
use super::{outage, protected, radius, windows};

/// Calendars by the reference that the files use; `Err` says in words why one cannot be had.
pub type Calendars = BTreeMap<String, Result<Calendar, String>>;

/// When the run would start, and what is known of markets.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    pub now: Timestamp,
    pub calendars: &'a Calendars,
}

/// Every guard that says no, in the order in which they decide.
pub fn refusals(plan: &Plan, now: &Circumstances) -> Vec<Refusal> {
    let mut all = ceilings(plan);
    all.extend(reach(plan));
    all.extend(without_proof(plan));
    all.extend(protected::refusals(plan));
    all.extend(radius::refusals(plan));
    all.extend(outage::refusals(plan));
    all.extend(windows::refusals(plan, now));
    all
}

/// References to calendars that a plan needs, as written.
pub fn calendars_of(plan: &Plan) -> BTreeSet<String> {
    let windows = plan.guards.windows.iter();
    windows
        .filter_map(|window| match &window.kind {
            WindowKind::OutsideMarketHours { calendar, .. } => Some(calendar.clone()),
            WindowKind::Allowed(_) => None,
        })
        .collect()
}

/// What somebody has to say yes to; `None` where Shakedown breaks only what it has started itself.
pub fn confirmation(plan: &Plan) -> Option<String> {
    let place = match &plan.environment {
        EnvironmentPlan::Local { .. } => return None,
        EnvironmentPlan::External(endpoints) => endpoints.entry.join(", "),
        EnvironmentPlan::Docker(docker) => docker.words(),
        EnvironmentPlan::Kubernetes(cluster) => cluster.words(),
    };
    let faults = match plan.faults.as_slice() {
        [] => "no faults".to_string(),
        faults => {
            let names: Vec<&str> = faults.iter().map(|fault| fault.id.as_str()).collect();
            format!("faults: {}", names.join(", "))
        }
    };
    Some(format!(
        "this sends {} orders to {} ({}) for up to {}; {faults}",
        rate_text(plan.load.arrival.rate_per_s()),
        plan.system.name,
        place,
        time_text(planned_longest_ns(plan) / 1_000_000_000 * 1_000_000_000),
    ))
}

/// The guards that the files ask for, one sentence each; then what would be refused whatever the time is.
pub fn sentences(plan: &Plan) -> Vec<String> {
    let guards = &plan.guards;
    let mut lines = Vec::new();
    let protected = &guards.protected;
    let labels = protected.labels.iter();
    let labels = labels.flat_map(|(key, values)| values.iter().map(move |v| format!("{key}={v}")));
    let never: Vec<String> = (protected.names.iter().cloned())
        .chain(protected.parts.iter().map(|part| format!("part {part}")))
        .chain(labels)
        .collect();
    if !never.is_empty() {
        lines.push(format!("protected: {}", never.join(", ")));
    }
    for limit in &guards.blast_radius {
        let count = limit.count.map(|count| count.to_string());
        let share = limit.share.map(share_text);
        let limits: Vec<String> = count.into_iter().chain(share).collect();
        lines.push(format!(
            "blast-radius: at most {} of a part at once",
            limits.join(" and ")
        ));
    }
    for window in &guards.windows {
        lines.push(match &window.kind {
            WindowKind::Allowed(hours) => {
                format!("time-window {}: only {}", window.id, hours_text(hours))
            }
            WindowKind::OutsideMarketHours {
                calendar,
                margin_ns,
            } => format!(
                "market-hours {}: never in the hours of {calendar}, {} around them kept clear",
                window.id,
                time_text(*margin_ns)
            ),
        });
    }
    let mut refused = ceilings(plan);
    refused.extend(protected::refusals(plan));
    refused.extend(radius::refusals(plan));
    refused.extend(outage::refusals(plan));
    lines.extend(
        refused
            .iter()
            .map(|refusal| format!("{} WILL REFUSE: {refusal}", refusal.guard)),
    );
    lines
}

fn ceilings(plan: &Plan) -> Vec<Refusal> {
    let rate_per_s = plan.load.arrival.rate_per_s();
    let ceiling = plan.system.ceilings.orders_per_s;
    let above = ceiling.filter(|ceiling| rate_per_s > *ceiling);
    let refusal = above.map(|ceiling| {
        Refusal::new(
            Guard::Ceilings,
            format!("the load is {rate_per_s} orders/s and the profile allows {ceiling}/s"),
            "lower the rate, or raise `ceilings.orders`",
        )
    });
    refusal.into_iter().collect()
}

/// Of an external environment only addresses are known: nothing but a hook can break anything there, and nothing but what the
/// profile says can be asked of it.
fn reach(plan: &Plan) -> Option<Refusal> {
    match &plan.environment {
        EnvironmentPlan::Local { .. }
        | EnvironmentPlan::Docker(_)
        | EnvironmentPlan::Kubernetes(_) => return None,
        EnvironmentPlan::External(_) => {}
    }
    let by_address = |fault: &&FaultPlan| {
        matches!(
            fault.kind,
            FaultKind::Hook(_) | FaultKind::KillSwitch { .. } | FaultKind::Operation(_)
        )
    };
    let fault = plan.faults.iter().find(|fault| !by_address(fault))?;
    Some(Refusal::new(
        Guard::Reach,
        format!(
            "fault '{}' needs processes that Shakedown can reach, and of an external environment it knows addresses \
             only",
            fault.id
        ),
        "let commands of yours do it (do: { hook: … }), or run it with --environment local",
    ))
}

/// Outside local, something must be able to prove that this is not production.
fn without_proof(plan: &Plan) -> Option<Refusal> {
    let proofs = match &plan.environment {
        EnvironmentPlan::Local { .. } => return None,
        EnvironmentPlan::External(endpoints) => &endpoints.not_production,
        EnvironmentPlan::Docker(docker) => &docker.not_production,
        EnvironmentPlan::Kubernetes(cluster) if !cluster.cluster_uids.is_empty() => return None,
        EnvironmentPlan::Kubernetes(cluster) => &cluster.not_production,
    };
    let proven = proofs.iter().any(|proof| !proof.conditions.is_empty());
    (!proven).then(|| {
        Refusal::new(
            Guard::NotProduction,
            "the profile has no proof that this target is not production",
            "say what only a test system answers: not-production: [ { get: /info, where: { /env: staging } } ]",
        )
    })
}

//! What a verdict rests on, judged before any limit. Each list names what is missing, in words; empty is sound.

use shakedown_record::worker::CLOCK_ERROR_BUDGET_NS;
use shakedown_record::{LinkOverhead, Phase, RunZero};
use shakedown_scenarios::plan::{FaultPlan, Plan, RuleKind};

use crate::facts::{FiringFacts, LostWorker};
use crate::input::Input;
use crate::measured::Measured;
use crate::words::{count, duration_ns, moment_s};

/// Missing evidence by subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// Of the run as a whole: every check needs it.
    pub run: Vec<String>,
    /// Of the generator: whatever depends on time needs it.
    pub generator: Vec<String>,
    /// Of the faults: whatever looks at them or at what came after needs it.
    pub faults: Vec<String>,
    /// What userspace links cost, and that in words: limits on latency must be far above.
    pub links: Option<(LinkOverhead, String)>,
}

impl Evidence {
    /// Looks for what every check of this run needs.
    pub fn of(input: &Input, plan: &Plan, measured: &Measured) -> Self {
        Self {
            run: run_evidence(input, measured),
            generator: generator_evidence(input),
            faults: fault_evidence(input, plan),
            links: input.facts.links.map(|links| (links, link_words(links))),
        }
    }

    /// What is missing for a rule, the weightiest first. What the data classes need of the copies is judged with them.
    pub fn missing(&self, kind: &RuleKind) -> Vec<&str> {
        let (generator, faults) = match kind {
            RuleKind::Latency { phase, .. }
            | RuleKind::Throughput { phase, .. }
            | RuleKind::ErrorRate { phase, .. }
            | RuleKind::RejectRate { phase, .. } => (true, sees_faults(*phase)),
            RuleKind::Canary(rule) => (true, sees_faults(rule.phase)),
            RuleKind::Peak { .. } => (true, false),
            RuleKind::EngineLatency { phase, .. } => (false, sees_faults(*phase)),
            RuleKind::Metric(rule) => (false, sees_faults(rule.phase)),
            RuleKind::Resource(rule) => (false, sees_faults(rule.phase)),
            RuleKind::Venue(rule) => match rule.phase() {
                Some(phase) => (true, sees_faults(phase)),
                None => (false, true),
            },
            RuleKind::Points(rule) => (true, rule.phase().is_none_or(sees_faults)),
            RuleKind::Feed(rule) => match rule.phase() {
                Some(phase) => (true, sees_faults(phase)),
                None => (false, true),
            },
            RuleKind::Failover { .. } | RuleKind::Availability { .. } => (true, true),
            RuleKind::Orders { .. }
            | RuleKind::CancelOnDisconnect
            | RuleKind::Exposure
            | RuleKind::KillSwitch
            | RuleKind::Terms
            | RuleKind::Linearizable
            | RuleKind::Invariants
            | RuleKind::Stops
            | RuleKind::Expiry { .. }
            | RuleKind::DropCopy
            | RuleKind::Rpo { .. }
            | RuleKind::RestoreRpo { .. }
            | RuleKind::Alert(_)
            | RuleKind::Isolation(_) => (false, true),
        };
        let mut missing: Vec<&str> = self.run.iter().map(String::as_str).collect();
        if let RuleKind::Latency { at_most_ns, .. } | RuleKind::EngineLatency { at_most_ns, .. } =
            kind
            && let Some((links, words)) = &self.links
            && links.is_too_much_for(*at_most_ns)
        {
            missing.push(words);
        }
        if generator {
            missing.extend(self.generator.iter().map(String::as_str));
        }
        if faults {
            missing.extend(self.faults.iter().map(String::as_str));
        }
        missing
    }
}

fn link_words(links: LinkOverhead) -> String {
    format!(
        "userspace links add up to {} to a round trip, as measured before the run: more than a tenth of the limit",
        duration_ns(links.added_ns() as f64)
    )
}

fn sees_faults(phase: Phase) -> bool {
    match phase {
        Phase::WarmUp | Phase::Steady => false,
        Phase::Impact | Phase::Recovery | Phase::Run => true,
    }
}

fn run_evidence(input: &Input, measured: &Measured) -> Vec<String> {
    let facts = &input.facts;
    let mut missing = measured.seal.broken.clone();
    if let Some((guard, reason)) = &facts.guard_refused {
        missing.push(format!("guard {guard} refused: {reason}"));
    }
    if let Some(reason) = &facts.environment_failed {
        missing.push(format!(
            "the environment could not be reached or started: {reason}"
        ));
    }
    if let Some(by) = &facts.interrupted {
        missing.push(format!("the run was interrupted by {by}"));
    }
    missing.extend(
        facts
            .lost_workers
            .iter()
            .map(|lost| lost_words(lost, facts.zero)),
    );
    missing.extend(input.missing.iter().cloned());
    if input.orders.damaged > 0 {
        let named = input.orders.damage.join("; ");
        missing.push(format!(
            "{} slots of the ledger are damaged: {named}",
            count(input.orders.damaged)
        ));
    }
    if facts.started.is_none() {
        missing.push("the events do not say which run this is".to_string());
    }
    if facts.zero.is_none() {
        missing.push("the load was never started".to_string());
    } else if measured.tally.outcomes.acked == 0 {
        missing.push("nothing was acknowledged".to_string());
    }
    if facts.zero.is_some() && facts.stopped.is_none() {
        missing.push("nothing says how many orders were scheduled".to_string());
    }
    if let Some(mismatch) = conservation(input) {
        missing.push(mismatch);
    }
    if facts.zero.is_some() && facts.steady_mono_ns.is_none() {
        let why = facts
            .steady_missed
            .as_deref()
            .unwrap_or("nothing says that it was");
        missing.push(format!("steady state was not reached: {why}"));
    }
    if facts.finished_at.is_none() {
        missing.push("the run did not finish: its events end early".to_string());
    }
    missing
}

/// Every scheduled slot ended in exactly one outcome; anything else is a bug in Shakedown. `None` when all is well,
/// or when the run died before it counted.
pub(crate) fn conservation(input: &Input) -> Option<String> {
    let scheduled = input.facts.stopped?.scheduled;
    let in_ledger = input.orders.written + input.orders.damaged;
    let counted = input
        .facts
        .generator
        .as_ref()
        .map_or(scheduled, |report| report.outcomes.total());
    if in_ledger == scheduled && counted == scheduled {
        return None;
    }
    Some(format!(
        "slots do not add up: {} were scheduled, {} are in the ledger, {} were counted by the generator",
        count(scheduled),
        count(in_ledger),
        count(counted)
    ))
}

fn lost_words(lost: &LostWorker, zero: Option<RunZero>) -> String {
    let when = zero.map(|zero| moment_s(zero.since_s(lost.mono_ns)));
    format!(
        "worker {} of {} was lost{}, and its part of the load with it: {}",
        lost.worker,
        lost.workers,
        when.map(|when| format!(" at {when}")).unwrap_or_default(),
        lost.why
    )
}

fn generator_evidence(input: &Input) -> Vec<String> {
    let workers = input.facts.generator.iter().flat_map(|it| &it.workers);
    let out_of_time = workers.filter(|worker| !worker.is_in_time()).map(|worker| {
        format!(
            "the times of worker {} are those of the others within {} only (budget {})",
            worker.worker,
            duration_ns(worker.clock_error_ns as f64),
            duration_ns(CLOCK_ERROR_BUDGET_NS as f64)
        )
    });
    starved(input).into_iter().chain(out_of_time).collect()
}

fn starved(input: &Input) -> Vec<String> {
    match &input.facts.generator {
        None if input.facts.zero.is_some() => {
            vec!["the generator gave no report of itself".to_string()]
        }
        None => Vec::new(),
        Some(report) if report.saturated => {
            let why = match report.why.is_empty() {
                true => "no cause was given".to_string(),
                false => report.why.join("; "),
            };
            vec![format!("the generator was starved: {why}")]
        }
        Some(_) => Vec::new(),
    }
}

fn fault_evidence(input: &Input, plan: &Plan) -> Vec<String> {
    let firings = &input.facts.firings;
    let missing_of = |fault: &FaultPlan, occurrence: u32| {
        let firing = firings
            .iter()
            .find(|known| known.firing.fault == fault.id && known.firing.occurrence == occurrence);
        match firing {
            Some(firing) => firing_evidence(firing),
            None if occurrence == 0 => Some(format!("fault {} did not fire", fault.id)),
            None => Some(format!(
                "fault {} did not fire a {} time",
                fault.id,
                ordinal(occurrence + 1)
            )),
        }
    };
    plan.faults
        .iter()
        .flat_map(|fault| (0..fault.repeat.times.max(1)).filter_map(move |n| missing_of(fault, n)))
        .collect()
}

fn firing_evidence(firing: &FiringFacts) -> Option<String> {
    let name = firing.firing.label();
    if let Some(reason) = &firing.refused {
        return Some(format!("fault {name} was refused: {reason}"));
    }
    if let Some(reason) = &firing.failed {
        return Some(format!("fault {name} failed: {reason}"));
    }
    if firing.injected.is_none() {
        return Some(format!("fault {name} did not fire"));
    }
    match &firing.effect {
        None => return Some(format!("fault {name} was never seen to have an effect")),
        Some((_, effect)) if !effect.confirmed => {
            return Some(format!("fault {name} had no effect: {}", effect.text));
        }
        Some(_) => {}
    }
    match (&firing.clean, &firing.dirty) {
        (Some(_), _) => None,
        (None, Some(left)) => Some(format!("fault {name} was not healed: {}", left.what)),
        (None, None) => Some(format!("fault {name} was never seen healed and clean")),
    }
}

fn ordinal(n: u32) -> String {
    match (n % 10, n % 100) {
        (1, tens) if tens != 11 => format!("{n}st"),
        (2, tens) if tens != 12 => format!("{n}nd"),
        (3, tens) if tens != 13 => format!("{n}rd"),
        _ => format!("{n}th"),
    }
}

//! A new version beside the present one: how long each took to answer, and how often it failed.
//!
//! Who answered is what the answers say. A message that failed without an answer could have been anybody's: it is counted
//! apart, and the verdict must hold whosever it was.

use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::ledger::Entry;
use shakedown_record::{Phase, PhaseWindows};
use shakedown_scenarios::plan::gates::CanaryRule;
use shakedown_scenarios::plan::{Plan, RuleKind};

use crate::input::Input;

/// What one side answered.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// From sending to answer, failures counted as the timeout.
    pub service: LatencyHistogram,
    /// Answers that were neither an acknowledgement nor a reject.
    pub errors: u64,
}

impl Side {
    /// How many answers.
    pub fn answers(&self) -> u64 {
        self.service.count()
    }

    fn take(&mut self, entry: &Entry, timeout_ns: u64) {
        let took_ns = match (entry.sent_ns, entry.done_ns) {
            (Some(sent_ns), Some(done_ns)) => done_ns.saturating_sub(sent_ns),
            _ => timeout_ns,
        };
        let served = entry.settled().is_served();
        self.errors += u64::from(!served);
        self.service.record(match served {
            true => took_ns,
            false => timeout_ns.max(took_ns),
        });
    }
}

/// Both sides of one rule.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub own: Side,
    pub others: Side,
    /// Failures of which nobody knows whose they were.
    pub nameless_failures: u64,
    /// Acknowledgements and rejects that do not say who gave them.
    pub nameless: u64,
    pub timeout_ns: u64,
}

impl Compared {
    /// The same with every failure of which nobody knows whose it was.
    pub fn with_failures(&self, own: &LatencyHistogram) -> LatencyHistogram {
        let failures =
            (self.nameless_failures > 0).then_some((self.timeout_ns, self.nameless_failures));
        let mut all = LatencyHistogram::of_counts(failures.as_slice());
        all.merge(own);
        all
    }
}

/// Every rule with what it compares.
pub(crate) fn compared(
    input: &Input,
    plan: &Plan,
    windows: &PhaseWindows,
) -> Vec<(CanaryRule, Compared)> {
    let rules = plan.rules.iter().filter_map(|rule| match &rule.kind {
        RuleKind::Canary(rule) => Some(rule),
        _ => None,
    });
    rules
        .map(|rule| (rule.clone(), of_rule(input, plan, windows, rule)))
        .collect()
}

fn of_rule(input: &Input, plan: &Plan, windows: &PhaseWindows, rule: &CanaryRule) -> Compared {
    let mut both = Compared {
        timeout_ns: plan.load.timeout_ns,
        ..Compared::default()
    };
    for (_, entry) in input.orders.iter() {
        if !is_in(input.phase(windows, &entry), rule.phase) {
            continue;
        }
        let served = entry.settled().is_served();
        match input.served_by(&entry) {
            Some(name) if rule.of.has(name) => both.own.take(&entry, both.timeout_ns),
            Some(name) if rule.compares_with(name) => both.others.take(&entry, both.timeout_ns),
            Some(_) => {}
            None if served => both.nameless += 1,
            None => both.nameless_failures += 1,
        }
    }
    both
}

/// The run is steady, impact and recovery.
fn is_in(phase: Phase, wanted: Phase) -> bool {
    match wanted {
        Phase::Run => phase != Phase::WarmUp,
        wanted => phase == wanted,
    }
}

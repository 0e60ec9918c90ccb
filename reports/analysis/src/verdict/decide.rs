//! Over the checks: fail > inconclusive > pass. Beside it the flags, the exit code by precedence, and the words.

use shakedown_record::event::LeftoverKind;
use shakedown_record::run_record::{Check, Leftovers, Severity};
use shakedown_record::{ExitCode, Verdict};
use shakedown_scenarios::plan::{CleanUp, DataClass, Plan};

use crate::evidence::{Evidence, conservation};
use crate::input::Input;
use crate::measured::Measured;

/// What the run came to.
#[derive(Debug, Clone)]
pub(crate) struct Decision {
    pub verdict: Verdict,
    pub exit: ExitCode,
    pub dirty: bool,
    pub aborted: bool,
    /// The headline first.
    pub reasons: Vec<String>,
    pub leftovers: Leftovers,
}

/// Decides over the checks and the flags of a run.
pub(crate) fn decide(
    input: &Input,
    plan: &Plan,
    measured: &Measured,
    evidence: &Evidence,
    checks: &[Check],
) -> Decision {
    let facts = &input.facts;
    let leftovers = leftovers(input);
    let dirty =
        leftovers.faults > 0 || leftovers.objects > 0 || leftovers.orders_open.unwrap_or(0) > 0;
    let aborted = facts.interrupted.is_some() || facts.abort.is_some();
    let untold = untold_orders(input, plan, measured);
    let critical: Vec<&Check> = checks
        .iter()
        .filter(|check| check.severity == Severity::Critical)
        .collect();
    let blocked = !evidence.run.is_empty() || untold.is_some();
    let verdict = Verdict::over(
        critical
            .iter()
            .map(|check| check.verdict)
            .chain(critical.is_empty().then_some(Verdict::Inconclusive))
            .chain(blocked.then_some(Verdict::Inconclusive))
            .chain(facts.abort.is_some().then_some(Verdict::Fail)),
    );
    let mut reasons = reasons(input, evidence, &critical, dirty.then_some(&leftovers));
    reasons.extend(untold);
    reasons.extend(warnings(checks));
    if verdict == Verdict::Pass && !dirty {
        reasons.insert(0, passed(critical.len()));
    }
    Decision {
        verdict,
        exit: exit(input, verdict, dirty),
        dirty,
        aborted,
        reasons: distinct(reasons),
        leftovers,
    }
}

/// The exit code: everything that speaks for one, by precedence.
fn exit(input: &Input, verdict: Verdict, dirty: bool) -> ExitCode {
    let facts = &input.facts;
    let codes = [
        conservation(input).is_some().then_some(ExitCode::Bug),
        dirty.then_some(ExitCode::Dirty),
        facts.interrupted.is_some().then_some(ExitCode::Interrupted),
        facts.guard_refused.is_some().then_some(ExitCode::Refused),
        facts
            .environment_failed
            .is_some()
            .then_some(ExitCode::Unavailable),
        Some(ExitCode::from(verdict)),
    ];
    ExitCode::over(codes.into_iter().flatten())
}

/// Why it is not simply a pass, what weighs most first.
fn reasons(
    input: &Input,
    evidence: &Evidence,
    critical: &[&Check],
    dirty: Option<&Leftovers>,
) -> Vec<String> {
    let bug = conservation(input).map(|what| format!("a bug in Shakedown: {what}"));
    let left = dirty.map(|leftovers| format!("left behind: {}", leftovers.details.join("; ")));
    let mut reasons: Vec<String> = bug.into_iter().chain(left).collect();
    reasons.extend(flag_reasons(input));
    reasons.extend(failed(critical).into_iter().map(headline));
    reasons.extend(evidence.run.iter().cloned());
    reasons.extend(open_reasons(critical, evidence));
    if critical.is_empty() {
        reasons.push("no check decides: the scenario has no critical rule".to_string());
    }
    reasons
}

fn passed(checks: usize) -> String {
    match checks {
        1 => "the one check passed".to_string(),
        n => format!("all {n} checks passed"),
    }
}

fn flag_reasons(input: &Input) -> Vec<String> {
    let facts = &input.facts;
    let mut reasons = Vec::new();
    if let Some(by) = &facts.interrupted {
        reasons.push(format!("the run was interrupted by {by}"));
    }
    if let Some((guard, reason)) = &facts.guard_refused {
        reasons.push(format!("guard {guard} refused: {reason}"));
    }
    if let Some(reason) = &facts.environment_failed {
        reasons.push(format!(
            "the environment could not be reached or started: {reason}"
        ));
    }
    if let Some((condition, reason)) = &facts.abort {
        reasons.push(format!("abort condition {condition} was met: {reason}"));
    }
    reasons
}

/// Failed checks, data loss first.
fn failed<'a>(critical: &[&'a Check]) -> Vec<&'a Check> {
    let mut failed: Vec<&Check> = critical
        .iter()
        .filter(|check| check.verdict == Verdict::Fail)
        .copied()
        .collect();
    failed.sort_by_key(|check| match class_of(check) {
        Some(class) => class as usize,
        None if check.kind == "rpo" => DataClass::ALL.len(),
        None => DataClass::ALL.len() + 1,
    });
    failed
}

fn class_of(check: &Check) -> Option<DataClass> {
    let name = check.kind.strip_suffix("-orders")?;
    DataClass::ALL
        .into_iter()
        .find(|class| class.name() == name)
}

/// A failed check of a data class in words.
fn class_headline(class: DataClass) -> &'static str {
    match class {
        DataClass::Lost => "acknowledged orders were lost",
        DataClass::Divergent => "copies do not hold the same orders",
        DataClass::Phantom => "orders appeared that were rejected or never sent",
        DataClass::Resurrected => "cancelled orders are open again",
        DataClass::Duplicate => "orders were executed twice",
        DataClass::Corrupt => "orders were changed",
        DataClass::Reordered => {
            "the engine numbered orders against the time of their acknowledgements"
        }
        DataClass::Unresolved => "orders could not be resolved to executed or not",
        DataClass::Stale => "copies were stale while a fault was on",
    }
}

/// A failed check of a figure of the business in words.
fn business_headline(check: &Check) -> Option<String> {
    let (id, text, limit) = (&check.id, &check.observed.text, &check.limit.text);
    let told = match check.kind.as_str() {
        "metric-rate" | "venue-rate" => format!("{id} is not the rate it must be: {text}, {limit}"),
        "metric-ratio" => format!("{id} is beyond its limit: {text}, limit {limit}"),
        "fill-rate" => format!("too little was filled: {text}, {limit}"),
        "spread-improvement" => {
            format!("{id} is not as much better as it must be: {text}, {limit}")
        }
        "stale-quotes" => {
            format!("orders stood for too long after the market had moved: {text}, limit {limit}")
        }
        _ => return None,
    };
    Some(told)
}

/// A failed check in words.
fn headline(check: &Check) -> String {
    let text = &check.observed.text;
    let limit = &check.limit.text;
    if let Some(class) = class_of(check) {
        return class_headline(class).to_string();
    }
    if let Some(told) = business_headline(check) {
        return told;
    }
    match check.kind.as_str() {
        "latency" | "engine-latency" | "metric-quantile" => {
            format!("{} is above its limit: {text}, limit {limit}", check.id)
        }
        "metric-increase" => format!(
            "{} grew by more than allowed: {text}, limit {limit}",
            check.id
        ),
        "alert" => format!(
            "the alert of {} did not fire, or was not over, in time: {text}, limit {limit}",
            check.id
        ),
        "isolation" => format!("a door that must stay shut was open: {text}"),
        "metric-value" | "resource" => {
            format!("{} is beyond its limit: {text}, limit {limit}", check.id)
        }
        "throughput" => format!("throughput is below its limit: {text}, limit {limit}"),
        "failover" => match check.observed.value {
            Some(_) => format!("failover took longer than allowed: {text}, limit {limit}"),
            None => format!("service did not recover: {text}, limit {limit}"),
        },
        "availability" => format!("availability is below its limit: {text}, limit {limit}"),
        "error-rate" => format!("more errors than allowed: {text}, limit {limit}"),
        "reject-rate" => format!("more rejects than allowed: {text}, limit {limit}"),
        "peak" => format!(
            "twice the recorded peak was not borne: {}: {text}, limit {limit}",
            check.id
        ),
        "cancel-on-disconnect" => {
            format!("orders did not end with their connection as agreed: {text}")
        }
        "kill-switch" => format!("a kill switch did not hold: {text}"),
        "restore-rpo" => format!("a restore did not keep what it must: {text}, limit {limit}"),
        "canary" => format!("the new version is worse than the others: {text}, limit {limit}"),
        "terms" => format!("a deposed leader went on acknowledging: {text}"),
        "stops" => format!("stop orders were not triggered as they must be: {text}"),
        "expiry" => format!("orders did not end at their time: {text}"),
        "exposure" => format!("a risk limit was exceeded: {text}"),
        "linearizable" => format!("the order of requests is contradicted: {text}"),
        "drop-copy" => format!("the drop copy is not what clients were told: {text}"),
        "feed-book" => {
            format!("the market-data feed tells other books than the copies hold: {text}")
        }
        "feed-phantom" => {
            format!(
                "the market-data feed told of orders that are on no copy: {text}, limit {limit}"
            )
        }
        "invariants" => format!("books or trades break an invariant: {text}"),
        "rpo" => format!("the oldest lost order is older than allowed: {text}, limit {limit}"),
        _ => format!("{}: {text}, limit {limit}", check.id),
    }
}

/// Why checks are inconclusive: evidence that several of them lack is named once.
fn open_reasons(critical: &[&Check], evidence: &Evidence) -> Vec<String> {
    let open = || {
        critical
            .iter()
            .filter(|check| check.verdict == Verdict::Inconclusive)
    };
    let shared = || {
        evidence
            .run
            .iter()
            .chain(&evidence.faults)
            .chain(&evidence.generator)
    };
    let lacked = shared().filter(|why| open().any(|check| check.why.contains(why.as_str())));
    let own = open().filter(|check| !shared().any(|why| check.why.contains(why.as_str())));
    let own = own.map(|check| format!("{}: {}", check.id, check.why));
    lacked.cloned().chain(own).collect()
}

fn warnings(checks: &[Check]) -> Vec<String> {
    let broken = checks
        .iter()
        .filter(|check| check.severity == Severity::Warning && check.verdict == Verdict::Fail);
    broken
        .map(|check| {
            format!(
                "warning {}: {}, limit {}",
                check.id, check.observed.text, check.limit.text
            )
        })
        .collect()
}

/// Where our orders are to be cancelled after the run, it must be known that none is left.
fn untold_orders(input: &Input, plan: &Plan, measured: &Measured) -> Option<String> {
    let wanted = match plan.system.clean_up {
        CleanUp::CancelOurs => measured.tally.outcomes.acked > 0,
        CleanUp::Nothing => false,
    };
    let cleaned = input.facts.cleaned.as_ref();
    if !wanted || cleaned.is_some_and(|cleaned| cleaned.orders_open.is_some()) {
        return None;
    }
    let why = cleaned.and_then(|cleaned| cleaned.reason.as_deref());
    Some(format!(
        "it could not be told whether open orders of ours were left: {}",
        why.unwrap_or("nothing says that they were cancelled")
    ))
}

fn leftovers(input: &Input) -> Leftovers {
    let facts = &input.facts;
    let mut left: Vec<_> = facts
        .firings
        .iter()
        .filter_map(|firing| firing.dirty.clone())
        .collect();
    for leftover in &facts.left {
        if !left.contains(leftover) {
            left.push(leftover.clone());
        }
    }
    let of = |kind: LeftoverKind| left.iter().filter(|left| left.kind == kind).count() as u64;
    let orders_open = facts
        .cleaned
        .as_ref()
        .and_then(|cleaned| cleaned.orders_open);
    let mut details: Vec<String> = left
        .iter()
        .map(|left| format!("{} (remove with: {})", left.what, left.remove_with))
        .collect();
    if let Some(open) = orders_open.filter(|open| *open > 0) {
        let why = facts
            .cleaned
            .as_ref()
            .and_then(|cleaned| cleaned.reason.as_deref());
        details.push(format!(
            "{open} open orders with ids that begin with {}-{}",
            facts.prefix(),
            why.map_or(String::new(), |why| format!(" ({why})"))
        ));
    }
    Leftovers {
        faults: of(LeftoverKind::Fault),
        orders_open,
        objects: of(LeftoverKind::Object),
        details,
    }
}

fn distinct(reasons: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    reasons
        .into_iter()
        .filter(|reason| seen.insert(reason.clone()))
        .collect()
}

//! What a run leaves open, and why: silence about a question must not read as a good answer.

use shakedown_record::readback::ReadKind;
use shakedown_scenarios::plan::Plan;

use crate::analysis::Unchecked;
use crate::data_loss::AGREED;
use crate::input::Input;
use crate::measured::Measured;

/// Every open question: first those that this run should have answered.
pub(crate) fn unchecked(input: &Input, plan: &Plan, measured: &Measured) -> Vec<Unchecked> {
    let mut open = classes(measured);
    open.extend(reads(plan));
    open.extend(load(measured));
    open.extend(engine(input, plan, measured));
    open.sort_by_key(|question| !question.was_asked);
    open
}

fn question(what: impl Into<String>, why: impl Into<String>, was_asked: bool) -> Unchecked {
    Unchecked {
        what: what.into(),
        why: why.into(),
        was_asked,
    }
}

/// Classes of data loss of which not every order can have been found.
fn classes(measured: &Measured) -> Vec<Unchecked> {
    let classes = measured.assessment.classes.iter();
    let mut open: Vec<Unchecked> = classes
        .filter_map(|(name, class)| {
            let why = class.incomplete.clone()?;
            let what = match class.proven() {
                0 => format!("{} orders", name.name()),
                _ => format!("further {} orders", name.name()),
            };
            Some(question(what, why, !class.not_checkable))
        })
        .collect();
    let agreed = match &measured.disconnects {
        None => Some("the profile has no `cancel-on-disconnect`".to_string()),
        Some(found) => found.open.clone().filter(|_| !found.is_whole),
    };
    let was_asked = measured.disconnects.is_some();
    open.extend(agreed.map(|why| question(format!("{AGREED} orders"), why, was_asked)));
    open
}

/// Reads of the copies that nobody asked for.
fn reads(plan: &Plan) -> Vec<Unchecked> {
    let kinds = [
        (ReadKind::Converged, "the copies after the heal"),
        (ReadKind::Degraded, "the copies while the fault holds"),
        (ReadKind::Cold, "the copies after a cold restart"),
        (ReadKind::PowerCut, "the copies after a power cut"),
    ];
    let unasked = kinds
        .into_iter()
        .filter(|(kind, _)| !plan.reads.contains(kind));
    unasked
        .map(|(_, what)| question(what, "the scenario does not ask for this read", false))
        .collect()
}

/// Availability and rates that need traffic or a stated failure rate.
fn load(measured: &Measured) -> Vec<Unchecked> {
    let mut open = Vec::new();
    if measured.availability.requests.is_none() {
        let why = "no order was due in the steady, impact or recovery phase";
        open.push(question("availability", why, true));
    }
    if measured.availability.projected.is_none() {
        let why = "it needs a rule that states the failures per 30 days, and a failover that ended";
        open.push(question("projected availability", why, false));
    }
    open
}

/// What only the engine or the platform can tell.
fn engine(input: &Input, plan: &Plan, measured: &Measured) -> Vec<Unchecked> {
    let mut open = Vec::new();
    let asked = plan
        .system
        .metrics
        .as_ref()
        .is_some_and(|metrics| metrics.latency.is_some());
    if measured
        .engine
        .values()
        .all(|histogram| histogram.count() == 0)
    {
        let why = match (asked, input.facts.scrapes_missing.first()) {
            (false, _) => "the profile names no latency metric".to_string(),
            (true, Some((replica, reason))) => format!("{replica}: {reason}"),
            (true, None) => "its metrics counted nothing while the load ran".to_string(),
        };
        open.push(question(
            "latency by the engine's own histogram",
            why,
            asked,
        ));
    }
    let facts = &input.facts;
    if crate::analyse::changed(facts.before.as_ref(), facts.after.as_ref()).is_none() {
        let why = match plan.system.version {
            None => "the profile does not say where the engine tells its version",
            Some(_) => "the build was not seen both before and after the load",
        };
        let asked = plan.system.version.is_some();
        open.push(question(
            "whether the build changed during the run",
            why,
            asked,
        ));
    }
    open
}

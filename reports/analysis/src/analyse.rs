//! From a run directory and its plan to everything that the reports show.

use shakedown_record::Phase;
use shakedown_record::fault::Effect;
use shakedown_record::platform::PlatformChange;
use shakedown_record::run_dir::RunDir;
use shakedown_record::run_record::{
    Failover, FaultRecord, RunInfo, RunRecord, SCHEMA_VERSION, TargetInfo,
};
use shakedown_scenarios::plan::Plan;

use crate::analysis::{Analysis, PlatformMoment};
use crate::books::{Copied, Disconnects, Exposed, FeedBook, History, Invariants, Killed, Waited};
use crate::error::AnalysisError;
use crate::evidence::Evidence;
use crate::explain::stories;
use crate::facts::{Facts, FiringFacts, TargetSeen};
use crate::feed::FeedMeasured;
use crate::input::Input;
use crate::measured::{Measured, generator_info};
use crate::phases::spans;
use crate::terms::TermsSeen;
use crate::timeline::{phase_in, rows};
use crate::unchecked::unchecked;
use crate::venue::VenueFigures;
use crate::verdict::{Decision, check, decide};

/// Judges a run: pure, offline, the same figures and verdict on every machine.
///
/// What is missing in the directory makes the verdict inconclusive, with the reason.
///
/// # Errors
/// Only when the directory does not exist.
pub fn analyse(dir: &RunDir, plan: &Plan) -> Result<Analysis, AnalysisError> {
    let input = Input::read(dir, plan.load.timeout_ns)?;
    Ok(analysis_of(&input, plan))
}

/// Judges what was read.
pub(crate) fn analysis_of(input: &Input, plan: &Plan) -> Analysis {
    let measured = Measured::of(input, plan);
    let record = record(input, plan, &measured);
    Analysis {
        record,
        about: plan.about.clone(),
        notes: plan.notes.clone(),
        plan_digest: plan.digest.clone(),
        timeline: rows(
            &measured.tally.rows,
            measured.tally.row_ns,
            &measured.gaps,
            measured.end_ns,
            phase_in(&measured.windows),
        ),
        platform: platform_moments(&input.facts),
        curves: measured.tally.curves(),
        unchecked: unchecked(input, plan, &measured),
        stories: stories(input, plan, &measured),
        health_limit_ns: measured.limit_ns,
        beside: measured.seal.beside.clone(),
        latency_intervals: measured.tally.intervals,
    }
}

fn record(input: &Input, plan: &Plan, measured: &Measured) -> RunRecord {
    let evidence = Evidence::of(input, plan, measured);
    let checks: Vec<_> = plan
        .rules
        .iter()
        .map(|rule| check(rule, input, plan, measured, &evidence))
        .collect();
    let Decision {
        verdict,
        exit,
        dirty,
        aborted,
        reasons,
        leftovers,
    } = decide(input, plan, measured, &evidence, &checks);
    let tally = &measured.tally;
    RunRecord {
        schema_version: SCHEMA_VERSION,
        verdict,
        exit_code: exit.code(),
        dirty,
        aborted,
        reasons,
        run: run_info(input, plan, measured),
        target: target_info(&input.facts),
        checks,
        latency: tally.latency(|phase| &phase.response),
        latency_acked: tally.latency(|phase| &phase.acked),
        latency_service: tally.latency(|phase| &phase.service),
        latency_engine: engine_summaries(measured),
        throughput: tally.throughput(&measured.windows),
        availability: measured.availability,
        faults: input
            .facts
            .firings
            .iter()
            .map(|firing| fault_record(&input.facts, firing))
            .collect(),
        failover: entries(measured),
        data_loss: measured.assessment.data_loss.clone(),
        generator: generator_info(input, tally),
        links: input.facts.links,
        venue: measured.venue.as_ref().map(VenueFigures::record),
        points: measured.points.record(),
        feed: match &measured.feed {
            FeedMeasured::Heard(figures) => Some(figures.record()),
            FeedMeasured::Silent(_) | FeedMeasured::Unasked => None,
        },
        cancel_on_disconnect: measured.disconnects.as_ref().map(Disconnects::record),
        exposure: measured.exposed.as_ref().map(Exposed::record),
        kill_switch: measured.killed.as_ref().map(Killed::record),
        terms: measured.terms.as_ref().map(TermsSeen::record),
        stops: measured.stops.as_ref().map(Waited::record),
        expiry: measured.expiry.as_ref().map(Waited::record),
        history: measured.history.as_ref().map(History::record),
        invariants: measured.invariants.as_ref().map(Invariants::record),
        drop_copy: measured.drop_copy.as_ref().map(Copied::record),
        feed_book: measured.feed_book.as_ref().map(FeedBook::record),
        leftovers,
        evidence: measured.seal.chain.clone(),
        trials: Vec::new(),
    }
}

/// What the platform did while the load ran; what came before zero is how it was found.
fn platform_moments(facts: &Facts) -> Vec<PlatformMoment> {
    let moment = |change: &PlatformChange| {
        let words = change.step.words();
        Some(PlatformMoment {
            at_s: facts
                .at_s(Some(change.at_mono_ns))
                .filter(|at_s| *at_s >= 0.0)?,
            subject: change.subject.clone(),
            text: match &change.detail {
                Some(detail) => format!("{words}, {detail}"),
                None => words.to_string(),
            },
            own_time: change.own_time.clone(),
        })
    };
    facts.platform.iter().filter_map(moment).collect()
}

fn entries(measured: &Measured) -> Vec<Failover> {
    measured
        .failovers
        .iter()
        .map(|timed| timed.entry.clone())
        .collect()
}

fn engine_summaries(
    measured: &Measured,
) -> std::collections::BTreeMap<Phase, shakedown_record::histogram::LatencySummary> {
    measured
        .engine
        .iter()
        .filter(|(_, histogram)| histogram.count() > 0)
        .map(|(phase, histogram)| (*phase, histogram.summary()))
        .collect()
}

/// Who ran what: by the events, and by the plan where the run died before its first event.
fn run_info(input: &Input, plan: &Plan, measured: &Measured) -> RunInfo {
    let started = input.facts.started.as_ref();
    let of = |pick: fn(&crate::facts::Started) -> &String| started.map(pick).cloned();
    RunInfo {
        id: of(|started| &started.run_id).unwrap_or_default(),
        scenario: of(|started| &started.scenario).unwrap_or_else(|| plan.scenario.clone()),
        system: of(|started| &started.system).unwrap_or_else(|| plan.system.name.clone()),
        environment: of(|started| &started.environment)
            .unwrap_or_else(|| plan.environment.name().to_string()),
        seed: started.map_or(plan.seed, |started| started.seed),
        started_at: of(|started| &started.started_at).unwrap_or_default(),
        finished_at: input.facts.finished_at.clone(),
        operator: started.and_then(|started| started.operator.clone()),
        previous_run: None,
        defect: started.and_then(|started| started.defect.clone()),
        overrides: input.facts.overrides.clone(),
        blunted: input.facts.blunted.clone(),
        phases: spans(&measured.windows),
        shakedown_version: of(|started| &started.shakedown_version).unwrap_or_default(),
    }
}

fn target_info(facts: &Facts) -> TargetInfo {
    let Some(last) = facts.after.as_ref().or(facts.before.as_ref()) else {
        return TargetInfo::default();
    };
    TargetInfo {
        version: last
            .version
            .clone()
            .or_else(|| facts.before.as_ref()?.version.clone()),
        image_digests: last.image_digests.clone(),
        replicas: last
            .replicas
            .iter()
            .map(|replica| replica.name.clone())
            .collect(),
        changed: changed(facts.before.as_ref(), facts.after.as_ref()),
    }
}

/// Whether another build runs afterwards; `None` when no build identity was seen on both sides.
pub(crate) fn changed(before: Option<&TargetSeen>, after: Option<&TargetSeen>) -> Option<bool> {
    let (before, after) = (before?, after?);
    let identity = |seen: &TargetSeen| {
        let mut builds = seen.image_digests.clone();
        builds.extend(seen.version.clone());
        builds.extend(
            seen.replicas
                .iter()
                .filter_map(|replica| replica.version.clone()),
        );
        builds.sort();
        builds.dedup();
        builds
    };
    let (was, is) = (identity(before), identity(after));
    (!was.is_empty() && !is.is_empty()).then(|| was != is)
}

fn fault_record(facts: &Facts, firing: &FiringFacts) -> FaultRecord {
    let unseen = || {
        let why = firing.refused.as_deref().or(firing.failed.as_deref());
        Effect::not_seen(why.unwrap_or("no effect was seen"))
    };
    let confirmed = firing.effect.as_ref().filter(|_| firing.is_confirmed());
    FaultRecord {
        name: firing.firing.label(),
        kind: firing.kind.clone(),
        targets: firing.targets.clone(),
        injected_at_s: facts.at_s(firing.injected),
        confirmed_at_s: facts.at_s(confirmed.map(|(at, _)| *at)),
        healed_at_s: facts.at_s(firing.healed),
        clean_at_s: facts.at_s(firing.clean),
        effect: firing
            .effect
            .as_ref()
            .map_or_else(unseen, |(_, effect)| effect.clone()),
        mechanism: firing.mechanism.clone(),
    }
}

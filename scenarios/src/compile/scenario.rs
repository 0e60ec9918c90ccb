//! The scenario as a whole, held against the system.

mod digest;
mod notes;

use crate::plan::{AbortRule, EnvironmentPlan, Guards, LoadPlan, Peak, Plan, Rule, System};
use crate::spec::profile::ProfileSpec;
use crate::spec::scenario::{AbortSpec, ScenarioSpec};
use jiff::civil::Date;

use super::answerable::{Facts, answerable};
use super::arrival::refuse_unreached;
use super::faults::{Ground, faults};
use super::guards::guards;
use super::human::{share_text, time_text};
use super::load::load;
use super::market_data::points;
use super::peak::{implied_by_peak, peak, refuse_peak_ids, refuse_unshown};
use super::phases::{longest_ns, phases};
use super::reads::{reads, refuse_unread};
use super::replay::Read;
use super::rules::{Written, implied, merged, refuse_taken_ids, written};
use super::sheet::{At, Sheet};
use super::system::Described;
use super::timed::planted;
use super::venue::venue;
use digest::digest;

/// More slots than any ledger should hold: 12.8 GB.
const MOST_SLOTS: f64 = 200e6;

/// What a plan is built from.
#[derive(Debug)]
pub(super) struct Material<'a> {
    pub(super) scenario: &'a ScenarioSpec,
    pub(super) sheet: &'a Sheet<'a>,
    pub(super) profile: &'a ProfileSpec,
    pub(super) profile_sheet: &'a Sheet<'a>,
    pub(super) described: &'a Described,
    pub(super) environment: Option<EnvironmentPlan>,
    pub(super) seed: u64,
    /// The recording that the scenario names.
    pub(super) recording: Option<&'a Read>,
    /// The day against which dates are held.
    pub(super) today: Option<Date>,
    /// False: no rules at all, as for a probe.
    pub(super) with_rules: bool,
}

/// The plan; `None` when a mistake leaves nothing to build on. Mistakes are noted on the sheets.
pub(super) fn plan(material: Material) -> Option<Plan> {
    let (peak, load) = flow(&material);
    let (limits, guards) = (limits(&material), all_guards(&material));
    let accounts = accounts(&material);
    let (scenario, sheet, described) = (material.scenario, material.sheet, material.described);
    let environment = material.environment;
    let system = &described.system;
    let has_faults = !sheet.keys(&At::of(&["faults"])).is_empty();
    let points = points(scenario, system, sheet);
    let venue = venue(scenario, system, environment.as_ref(), sheet);
    let phases = phases(&scenario.phases, has_faults, sheet);
    let ground = Ground {
        system,
        accounts: &accounts,
        environment: environment.as_ref(),
        phases: &phases,
        sheet,
    };
    let faults = faults(scenario, ground);
    let abort = abort(scenario, sheet);
    let reads = reads(scenario, system, environment.as_ref(), sheet);
    let (load, note) = load?;
    refuse_endless(&load, longest_ns(&phases, &faults), sheet);
    refuse_unkept(system, &load, sheet);
    refuse_placeless(&load, environment.as_ref(), sheet);
    let planted = planted(scenario, described, environment.as_ref(), &load, sheet);
    let mut notes = notes::notes(system, &load, &phases, &faults);
    notes.extend(note);
    let facts = Facts {
        system,
        environment: environment.as_ref(),
        load: &load,
        points,
        venue,
        planted: scenario.planted.as_ref(),
        phases: &phases,
        faults: &faults,
        has_faults,
        scenario,
    };
    let doubled = peak.as_ref();
    let rules = rules(limits, facts, material.with_rules, doubled, &mut notes);
    refuse_unread(&rules, &reads, sheet);
    Some(sealed(Plan {
        scenario: scenario.scenario.0.clone(),
        about: scenario.about.clone(),
        tags: scenario.tags.iter().map(|tag| tag.0.clone()).collect(),
        seed: material.seed,
        system: system.clone(),
        environment: environment?,
        load,
        peak,
        points,
        venue,
        planted,
        phases,
        faults,
        guards,
        rules,
        abort,
        reads,
        notes,
        digest: String::new(),
    }))
}

fn sealed(mut plan: Plan) -> Plan {
    plan.digest = digest(&plan);
    plan
}

/// Orders that end with their connection are judged by sessions that one process keeps.
fn refuse_unkept(system: &System, load: &LoadPlan, sheet: &Sheet) {
    if system.cancel_on_disconnect.is_some() && load.workers > 1 {
        sheet.refuse_with(
            &At::of(&["load", "workers"]),
            "several workers do not keep their sessions connected until the copies are read",
            "leave it out: the profile says that orders end with their connection",
        );
    }
}

/// The order flow, a note on its recording, and the peak that it doubles.
fn flow(material: &Material) -> (Option<Peak>, Option<(LoadPlan, Option<String>)>) {
    let (sheet, described) = (material.sheet, material.described);
    let accounts = accounts(material);
    let peak = peak(material.scenario.peak.as_ref(), material.today, sheet);
    let beside = (peak.as_ref(), material.recording);
    let load = load(&material.scenario.load, accounts, described, beside, sheet);
    if let (Some(peak), Some((load, _))) = (&peak, &load) {
        refuse_unshown(peak, &load.arrival, &described.system, sheet);
    }
    (peak, load)
}

fn accounts(material: &Material) -> Vec<String> {
    let accounts = material.profile.accounts.iter();
    accounts.map(|name| name.0.clone()).collect()
}

/// The guards of the profile and of the scenario together.
fn all_guards(material: &Material) -> Guards {
    guards(
        (&material.profile.guards, material.profile_sheet),
        (&material.scenario.guards, material.sheet),
        &material.described.system,
    )
}

/// The limits as the profile has them, and as the scenario has them.
fn limits<'s>(material: &Material<'s>) -> [Vec<Written<'s>>; 2] {
    [
        written(&material.profile.sla, material.profile_sheet, false),
        written(&material.scenario.sla, material.sheet, true),
    ]
}

/// The rules of the profile and of the scenario together; none at all without rules.
fn rules<'s>(
    [of_system, of_scenario]: [Vec<Written<'s>>; 2],
    facts: Facts,
    with_rules: bool,
    peak: Option<&Peak>,
    notes: &mut Vec<String>,
) -> Vec<Rule> {
    let all = merged(of_system, of_scenario, notes);
    if !with_rules {
        return Vec::new();
    }
    let kept = answerable(all, facts, notes);
    let of_peak = peak.map(implied_by_peak).unwrap_or_default();
    refuse_peak_ids(&kept, &of_peak);
    let implied = implied(&kept, facts.system, facts.load.mix);
    refuse_taken_ids(&kept, &implied);
    kept.into_iter()
        .map(|written| written.rule)
        .chain(of_peak)
        .chain(implied)
        .collect()
}

/// Workers of a cluster are pods, with an image, in a namespace.
fn refuse_placeless(load: &LoadPlan, environment: Option<&EnvironmentPlan>, sheet: &Sheet) {
    let cluster = environment.and_then(EnvironmentPlan::cluster);
    if load.workers > 1 && cluster.is_some_and(|it| it.agent.is_none()) {
        sheet.refuse_with(
            &At::of(&["load", "workers"]),
            "the profile does not say which image the pods of workers have, and where they are made",
            "write `agent: { image: ..., namespace: ... }` under environments.kubernetes, or workers: 1",
        );
    }
}

/// A schedule with more slots than can be kept, or with a shape that the longest run never meets.
fn refuse_endless(load: &LoadPlan, longest_ns: u64, sheet: &Sheet) {
    refuse_unreached(&load.arrival, longest_ns, sheet);
    let slots = load.arrival.slots_before(longest_ns);
    if slots > MOST_SLOTS {
        sheet.refuse_with(
            &At::of(&["load", "arrival"]),
            format!(
                "this schedules {:.0} million messages at most, and {:.0} million can be kept",
                slots / 1e6,
                MOST_SLOTS / 1e6
            ),
            "lower the rate, or shorten the phases",
        );
    }
}

fn abort(scenario: &ScenarioSpec, sheet: &Sheet) -> Vec<AbortRule> {
    scenario
        .abort
        .iter()
        .map(|(id, spec)| {
            let AbortSpec::ErrorRate(limit) = spec;
            let at = At::of(&["abort", &id.0, "error-rate"]);
            if limit.above.fraction >= 1.0 {
                sheet.refuse_with(
                    &at.to("above"),
                    format!("no rate is above {}", share_text(limit.above.fraction)),
                    "such as 50%",
                );
            }
            if !(1_000_000_000..=86_400_000_000_000).contains(&limit.hold.ns) {
                sheet.refuse_with(
                    &at.to("for"),
                    format!("{} is not sensible", time_text(limit.hold.ns)),
                    "from 1s to 1d; 30s is usual",
                );
            }
            AbortRule::ErrorRate {
                id: id.0.clone(),
                above: limit.above.fraction,
                for_ns: limit.hold.ns,
            }
        })
        .collect()
}

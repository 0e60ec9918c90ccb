//! The scenario as a whole, held against the system.

use shakedown_record::readback::ReadKind;

use crate::plan::{AbortRule, EnvironmentPlan, LoadPlan, Plan, Rule};
use crate::spec::profile::ProfileSpec;
use crate::spec::scenario::{AbortSpec, ReadSpec, ScenarioSpec};

use super::answerable::{Facts, answerable};
use super::arrival::refuse_unreached;
use super::digest::digest;
use super::faults::{Ground, faults};
use super::guards::guards;
use super::human::{share_text, time_text};
use super::load::load;
use super::notes;
use super::phases::{longest_ns, phases};
use super::replay::Read;
use super::rules::{implied, merged, refuse_taken_ids, written};
use super::sheet::{At, Sheet};
use super::system::Described;

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
    /// False: no rules at all, as for a probe.
    pub(super) with_rules: bool,
}

/// The plan; `None` when a mistake leaves nothing to build on. Mistakes are noted on the sheets.
pub(super) fn plan(material: Material) -> Option<Plan> {
    let Material {
        scenario,
        sheet,
        profile,
        profile_sheet,
        described,
        environment,
        seed,
        recording,
        with_rules,
    } = material;
    let system = &described.system;
    let has_faults = !sheet.keys(&At::of(&["faults"])).is_empty();
    let accounts = profile.accounts.iter().map(|name| name.0.clone()).collect();
    let load = load(&scenario.load, accounts, described, recording, sheet);
    let phases = phases(&scenario.phases, has_faults, sheet);
    let ground = Ground {
        system,
        environment: environment.as_ref(),
        phases: &phases,
        sheet,
    };
    let faults = faults(scenario, ground);
    let guards = guards(
        (&profile.guards, profile_sheet),
        (&scenario.guards, sheet),
        system,
    );
    let abort = abort(scenario, sheet);
    let reads = reads(scenario, system.read_back.is_some(), sheet);
    let (load, note) = load?;
    refuse_endless(&load, longest_ns(&phases, &faults), sheet);
    let mut notes = notes::notes(system, &load, &phases, &faults);
    notes.extend(note);
    let facts = Facts {
        system,
        load: &load,
        phases: &phases,
        faults: &faults,
        has_faults,
    };
    let of_system = written(&profile.sla, profile_sheet, false);
    let of_scenario = written(&scenario.sla, sheet, true);
    let written = merged(of_system, of_scenario, &mut notes);
    let rules = match with_rules {
        true => rules(written, facts, &mut notes),
        false => Vec::new(),
    };
    let mut plan = Plan {
        scenario: scenario.scenario.0.clone(),
        about: scenario.about.clone(),
        tags: scenario.tags.iter().map(|tag| tag.0.clone()).collect(),
        seed,
        system: system.clone(),
        environment: environment?,
        load,
        phases,
        faults,
        guards,
        rules,
        abort,
        reads,
        notes,
        digest: String::new(),
    };
    plan.digest = digest(&plan);
    Some(plan)
}

fn rules(all: Vec<super::rules::Written>, facts: Facts, notes: &mut Vec<String>) -> Vec<Rule> {
    let kept = answerable(all, facts, notes);
    let implied = implied(&kept, facts.system);
    refuse_taken_ids(&kept, &implied);
    kept.into_iter()
        .map(|written| written.rule)
        .chain(implied)
        .collect()
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

fn reads(scenario: &ScenarioSpec, can_read: bool, sheet: &Sheet) -> Vec<ReadKind> {
    let at = At::of(&["reads"]);
    for (index, read) in scenario.reads.iter().flatten().enumerate() {
        let at = at.item(index);
        match read {
            ReadSpec::Converged if can_read => {}
            ReadSpec::Converged => sheet.refuse_with(
                &at,
                "the profile has no read-back",
                "describe `read-back` in the profile, or take `reads` out",
            ),
            ReadSpec::Degraded => sheet.not_supported(&at, "`degraded`"),
            ReadSpec::Cold => sheet.not_supported(&at, "`cold`"),
            ReadSpec::PowerCut => sheet.not_supported(&at, "`power-cut`"),
        }
    }
    if can_read {
        vec![ReadKind::Converged]
    } else {
        Vec::new()
    }
}

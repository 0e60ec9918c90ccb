//! Faults, held against the system and the phases.

use crate::plan::{
    EnvironmentPlan, FaultKind, FaultPlan, Phases, Repeat, Selector, Signal, System, Trigger,
};
use crate::spec::scalar::Id;
use crate::spec::scenario::{
    AfterSpec, FaultSpec, KindSpec, RandomSpec, RepeatSpec, ScenarioSpec, SelectorSpec, WhenSpec,
};

use super::human::time_text;
use super::parts::replicas;
use super::phases::GOOD_FOR_NS;
use super::references::instead;
use super::sheet::{At, Sheet};

const DEFAULT_GRACE_NS: u64 = 10_000_000_000;
const LONGEST_HOLD_NS: u64 = 86_400_000_000_000;
const MOST_TIMES: u32 = 1000;

/// What a fault is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) system: &'a System,
    pub(super) environment: Option<&'a EnvironmentPlan>,
    pub(super) phases: &'a Phases,
    pub(super) sheet: &'a Sheet<'a>,
}

/// The faults in the order in which they are written.
pub(super) fn faults(spec: &ScenarioSpec, ground: Ground) -> Vec<FaultPlan> {
    let known = ground.sheet.keys(&At::of(&["faults"]));
    let faults: Vec<FaultPlan> = spec
        .faults
        .iter()
        .filter_map(|(id, fault)| one(id, fault, &known, ground))
        .collect();
    refuse_circles(&faults, ground.sheet);
    faults
}

fn one(id: &Id, spec: &FaultSpec, known: &[String], ground: Ground) -> Option<FaultPlan> {
    let at = At::of(&["faults", &id.0]);
    let kind = kind(&at.to("do"), &spec.kind, ground.sheet);
    let to = selector(&at.to("to"), &spec.to, ground);
    let when = trigger(&at.to("when"), &spec.when, &id.0, known, ground);
    if let Some(EnvironmentPlan::External(_)) = ground.environment {
        ground.sheet.refuse_with(
            &at.to("do"),
            format!(
                "the environment `external` has no handle on processes: nothing here can {} one",
                spec.kind.name()
            ),
            "run it with --environment local, or take the fault out",
        );
    }
    let kind = kind?;
    let hold_ns = hold(&at, spec, &kind, ground.sheet)?;
    let repeat = repeat(
        &at.to("repeat"),
        spec.repeat.as_ref(),
        hold_ns,
        ground.sheet,
    );
    Some(FaultPlan {
        id: id.0.clone(),
        kind,
        to: to?,
        when: when?,
        hold_ns,
        repeat,
    })
}

fn kind(at: &At, spec: &KindSpec, sheet: &Sheet) -> Option<FaultKind> {
    match spec {
        KindSpec::Kill(kill) => Some(FaultKind::Kill {
            signal: kill.signal.unwrap_or(Signal::Kill),
        }),
        KindSpec::Freeze(_) => Some(FaultKind::Freeze),
        KindSpec::Restart(restart) => {
            let grace_ns = restart.grace.map_or(DEFAULT_GRACE_NS, |grace| grace.ns);
            if grace_ns > 600_000_000_000 {
                sheet.refuse_with(
                    &at.to("restart").to("grace"),
                    format!("a grace of {} is not sensible", time_text(grace_ns)),
                    "at most 10m; 10s is usual",
                );
            }
            Some(FaultKind::Restart { grace_ns })
        }
        later => {
            sheet.not_supported(&at.to(later.name()), &format!("`{}`", later.name()));
            None
        }
    }
}

/// How long the fault stays; a restart heals itself.
fn hold(at: &At, spec: &FaultSpec, kind: &FaultKind, sheet: &Sheet) -> Option<u64> {
    match (kind, spec.hold) {
        (FaultKind::Restart { .. }, None) => Some(0),
        (FaultKind::Restart { .. }, Some(_)) => {
            sheet.refuse_with(
                &at.to("for"),
                "a restart is over when the process runs again: it has no `for`",
                "take it out; how long the stop may take is `grace`",
            );
            None
        }
        (FaultKind::Kill { .. } | FaultKind::Freeze, None) => {
            sheet.refuse_entry(
                at,
                "`for` is missing: nothing says when it is healed",
                "such as for: 5s",
            );
            None
        }
        (FaultKind::Kill { .. } | FaultKind::Freeze, Some(hold))
            if (1_000_000..=LONGEST_HOLD_NS).contains(&hold.ns) =>
        {
            Some(hold.ns)
        }
        (FaultKind::Kill { .. } | FaultKind::Freeze, Some(hold)) => {
            sheet.refuse_with(
                &at.to("for"),
                format!("{} is not sensible", time_text(hold.ns)),
                "from 1ms to 1d; 5s is usual",
            );
            None
        }
    }
}

fn repeat(at: &At, spec: Option<&RepeatSpec>, hold_ns: u64, sheet: &Sheet) -> Repeat {
    let Some(spec) = spec else {
        return Repeat {
            times: 1,
            every_ns: 0,
            jitter_ns: 0,
        };
    };
    if !(1..=MOST_TIMES).contains(&spec.times) {
        sheet.refuse_with(
            &at.to("times"),
            format!("{} times is not sensible", spec.times),
            format!("from 1 to {MOST_TIMES}"),
        );
    }
    let shortest_ns = hold_ns.saturating_add(GOOD_FOR_NS);
    if spec.times > 1 && spec.every.ns <= shortest_ns {
        sheet.refuse_with(
            &at.to("every"),
            format!(
                "every {} leaves no time to prove steady state in between",
                time_text(spec.every.ns)
            ),
            format!(
                "more than {}: the fault's own {} and {} of good service",
                time_text(shortest_ns),
                time_text(hold_ns),
                time_text(GOOD_FOR_NS)
            ),
        );
    }
    let jitter_ns = spec.jitter.map_or(0, |jitter| jitter.ns);
    if jitter_ns > LONGEST_HOLD_NS || spec.every.ns > LONGEST_HOLD_NS {
        sheet.refuse_with(at, "this is longer than a day", "20s and 2s are usual");
    }
    Repeat {
        times: spec.times,
        every_ns: spec.every.ns,
        jitter_ns,
    }
}

fn selector(at: &At, spec: &SelectorSpec, ground: Ground) -> Option<Selector> {
    let later = |name: &str| {
        ground
            .sheet
            .not_supported(&at.to(name), &format!("`{name}`"));
        None
    };
    match spec {
        SelectorSpec::Role(role) => known_role(&at.to("role"), &role.0, None, ground)
            .then(|| Selector::Role(role.0.clone())),
        SelectorSpec::Name(name) => {
            known_replica(&at.to("name"), &name.0, ground).then(|| Selector::Name(name.0.clone()))
        }
        SelectorSpec::Part(part) => {
            known_part(&at.to("part"), &part.0, ground)?;
            Some(Selector::Part(part.0.clone()))
        }
        SelectorSpec::Random(random) => some_of(&at.to("random"), random, ground),
        SelectorSpec::Label(_) => later("label"),
        SelectorSpec::Zone(_) => later("zone"),
        SelectorSpec::Node(_) => later("node"),
        SelectorSpec::Percent(_) => later("percent"),
        SelectorSpec::Link(_) => later("link"),
    }
}

fn some_of(at: &At, spec: &RandomSpec, ground: Ground) -> Option<Selector> {
    let part_replicas = known_part(&at.to("part"), &spec.part.0, ground);
    let role = spec.without_role.as_ref().map(|role| role.0.clone());
    if let Some(role) = &role
        && !known_role(&at.to("without-role"), role, Some(&spec.part.0), ground)
    {
        return None;
    }
    let count = spec.count.unwrap_or(1);
    let choice = part_replicas? - u32::from(role.is_some()).min(part_replicas?);
    if count == 0 || count > choice {
        let left = match &role {
            Some(role) => format!(
                "{} of `{}` without the `{role}`",
                replicas(choice),
                spec.part.0
            ),
            None => format!("{} of `{}`", replicas(choice), spec.part.0),
        };
        let at = if spec.count.is_some() {
            at.to("count")
        } else {
            at.clone()
        };
        ground.sheet.refuse_with(
            &at,
            format!("{count} cannot be chosen from {left}"),
            "at least 1, and not more than there are",
        );
        return None;
    }
    Some(Selector::Random {
        part: spec.part.0.clone(),
        count,
        without_role: role,
    })
}

/// The number of replicas of a part.
fn known_part(at: &At, name: &str, ground: Ground) -> Option<u32> {
    let parts = &ground.system.parts;
    let found = parts.iter().find(|part| part.name == name);
    if found.is_none() {
        let known: Vec<String> = parts.iter().map(|part| part.name.clone()).collect();
        ground.sheet.refuse_with(
            at,
            format!("`{}` has no part `{name}`", ground.system.name),
            instead(name, &known, "its parts are"),
        );
    }
    found.map(|part| part.replicas)
}

fn known_role(at: &At, name: &str, part: Option<&str>, ground: Ground) -> bool {
    let parts = ground.system.parts.iter();
    let known: Vec<String> = parts
        .filter(|candidate| part.is_none_or(|part| candidate.name == part))
        .flat_map(|part| part.roles.iter().map(|role| role.name.clone()))
        .collect();
    let there = known.iter().any(|role| role == name);
    if !there {
        ground.sheet.refuse_with(
            at,
            format!("`{}` has no role `{name}`", ground.system.name),
            instead(name, &known, "its roles are"),
        );
    }
    there
}

fn known_replica(at: &At, name: &str, ground: Ground) -> bool {
    let known: Vec<String> = ground
        .system
        .parts
        .iter()
        .flat_map(|part| (1..=part.replicas).map(|number| format!("{}-{number}", part.name)))
        .collect();
    let there = known.iter().any(|replica| replica == name);
    if !there {
        ground.sheet.refuse_with(
            at,
            format!("`{}` has no replica `{name}`", ground.system.name),
            instead(name, &known, "its replicas are"),
        );
    }
    there
}

fn trigger(
    at: &At,
    spec: &WhenSpec,
    own: &str,
    known: &[String],
    ground: Ground,
) -> Option<Trigger> {
    match spec {
        WhenSpec::At(time) => {
            let earliest_ns = ground
                .phases
                .warm_up_at_most_ns
                .saturating_add(ground.phases.steady_ns);
            let phases_known = !ground.sheet.lacks(&["phases", "warm-up"])
                && !ground.sheet.lacks(&["phases", "steady"]);
            if !phases_known {
                return None;
            }
            if time.ns < earliest_ns || time.ns > earliest_ns.saturating_add(LONGEST_HOLD_NS) {
                ground.sheet.refuse_with(
                    &at.to("at"),
                    format!(
                        "{} does not lie behind warm-up and steady, which may take {}",
                        time_text(time.ns),
                        time_text(earliest_ns)
                    ),
                    "write a later time (within a day), or after: { phase: steady }",
                );
                return None;
            }
            Some(Trigger::At { at_ns: time.ns })
        }
        WhenSpec::After(after) => after_what(&at.to("after"), after, own, known, ground),
        WhenSpec::If(_) => {
            ground.sheet.not_supported(&at.to("if"), "`if`");
            None
        }
    }
}

fn after_what(
    at: &At,
    spec: &AfterSpec,
    own: &str,
    known: &[String],
    ground: Ground,
) -> Option<Trigger> {
    let by_ns = spec.by.map_or(0, |by| by.ns);
    if by_ns > LONGEST_HOLD_NS {
        ground.sheet.refuse(
            &at.to("by"),
            format!("{} is longer than a day", time_text(by_ns)),
        );
    }
    match (&spec.phase, &spec.fault) {
        (Some(_), None) => Some(Trigger::AfterSteady { by_ns }),
        (None, Some(fault)) if fault.0 != own && known.contains(&fault.0) => {
            Some(Trigger::AfterFault {
                fault: fault.0.clone(),
                by_ns,
            })
        }
        (None, Some(fault)) => {
            let others: Vec<String> = known.iter().filter(|id| *id != own).cloned().collect();
            ground.sheet.refuse_with(
                &at.to("fault"),
                match fault.0 == own {
                    true => "a fault cannot wait for itself".to_string(),
                    false => format!("there is no fault `{}`", fault.0),
                },
                instead(&fault.0, &others, "the other faults are"),
            );
            None
        }
        (Some(_), Some(_)) | (None, None) => {
            ground.sheet.refuse_with(
                at,
                "exactly one of `phase` and `fault` must be given",
                "such as after: { phase: steady, by: 0s }",
            );
            None
        }
    }
}

fn refuse_circles(faults: &[FaultPlan], sheet: &Sheet) {
    for fault in faults {
        let mut current = fault;
        for _ in 0..=faults.len() {
            let Trigger::AfterFault { fault: other, .. } = &current.when else {
                break;
            };
            let Some(next) = faults.iter().find(|fault| fault.id == *other) else {
                break;
            };
            if next.id == fault.id {
                sheet.refuse_with(
                    &At::of(&["faults", &fault.id, "when", "after", "fault"]),
                    "these faults wait for each other in a circle",
                    "let one of them wait for a phase: after: { phase: steady }",
                );
                break;
            }
            current = next;
        }
    }
}

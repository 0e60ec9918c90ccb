//! Which reads of the copies a scenario asks for, and whether the profile and the environment let them be made.

use shakedown_record::readback::ReadKind;

use crate::plan::{DataClass, DataLayout, EnvironmentPlan, Rule, RuleKind, System};
use crate::spec::scenario::{ReadSpec, ScenarioSpec};

use super::checkable::provable;
use super::sheet::{At, Sheet};

/// The reads in the order in which they are made; the converged one always, where orders can be read at all.
pub(super) fn reads(
    scenario: &ScenarioSpec,
    system: &System,
    environment: Option<&EnvironmentPlan>,
    sheet: &Sheet,
) -> Vec<ReadKind> {
    let at = At::of(&["reads"]);
    let mut kinds = Vec::new();
    for (index, read) in scenario.reads.iter().flatten().enumerate() {
        let at = at.item(index);
        if system.read_back.is_none() {
            sheet.refuse_with(
                &at,
                "the profile has no read-back",
                "describe `read-back` in the profile, or take `reads` out",
            );
        }
        match read {
            ReadSpec::Converged => {}
            ReadSpec::Degraded => {
                refuse_degraded(&at, scenario, system, sheet);
                kinds.push(ReadKind::Degraded);
            }
            ReadSpec::Cold => {
                refuse_outage(ReadKind::Cold, &at, system, environment, sheet);
                kinds.push(ReadKind::Cold);
            }
            ReadSpec::PowerCut => {
                refuse_outage(ReadKind::PowerCut, &at, system, environment, sheet);
                kinds.push(ReadKind::PowerCut);
            }
        }
    }
    let unlisted = system.cancel_on_disconnect.is_some_and(|it| it.unlisted);
    if unlisted && !kinds.is_empty() {
        sheet.refuse_with(
            &at,
            "the engine does not list what it has cancelled (`cancel-on-disconnect`): an order that such a read does not find may have been cancelled",
            "ask for `converged` only",
        );
    }
    if system.read_back.is_some() {
        kinds.push(ReadKind::Converged);
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// It needs a fault, copies that can be told apart, and a list in which our orders are known by their ids.
fn refuse_degraded(at: &At, scenario: &ScenarioSpec, system: &System, sheet: &Sheet) {
    if scenario.faults.iter().next().is_none() {
        sheet.refuse_with(
            at,
            "the scenario has no fault during which copies could be read",
            "take `degraded` out of `reads`, or write a fault",
        );
    }
    if let Err(why) = provable(DataClass::Stale, system) {
        sheet.refuse_with(
            at,
            format!("whether a copy is stale cannot be told with this profile: {why}"),
            "take `degraded` out of `reads`",
        );
    }
}

/// Only what Shakedown has started itself is stopped as a whole, and only what is kept on disk can be there after it.
fn refuse_outage(
    read: ReadKind,
    at: &At,
    system: &System,
    environment: Option<&EnvironmentPlan>,
    sheet: &Sheet,
) {
    let name = read.name();
    match environment {
        None | Some(EnvironmentPlan::Local { .. }) => {}
        Some(
            other @ (EnvironmentPlan::External(_)
            | EnvironmentPlan::Docker(_)
            | EnvironmentPlan::Kubernetes(_)),
        ) => sheet.refuse_with(
            at,
            format!(
                "`{name}` stops all replicas at once, and Shakedown does that only to replicas that it has started \
                 itself, not in the environment `{}`",
                other.name()
            ),
            format!("run it with `--environment local`, or take `{name}` out of `reads`"),
        ),
    }
    if system.data == DataLayout::Memory {
        sheet.refuse_with(
            at,
            format!("the profile says `data: memory`: after `{name}` no order is there, whatever the engine does"),
            format!("take `{name}` out of `reads`"),
        );
    }
}

/// A limit on what only a read shows that nobody asks for.
pub(super) fn refuse_unread(rules: &[Rule], reads: &[ReadKind], sheet: &Sheet) {
    let is_stale = |rule: &&Rule| matches!(rule.kind, RuleKind::Orders { class, .. } if class == DataClass::Stale);
    if let Some(rule) = rules.iter().find(is_stale)
        && !reads.contains(&ReadKind::Degraded)
    {
        sheet.refuse_with(
            &At::of(&["reads"]),
            format!(
                "`{}` limits stale orders, and no read is made while a fault is on",
                rule.id
            ),
            "write reads: [degraded, converged]",
        );
    }
}

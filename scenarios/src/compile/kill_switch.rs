//! Kill switches: how the profile says that one is pulled, and whose a scenario pulls.

use crate::diagnostics::listed;
use crate::plan::{FaultKind, FaultPlan, KillSwitch, Variable};
use crate::spec::profile::KillSwitchSpec as Described;
use crate::spec::scenario::{KillSwitchSpec, KindSpec, ScenarioSpec};

use super::exchange::{Exchanges, extract, request_uses};
use super::faults::Ground;
use super::sheet::{At, Sheet};
use super::template::Use;

/// How one is pulled; `Some(None)` when the profile does not say.
pub(super) fn kill_switch(
    spec: Option<&Described>,
    exchanges: &Exchanges,
) -> Option<Option<Box<KillSwitch>>> {
    let Some(spec) = spec else {
        return Some(None);
    };
    let at = At::of(&["kill-switch"]);
    let send = exchanges.send(&at.to("send"), &spec.send, Use::Kill);
    if let Some(send) = &send
        && !request_uses(send, &Variable::Account)
    {
        exchanges.sheet.refuse_entry(
            &at.to("send"),
            "the request does not say whose kill switch it means",
            "put {{account}} into the path or the body",
        );
    }
    let acked = exchanges.answer(&at.to("acked"), &spec.acked);
    Some(Some(Box::new(KillSwitch {
        send: send?,
        acked,
        sequence: spec.take.sequence.as_ref().map(extract),
    })))
}

/// Whose are pulled by one fault.
pub(super) fn killed(at: &At, spec: &KillSwitchSpec, ground: Ground) -> Option<FaultKind> {
    let at = at.to("accounts");
    let known = || ground.accounts.iter().map(String::as_str);
    if ground.system.kill_switch.is_none() {
        ground.sheet.refuse_with(
            &at,
            format!(
                "the profile of `{}` does not say how a kill switch is pulled",
                ground.system.name
            ),
            "add to the profile: kill-switch: { send: { … }, acked: { status: [200] } }",
        );
        return None;
    }
    if spec.accounts.is_empty() {
        ground
            .sheet
            .refuse_with(&at, "no account is named", listed(known()));
        return None;
    }
    for (index, name) in spec.accounts.iter().enumerate() {
        if !known().any(|account| account == name.0) {
            ground.sheet.refuse_with(
                &at.item(index),
                format!("the profile has no account `{}`", name.0),
                format!("it has {}", listed(known())),
            );
        } else if spec.accounts[..index].contains(name) {
            ground
                .sheet
                .refuse(&at.item(index), format!("`{}` is there twice", name.0));
        }
    }
    let accounts = spec.accounts.iter().map(|name| name.0.clone()).collect();
    Some(FaultKind::KillSwitch { accounts })
}

/// The faults together must leave somebody: what comes after the load has to be let in, too.
pub(super) fn refuse_nobody_left(faults: &[FaultPlan], accounts: &[String], sheet: &Sheet) {
    let pulls = |fault: &&FaultPlan| matches!(fault.kind, FaultKind::KillSwitch { .. });
    let Some(last) = faults.iter().rfind(pulls) else {
        return;
    };
    let is_killed = |name: &String| {
        let mut kinds = faults.iter().map(|fault| &fault.kind);
        kinds.any(
            |kind| matches!(kind, FaultKind::KillSwitch { accounts } if accounts.contains(name)),
        )
    };
    if accounts.iter().all(is_killed) {
        sheet.refuse_with(
            &At::of(&["faults", &last.id, "do", "kill-switch", "accounts"]),
            "no account is left: nothing would show that the engine still serves anybody",
            "leave one out, or name another account in the profile",
        );
    }
}

/// Whether a scenario pulls one, also when it could not be read whose.
pub(super) fn pulls_kill_switch(scenario: &ScenarioSpec) -> bool {
    let mut faults = scenario.faults.iter();
    faults.any(|(_, fault)| matches!(fault.kind, KindSpec::KillSwitch(_)))
}

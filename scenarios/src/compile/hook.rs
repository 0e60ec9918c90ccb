//! Commands of somebody else's tool.

use crate::plan::Hook;
use crate::spec::scenario::HookSpec;

use super::human::time_text;
use super::sheet::{At, Sheet};

const DEFAULT_DEADLINE_NS: u64 = 30_000_000_000;
/// An injection may take as long as the run waits for one, and so may a healing.
const LONGEST_COMMAND_NS: u64 = 50_000_000_000;

pub(super) fn hook(at: &At, spec: &HookSpec, sheet: &Sheet) -> Option<Hook> {
    hook_of(at, spec, ["inject", "confirm", "heal", "clean"], sheet)
}

/// The same, whose commands have these names where they are written.
pub(super) fn hook_of(at: &At, spec: &HookSpec, names: [&str; 4], sheet: &Sheet) -> Option<Hook> {
    let deadline_ns = spec.deadline.map_or(DEFAULT_DEADLINE_NS, |time| time.ns);
    let sensible = (1_000_000_000..=LONGEST_COMMAND_NS).contains(&deadline_ns);
    if !sensible {
        sheet.refuse_with(
            &at.to("deadline"),
            format!("{} is not sensible", time_text(deadline_ns)),
            format!("from 1s to {}", time_text(LONGEST_COMMAND_NS)),
        );
    }
    let mut whole = sensible;
    let commands = [
        Some(&spec.inject),
        Some(&spec.confirm),
        Some(&spec.heal),
        spec.clean.as_ref(),
    ];
    for (name, words) in names.into_iter().zip(commands) {
        if words.is_some_and(|words| words.first().is_none_or(String::is_empty)) {
            sheet.refuse_with(
                &at.to(name),
                "there is no program",
                "such as [kubectl, apply, -f, chaos.yaml]; with a shell: [sh, -c, 'one; two']",
            );
            whole = false;
        }
    }
    whole.then(|| Hook {
        inject: spec.inject.clone(),
        confirm: spec.confirm.clone(),
        heal: spec.heal.clone(),
        clean: spec.clean.clone(),
        deadline_ns,
    })
}

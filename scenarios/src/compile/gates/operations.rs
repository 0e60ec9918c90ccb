//! Operations on the data: how the profile says that they are done, and what a scenario asks for.

use crate::plan::gates::{
    MOMENT_PLACEHOLDER, Operation, OperationBy, OperationCommands, Operations, RestorePoint,
};
use crate::plan::{EnvironmentPlan, FaultKind, FaultPlan, LocalStandIn, Trigger};
use crate::spec::profile::ProfileSpec;
use crate::spec::scalar::Duration;
use crate::spec::scenario::{HookSpec, KindSpec, RestorePointSpec, RestoreSpec, ScenarioSpec};

use crate::compile::faults::Ground;
use crate::compile::hook::hook_of;
use crate::compile::human::time_text;
use crate::compile::references::instead;
use crate::compile::sheet::{At, Sheet};

const DEFAULT_DEADLINE_NS: u64 = 30_000_000_000;
/// The run waits no longer for an injection.
const LONGEST_COMMAND_NS: u64 = 170_000_000_000;
const DEFAULT_CLOCK_ERROR_NS: u64 = 1_000_000_000;
const LONGEST_CLOCK_ERROR_NS: u64 = 60_000_000_000;

/// What the profile says of operations; `None` when a command of theirs is none.
pub(in crate::compile) fn operations(spec: &ProfileSpec, sheet: &Sheet) -> Option<Operations> {
    let at = At::of(&["operations"]);
    let backup = spec.operations.backup.as_ref().map(|it| {
        let at = at.to("backup");
        commands(&at, (&it.run, &it.confirm), it.deadline, sheet)
    });
    let restore = spec.operations.restore.as_ref().map(|it| {
        let at = at.to("restore");
        let names_it = |word: &String| word.contains(MOMENT_PLACEHOLDER);
        if !it.run.is_empty() && !it.run.iter().any(names_it) {
            sheet.refuse_with(
                &at.to("run"),
                "nothing in this command says to which moment",
                "write {{to}} where it belongs, such as --target-time={{to}}",
            );
        }
        let error_ns = it.clock_error.map_or(DEFAULT_CLOCK_ERROR_NS, |it| it.ns);
        if error_ns > LONGEST_CLOCK_ERROR_NS {
            sheet.refuse_with(
                &at.to("clock-error"),
                format!(
                    "with clocks {} apart no moment means anything",
                    time_text(error_ns)
                ),
                format!("at most {}", time_text(LONGEST_CLOCK_ERROR_NS)),
            );
        }
        let commands = commands(&at, (&it.run, &it.confirm), it.deadline, sheet);
        commands.map(|commands| (commands, error_ns))
    });
    let migrate = spec.operations.migrate.as_ref().map(|it| {
        let described = HookSpec {
            inject: it.up.clone(),
            confirm: it.confirm.clone(),
            heal: it.down.clone(),
            clean: None,
            deadline: it.deadline,
        };
        let names = ["up", "confirm", "down", "clean"];
        hook_of(&at.to("migrate"), &described, names, sheet)
    });
    Some(Operations {
        migrate: match migrate {
            Some(hook) => Some(hook?),
            None => None,
        },
        backup: match backup {
            Some(commands) => Some(commands?),
            None => None,
        },
        restore: match restore {
            Some(restore) => Some(restore?),
            None => None,
        },
    })
}

fn commands(
    at: &At,
    (run, confirm): (&[String], &[String]),
    deadline: Option<Duration>,
    sheet: &Sheet,
) -> Option<OperationCommands> {
    let deadline_ns = deadline.map_or(DEFAULT_DEADLINE_NS, |time| time.ns);
    let mut whole = true;
    if !(1_000_000_000..=LONGEST_COMMAND_NS).contains(&deadline_ns) {
        whole = false;
        sheet.refuse_with(
            &at.to("deadline"),
            format!("{} is not sensible", time_text(deadline_ns)),
            format!("from 1s to {}", time_text(LONGEST_COMMAND_NS)),
        );
    }
    for (name, words) in [("run", run), ("confirm", confirm)] {
        if words.first().is_none_or(String::is_empty) {
            whole = false;
            sheet.refuse_with(
                &at.to(name),
                "there is no program",
                "such as [pgbackrest, --stanza=orders, check]; with a shell: [sh, -c, 'one; two']",
            );
        }
    }
    whole.then(|| OperationCommands {
        run: run.to_vec(),
        confirm: confirm.to_vec(),
        deadline_ns,
    })
}

/// A backup.
pub(in crate::compile) fn backup(at: &At, ground: Ground) -> Option<FaultKind> {
    let by = match (&ground.system.operations.backup, is_of_servers(ground)) {
        (Some(commands), _) => OperationBy::Commands(commands.clone()),
        (None, true) => OperationBy::Servers,
        (None, false) => return refuse_unsaid(at, "how a backup is made", "backup", ground),
    };
    Some(FaultKind::Operation(Operation::Backup { by }))
}

/// A restore.
pub(in crate::compile) fn restore(
    at: &At,
    spec: &RestoreSpec,
    (own, known): (&str, &[String]),
    ground: Ground,
) -> Option<FaultKind> {
    let to = point(&at.to("to"), &spec.to, (own, known), ground.sheet);
    let (by, clock_error_ns) = match (&ground.system.operations.restore, is_of_servers(ground)) {
        (Some((commands, error_ns)), _) => (OperationBy::Commands(commands.clone()), *error_ns),
        (None, true) => (OperationBy::Servers, 0),
        (None, false) => {
            return refuse_unsaid(at, "how its data is brought back", "restore", ground);
        }
    };
    Some(FaultKind::Operation(Operation::Restore {
        to: to?,
        by,
        clock_error_ns,
    }))
}

/// A migration, which is a hook of the profile's.
pub(in crate::compile) fn migrate(at: &At, ground: Ground) -> Option<FaultKind> {
    match &ground.system.operations.migrate {
        Some(hook) => Some(FaultKind::Hook(hook.clone())),
        None => {
            ground.sheet.refuse_entry(
                at,
                format!(
                    "the profile of `{}` does not say how its database is migrated",
                    ground.system.name
                ),
                "add to the profile: operations: { migrate: { up: [ … ], confirm: [ … ], down: [ … ] } }",
            );
            None
        }
    }
}

/// Whether the data is in servers that Shakedown has started, and knows how to keep.
fn is_of_servers(ground: Ground) -> bool {
    matches!(
        ground.environment,
        Some(EnvironmentPlan::Local {
            stand_in: LocalStandIn::PostgreSql(_),
        })
    )
}

fn refuse_unsaid(at: &At, what: &str, name: &str, ground: Ground) -> Option<FaultKind> {
    if ground.environment.is_some() {
        ground.sheet.refuse_entry(
            at,
            format!(
                "the profile of `{}` does not say {what}",
                ground.system.name
            ),
            format!(
                "add to the profile: operations: {{ {name}: {{ run: [ … ], confirm: [ … ] }} }}"
            ),
        );
    }
    None
}

fn point(
    at: &At,
    spec: &RestorePointSpec,
    (own, known): (&str, &[String]),
    sheet: &Sheet,
) -> Option<RestorePoint> {
    match spec {
        RestorePointSpec::At(time) => Some(RestorePoint::At { at_ns: time.ns }),
        RestorePointSpec::Before(time) => Some(RestorePoint::Before { by_ns: time.ns }),
        RestorePointSpec::After(after) => {
            let fault = &after.fault.0;
            if fault != own && known.contains(fault) {
                return Some(RestorePoint::AfterFault {
                    fault: fault.clone(),
                    by_ns: after.by.map_or(0, |by| by.ns),
                });
            }
            let others: Vec<String> = known.iter().filter(|id| *id != own).cloned().collect();
            sheet.refuse_with(
                &at.to("after").to("fault"),
                match fault == own {
                    true => "a restore cannot go back to a moment after its own beginning".into(),
                    false => format!("there is no fault `{fault}`"),
                },
                instead(fault, &others, "the other faults are"),
            );
            None
        }
    }
}

/// What Shakedown is to bring back it must have kept before, and no moment lies in the future.
pub(in crate::compile) fn refuse_unkept(
    faults: &[FaultPlan],
    scenario: &ScenarioSpec,
    sheet: &Sheet,
) {
    let by = OperationBy::Servers;
    let kept = Operation::Backup { by };
    let written = scenario.faults.iter();
    // One that could not be read is told of where it stands.
    let mut unread = written.filter(|(id, _)| !faults.iter().any(|fault| fault.id == id.0));
    let is_kept = faults
        .iter()
        .any(|fault| fault.kind.operation() == Some(&kept))
        || unread.any(|(_, fault)| matches!(fault.kind, KindSpec::Backup(_)));
    for fault in faults {
        let Some(Operation::Restore { to, by, .. }) = fault.kind.operation() else {
            continue;
        };
        let at = At::of(&["faults", &fault.id, "do", "restore"]);
        if *by == OperationBy::Servers && !is_kept {
            sheet.refuse_entry(
                &at,
                "nothing was kept that could be brought back",
                "add a fault before it: kept: { do: { backup: {} }, when: { after: { phase: steady } } }",
            );
        }
        if let (RestorePoint::At { at_ns: to_ns }, Trigger::At { at_ns }) = (to, &fault.when)
            && to_ns >= at_ns
        {
            sheet.refuse_with(
                &at.to("to").to("at"),
                format!(
                    "{} is not before the restore, which begins at {}",
                    time_text(*to_ns),
                    time_text(*at_ns)
                ),
                "write an earlier time, or before: 3s",
            );
        }
    }
}

/// Whether a scenario brings data back, also when it could not be read how.
pub(in crate::compile) fn restores(scenario: &ScenarioSpec) -> bool {
    let mut faults = scenario.faults.iter();
    faults.any(|(_, fault)| matches!(fault.kind, KindSpec::Restore(_)))
}

//! Backups and restores: whose they are, as of when, and what is refused.

use shakedown_scenarios::plan::gates::{Operation, OperationBy, RestorePoint};
use shakedown_scenarios::plan::{FaultKind, Hook, RuleKind, Selector};
use shakedown_scenarios::{Compiled, Diagnostics};

use crate::common::{QUICKSTART, compile_both, file, only, set, shipped, swapped, with};

const SCENARIO: &str = "postgresql-restore";

const COMMANDS: &str = r#"operations:
  backup: { run: [tool, backup], confirm: [tool, check] }
  restore: { run: [tool, restore, "--to={{to}}"], confirm: [tool, check], clock-error: 200ms, deadline: 90s }
  migrate: { up: [tool, up], confirm: [tool, version], down: [tool, down], deadline: 20s }
"#;

fn said(told: &[(&str, &str)]) -> String {
    let sets: Vec<_> = told.iter().map(|(key, value)| set(key, value)).collect();
    only(with(SCENARIO, &sets)).to_string()
}

/// The quickstart with these faults, and a profile with these operations.
fn quickstart(faults: &str, operations: &str) -> Result<Compiled, Diagnostics> {
    let profile = format!("{}\n{operations}", shipped("reference").text);
    let sets = [
        set("faults", faults),
        // Of one history, each of them.
        set("sla.history", "{ restore-rpo: { at-most: 5s } }"),
    ];
    compile_both(
        &shipped(QUICKSTART),
        &file("reference.yaml", &profile),
        &sets,
    )
}

const BOTH: &str = "{ kept: { do: { backup: {} }, when: { after: { phase: steady } } }, \
                    restored: { do: { restore: { to: { after: { fault: kept, by: 2s } } } }, when: { after: { fault: kept, by: 9s } } } }";

#[test]
fn servers_that_shakedown_has_started_are_kept_by_it() {
    let plan = with(SCENARIO, &[]).unwrap().plan;
    let kinds: Vec<&FaultKind> = plan.faults.iter().map(|fault| &fault.kind).collect();
    let by = OperationBy::Servers;
    assert_eq!(
        kinds[0],
        &FaultKind::Operation(Operation::Backup { by: by.clone() })
    );
    let to = RestorePoint::Before {
        by_ns: 3_000_000_000,
    };
    let restore = Operation::Restore {
        to,
        by,
        clock_error_ns: 0,
    };
    assert_eq!(kinds[1], &FaultKind::Operation(restore));
    for fault in &plan.faults {
        assert_eq!((&fault.to, fault.hold_ns), (&Selector::System, 0));
    }
    let at_most_ns = 8_000_000_000;
    let rule = RuleKind::RestoreRpo { at_most_ns };
    assert!(plan.rules.iter().any(|it| it.kind == rule));
}

#[test]
fn any_other_store_is_kept_by_commands_of_its_profile() {
    let plan = quickstart(BOTH, COMMANDS);
    let plan = plan.unwrap_or_else(|told| panic!("{told}")).plan;
    let FaultKind::Operation(Operation::Restore {
        to,
        by: OperationBy::Commands(commands),
        clock_error_ns,
    }) = &plan.faults[1].kind
    else {
        panic!("{:?}", plan.faults[1].kind);
    };
    assert_eq!(
        (*clock_error_ns, commands.deadline_ns),
        (200_000_000, 90_000_000_000)
    );
    let after = RestorePoint::AfterFault {
        fault: "kept".into(),
        by_ns: 2_000_000_000,
    };
    assert_eq!(to, &after);
    let told = quickstart(BOTH, "operations: {}").unwrap_err().to_string();
    for words in ["how a backup is made", "how its data is brought back"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn a_migration_is_a_hook_of_the_profile() {
    let migrates = "{ kept: { do: { backup: {} }, when: { after: { phase: steady } } }, \
                    new: { do: { migrate: {} }, when: { after: { fault: kept, by: 9s } }, for: 10s }, \
                    restored: { do: { restore: { to: { before: 3s } } }, when: { after: { fault: new, by: 30s } } } }";
    let plan = quickstart(migrates, COMMANDS).unwrap().plan;
    let words = |text: &str| text.split(' ').map(String::from).collect();
    let hook = Hook {
        inject: words("tool up"),
        confirm: words("tool version"),
        heal: words("tool down"),
        clean: None,
        deadline_ns: 20_000_000_000,
    };
    let found = &plan.faults[1];
    assert_eq!(found.kind, FaultKind::Hook(hook));
    assert_eq!(found.hold_ns, 10_000_000_000);
    let none = swapped(COMMANDS, "down: [tool, down]", "down: []");
    let told = only(quickstart(migrates, &none)).to_string();
    assert!(told.contains("there is no program"), "{told}");
    let (others, _) = COMMANDS.split_once("  migrate").unwrap();
    let told = only(quickstart(migrates, others)).to_string();
    assert!(told.contains("how its database is migrated"), "{told}");
    let endless = migrates.replace(", for: 10s", "");
    let told = only(quickstart(&endless, COMMANDS)).to_string();
    assert!(told.contains("`for` is missing"), "{told}");
}

#[test]
fn commands_say_what_they_are_for() {
    for (from, to, words) in [
        (
            "--to={{to}}",
            "--to=now",
            "nothing in this command says to which moment",
        ),
        (
            "clock-error: 200ms",
            "clock-error: 2m",
            "no moment means anything",
        ),
        ("deadline: 90s", "deadline: 10m", "is not sensible"),
        ("run: [tool, backup]", "run: []", "there is no program"),
    ] {
        let told = only(quickstart(BOTH, &swapped(COMMANDS, from, to))).to_string();
        assert!(told.contains(words), "{from}: {told}");
    }
}

#[test]
fn what_has_no_moment_or_nothing_to_go_back_to_is_refused() {
    for (key, value, words) in [
        ("faults.restored.for", "5s", "it has no `for`"),
        ("faults.kept.to", "{ role: leader }", "it has no `to`"),
        (
            "faults.restored.do.restore.to",
            "{ after: { fault: restored } }",
            "after its own beginning",
        ),
        (
            "faults.restored.do.restore.to",
            "{ after: { fault: nothing } }",
            "there is no fault `nothing`",
        ),
    ] {
        let told = said(&[(key, value)]);
        assert!(told.contains(words), "{key}: {told}");
    }
    let alone = "{ restored: { do: { restore: { to: { before: 3s } } }, when: { after: { phase: steady, by: 5s } } } }";
    let told = said(&[("faults", alone)]);
    assert!(told.contains("nothing was kept"), "{told}");
    let later = "{ kept: { do: { backup: {} }, when: { after: { phase: steady } } }, \
                 restored: { do: { restore: { to: { at: 40s } } }, when: { at: 35s } } }";
    let told = said(&[("faults", later)]);
    assert!(told.contains("is not before the restore"), "{told}");
}

#[test]
fn rules_of_one_history_do_not_go_with_a_restore() {
    let told = only(with(
        QUICKSTART,
        &[set("sla.kept", "{ restore-rpo: { at-most: 5s } }")],
    ));
    assert!(told.message.contains("no fault brings data back"), "{told}");
    let profile = format!("{}\n{COMMANDS}", shipped("reference").text);
    let sets = [
        set("faults", BOTH),
        set("sla.history", "{ linearizable: {} }"),
    ];
    let told = only(compile_both(
        &shipped(QUICKSTART),
        &file("reference.yaml", &profile),
        &sets,
    ));
    assert!(told.message.contains("no longer one history"), "{told}");
}

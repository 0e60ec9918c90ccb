//! Each shipped scenario for Kubernetes once, on the cluster that `tests/kubernetes.sh` makes, and what was left of it.

use std::io::{self, Write};
use std::os::unix::fs::symlink;

use shakedown_record::run_record::{FaultRecord, RunRecord};

use crate::pods::Pods;
use crate::shakedown::{Sandbox, ScenarioRun, library, within_s, workspace};

/// All of them, in the order of the table.
pub const SCENARIOS: [&str; 24] = [
    "kubernetes-leader-crash",
    "kubernetes-leader-delete",
    "kubernetes-leader-evict",
    "kubernetes-leader-freeze",
    "kubernetes-leader-oom",
    "kubernetes-leader-partition",
    "kubernetes-leader-one-way",
    "kubernetes-slow-leader",
    "kubernetes-node-stop",
    "kubernetes-node-lost",
    "kubernetes-node-drain",
    "kubernetes-node-taint",
    "kubernetes-kubelet-stop",
    "kubernetes-runtime-stop",
    "kubernetes-zone-outage",
    "kubernetes-zone-partition",
    "kubernetes-api-server-stop",
    "kubernetes-rolling-update",
    "kubernetes-bad-rollout",
    "kubernetes-rollback",
    "kubernetes-switch",
    "kubernetes-scale",
    "kubernetes-cpu-limit",
    "kubernetes-dns",
];

/// What cannot be done on nodes that have the kernel of the machine, where that lacks netem.
const MAY_BE_WITHOUT_EFFECT: [&str; 1] = ["kubernetes-slow-leader"];

pub const COLUMNS: [&str; 9] = [
    "scenario",
    "exit",
    "verdict",
    "effect",
    "healed",
    "clean",
    "left",
    "lost",
    "failover_s",
];

/// A run whose generator was starved shows nothing, and is made again, so often at most.
const TRIES: u32 = 5;
/// A platform takes its own taints off a node that is back within this time.
const SETTLED_WITHIN_S: f64 = 20.0;

/// Runs the scenario of this number, counted from 1.
///
/// # Panics
/// When there is no cluster, or it does not become ready.
pub fn row(number: u64) -> Vec<String> {
    let index = usize::try_from(number)
        .unwrap_or(usize::MAX)
        .wrapping_sub(1);
    let scenario = SCENARIOS[index];
    let mut tries = 0;
    loop {
        tries += 1;
        let pods = Pods::ready();
        let before = pods.picture();
        let sandbox = Sandbox::new();
        // Commands of the profile are run where Shakedown was started.
        let deploy = sandbox.path().join("deploy");
        symlink(workspace().join("deploy"), deploy).expect("a sandbox is empty");
        let run = sandbox.run_scenario(&library(scenario), &[]);
        if tries == TRIES || !has_record(&run) || run.sound() {
            if run.finished.code != Some(0) {
                // Whoever wonders why: its run directory goes with the sandbox.
                let _ = writeln!(io::stderr(), "{}", run.finished.said());
            }
            within_s(SETTLED_WITHIN_S, || left(&pods, &before) == 0);
            return row_of(scenario, &run, left(&pods, &before));
        }
    }
}

fn has_record(run: &ScenarioRun) -> bool {
    run.dir.join("record.json").is_file()
}

/// How many objects are not as they were, agents and Leases included.
fn left(pods: &Pods, before: &[String]) -> usize {
    let now = pods.picture();
    let others = now.iter().filter(|line| !before.contains(line)).count();
    others + pods.agents().len()
}

fn row_of(scenario: &str, run: &ScenarioRun, left: usize) -> Vec<String> {
    let record = has_record(run).then(|| run.record());
    let none = || "-".to_string();
    let told = |what: fn(&RunRecord) -> String| record.as_ref().map_or_else(none, what);
    vec![
        scenario.to_string(),
        run.finished.code.unwrap_or(-1).to_string(),
        told(|record| record.verdict.name().to_string()),
        told(|record| all(record.faults.iter().map(|it| it.effect.confirmed))),
        told(|record| of_injected(record, |it| it.healed_at_s.is_some())),
        told(|record| of_injected(record, |it| it.clean_at_s.is_some())),
        left.to_string(),
        told(|record| {
            let lost = record.data_loss.lost;
            lost.map_or("-".to_string(), |lost| lost.to_string())
        }),
        told(|record| {
            let mut all = record.failover.iter();
            let first = all.find(|entry| entry.fault.is_some());
            let recovered = first.and_then(|entry| entry.recovered_s);
            recovered.map_or("-".to_string(), |s| format!("{s:.3}"))
        }),
    ]
}

/// Of faults that were made; `-` where there was none to be taken back.
fn of_injected(record: &RunRecord, is_so: fn(&FaultRecord) -> bool) -> String {
    let injected = record.faults.iter();
    let injected: Vec<_> = injected.filter(|it| it.injected_at_s.is_some()).collect();
    match injected.is_empty() {
        true => "-".to_string(),
        false => all(injected.into_iter().map(is_so)),
    }
}

fn all(mut which: impl ExactSizeIterator<Item = bool>) -> String {
    let is_so = which.len() > 0 && which.all(|it| it);
    if is_so { "y" } else { "n" }.to_string()
}

/// One row for each scenario: passed, its effect seen, healed, clean, nothing left and nothing lost.
///
/// # Errors
/// With the first row that shows something else.
pub fn claim(rows: &[Vec<String>]) -> Result<(), String> {
    let names: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    if names != SCENARIOS {
        return Err(format!("rows are of {names:?}, not of each scenario once"));
    }
    for row in rows {
        let told: Vec<&str> = row[1..8].iter().map(String::as_str).collect();
        let fine = match told.as_slice() {
            ["0", "pass", "y", "y", "y", "0", "0"] => true,
            [_, _, "n" | "-", "y" | "-", "y" | "-", "0", "0" | "-"] => {
                MAY_BE_WITHOUT_EFFECT.contains(&row[0].as_str()) && row[1] != "3"
            }
            _ => false,
        };
        if !fine {
            return Err(format!("{row:?} is not what was claimed"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What needs a network policy, which the test `kubernetes::isolation` brings along.
    const WITH_A_POLICY: [&str; 1] = ["kubernetes-isolation"];
    use crate::source_tree::files;

    fn rows() -> Vec<Vec<String>> {
        let rest = ["0", "pass", "y", "y", "y", "0", "0", "1.200"];
        let row = |name: &str| {
            [name]
                .iter()
                .chain(&rest)
                .map(ToString::to_string)
                .collect()
        };
        SCENARIOS.into_iter().map(row).collect()
    }

    #[test]
    fn every_shipped_scenario_has_its_row() {
        let shipped = files(&workspace().join("scenarios/library"), &[".yaml"]);
        let mut shipped: Vec<String> = shipped
            .into_iter()
            .filter_map(|file| {
                let name = file.name.rsplit('/').next()?.strip_suffix(".yaml")?;
                name.starts_with("kubernetes-").then(|| name.to_string())
            })
            .collect();
        shipped.sort();
        let mut known = [&SCENARIOS[..], &WITH_A_POLICY].concat();
        known.sort();
        assert_eq!(shipped, known);
    }

    #[test]
    fn a_row_that_is_not_clean_supports_nothing() {
        assert_eq!(claim(&rows()), Ok(()));
        for (column, wrong) in [
            (1, "1"),
            (2, "fail"),
            (3, "n"),
            (4, "n"),
            (5, "n"),
            (6, "1"),
        ] {
            let mut rows = rows();
            rows[3][column] = wrong.to_string();
            assert!(claim(&rows).is_err(), "{column} {wrong}");
        }
        let mut lost = rows();
        lost[0][7] = "1".to_string();
        assert!(claim(&lost).is_err());
        let mut twice = rows();
        twice[1] = twice[0].clone();
        assert!(claim(&twice).is_err());
    }

    #[test]
    fn only_what_needs_netem_may_be_without_effect() {
        let mut rows = rows();
        let rest = ["69", "-", "-", "-", "-", "0", "-", "-"].map(String::from);
        rows[7][1..].clone_from_slice(&rest);
        assert_eq!(claim(&rows), Ok(()));
        rows[7][6] = "1".to_string();
        assert!(claim(&rows).is_err());
        rows[7][6] = "0".to_string();
        rows[8][1..].clone_from_slice(&rest);
        assert!(claim(&rows).is_err());
    }
}

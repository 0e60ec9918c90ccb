//! The defects of the reference engine, each over several seeds, and the clean engine where they were seen.

use std::thread::JoinHandle;

use shakedown_record::Verdict;
use shakedown_record::run_record::RunRecord;

use super::PATIENCE;
use crate::calm::wait_for_calm;
use crate::matrix::{CASES, SETTINGS, Setting};
use crate::shakedown::{Sandbox, ScenarioRun, library};

/// Each defect is looked for with so many seeds.
const SEEDS: usize = 5;

/// A run that the machine starved is made again, so often in all at most.
const TRIES: u32 = 8;

pub const COLUMNS: [&str; 8] = [
    "defect",
    "seed",
    "scenario",
    "exit",
    "check",
    "verdict",
    "found",
    "starved_before",
];

pub const CLEAN_COLUMNS: [&str; 7] = [
    "seed",
    "scenario",
    "exit",
    "verdict",
    "failed",
    "why",
    "starved_before",
];

/// Rows of the table with the clean engine.
pub const CLEAN_ROWS: usize = 200;

/// Rows of the table with the defects.
pub fn rows() -> usize {
    CASES.len() * SEEDS
}

/// A defect with a seed: each defect once, then each once more. Counted from 1.
pub(super) fn row(number: u64) -> Vec<String> {
    let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
    let case = CASES[index % CASES.len()];
    let seed = (index / CASES.len() + 1).to_string();
    let more = ["--seed", &seed, "--defect", case.defect];
    let (run, record, starved) = made(case.setting, &more);
    let seen = record.checks.iter().find(|one| one.id == case.check);
    vec![
        case.defect.to_string(),
        seed.clone(),
        case.setting.scenario.to_string(),
        exit(&run),
        case.check.to_string(),
        seen.map_or("-".to_string(), |seen| seen.verdict.name().to_string()),
        seen.map_or("-".to_string(), |seen| plain(&seen.observed.text)),
        starved.to_string(),
    ]
}

/// The clean engine with a seed, in the scenarios in turn.
pub(super) fn clean_row(number: u64) -> Vec<String> {
    let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
    let setting = SETTINGS[index % SETTINGS.len()];
    let seed = number.to_string();
    let (run, record, starved) = made(setting, &["--seed", &seed]);
    let failed: Vec<&str> = record
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Fail)
        .map(|check| check.id.as_str())
        .collect();
    let why = match record.verdict {
        Verdict::Pass => "-".to_string(),
        Verdict::Fail | Verdict::Inconclusive => plain(&format!(
            "{} {}",
            record.reasons.join("; "),
            record.generator.why
        )),
    };
    vec![
        seed.clone(),
        setting.scenario.to_string(),
        exit(&run),
        record.verdict.name().to_string(),
        match failed.is_empty() {
            true => "-".to_string(),
            false => failed.join(" "),
        },
        why,
        starved.to_string(),
    ]
}

/// Runs it until the machine did not starve it; how often it did.
fn made(setting: Setting, more: &[&str]) -> (ScenarioRun, RunRecord, u32) {
    let mut starved = 0;
    loop {
        let sandbox = Sandbox::new();
        let more = [setting.more, more].concat();
        let run = sandbox.run_scenario(&library(setting.scenario), &more);
        if run.sound() || starved + 1 == TRIES {
            let record = run.record();
            return (run, record, starved);
        }
        starved += 1;
        wait_for_calm(PATIENCE);
    }
}

fn exit(run: &ScenarioRun) -> String {
    run.finished.code.unwrap_or(-1).to_string()
}

fn plain(text: &str) -> String {
    text.replace(['\t', '\n'], " ").trim().to_string()
}

/// Makes the rows two at a time, which the settings allow; they come in the order of their numbers.
pub(super) struct Pairs {
    make: fn(u64) -> Vec<String>,
    last: u64,
    ahead: Option<(u64, JoinHandle<Vec<String>>)>,
}

impl Pairs {
    /// Of rows up to this number.
    pub(super) fn new(make: fn(u64) -> Vec<String>, last: usize) -> Self {
        Self {
            make,
            last: last as u64,
            ahead: None,
        }
    }

    /// The row of this number.
    ///
    /// # Panics
    /// When it cannot be made.
    pub(super) fn row(&mut self, number: u64) -> Vec<String> {
        if let Some((ready, made)) = self.ahead.take() {
            let row = made.join().expect("a row is made, or the reason is said");
            if ready == number {
                return row;
            }
        }
        wait_for_calm(PATIENCE);
        let (make, next) = (self.make, number + 1);
        if next <= self.last {
            self.ahead = Some((next, std::thread::spawn(move || make(next))));
        }
        make(number)
    }
}

impl Drop for Pairs {
    /// What was begun ahead leaves nothing behind.
    fn drop(&mut self) {
        if let Some((_, made)) = self.ahead.take() {
            let _unused = made.join();
        }
    }
}

/// Every defect was caught by its check with every seed.
///
/// # Errors
/// With the first row that does not show it.
pub fn all_caught(rows: &[Vec<String>]) -> Result<(), String> {
    for case in CASES {
        let (check, scenario) = (case.check, case.setting.scenario);
        for seed in 1..=SEEDS {
            let seed = seed.to_string();
            let is_it = |row: &&Vec<String>| row[0] == case.defect && row[1] == seed;
            let row = rows
                .iter()
                .find(is_it)
                .ok_or_else(|| format!("{} was not run with seed {seed}", case.defect))?;
            if row[2..6] != [scenario, "1", check, "fail"] {
                return Err(format!("{row:?}: {check} did not see it"));
            }
        }
    }
    Ok(())
}

/// Every run of the clean engine passed, each seed in its scenario.
///
/// # Errors
/// With the first row that does not show it.
pub fn no_alarm(rows: &[Vec<String>]) -> Result<(), String> {
    for (index, row) in rows.iter().enumerate() {
        let seed = (index + 1).to_string();
        let scenario = SETTINGS[index % SETTINGS.len()].scenario;
        if row[..5] != [&seed, scenario, "0", "pass", "-"] {
            return Err(format!("{row:?} is no pass of {scenario} with seed {seed}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_string).collect()
    }

    fn caught_rows() -> Vec<Vec<String>> {
        let of = |seed: usize| {
            CASES.into_iter().map(move |case| {
                let (check, scenario) = (case.check, case.setting.scenario);
                words(&format!(
                    "{} {seed} {scenario} 1 {check} fail 7 0",
                    case.defect
                ))
            })
        };
        (1..=SEEDS).flat_map(of).collect()
    }

    #[test]
    fn a_defect_that_was_not_seen_once_supports_nothing() {
        let rows = caught_rows();
        assert_eq!((rows.len(), all_caught(&rows)), (super::rows(), Ok(())));
        for (column, wrong) in [(3, "2"), (4, "other"), (5, "pass"), (2, "other"), (1, "9")] {
            let mut rows = rows.clone();
            rows[7][column] = wrong.to_string();
            assert!(all_caught(&rows).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_alarm_supports_nothing() {
        let row = |index: usize| {
            let scenario = SETTINGS[index % SETTINGS.len()].scenario;
            words(&format!("{} {scenario} 0 pass - - 2", index + 1))
        };
        let rows: Vec<_> = (0..CLEAN_ROWS).map(row).collect();
        assert_eq!(no_alarm(&rows), Ok(()));
        for (column, wrong) in [(2, "1"), (2, "2"), (3, "fail"), (4, "lost"), (0, "9")] {
            let mut rows = rows.clone();
            rows[7][column] = wrong.to_string();
            assert!(no_alarm(&rows).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rows_that_are_made_two_at_a_time_come_in_order() {
        let mut pairs = Pairs::new(|number| vec![number.to_string()], 5);
        let rows: Vec<_> = (2..=5).map(|number| pairs.row(number)).collect();
        assert_eq!(rows, [["2"], ["3"], ["4"], ["5"]]);
    }
}

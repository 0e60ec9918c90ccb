//! The campaign: a thousand seeds of storms, and what its table claims. The rows are made by the conformance suite, which
//! knows the gateways.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::process::Command;

use super::program::StormKind;

/// Seeds.
pub const ROWS: usize = 1_000;

/// Its columns.
pub const COLUMNS: &[&str] = &[
    "seed",
    "gateway",
    "storms",
    "scheduled",
    "acked",
    "declined",
    "indeterminate",
    "absent",
    "server_saw",
    "broken",
    "what",
];

/// The conformance suite's program.
const SUITE: &str = "SHAKEDOWN_CONFORMANCE";

/// Tells the suite which seeds to run, as `FROM..TO` without `TO`.
const SEEDS: &str = "SHAKEDOWN_STORMS";

/// Seeds that are run by one call of the suite.
const BATCH: u64 = 40;

/// Rows, a batch of them at a time.
#[derive(Debug, Default)]
pub struct Storms {
    ready: VecDeque<Vec<String>>,
}

impl Storms {
    /// The row of a seed; seeds are asked for in order.
    ///
    /// # Panics
    /// When the suite gives none.
    pub fn row(&mut self, seed: u64) -> Vec<String> {
        if self.ready.is_empty() {
            let to = (seed + BATCH).min(ROWS as u64 + 1);
            self.ready = batch(seed, to).expect("the conformance suite can be run");
        }
        let row = self.ready.pop_front().expect("a row for each seed");
        assert_eq!(row[0], seed.to_string(), "rows come in order");
        row
    }
}

fn batch(from: u64, to: u64) -> io::Result<VecDeque<Vec<String>>> {
    let suite = std::env::var_os(SUITE)
        .ok_or_else(|| io::Error::other(format!("{SUITE} does not name the suite's program")))?;
    let output = Command::new(suite)
        .args([
            "--exact",
            "storms::conservation_holds_to_the_unit",
            "--nocapture",
        ])
        .env(SEEDS, format!("{from}..{to}"))
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let rows: VecDeque<Vec<String>> = said.lines().filter_map(cells).collect();
    if output.status.success() && rows.len() as u64 == to - from {
        return Ok(rows);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{said}\n{errors}")))
}

/// A row in a line of the suite, which may begin with the test's name.
fn cells(line: &str) -> Option<Vec<String>> {
    let (_, cells) = line.split_once("row\t")?;
    Some(cells.split('\t').map(str::to_string).collect())
}

/// Nothing was broken, every slot is accounted for, and there was every kind of storm and every kind of end.
///
/// # Errors
/// With the first row that shows otherwise, or what never happened.
pub fn supports(rows: &[Vec<String>]) -> Result<(), String> {
    let mut ends = [0u64; 4];
    let mut storms = BTreeSet::new();
    let mut gateways = BTreeSet::new();
    for row in rows {
        let numbers: Vec<u64> = row[3..10]
            .iter()
            .map(|cell| cell.parse().map_err(|_| format!("{row:?} has no numbers")))
            .collect::<Result<_, String>>()?;
        let ended: u64 = numbers[1..5].iter().sum();
        if numbers[6] != 0 || numbers[0] == 0 || ended != numbers[0] {
            return Err(format!("{row:?} breaks the law"));
        }
        for (sum, number) in ends.iter_mut().zip(&numbers[1..5]) {
            *sum += number;
        }
        storms.extend(row[2].split('+').map(str::to_string));
        gateways.insert(row[1].clone());
    }
    let missing = StormKind::ALL
        .into_iter()
        .find(|kind| !storms.contains(kind.name()));
    if let Some(kind) = missing {
        return Err(format!("there was no {}", kind.name()));
    }
    if ends.contains(&0) || gateways.len() < 4 {
        return Err(format!("ends {ends:?}, gateways {gateways:?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<Vec<String>> {
        (0..1_000)
            .map(|seed: usize| {
                let storm = StormKind::ALL[seed % StormKind::ALL.len()].name();
                let line = format!(
                    "row\t{seed}\tWay{}\t{storm}+kill\t10\t4\t3\t2\t1\t6\t0\t-",
                    seed % 4
                );
                cells(&line).unwrap()
            })
            .collect()
    }

    #[test]
    fn one_slot_too_many_or_too_few_supports_nothing() {
        assert_eq!(supports(&table()), Ok(()));
        for (column, other) in [(3, "11"), (4, "3"), (7, "x"), (9, "1"), (3, "0")] {
            let mut wrong = table();
            wrong[7][column] = other.to_string();
            assert!(supports(&wrong).is_err(), "{column}");
        }
    }

    #[test]
    fn what_never_stormed_is_not_shown() {
        let calm: Vec<_> = table()
            .into_iter()
            .filter(|row| row[2] != "fin+kill")
            .collect();
        assert!(supports(&calm).is_err());
        let one_way: Vec<_> = table().into_iter().filter(|row| row[1] == "Way0").collect();
        assert!(supports(&one_way).is_err());
    }

    #[test]
    fn a_row_is_found_behind_the_tests_name() {
        assert_eq!(
            cells("test storms::x ... row\t1\tHttp"),
            Some(vec!["1".into(), "Http".into()])
        );
        assert_eq!(cells("running 1 test"), None);
    }
}

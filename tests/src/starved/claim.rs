//! The campaign: every shortage with every command, ten times, and what its table claims.

use super::round::{Told, Who, round};
use super::shortage::Shortage;
use crate::calm::wait_for_calm;
use crate::campaign::PATIENCE;

/// How often each shortage meets each command.
pub const ROUNDS: usize = 10;

/// Rows of the whole table.
pub const ROWS: usize = ROUNDS * WHO.len() * Shortage::ALL.len();

/// Its columns.
pub const COLUMNS: &[&str] = &[
    "row",
    "who",
    "short_of",
    "exit",
    "saturated",
    "starved_before",
    "why",
];

const WHO: [Who; 2] = [Who::Load, Who::Run];

/// A well-fed run is made so often at most, while the machine itself starves it.
const TRIES: u32 = 5;

/// What a row is about: the commands in turn, and for each the shortages in turn.
fn subject(number: u64) -> (Who, Shortage) {
    let index = number as usize - 1;
    let who = WHO[index / Shortage::ALL.len() % WHO.len()];
    (who, Shortage::ALL[index % Shortage::ALL.len()])
}

/// Makes a row.
pub fn row(number: u64) -> Vec<String> {
    let (who, shortage) = subject(number);
    let mut starved_before = 0;
    let told = loop {
        wait_for_calm(PATIENCE);
        let told = round(who, shortage);
        let is_over = shortage != Shortage::Nothing || !told.saturated;
        if is_over || starved_before + 1 == TRIES {
            break told;
        }
        starved_before += 1;
    };
    let Told {
        finished,
        saturated,
        why,
    } = told;
    let why = match why.is_empty() {
        true => "-".to_string(),
        false => why.replace(['\t', '\n'], " "),
    };
    vec![
        number.to_string(),
        who.name().to_string(),
        shortage.name().to_string(),
        finished.code.unwrap_or(-1).to_string(),
        saturated.to_string(),
        starved_before.to_string(),
        why,
    ]
}

/// Every starved run is inconclusive and names the cause; no well-fed one complains.
///
/// # Errors
/// With the first row that does not.
pub fn supports(rows: &[Vec<String>]) -> Result<(), String> {
    for (index, row) in rows.iter().enumerate() {
        let (who, shortage) = subject(index as u64 + 1);
        let expected = match shortage {
            Shortage::Nothing => ["0", "false"],
            _ => ["2", "true"],
        };
        let fits = row[1] == who.name()
            && row[2] == shortage.name()
            && row[3..5] == expected
            && row[6].contains(shortage.words());
        if !fits {
            return Err(format!("{row:?} is not what it must be"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<Vec<String>> {
        (1..=ROWS as u64)
            .map(|number| {
                let (who, shortage) = subject(number);
                let (exit, saturated) = match shortage {
                    Shortage::Nothing => ("0", "false"),
                    _ => ("2", "true"),
                };
                let row = [
                    &number.to_string(),
                    who.name(),
                    shortage.name(),
                    exit,
                    saturated,
                    "0",
                    &format!("because {}", shortage.words()),
                ];
                row.map(str::to_string).to_vec()
            })
            .collect()
    }

    #[test]
    fn a_starved_run_that_passes_or_names_another_cause_supports_nothing() {
        assert_eq!(supports(&table()), Ok(()));
        for (column, other) in [(3, "0"), (4, "false"), (6, "no idea"), (2, "nothing")] {
            let mut wrong = table();
            wrong[1][column] = other.to_string();
            assert!(supports(&wrong).is_err(), "{column}");
        }
        let mut complains = table();
        complains[0][4] = "true".to_string();
        assert!(supports(&complains).is_err());
    }

    #[test]
    fn each_meets_each_equally_often() {
        for who in WHO {
            for shortage in Shortage::ALL {
                let numbers = 1..=ROWS as u64;
                let count = numbers.filter(|number| subject(*number) == (who, shortage));
                assert_eq!(count.count(), ROUNDS);
            }
        }
    }
}

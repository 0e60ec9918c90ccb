//! What the search in windows says of histories of a book, beside what Porcupine says, a checker that others have made.
//!
//! The suite of the checkers makes the histories and searches them; the program of `tests/porcupine` reads them, with a
//! book of its own.

use std::path::PathBuf;
use std::process::{Command, Output};

pub const COLUMNS: [&str; 7] = [
    "block",
    "of",
    "histories",
    "explained",
    "unexplained",
    "open",
    "disagreeing",
];

/// Ten blocks of tiny histories, and ten of longer ones, in turn.
pub const ROWS: usize = 20;

/// Histories of a block: tiny ones, longer ones.
const HISTORIES: [u64; 2] = [10_000, 1_000];

/// One block.
///
/// # Panics
/// When it cannot be made: `tests/campaign.sh` builds what it needs.
pub(super) fn row(block: u64) -> Vec<String> {
    let folder = tempfile::tempdir().expect("there is room for a block");
    let file = folder.path().join("histories");
    let made = Command::new(program("SHAKEDOWN_CHECKERS"))
        .arg("others::")
        .env("SHAKEDOWN_HISTORIES", &file)
        .env("SHAKEDOWN_BLOCK", block.to_string())
        .output();
    let made = made.expect("the suite of the checkers starts");
    assert!(made.status.success(), "{}", said(&made));
    let judged = Command::new(program("SHAKEDOWN_PORCUPINE"))
        .arg(&file)
        .output();
    let judged = judged.expect("the program of tests/porcupine starts");
    let counts = String::from_utf8_lossy(&judged.stdout);
    let counts: Vec<String> = counts.split_whitespace().map(str::to_string).collect();
    assert_eq!(counts.len(), 5, "{}", said(&judged));
    let of = if block % 2 == 1 { "tiny" } else { "longer" };
    [vec![block.to_string(), of.to_string()], counts].concat()
}

fn program(name: &str) -> PathBuf {
    let path = std::env::var_os(name);
    PathBuf::from(path.unwrap_or_else(|| panic!("{name} is set by tests/campaign.sh")))
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// Both say the same of every history that both decide, which are nearly all; there are many of either kind.
///
/// # Errors
/// With the first row that does not show it.
pub fn agree(rows: &[Vec<String>]) -> Result<(), String> {
    for (index, row) in rows.iter().enumerate() {
        let numbers: Vec<u64> = row[2..]
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        let [all, explained, unexplained, open, disagreeing] = numbers[..] else {
            return Err(format!("{row:?} is no block"));
        };
        let is_block = row[0] == (index + 1).to_string() && all == HISTORIES[index % 2];
        let is_whole = explained + unexplained + open + disagreeing == all;
        if !is_block || !is_whole || disagreeing > 0 {
            return Err(format!("{row:?}: they do not agree on the whole block"));
        }
        if open * 100 > all || explained * 10 < all || unexplained * 10 < all {
            return Err(format!("{row:?} is one-sided, or leaves much open"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_history_of_which_they_say_otherwise_supports_nothing() {
        let row = |index: usize| -> Vec<String> {
            let line = match index % 2 {
                0 => format!("{} tiny 10000 6000 4000 0 0", index + 1),
                _ => format!("{} longer 1000 495 500 5 0", index + 1),
            };
            line.split(' ').map(str::to_string).collect()
        };
        let rows: Vec<_> = (0..ROWS).map(row).collect();
        assert_eq!(agree(&rows), Ok(()));
        for (column, wrong) in [
            (6, "1"),
            (5, "200"),
            (3, "0"),
            (2, "10"),
            (0, "9"),
            (4, "-"),
        ] {
            let mut rows = rows.clone();
            rows[7][column] = wrong.to_string();
            assert!(agree(&rows).is_err(), "{wrong}");
        }
    }
}

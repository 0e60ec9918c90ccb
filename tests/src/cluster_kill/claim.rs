//! What a table of `kubernetes-sigkill` must show.

use super::Killed;
use crate::evidence::NoEvidence;

/// Columns of the table. `runner` is how the run ended, `again` how a second `recover` did; `why` is `-` unless the round
/// broke off or something was left.
pub const COLUMNS: &[&str] = &[
    "round",
    "kind",
    "replica",
    "moment_ms",
    "sent_while_cut",
    "received_while_cut",
    "back_ms",
    "limit_ms",
    "probers_longest_pause_ms",
    "runner",
    "recover_exit",
    "again",
    "left",
    "why",
];

/// A kill that was held up for longer lies too near to the planned end of the cut.
const LATEST_MS: f64 = 4400.0;

/// Rounds of each kind.
const OF_EACH: usize = 100;

/// Each kind was made a hundred times; each cut was proven, over within its limit, and left nothing.
///
/// # Errors
/// With the first row that does not show it.
pub fn supports(rows: &[Vec<String>]) -> Result<(), NoEvidence> {
    for kind in Killed::ALL {
        let of_kind: Vec<&Vec<String>> = rows.iter().filter(|row| row[1] == kind.name()).collect();
        if of_kind.len() != OF_EACH {
            let found = of_kind.len();
            return Err(NoEvidence(format!(
                "{found} rounds of {}, not {OF_EACH}",
                kind.name()
            )));
        }
        for row in of_kind {
            shows(kind, row)?;
        }
    }
    Ok(())
}

fn shows(kind: Killed, row: &[String]) -> Result<(), NoEvidence> {
    let wrong = |why: &str| Err(NoEvidence(format!("{row:?}: {why}")));
    let number = |column: usize| row[column].parse::<f64>().ok();
    if !number(4).is_some_and(|sent| sent > 0.0) || row[5] != "0" {
        return wrong("the cut was not proven");
    }
    if !number(3).is_some_and(|moment_ms| moment_ms <= LATEST_MS) {
        return wrong("the kill came too late to be told from the planned end");
    }
    if number(7) != Some(kind.limit_ms()) {
        return wrong("another limit");
    }
    match number(6) {
        None => return wrong("traffic did not come back"),
        Some(back_ms) if back_ms > kind.limit_ms() => return wrong("traffic was back too late"),
        Some(_) => {}
    }
    if row[10..13] != ["0", "clean", "0"] {
        return wrong("recover did not succeed, or something was left");
    }
    match row[13].as_str() {
        "-" => Ok(()),
        _ => wrong("it broke off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "engine-1\t1500\t40\t0\t9.0\tLIMIT\t22.0\tkilled\t0\tclean\t0\t-";

    fn claim(row: impl Fn(u64) -> String) -> Result<(), NoEvidence> {
        let rows = (1..=300).map(|number| {
            let kind = Killed::of_round(number);
            let row = row(number).replace("LIMIT", &kind.limit_ms().to_string());
            let row = format!("{number}\t{}\t{row}", kind.name());
            row.split('\t').map(str::to_string).collect()
        });
        supports(&rows.collect::<Vec<_>>())
    }

    #[test]
    fn three_hundred_good_rounds_support_it() {
        assert_eq!(claim(|_| GOOD.to_string()), Ok(()));
        // A runner's limit is the Lease's.
        let late = |number| match Killed::of_round(number) {
            Killed::Runner => GOOD.replace("9.0", "4990.0"),
            Killed::Agent | Killed::Both => GOOD.to_string(),
        };
        assert_eq!(claim(late), Ok(()));
    }

    #[test]
    fn one_bad_round_is_enough_to_refute_it() {
        for (good, bad) in [
            ("\t9.0\t", "\t1000.1\t"),
            ("\t9.0\t", "\t-\t"),
            ("\t40\t0\t", "\t40\t1\t"),
            ("\t40\t0\t", "\t0\t0\t"),
            ("LIMIT", "5001"),
            ("\t1500\t", "\t4401\t"),
            ("\t1500\t", "\t-\t"),
            ("\t0\tclean\t", "\t3\tclean\t"),
            ("\t0\tclean\t", "\t0\texit 3\t"),
            ("\t0\t-", "\t1\t-"),
            ("\t0\t-", "\t0\tthe agent was not found"),
        ] {
            // Round 6 kills an agent.
            let bad = |number| match number {
                6 => GOOD.replace(good, bad),
                _ => GOOD.to_string(),
            };
            assert!(claim(bad).is_err(), "{good} for {bad}", bad = bad(6));
        }
        let late = |_| GOOD.replace("9.0", "5000.1");
        assert!(claim(late).is_err());
        assert!(supports(&[]).is_err());
    }
}

//! What a table of runs must show of Shakedown.

use super::row::{Part, Row, Table};
use super::tool::Tool;

/// Requests per second of CPU, of wrk's: at least this much.
pub const LEAST_RATIO: f64 = 1.15;

/// A reported quantile is right within this share of the truth, or within so many microseconds.
const NEAR_SHARE: f64 = 0.02;
const NEAR_US: f64 = 50.0;

/// At this rate requests are released at most so late, in microseconds, at P99.
const LAG_RATE_PER_S: u32 = 20_000;
const LARGEST_LAG_US: f64 = 100.0;

/// Where the machine itself wakes a thread that does nothing else later than that at P99, so many times as late.
const MOST_OF_BARE: f64 = 1.25;

/// True when a reported quantile is as near to the truth as it has to be.
pub fn is_near(reported_us: f64, true_us: f64) -> bool {
    (reported_us - true_us).abs() <= (true_us * NEAR_SHARE).max(NEAR_US)
}

/// The median over rounds of Shakedown's requests per second of CPU, of wrk's in the same round.
pub fn ratio_to_wrk(rows: &[Row]) -> Option<f64> {
    ratio_of(rows, Tool::Shakedown)
}

/// The same of any tool.
pub fn ratio_of(rows: &[Row], tool: Tool) -> Option<f64> {
    let of = |tool: Tool, round: u32| {
        rows.iter()
            .find(|row| row.part == Part::Efficiency && row.tool == tool && row.round == round)
            .map(Row::per_cpu_s)
    };
    let mut rounds: Vec<u32> = rows.iter().map(|row| row.round).collect();
    rounds.sort_unstable();
    rounds.dedup();
    let ratio = |round: u32| Some(of(tool, round)? / of(Tool::Wrk, round)?);
    median(rounds.into_iter().filter_map(ratio).collect())
}

/// The value in the middle.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// Everything that a table must show and does not, in words; empty when it shows it.
pub fn supports(table: &Table) -> Vec<String> {
    let mut wrong = Vec::new();
    match ratio_to_wrk(&table.rows) {
        Some(ratio) if ratio >= LEAST_RATIO => {}
        Some(ratio) => wrong.push(format!(
            "{ratio:.3} times wrk's requests per second of CPU, not {LEAST_RATIO}"
        )),
        None => wrong.push("no round has a run of Shakedown and one of wrk".to_string()),
    }
    wrong.extend(untrue(&table.rows));
    for row in table.rows.iter().filter(ours) {
        if let Some(asked) = row.asked
            && row.ok + row.failed != asked
        {
            wrong.push(format!(
                "{:?} round {}: {} of {asked} requests are in no report",
                row.part,
                row.round,
                asked.abs_diff(row.ok + row.failed)
            ));
        }
    }
    wrong
}

fn ours(row: &&Row) -> bool {
    row.tool == Tool::Shakedown
}

/// What Shakedown's open runs do not show, in the middle of the rounds of each setting.
pub fn untrue(rows: &[Row]) -> Vec<String> {
    let open = || {
        let rows = rows.iter().filter(ours);
        rows.filter(|row| row.part == Part::Accuracy)
    };
    let mut wrong = Vec::new();
    for key in keys(open()) {
        let runs: Vec<&Row> = open().filter(|row| key_of(row) == key).collect();
        wrong.extend(inaccurate(&runs));
        wrong.extend(late(&runs));
    }
    wrong
}

type Key = (Option<u32>, String);

fn key_of(row: &Row) -> Key {
    (row.rate_per_s, row.delay.clone())
}

fn keys<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for key in rows.map(key_of) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// True when every quantile of an open run of Shakedown is near the truth, and its requests were released in time.
pub fn holds(row: &Row) -> bool {
    inaccurate(&[row]).is_empty() && late(&[row]).is_none()
}

/// That requests were released late, in the middle of the rounds of one setting.
fn late(runs: &[&Row]) -> Option<String> {
    let first = runs.first()?;
    let lag_us = median(runs.iter().filter_map(|row| row.lag_p99_us).collect());
    let bare_us = median(runs.iter().filter_map(|row| row.bare_p99_us).collect());
    let most_us = bare_us.map_or(LARGEST_LAG_US, |us| (us * MOST_OF_BARE).max(LARGEST_LAG_US));
    let is_late = lag_us.is_none_or(|us| us > most_us);
    (first.rate_per_s == Some(LAG_RATE_PER_S) && is_late).then(|| {
        let lag = lag_us.map_or("nothing".into(), |us| format!("{us:.1} us"));
        format!(
            "send lag P99 at {LAG_RATE_PER_S}/s with {}: {lag}",
            first.delay
        )
    })
}

/// Quantiles that are not near the truth in the middle of the rounds of one setting.
fn inaccurate(runs: &[&Row]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, name) in ["P50", "P99", "P99.9"].iter().enumerate() {
        let middle = |of: fn(&Row) -> [Option<f64>; 3]| {
            median(runs.iter().filter_map(|row| of(row)[at]).collect())
        };
        let (reported, truth) = (middle(|row| row.reported_us), middle(|row| row.true_us));
        let near = reported
            .zip(truth)
            .is_some_and(|(said, truth)| is_near(said, truth));
        if !near {
            let said =
                |value: Option<f64>| value.map_or("nothing".into(), |us| format!("{us:.1} us"));
            wrong.push(format!(
                "{name} at {}/s with {}: it says {}, the server's log says {}",
                runs[0].rate_per_s.unwrap_or_default(),
                runs[0].delay,
                said(reported),
                said(truth)
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::{closed, open, table};
    use super::*;

    fn pair(round: u32, ours: u64, wrks: u64) -> [Row; 2] {
        [
            closed(Tool::Shakedown, round, ours),
            closed(Tool::Wrk, round, wrks),
        ]
    }

    #[test]
    fn the_ratio_is_the_middle_of_its_rounds() {
        let rows = [pair(1, 130, 100), pair(2, 90, 100), pair(3, 240, 200)].concat();
        assert_eq!(ratio_to_wrk(&rows), Some(1.2));
        assert_eq!(supports(&table(rows)), Vec::<String>::new());
        assert_eq!(ratio_to_wrk(&[closed(Tool::Wrk, 1, 1)]), None);
    }

    #[test]
    fn a_ratio_that_is_not_reached_is_red() {
        let wrong = supports(&table(pair(1, 114, 100).to_vec()));
        assert_eq!(
            wrong,
            ["1.140 times wrk's requests per second of CPU, not 1.15"]
        );
    }

    #[test]
    fn a_wrong_quantile_is_red_and_a_peers_is_not() {
        let mut rows = pair(1, 120, 100).to_vec();
        rows.push(open(
            Tool::Vegeta,
            "1ms",
            [1.0, 1.0, 1.0],
            [1_000.0, 1_000.0, 1_000.0],
        ));
        rows.push(open(
            Tool::Shakedown,
            "1ms",
            [1_049.0, 1_000.0, 99_000.0],
            [1_000.0, 1_000.0, 100_000.0],
        ));
        assert_eq!(supports(&table(rows.clone())), Vec::<String>::new());
        rows[3].reported_us[1] = Some(1_051.0);
        let wrong = supports(&table(rows.clone()));
        assert_eq!(
            wrong,
            ["P99 at 1000/s with 1ms: it says 1051.0 us, the server's log says 1000.0 us"]
        );
        rows[3].reported_us[1] = None;
        assert!(supports(&table(rows))[0].contains("it says nothing"));
    }

    #[test]
    fn requests_that_are_released_late_are_red() {
        let mut rows = pair(1, 120, 100).to_vec();
        rows.push(open(Tool::Shakedown, "1ms", [1.0; 3], [1.0; 3]));
        rows[2].rate_per_s = Some(20_000);
        for (lag_us, expected) in [
            (Some(100.0), Vec::new()),
            (
                Some(100.5),
                vec!["send lag P99 at 20000/s with 1ms: 100.5 us"],
            ),
            (None, vec!["send lag P99 at 20000/s with 1ms: nothing"]),
        ] {
            rows[2].lag_p99_us = lag_us;
            assert_eq!(supports(&table(rows.clone())), expected);
        }
    }

    #[test]
    fn one_late_round_of_three_is_not_the_middle_and_two_are() {
        let late = |lag_us: f64| Row {
            rate_per_s: Some(20_000),
            lag_p99_us: Some(lag_us),
            ..open(Tool::Shakedown, "1ms", [1.0; 3], [1.0; 3])
        };
        assert_eq!(untrue(&[late(140.0)]).len(), 1);
        assert_eq!(untrue(&[140.0, 70.0, 80.0].map(late)), Vec::<String>::new());
        assert_eq!(untrue(&[140.0, 70.0, 120.0].map(late)).len(), 1);
    }

    #[test]
    fn what_the_machine_itself_wakes_late_is_held_to_that() {
        let late = |lag_us: f64, bare_us: f64| Row {
            rate_per_s: Some(20_000),
            lag_p99_us: Some(lag_us),
            bare_p99_us: Some(bare_us),
            ..open(Tool::Shakedown, "1ms", [1.0; 3], [1.0; 3])
        };
        assert_eq!(untrue(&[late(120.0, 70.0)]).len(), 1, "a calm machine");
        assert_eq!(untrue(&[late(120.0, 100.0)]), Vec::<String>::new());
        assert_eq!(untrue(&[late(130.0, 100.0)]).len(), 1);
    }

    #[test]
    fn a_request_that_is_in_no_report_is_red() {
        let mut rows = pair(1, 120, 100).to_vec();
        rows.push(open(Tool::Shakedown, "1ms", [1.0; 3], [1.0; 3]));
        rows[2].ok -= 1;
        assert_eq!(
            supports(&table(rows)),
            ["Accuracy round 1: 1 of 5000 requests are in no report"]
        );
    }
}

//! The tables of `docs/benchmarks.md`, made from the runs. Nobody writes a figure by hand.

use std::io;

use super::claim::{is_near, median, ratio_of};
use super::rounds::RATES_PER_S;
use super::row::{Part, Row, Table};
use super::tool::Tool;

/// Stands where a table would, when nothing was measured.
const NOT_MEASURED: &str = "Not measured yet.";

const QUANTILES: [&str; 3] = ["P50", "P99", "P99.9"];

/// The tables of a document by name: `runs`, `efficiency`, `accuracy` and `outage`.
pub fn tables(table: &Table) -> [(&'static str, String); 4] {
    let of = |make: fn(&Table) -> String| {
        if table.rows.is_empty() {
            NOT_MEASURED.to_string()
        } else {
            make(table)
        }
    };
    [
        ("runs", of(runs)),
        ("efficiency", of(efficiency)),
        ("accuracy", of(accuracy)),
        ("outage", of(outage)),
    ]
}

/// A document with its tables made again: what stands between `<!-- table: NAME -->` and `<!-- end -->`.
///
/// # Errors
/// When a table has no place in the document.
pub fn document(text: &str, table: &Table) -> io::Result<String> {
    const END: &str = "<!-- end -->";
    let mut text = text.to_string();
    for (name, made) in tables(table) {
        let mark = format!("<!-- table: {name} -->\n");
        let place = text.split_once(&mark).and_then(|(before, rest)| {
            let (_, after) = rest.split_once(END)?;
            Some(format!("{before}{mark}\n{made}\n\n{END}{after}"))
        });
        text = place.ok_or_else(|| io::Error::other(format!("no place for the table {name}")))?;
    }
    Ok(text)
}

fn runs(table: &Table) -> String {
    let fact = |name: &str| table.facts.get(name).map_or("-", String::as_str);
    format!(
        "`{}` at commit `{:.12}`, on {}. {}.",
        fact("command"),
        fact("commit"),
        fact("machine"),
        fact("versions")
    )
}

/// The lines of a table, or that there are none.
fn measured(lines: &[String]) -> String {
    const HEAD: usize = 2;
    if lines.len() > HEAD {
        lines.join("\n")
    } else {
        NOT_MEASURED.to_string()
    }
}

fn efficiency(table: &Table) -> String {
    let mut lines = head(&[
        "",
        "requests per CPU-second",
        "lowest to highest",
        "of wrk's",
    ]);
    for tool in Tool::ALL {
        let rates: Vec<f64> = of(table, Part::Efficiency, tool)
            .map(Row::per_cpu_s)
            .collect();
        let Some(middle) = median(rates.clone()) else {
            continue;
        };
        let lowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = rates.iter().copied().fold(0.0, f64::max);
        lines.push(line(&[
            tool.name().to_string(),
            thousands(middle),
            format!("{} to {}", thousands(lowest), thousands(highest)),
            ratio_of(&table.rows, tool).map_or("-".into(), |ratio| format!("{ratio:.2}")),
        ]));
    }
    measured(&lines)
}

fn accuracy(table: &Table) -> String {
    let tools: Vec<Tool> = Tool::ALL
        .into_iter()
        .filter(|tool| of(table, Part::Accuracy, *tool).next().is_some())
        .collect();
    let mut blocks = Vec::new();
    for rate_per_s in RATES_PER_S {
        let mut names = vec!["delay", ""];
        names.extend(tools.iter().map(|tool| tool.name()));
        let mut lines = head(&names);
        for delay in delays(table, rate_per_s) {
            let runs = |tool: Tool| -> Vec<&Row> {
                of(table, Part::Accuracy, tool)
                    .filter(|row| row.rate_per_s == Some(rate_per_s) && row.delay == delay)
                    .collect()
            };
            let mut cells = vec![delay.clone(), "answered".to_string()];
            cells.extend(tools.iter().map(|tool| answered(&runs(*tool))));
            lines.push(line(&cells));
            for (at, quantile) in QUANTILES.iter().enumerate() {
                let mut cells = vec![String::new(), (*quantile).to_string()];
                cells.extend(tools.iter().map(|tool| error(&runs(*tool), at)));
                lines.push(line(&cells));
            }
            let mut cells = vec![String::new(), "send lag P99".to_string()];
            cells.extend(tools.iter().map(|tool| lag(&runs(*tool))));
            lines.push(line(&cells));
        }
        if lines.len() > 2 {
            blocks.push(format!(
                "At {}/s:\n\n{}",
                thousands(f64::from(rate_per_s)),
                lines.join("\n")
            ));
        }
    }
    if blocks.is_empty() {
        return NOT_MEASURED.to_string();
    }
    blocks.join("\n\n")
}

fn outage(table: &Table) -> String {
    let mut lines = head(&[
        "",
        "asked",
        "answered",
        "says ok",
        "says failed",
        "in no report",
        "exit",
        "says P99",
        "back to",
        "says of the outage",
    ]);
    for tool in Tool::ALL {
        let mut runs: Vec<&Row> = of(table, Part::Outage, tool).collect();
        // The run in the middle, as a whole: figures of different runs do not add up.
        runs.sort_unstable_by_key(|row| row.ok);
        let Some(row) = runs.get(runs.len() / 2) else {
            continue;
        };
        let missing = row
            .asked
            .map(|asked| asked as i64 - (row.ok + row.failed) as i64);
        let count = |value: Option<u64>| value.map_or("-".into(), |value| thousands(value as f64));
        lines.push(line(&[
            tool.name().to_string(),
            count(row.asked),
            count(row.answered),
            count(Some(row.ok)),
            count(Some(row.failed)),
            missing.map_or("-".into(), |missing| missing.to_string()),
            row.exit.map_or("killed".into(), |exit| exit.to_string()),
            row.reported_us[1].map_or("-".into(), duration),
            row.back_percent
                .map_or("-".into(), |percent| format!("{percent:.0} %")),
            row.outage_s
                .map_or("nothing".into(), |seconds| format!("{seconds:.2} s")),
        ]));
    }
    measured(&lines)
}

fn of(table: &Table, part: Part, tool: Tool) -> impl Iterator<Item = &Row> {
    table
        .rows
        .iter()
        .filter(move |row| row.part == part && row.tool == tool)
}

/// Delays that were measured at a rate, in the order of the runs.
fn delays(table: &Table, rate_per_s: u32) -> Vec<String> {
    let mut delays: Vec<String> = Vec::new();
    for row in table.rows.iter().filter(|row| row.part == Part::Accuracy) {
        if row.rate_per_s == Some(rate_per_s) && !delays.contains(&row.delay) {
            delays.push(row.delay.clone());
        }
    }
    delays
}

/// The share of what was asked that the server answered.
fn answered(runs: &[&Row]) -> String {
    let share = |row: &&Row| Some(row.answered? as f64 / row.asked? as f64 * 100.0);
    median(runs.iter().filter_map(share).collect())
        .map_or("-".to_string(), |percent| format!("{percent:.1} %"))
}

/// How late it says that it released its requests.
fn lag(runs: &[&Row]) -> String {
    median(runs.iter().filter_map(|row| row.lag_p99_us).collect()).map_or("-".to_string(), duration)
}

/// How far what it said was from the truth; beyond the bound it is bold.
fn error(runs: &[&Row], at: usize) -> String {
    let middle = |of: fn(&Row) -> [Option<f64>; 3]| {
        median(runs.iter().filter_map(|row| of(row)[at]).collect())
    };
    let Some((said, truth)) = middle(|row| row.reported_us).zip(middle(|row| row.true_us)) else {
        return "-".to_string();
    };
    let off = said - truth;
    // Two percent and fifty microseconds are the same at 2.5 ms.
    let text = if truth < 2_500.0 {
        let sign = if off < 0.0 { "-" } else { "+" };
        format!("{sign}{}", duration(off.abs()))
    } else {
        format!("{:+.1} %", off / truth * 100.0)
    };
    if is_near(said, truth) {
        text
    } else {
        format!("**{text}**")
    }
}

fn head(names: &[&str]) -> Vec<String> {
    let cells: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
    vec![line(&cells), format!("|{}", "---|".repeat(names.len()))]
}

fn line(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

fn duration(us: f64) -> String {
    match us {
        us if us < 1_000.0 => format!("{us:.0} us"),
        us if us < 1_000_000.0 => format!("{:.1} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::{closed, open, table};
    use super::*;

    #[test]
    fn tables_are_made_from_the_runs() {
        let mut gone = closed(Tool::Hey, 1, 9_000);
        gone.part = Part::Outage;
        gone.asked = Some(12_000);
        let table = table(vec![
            closed(Tool::Shakedown, 1, 131_000),
            closed(Tool::Wrk, 1, 100_000),
            open(
                Tool::Shakedown,
                "1ms",
                [1_020.0, 2_000.0, 100_000.0],
                [1_000.0, 1_000.0, 50_000.0],
            ),
            gone,
        ]);
        let [(_, runs), (_, efficiency), (_, accuracy), (_, outage)] = tables(&table);
        assert!(runs.starts_with("`said` at commit `said`"), "{runs}");
        assert!(
            efficiency.contains("| shakedown | 131,000 | 131,000 to 131,000 | 1.31 |"),
            "{efficiency}"
        );
        assert!(accuracy.contains("|  | P50 | +20 us |"), "{accuracy}");
        assert!(accuracy.contains("|  | send lag P99 | - |"), "{accuracy}");
        assert!(accuracy.contains("|  | P99 | **+1.0 ms** |"), "{accuracy}");
        assert!(
            accuracy.contains("|  | P99.9 | **+100.0 %** |"),
            "{accuracy}"
        );
        assert!(
            outage.contains("| hey | 12,000 | - | 9,000 | 0 | 3000 |"),
            "{outage}"
        );
    }

    #[test]
    fn a_document_gets_its_tables_and_keeps_its_words() {
        let text: String = ["runs", "efficiency", "accuracy", "outage"]
            .map(|name| format!("before {name}\n<!-- table: {name} -->\nold\n<!-- end -->\n"))
            .concat();
        let made = document(&text, &Table::default()).unwrap();
        assert_eq!(made.matches(NOT_MEASURED).count(), 4, "{made}");
        assert!(made.starts_with(
            "before runs\n<!-- table: runs -->\n\nNot measured yet.\n\n<!-- end -->\n"
        ));
        assert_eq!(
            document(&made, &Table::default()).unwrap(),
            made,
            "made again it is the same"
        );
        assert!(document("no place", &Table::default()).is_err());
    }
}

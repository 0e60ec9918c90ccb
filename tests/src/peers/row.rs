//! The table of runs: one row for each, with what the generator said and what the server's log says.
//!
//! ```text
//! # campaign: peers
//! # command: tests/peers/run --full
//! # commit: 40 hexadecimal digits
//! # seeds: none
//! # machine: 2 cores, …
//! # versions: wrk 4.1.0-3+b2, …
//! part <tab> tool <tab> …
//! ```
//!
//! A dash is what was not asked, or was not said.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use super::against::Joined;
use super::tool::Tool;

/// What a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Requests for each second of the generator's CPU, closed loop.
    Efficiency,
    /// Quantiles at a rate.
    Accuracy,
    /// The server goes away and comes back.
    Outage,
}

impl Part {
    const ALL: [Part; 3] = [Part::Efficiency, Part::Accuracy, Part::Outage];

    fn name(self) -> &'static str {
        match self {
            Part::Efficiency => "efficiency",
            Part::Accuracy => "accuracy",
            Part::Outage => "outage",
        }
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub part: Part,
    pub tool: Tool,
    pub round: u32,
    pub rate_per_s: Option<u32>,
    pub delay: String,
    /// Requests that the rate and the time ask for.
    pub asked: Option<u64>,
    /// Requests that the server answered, by its log.
    pub answered: Option<u64>,
    /// What the generator says of its requests.
    pub ok: u64,
    pub failed: u64,
    pub exit: Option<i32>,
    pub cpu_s: f64,
    /// Reported and true quantiles, in microseconds: P50, P99, P99.9.
    pub reported_us: [Option<f64>; 3],
    pub true_us: [Option<f64>; 3],
    pub joined: Option<Joined>,
    /// The length of the outage that it says it saw, in seconds.
    pub outage_s: Option<f64>,
    /// Answers per second after the outage, of those before it, in percent.
    pub back_percent: Option<f64>,
    /// How late it says that it released its requests, at P99, in microseconds.
    pub lag_p99_us: Option<f64>,
    /// How late the machine woke a real-time thread that did nothing else, before or after it, at P99, in microseconds.
    pub bare_p99_us: Option<f64>,
}

impl Row {
    /// Requests answered well for each second of the generator's CPU.
    pub fn per_cpu_s(&self) -> f64 {
        self.ok as f64 / self.cpu_s.max(1e-6)
    }
}

const COLUMNS: [&str; 22] = [
    "part",
    "tool",
    "round",
    "rate_per_s",
    "delay",
    "asked",
    "answered",
    "ok",
    "failed",
    "exit",
    "cpu_s",
    "p50_us",
    "p99_us",
    "p999_us",
    "true_p50_us",
    "true_p99_us",
    "true_p999_us",
    "joined",
    "outage_s",
    "back_percent",
    "lag_p99_us",
    "bare_p99_us",
];

/// The columns of tables that were made before the machine's own lateness was measured.
const WITHOUT_BARE: usize = COLUMNS.len() - 1;

/// Facts that a table begins with.
const FACTS: [&str; 6] = [
    "campaign", "command", "commit", "seeds", "machine", "versions",
];

/// Runs, and under what they were made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    pub facts: BTreeMap<String, String>,
    pub rows: Vec<Row>,
}

impl Table {
    /// The table as text.
    pub fn write(&self) -> String {
        let mut text = String::new();
        for name in FACTS {
            let value = self.facts.get(name).map_or("-", String::as_str);
            // Writing to a string does not fail.
            let _ = writeln!(text, "# {name}: {value}");
        }
        let _ = writeln!(text, "{}", COLUMNS.join("\t"));
        for row in &self.rows {
            let _ = writeln!(text, "{}", fields(row).join("\t"));
        }
        text
    }

    /// Reads a table.
    ///
    /// # Errors
    /// When a fact is missing, or a line is no run.
    pub fn read(text: &str) -> io::Result<Table> {
        let mut facts = BTreeMap::new();
        let mut lines = text.lines();
        for name in FACTS {
            let fact = lines.next().and_then(|line| line.strip_prefix("# "));
            let value = fact.and_then(|fact| fact.strip_prefix(name)?.strip_prefix(": "));
            let value =
                value.ok_or_else(|| io::Error::other(format!("it does not say its {name}")))?;
            facts.insert(name.to_string(), value.to_string());
        }
        let columns: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        if columns != COLUMNS && columns != COLUMNS[..WITHOUT_BARE] {
            return Err(io::Error::other(format!("columns are {columns:?}")));
        }
        let rows = lines
            .map(|line| {
                row(line, columns.len()).ok_or_else(|| io::Error::other(format!("no run: {line}")))
            })
            .collect::<io::Result<_>>()?;
        Ok(Table { facts, rows })
    }
}

fn fields(row: &Row) -> Vec<String> {
    fn some<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(|| "-".to_string(), |value| value.to_string())
    }
    let number = |value: Option<f64>| some(value.map(|value| format!("{value:.1}")));
    let mut fields = vec![
        row.part.name().to_string(),
        row.tool.name().to_string(),
        row.round.to_string(),
        some(row.rate_per_s),
        row.delay.clone(),
        some(row.asked),
        some(row.answered),
        row.ok.to_string(),
        row.failed.to_string(),
        some(row.exit),
        format!("{:.6}", row.cpu_s),
    ];
    fields.extend(row.reported_us.map(number));
    fields.extend(row.true_us.map(number));
    fields.push(row.joined.map_or("-", Joined::name).to_string());
    fields.push(some(row.outage_s.map(|seconds| format!("{seconds:.3}"))));
    fields.push(number(row.back_percent));
    fields.push(number(row.lag_p99_us));
    fields.push(number(row.bare_p99_us));
    fields
}

fn row(line: &str, columns: usize) -> Option<Row> {
    let fields: Vec<&str> = line.split('\t').collect();
    if fields.len() != columns {
        return None;
    }
    let joined = match fields[17] {
        "-" => None,
        "id" => Some(Joined::Id),
        "moment" => Some(Joined::Moment),
        _ => return None,
    };
    Some(Row {
        part: Part::ALL
            .into_iter()
            .find(|part| part.name() == fields[0])?,
        tool: Tool::find(fields[1])?,
        round: fields[2].parse().ok()?,
        rate_per_s: maybe(fields[3])?,
        delay: fields[4].to_string(),
        asked: maybe(fields[5])?,
        answered: maybe(fields[6])?,
        ok: fields[7].parse().ok()?,
        failed: fields[8].parse().ok()?,
        exit: maybe(fields[9])?,
        cpu_s: fields[10].parse().ok()?,
        reported_us: [maybe(fields[11])?, maybe(fields[12])?, maybe(fields[13])?],
        true_us: [maybe(fields[14])?, maybe(fields[15])?, maybe(fields[16])?],
        joined,
        outage_s: maybe(fields[18])?,
        back_percent: maybe(fields[19])?,
        lag_p99_us: maybe(fields[20])?,
        bare_p99_us: maybe(fields.get(21).copied().unwrap_or("-"))?,
    })
}

/// A value or a dash; `None` is neither.
fn maybe<T: std::str::FromStr>(field: &str) -> Option<Option<T>> {
    if field == "-" {
        return Some(None);
    }
    field.parse().ok().map(Some)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A run of the closed loop with so many answers for a second of CPU.
    pub fn closed(tool: Tool, round: u32, ok: u64) -> Row {
        Row {
            part: Part::Efficiency,
            tool,
            round,
            rate_per_s: None,
            delay: "none".to_string(),
            asked: None,
            answered: None,
            ok,
            failed: 0,
            exit: Some(0),
            cpu_s: 1.0,
            reported_us: [Some(1.5), None, None],
            true_us: [None; 3],
            joined: None,
            outage_s: None,
            back_percent: None,
            lag_p99_us: None,
            bare_p99_us: None,
        }
    }

    /// A run at a rate that said these quantiles while those were true.
    pub fn open(tool: Tool, delay: &str, reported_us: [f64; 3], true_us: [f64; 3]) -> Row {
        Row {
            part: Part::Accuracy,
            rate_per_s: Some(1_000),
            delay: delay.to_string(),
            asked: Some(5_000),
            answered: Some(5_000),
            reported_us: reported_us.map(Some),
            true_us: true_us.map(Some),
            joined: Some(Joined::Id),
            ..closed(tool, 1, 5_000)
        }
    }

    /// A table of these runs.
    pub fn table(rows: Vec<Row>) -> Table {
        Table {
            facts: FACTS
                .map(|name| (name.to_string(), "said".to_string()))
                .into(),
            rows,
        }
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let mut outage = closed(Tool::K6, 2, 7);
        outage.part = Part::Outage;
        outage.exit = None;
        outage.outage_s = Some(2.125);
        outage.back_percent = Some(99.5);
        outage.lag_p99_us = Some(31.5);
        outage.bare_p99_us = Some(20.5);
        let table = table(vec![
            closed(Tool::Wrk, 1, 120_000),
            open(Tool::Shakedown, "1ms", [1.0, 2.0, 3.0], [1.5, 2.5, 3.5]),
            outage,
        ]);
        assert_eq!(Table::read(&table.write()).unwrap(), table);
    }

    #[test]
    fn a_table_without_the_machines_own_lateness_is_read_too() {
        let made = table(vec![closed(Tool::Wrk, 1, 120_000)]);
        let older = made.write().replace("\tbare_p99_us", "");
        let older = older.replace("\t-\n", "\n");
        assert_eq!(Table::read(&older).unwrap(), made);
    }

    #[test]
    fn what_is_no_table_is_told() {
        let text = table(vec![closed(Tool::Wrk, 1, 1)]).write();
        for (from, to) in [
            ("# commit", "# comment"),
            ("wrk", "work"),
            ("cpu_s", "cpu"),
            ("\t1.5", ""),
        ] {
            assert!(Table::read(&text.replace(from, to)).is_err(), "{from}");
        }
    }
}

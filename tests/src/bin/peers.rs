//! `peers --sample|--quick|--full --shakedown FILE --tools FOLDER [--tool NAME,NAME] [--table FILE]`, `peers --tables`
//!
//! Runs Shakedown and other load generators in turns against the lean server that lies beside this program, writes the runs
//! (to `--table`, or to standard output) and says what Shakedown does not hold; then the exit code is 1. `--tables` makes
//! the tables of `docs/benchmarks.md` again from `docs/evidence/peers.tsv`, and `--bare` says how late this machine wakes a
//! thread. `tests/peers/run` is what people call.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use shakedown_tests::affinity::{cores, keep_to};
use shakedown_tests::calm::wait_for_calm;
use shakedown_tests::fixture::Arguments;
use shakedown_tests::peers::{
    Extent, LEAST_RATIO, MOST_OPEN_ROUNDS, MOST_ROUNDS, Part, Place, Planned, Row, Table, Tool,
    another_open_round, another_round, document, holds, measure, plan, ratio_to_wrk, supports,
    tables, untrue, woken_late_p99_us,
};
use shakedown_tests::shakedown::workspace;

fn main() -> io::Result<ExitCode> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let mode = if words.is_empty() {
        String::new()
    } else {
        words.remove(0)
    };
    let arguments = Arguments::of(&words);
    let extent = match mode.as_str() {
        "--bare" => {
            let late_us = woken_late_p99_us()?;
            writeln!(io::stdout(), "{late_us:.1}")?;
            return Ok(ExitCode::SUCCESS);
        }
        "--tables" => return make_tables(&workspace()).map(|()| ExitCode::SUCCESS),
        "--sample" => Extent::Sample,
        "--quick" => Extent::Quick,
        "--full" => Extent::Full,
        other => {
            return Err(io::Error::other(format!(
                "neither an extent nor --tables: '{other}'"
            )));
        }
    };
    let tools = tools(arguments.text("tool"), extent)?;
    let place = place(&arguments)?;
    let mut table = Table {
        facts: facts(extent, &tools, &place)?,
        rows: Vec::new(),
    };
    let planned = plan(extent, &tools);
    for (at, run) in planned.iter().enumerate() {
        let row = measured(&place, run, extent)?;
        tell(&format!(
            "{}/{} {}",
            at + 1,
            planned.len(),
            in_words(run, &row)
        ));
        table.rows.push(row);
    }
    if extent == Extent::Sample {
        enlarge(&mut table, &place, &tools)?;
        look_longer(&mut table, &place)?;
    }
    match arguments.text("table") {
        Some(path) => fs::write(path, table.write())?,
        None => io::stdout().write_all(table.write().as_bytes())?,
    }
    for (_, made) in tables(&table) {
        tell(&format!("\n{made}"));
    }
    let wrong = supports(&table);
    for line in &wrong {
        tell(&format!("FAIL  {line}"));
    }
    Ok(if wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Adds rounds to a sample whose middle is not what it has to be, until it is or there are [`MOST_ROUNDS`].
fn enlarge(table: &mut Table, place: &Place, tools: &[Tool]) -> io::Result<()> {
    let last = table.rows.iter().map(|row| row.round).max();
    for round in last.unwrap_or(0) + 1..=MOST_ROUNDS {
        if ratio_to_wrk(&table.rows).is_none_or(|ratio| ratio >= LEAST_RATIO) {
            return Ok(());
        }
        for run in another_round(tools, round) {
            let row = measured(place, &run, Extent::Sample)?;
            tell(&format!("one more: {}", in_words(&run, &row)));
            table.rows.push(row);
        }
    }
    Ok(())
}

/// The same for the open loop, up to [`MOST_OPEN_ROUNDS`]; two rounds at a time, so that one of them is in the middle.
fn look_longer(table: &mut Table, place: &Place) -> io::Result<()> {
    for round in (2..MOST_OPEN_ROUNDS).step_by(2) {
        if untrue(&table.rows).is_empty() {
            return Ok(());
        }
        for run in [round, round + 1].into_iter().flat_map(another_open_round) {
            let row = measured(place, &run, Extent::Sample)?;
            tell(&format!("one more: {}", in_words(&run, &row)));
            table.rows.push(row);
        }
    }
    Ok(())
}

/// Accuracy is measured in calm moments; in a sample again, when it is not what it has to be and the machine took the
/// cores away meanwhile. CPU time is counted whoever else runs.
fn measured(place: &Place, run: &Planned, extent: Extent) -> io::Result<Row> {
    const PATIENCE: Duration = Duration::from_secs(10);
    const TRIES: u32 = 3;
    if run.part == Part::Efficiency {
        return measure(place, run);
    }
    for _ in 1..TRIES {
        let calm = wait_for_calm(PATIENCE);
        let row = measure(place, run)?;
        let calm = calm && wait_for_calm(Duration::ZERO);
        if calm || extent != Extent::Sample || holds(&row) {
            return Ok(row);
        }
        tell("the machine took the cores away meanwhile: again");
    }
    measure(place, run)
}

/// The tools that were named, or those of the extent.
fn tools(named: Option<&str>, extent: Extent) -> io::Result<Vec<Tool>> {
    let Some(named) = named else {
        return Ok(match extent {
            Extent::Sample => vec![Tool::Shakedown, Tool::Wrk],
            Extent::Quick | Extent::Full => Tool::ALL.to_vec(),
        });
    };
    let find = |name: &str| {
        Tool::find(name).ok_or_else(|| io::Error::other(format!("there is no tool {name}")))
    };
    named.split(',').map(find).collect()
}

/// Generators get the first core, the server the last one.
fn place(arguments: &Arguments) -> io::Result<Place> {
    // Generators run in folders of their own: what was named must be found from there, too.
    let path = |name: &str| {
        let named = arguments
            .text(name)
            .ok_or_else(|| io::Error::other(format!("--{name} is missing")))?;
        fs::canonicalize(named)
            .map_err(|error| io::Error::other(format!("--{name} {named}: {error}")))
    };
    let cores = cores()?;
    let (Some(first), Some(last)) = (cores.first(), cores.last()) else {
        return Err(io::Error::other("this machine has no core for us"));
    };
    keep_to(*first)?;
    let own = std::env::current_exe()?;
    Ok(Place {
        shakedown: path("shakedown")?,
        tools: path("tools")?,
        server: own.with_file_name("lean-server"),
        own,
        server_core: *last,
    })
}

fn facts(
    extent: Extent,
    tools: &[Tool],
    place: &Place,
) -> io::Result<std::collections::BTreeMap<String, String>> {
    let option = match extent {
        Extent::Sample => "--sample",
        Extent::Quick => "--quick",
        Extent::Full => "--full",
    };
    let root = workspace();
    let commit = said_by(
        Command::new("git")
            .args(["rev-parse", "HEAD"])
            .current_dir(&root),
    );
    let versions: Vec<String> = tools.iter().map(|tool| version(*tool, place)).collect();
    Ok([
        ("campaign", "peers".to_string()),
        ("command", format!("tests/peers/run {option}")),
        ("commit", commit),
        ("seeds", "none".to_string()),
        ("machine", machine()?),
        ("versions", versions.join(", ")),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .into())
}

/// A tool's version, from its installer: not all of them know their own.
fn version(tool: Tool, place: &Place) -> String {
    let version = match tool {
        Tool::Shakedown => said_by(Command::new(&place.shakedown).arg("--version")),
        other => fs::read_to_string(place.tools.join(format!("{}.version", other.name())))
            .unwrap_or_default(),
    };
    let version = version.trim().trim_start_matches(tool.name()).trim();
    format!("{} {version}", tool.name())
}

fn machine() -> io::Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo")?;
    let models = info
        .lines()
        .filter_map(|line| line.strip_prefix("model name"));
    let model = models
        .clone()
        .next()
        .unwrap_or_default()
        .trim_start_matches(['\t', ':', ' ']);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!(
        "{} cores of {model}, Linux {}",
        models.count(),
        kernel.trim()
    ))
}

fn said_by(command: &mut Command) -> String {
    // Unknown where it cannot be asked.
    let output = command
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_string()
}

/// Makes the tables of the document again.
fn make_tables(root: &Path) -> io::Result<()> {
    let (page, runs) = (
        root.join("docs/benchmarks.md"),
        root.join("docs/evidence/peers.tsv"),
    );
    let table = Table::read(&fs::read_to_string(runs)?)?;
    let made = document(&fs::read_to_string(&page)?, &table)?;
    fs::write(page, made)
}

fn in_words(run: &Planned, row: &Row) -> String {
    let us = |value: Option<f64>| value.map_or("-".to_string(), |us| format!("{us:.0}"));
    format!(
        "{:?} {} {:?} {} round {}: {} ok, {} failed, {:.0}/CPU-s, P50 P99 P99.9 {} (true {}) us",
        row.part,
        row.tool.name(),
        run.load,
        row.delay,
        row.round,
        row.ok,
        row.failed,
        row.per_cpu_s(),
        row.reported_us.map(us).join(" "),
        row.true_us.map(us).join(" "),
    )
}

fn tell(text: &str) {
    // Nobody reads it any more.
    let _ = writeln!(io::stderr(), "{text}");
}

//! How many instructions one request costs the generator, function by function, held to what was noted.
//!
//! ```text
//! cargo bench --workspace --bench instructions               red when a function needs 6 % more than noted
//! cargo bench --workspace --bench instructions -- --record   notes what they need now
//! ```
//!
//! Times of shared machines scatter by more than what one wants to see; counts hardly differ from run to run. Valgrind
//! counts a function called a thousand times, and eleven thousand times: the difference is ten thousand calls, without
//! what comes before and after. Each run also counts a function that was made slower on purpose, and must see it.

mod hot;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::thread;

/// Most instructions that a function may need, of those that were noted. The same source needs up to 4.5 % more when it is
/// built in another folder: the names that go into symbols decide which functions are compiled together.
const MOST: f64 = 1.06;

/// Calls of the two runs whose difference is taken.
const FEW: u32 = 1_000;
const MANY: u32 = 11_000;

/// The function that is made slower on purpose, and after how many calls it is called once more.
const PLANTED: &str = "patch";
const PLANTED_EVERY: u32 = 8;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["--count", name, times] => count(name, times, u32::MAX).map(|()| true),
        ["--count", name, times, "--planted"] => count(name, times, PLANTED_EVERY).map(|()| true),
        _ if words.contains(&"--record") => record().map(|()| true),
        _ => gate(),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("instructions: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Calls a function so many times, and once more after each `again` calls. This is what valgrind watches.
fn count(name: &str, times: &str, again: u32) -> io::Result<()> {
    let mut call =
        hot::call(name).ok_or_else(|| io::Error::other(format!("no function {name}")))?;
    let times: u32 = times.parse().map_err(io::Error::other)?;
    for at in 1..=times {
        call();
        if at % again == 0 {
            call();
        }
    }
    Ok(())
}

/// Holds every function to its note; true when all of them hold, and the planted slowness was seen.
fn gate() -> io::Result<bool> {
    let noted = read()?;
    let with = conditions()?;
    if noted.with != with {
        let error = format!(
            "what is noted was counted with {}, and this is {with}: count again with --record",
            noted.with
        );
        return Err(io::Error::other(error));
    }
    let (mut passed, mut failed) = (0, 0);
    say(&format!(
        "{:<20} {:>10} {:>10} {:>8}",
        "", "noted", "now", "change"
    ));
    for (name, now) in counted()? {
        let before = noted.instructions.get(name).copied();
        let holds = before.is_some_and(|before| now <= before * MOST);
        let change = before.map_or("not noted".into(), |before| {
            format!("{:+.2} %", (now / before - 1.0) * 100.0)
        });
        let before = before.map_or("-".into(), |before| format!("{before:.1}"));
        let red = if holds { "" } else { "  SLOWER" };
        say(&format!(
            "{name:<20} {before:>10} {now:>10.1} {change:>8}{red}"
        ));
        if holds { passed += 1 } else { failed += 1 }
    }
    let slower = each(PLANTED, true)?;
    let seen = noted
        .instructions
        .get(PLANTED)
        .is_some_and(|before| slower > before * MOST);
    say(&format!(
        "{PLANTED} with every {PLANTED_EVERY}th call made twice: {slower:.1}, {}",
        if seen { "seen" } else { "NOT SEEN" }
    ));
    if seen {
        passed += 1
    } else {
        failed += 1
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    say(&format!(
        "test result: {word}. {passed} passed; {failed} failed"
    ));
    Ok(failed == 0)
}

/// Every function with the instructions of one call; two at a time.
fn counted() -> io::Result<Vec<(&'static str, f64)>> {
    let half = hot::NAMES.len().div_ceil(2);
    let workers: Vec<_> = hot::NAMES
        .chunks(half)
        .map(|names| {
            thread::spawn(|| {
                names
                    .iter()
                    .map(|name| Ok((*name, each(name, false)?)))
                    .collect()
            })
        })
        .collect();
    let mut all = Vec::new();
    for worker in workers {
        let counted: io::Result<Vec<_>> = worker
            .join()
            .map_err(|_| io::Error::other("a thread that counts has panicked"))?;
        all.extend(counted?);
    }
    Ok(all)
}

/// Instructions of one call.
fn each(name: &str, planted: bool) -> io::Result<f64> {
    let few = instructions(name, FEW, planted)?;
    let many = instructions(name, MANY, planted)?;
    Ok((many - few) / f64::from(MANY - FEW))
}

/// Instructions of a process that calls a function so many times.
fn instructions(name: &str, times: u32, planted: bool) -> io::Result<f64> {
    let mut command = Command::new("valgrind");
    command.args([
        "--tool=cachegrind",
        "--cache-sim=no",
        "--cachegrind-out-file=/dev/null",
    ]);
    command.arg(std::env::current_exe()?);
    command.args(["--count", name, &times.to_string()]);
    if planted {
        command.arg("--planted");
    }
    let output = command.output().map_err(|error| {
        io::Error::other(format!(
            "valgrind, which counts instructions, cannot be started: {error}"
        ))
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    // `==17== I   refs:      1,234,567`
    let refs = said.lines().find_map(|line| {
        let (_, number) = line
            .split_once("refs:")
            .filter(|(before, _)| before.contains(" I "))?;
        number.trim().replace(',', "").parse::<f64>().ok()
    });
    refs.filter(|_| output.status.success())
        .ok_or_else(|| io::Error::other(format!("{name} was not counted: {said}")))
}

/// Instructions of each function as they were noted, and under what.
struct Noted {
    with: String,
    instructions: BTreeMap<String, f64>,
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.tsv")
}

fn read() -> io::Result<Noted> {
    let text = std::fs::read_to_string(file())?;
    let mut lines = text.lines();
    let with = lines
        .next()
        .and_then(|line| line.strip_prefix("# "))
        .unwrap_or_default();
    let pair = |line: &str| {
        let (name, number) = line.split_once('\t')?;
        Some((name.to_string(), number.parse().ok()?))
    };
    Ok(Noted {
        with: with.to_string(),
        instructions: lines.filter_map(pair).collect(),
    })
}

fn record() -> io::Result<()> {
    let mut text = format!("# {}\n", conditions()?);
    for (name, now) in counted()? {
        text.push_str(&format!("{name}\t{now:.1}\n"));
    }
    say(&text);
    std::fs::write(file(), text)
}

/// What counts depend on besides the code: the compiler, and the instructions that libraries choose between.
fn conditions() -> io::Result<String> {
    let output = Command::new("rustc").arg("--version").output()?;
    let version = String::from_utf8_lossy(&output.stdout);
    let version = version
        .split_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" ");
    let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let wide = flags.split_whitespace().any(|flag| flag == "avx2");
    let wide = if wide { "AVX2" } else { "no AVX2" };
    Ok(format!("{version}, {} with {wide}", std::env::consts::ARCH))
}

fn say(text: &str) {
    // Nobody reads it any more.
    let _ = writeln!(io::stdout(), "{text}");
}

//! `rates [engine] RATE SECONDS [SESSIONS] [IN-FLIGHT] [BATCH] [THREADS]`: sends so many orders a second over the binary gateway to a sink
//! in another process, or to one node of the reference engine that keeps its log in memory, and prints what was achieved, what it took,
//! and whether every event is accounted for on both sides. Exit 1 when not, or when not all were acknowledged.

use std::io::{Write, stderr, stdin, stdout};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;

use shakedown_record::Outcome;
use shakedown_tests::rates::receiver::Receiver;
use shakedown_tests::rates::{Asked, Sent, send, serve};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("sink") => sink().map(|()| true),
        Some("engine") => engine().and_then(|engine| run(engine, &arguments[1..])),
        Some(_) => itself().and_then(|itself| run(Receiver::sink(itself)?, &arguments)),
        None => Err(
            "usage: rates [engine] RATE SECONDS [SESSIONS] [IN-FLIGHT] [BATCH] [THREADS]".into(),
        ),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => match writeln!(stderr(), "rates: {error}") {
            Ok(()) => ExitCode::from(64),
            Err(_) => ExitCode::from(74),
        },
    }
}

/// Says its port on the first line and, when standard input has ended, the number of frames on the second.
fn sink() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(stdout(), "{}", listener.local_addr()?.port())?;
    writeln!(stdout(), "{}", serve(&listener, &stdin())?)?;
    Ok(())
}

fn itself() -> Result<PathBuf, Failure> {
    Ok(std::env::current_exe()?)
}

/// The program `shakedown` lies beside this one.
fn engine() -> Result<Receiver, Failure> {
    Ok(Receiver::engine(&itself()?.with_file_name("shakedown"))?)
}

fn run(receiver: Receiver, arguments: &[String]) -> Result<bool, Failure> {
    let number = |at: usize, usual: f64| -> Result<f64, Failure> {
        arguments
            .get(at)
            .map_or(Ok(usual), |text| Ok(text.parse()?))
    };
    let asked = Asked {
        port: receiver.port,
        rate_per_s: number(0, 0.0)?,
        duration_s: number(1, 10.0)? as u64,
        sessions: number(2, 8.0)? as u32,
        in_flight: number(3, 4096.0)? as u32,
        batch: number(4, 64.0)? as u32,
        threads: number(5, 1.0)? as u32,
        timeout_s: 1,
    };
    let folder = tempfile::tempdir()?;
    let sent = send(asked, folder.path())?;
    tell(asked, &sent, receiver.finish()?)
}

/// One line of figures; true when every event is accounted for.
fn tell(asked: Asked, sent: &Sent, counted: u64) -> Result<bool, Failure> {
    let report = &sent.finished.report;
    let acked = report.outcomes.get(Outcome::Acked);
    let complete = report.scheduled == report.outcomes.total()
        && acked == counted
        && acked == report.scheduled;
    writeln!(
        stdout(),
        "offered {}/s for {} s: scheduled {} acknowledged {} counted there {} = {:.0}/s; send lag p99 {} us; {:.2} us of \
         processor time each; anonymous memory {:.1} MB at most, {:+.1} MB from the middle to the end; {}; {}",
        asked.rate_per_s,
        asked.duration_s,
        report.scheduled,
        acked,
        counted,
        acked as f64 / (sent.finished.end_ns as f64 / 1e9),
        report.send_lag_p99_ns.map_or(0, |ns| ns / 1_000),
        sent.cpu_s * 1e6 / report.scheduled.max(1) as f64,
        sent.anonymous_bytes as f64 / 1e6,
        sent.growth_bytes as f64 / 1e6,
        if complete {
            "all accounted for"
        } else {
            "NOT ALL ACCOUNTED FOR"
        },
        if report.saturated {
            report.why.join("; ")
        } else {
            "generator sound".to_string()
        },
    )?;
    Ok(complete)
}

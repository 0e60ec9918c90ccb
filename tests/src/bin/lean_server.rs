//! `lean-server [--log FILE] [--delay DELAY] [--gone-after-ms N [--gone-for-ms N]] [--port N] [--core N]`
//!
//! Delays: `none`, `fixed:MICROSECONDS`, `bimodal`, `freeze:EVERY_MS:FOR_MS`. Prints `port N`, then `up NS` and `down NS`;
//! writes its log and ends when standard input closes. With `--core` it keeps to that core.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use shakedown_tests::affinity::keep_to;
use shakedown_tests::fixture::Arguments;
use shakedown_tests::lean_server::{Announced, LeanProgram, serve};
use shakedown_tests::truth_server::{Delay, Gone, Program, write_replies};

fn main() -> io::Result<()> {
    let arguments = Arguments::of_process();
    if let Some(core) = arguments.number("core")? {
        keep_to(core as usize)?;
    }
    let text = arguments.text("delay").unwrap_or("none");
    let delay = Delay::read(text).ok_or_else(|| io::Error::other(format!("no delay: {text}")))?;
    let gone = arguments.number("gone-after-ms")?.map(|after_ms| Gone {
        after_ns: after_ms * 1_000_000,
        for_ns: arguments
            .number("gone-for-ms")
            .unwrap_or_default()
            .map(|for_ms| for_ms * 1_000_000),
    });
    let log = arguments.text("log");
    let plan = LeanProgram {
        program: Program { delay, gone },
        logs: log.is_some(),
        port: u16::try_from(arguments.number("port")?.unwrap_or(0)).map_err(io::Error::other)?,
    };
    let replies = serve(plan, |announced| {
        let (what, number) = match announced {
            Announced::Port(port) => ("port", u64::from(port)),
            Announced::Up(at_ns) => ("up", at_ns),
            Announced::Down(at_ns) => ("down", at_ns),
        };
        // Whoever started it may be gone.
        let _ = writeln!(io::stdout(), "{what} {number}");
    })?;
    match log {
        Some(path) => write_replies(&replies, &mut BufWriter::new(File::create(path)?)),
        None => Ok(()),
    }
}

//! `truth-server --log FILE [--delay none|fixed:1ms|bimodal|freeze] [--gone-after-ms N [--gone-for-ms N]]`
//!
//! Prints `port N`, then `up NS` and `down NS`; writes its log and ends when standard input closes.

use std::io::{self, Write};
use std::path::PathBuf;

use shakedown_tests::fixture::Arguments;
use shakedown_tests::truth_server::{Delay, Gone, Program, TruthServer};

fn main() -> io::Result<()> {
    let arguments = Arguments::of_process();
    let delay = match arguments.text("delay").unwrap_or("none") {
        "none" => Delay::None,
        "fixed" => Delay::Fixed { ns: 1_000_000 },
        "bimodal" => Delay::BIMODAL,
        "freeze" => Delay::Freeze {
            every_ns: 2_000_000_000,
            for_ns: 200_000_000,
        },
        other => return Err(io::Error::other(format!("no such delay: {other}"))),
    };
    let gone = arguments.number("gone-after-ms")?.map(|after_ms| Gone {
        after_ns: after_ms * 1_000_000,
        for_ns: arguments
            .number("gone-for-ms")
            .unwrap_or_default()
            .map(|for_ms| for_ms * 1_000_000),
    });
    let log = PathBuf::from(
        arguments
            .text("log")
            .ok_or_else(|| io::Error::other("--log FILE is missing"))?,
    );
    let server = TruthServer::start(Program { delay, gone }, |what, number| {
        // The test that reads this may be gone.
        let _ = writeln!(io::stdout(), "{what} {number}");
    })?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    server.write_log(&log)
}

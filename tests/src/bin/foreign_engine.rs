//! `FOREIGN_TOKEN=… foreign-engine [--orders-per-s N] [--break HOW]`
//!
//! The token comes from the environment, since a command line can be read by everybody. Prints `port N` and `metrics N`; ends when standard input closes.

use std::io::{self, Write};

use shakedown_tests::fixture::Arguments;
use shakedown_tests::foreign_engine::{Breakage, ForeignConfig, ForeignEngine};

fn main() -> io::Result<()> {
    let arguments = Arguments::of_process();
    let breakage: Breakage = arguments
        .text("break")
        .unwrap_or("none")
        .parse()
        .map_err(io::Error::other)?;
    let engine = ForeignEngine::start(ForeignConfig {
        token: std::env::var("FOREIGN_TOKEN").map_err(io::Error::other)?,
        orders_per_s: arguments.number("orders-per-s")?.unwrap_or(2_000),
        breakage,
    })?;
    writeln!(
        io::stdout(),
        "port {}\nmetrics {}",
        engine.port,
        engine.metrics_port
    )?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

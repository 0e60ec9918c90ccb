//! `storm-proxy --listen ADDRESS --engine ADDRESS --seed N --run-ns N --zero-ns N`: breaks the connections that it carries.
//! Prints `port N`; runs until it is killed, or whoever started it has ended.

use std::io;

use rustix::process::{Signal, set_parent_process_death_signal};
use shakedown_tests::fixture::Arguments;
use shakedown_tests::storm_proxy::{Orders, Program, serve};

fn main() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let arguments = Arguments::of_process();
    let missing = |name: &str| io::Error::other(format!("--{name} is missing"));
    let address = |name: &str| {
        let text = arguments.text(name).ok_or_else(|| missing(name))?;
        text.parse().map_err(io::Error::other)
    };
    let number = |name: &str| arguments.number(name)?.ok_or_else(|| missing(name));
    let seed = number("seed")?;
    let orders = Orders {
        listen: address("listen")?,
        engine: address("engine")?,
        seed,
        program: Program::of(seed, number("run-ns")?),
        zero_ns: number("zero-ns")?,
    };
    serve(&orders, io::stdout())
}

//! `rival --turn-ms N --for-ms N`: takes its core for N ms and gives it back for as long, in turn, until it is killed.

use std::io;

use rustix::process::{Signal, set_parent_process_death_signal};
use shakedown_tests::fixture::Arguments;
use shakedown_tests::starved::outrun;

fn main() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    outrun(&Arguments::of_process())
}

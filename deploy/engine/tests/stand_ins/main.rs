//! Engines that stand for systems, as processes of their own: what they serve, and that each of their defects changes it.
//!
//! This program is the engine's command line as well, hence it has no test harness.

#[path = "../support/mod.rs"]
mod support;

mod flashmm;
mod hft;
mod hive_mind;
mod process;

use std::process::ExitCode;

use support::processes::run_tests;

fn main() -> ExitCode {
    let all = [hive_mind::TESTS, hft::TESTS, flashmm::TESTS].concat();
    run_tests(&all)
}

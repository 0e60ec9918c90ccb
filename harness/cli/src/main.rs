//! The binary `shakedown`: arguments in, exit code out.
//!
//! Wiring only: every decision is made in a crate below. Results go to stdout, progress and logs to stderr, and the
//! exit code follows the one table in `shakedown_record::exit`.

mod args;
mod commands;
mod fault_of_ours;
mod files;
mod guarding;
mod interrupt;
mod output;
mod plan_text;
mod progress;
mod tls_args;
mod webhook;

use std::process;

use clap::Parser;
use shakedown_record::ExitCode;

use crate::args::Cli;
use crate::output::Failure;

fn main() -> process::ExitCode {
    fault_of_ours::report_panics_as_bugs();
    // Fails only when a provider is installed already, which is what we want.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let code = match Cli::try_parse() {
        Ok(cli) => {
            output::start_logging(cli.verbose);
            fault_of_ours::catch(|| commands::dispatch(cli.command))
        }
        Err(error) => usage(&error),
    };
    process::ExitCode::from(code.code())
}

fn usage(error: &clap::Error) -> ExitCode {
    let asked_for_text = !error.use_stderr();
    if error.print().is_err() && !asked_for_text {
        return Failure::usage("the command line is wrong").report();
    }
    if asked_for_text {
        ExitCode::Pass
    } else {
        ExitCode::Usage
    }
}

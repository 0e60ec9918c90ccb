//! `shakedown recover`: heal what a dead run left behind.

use shakedown_record::ExitCode;
use shakedown_runner::state_dir::StateDir;

use super::json;
use crate::output::{Failure, print};

/// Exit 0 when nothing is left, 3 when something is.
pub fn recover(run: Option<&str>, as_json: bool) -> Result<ExitCode, Failure> {
    let state = StateDir::from_environment().map_err(Failure::usage)?;
    let report = shakedown_runner::recover::recover(&state, run).map_err(Failure::usage)?;
    print(&if as_json {
        json(&report)?
    } else {
        report.lines().join("\n")
    });
    Ok(report.exit_code())
}

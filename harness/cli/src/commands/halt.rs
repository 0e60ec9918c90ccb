//! `shakedown halt`: stop every run on this machine, healing first, and say how long it took.

use std::time::Duration;

use shakedown_record::ExitCode;
use shakedown_runner::state_dir::StateDir;

use super::json;
use crate::output::{Failure, print};

/// How long a run may take to heal and end.
const WITHIN: Duration = Duration::from_secs(60);

/// Exit 0 when every run has healed and ended, 3 when one has not.
pub fn halt(as_json: bool) -> Result<ExitCode, Failure> {
    let state = StateDir::from_environment().map_err(Failure::usage)?;
    let report = shakedown_runner::halt::halt(&state, WITHIN).map_err(Failure::usage)?;
    print(&if as_json {
        json(&report)?
    } else {
        report.lines().join("\n")
    });
    Ok(report.exit_code())
}

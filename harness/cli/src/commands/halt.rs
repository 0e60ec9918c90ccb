//! `shakedown halt`: stop every run on this machine, or in a cluster, healing first, and say how long it took.

use std::time::Duration;

use shakedown_record::ExitCode;
use shakedown_runner::halt::halt_afar;
use shakedown_runner::state_dir::StateDir;

use super::recover::afar_of;
use super::{json, runtime};
use crate::args::AfarArgs;
use crate::guarding::operator;
use crate::output::{Failure, print};

/// How long a run may take to heal and end.
const WITHIN: Duration = Duration::from_secs(60);

/// Exit 0 when every run has healed and ended, 3 when one has not.
pub fn halt(afar: &AfarArgs, as_json: bool) -> Result<ExitCode, Failure> {
    let state = StateDir::from_environment().map_err(Failure::usage)?;
    let mut report = shakedown_runner::halt::halt(&state, WITHIN).map_err(Failure::usage)?;
    if let Some(afar) = afar_of(afar, false) {
        let known: Vec<String> = report.runs.iter().map(|run| run.run_id.clone()).collect();
        let by = operator().unwrap_or_else(|| "shakedown halt".to_string());
        let halted = runtime()?.block_on(halt_afar(&afar, &known, &by, WITHIN));
        report.runs.extend(halted.map_err(Failure::unavailable)?);
    }
    print(&if as_json {
        json(&report)?
    } else {
        report.lines().join("\n")
    });
    Ok(report.exit_code())
}

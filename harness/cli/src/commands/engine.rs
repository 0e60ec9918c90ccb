//! `shakedown engine`: the reference engine.

use shakedown_engine::cli::EngineCommand;
use shakedown_record::ExitCode;

use crate::output::Failure;

pub(super) fn engine(command: EngineCommand) -> Result<ExitCode, Failure> {
    shakedown_engine::cli::run(command)
        .map(|()| ExitCode::Pass)
        .map_err(Failure::unavailable)
}

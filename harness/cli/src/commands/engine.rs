//! `shakedown engine` and `shakedown stand-in`: the reference engine, and services that stand for those of real systems.

use shakedown_engine::cli::EngineCommand;
use shakedown_record::ExitCode;
use shakedown_stand_ins::{StandInCommand, StandInError};

use crate::output::Failure;

pub(super) fn engine(command: EngineCommand) -> Result<ExitCode, Failure> {
    shakedown_engine::cli::run(command)
        .map(|()| ExitCode::Pass)
        .map_err(Failure::unavailable)
}

pub(super) fn stand_in(command: StandInCommand) -> Result<ExitCode, Failure> {
    shakedown_stand_ins::cli::run(&command)
        .map(|()| ExitCode::Pass)
        .map_err(|error| match error {
            StandInError::Usage(said) => Failure::usage(said),
            other => Failure::unavailable(other),
        })
}

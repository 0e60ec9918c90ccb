//! Both ends of a run in a cluster: the run itself, and the courier that keeps what it has recorded.

use std::io;
use std::path::Path;

use shakedown_record::ExitCode;
use shakedown_record::run_dir::RunDir;
use shakedown_render::Format;
use shakedown_runner::submit::{INPUTS, PARCEL, Parcel, REPORT_FOLLOWS, keep};
use shakedown_scenarios::plan::EnvironmentPlan;

use super::json;
use super::run::{Job, carry_out};
use super::runtime::runtime;
use crate::args::{ParcelCommand, SubmittedArgs};
use crate::files::compile_saved;
use crate::guarding::Guarding;
use crate::interrupt;
use crate::output::{Failure, look, print, say};

/// The run of a Job. Whatever comes of it, its courier learns the exit code.
pub(super) fn submitted(args: &SubmittedArgs) -> Result<ExitCode, Failure> {
    let parcel = Parcel::at(Path::new(PARCEL));
    let ending = parcel
        .begin()
        .map_err(|error| Failure::unavailable(format!("{PARCEL}: {error}")))?;
    let ran = run(args, &parcel);
    let code = match &ran {
        Ok(code) => *code,
        Err(failure) => failure.code,
    };
    if let Err(failure) = &ran {
        say(failure.message.trim_end());
    }
    let told = ending.end(code);
    told.map_err(|error| Failure::unavailable(format!("{PARCEL}: {error}")))?;
    Ok(code)
}

fn run(args: &SubmittedArgs, parcel: &Parcel) -> Result<ExitCode, Failure> {
    let inputs = Path::new(INPUTS);
    let mut compiled = compile_saved(&RunDir::at(inputs))?;
    if let EnvironmentPlan::Kubernetes(cluster) = &mut compiled.plan.environment {
        // It is one of a kubeconfig, and here is none: the account of this pod is the way.
        cluster.context = None;
    }
    let guarding = Guarding::of(&compiled.plan, &[inputs.to_path_buf()], &args.guards)?;
    let run_dir = parcel.run_dir();
    let done = carry_out(&Job {
        compiled: &compiled,
        guarding: &guarding,
        defects: &[],
        blunted: &args.blunt,
        out: Some(&run_dir),
        runs: &run_dir,
        yes: args.guards.yes,
        run_id: Some(&args.run_id),
    })?;
    // On one stream: two are not read in the order in which they are written.
    print(REPORT_FOLLOWS);
    print(&shakedown_render::render(
        Format::Text,
        &done.analysis,
        &look(),
    ));
    Ok(done.code)
}

/// The courier, and what it is asked by `exec`.
pub(super) fn parcel(command: ParcelCommand) -> Result<ExitCode, Failure> {
    let parcel = Parcel::at(Path::new(PARCEL));
    let failed = |error: io::Error| Failure::unavailable(format!("{PARCEL}: {error}"));
    match command {
        ParcelCommand::Keep => runtime()?
            .block_on(async { keep(&parcel, interrupt::quietly()?).await.map_err(failed) })?,
        ParcelCommand::Status => print(&json(&parcel.kept().map_err(failed)?)?),
        ParcelCommand::Send { from } => {
            let out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
            parcel.send(from, out).map_err(failed)?;
        }
        ParcelCommand::Release => parcel.release().map_err(failed)?,
    }
    Ok(ExitCode::Pass)
}

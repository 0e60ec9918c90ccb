//! `shakedown replay`: a saved run once more, and how the two compare.

use std::fs;

use shakedown_record::ExitCode;
use shakedown_record::run_dir::RunDir;
use shakedown_record::run_record::RunRecord;
use shakedown_scenarios::Compiled;

use super::run::{Job, carry_out, print_result};
use crate::args::ReplayArgs;
use crate::files::{compile_saved, find_run, runs_folder};
use crate::guarding::Guarding;
use crate::output::{Failure, say};

/// Exits as the new run does.
pub fn replay(args: &ReplayArgs) -> Result<ExitCode, Failure> {
    let dir = find_run(&args.run)?;
    let compiled = compile_saved(&dir)?;
    let then = record_of(&dir, &compiled)?;
    let guarding = Guarding::of(&compiled.plan, &[dir.root().to_path_buf()], &args.guards)?;
    let defects = then.run.defect.as_deref();
    let defects: Vec<String> = defects
        .map(|defects| defects.split(", ").map(str::to_string).collect())
        .unwrap_or_default();
    say(&format!(
        "replaying {}: seed {} on {}",
        dir.root().display(),
        compiled.plan.seed,
        compiled.plan.environment.name()
    ));
    let job = Job {
        compiled: &compiled,
        guarding: &guarding,
        defects: &defects,
        blunted: &[],
        out: args.out.as_deref(),
        runs: &runs_folder(),
        yes: args.guards.yes,
        run_id: None,
    };
    let done = carry_out(&job)?;
    print_result(&done, args.json);
    if matches!(done.code, ExitCode::Refused | ExitCode::Unavailable) {
        say("The replay did not take place, so there is nothing to compare.");
        return Ok(done.code);
    }
    let compared = shakedown_analysis::replayed(&then, &done.analysis.record, &compiled.plan);
    let text = compared.lines().join("\n");
    match args.json {
        true => say(&text),
        false => crate::output::print(&text),
    }
    Ok(done.code)
}

/// The record as it was saved; made again from its evidence when there is none.
fn record_of(dir: &RunDir, compiled: &Compiled) -> Result<RunRecord, Failure> {
    let saved = fs::read(dir.record()).ok();
    let saved = saved.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match saved {
        Some(record) => Ok(record),
        None => shakedown_analysis::analyse(dir, &compiled.plan)
            .map(|analysis| analysis.record)
            .map_err(Failure::usage),
    }
}

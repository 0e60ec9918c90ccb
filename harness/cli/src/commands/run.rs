//! `shakedown run`: compile, run, judge, render, exit.

use std::fs;
use std::path::{Path, PathBuf};

use shakedown_analysis::Analysis;
use shakedown_record::ExitCode;
use shakedown_record::run_dir::RunDir;
use shakedown_render::Format;
use shakedown_runner::{RunEnd, RunRequest};
use shakedown_scenarios::{Compiled, describe};

use super::{json, runtime};
use crate::args::RunArgs;
use crate::files::compile_scenario;
use crate::interrupt;
use crate::output::{Failure, look, print, say};
use crate::progress::Display;

/// Runs a scenario and judges it.
pub fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let compiled = compile_scenario(&args.scenario)?;
    if args.dry_run {
        print(&if args.json {
            json(&compiled.plan)?
        } else {
            describe(&compiled.plan)
        });
        return Ok(ExitCode::Pass);
    }
    check_defects(&args.defect, &compiled)?;
    let run_id = new_run_id(&compiled.plan.scenario);
    let root = args
        .out
        .clone()
        .unwrap_or_else(|| Path::new("runs").join(&run_id));
    let dir = RunDir::create(&root).map_err(|error| {
        Failure::usage(format!(
            "{}: cannot make the run directory: {error}",
            root.display()
        ))
    })?;
    let exe = std::env::current_exe()
        .map_err(|error| Failure::bug(format!("cannot find my own binary: {error}")))?;
    write_resolved(&dir, &compiled)?;
    let end = execute(&compiled, &dir, run_id, exe, &args.defect)?;
    if let Some(message) = &end.message {
        say(message);
    }
    let (analysis, code) = judge(&dir, &compiled, end.exit_floor)?;
    print(&if args.json {
        shakedown_render::render(Format::Json, &analysis, &look())
    } else {
        shakedown_render::render(Format::Text, &analysis, &look())
    });
    say(&format!(
        "Evidence: {}   Report: {}",
        dir.root().display(),
        dir.report_html().display()
    ));
    Ok(code)
}

fn check_defects(defects: &[String], compiled: &Compiled) -> Result<(), Failure> {
    if defects.is_empty() {
        return Ok(());
    }
    if !matches!(
        compiled.plan.environment,
        shakedown_scenarios::plan::EnvironmentPlan::Local { .. }
    ) {
        return Err(Failure::usage(
            "--defect: defects belong to the stand-in, which only the local environment starts",
        ));
    }
    let known = known_defects();
    match defects
        .iter()
        .find(|defect| !known.contains(&defect.as_str()))
    {
        Some(unknown) => Err(Failure::usage(format!(
            "--defect {unknown}: no such defect; there are: {}",
            known.join(", ")
        ))),
        None => Ok(()),
    }
}

#[cfg(feature = "stand-in")]
fn known_defects() -> Vec<&'static str> {
    shakedown_engine::defects()
        .iter()
        .map(|info| info.name)
        .collect()
}

#[cfg(not(feature = "stand-in"))]
fn known_defects() -> Vec<&'static str> {
    Vec::new()
}

/// `20260131T093000123Z-quickstart`: the start in UTC, and the scenario.
fn new_run_id(scenario: &str) -> String {
    format!(
        "{}-{scenario}",
        jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ")
    )
}

fn write_resolved(dir: &RunDir, compiled: &Compiled) -> Result<(), Failure> {
    let write = |path: PathBuf, text: &str| {
        fs::write(&path, text).map_err(|error| Failure::bug(format!("{}: {error}", path.display())))
    };
    write(dir.scenario(), &compiled.scenario_yaml)?;
    write(dir.system(), &compiled.system_yaml)
}

fn execute(
    compiled: &Compiled,
    dir: &RunDir,
    run_id: String,
    exe: PathBuf,
    defects: &[String],
) -> Result<RunEnd, Failure> {
    let request = RunRequest {
        compiled: compiled.clone(),
        run_dir: dir.clone(),
        run_id,
        exe,
        defects: defects.to_vec(),
        operator: std::env::var("USER").ok().filter(|user| !user.is_empty()),
    };
    let mut display = Display::new();
    let end = runtime()?.block_on(async {
        let interrupt = interrupt::listen()?;
        Ok(shakedown_runner::run(request, interrupt, |progress| display.show(&progress)).await)
    });
    display.finish();
    end
}

/// Judges a run from its directory, writes every derived file and seals it. The files come first, so that what is
/// printed can always be printed again by `shakedown report`.
fn judge(
    dir: &RunDir,
    compiled: &Compiled,
    floor: Option<ExitCode>,
) -> Result<(Analysis, ExitCode), Failure> {
    let mut analysis = shakedown_analysis::analyse(dir, &compiled.plan).map_err(Failure::bug)?;
    let judged = ExitCode::from_code(analysis.record.exit_code).unwrap_or(ExitCode::Bug);
    let code = ExitCode::over(floor.into_iter().chain([judged]));
    analysis.record.exit_code = code.code();
    let files: [(PathBuf, Vec<u8>); 6] = [
        (
            dir.timeline(),
            shakedown_render::timeline_csv(&analysis).into_bytes(),
        ),
        (dir.latency_log(), shakedown_render::latency_hlog(&analysis)),
        (dir.report_html(), rendered(Format::Html, &analysis)),
        (dir.junit(), rendered(Format::Junit, &analysis)),
        (dir.summary(), rendered(Format::Markdown, &analysis)),
        (dir.record(), rendered(Format::Json, &analysis)),
    ];
    for (path, bytes) in files {
        fs::write(&path, bytes)
            .map_err(|error| Failure::bug(format!("{}: {error}", path.display())))?;
    }
    dir.seal()
        .map_err(|error| Failure::bug(format!("cannot write SHA256SUMS: {error}")))?;
    Ok((analysis, code))
}

fn rendered(format: Format, analysis: &Analysis) -> Vec<u8> {
    shakedown_render::render(format, analysis, &look()).into_bytes()
}

//! `shakedown run`: compile, run, judge, render, exit.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shakedown_analysis::Analysis;
use shakedown_record::ExitCode;
use shakedown_record::notice::{NotBegun, Notice};
use shakedown_record::run_dir::RunDir;
use shakedown_render::Format;
use shakedown_runner::{RunEnd, RunRequest};
use shakedown_scenarios::Compiled;

use super::{json, runtime};
use crate::args::RunArgs;
use crate::files::{compile_scenario, folders_of, runs_folder};
use crate::guarding::{Guarding, confirm, objection, operator};
use crate::interrupt;
use crate::output::{Failure, look, print, say};
use crate::plan_text::plan_text;
use crate::progress::Display;
use crate::webhook::Webhooks;

/// A run that is to be carried out.
#[derive(Debug)]
pub struct Job<'a> {
    pub compiled: &'a Compiled,
    pub guarding: &'a Guarding,
    pub defects: &'a [String],
    /// Ids of faults that are left without effect on purpose.
    pub blunted: &'a [String],
    /// Run directory to make.
    pub out: Option<&'a Path>,
    /// Folder in which it is made when nothing else is said.
    pub runs: &'a Path,
    /// Nobody has to be asked.
    pub yes: bool,
    /// `None`: a new one.
    pub run_id: Option<&'a str>,
}

/// A run that was carried out and judged.
#[derive(Debug)]
pub struct Done {
    pub analysis: Analysis,
    pub dir: RunDir,
    pub code: ExitCode,
    /// Why the run could not be carried out.
    pub message: Option<String>,
}

/// Runs a scenario, judges it, and tells whoever wants to know.
pub fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let compiled = compile_scenario(&args.scenario)?;
    let folders = folders_of(&args.scenario.scenario)?;
    let guarding = Guarding::of(&compiled.plan, &folders, &args.guards)?;
    if args.dry_run {
        print(&if args.json {
            json(&compiled.plan)?
        } else {
            plan_text(&compiled.plan)
        });
        if let Some(objection) = objection(&compiled.plan, &guarding.guarded) {
            say(&format!("now this would be refused: {objection}"));
        }
        return Ok(ExitCode::Pass);
    }
    let webhooks = Webhooks::new(&args.webhook)?;
    let runs = args.runs.clone().unwrap_or_else(runs_folder);
    let ended = if args.cluster.in_cluster {
        super::submit::run_in_cluster(args, &compiled, &guarding, &runs)
    } else {
        run_here(args, &compiled, &guarding, &runs)
    };
    if !webhooks.is_empty() {
        runtime()?.block_on(webhooks.tell(&notice(&compiled, &ended)));
    }
    ended.map(|ended| ended.code())
}

/// How a run ended that was carried out, here or in the cluster.
#[derive(Debug)]
pub(super) enum Ended {
    Judged(Box<Done>),
    /// In the cluster, and what it has recorded did not come.
    Unseen {
        code: ExitCode,
        why: String,
    },
}

impl Ended {
    fn code(&self) -> ExitCode {
        match self {
            Ended::Judged(done) => done.code,
            Ended::Unseen { code, .. } => *code,
        }
    }
}

fn run_here(
    args: &RunArgs,
    compiled: &Compiled,
    guarding: &Guarding,
    runs: &Path,
) -> Result<Ended, Failure> {
    let done = carry_out(&Job {
        compiled,
        guarding,
        defects: &args.defect,
        blunted: &args.blunt,
        out: args.out.as_deref(),
        runs,
        yes: args.guards.yes,
        run_id: None,
    })?;
    print_result(&done, args.json);
    Ok(Ended::Judged(Box::new(done)))
}

/// How it ended, for webhooks.
fn notice(compiled: &Compiled, ended: &Result<Ended, Failure>) -> Notice {
    let (code, why) = match ended {
        Ok(Ended::Judged(done)) => {
            let root = std::path::absolute(done.dir.root());
            let root = root.unwrap_or_else(|_| done.dir.root().to_path_buf());
            let message = done.message.as_deref();
            return Notice::of(&done.analysis.record, message, &root.display().to_string());
        }
        Ok(Ended::Unseen { code, why }) => (*code, why),
        Err(failure) => (failure.code, &failure.message),
    };
    Notice::not_begun(&NotBegun {
        code,
        why,
        scenario: &compiled.plan.scenario,
        system: &compiled.plan.system.name,
        environment: compiled.plan.environment.name(),
        operator: operator().as_deref(),
        shakedown_version: env!("CARGO_PKG_VERSION"),
    })
}

/// Asks, runs, judges and seals.
pub fn carry_out(job: &Job) -> Result<Done, Failure> {
    let compiled = job.compiled;
    agreed(job)?;
    let run_id = match job.run_id {
        Some(run_id) => run_id.to_string(),
        None => new_run_id(&compiled.plan.scenario),
    };
    let root = place(job.out, job.runs, &run_id);
    let dir = RunDir::create(&root).map_err(|error| no_place(&root, &error))?;
    let exe = std::env::current_exe()
        .map_err(|error| Failure::bug(format!("cannot find my own binary: {error}")))?;
    write_resolved(&dir, compiled)?;
    job.guarding.keep(&dir)?;
    let request = RunRequest {
        compiled: compiled.clone(),
        run_dir: dir.clone(),
        run_id,
        exe,
        defects: job.defects.to_vec(),
        blunted: job.blunted.iter().cloned().collect(),
        operator: operator(),
        guarded: job.guarding.guarded.clone(),
    };
    let end = execute(request)?;
    if let Some(message) = &end.message {
        say(message);
    }
    let (analysis, code) = judge(&dir, compiled, end.exit_floor)?;
    Ok(Done {
        analysis,
        dir,
        code,
        message: end.message,
    })
}

/// What is wrong with the request, and a yes.
pub(super) fn agreed(job: &Job) -> Result<(), Failure> {
    check_defects(job.defects, job.compiled)?;
    check_blunted(job.blunted, job.compiled)?;
    confirm(&job.compiled.plan, &job.guarding.guarded, job.yes)
}

/// Where the run directory is made.
pub(super) fn place(out: Option<&Path>, runs: &Path, run_id: &str) -> PathBuf {
    match out {
        Some(out) => out.to_path_buf(),
        None => runs.join(run_id),
    }
}

pub(super) fn no_place(root: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!(
        "{}: cannot make the run directory: {error}",
        root.display()
    ))
}

/// The report to stdout, and where the evidence lies to stderr.
pub fn print_result(done: &Done, as_json: bool) {
    let format = if as_json { Format::Json } else { Format::Text };
    print(&shakedown_render::render(format, &done.analysis, &look()));
    say(&format!(
        "Evidence: {}   Report: {}",
        done.dir.root().display(),
        done.dir.report_html().display()
    ));
    if let Ok(sum) = done.dir.seal_sum() {
        say(&format!("Sealed: SHA256SUMS is sha256:{sum}"));
    }
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

fn check_blunted(blunted: &[String], compiled: &Compiled) -> Result<(), Failure> {
    let known: Vec<&str> = (compiled.plan.faults.iter())
        .map(|fault| fault.id.as_str())
        .collect();
    match blunted.iter().find(|id| !known.contains(&id.as_str())) {
        Some(unknown) => Err(Failure::usage(format!(
            "--blunt {unknown}: the scenario has no such fault; it has: {}",
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
pub(super) fn new_run_id(scenario: &str) -> String {
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
    if let Some(recording) = compiled.plan.load.arrival.recording() {
        write(dir.recording(), recording.text())?;
    }
    write(dir.system(), &compiled.system_yaml)
}

fn execute(request: RunRequest) -> Result<RunEnd, Failure> {
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

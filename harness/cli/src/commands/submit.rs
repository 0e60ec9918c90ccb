//! `shakedown run --in-cluster`: the run goes on in the cluster; progress, report and exit code are here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use shakedown_analysis::Analysis;
use shakedown_record::ExitCode;
use shakedown_record::run_dir::RunDir;
use shakedown_record::run_record::RunRecord;
use shakedown_runner::mechanisms::kubernetes::{Access, Cluster};
use shakedown_runner::submit::{Delivered, Fetched, Submission, SubmitError, submit};
use shakedown_scenarios::plan::EnvironmentPlan;
use shakedown_scenarios::{Compiled, KEPT_RECORDING};

use super::run::{Done, Ended, Job, agreed, new_run_id, no_place, place, print_result};
use super::runtime;
use crate::args::RunArgs;
use crate::guarding::{Guarding, operator};
use crate::interrupt;
use crate::output::{Failure, print, say};

/// Submits a run, follows it, fetches what it has recorded, and ends as it did.
pub(super) fn run_in_cluster(
    args: &RunArgs,
    compiled: &Compiled,
    guarding: &Guarding,
    runs: &Path,
) -> Result<Ended, Failure> {
    let run_id = new_run_id(&compiled.plan.scenario);
    let submission = submission(args, compiled, guarding, &run_id)?;
    agreed(&Job {
        compiled,
        guarding,
        defects: &args.defect,
        blunted: &args.blunt,
        out: args.out.as_deref(),
        runs,
        yes: args.guards.yes,
        run_id: Some(&run_id),
    })?;
    let root = place(args.out.as_deref(), runs, &run_id);
    let made = match root.parent() {
        Some(parent) => fs::create_dir_all(parent).and_then(|()| fs::create_dir(&root)),
        None => fs::create_dir(&root),
    };
    made.map_err(|error| no_place(&root, &error))?;
    let dir = RunDir::at(&root);
    let delivered = carried_out(compiled, &submission, &dir);
    // A folder in which nothing came to lie is none of anybody's.
    let _ = fs::remove_dir(&root);
    let delivered = delivered.map_err(failure)?;
    finish(&delivered, compiled, dir, args.json)
}

fn submission(
    args: &RunArgs,
    compiled: &Compiled,
    guarding: &Guarding,
    run_id: &str,
) -> Result<Submission, Failure> {
    let cluster = &args.cluster;
    let mut submission = Submission::of(
        &compiled.plan,
        run_id,
        &cluster.in_cluster_namespace,
        &cluster.in_cluster_account,
        cluster.in_cluster_image.as_deref(),
        &cluster.in_cluster_env_from,
    )
    .map_err(failure)?;
    submission.files = BTreeMap::from([
        ("scenario.yaml".to_string(), compiled.scenario_yaml.clone()),
        ("system.yaml".to_string(), compiled.system_yaml.clone()),
    ]);
    if let Some(recording) = compiled.plan.load.arrival.recording() {
        let kept = (KEPT_RECORDING.to_string(), recording.text().to_string());
        submission.files.extend([kept]);
    }
    let calendars = guarding.kept();
    let calendars = calendars.map(|(path, text)| (path, text.to_string()));
    submission.files.extend(calendars);
    submission.operator = operator();
    // Somebody was asked here.
    submission.arguments.push("--yes".to_string());
    for overruled in &guarding.guarded.overrides {
        let (guard, reason) = (overruled.guard, &overruled.reason);
        let both = ["--override".to_string(), format!("{guard}={reason}")];
        submission.arguments.extend(both);
    }
    for fault in &args.blunt {
        let both = ["--blunt".to_string(), fault.clone()];
        submission.arguments.extend(both);
    }
    Ok(submission)
}

fn carried_out(
    compiled: &Compiled,
    submission: &Submission,
    dir: &RunDir,
) -> Result<Delivered, SubmitError> {
    let context = match &compiled.plan.environment {
        EnvironmentPlan::Kubernetes(cluster) => cluster.context.clone(),
        EnvironmentPlan::Local { .. }
        | EnvironmentPlan::External(_)
        | EnvironmentPlan::Docker(_) => None,
    };
    let access = Access {
        context,
        ..Access::default()
    };
    let unavailable = |failure: Failure| SubmitError::Unavailable(failure.message);
    runtime().map_err(unavailable)?.block_on(async {
        let stop = interrupt::listen().map_err(unavailable)?;
        let cluster = Cluster::connect(&access).await?;
        submit(&cluster, submission, dir, stop, &mut say).await
    })
}

/// The first screen from the run directory that came, as a local run prints it; from the log when none came.
fn finish(
    delivered: &Delivered,
    compiled: &Compiled,
    dir: RunDir,
    as_json: bool,
) -> Result<Ended, Failure> {
    let code = delivered.code;
    let ended = match &delivered.fetched {
        Fetched::Whole => {
            let analysis = judged(&dir, compiled)?;
            let done = Done {
                analysis,
                dir,
                code,
                message: None,
            };
            print_result(&done, as_json);
            Ended::Judged(Box::new(done))
        }
        Fetched::NoneMade => Ended::Unseen {
            code,
            why: "the run ended in the cluster before it had a run directory".to_string(),
        },
        Fetched::Failed(why) => {
            delivered.report.iter().for_each(|text| print(text));
            let why = format!(
                "the run ended in the cluster with exit code {}, and its run directory was not fetched: {why}",
                code.code()
            );
            say(&why);
            let code = ExitCode::over([code, ExitCode::Unavailable]);
            Ended::Unseen { code, why }
        }
    };
    delivered.left.iter().for_each(|text| say(text));
    Ok(ended)
}

/// Judged here again, from the evidence; the exit code is the one that the run gave itself.
fn judged(dir: &RunDir, compiled: &Compiled) -> Result<Analysis, Failure> {
    let mut analysis = shakedown_analysis::analyse(dir, &compiled.plan).map_err(Failure::bug)?;
    let saved = fs::read(dir.record()).map_err(|error| Failure::bug(error.to_string()))?;
    let saved: RunRecord = serde_json::from_slice(&saved)
        .map_err(|error| Failure::bug(format!("record.json of the run: {error}")))?;
    analysis.record.exit_code = saved.exit_code;
    Ok(analysis)
}

fn failure(error: SubmitError) -> Failure {
    Failure {
        code: error.exit(),
        message: error.to_string(),
    }
}

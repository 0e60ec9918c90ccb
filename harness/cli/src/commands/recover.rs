//! `shakedown recover`: heal what a dead run left behind.

use shakedown_record::ExitCode;
use shakedown_record::run_dir::RunDir;
use shakedown_runner::mechanisms::kubernetes::Access;
use shakedown_runner::recover::{
    Afar, RecoverError, RecoverReport, RecoveredRun, adopt, cancel_orders, orders_closed,
};
use shakedown_runner::state_dir::StateDir;

use super::{json, runtime};
use crate::args::{AfarArgs, AfarName, RecoverArgs};
use crate::files::compile_saved;
use crate::output::{Failure, print};

/// Exit 0 when nothing is left, 3 when something is.
pub fn recover(args: &RecoverArgs) -> Result<ExitCode, Failure> {
    let run = args.run.as_deref();
    let state = StateDir::from_environment().map_err(Failure::usage)?;
    let left_alone = match afar_of(&args.afar, args.commands) {
        None => Vec::new(),
        Some(afar) => {
            let adopted = runtime()?.block_on(adopt(&state, &afar, run));
            adopted.map_err(failed)?
        }
    };
    let mut report = match shakedown_runner::recover::recover(&state, run) {
        // It is known, and in the cluster only.
        Err(RecoverError::NoSuchRun(_)) if !left_alone.is_empty() => {
            RecoverReport { runs: Vec::new() }
        }
        report => report.map_err(failed)?,
    };
    for run in &mut report.runs {
        for orders in run.open_orders.clone() {
            match cancelled(run, &orders) {
                Ok(what) => {
                    let again = orders_closed(&state, &run.run_id, &orders.prefix);
                    let again = again.map_err(Failure::usage)?.runs.into_iter().next();
                    run.left = again.as_ref().map_or(Vec::new(), |it| it.left.clone());
                    run.open_orders = again.map_or(Vec::new(), |it| it.open_orders);
                    run.done.push(what);
                }
                Err(why) => tracing::warn!("the orders of {} stay: {why}", run.run_id),
            }
        }
    }
    report.runs.extend(left_alone);
    print(&if args.json {
        json(&report)?
    } else {
        report.lines().join("\n")
    });
    Ok(report.exit_code())
}

fn failed(error: RecoverError) -> Failure {
    match error {
        RecoverError::Cluster(error) => Failure::unavailable(error),
        RecoverError::State(_) | RecoverError::Io { .. } | RecoverError::NoSuchRun(_) => {
            Failure::usage(error)
        }
    }
}

/// Where in a cluster is to be looked; `None`: on this machine only.
pub(super) fn afar_of(args: &AfarArgs, commands: bool) -> Option<Afar> {
    args.environment.map(|AfarName::Kubernetes| Afar {
        access: Access {
            context: args.context.clone(),
            ..Access::default()
        },
        namespaces: args.namespace.iter().cloned().collect(),
        commands,
    })
}

/// Cancels the orders with the profile that the run directory keeps; says what was done once none is left.
fn cancelled(
    run: &RecoveredRun,
    orders: &shakedown_runner::journal::OpenOrders,
) -> Result<String, String> {
    let dir = run
        .run_dir
        .as_ref()
        .ok_or("its run directory is not known")?;
    let dir = RunDir::at(dir);
    let compiled = compile_saved(&dir).map_err(|failure| failure.message)?;
    let runtime = runtime().map_err(|failure| failure.message)?;
    let cleaned = runtime.block_on(cancel_orders(&compiled.plan, &dir, orders));
    let cleaned = cleaned.map_err(|error| error.to_string())?;
    match cleaned.orders_open {
        Some(0) => Ok(format!(
            "cancelled {} open orders whose ids begin with {}",
            cleaned.cancelled, orders.prefix
        )),
        Some(open) => Err(format!("{open} are still open")),
        None => Err(cleaned.reason.unwrap_or_default()),
    }
}

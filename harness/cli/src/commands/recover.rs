//! `shakedown recover`: heal what a dead run left behind.

use shakedown_record::ExitCode;
use shakedown_record::run_dir::RunDir;
use shakedown_runner::recover::{RecoveredRun, cancel_orders, orders_closed};
use shakedown_runner::state_dir::StateDir;

use super::{json, runtime};
use crate::files::compile_saved;
use crate::output::{Failure, print};

/// Exit 0 when nothing is left, 3 when something is.
pub fn recover(run: Option<&str>, as_json: bool) -> Result<ExitCode, Failure> {
    let state = StateDir::from_environment().map_err(Failure::usage)?;
    let mut report = shakedown_runner::recover::recover(&state, run).map_err(Failure::usage)?;
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
    print(&if as_json {
        json(&report)?
    } else {
        report.lines().join("\n")
    });
    Ok(report.exit_code())
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

//! `shakedown probe PROFILE`: one order through every line of a profile, no faults, within a minute.
//!
//! A profile is somebody's belief about an engine. Here every line of it is held against the engine itself, with the
//! same code that a run uses, so that a run never finds out in the middle of the night that an acknowledgement was
//! none.

mod read;
mod report;
mod seen;
mod steps;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shakedown_load::secret::Secrets;
use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::{EnvironmentPlan, Plan};
use shakedown_scenarios::{Compiled, checkable};

pub use report::{LineState, NotProvable, ProbeLine, ProbeReport};
use steps::Steps;

use crate::environment::{Environment, StartContext};
use crate::error::RunError;
use crate::guard::{self, Guarded};
use crate::journal::{Entry, Journal, OpenOrders, RunAbout};
use crate::lock::{Holder, Lock};
use crate::probes::Target;
use crate::run::order_prefix;
use crate::state_dir::StateDir;

/// How long all lines together may take, once the environment is there.
const STEPS_WITHIN: Duration = Duration::from_secs(50);

/// How long a copy may take to show an order.
const SHOWN_WITHIN: Duration = Duration::from_secs(6);

/// Probes the system of a compiled profile: starts the local stand-in, or goes to the external addresses.
///
/// # Errors
/// When a guard refuses, or the system cannot be started or reached.
pub async fn probe(
    compiled: &Compiled,
    guarded: &Guarded,
    exe: PathBuf,
    defects: Vec<String>,
) -> Result<ProbeReport, RunError> {
    let plan = &compiled.plan;
    guard::check(plan, guarded, jiff::Timestamp::now())?;
    let secrets = Arc::new(Secrets::resolve(&plan.system.secrets)?);
    guard::prove_not_production(&secrets, plan).await?;
    let state = StateDir::from_environment()?;
    let (run_id, since) = (new_id(), jiff::Timestamp::now().to_string());
    let holder = Holder {
        run_id: run_id.clone(),
        pid: std::process::id(),
        user: None,
        since: since.clone(),
    };
    let environment = plan.environment.name();
    let _lock = Lock::acquire(&state, &plan.system.name, environment, &holder)?;
    let folder = Folder::create(&run_id)?;
    let about = RunAbout {
        run_id: run_id.clone(),
        run_dir: folder.run_dir.root().to_path_buf(),
        system: plan.system.name.clone(),
        environment: environment.to_string(),
        started_at: since,
    };
    let journal = Arc::new(Journal::create(&state, about)?);
    let context = StartContext {
        plan,
        run_dir: &folder.run_dir,
        exe,
        defects,
        journal: Arc::clone(&journal),
    };
    let environment = Environment::start(&context).await?;
    let prefix = order_prefix(&run_id);
    let report = go(
        plan,
        &secrets,
        &environment,
        &journal,
        &folder.run_dir,
        prefix,
    )
    .await;
    let left = environment.stop().await;
    let report = report?;
    let closed = match left.is_empty() && report.nothing_left() {
        true => journal.close_clean(),
        false => journal.copy_into_run_dir(),
    };
    closed?;
    Ok(report)
}

async fn go(
    plan: &Plan,
    secrets: &Arc<Secrets>,
    environment: &Environment,
    journal: &Journal,
    run_dir: &RunDir,
    prefix: String,
) -> Result<ProbeReport, RunError> {
    let target = Arc::new(Target::new(
        plan.clone(),
        Arc::clone(secrets),
        environment.replicas().to_vec(),
        environment.entry(),
        prefix.clone(),
        environment.book(),
    )?);
    let external = !matches!(plan.environment, EnvironmentPlan::Local { .. });
    if external {
        journal.record(&Entry::OrdersMayBeOpen(OpenOrders {
            prefix: prefix.clone(),
            entry: target.entry.clone(),
        }))?;
    }
    let mut steps = Steps::new(&target, run_dir, SHOWN_WITHIN);
    if external {
        steps.guarded();
    }
    if tokio::time::timeout(STEPS_WITHIN, steps.all())
        .await
        .is_err()
    {
        steps.out_of_time(STEPS_WITHIN);
    }
    let report = ProbeReport::new(plan, steps.lines, &checkable(&plan.system));
    if external && report.nothing_left() {
        journal.record(&Entry::OrdersClosed { prefix })?;
    }
    Ok(report)
}

fn new_id() -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ");
    format!("{now}-probe-{}", std::process::id())
}

/// A run directory of a probe: for logs while it goes on, and gone afterwards.
struct Folder {
    run_dir: RunDir,
}

impl Folder {
    fn create(run_id: &str) -> Result<Self, RunError> {
        let root = std::env::temp_dir().join(format!("shakedown-{run_id}"));
        let run_dir = RunDir::create(&root).map_err(|source| RunError::Write {
            what: root.display().to_string(),
            source,
        })?;
        Ok(Self { run_dir })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(self.run_dir.root()) {
            tracing::warn!("{}: {error}", self.run_dir.root().display());
        }
    }
}

#[cfg(test)]
mod tests;

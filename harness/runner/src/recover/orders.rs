//! Orders of a dead run that may be open at an engine that outlives Shakedown: cancelled with that run's own profile.

use std::sync::Arc;

use shakedown_load::secret::Secrets;
use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::Plan;

use crate::cleanup::{CleanedUp, clean_up};
use crate::environment::AddressBook;
use crate::environment::replicas_of;
use crate::error::RunError;
use crate::guard::prove_not_production;
use crate::journal::OpenOrders;
use crate::probes::Target;
use crate::readback::Ours;
use crate::sentinel::Sentinels;

/// Cancels what a dead run may have left open, by its ledger, and looks whether anything is left. What
/// `orders_open` says must be 0 before [`super::orders_closed`] may be told.
///
/// # Errors
/// When the target does not prove, once more, that it is not production; when it cannot be reached; when the ledger
/// cannot be read.
pub async fn cancel_orders(
    plan: &Plan,
    run_dir: &RunDir,
    orders: &OpenOrders,
) -> Result<CleanedUp, RunError> {
    let secrets = Arc::new(Secrets::resolve(&plan.system.secrets)?);
    prove_not_production(&secrets, plan).await?;
    let target = Arc::new(Target::new(
        plan.clone(),
        secrets,
        replicas_of(plan).await?,
        orders.entry.clone(),
        orders.prefix.clone(),
        AddressBook::default(),
    )?);
    let ours = Ours::open(&target, run_dir, Sentinels::none("the run died"))?;
    Ok(clean_up(&target, &Arc::new(ours), None).await)
}

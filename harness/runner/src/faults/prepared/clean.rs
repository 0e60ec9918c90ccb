//! Clean again: nothing of a fault is left, and its targets are as they were.

use std::time::Duration;

use shakedown_scenarios::plan::RestartedBy;

use super::super::action::Action;
use super::super::error::NotClean;
use super::super::power_cut::PowerCut;
use super::super::snapshot::Expected;
use super::super::target::{Target, speaker};
use super::{Armed, Prepared};
use crate::environment::Environment;
use crate::journal::Journal;

/// For what is done on this machine: snapshot and kind of fault wait for 20 s each at most.
const CLEAN_WITHIN: Duration = Duration::from_secs(40);

impl Prepared {
    /// How long the state may take to be the one before; longer than [`Prepared::confirm_clean`] waits.
    pub fn clean_within(&self) -> Duration {
        match &self.action {
            Action::Cluster(cluster) => cluster.clean_within(),
            // Pods that were ended are made again, and those of the agents end.
            Action::Agents(_) => 3 * CLEAN_WITHIN,
            Action::Kill(_)
            | Action::Freeze(_)
            | Action::Restart(_)
            | Action::Hook(_)
            | Action::KillSwitch(_)
            | Action::Operation(_)
            | Action::Link(_)
            | Action::Clock(_)
            | Action::Disk(_)
            | Action::PowerCut(_)
            | Action::Container(_)
            | Action::Stress(_)
            | Action::Service(_)
            | Action::Group(_) => CLEAN_WITHIN,
        }
    }

    /// Waits, for 20 s at most but for clusters, until the state is the one before the fault: same processes running (a
    /// killed one stays down where nobody restarts it), none stopped, the targets listening and ready.
    ///
    /// # Errors
    /// When it is not, with what is different, and whether that is of our doing.
    pub async fn confirm_clean(
        &self,
        environment: &Environment,
        journal: &Journal,
    ) -> Result<(), NotClean> {
        let Some(armed) = &self.armed else {
            return Ok(());
        };
        match &self.action {
            // No replica was touched.
            Action::KillSwitch(_) => Ok(()),
            // Pods come back in their own time, and as others.
            Action::Cluster(cluster) => cluster.confirm_clean(&self.label, environment).await,
            Action::Agents(agents) => {
                agents
                    .confirm_clean(&self.label, environment, journal)
                    .await
            }
            action => {
                let touched = self.touched();
                let expected = self.own_clean(action, armed, &touched, environment).await?;
                let (targets, run_id) = (&self.targets, &armed.run_id);
                armed
                    .before
                    .wait_until_restored(environment, targets, &touched, expected, run_id)
                    .await
            }
        }
    }

    /// Nothing of the fault's own is left; what its targets are to be like then.
    async fn own_clean(
        &self,
        action: &Action,
        armed: &Armed,
        touched: &[String],
        environment: &Environment,
    ) -> Result<Expected, NotClean> {
        Ok(match action {
            Action::Kill(_) => may_have_ended(environment, &self.targets),
            Action::Freeze(_) => Expected::AsBefore,
            Action::Restart(_) => Expected::Restarted,
            Action::Clock(clock) => {
                clock.confirm_clean()?;
                Expected::Restarted
            }
            Action::Container(container) => {
                container.confirm_clean(&self.targets).await?;
                container.expected(environment.restarted_by(speaker(&self.targets)))
            }
            Action::Hook(hook) => {
                hook.confirm_clean(&self.label).await?;
                Expected::AsBefore
            }
            Action::Link(link) => {
                let clean = link.confirm_clean(&self.label).await;
                if let Err(why) = clean {
                    let ended = armed.before.ended_since(environment, touched).await;
                    return Err(why.beside(&ended));
                }
                Expected::AsBefore
            }
            Action::Cluster(_)
            | Action::Agents(_)
            | Action::KillSwitch(_)
            | Action::Operation(_) => Expected::AsBefore,
            Action::Service(service) => {
                service.confirm_clean().await?;
                Expected::AsBefore
            }
            Action::Stress(stress) => {
                stress.confirm_clean()?;
                Expected::AsBefore
            }
            Action::Disk(disk) => {
                disk.confirm_clean().await?;
                may_have_ended(environment, &self.targets)
            }
            Action::PowerCut(_) => {
                PowerCut::confirm_clean(&self.targets, environment)?;
                may_have_ended(environment, &self.targets)
            }
            Action::Group(group) => {
                group.confirm_clean(&self.label).await?;
                match group.may_end_its_targets() {
                    true => may_have_ended(environment, &self.targets),
                    false => Expected::AsBefore,
                }
            }
        })
    }
}

/// What becomes of targets that the fault ends, or may have driven to end.
fn may_have_ended(environment: &Environment, targets: &[Target]) -> Expected {
    match environment.restarted_by(speaker(targets)) {
        RestartedBy::Platform => Expected::Restarted,
        RestartedBy::Nobody => Expected::MayBeDown,
    }
}

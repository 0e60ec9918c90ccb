//! Whether a fault bit, as seen from the side of its targets.

use std::time::Duration;

use shakedown_record::fault::Effect;

use super::super::action::Action;
use super::super::freeze::Freeze;
use super::super::restart::Restart;
use super::Prepared;
use crate::environment::Environment;

impl Prepared {
    /// Looks for the effect from the target's side, for as long as the deadline allows.
    pub async fn confirm(&self, environment: &Environment, deadline: Duration) -> Effect {
        let until = tokio::time::Instant::now() + deadline;
        let mut seen = Vec::new();
        match &self.action {
            Action::PowerCut(cut) => return cut.confirm(&self.targets, environment, until).await,
            Action::Link(link) => return link.confirm(&self.label, environment, until).await,
            Action::Disk(disk) => return disk.confirm(&self.label, until).await,
            Action::Agents(agents) => return agents.confirm(until).await,
            Action::KillSwitch(kill) => return kill.confirm(until).await,
            Action::Operation(operation) => return operation.confirm(&self.label, until).await,
            Action::Hook(hook) => seen.push(hook.confirm(&self.label, until).await),
            Action::Service(service) => seen.push(service.confirm(until).await),
            Action::Cluster(cluster) => seen = cluster.confirm(environment, until).await,
            Action::Kill(kill) => {
                for target in &self.targets {
                    seen.push(kill.confirm(target, environment, until).await);
                }
            }
            Action::Group(group) => {
                for (index, target) in self.targets.iter().enumerate() {
                    seen.push(group.confirm(&self.label, target, index, until).await);
                }
            }
            Action::Stress(stress) => {
                for (index, target) in self.targets.iter().enumerate() {
                    seen.push(stress.confirm(target, index, until).await);
                }
            }
            Action::Container(container) => {
                for (index, target) in self.targets.iter().enumerate() {
                    seen.push(container.confirm(target, index, environment, until).await);
                }
            }
            Action::Freeze(_) => {
                for target in &self.targets {
                    seen.push(Freeze::confirm(target, environment, until).await);
                }
            }
            Action::Restart(_) => {
                let confirm = |target| Restart::confirm(target, environment);
                seen.extend(self.targets.iter().map(confirm));
            }
            Action::Clock(clock) => {
                let confirm = |target| clock.confirm(target, environment);
                seen.extend(self.targets.iter().map(confirm));
            }
        }
        let confirmed = seen.iter().all(Result::is_ok);
        let text = |seen: Result<String, String>| match seen {
            Ok(text) | Err(text) => text,
        };
        let texts: Vec<String> = seen.into_iter().map(text).collect();
        Effect {
            confirmed,
            text: texts.join("; "),
            figures: Vec::new(),
        }
    }
}

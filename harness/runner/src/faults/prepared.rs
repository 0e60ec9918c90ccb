//! One firing of a fault, through its whole life.

mod clean;
mod confirm;

use std::sync::Arc;
use std::time::Duration;

use shakedown_record::fault::{FaultTarget, Firing};
use shakedown_scenarios::plan::FaultKind;
use shakedown_scenarios::plan::gates::Operation as PlannedOperation;

use super::action::Action;
use super::aim::Aim;
use super::error::FaultError;
use super::kill_switch::KillSwitch;
use super::operation::{ClockOffset, Moment, Operation};
use super::restart::Restart;
use super::snapshot::Snapshot;
use super::strength::Strength;
use super::target::Target;
use crate::environment::{Environment, Handle};
use crate::journal::{Entry, Journal, Undo};
use crate::probes;

/// A fault that can be done, and later is being done. Dropping one that was injected thaws what it froze; what it
/// killed stays down.
#[derive(Debug)]
pub struct Prepared {
    label: String,
    action: Action,
    targets: Vec<Target>,
    strength: Strength,
    armed: Option<Armed>,
    /// Injected, perhaps only in part, and not healed.
    at_work: bool,
}

/// What is known once the journal has it.
#[derive(Debug)]
struct Armed {
    before: Snapshot,
    run_id: String,
}

/// Can it be done to these targets in this environment? Pins the targets; touches nothing.
///
/// # Errors
/// When a target has no handle that the kind can act on, or is frozen already.
pub fn preflight(
    firing: &Firing,
    kind: &FaultKind,
    aim: &Aim,
    environment: &Environment,
) -> Result<Prepared, FaultError> {
    let label = firing.label();
    let action = Action::choose(firing, kind, aim, environment)?;
    let targets = match (action.pins_targets(), aim.targets.as_slice()) {
        (false, _) => Vec::new(),
        (true, []) => return Err(FaultError::NoTarget { fault: label }),
        (true, targets) => targets
            .iter()
            .map(|target| Target::pin(&label, kind, target, environment))
            .collect::<Result<Vec<Target>, FaultError>>()?,
    };
    Ok(Prepared::new(label, action, targets))
}

impl Prepared {
    fn new(label: String, action: Action, targets: Vec<Target>) -> Prepared {
        Prepared {
            label,
            action,
            targets,
            strength: Strength::Full,
            armed: None,
            at_work: false,
        }
    }

    /// The kill switch of these accounts, asked of the system by its profile.
    ///
    /// # Errors
    /// When the profile does not say how.
    pub fn kill_switch(
        firing: &Firing,
        accounts: &[String],
        target: &Arc<probes::Target>,
    ) -> Result<Prepared, FaultError> {
        let label = firing.label();
        let action = Action::KillSwitch(KillSwitch::new(&label, accounts, target)?);
        Ok(Prepared::new(label, action, Vec::new()))
    }

    /// An operation on the data, and the moment of a restore.
    pub fn operation(
        firing: &Firing,
        (operation, moment): (&PlannedOperation, Option<Moment>),
        began: ClockOffset,
        environment: &Environment,
    ) -> Prepared {
        let operation = Operation::new(operation, moment, began, environment);
        Prepared::new(firing.label(), Action::Operation(operation), Vec::new())
    }

    /// The same, with another strength.
    #[must_use]
    pub fn of_strength(self, strength: Strength) -> Prepared {
        Prepared { strength, ..self }
    }

    /// The same, to stay for so long. What ends by itself if nobody ends it has to know.
    #[must_use]
    pub fn lasting(mut self, hold: Duration) -> Prepared {
        if let Action::Agents(agents) = &mut self.action {
            agents.last(hold);
        }
        self
    }

    /// The same, though others would undo it: a person has said that this may be.
    #[must_use]
    pub fn though_undone(mut self) -> Prepared {
        if let Action::Cluster(cluster) = &mut self.action {
            cluster.though_undone();
        }
        self
    }

    /// The targets with the handles that will be acted on, for the events.
    pub fn targets(&self) -> Vec<FaultTarget> {
        let process = |target: &Target| {
            Handle::Process(target.process.clone()).as_target(&target.name, target.role.as_deref())
        };
        match &self.action {
            Action::Hook(hook) => hook.targets(),
            Action::KillSwitch(kill) => kill.targets(),
            Action::Operation(operation) => operation.targets(),
            Action::Container(container) => container.targets(&self.targets),
            Action::Cluster(cluster) => cluster.targets(),
            Action::Link(link) => link.targets(),
            Action::Agents(agents) => agents.targets(),
            Action::Disk(disk) => disk.targets(),
            Action::Service(service) => service.targets(),
            Action::Kill(_)
            | Action::PowerCut(_)
            | Action::Freeze(_)
            | Action::Restart(_)
            | Action::Clock(_)
            | Action::Stress(_)
            | Action::Group(_) => self.targets.iter().map(process).collect(),
        }
    }

    /// How it will be done, in words.
    pub fn mechanism(&self) -> String {
        match &self.action {
            Action::Kill(kill) => kill.mechanism(),
            Action::PowerCut(cut) => cut.mechanism(),
            Action::Freeze(freeze) => freeze.mechanism(),
            Action::Restart(restart) => restart.mechanism(),
            Action::Hook(hook) => hook.mechanism(),
            Action::KillSwitch(kill) => kill.mechanism(),
            Action::Operation(operation) => operation.mechanism(),
            Action::Container(container) => container.mechanism(),
            Action::Cluster(cluster) => cluster.mechanism(),
            Action::Link(link) => link.mechanism(),
            Action::Agents(agents) => agents.mechanism(),
            Action::Clock(clock) => clock.mechanism(),
            Action::Disk(disk) => disk.mechanism(),
            Action::Group(group) => group.mechanism(),
            Action::Stress(stress) => stress.mechanism(),
            Action::Service(service) => service.mechanism(),
        }
    }

    /// Everything that must be in place before the first change: the snapshot, the watchdogs, and the undo journal,
    /// synced to disk. Kept apart from [`Prepared::inject`], because it takes time that is not failover time.
    ///
    /// # Errors
    /// When one of them cannot be had. Nothing has been done to the targets then.
    pub async fn arm(
        &mut self,
        environment: &Environment,
        journal: &Journal,
    ) -> Result<(), FaultError> {
        let before = Snapshot::take(environment).await;
        let undo = match &mut self.action {
            Action::Kill(_) | Action::Restart(_) | Action::Clock(_) | Action::KillSwitch(_) => {
                Vec::new()
            }
            // The disk dies with Shakedown too.
            Action::PowerCut(_) => Vec::new(),
            Action::Freeze(freeze) => {
                freeze
                    .arm(&self.label, &self.targets, environment, journal)
                    .await?
            }
            Action::Container(container) => {
                container
                    .arm(&self.label, &self.targets, environment, journal)
                    .await?
            }
            Action::Group(group) => {
                group
                    .arm(&self.label, &self.targets, environment, journal)
                    .await?
            }
            Action::Disk(disk) => {
                disk.arm(&self.label).await?;
                // It dies with Shakedown, and the node with it.
                Vec::new()
            }
            Action::Hook(hook) => hook.arm(&self.label, journal.run_id(), environment)?,
            Action::Operation(operation) => {
                operation.arm(&self.label, journal.run_id(), environment)?;
                // It is not taken back.
                Vec::new()
            }
            Action::Cluster(cluster) => cluster.arm(&self.label, environment, journal).await?,
            Action::Agents(agents) => {
                agents.arm(&self.label, self.strength, journal).await?;
                // They undo it themselves, also when nobody is left to tell them.
                Vec::new()
            }
            Action::Service(service) => service.arm(&self.label, environment, journal).await?,
            Action::Stress(stress) => {
                stress.arm(&self.label, &self.targets)?;
                // They end with the thread that starts them.
                Vec::new()
            }
            Action::Link(link) => {
                link.arm(&self.label).await?;
                // It undoes itself when Shakedown ends.
                Vec::new()
            }
        };
        self.record(journal, &self.intent(undo))?;
        self.armed = Some(Armed {
            before,
            run_id: journal.run_id().to_string(),
        });
        Ok(())
    }

    /// Does it. The caller stamps the injection immediately before this call. A restart takes until the last target
    /// is ready again, a power cut until what was not synced is gone; the others return at once.
    ///
    /// # Errors
    /// When it is not armed, a target is gone, or the kernel refuses. It must be healed also then.
    pub async fn inject(&mut self, environment: &Environment) -> Result<(), FaultError> {
        if self.armed.is_none() {
            return Err(FaultError::NotArmed {
                fault: self.label.clone(),
            });
        }
        if !self.at_work {
            self.at_work = true;
            for name in self.touched() {
                environment.fault_begins(&name);
            }
        }
        let (label, targets, strength) = (&self.label, &self.targets, self.strength);
        match &mut self.action {
            Action::Kill(kill) => kill.inject(label, targets, environment, strength),
            Action::PowerCut(cut) => cut.inject(label, targets, environment, strength).await,
            Action::Freeze(freeze) => freeze.inject(label, targets, strength),
            Action::Restart(restart) => restart.inject(label, targets, environment, strength).await,
            Action::Hook(hook) => hook.inject(label, strength).await,
            Action::KillSwitch(kill) => {
                kill.inject(strength).await;
                Ok(())
            }
            Action::Operation(operation) => operation.inject(label, environment, strength).await,
            Action::Service(service) => service.inject(label, strength),
            Action::Cluster(cluster) => cluster.inject(label, strength).await,
            Action::Link(link) => link.inject(label, strength).await,
            Action::Agents(agents) => agents.inject(label).await,
            Action::Clock(clock) => clock.inject(label, targets, environment, strength).await,
            Action::Disk(disk) => disk.inject(label, strength).await,
            Action::Stress(stress) => stress.inject(label, targets, environment, strength).await,
            Action::Container(container) => {
                container
                    .inject(label, targets, environment, strength)
                    .await
            }
            Action::Group(group) => group.inject(label, targets, environment, strength).await,
        }
    }

    /// Names of the replicas that it acts on.
    fn touched(&self) -> Vec<String> {
        match &self.action {
            Action::Hook(hook) => hook.names(),
            Action::KillSwitch(_) => Vec::new(),
            Action::Operation(operation) => operation.touched(),
            Action::Cluster(cluster) => cluster.names(),
            Action::Link(link) => link.names(),
            Action::Agents(agents) => agents.names(),
            Action::Disk(disk) => disk.names(),
            Action::Service(service) => service.names(),
            Action::Kill(_)
            | Action::PowerCut(_)
            | Action::Freeze(_)
            | Action::Restart(_)
            | Action::Clock(_)
            | Action::Stress(_)
            | Action::Container(_)
            | Action::Group(_) => self
                .targets
                .iter()
                .map(|target| target.name.clone())
                .collect(),
        }
    }

    /// Takes it back, also when it was injected only in part, or when it was already healed. Returns when the
    /// processes run again; whether they serve again is for [`Prepared::confirm_clean`].
    ///
    /// # Errors
    /// When a target cannot be thawed or started.
    pub async fn heal(
        &mut self,
        environment: &Environment,
        journal: &Journal,
    ) -> Result<(), FaultError> {
        match &mut self.action {
            Action::Kill(kill) => kill.heal(&self.label, &self.targets, environment).await?,
            Action::PowerCut(cut) => cut.heal(&self.label, &self.targets, environment).await?,
            Action::Freeze(freeze) => freeze.heal(&self.label, &self.targets, journal).await?,
            Action::Restart(_) => Restart::heal(&self.label, &self.targets, environment).await?,
            Action::Hook(hook) => hook.heal(&self.label).await?,
            // It stays.
            Action::KillSwitch(_) | Action::Operation(_) => {}
            Action::Service(service) => service.heal(&self.label, journal).await?,
            Action::Cluster(cluster) => cluster.heal(&self.label).await?,
            Action::Container(container) => {
                container
                    .heal(&self.label, &self.targets, environment, journal)
                    .await?;
            }
            Action::Link(link) => link.heal(&self.label).await?,
            Action::Agents(agents) => agents.heal(&self.label).await?,
            Action::Stress(stress) => stress.heal(&self.label).await?,
            Action::Clock(clock) => {
                clock.heal(&self.label, &self.targets, environment).await?;
            }
            Action::Disk(disk) => disk.heal(&self.label, &self.targets, environment).await?,
            Action::Group(group) => {
                group
                    .heal(&self.label, &self.targets, environment, journal)
                    .await?;
            }
        }
        if self.at_work {
            self.at_work = false;
            for name in self.touched() {
                environment.fault_ends(&name);
            }
        }
        self.record(
            journal,
            &Entry::FaultHealed {
                fault: self.label.clone(),
            },
        )
    }

    fn intent(&self, undo: Vec<Undo>) -> Entry {
        let (kind, targets) = match &self.action {
            Action::Kill(_) => ("kill", self.labels()),
            Action::PowerCut(_) => ("power-cut", self.labels()),
            Action::Freeze(_) => ("freeze", self.labels()),
            Action::Restart(_) => ("restart", self.labels()),
            Action::Hook(hook) => ("hook", hook.names()),
            Action::KillSwitch(kill) => ("kill-switch", kill.names()),
            Action::Operation(operation) => (operation.name(), operation.touched()),
            Action::Link(link) => (link.name(), link.names()),
            Action::Agents(agents) => (agents.name(), agents.names()),
            Action::Clock(_) => ("clock-skew", self.labels()),
            Action::Disk(disk) => (disk.name(), disk.names()),
            Action::Service(service) => (service.name(), service.names()),
            Action::Container(container) => (container.name(), self.labels()),
            Action::Group(group) => (group.name(), self.labels()),
            Action::Cluster(cluster) => (cluster.name(), cluster.labels()),
            Action::Stress(_) => ("cpu", self.labels()),
        };
        Entry::FaultIntent {
            fault: self.label.clone(),
            kind: kind.to_string(),
            targets,
            undo,
        }
    }

    fn labels(&self) -> Vec<String> {
        self.targets.iter().map(Target::label).collect()
    }

    fn record(&self, journal: &Journal, entry: &Entry) -> Result<(), FaultError> {
        journal.record(entry).map_err(|source| FaultError::Journal {
            fault: self.label.clone(),
            source,
        })
    }
}

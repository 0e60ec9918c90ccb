//! Whatever is done to what a target sends and receives, by the mechanism that this run has for it.

use shakedown_record::fault::{Effect, FaultTarget, Firing};
use shakedown_scenarios::plan::FaultKind;
use tokio::time::Instant;

use super::aim::Aim;
use super::error::{FaultError, NotClean};
use super::link::Link;
use super::names::Names;
use super::slow::Slow;
use super::strength::Strength;
use crate::environment::{Environment, Means};

/// Ends with Shakedown by itself, whatever ends that: the kernel takes rules away with their owner's socket,
/// disciplines with the namespaces that only Shakedown holds, and userspace links with its process.
#[derive(Debug)]
pub(super) enum Wire {
    Rules(Link),
    Slow(Slow),
    Names(Names),
}

impl Wire {
    pub(super) fn new(
        firing: &Firing,
        kind: &FaultKind,
        aim: &Aim,
        environment: &Environment,
    ) -> Result<Wire, FaultError> {
        let label = firing.label();
        let means = environment.means(&firing.fault);
        match (kind, means) {
            (FaultKind::Dns, _) => Names::new(&label, aim, environment).map(Wire::Names),
            (FaultKind::Delay { .. } | FaultKind::Bandwidth { .. } | FaultKind::HalfOpen, _)
            | (_, Some(Means::Userspace { .. } | Means::Discipline(..))) => {
                Slow::new(firing, kind, aim, environment).map(Wire::Slow)
            }
            (_, Some(Means::Table) | None) => {
                Link::new(&label, kind, aim, environment).map(Wire::Rules)
            }
        }
    }

    /// For the journal.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Wire::Rules(_) => "link",
            Wire::Slow(slow) => slow.name(),
            Wire::Names(_) => "dns",
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Wire::Rules(link) => link.names(),
            Wire::Slow(slow) => slow.names(),
            Wire::Names(names) => names.names(),
        }
    }

    pub(super) fn targets(&self) -> Vec<FaultTarget> {
        match self {
            Wire::Rules(link) => link.targets(),
            Wire::Slow(slow) => slow.targets(),
            Wire::Names(names) => names.targets(),
        }
    }

    pub(super) fn mechanism(&self) -> String {
        match self {
            Wire::Rules(link) => link.mechanism(),
            Wire::Slow(slow) => slow.mechanism(),
            Wire::Names(names) => names.mechanism(),
        }
    }

    pub(super) async fn arm(&mut self, fault: &str) -> Result<(), FaultError> {
        match self {
            Wire::Rules(link) => link.arm(fault).await,
            Wire::Slow(slow) => slow.arm().await,
            Wire::Names(names) => names.arm(fault).await,
        }
    }

    pub(super) async fn inject(&self, fault: &str, strength: Strength) -> Result<(), FaultError> {
        match (self, strength) {
            (Wire::Rules(link), strength) => link.inject(fault, strength).await,
            (Wire::Slow(_) | Wire::Names(_), Strength::Blunt) => Ok(()),
            (Wire::Slow(slow), Strength::Full) => slow.inject().await,
            (Wire::Names(names), Strength::Full) => names.inject(fault).await,
        }
    }

    pub(super) async fn confirm(
        &self,
        fault: &str,
        environment: &Environment,
        until: Instant,
    ) -> Effect {
        match self {
            Wire::Rules(link) => link.confirm(fault, until).await,
            Wire::Slow(slow) => slow.confirm(environment, until).await,
            Wire::Names(names) => names.confirm(fault, until).await,
        }
    }

    pub(super) async fn heal(&mut self, fault: &str) -> Result<(), FaultError> {
        match self {
            Wire::Rules(link) => link.heal(fault).await,
            Wire::Slow(slow) => slow.heal().await,
            Wire::Names(names) => names.heal(fault).await,
        }
    }

    pub(super) async fn confirm_clean(&self, fault: &str) -> Result<(), NotClean> {
        match self {
            Wire::Rules(link) => link.confirm_clean(fault).await,
            Wire::Slow(slow) => slow.confirm_clean().await,
            Wire::Names(names) => names.confirm_clean(fault).await,
        }
    }
}

//! A failover split into what the platform did (noticed, put the pod elsewhere) and what the engine did (elected).
//!
//! Only what was heard of after the injection and before the next one counts, and only of the targets: their pods,
//! and the nodes on which these were when the fault struck.

use shakedown_record::fault::FaultTarget;
use shakedown_record::platform::{PlatformChange, PlatformStep};
use shakedown_record::split::{EngineShare, FailoverSplit, PlatformShare};

use crate::facts::RoleSeen;

/// Everything that a split is made of; moments are monotonic nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub targets: &'a [FaultTarget],
    /// By `at_mono_ns`.
    pub platform: &'a [PlatformChange],
    /// By `mono_ns`.
    pub roles: &'a [RoleSeen],
    pub injected_ns: u64,
    /// The next injection.
    pub until_ns: Option<u64>,
}

impl Told<'_> {
    /// The split; `None` where no platform told of the targets. The first acknowledgement is the caller's to add.
    pub fn split(&self) -> Option<FailoverSplit> {
        if !self.targets.iter().any(|target| self.is_told_of(target)) {
            return None;
        }
        Some(FailoverSplit {
            platform: self.platform_share(),
            engine: EngineShare {
                elected_s: self.elected_ns().map(|at| self.after_s(at)),
                first_ack_s: None,
            },
        })
    }

    /// The platform knows this target: as a replica, as a pod or as a node.
    fn is_told_of(&self, target: &FaultTarget) -> bool {
        let on_platform = ["pod ", "node "]
            .iter()
            .any(|kind| target.handle.starts_with(kind));
        let is_its = |change: &PlatformChange| change.replica.as_ref() == Some(&target.name);
        !self.platform.is_empty() && (on_platform || self.platform.iter().any(is_its))
    }

    fn platform_share(&self) -> PlatformShare {
        let at_s = |change: Option<&PlatformChange>| Some(self.after_s(change?.at_mono_ns));
        let rescheduled = self.first(|change| self.is_of_pod(change) && starts_anew(change.step));
        let not_ready = self.first(|change| self.is_of_target(change) && is_not_ready(change.step));
        let from_ns = rescheduled.or(not_ready).map(|change| change.at_mono_ns);
        let ready = self.first(|change| {
            let same = rescheduled.is_none_or(|other| other.replica == change.replica);
            let later = from_ns.is_some_and(|from| change.at_mono_ns >= from);
            change.step == PlatformStep::Ready && self.is_of_pod(change) && same && later
        });
        PlatformShare {
            detected_s: at_s(self.first(|it| self.is_of_target(it) && is_trouble(it.step))),
            not_ready_s: at_s(not_ready),
            rescheduled_s: at_s(rescheduled),
            rescheduled_how: rescheduled.map(how),
            ready_s: at_s(ready),
            blind: self.was_blind(),
        }
    }

    fn after_s(&self, mono_ns: u64) -> f64 {
        mono_ns.saturating_sub(self.injected_ns) as f64 / 1e9
    }

    fn counts(&self, mono_ns: u64) -> bool {
        mono_ns > self.injected_ns && self.until_ns.is_none_or(|until| mono_ns < until)
    }

    fn first(&self, is_it: impl Fn(&PlatformChange) -> bool) -> Option<&PlatformChange> {
        self.platform
            .iter()
            .find(|change| self.counts(change.at_mono_ns) && is_it(change))
    }

    fn is_of_target(&self, change: &PlatformChange) -> bool {
        self.is_of_pod(change) || self.is_of_node(change)
    }

    fn is_of_pod(&self, change: &PlatformChange) -> bool {
        let is_its = |target: &FaultTarget| change.replica.as_ref() == Some(&target.name);
        self.targets.iter().any(is_its)
    }

    /// Of a node on which a target was: as its handle says, or as its pod was put there before.
    fn is_of_node(&self, change: &PlatformChange) -> bool {
        let Some(node) = change.subject.strip_prefix("node ") else {
            return false;
        };
        let on_node = format!("on {node}");
        let is_its = |target: &FaultTarget| {
            let put = self.platform.iter().rev().find(|earlier| {
                earlier.at_mono_ns <= self.injected_ns
                    && earlier.step == PlatformStep::Scheduled
                    && earlier.replica.as_ref() == Some(&target.name)
            });
            target.handle == change.subject
                || target.handle.ends_with(&format!(" {on_node}"))
                || put.is_some_and(|put| put.detail.as_ref() == Some(&on_node))
        };
        self.targets.iter().any(is_its)
    }

    /// Nothing was heard of the platform for some time between the injection and the next one.
    fn was_blind(&self) -> bool {
        let mut blind = false;
        for change in self.platform {
            let before = change.at_mono_ns <= self.injected_ns;
            match change.step {
                PlatformStep::Blind if before => blind = true,
                PlatformStep::Sees if before => blind = false,
                PlatformStep::Blind if self.counts(change.at_mono_ns) => return true,
                _ => {}
            }
        }
        blind
    }

    /// When a replica was first seen with the role that a target had for itself.
    fn elected_ns(&self) -> Option<u64> {
        let (owner, role) = self.vacated()?;
        let before = self.last_before(owner);
        let mut term = before.and_then(|seen| seen.term);
        let mut had_lost_it = false;
        for seen in self.roles.iter().filter(|it| self.counts(it.mono_ns)) {
            let has_it = seen.role.as_deref() == Some(role);
            if seen.replica != owner {
                if has_it {
                    return Some(seen.mono_ns);
                }
                continue;
            }
            let is_later = matches!((term, seen.term), (Some(was), Some(is)) if is > was);
            if has_it && (had_lost_it || is_later) {
                return Some(seen.mono_ns);
            }
            had_lost_it |= !has_it;
            term = seen.term.or(term);
        }
        None
    }

    /// The first target that had a role which no other replica had, and that role.
    fn vacated(&self) -> Option<(&str, &str)> {
        let had = |replica: &str, role: &str| {
            let seen = self.last_before(replica);
            seen.is_some_and(|seen| seen.role.as_deref() == Some(role))
        };
        self.targets.iter().find_map(|target| {
            let role = target.role.as_deref()?;
            let mut others = self.roles.iter().map(|seen| seen.replica.as_str());
            let shared = others.any(|other| other != target.name && had(other, role));
            (!shared).then_some((target.name.as_str(), role))
        })
    }

    fn last_before(&self, replica: &str) -> Option<&RoleSeen> {
        let mut seen = self.roles.iter().rev();
        seen.find(|it| it.mono_ns <= self.injected_ns && it.replica == replica)
    }
}

fn how(change: &PlatformChange) -> String {
    match (&change.detail, change.step) {
        (Some(detail), PlatformStep::Scheduled) => format!("scheduled {detail}"),
        (_, PlatformStep::Scheduled) => "scheduled".to_string(),
        _ => "container started again in place".to_string(),
    }
}

/// A pod is put on a node, or its container runs again.
fn starts_anew(step: PlatformStep) -> bool {
    matches!(
        step,
        PlatformStep::Scheduled | PlatformStep::ContainerStarted
    )
}

fn is_not_ready(step: PlatformStep) -> bool {
    matches!(step, PlatformStep::NotReady | PlatformStep::NodeNotReady)
}

/// The platform has noticed that something is wrong. Marks such as taints follow from that, or are somebody's wish.
fn is_trouble(step: PlatformStep) -> bool {
    match step {
        PlatformStep::NotReady
        | PlatformStep::NodeNotReady
        | PlatformStep::ContainerEnded
        | PlatformStep::Terminating
        | PlatformStep::Deleted => true,
        PlatformStep::Created
        | PlatformStep::Scheduled
        | PlatformStep::Ready
        | PlatformStep::ContainerStarted
        | PlatformStep::ContainerWaits
        | PlatformStep::NodeReady
        | PlatformStep::Cordoned
        | PlatformStep::Uncordoned
        | PlatformStep::Tainted
        | PlatformStep::Untainted
        | PlatformStep::Rebooted
        | PlatformStep::Blind
        | PlatformStep::Sees => false,
    }
}

#[cfg(test)]
mod tests;

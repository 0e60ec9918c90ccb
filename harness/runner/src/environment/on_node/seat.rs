//! One container of an order: what runs of it now, and which container came in its place.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::agent::NearTarget;
use crate::environment::error::EnvironmentError;
use crate::mechanisms::net::{Netns, NetnsId};
use crate::mechanisms::pods::{
    ContainerId, Forbidden, NodePods, PodContainer, PodError, forbidden,
};
use crate::mechanisms::{ProcessHandle, ProcessState};

/// The place of one container in its pod. The pod, its address and its namespaces stay; the container in it changes
/// with every restart.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) about: NearTarget,
    pub(super) address: SocketAddr,
    /// What a container in this place is started with: what comes back in its place is started with the same.
    arguments: Vec<String>,
    netns: NetnsId,
    now: Mutex<Now>,
    /// Faults at work on it.
    faults: AtomicUsize,
}

#[derive(Debug)]
struct Now {
    process: ProcessHandle,
    /// Containers of the pod that are or were there: none of them is a new one.
    known: BTreeSet<String>,
}

/// Why a container of an order cannot be acted on.
#[derive(Debug, thiserror::Error)]
pub enum SeatError {
    #[error(transparent)]
    Pod(#[from] PodError),
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
}

impl Seat {
    /// Finds the container and pins its main process.
    pub(super) fn find(about: &NearTarget, pods: &NodePods) -> Result<(Seat, Netns), SeatError> {
        let id = ContainerId::of(&about.container_id);
        let found = pods.container(&about.pod_uid, &id)?;
        let netns = forbidden(&found)?;
        let seat = Seat {
            about: about.clone(),
            address: SocketAddr::from((about.ip, about.port)),
            arguments: found.arguments,
            netns: netns.id(),
            now: Mutex::new(Now {
                process: found.main,
                known: pods.in_pod(&about.pod_uid),
            }),
            faults: AtomicUsize::new(0),
        };
        Ok((seat, netns))
    }

    /// The latest main process that is known.
    pub(super) fn latest(&self) -> ProcessHandle {
        self.now().process.clone()
    }

    /// Its main process, if it runs. What came in the place of one that has ended is taken in first.
    pub(super) fn process(&self) -> Option<ProcessHandle> {
        if let Err(error) = self.take_in() {
            tracing::warn!("{}: {error}", self.about.replica);
        }
        let process = self.latest();
        // A process that cannot be looked at cannot be acted on.
        let ended = process.has_exited().unwrap_or(true);
        (!ended).then_some(process)
    }

    pub(super) fn state(&self) -> ProcessState {
        let Some(process) = self.process() else {
            return ProcessState::Exited;
        };
        process.state().unwrap_or_else(|error| {
            tracing::warn!("{}: {error}", self.about.replica);
            ProcessState::Exited
        })
    }

    /// Looks for a container that came in the place of one that has ended.
    ///
    /// # Errors
    /// When it came back in another network namespace, or `/proc` cannot be read.
    pub(super) fn take_in(&self) -> Result<(), EnvironmentError> {
        if !self.latest().has_exited().unwrap_or(true) {
            return Ok(());
        }
        let failed = |why: String| EnvironmentError::Pods(format!("{}: {why}", self.label()));
        let pods = NodePods::look().map_err(|error| failed(error.to_string()))?;
        let uid = &self.about.pod_uid;
        let known = self.now().known.clone();
        for id in pods.in_pod(uid).difference(&known) {
            let Ok(found) = pods.container(uid, &ContainerId::of(id)) else {
                continue;
            };
            if self.is_it(&found) {
                return self.adopt(found).map_err(failed);
            }
        }
        Ok(())
    }

    /// Another container of the pod may be started at the same moment; and the runtime's own process stands in for a
    /// container until it becomes the container's program.
    fn is_it(&self, found: &PodContainer) -> bool {
        found.arguments == self.arguments
    }

    fn adopt(&self, found: PodContainer) -> Result<(), String> {
        let netns = Netns::of_process(&found.main).map_err(|error| error.to_string())?;
        match netns {
            // It has ended again.
            None => return Ok(()),
            Some(netns) if netns.id() == self.netns => {}
            Some(netns) => {
                return Err(format!(
                    "it came back in another network namespace ({} after {}): its pod was made anew",
                    netns.id(),
                    self.netns
                ));
            }
        }
        let mut now = self.now();
        now.known.insert(found.path.container_id);
        now.process = found.main;
        Ok(())
    }

    pub(super) fn fault_begins(&self) {
        self.faults.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn fault_ends(&self) {
        self.faults.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn is_explained(&self) -> bool {
        self.faults.load(Ordering::SeqCst) > 0
    }

    /// For people: `engine-1 (container engine of pod engine-0)`.
    pub(super) fn label(&self) -> String {
        let NearTarget {
            replica,
            container,
            pod,
            ..
        } = &self.about;
        format!("{replica} (container {container} of pod {pod})")
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What is seen of pods and nodes while a run goes on: kept up to date by the observer, asked by everybody else.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use shakedown_record::event::Event;

use super::slots::Slots;
use super::target::Place;
use super::told;
use crate::environment::address_book::AddressBook;
use crate::mechanisms::kubernetes::look::PodLook;
use crate::mechanisms::kubernetes::transition::Happened;
use crate::mechanisms::kubernetes::{Subject, Transition, Watch};

#[derive(Debug, Clone)]
pub(super) struct PartOfPods {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) container: String,
    pub(super) port: u16,
}

/// What the observer shares with everybody else.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) watch: Watch,
    pub(super) book: AddressBook,
    /// By part.
    pub(super) slots: Mutex<BTreeMap<String, Slots>>,
    /// For the timeline; taken away by the run.
    pub(super) events: Mutex<Vec<Event>>,
    /// Ends of containers that no fault explains, and nobody has been told of.
    pub(super) untold: Mutex<Vec<(String, String)>>,
    /// Faults at work, by replica.
    pub(super) faults: BTreeMap<String, AtomicUsize>,
}

impl Seen {
    pub(super) fn take_in(&self, transition: &Transition, parts: &BTreeMap<String, PartOfPods>) {
        self.follow(parts);
        let replica = match &transition.subject {
            Subject::Pod { uid, name, .. } => self.replica_of(uid, name),
            Subject::Node { .. } | Subject::Watch => None,
        };
        let strange = match &transition.subject {
            Subject::Pod { .. } => replica.is_none(),
            Subject::Node { .. } | Subject::Watch => false,
        };
        if strange {
            return;
        }
        if let (
            Happened::ContainerEnded {
                reason,
                exit_code,
                container,
                ..
            },
            Some(replica),
        ) = (&transition.what, &replica)
            && !self.is_explained(replica)
            && !self.is_going(&transition.subject)
        {
            let how = format!("container {container} ended ({reason}, exit code {exit_code})");
            lock(&self.untold).push((replica.clone(), how));
        }
        lock(&self.events).push(told::event(transition, replica.as_deref()));
    }

    /// Brings places and addresses up to what the watch knows.
    pub(super) fn follow(&self, parts: &BTreeMap<String, PartOfPods>) {
        let state = self.watch.state();
        let mut slots = lock(&self.slots);
        for (name, of_part) in parts {
            let Some(slots) = slots.get_mut(name) else {
                continue;
            };
            let pods: Vec<&PodLook> = state
                .pods
                .values()
                .filter(|pod| carries(pod, &of_part.labels))
                .collect();
            slots.assign(&pods);
            for replica in slots.replicas() {
                let pod = slots.pod_of(replica);
                let pod = pod.and_then(|(_, uid)| pods.iter().find(|it| it.uid == uid));
                self.book.set(replica, pod.and_then(|pod| pod.ip));
            }
        }
    }

    /// The replica that a pod is, or was a moment ago under this name.
    pub(super) fn replica_of(&self, uid: &str, name: &str) -> Option<String> {
        let slots = lock(&self.slots);
        let by_uid = slots.values().find_map(|it| it.replica_of(uid));
        let by_name = || slots.values().find_map(|it| it.replica_named(name));
        by_uid.or_else(by_name).map(str::to_string)
    }

    pub(super) fn place(&self, name: &str, parts: &BTreeMap<String, PartOfPods>) -> Option<Place> {
        let (part, _) = name.rsplit_once('-')?;
        let of_part = parts.get(part)?;
        let (pod, uid) = {
            let slots = lock(&self.slots);
            let (pod, uid) = slots.get(part)?.pod_of(name)?;
            (pod.to_string(), uid.to_string())
        };
        let pod = self.watch.state().pods.get(&pod).cloned();
        Some(Place {
            replica: name.to_string(),
            pod: pod.filter(|pod| pod.uid == uid)?,
            container: of_part.container.clone(),
            port: of_part.port,
        })
    }

    /// Somebody has asked for the pod's end.
    pub(super) fn is_going(&self, subject: &Subject) -> bool {
        let Subject::Pod { name, uid, .. } = subject else {
            return false;
        };
        let pod = self.watch.state().pods.get(name).cloned();
        pod.is_none_or(|pod| pod.uid != *uid || pod.terminating_since.is_some())
    }

    pub(super) fn is_explained(&self, name: &str) -> bool {
        let count = self.faults.get(name);
        count.is_some_and(|count| count.load(Ordering::SeqCst) > 0)
    }
}

pub(super) fn carries(pod: &PodLook, labels: &BTreeMap<String, String>) -> bool {
    let has = |(key, value): (&String, &String)| pod.labels.get(key) == Some(value);
    labels.iter().all(has)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

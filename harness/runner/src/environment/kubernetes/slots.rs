//! Which pod is which replica.
//!
//! Replicas have names that stay (`engine-1`); pods come and go. A pod that comes back under its old name (a stateful
//! set's) is the same replica; any other new pod takes the place of one that is gone or going, the oldest first.

use crate::mechanisms::kubernetes::look::{Phase, PodLook};

/// The places of a part, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    replica: String,
    /// Name and UID of the pod that has it, or had it last.
    pod: Option<(String, String)>,
}

/// A replica that is another pod than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub replica: String,
    /// Name of the pod.
    pub pod: String,
}

impl Slots {
    /// Places for the replicas of a part, all free.
    pub fn new(part: &str, replicas: usize) -> Slots {
        let slot = |number| Slot {
            replica: format!("{part}-{number}"),
            pod: None,
        };
        Slots {
            slots: (1..=replicas).map(slot).collect(),
        }
    }

    /// Fits the pods of this moment into the places; returns the replicas that are another pod now.
    pub fn assign(&mut self, pods: &[&PodLook]) -> Vec<Moved> {
        let mut alive: Vec<&PodLook> = pods.iter().copied().filter(|pod| serves(pod)).collect();
        alive.sort_by(|a, b| (&a.created_at, &a.name).cmp(&(&b.created_at, &b.name)));
        let mut free: Vec<&PodLook> = Vec::new();
        let mut taken = vec![false; self.slots.len()];
        let mut moved = Vec::new();
        for pod in alive {
            let by_name =
                |slot: &Slot| slot.pod.as_ref().is_some_and(|(name, _)| *name == pod.name);
            match self.slots.iter().position(by_name) {
                Some(at) => {
                    moved.extend(self.put(at, pod));
                    taken[at] = pod.terminating_since.is_none();
                }
                None if pod.terminating_since.is_none() => free.push(pod),
                None => {}
            }
        }
        // Names count at the very start: engine-0 is the first replica.
        if self.slots.iter().all(|slot| slot.pod.is_none()) {
            free.sort_by(|a, b| in_order(&a.name).cmp(&in_order(&b.name)));
        }
        let open = (0..self.slots.len()).filter(|at| !taken[*at]);
        let pairs: Vec<(usize, &PodLook)> = open.zip(free).collect();
        for (at, pod) in pairs {
            moved.extend(self.put(at, pod));
        }
        moved
    }

    fn put(&mut self, at: usize, pod: &PodLook) -> Option<Moved> {
        let slot = &mut self.slots[at];
        let new = Some((pod.name.clone(), pod.uid.clone()));
        if slot.pod == new {
            return None;
        }
        slot.pod = new;
        Some(Moved {
            replica: slot.replica.clone(),
            pod: pod.name.clone(),
        })
    }

    /// Name and UID of the pod that is a replica, or was it last.
    pub fn pod_of(&self, replica: &str) -> Option<(&str, &str)> {
        let slot = self.slots.iter().find(|slot| slot.replica == replica)?;
        let (name, uid) = slot.pod.as_ref()?;
        Some((name, uid))
    }

    /// The replica that a pod is.
    pub fn replica_of(&self, uid: &str) -> Option<&str> {
        let has = |slot: &&Slot| slot.pod.as_ref().is_some_and(|(_, known)| known == uid);
        self.slots
            .iter()
            .find(has)
            .map(|slot| slot.replica.as_str())
    }

    /// The replica that has or had a pod of this name last.
    pub fn replica_named(&self, pod: &str) -> Option<&str> {
        let has = |slot: &&Slot| slot.pod.as_ref().is_some_and(|(known, _)| known == pod);
        let slot = self.slots.iter().find(has);
        slot.map(|slot| slot.replica.as_str())
    }

    /// Names of all replicas, in order.
    pub fn replicas(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|slot| slot.replica.as_str())
    }
}

/// A pod that has ended for good will not serve again, whatever its name.
fn serves(pod: &PodLook) -> bool {
    match pod.phase {
        Phase::Failed | Phase::Succeeded => false,
        Phase::Pending | Phase::Running | Phase::Unknown => true,
    }
}

/// `engine-10` comes after `engine-9`.
fn in_order(name: &str) -> (&str, u64, &str) {
    let split = name.rsplit_once('-');
    match split.and_then(|(stem, number)| Some((stem, number.parse::<u64>().ok()?))) {
        Some((stem, number)) => (stem, number, ""),
        None => (name, 0, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, uid: &str) -> PodLook {
        PodLook {
            name: name.to_string(),
            namespace: "n".to_string(),
            uid: uid.to_string(),
            node: None,
            ip: None,
            labels: Default::default(),
            owner: None,
            ready: true,
            ready_since: None,
            phase: Phase::Running,
            reason: None,
            created_at: Some(jiff::Timestamp::UNIX_EPOCH),
            scheduled_at: None,
            terminating_since: None,
            grace_s: None,
            host_network: false,
            mirror: false,
            containers: Vec::new(),
        }
    }

    fn names(slots: &Slots) -> Vec<&str> {
        let of = |number: usize| slots.pod_of(&format!("engine-{number}"));
        (1..=slots.slots.len())
            .map(|number| of(number).map_or("-", |(name, _)| name))
            .collect()
    }

    fn assign(slots: &mut Slots, pods: &[PodLook]) -> usize {
        let all: Vec<&PodLook> = pods.iter().collect();
        slots.assign(&all).len()
    }

    #[test]
    fn pods_of_a_stateful_set_keep_their_places() {
        let mut slots = Slots::new("engine", 3);
        let all = [pod("e-2", "c"), pod("e-10", "x"), pod("e-1", "b")];
        assert_eq!(assign(&mut slots, &all), 3);
        assert_eq!(names(&slots), ["e-1", "e-2", "e-10"]);
        assert_eq!(assign(&mut slots, &all), 0);
        let without = [pod("e-2", "c"), pod("e-10", "x")];
        assert_eq!(assign(&mut slots, &without), 0);
        assert_eq!(slots.pod_of("engine-1"), Some(("e-1", "b")));
        let again = [pod("e-2", "c"), pod("e-10", "x"), pod("e-1", "new")];
        assert_eq!(assign(&mut slots, &again), 1);
        assert_eq!(slots.pod_of("engine-1"), Some(("e-1", "new")));
        assert_eq!(slots.replica_of("new"), Some("engine-1"));
        assert_eq!(slots.replica_of("b"), None);
    }

    #[test]
    fn a_new_pod_of_a_deployment_takes_the_place_of_one_that_is_gone_or_going() {
        let mut slots = Slots::new("engine", 2);
        assign(&mut slots, &[pod("d-aa", "a"), pod("d-bb", "b")]);
        let surge = [pod("d-aa", "a"), pod("d-bb", "b"), pod("d-cc", "c")];
        assert_eq!(assign(&mut slots, &surge), 0);
        let mut going = surge.clone();
        going[1].terminating_since = going[1].created_at;
        assert_eq!(assign(&mut slots, &going), 1);
        assert_eq!(names(&slots), ["d-aa", "d-cc"]);
        let mut failed = [pod("d-aa", "a"), pod("d-cc", "c"), pod("d-dd", "d")];
        failed[0].phase = Phase::Failed;
        assert_eq!(assign(&mut slots, &failed), 1);
        assert_eq!(names(&slots), ["d-dd", "d-cc"]);
    }

    #[test]
    fn one_that_is_going_keeps_its_place_while_nobody_comes() {
        let mut slots = Slots::new("engine", 1);
        let mut only = pod("d-aa", "a");
        assign(&mut slots, std::slice::from_ref(&only));
        only.terminating_since = only.created_at;
        assert_eq!(assign(&mut slots, &[only]), 0);
        assert_eq!(names(&slots), ["d-aa"]);
    }
}

//! What the runner's account needs to have guests that knock.

use shakedown_scenarios::plan::KubernetesPlan;
use shakedown_scenarios::plan::isolation::{DoorAt, Guest, IsolationRule};

use crate::mechanisms::kubernetes::Right;

/// To make guests, to find their pods, to talk with them, to remove them, and to find services. Their names are the run's.
pub(crate) fn rights(wall: &IsolationRule, cluster: &KubernetesPlan) -> Vec<Right> {
    let mut all = Vec::new();
    for guest in Guest::BOTH {
        let namespace = wall.guest(guest).namespace(cluster);
        let of = |group: &str, resource: &str, verb: &str| {
            Right::namespaced(group, resource, verb, namespace)
        };
        all.extend([
            of("batch", "jobs", "create"),
            of("batch", "jobs", "get"),
            of("batch", "jobs", "delete"),
            of("", "pods", "list"),
            of("", "pods", "get").part("exec"),
            of("", "pods", "create").part("exec"),
        ]);
    }
    for door in [&wall.to, &wall.control] {
        if let DoorAt::Service {
            namespace, name, ..
        } = &door.at
        {
            let namespace = namespace.as_deref().unwrap_or(&cluster.namespace);
            all.push(Right::namespaced("", "services", "get", namespace).named(name));
        }
    }
    let mut once: Vec<Right> = Vec::new();
    for right in all {
        if !once.contains(&right) {
            once.push(right);
        }
    }
    once
}

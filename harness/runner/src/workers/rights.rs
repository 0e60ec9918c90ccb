//! What the runner's account needs to have workers in a cluster.

use shakedown_scenarios::plan::AgentPlan;

use crate::mechanisms::kubernetes::Right;

/// To make their Job, to find its pods, to talk with them, and to remove it. Its name is the run's.
pub(crate) fn rights(agent: &AgentPlan) -> Vec<Right> {
    let of = |group: &str, resource: &str, verb: &str| {
        Right::namespaced(group, resource, verb, &agent.namespace)
    };
    vec![
        of("batch", "jobs", "create"),
        of("batch", "jobs", "get"),
        of("batch", "jobs", "delete"),
        of("", "pods", "list"),
        of("", "pods", "get").part("exec"),
        of("", "pods", "create").part("exec"),
    ]
}

//! What a guest is: a Job with one pod, which stands by until somebody knocks through it. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, PodReadinessGate, PodSpec, Toleration};
use shakedown_scenarios::plan::AgentPlan;
use shakedown_scenarios::plan::isolation::{GUEST_LABEL, GuestPlan};

use crate::drill::RUN_LABEL;
use crate::mechanisms::kubernetes::shape::{self, Lasting};

/// The container through which it is knocked.
pub(super) const CONTAINER: &str = "guest";

/// For coming and going, beside the run itself.
const AROUND_S: u64 = 900;

/// So long the Job is still to be seen when nobody has taken it away.
const SEEN_AFTER_S: i32 = 60;

/// It takes nothing back: it may end at once.
const GRACE_S: i64 = 1;

/// Pods that take the place of one that was lost.
const REPLACED: i32 = 20;

/// A node that does not answer holds it no longer than this.
const LOST_AFTER_S: i64 = 2;

/// A condition that nobody ever sets: the pod is never ready.
const NEVER: &str = "shakedown.dev/never-ready";

/// What decides what a guest is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Of the Job, and by which its pods are found.
    pub name: &'a str,
    pub run_id: &'a str,
    /// The longest that the run may last.
    pub longest_s: u64,
    pub guest: &'a GuestPlan,
    pub agent: &'a AgentPlan,
}

/// The Job. As its pods have an owner, no workload whose labels they have takes them for its own.
pub(super) fn job(of: Wanted<'_>) -> Job {
    let lasting = Lasting {
        at_most_s: of.longest_s.saturating_add(AROUND_S),
        seen_after_s: SEEN_AFTER_S,
    };
    let rules = JobSpec {
        backoff_limit: Some(REPLACED),
        ..JobSpec::default()
    };
    shape::job(of.name, &labels(of), lasting, pod(of.agent), rules)
}

/// The pods of a guest.
pub(super) fn selector(name: &str) -> String {
    format!("{GUEST_LABEL}={name}")
}

/// Those of the rule, and ours over them.
fn labels(of: Wanted<'_>) -> BTreeMap<String, String> {
    let mut labels = of.guest.labels.clone();
    labels.insert(GUEST_LABEL.to_string(), of.name.to_string());
    labels.insert(RUN_LABEL.to_string(), of.run_id.to_string());
    labels
}

fn pod(agent: &AgentPlan) -> PodSpec {
    let leaves = |key: &str| Toleration {
        key: Some(key.to_string()),
        operator: Some("Exists".to_string()),
        effect: Some("NoExecute".to_string()),
        toleration_seconds: Some(LOST_AFTER_S),
        ..Toleration::default()
    };
    PodSpec {
        // It asks the API for nothing.
        automount_service_account_token: Some(false),
        readiness_gates: Some(vec![PodReadinessGate {
            condition_type: NEVER.to_string(),
        }]),
        tolerations: Some(vec![
            leaves("node.kubernetes.io/not-ready"),
            leaves("node.kubernetes.io/unreachable"),
        ]),
        ..shape::pod(GRACE_S, vec![container(agent)], Vec::new())
    }
}

fn container(agent: &AgentPlan) -> Container {
    Container {
        name: CONTAINER.to_string(),
        args: Some(vec!["worker".to_string(), "--stand-by".to_string()]),
        resources: Some(shape::room("10m", "24Mi")),
        ..shape::container(&agent.image)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn made(labels: &[(&str, &str)]) -> Value {
        let labels = labels.iter();
        let guest = GuestPlan {
            labels: labels
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect(),
            namespace: None,
        };
        let agent = AgentPlan {
            image: "registry/shakedown:1".to_string(),
            namespace: "agents".to_string(),
            service_account: "agent".to_string(),
        };
        serde_json::to_value(job(Wanted {
            name: "shakedown-1-walls-intruder",
            run_id: "run-1",
            longest_s: 100,
            guest: &guest,
            agent: &agent,
        }))
        .unwrap()
    }

    #[test]
    fn a_guest_has_the_labels_of_the_rule_and_is_found_by_ours() {
        let job = made(&[("app", "stranger"), ("shakedown.dev/run", "another")]);
        let labels = &job["spec"]["template"]["metadata"]["labels"];
        assert_eq!(labels["app"], "stranger");
        assert_eq!(labels["shakedown.dev/run"], "run-1");
        assert_eq!(labels[GUEST_LABEL], "shakedown-1-walls-intruder");
        assert_eq!(job["metadata"]["labels"]["shakedown.dev/run"], "run-1");
        assert_eq!(selector("x"), "shakedown.dev/guest=x");
    }

    #[test]
    fn a_guest_is_never_ready_and_ends_by_itself() {
        let job = made(&[]);
        let spec = &job["spec"];
        assert_eq!(spec["activeDeadlineSeconds"], 1000);
        assert_eq!(spec["backoffLimit"], 20);
        let pod = &spec["template"]["spec"];
        assert_eq!(pod["readinessGates"], json!([{"conditionType": NEVER}]));
        assert_eq!(pod["tolerations"][0]["tolerationSeconds"], 2);
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        let container = &pod["containers"][0];
        assert_eq!(container["args"], json!(["worker", "--stand-by"]));
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    }
}

//! The Job of the workers: one pod for each, numbered, spread over the nodes. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, TopologySpreadConstraint};
use shakedown_scenarios::plan::{AgentPlan, KubernetesPlan};

use crate::drill::RUN_LABEL;
use crate::mechanisms::kubernetes::shape::{self, Lasting};

/// The container in which a worker works.
pub(super) const CONTAINER: &str = "worker";

/// Where its ledger lies, for as long as its pod lives.
pub(super) const FOLDER: &str = "/worker";

/// Which of them a pod is: Kubernetes' own label (1.28 and later).
pub(super) const INDEX_LABEL: &str = "batch.kubernetes.io/job-completion-index";

/// For coming and going, beside the load itself.
const AROUND_S: u64 = 900;

/// So long the Job is still to be seen when nobody has taken it away.
const SEEN_AFTER_S: i32 = 600;

/// A worker takes nothing back: it may end at once.
const GRACE_S: i64 = 2;

/// What decides what the Job is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub name: &'a str,
    pub run_id: &'a str,
    pub workers: u32,
    /// The longest that the run may last.
    pub longest_s: u64,
    pub cluster: &'a KubernetesPlan,
    pub agent: &'a AgentPlan,
}

/// What the objects of a run's workers are called.
pub(super) fn name_of(run_id: &str) -> String {
    let fits = |c: char| match c {
        'a'..='z' | '0'..='9' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        _ => '-',
    };
    let id: String = run_id.chars().map(fits).take(40).collect();
    format!("shakedown-workers-{}", id.trim_matches('-'))
}

/// The Job. Its pods wait until a worker is started in them by `exec`: what goes over that is written to no log.
pub(super) fn job(of: Wanted<'_>) -> Job {
    let workers = i32::try_from(of.workers).ok();
    let lasting = Lasting {
        at_most_s: of.longest_s.saturating_add(AROUND_S),
        seen_after_s: SEEN_AFTER_S,
    };
    let rules = JobSpec {
        completion_mode: Some("Indexed".to_string()),
        completions: workers,
        parallelism: workers,
        // One that is gone makes the run inconclusive; another in its place would know nothing. The others end in order:
        // a Job that fails as a whole would take their pods away.
        backoff_limit_per_index: Some(0),
        ..JobSpec::default()
    };
    shape::job(of.name, &labels(of), lasting, pod(of), rules)
}

/// The pods of a run's workers.
pub(super) fn selector(run_id: &str) -> String {
    format!("app.kubernetes.io/name=shakedown-worker,{RUN_LABEL}={run_id}")
}

fn labels(of: Wanted<'_>) -> BTreeMap<String, String> {
    shape::labels("shakedown-worker", (RUN_LABEL, of.run_id))
}

fn pod(of: Wanted<'_>) -> PodSpec {
    let parts = of.cluster.parts.values();
    let system = parts.map(|part| (&part.labels, of.cluster.namespace.as_str()));
    PodSpec {
        // It asks the API for nothing.
        automount_service_account_token: Some(false),
        topology_spread_constraints: Some(vec![TopologySpreadConstraint {
            max_skew: 1,
            topology_key: "kubernetes.io/hostname".to_string(),
            when_unsatisfiable: "ScheduleAnyway".to_string(),
            label_selector: Some(shape::selector(&labels(of))),
            ..TopologySpreadConstraint::default()
        }]),
        // Where the system is not, if there is such a node.
        affinity: Some(shape::away_from(system, false)),
        ..shape::pod(
            GRACE_S,
            vec![container(of.agent)],
            vec![shape::folder("worker")],
        )
    }
}

fn container(agent: &AgentPlan) -> Container {
    Container {
        name: CONTAINER.to_string(),
        args: Some(vec!["worker".to_string(), "--stand-by".to_string()]),
        resources: Some(shape::room("250m", "128Mi")),
        volume_mounts: Some(vec![shape::mount("worker", FOLDER)]),
        ..shape::container(&agent.image)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shakedown_scenarios::plan::{KubernetesEntry, KubernetesPart, NodeCommands};

    use super::*;

    fn made() -> Value {
        let labels = BTreeMap::from([("app".to_string(), "engine".to_string())]);
        let part = KubernetesPart {
            labels,
            container: None,
            port: 8080,
        };
        let agent = AgentPlan {
            image: "registry/shakedown:1".to_string(),
            namespace: "agents".to_string(),
            service_account: "agent".to_string(),
        };
        let cluster = KubernetesPlan {
            context: None,
            namespace: "stg".to_string(),
            parts: BTreeMap::from([("engine".to_string(), part)]),
            entry: KubernetesEntry::Urls(Vec::new()),
            nodes: NodeCommands::default(),
            api_server: None,
            agent: Some(agent.clone()),
            drills: "drills".to_string(),
            cluster_uids: Vec::new(),
            not_production: Vec::new(),
        };
        let name = name_of("2026-11-22T10-00-00Z-Leader_kill");
        serde_json::to_value(job(Wanted {
            name: &name,
            run_id: "2026-11-22T10-00-00Z-Leader_kill",
            workers: 4,
            longest_s: 120,
            cluster: &cluster,
            agent: &agent,
        }))
        .unwrap()
    }

    #[test]
    fn one_numbered_pod_for_each_worker_tried_once() {
        let job = made();
        assert_eq!(
            job["metadata"]["name"],
            "shakedown-workers-2026-11-22t10-00-00z-leader-kill"
        );
        let spec = &job["spec"];
        assert_eq!(spec["completionMode"], "Indexed");
        assert_eq!(
            (&spec["completions"], &spec["parallelism"]),
            (&json!(4), &json!(4))
        );
        assert_eq!(spec["backoffLimitPerIndex"], 0);
        assert!(spec["backoffLimit"].is_null(), "the others go on");
        assert_eq!(spec["activeDeadlineSeconds"], 1020);
        assert_eq!(spec["template"]["spec"]["restartPolicy"], "Never");
    }

    #[test]
    fn they_are_spread_over_nodes_and_away_from_the_system() {
        let job = made();
        let pod = &job["spec"]["template"]["spec"];
        let spread = &pod["topologySpreadConstraints"][0];
        assert_eq!(spread["topologyKey"], "kubernetes.io/hostname");
        assert_eq!(spread["whenUnsatisfiable"], "ScheduleAnyway");
        let labels = &job["spec"]["template"]["metadata"]["labels"];
        assert_eq!(&spread["labelSelector"]["matchLabels"], labels);
        let away =
            &pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"];
        let term = &away[0]["podAffinityTerm"];
        assert_eq!(term["labelSelector"]["matchLabels"]["app"], "engine");
        assert_eq!(term["namespaces"], json!(["stg"]));
    }

    #[test]
    fn they_may_do_nothing_and_have_no_account() {
        let job = made();
        let pod = &job["spec"]["template"]["spec"];
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        let container = &pod["containers"][0];
        let context = &container["securityContext"];
        assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert!(container["resources"]["limits"].is_null(), "{container}");
        assert!(
            container["env"].is_null(),
            "nothing is told by the manifest"
        );
    }
}

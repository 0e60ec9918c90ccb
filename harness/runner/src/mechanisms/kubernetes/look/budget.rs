//! Who limits disruptions, and who changes numbers of replicas by itself.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::{Deserialize, Serialize};

use super::pod::Owner;
use super::values::selector;
use super::workload::WorkloadKind;

/// A disruption budget at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BudgetLook {
    pub name: String,
    pub namespace: String,
    /// Which pods it protects, as a query. Empty is all of its namespace.
    pub selector: String,
    /// Evictions that it would allow now.
    pub disruptions_allowed: u32,
    pub current_healthy: u32,
    pub desired_healthy: u32,
    pub expected_pods: u32,
    /// Its controller has acted upon its latest change.
    pub up_to_date: bool,
}

impl BudgetLook {
    pub fn of(it: &PodDisruptionBudget) -> Option<BudgetLook> {
        let (meta, spec) = (&it.metadata, it.spec.clone().unwrap_or_default());
        let status = it.status.clone().unwrap_or_default();
        let count = |number: i32| u32::try_from(number).unwrap_or(0);
        Some(BudgetLook {
            name: meta.name.clone()?,
            namespace: meta.namespace.clone().unwrap_or_default(),
            selector: spec.selector.as_ref().map(selector).unwrap_or_default(),
            disruptions_allowed: count(status.disruptions_allowed),
            current_healthy: count(status.current_healthy),
            desired_healthy: count(status.desired_healthy),
            expected_pods: count(status.expected_pods),
            up_to_date: status.observed_generation >= meta.generation,
        })
    }
}

/// A horizontal autoscaler at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScalerLook {
    pub name: String,
    pub namespace: String,
    /// Who made it, such as a ScaledObject of KEDA's.
    pub owner: Option<Owner>,
    /// `None` for a kind of object that is not known here.
    pub target_kind: Option<WorkloadKind>,
    pub target_name: String,
    pub min: u32,
    pub max: u32,
    pub current: u32,
}

impl ScalerLook {
    pub fn of(it: &HorizontalPodAutoscaler) -> Option<ScalerLook> {
        let (meta, spec) = (&it.metadata, it.spec.as_ref()?);
        let current = it.status.as_ref().and_then(|it| it.current_replicas);
        let count = |number: Option<i32>| number.and_then(|it| u32::try_from(it).ok());
        Some(ScalerLook {
            name: meta.name.clone()?,
            namespace: meta.namespace.clone().unwrap_or_default(),
            owner: Owner::of(meta.owner_references.as_ref()),
            target_kind: WorkloadKind::of_owner(&spec.scale_target_ref.kind),
            target_name: spec.scale_target_ref.name.clone(),
            min: count(spec.min_replicas).unwrap_or(1),
            max: count(Some(spec.max_replicas)).unwrap_or(0),
            current: count(current).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_and_scalers_are_read() {
        let text = r#"{"metadata":{"name":"engine","namespace":"stg","generation":2},
            "spec":{"minAvailable":2,"selector":{"matchLabels":{"app":"engine"}}},
            "status":{"currentHealthy":3,"desiredHealthy":2,"disruptionsAllowed":1,"expectedPods":3,"observedGeneration":1}}"#;
        let budget = BudgetLook::of(&serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!((budget.disruptions_allowed, budget.desired_healthy), (1, 2));
        assert!(!budget.up_to_date && budget.selector == "app=engine");
        let text = r#"{"metadata":{"name":"gate","namespace":"stg"},"spec":{"maxReplicas":5,
            "scaleTargetRef":{"kind":"Deployment","name":"gate"}},"status":{"currentReplicas":2,"desiredReplicas":2}}"#;
        let scaler = ScalerLook::of(&serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!((scaler.min, scaler.max, scaler.current), (1, 5, 2));
        assert_eq!(
            (scaler.target_kind, scaler.target_name.as_str()),
            (Some(WorkloadKind::Deployment), "gate")
        );
    }
}

//! Who would undo an operation at once: an autoscaler, somebody who keeps objects as a repository says, or a controller
//! that owns the workload. A fault that is undone proves nothing.

use std::collections::BTreeMap;

use shakedown_scenarios::plan::ClusterKind;

use crate::mechanisms::kubernetes::look::{Keeper, ScalerLook, WorkloadLook};
use crate::mechanisms::kubernetes::{Cluster, ClusterError};

/// True for what others would take back. A pod that is gone is not brought back, and a mark on a template is no
/// difference to a repository that does not mention it.
pub fn may_be_undone(kind: &ClusterKind) -> bool {
    match kind {
        ClusterKind::RollingUpdate { image: Some(_) }
        | ClusterKind::Rollback
        | ClusterKind::Scale { .. }
        | ClusterKind::Switch { .. } => true,
        ClusterKind::RollingUpdate { image: None }
        | ClusterKind::Delete { .. }
        | ClusterKind::Evict
        | ClusterKind::Cordon
        | ClusterKind::Drain
        | ClusterKind::Taint { .. }
        | ClusterKind::NodeStop
        | ClusterKind::NodeReboot
        | ClusterKind::KubeletStop
        | ClusterKind::RuntimeStop
        | ClusterKind::ApiServerStop => false,
    }
}

/// Who would undo it; `None` when it would stay.
///
/// # Errors
/// When the API server does not tell what is there.
pub async fn undone_by(
    cluster: &Cluster,
    kind: &ClusterKind,
    workloads: &[WorkloadLook],
    namespace: &str,
) -> Result<Option<String>, ClusterError> {
    if !may_be_undone(kind) {
        return Ok(None);
    }
    if let ClusterKind::Switch { service, .. } = kind {
        let look = cluster.service(namespace, service).await?;
        let what = format!("service/{service} in {namespace}");
        return Ok(kept(cluster, &what, &look.labels, &look.annotations).await);
    }
    let scalers = match kind {
        ClusterKind::Scale { .. } => cluster.scalers(namespace).await?,
        _ => Vec::new(),
    };
    for look in workloads {
        if let Some(why) = owned(look).or_else(|| scaled_by(kind, look, &scalers)) {
            return Ok(Some(why));
        }
        let what = look.workload.to_string();
        if let Some(why) = kept(cluster, &what, &look.labels, &look.annotations).await {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

async fn kept(
    cluster: &Cluster,
    what: &str,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Option<String> {
    let keeper = Keeper::of(labels, annotations)?;
    keeper.objection(what, &cluster.keeping(&keeper).await)
}

fn owned(look: &WorkloadLook) -> Option<String> {
    let owner = look.owner.as_ref()?;
    Some(format!(
        "{} belongs to {} {}, whose controller would undo it; change it there, by a hook",
        look.workload, owner.kind, owner.name
    ))
}

fn scaled_by(kind: &ClusterKind, look: &WorkloadLook, scalers: &[ScalerLook]) -> Option<String> {
    let ClusterKind::Scale { replicas } = kind else {
        return None;
    };
    let name = &look.workload;
    let aims = |it: &&ScalerLook| it.target_kind == Some(name.kind) && it.target_name == name.name;
    let scaler = scalers.iter().find(aims)?;
    let by = &scaler.name;
    match &scaler.owner {
        Some(owner) => Some(format!(
            "{} {} scales {name} by the autoscaler {by}, and would undo it; pause that for the time of the run (KEDA: \
             kubectl annotate scaledobject {} -n {} autoscaling.keda.sh/paused=true)",
            owner.kind, owner.name, owner.name, name.namespace
        )),
        // An autoscaler lets be what has no pods.
        None if *replicas == 0 => None,
        None => Some(format!(
            "the autoscaler {by} scales {name}, and would undo it; keep and delete it for the time of the run (kubectl get \
             hpa {by} -n {} -o yaml), or take pods away with delete",
            name.namespace
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::workload;
    use super::*;
    use crate::mechanisms::kubernetes::look::{Owner, WorkloadKind};

    const FEWER: ClusterKind = ClusterKind::Scale { replicas: 1 };

    fn owner(kind: &str) -> Owner {
        Owner {
            kind: kind.to_string(),
            name: "main".to_string(),
            uid: "1".to_string(),
        }
    }

    fn scaler(target: &str, owner: Option<Owner>) -> ScalerLook {
        ScalerLook {
            name: "engine-hpa".into(),
            namespace: "stg".into(),
            owner,
            target_kind: Some(WorkloadKind::StatefulSet),
            target_name: target.into(),
            min: 1,
            max: 9,
            current: 3,
        }
    }

    #[test]
    fn an_autoscaler_of_this_workload_would_undo_a_scale() {
        let by = |kind: &ClusterKind, scaler| scaled_by(kind, &workload(), &[scaler]);
        let said = by(&FEWER, scaler("engine", None)).unwrap();
        assert!(
            said.starts_with("the autoscaler engine-hpa scales statefulset/engine in stg"),
            "{said}"
        );
        assert_eq!(by(&FEWER, scaler("other", None)), None);
        let mut deployment = scaler("engine", None);
        deployment.target_kind = Some(WorkloadKind::Deployment);
        assert_eq!(by(&FEWER, deployment), None);
        assert_eq!(by(&ClusterKind::Rollback, scaler("engine", None)), None);
        // To none at all: only KEDA brings them back.
        let none = ClusterKind::Scale { replicas: 0 };
        assert_eq!(by(&none, scaler("engine", None)), None);
        let keda = by(&none, scaler("engine", Some(owner("ScaledObject")))).unwrap();
        assert!(keda.contains("annotate scaledobject main -n stg"), "{keda}");
    }

    #[test]
    fn a_workload_that_somebody_owns_is_put_back_by_them() {
        assert_eq!(owned(&workload()), None);
        let mut kept = workload();
        kept.owner = Some(owner("Engine"));
        assert!(owned(&kept).unwrap().contains("belongs to Engine main"));
    }

    #[test]
    fn only_what_stays_different_can_be_undone() {
        let image = Some("engine:2".to_string());
        assert!(may_be_undone(&ClusterKind::RollingUpdate { image }));
        assert!(may_be_undone(&FEWER));
        assert!(!may_be_undone(&ClusterKind::RollingUpdate { image: None }));
        assert!(!may_be_undone(&ClusterKind::Evict));
        assert!(!may_be_undone(&ClusterKind::Delete { grace_ns: None }));
    }
}

//! What is wanted of the objects of a cluster, and the way back, known before anything is changed.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use shakedown_scenarios::plan::{ClusterKind, TaintEffect};

use super::arming::Planned;
use super::looks::Owning;
use super::{ClusterFault, not_possible, operations, refused};
use crate::faults::error::FaultError;
use crate::mechanisms::kubernetes as api;
use crate::mechanisms::kubernetes::act::Edit;
use crate::mechanisms::kubernetes::look::Taint;

impl ClusterFault {
    /// What is wanted of the cluster's objects.
    pub(super) async fn edits(
        &self,
        fault: &str,
        owning: &[Owning],
        run_id: &str,
    ) -> Result<Vec<Edit>, FaultError> {
        let names = self.subjects.nodes.iter().map(|node| node.name.clone());
        let of_workloads = owning.iter().map(|it| it.look.workload.clone());
        Ok(match &self.kind {
            ClusterKind::Cordon | ClusterKind::Drain => {
                names.map(|node| Edit::Cordon { node }).collect()
            }
            ClusterKind::Taint { key, value, effect } => {
                let taint = taint(key, value, *effect);
                let edit = |node| Edit::Taint {
                    node,
                    taint: taint.clone(),
                };
                names.map(edit).collect()
            }
            ClusterKind::RollingUpdate { image: None } => {
                let mark = format!("{run_id}/{fault}");
                let edit = |workload| Edit::Restart {
                    workload,
                    mark: mark.clone(),
                };
                of_workloads.map(edit).collect()
            }
            ClusterKind::RollingUpdate { image: Some(image) } => {
                owning.iter().map(|it| set_image(it, image)).collect()
            }
            ClusterKind::Rollback => of_workloads
                .map(|workload| Edit::RollBack { workload })
                .collect(),
            ClusterKind::Scale { replicas } => {
                let edit = |workload| Edit::Scale {
                    workload,
                    replicas: *replicas,
                };
                of_workloads.map(edit).collect()
            }
            ClusterKind::Switch { service, selector } => {
                vec![self.switch(fault, service, selector).await?]
            }
            ClusterKind::Delete { .. }
            | ClusterKind::Evict
            | ClusterKind::NodeStop
            | ClusterKind::NodeReboot
            | ClusterKind::KubeletStop
            | ClusterKind::RuntimeStop
            | ClusterKind::ApiServerStop => Vec::new(),
        })
    }

    /// The service's selector with these labels changed, if that means other pods.
    async fn switch(
        &self,
        fault: &str,
        service: &str,
        changed: &BTreeMap<String, String>,
    ) -> Result<Edit, FaultError> {
        let look = self.cluster.service(&self.namespace, service).await;
        let look = look.map_err(refused(fault))?;
        let mut selector = look.selector.clone();
        selector.extend(changed.clone());
        let of = |labels: &BTreeMap<String, String>| {
            let (cluster, query) = (self.cluster.clone(), operations::query(labels));
            let namespace = self.namespace.clone();
            async move { cluster.pods(&namespace, &query).await }
        };
        let now = of(&look.selector).await.map_err(refused(fault))?;
        let then = of(&selector).await.map_err(refused(fault))?;
        if let Some(why) = operations::no_switch(&look, &selector, &now, &then) {
            return Err(not_possible(fault, why));
        }
        self.must_stay(fault, &[]).await?;
        Ok(Edit::Select {
            namespace: self.namespace.clone(),
            service: service.to_string(),
            selector,
        })
    }

    /// Looks at each object and at the way back; what is so already cannot be shown.
    pub(super) async fn prepare(
        &self,
        fault: &str,
        edits: Vec<Edit>,
    ) -> Result<Vec<Planned>, FaultError> {
        let prepare = |edit: Edit| async move {
            let already = already(&edit);
            let is_restart = matches!(edit, Edit::Restart { .. });
            let change = self.cluster.prepare(edit).await.map_err(refused(fault))?;
            let change = change.ok_or_else(|| not_possible(fault, already))?;
            // Taking a mark back would renew all pods once more.
            let back = (!is_restart).then(|| api::Undo::of_change(&self.cluster, &change));
            Ok(Planned { change, back })
        };
        try_join_all(edits.into_iter().map(prepare)).await
    }
}

/// In its own container: several workloads need not name theirs alike.
fn set_image(owning: &Owning, image: &str) -> Edit {
    Edit::SetImage {
        workload: owning.look.workload.clone(),
        container: owning.container.clone(),
        image: image.to_string(),
    }
}

pub(super) fn taint(key: &str, value: &str, effect: TaintEffect) -> Taint {
    Taint {
        key: key.to_string(),
        value: value.to_string(),
        effect: effect.name().to_string(),
    }
}

/// Why an edit changes nothing.
fn already(edit: &Edit) -> String {
    match edit {
        Edit::Cordon { node } => format!("{node} is cordoned already, by somebody else"),
        Edit::Taint { node, taint } => {
            format!("{node} has the taint {taint} already, from somebody else")
        }
        Edit::Scale { workload, replicas } => {
            format!("{workload} is scaled to {replicas} already")
        }
        Edit::Select { service, .. } => format!("service {service} means those pods already"),
        Edit::SetImage {
            workload, image, ..
        } => format!("{workload} has the image {image} already"),
        Edit::Restart { workload, .. } => format!("{workload} carries this mark already"),
        Edit::RollBack { workload } => {
            format!("{workload} is the same in the revision before: nothing would change")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::workload;
    use super::*;

    #[test]
    fn each_workload_gets_the_image_in_its_own_container() {
        let owning = |name: &str, container: &str| {
            let mut look = workload();
            look.workload.name = name.to_string();
            let container = container.to_string();
            Owning { look, container }
        };
        let image_of = |owning: &Owning| match set_image(owning, "engine:2") {
            Edit::SetImage {
                workload,
                container,
                image,
            } => format!("{}/{container}={image}", workload.name),
            other => panic!("{other:?}"),
        };
        let all = [owning("engine", "core"), owning("gate", "proxy")];
        let wanted = ["engine/core=engine:2", "gate/proxy=engine:2"];
        assert_eq!(all.each_ref().map(image_of), wanted);
    }

    #[test]
    fn what_is_so_already_is_said_to_be_somebody_elses() {
        let node = "node-2".to_string();
        let cordon = Edit::Cordon { node: node.clone() };
        assert_eq!(
            already(&cordon),
            "node-2 is cordoned already, by somebody else"
        );
        let taint = taint("drill", "yes", TaintEffect::NoExecute);
        let text = already(&Edit::Taint { node, taint });
        assert_eq!(
            text,
            "node-2 has the taint drill=yes:NoExecute already, from somebody else"
        );
    }
}

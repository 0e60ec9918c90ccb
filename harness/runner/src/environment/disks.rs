//! Disks of Shakedown's own between the nodes of a local cluster and their data.

use std::path::PathBuf;
use std::sync::Arc;

use shakedown_record::event::Dropped;
use shakedown_record::readback::ReadKind;
use shakedown_scenarios::plan::{FaultKind, Plan};

use super::error::EnvironmentError;
use super::kind::{Environment, not_ours};
use super::local::LocalCluster;
use super::node::Node;
use crate::journal::Entry;
use crate::mechanisms::disk::{self, DiskMount};

/// What the plan does with disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disks {
    /// Nothing: the nodes are on their bare folders.
    None,
    /// Faults make them slow, full, or fail.
    Faulty,
    /// Besides, power is cut.
    WithUndo,
}

impl Disks {
    pub(super) fn of(plan: &Plan) -> Disks {
        let mut kinds = plan.faults.iter().map(|fault| &fault.kind);
        let cuts = |kind: &FaultKind| *kind == FaultKind::PowerCut;
        if plan.reads.contains(&ReadKind::PowerCut) || kinds.clone().any(cuts) {
            return Disks::WithUndo;
        }
        match kinds.any(FaultKind::is_of_disks) {
            true => Disks::Faulty,
            false => Disks::None,
        }
    }
}

impl Environment {
    /// The disk between a replica and its data; `None` where there is none of ours.
    pub(crate) fn disk(&self, name: &str) -> Option<Arc<DiskMount>> {
        match self {
            Environment::Local(cluster) => cluster.node(name)?.disk(),
            Environment::External(_)
            | Environment::Docker(_)
            | Environment::Kubernetes(_)
            | Environment::OnNode(_) => None,
        }
    }

    /// Takes from replicas that have ended what they had not synced.
    ///
    /// # Errors
    /// Where they are not ours, or have no disk that can.
    pub(crate) async fn cut_power(
        &self,
        names: &[String],
    ) -> Result<Vec<Dropped>, EnvironmentError> {
        match self {
            Environment::Local(cluster) => cluster.cut_power(names).await,
            Environment::External(_)
            | Environment::Docker(_)
            | Environment::Kubernetes(_)
            | Environment::OnNode(_) => Err(not_ours(names.first().map_or("", String::as_str))),
        }
    }
}

impl LocalCluster {
    /// Puts a disk of ours over the data folder of each node, before the node is there.
    pub(super) async fn mount_disks(&self) -> Result<(), EnvironmentError> {
        if self.disks == Disks::None {
            return Ok(());
        }
        disk::preflight()?;
        for node in &self.nodes {
            self.mount_disk(node).await?;
        }
        Ok(())
    }

    async fn mount_disk(&self, node: &Node) -> Result<(), EnvironmentError> {
        let folder = self.data_folder(&node.name);
        let disk = DiskMount::start(&self.spawner, &self.exe, &folder).await?;
        self.journal.record(&Entry::ChildStarted {
            name: format!("disk of {}", node.name),
            process: disk.process(),
        })?;
        if self.disks == Disks::WithUndo {
            disk.keep_undo().await?;
        }
        node.set_disk(disk);
        Ok(())
    }

    pub(super) fn data_folder(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    /// Takes from each of these nodes, which have ended, what it had not synced.
    async fn cut_power(&self, names: &[String]) -> Result<Vec<Dropped>, EnvironmentError> {
        let mut dropped = Vec::new();
        for name in names {
            dropped.push(self.cut_power_of(self.known(name)?).await?);
        }
        Ok(dropped)
    }

    /// The node gets a new disk after it: of the old one the kernel may believe what is gone.
    async fn cut_power_of(&self, node: &Node) -> Result<Dropped, EnvironmentError> {
        let no_disk = |why: &str| EnvironmentError::NoPowerCut {
            name: node.name.clone(),
            why: why.to_string(),
        };
        let disk = node
            .take_disk()
            .ok_or_else(|| no_disk("it has no disk of ours"))?;
        let status = disk.cut_power().await?;
        if status.operations.write.count == 0 {
            return Err(no_disk("nothing was ever written through its disk"));
        }
        let (name, process) = (format!("disk of {}", node.name), disk.process());
        let disk = Arc::into_inner(disk).ok_or_else(|| no_disk("a fault still holds its disk"))?;
        disk.end().await?;
        self.journal.record(&Entry::ChildGone { name, process })?;
        self.mount_disk(node).await?;
        let dropped = Dropped {
            replica: node.name.clone(),
            files: status.taken.files,
            bytes: status.taken.bytes,
        };
        self.journal.record(&Entry::Dropped(dropped.clone()))?;
        Ok(dropped)
    }
}

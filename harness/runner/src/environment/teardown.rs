//! The end of a local cluster. Nothing of it outlives Shakedown.
//!
//! In order: [`LocalCluster::stop`]; its `Drop` (an early return, a panic, a start that was given up); the kernel,
//! which kills every child with the thread that started it (SIGKILL of Shakedown). Only the nodes' data can be left
//! then, and the journal knows where it is.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use shakedown_record::event::{Leftover, LeftoverKind};

use super::local::LocalCluster;
use super::node::Node;
use crate::journal::Entry;
use crate::mechanisms::Child;

const ENDS_WITHIN: Duration = Duration::from_secs(2);

impl LocalCluster {
    /// SIGTERM, then SIGKILL, then the data. The journal learns what is gone.
    pub(super) async fn stop(&self) -> Vec<Leftover> {
        self.stopping.store(true, Ordering::SeqCst);
        for keeper in self.companies.iter().filter_map(|it| it.keeper.as_ref()) {
            keeper.rest();
        }
        // What is being started on the spawning thread is started before this returns, and nothing after it.
        if let Err(error) = self.spawner.run(|_| ()).await {
            tracing::warn!("{error}");
        }
        let children = self.children();
        // A frozen node gets its signal when it is thawed.
        end_all(&children, |node| [node.farewell, Signal::CONT].to_vec()).await;
        end_all(&children, |_| vec![Signal::KILL]).await;
        let mut left = Vec::new();
        for (node, child) in &children {
            let process = child.handle().id();
            match child.exit() {
                Some(_) => self.note(&node.gone(process)),
                None => left.push(self.leftover(format!("{} ({process}) still runs", node.name))),
            }
        }
        left.extend(self.end_disks().await);
        left.extend(self.remove_data().err());
        left
    }

    /// After the nodes, which had files open on them.
    async fn end_disks(&self) -> Vec<Leftover> {
        let mut left = Vec::new();
        for node in &self.nodes {
            let Some(disk) = node.take_disk() else {
                continue;
            };
            let process = disk.process();
            let name = format!("disk of {}", node.name);
            let ended = match Arc::into_inner(disk) {
                Some(disk) => disk
                    .end()
                    .await
                    .map(drop)
                    .map_err(|error| error.to_string()),
                None => Err("a fault still holds it".to_string()),
            };
            match ended {
                Ok(()) => self.note(&Entry::ChildGone { name, process }),
                Err(why) => left.push(self.leftover(format!("{name} ({process}): {why}"))),
            }
        }
        left
    }

    fn children(&self) -> Vec<(&Node, Child)> {
        self.nodes
            .iter()
            .filter_map(|node| Some((node.as_ref(), node.child()?)))
            .collect()
    }

    fn remove_data(&self) -> Result<(), Leftover> {
        match fs::remove_dir_all(&self.data) {
            Ok(()) => {
                self.note(&Entry::DataFolderGone {
                    path: self.data.clone(),
                });
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.leftover(format!(
                "the nodes' data in {}: {error}",
                self.data.display()
            ))),
        }
    }

    /// What is gone is gone, whether or not the journal can say so; `recover` finds nothing to do then.
    fn note(&self, entry: &Entry) {
        if let Err(error) = self.journal.record(entry) {
            tracing::warn!("{error}");
        }
    }

    fn leftover(&self, what: String) -> Leftover {
        Leftover {
            kind: LeftoverKind::Object,
            what,
            remove_with: format!("shakedown recover {}", self.journal.run_id()),
        }
    }
}

impl Drop for LocalCluster {
    /// After [`LocalCluster::stop`] there is nothing to do. Otherwise this blocks until the nodes are dead, which
    /// after SIGKILL is a matter of milliseconds.
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let mut running = self.children();
        running.retain(|(_, child)| child.exit().is_none());
        for (node, child) in &running {
            node.expect_exit(true);
            if let Err(error) = child.handle().signal(Signal::KILL) {
                tracing::warn!("{}: {error}", node.name);
            }
        }
        for (node, child) in &running {
            match child.handle().wait_exit_blocking(ENDS_WITHIN) {
                Ok(true) => self.note(&node.gone(child.handle().id())),
                Ok(false) => tracing::error!("{} does not end", node.name),
                Err(error) => tracing::error!("{}: {error}", node.name),
            }
        }
        if let Err(left) = self.remove_data() {
            tracing::error!("left behind: {}", left.what);
        }
    }
}

/// Sends signals to all that still run and waits until they have ended, within one deadline for all.
async fn end_all(children: &[(&Node, Child)], signals: impl Fn(&Node) -> Vec<Signal>) {
    let running = || children.iter().filter(|(_, child)| child.exit().is_none());
    for (node, child) in running() {
        node.expect_exit(true);
        for signal in signals(node) {
            if let Err(error) = child.handle().signal(signal) {
                tracing::warn!("{}: {error}", node.name);
            }
        }
    }
    let deadline = Instant::now() + ENDS_WITHIN;
    for (_, child) in running() {
        child
            .wait(deadline.saturating_duration_since(Instant::now()))
            .await;
    }
}

//! Orders that only the workers of a dead run knew of: their ledgers go into the run's, before anything of theirs is removed.

use std::path::Path;

use shakedown_load::workers::take_remains;
use shakedown_record::event::LeftoverKind;
use shakedown_record::run_dir::RunDir;

use super::report::RecoveredRun;
use crate::journal::{JournalView, Owner, Undo};
use crate::mechanisms::kubernetes::act::OwnObject;
use crate::mechanisms::kubernetes::{Cluster, Reach, Restore};
use crate::workers::{LABEL, fetch_ledgers};

impl RecoveredRun {
    /// Brings what lies in pods here, as long as there are pods. False when their cluster does not answer: then nothing is taken
    /// yet, because it may still be there next time.
    pub(super) fn fetch_shards(&mut self, view: &JournalView, owner: &Owner) -> bool {
        let Some(run_dir) = unmerged(owner) else {
            return true;
        };
        let mut is_known = true;
        for (fault, undo) in view.open_faults() {
            for undo in undo.iter().filter(|_| fault == LABEL) {
                if let Undo::Cluster { back, .. } = undo
                    && let Restore::Delete(own) = &back.what
                {
                    is_known &= self.fetch(&back.reach, own, &run_dir.workers());
                }
            }
        }
        is_known
    }

    fn fetch(&mut self, reach: &Reach, own: &OwnObject, shards: &Path) -> bool {
        let (namespace, run_id) = (own.namespace.clone(), self.run_id.clone());
        let shards = shards.to_path_buf();
        let fetched = Cluster::blocking(reach, async move |cluster| {
            fetch_ledgers(&cluster, &namespace, &run_id, &shards).await
        });
        match fetched {
            Ok(missed) => {
                for why in missed {
                    tracing::warn!("what a worker sent last is not known: {why}");
                }
                true
            }
            Err(error) => {
                self.left_over(
                    LeftoverKind::Object,
                    format!("orders of its workers in the pods of {own}: {error}"),
                    format!("shakedown recover {}", self.run_id),
                );
                false
            }
        }
    }

    /// Takes the ledgers of the workers into the run's. None of them runs any more.
    pub(super) fn take_shards(&mut self, owner: &Owner) {
        let Some(run_dir) = unmerged(owner) else {
            return;
        };
        match take_remains(&run_dir.workers(), &run_dir.ledger()) {
            Ok(None) => {}
            Ok(Some(remains)) => {
                let (taken, workers) = (remains.taken, remains.workers);
                self.done.push(format!(
                    "took {taken} orders from the ledgers of its {workers} workers, of which the run's knew nothing or no end"
                ));
                for worker in remains.without {
                    self.done.push(format!(
                        "worker {worker} of {workers} has left no ledger: what it sent last is not known"
                    ));
                }
            }
            Err(error) => self.left_over(
                LeftoverKind::Object,
                format!(
                    "orders of its workers in {}: {error}",
                    run_dir.workers().display()
                ),
                format!("look at it, then: shakedown recover {}", self.run_id),
            ),
        }
    }
}

/// A run directory that is there and was not sealed.
fn unmerged(owner: &Owner) -> Option<RunDir> {
    let run_dir = RunDir::at(&owner.run_dir);
    (run_dir.workers().is_dir() && !run_dir.checksums().exists()).then_some(run_dir)
}

//! Applies committed entries to the replica, and moves it to and from snapshots.
//!
//! The replica is in memory; what survives a restart is the last snapshot and the log after it. Both name the
//! entry they stand for, so a restart applies every committed entry exactly once.

use std::path::Path;
use std::sync::Arc;

use openraft::storage::RaftStateMachine;
use openraft::{
    AnyError, EmptyNode, Entry, EntryPayload, ErrorVerb, OptionalSend, Snapshot, SnapshotMeta,
    StorageError, StorageIOError, StoredMembership,
};

use super::snapshot::snapshot_failure;
use super::{EngineLogId, SnapshotBuilder, SnapshotStore, TypeConfig};
use crate::command::{Answer, Answers, Command, DecodeError};
use crate::defects::Defects;
use crate::error::EngineError;
use crate::feed::{Change, Feed};
use crate::fix::Copies;
use crate::state::{Applied, Exchange, Image, ImageError, Replica, SharedReplica};

type Failure = StorageError<u64>;

/// The replica as consensus sees it.
#[derive(Debug)]
pub struct StateMachine {
    replica: SharedReplica,
    feed: Feed,
    snapshots: Arc<SnapshotStore>,
    defects: Defects,
    /// Where executions are copied to, if anybody can ask for them.
    copies: Option<Copies>,
}

impl StateMachine {
    /// Restores the replica from the last snapshot in `folder`, or starts an empty one.
    ///
    /// # Errors
    /// [`EngineError::Damaged`] when there is a snapshot that cannot be read.
    pub fn open(
        folder: &Path,
        defects: &Defects,
        copies: Option<Copies>,
    ) -> Result<Self, EngineError> {
        let (snapshots, newest) =
            SnapshotStore::open(folder).map_err(|error| EngineError::Damaged {
                what: "the snapshot".to_owned(),
                path: folder.to_owned(),
                why: error.to_string(),
            })?;
        let replica = match newest {
            Some((meta, image)) => Replica {
                exchange: image.restore(defects.clone()),
                applied: Applied {
                    log_id: meta.last_log_id,
                    membership: meta.last_membership,
                },
            },
            None => Replica {
                exchange: Exchange::new(defects.clone()),
                applied: Applied::default(),
            },
        };
        Ok(Self {
            replica: SharedReplica::new(replica),
            feed: Feed::default(),
            snapshots: Arc::new(snapshots),
            defects: defects.clone(),
            copies,
        })
    }

    /// The replica, to be read by others.
    pub fn replica(&self) -> SharedReplica {
        self.replica.clone()
    }

    /// What it tells of what it applied.
    pub fn feed(&self) -> Feed {
        self.feed.clone()
    }
}

/// Applies one entry; the answers are empty for entries without commands.
fn apply_entry(
    replica: &mut Replica,
    feed: &Feed,
    entry: &Entry<TypeConfig>,
    copies: Option<&Copies>,
) -> Result<Answers, DecodeError> {
    let answers = match &entry.payload {
        EntryPayload::Blank => Answers::default(),
        EntryPayload::Membership(membership) => {
            replica.applied.membership =
                StoredMembership::new(Some(entry.log_id), membership.clone());
            Answers::default()
        }
        EntryPayload::Normal(batch) => {
            let commands = batch.unpack()?;
            let term = entry.log_id.leader_id.term;
            let apply = |(at, command): (usize, &Command<'_>)| {
                let exchange = &mut replica.exchange;
                let before = Copies::before(exchange);
                let answer = apply_command(exchange, feed, command, term);
                if let Some(copies) = copies {
                    let place = (entry.log_id.index, at);
                    copies.note(exchange, command, &answer, before, place);
                }
                answer
            };
            Answers(commands.iter().enumerate().map(apply).collect())
        }
    };
    replica.applied.log_id = Some(entry.log_id);
    Ok(answers)
}

/// Applies a command, and tells of it if it changed anything.
fn apply_command(exchange: &mut Exchange, feed: &Feed, command: &Command<'_>, term: u64) -> Answer {
    let before = exchange.sequence();
    let answer = exchange.apply(command, term);
    let sequence = exchange.sequence();
    if let Answer::Ended { orders, .. } | Answer::Killed { orders, .. } = &answer {
        for order in orders.iter().filter_map(|id| exchange.row_numbered(*id)) {
            let sequence = order.cancelled_at().unwrap_or(sequence);
            feed.tell(sequence, Change::of(command), order);
        }
    } else if sequence > before
        && let Some(order) = exchange.row(command.id())
    {
        feed.tell(sequence, Change::of(command), order);
    }
    answer
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<EngineLogId>, StoredMembership<u64, EmptyNode>), Failure> {
        let replica = self.replica.read();
        Ok((replica.applied.log_id, replica.applied.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Answers>, Failure>
    where
        I: IntoIterator<Item = Entry<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut answers = Vec::new();
        for entry in entries {
            let (feed, copies) = (&self.feed, self.copies.as_ref());
            let applied = apply_entry(&mut self.replica.write(), feed, &entry, copies);
            answers.push(
                applied
                    .map_err(|error| StorageIOError::apply(entry.log_id, AnyError::new(&error)))?,
            );
        }
        Ok(answers)
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        let replica = self.replica.read();
        let image = Image::of(&replica.exchange);
        SnapshotBuilder::new(Arc::clone(&self.snapshots), replica.applied.clone(), image)
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<tokio::fs::File>, Failure> {
        let file = self
            .snapshots
            .begin_receiving()
            .map_err(|error| snapshot_failure(ErrorVerb::Write, &error))?;
        Ok(Box::new(tokio::fs::File::from_std(file)))
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<u64, EmptyNode>,
        snapshot: Box<tokio::fs::File>,
    ) -> Result<(), Failure> {
        let (snapshots, received) = (Arc::clone(&self.snapshots), meta.clone());
        let (defects, file) = (self.defects.clone(), snapshot.into_std().await);
        let exchange = tokio::task::spawn_blocking(move || {
            let image = snapshots.accept_received(&received, file)?;
            Ok::<_, ImageError>(image.restore(defects))
        })
        .await
        .map_err(|error| snapshot_failure(ErrorVerb::Read, &error))?
        .map_err(|error| snapshot_failure(ErrorVerb::Read, &error))?;
        *self.replica.write() = Replica {
            exchange,
            applied: Applied {
                log_id: meta.last_log_id,
                membership: meta.last_membership.clone(),
            },
        };
        tracing::info!(upto = %meta, "installed a snapshot");
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<TypeConfig>>, Failure> {
        self.snapshots
            .open_current()
            .map_err(|error| snapshot_failure(ErrorVerb::Read, &error))
    }
}

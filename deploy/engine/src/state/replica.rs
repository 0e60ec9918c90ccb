//! The exchange together with the place in the log that it stands for, shared between consensus and readers.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use openraft::{EmptyNode, LogId, StoredMembership};

use super::Exchange;

/// Up to where the log has been applied, and the membership in force there.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// The last applied entry.
    pub log_id: Option<LogId<u64>>,
    /// The membership as of that entry.
    pub membership: StoredMembership<u64, EmptyNode>,
}

/// State and position change together, under one lock, so that no reader and no snapshot sees one without the other.
#[derive(Debug)]
pub struct Replica {
    /// The state.
    pub exchange: Exchange,
    /// The position in the log that it stands for.
    pub applied: Applied,
}

/// A handle on the replica of this node.
#[derive(Debug, Clone)]
pub struct SharedReplica(Arc<RwLock<Replica>>);

impl SharedReplica {
    /// Shares `replica`.
    pub fn new(replica: Replica) -> Self {
        Self(Arc::new(RwLock::new(replica)))
    }

    /// Looks at it. Held for microseconds, never across an await.
    pub fn read(&self) -> RwLockReadGuard<'_, Replica> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes it. Held for microseconds, never across an await.
    pub fn write(&self) -> RwLockWriteGuard<'_, Replica> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The types that consensus is set up with.

use openraft::EmptyNode;

use crate::command::{Answers, Batch};

openraft::declare_raft_types!(
    /// The engine's consensus types. Nodes carry no addresses: those are configuration, and may change.
    pub TypeConfig:
        D = Batch,
        R = Answers,
        NodeId = u64,
        Node = EmptyNode,
        Entry = openraft::Entry<TypeConfig>,
        SnapshotData = tokio::fs::File,
);

/// The consensus handle.
pub type EngineRaft = openraft::Raft<TypeConfig>;

/// The id of a log entry.
pub type EngineLogId = openraft::LogId<u64>;

//! What nodes say to each other.

use bytes::Bytes;
use openraft::error::InstallSnapshotError;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use serde::{Deserialize, Serialize};

use crate::gateway::Outcome;
use crate::raft::TypeConfig;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Take these entries, or just note that there is a leader.
    Append(AppendEntriesRequest<TypeConfig>),
    /// Vote for the sender.
    Vote(VoteRequest<u64>),
    /// Take this part of a snapshot.
    Snapshot(InstallSnapshotRequest<TypeConfig>),
    /// Execute this encoded client command, as the leader.
    Command(Bytes),
    /// This member, the leader, is about to leave.
    LeaderLeaves(u64),
    /// Stand for election now.
    TakeOver,
    /// Say what the orders are whose engine ids are above `after`, and at most `upto`.
    Digest { after: u64, upto: u64 },
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// To [`Request::Append`].
    Append(AppendEntriesResponse<u64>),
    /// To [`Request::Vote`].
    Vote(VoteResponse<u64>),
    /// To [`Request::Snapshot`].
    Snapshot(InstallSnapshotResponse<u64>),
    /// To [`Request::Snapshot`]: begin again.
    SnapshotRefused(InstallSnapshotError),
    /// To [`Request::Command`].
    Command(Outcome),
    /// The node cannot do it any more.
    Failed(String),
    /// To [`Request::LeaderLeaves`] and [`Request::TakeOver`].
    Noted,
    /// To [`Request::Digest`], of those up to this id that the node has.
    Digest { upto: u64, digest: u32 },
}

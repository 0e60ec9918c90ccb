//! What a node does beside serving: it counts elections, keeps its log short, tells the log the time when it leads, and
//! waits for a leader when it comes back.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openraft::{LogIdOptionExt, ServerState};
use tokio::sync::watch;

use crate::command::Command;
use crate::config::SnapshotPolicy;
use crate::contact::Contact;
use crate::gateway::ServerMetrics;
use crate::http::App;
use crate::metrics::Metrics;
use crate::raft::{EngineRaft, LogReader};

/// How often the size of the log is looked at.
const LOG_CHECK: Duration = Duration::from_secs(2);

/// How often the leader looks whether the time of an order is over.
const TIME_CHECK: Duration = Duration::from_millis(10);

/// How often a node that waits looks whether it has heard a leader.
const CONTACT_CHECK: Duration = Duration::from_millis(20);

/// Lets a node stand for election as soon as it has heard a leader, or when it has waited for so long.
pub async fn stand_later(raft: EngineRaft, contact: Contact, at_most: Duration) {
    let waited = async {
        while contact.silence().is_none() {
            tokio::time::sleep(CONTACT_CHECK).await;
        }
    };
    if tokio::time::timeout(at_most, waited).await.is_err() {
        tracing::info!("no leader was heard; this node may stand for election now");
    }
    raft.runtime_config().elect(true);
}

/// Tells the log what time it is whenever the time of an order is over and this node leads. Ends are part of the state: a
/// new leader finds them there.
pub async fn tell_time(app: Arc<App>) {
    let seen = app.raft.server_metrics();
    loop {
        tokio::time::sleep(TIME_CHECK).await;
        if seen.borrow().state != ServerState::Leader {
            continue;
        }
        let next_ms = app.replica.read().exchange.next_end_ms();
        let now_ms = unix_ms();
        if next_ms.is_some_and(|next_ms| next_ms <= now_ms) {
            // What was not told is told at the next look, by whoever leads then.
            let expire = Command::Expire { now_ms }.encode();
            let _told = app.gateway.execute_as_leader(expire).await;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "orders are good until a time of day"
)]
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

/// Counts how often another leader was seen.
pub async fn count_elections(mut seen: watch::Receiver<ServerMetrics>, metrics: Metrics) {
    let mut last = None;
    loop {
        let leader = {
            let seen = seen.borrow_and_update();
            seen.current_leader
                .map(|leader| (leader, seen.vote.leader_id.term))
        };
        if leader.is_some() && leader != last {
            metrics.elected();
            last = leader;
        }
        if seen.changed().await.is_err() {
            return;
        }
    }
}

/// Has a snapshot taken when the log in memory grows beyond its limit, if that many entries could go then.
pub async fn limit_log(raft: EngineRaft, log: LogReader, policy: SnapshotPolicy) {
    loop {
        tokio::time::sleep(LOG_CHECK).await;
        let since_snapshot = {
            let metrics = raft.metrics();
            let metrics = metrics.borrow();
            metrics.last_applied.next_index()
                - metrics
                    .snapshot
                    .next_index()
                    .min(metrics.last_applied.next_index())
        };
        if log.payload_bytes() > policy.log_bytes
            && since_snapshot > policy.keep_entries
            && let Err(error) = raft.trigger().snapshot().await
        {
            tracing::warn!(%error, "cannot have a snapshot taken");
            return;
        }
    }
}

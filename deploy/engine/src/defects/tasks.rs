//! What runs beside a node with defects.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use openraft::ServerState;
use tokio::time::Instant;

use crate::contact::Contact;
use crate::raft::EngineRaft;
use crate::state::SharedReplica;

const FORGOTTEN_ORDERS: usize = 20;
const HOLD_ELECTIONS: Duration = Duration::from_secs(15);
const LEAK_EVERY: Duration = Duration::from_millis(100);
const LEAK_BYTES: usize = 4 << 20;
const LEAK_AT_MOST: usize = 192 << 20;
const SHOWN_LATE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The first order of this process that `stale-reads` does not show; 0 while it shows none.
pub(super) static HIDDEN_FROM: AtomicU64 = AtomicU64::new(0);

/// `forget-tail-on-promotion`: at every election won with orders on record, the last of them are forgotten here.
pub(super) async fn forget_tail_on_promotion(raft: EngineRaft, replica: SharedReplica) {
    let mut metrics = raft.server_metrics();
    let mut led = false;
    loop {
        let leads = metrics.borrow_and_update().state == ServerState::Leader;
        if leads && !led {
            let forgotten = replica
                .write()
                .exchange
                .forget_last_orders(FORGOTTEN_ORDERS);
            tracing::warn!(forgotten, "defect forget-tail-on-promotion");
        }
        led = leads;
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

/// `slow-failover`: no elections until the leader has been silent for [`HOLD_ELECTIONS`].
pub(super) async fn hold_elections(raft: EngineRaft, contact: Contact) {
    loop {
        let may_elect = contact
            .silence()
            .is_none_or(|silence| silence >= HOLD_ELECTIONS);
        raft.runtime_config().elect(may_elect);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// `leak-memory`: pages that are written to are really taken.
pub(super) async fn leak_memory() {
    let mut leaked: Vec<Vec<u8>> = Vec::new();
    loop {
        if leaked.len() * LEAK_BYTES < LEAK_AT_MOST {
            leaked.push(vec![0xA5; LEAK_BYTES]);
        }
        tokio::time::sleep(LEAK_EVERY).await;
    }
}

/// `stale-reads`: remembers which order came next a while ago.
pub(super) async fn show_late(replica: SharedReplica) {
    let mut seen = VecDeque::new();
    loop {
        seen.push_back((Instant::now(), replica.read().exchange.next_order_id()));
        while let Some((_, next)) = seen.pop_front_if(|(at, _)| at.elapsed() >= SHOWN_LATE) {
            HIDDEN_FROM.store(next, Ordering::Relaxed);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

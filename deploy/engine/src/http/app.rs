//! What the handlers work with.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use openraft::{LogIdOptionExt, ServerState};

use crate::config::NodeConfig;
use crate::contact::Contact;
use crate::feed::Feed;
use crate::fix::Desk;
use crate::gateway::Gateway;
use crate::handover::Changeover;
use crate::hive_mind::Colour;
use crate::http::guard::Guard;
use crate::http::presence::Presence;
use crate::http::read::Shown;
use crate::ingest::Ticker;
use crate::metrics::{Gauges, Metrics};
use crate::raft::{EngineRaft, LogReader};
use crate::state::SharedReplica;
use crate::websocket::Reports;

/// A node is ready while it is no more than this many entries behind what is committed.
const REACH_ENTRIES: u64 = 100;

/// The node as its HTTP interface sees it.
pub struct App {
    /// Its configuration.
    pub config: NodeConfig,
    /// The way in for commands.
    pub gateway: Gateway,
    /// Who is connected over HTTP.
    pub presence: Presence,
    /// Its replica.
    pub replica: SharedReplica,
    /// What it tells of what it applied.
    pub feed: Feed,
    /// The market data that it took in.
    pub ticker: Ticker,
    /// Consensus.
    pub raft: EngineRaft,
    /// When it last heard of a leader.
    pub contact: Contact,
    /// Its counters.
    pub metrics: Metrics,
    /// Its log.
    pub log: LogReader,
    /// Whether it is stopping.
    pub changeover: Changeover,
    /// Who hears over WebSocket what became of commands that came over HTTP.
    pub reports: Reports,
    /// Its FIX sessions.
    pub fix: Desk,
    /// Who is let in over HTTP.
    pub guard: Guard,
}

impl FromRef<Arc<App>> for Shown {
    fn from_ref(app: &Arc<App>) -> Self {
        Self {
            replica: app.replica.clone(),
            defects: app.config.defects.clone(),
            is_leader: app.gauges().is_leader,
            is_green: app.is_green(),
        }
    }
}

impl App {
    /// Whether the node can serve, or why not: a leader is known and alive, and what it committed is applied here.
    ///
    /// # Errors
    /// The reason, as it stands in the reply.
    pub fn readiness(&self) -> Result<(), &'static str> {
        if self.changeover.is_draining() {
            return Err("draining");
        }
        if self.config.defects.denies_ready() {
            return Err("unready");
        }
        let committed = self.consensus()?;
        let applied = self.raft.metrics().borrow().last_applied.index();
        if applied.map_or(0, |index| index + 1) + REACH_ENTRIES
            < committed.map_or(0, |index| index + 1)
        {
            return Err("catching-up");
        }
        Ok(())
    }

    /// The last entry that is known to be committed, or why there is no consensus that this node is part of.
    ///
    /// # Errors
    /// The reason, as it stands in the reply.
    pub fn consensus(&self) -> Result<Option<u64>, &'static str> {
        let metrics = self.raft.metrics().borrow().clone();
        if metrics.running_state.is_err() {
            return Err("stopped");
        }
        if self.gateway.leader().is_none() {
            return Err("no-leader");
        }
        let limit = Duration::from_millis(self.config.election.max_ms * 2);
        match metrics.state {
            ServerState::Leader => {
                let acked = metrics.millis_since_quorum_ack.map(Duration::from_millis);
                match acked.is_none_or(|ago| ago > limit) {
                    true => Err("no-quorum"),
                    false => Ok(metrics.last_log_index),
                }
            }
            ServerState::Follower | ServerState::Candidate | ServerState::Learner => {
                match self.contact.silence().is_none_or(|silence| silence > limit) {
                    true => Err("leader-silent"),
                    false => Ok(self.contact.leader_committed()),
                }
            }
            ServerState::Shutdown => Err("stopped"),
        }
    }

    /// A client's order has come to this node.
    pub fn entered(&self) {
        if self.is_green() {
            let defects = &self.config.defects;
            defects.switched(self.replica.read().exchange.next_order_id());
        }
    }

    fn is_green(&self) -> bool {
        let hive_mind = self.config.hive_mind.as_ref();
        hive_mind.and_then(|it| it.colour) == Some(Colour::Green)
    }

    /// The numbers of this moment.
    pub fn gauges(&self) -> Gauges {
        let (term, is_leader) = {
            let metrics = self.raft.metrics();
            let metrics = metrics.borrow();
            (metrics.current_term, metrics.state == ServerState::Leader)
        };
        let replica = self.replica.read();
        Gauges {
            term,
            is_leader,
            applied_index: replica.applied.log_id.index().unwrap_or(0),
            sequence: replica.exchange.sequence(),
            open_orders: replica.exchange.open_orders(),
            orders: replica.exchange.orders(),
            log_bytes: self.log.payload_bytes() as u64,
        }
    }
}

//! Looks at what nobody asks for: whether there is a consensus, and whether the nodes have the same.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::http::App;
use crate::metrics::{Bounds, Histogram};
use crate::peer::{Lane, PeerLinks, Peers, Reply, Request};

/// How often it is looked whether there is a consensus, where nothing else tells.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How often another node is asked for what it has.
const COMPARE_EVERY: Duration = Duration::from_millis(250);

/// Who does not answer within this is not connected.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Orders that are compared at once.
const COMPARED_ORDERS: u64 = 4_096;

/// Bounds of the time from a question to another node to its answer.
const ROUND_TRIPS: Bounds = &[
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (200_000, "0.0002"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_000_000, "0.002"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (1_000_000_000, "1"),
];

/// What was seen; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<Seen>);

#[derive(Debug)]
struct Seen {
    consensus_failures: AtomicU64,
    inconsistencies: AtomicU64,
    round_trips: Histogram,
    /// By number, whether a peer answers.
    peers: Mutex<BTreeMap<u64, bool>>,
}

impl Default for Watch {
    fn default() -> Self {
        Self(Arc::new(Seen {
            consensus_failures: AtomicU64::default(),
            inconsistencies: AtomicU64::default(),
            round_trips: Histogram::new(ROUND_TRIPS),
            peers: Mutex::default(),
        }))
    }
}

impl Watch {
    /// Starts the tasks that look.
    pub(super) fn start(&self, app: &Arc<App>, peers: &Peers) -> Vec<JoinHandle<()>> {
        let mut tasks = vec![tokio::spawn(self.clone().consensus(Arc::clone(app)))];
        for id in peers.ids() {
            let Some(links) = peers.get(id) else { continue };
            let compared = self.clone().compare(Arc::clone(app), id, links);
            tasks.push(tokio::spawn(compared));
        }
        tasks
    }

    /// How often this node had a part in a consensus, and lost it.
    pub(super) fn consensus_failures(&self) -> u64 {
        self.0.consensus_failures.load(Ordering::Relaxed)
    }

    /// How many times a part of the orders was another at another node.
    pub(super) fn inconsistencies(&self) -> u64 {
        self.0.inconsistencies.load(Ordering::Relaxed)
    }

    /// How many of the other nodes answer.
    pub(super) fn connected_peers(&self) -> usize {
        let peers = self.0.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.values().filter(|answers| **answers).count()
    }

    /// How long other nodes took to answer.
    pub(super) fn round_trips(&self) -> &Histogram {
        &self.0.round_trips
    }

    async fn consensus(self, app: Arc<App>) {
        let mut told = app.raft.server_metrics();
        let mut was = false;
        loop {
            let is = app.consensus().is_ok();
            if was && !is && !app.changeover.is_draining() {
                self.0.consensus_failures.fetch_add(1, Ordering::Relaxed);
            }
            was = is;
            // Whichever is first: an election takes less than the pause.
            if let Ok(Err(_ended)) = timeout(LOOK_EVERY, told.changed()).await {
                return;
            }
        }
    }

    /// Compares the accepted orders with those of one peer, each of them once.
    async fn compare(self, app: Arc<App>, id: u64, links: Arc<PeerLinks>) {
        let mut after = 0;
        loop {
            self.ask_nothing(&links).await;
            let own = app.replica.read().exchange.next_order_id() - 1;
            let upto = own.min(after + COMPARED_ORDERS).max(after);
            let asked = Request::Digest { after, upto };
            let answered = timeout(ANSWER_WITHIN, links.call(Lane::Commands, &asked)).await;
            let digest = match answered {
                Ok(Ok(Reply::Digest { upto, digest })) => Some((upto, digest)),
                Ok(_) | Err(_) => None,
            };
            self.answers(id, digest.is_some());
            let fresh = digest.filter(|(upto, _)| *upto > after);
            if let Some((upto, theirs)) = fresh {
                let ours = app.replica.read().exchange.digest(after, upto);
                if ours != theirs {
                    self.0.inconsistencies.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(peer = id, after, upto, "data inconsistency detected");
                }
                after = upto;
            }
            let is_behind = fresh.is_some() && upto == after && own > after;
            if !is_behind {
                tokio::time::sleep(COMPARE_EVERY).await;
            }
        }
    }

    /// A question that takes no work: its time is that of the way and of whoever is in it.
    async fn ask_nothing(&self, links: &PeerLinks) {
        let nothing = Request::Digest { after: 0, upto: 0 };
        let began = Instant::now();
        let asked = timeout(ANSWER_WITHIN, links.call(Lane::Commands, &nothing));
        if let Ok(Ok(_)) = asked.await {
            self.0.round_trips.observed(began.elapsed());
        }
    }

    fn answers(&self, id: u64, answers: bool) {
        let mut peers = self.0.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.insert(id, answers);
    }
}

//! Who is the primary: brings the servers up, promotes a standby after the primary's death, and starts servers again in the
//! role that is theirs then.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shakedown_record::monotonic_ns;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::servers::Servers;
use crate::environment::engine_command::Member;
use crate::environment::error::EnvironmentError;
use crate::environment::local::LocalCluster;
use crate::environment::node::Node;
use crate::environment::wiring::Wiring;
use crate::mechanisms::{Exit, Spawner};

const LOOK_EVERY: Duration = Duration::from_millis(50);
const AFTER_FAILURE: Duration = Duration::from_secs(1);
const STREAMING_WITHIN: Duration = Duration::from_secs(20);

/// Keeps exactly one primary.
#[derive(Debug)]
pub(in crate::environment) struct Keeper {
    watched: Arc<Watched>,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
}

/// The servers, and who of them is the primary.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) servers: Servers,
    /// In the order of the members.
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) wiring: Wiring,
    pub(super) data: PathBuf,
    /// Its place. Held while servers are promoted, started, copied or brought back: one thing at a time.
    pub(super) primary: Mutex<usize>,
    /// When the last backup was whole, in nanoseconds since 1970.
    pub(super) backed_up: Mutex<Option<u64>>,
    /// The same as `primary`, for those who follow it.
    pub(super) told: watch::Sender<usize>,
}

impl Keeper {
    pub(in crate::environment) fn new(
        servers: Servers,
        nodes: &[Arc<Node>],
        wiring: Wiring,
        data: PathBuf,
    ) -> Keeper {
        Keeper {
            watched: Arc::new(Watched {
                servers,
                nodes: nodes.to_vec(),
                wiring,
                data,
                primary: Mutex::new(0),
                told: watch::Sender::new(0),
                backed_up: Mutex::new(None),
            }),
            task: std::sync::Mutex::new(None),
        }
    }

    /// The primary, its standbys, and the table; then the watch begins.
    pub(in crate::environment) async fn bring_up(
        &self,
        cluster: &LocalCluster,
    ) -> Result<(), EnvironmentError> {
        let watched = self.watched.as_ref();
        let Watched {
            servers,
            nodes,
            data,
            ..
        } = watched;
        let Some((primary, standbys)) = nodes.split_first() else {
            return Ok(());
        };
        servers.make_archive(primary, data)?;
        servers
            .init(primary, &data.join(&primary.name), &cluster.spawner)
            .await?;
        cluster.start_ready(primary).await?;
        for (place, standby) in (1..).zip(standbys) {
            watched.copy(place, 0, &cluster.spawner).await?;
            cluster.start_ready(standby).await?;
        }
        servers
            .streamed_to(primary, standbys.len(), STREAMING_WITHIN)
            .await?;
        servers.create(primary).await?;
        if let Some(after_ns) = servers.plan.promote_after_ns {
            let watched = Arc::clone(&self.watched);
            let task = tokio::spawn(async move { watched.watch(after_ns).await });
            *self.task() = Some(task);
        }
        Ok(())
    }

    /// Starts a server again: as it was, or, where another one is the primary by now, as a new copy of that.
    pub(in crate::environment) async fn respawn(
        &self,
        cluster: &LocalCluster,
        name: &str,
    ) -> Result<(), EnvironmentError> {
        let watched = self.watched.as_ref();
        let Some(place) = watched.nodes.iter().position(|node| node.name == name) else {
            return Ok(());
        };
        let primary = watched.primary.lock().await;
        let node = &watched.nodes[place];
        let folder = watched.data.join(name);
        if place != *primary {
            match Servers::was_standby(&folder) {
                true => {
                    let leader = watched.seen(place, *primary);
                    watched.servers.follow(node, &folder, &leader)?;
                }
                false => watched.copy(place, *primary, &cluster.spawner).await?,
            }
        }
        cluster.start_node(node).await
    }

    /// The place of the primary, now and whenever another one is promoted.
    pub(in crate::environment) fn primary(&self) -> watch::Receiver<usize> {
        self.watched.told.subscribe()
    }

    /// No server is promoted from now on.
    pub(in crate::environment) fn rest(&self) {
        if let Some(task) = self.task().take() {
            task.abort();
        }
    }

    pub(super) fn watched(&self) -> &Watched {
        &self.watched
    }

    fn task(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.task
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.rest();
    }
}

impl Watched {
    /// Makes a server a standby with a copy of the primary.
    pub(super) async fn copy(
        &self,
        place: usize,
        primary: usize,
        spawner: &Spawner,
    ) -> Result<(), EnvironmentError> {
        let node = &self.nodes[place];
        let folder = self.data.join(&node.name);
        let direct = &self.wiring.members[primary];
        self.servers.copy(node, &folder, direct, spawner).await?;
        self.servers
            .follow(node, &folder, &self.seen(place, primary))
    }

    /// A server as another one reaches it.
    fn seen(&self, from: usize, whom: usize) -> Member {
        let own = &self.wiring.members[from];
        self.wiring.seen_by(own).swap_remove(whom)
    }

    async fn watch(&self, after_ns: u64) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let mut primary = self.primary.lock().await;
            let node = &self.nodes[*primary];
            let exit = node.child().and_then(|child| child.exit());
            let is_due = |exit: Exit| monotonic_ns() >= exit.at_mono_ns + after_ns;
            if !exit.is_some_and(is_due) {
                continue;
            }
            match self.promote(*primary).await {
                Ok(place) => {
                    tracing::info!(
                        "{} is promoted: {} has ended",
                        self.nodes[place].name,
                        node.name
                    );
                    *primary = place;
                    self.told.send_replace(place);
                    self.lead_on(place).await;
                }
                Err(why) => {
                    tracing::warn!("no standby is promoted: {why}");
                    drop(primary);
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Promotes the standby that has received the most.
    async fn promote(&self, dead: usize) -> Result<usize, String> {
        const RECEIVED: &str = "select pg_wal_lsn_diff(greatest(coalesce(pg_last_wal_receive_lsn(), '0/0'), \
                                coalesce(pg_last_wal_replay_lsn(), '0/0')), '0/0')::text";
        let mut best: Option<(u64, usize)> = None;
        for (place, node) in self.running(dead) {
            match self.servers.value(node, RECEIVED).await {
                Ok(text) => best = best.max(text.parse().ok().map(|bytes| (bytes, place))),
                Err(why) => tracing::warn!("{}: {why}", node.name),
            }
        }
        let (_, place) = best.ok_or("none answers")?;
        let promoted = self
            .servers
            .value(&self.nodes[place], "select pg_promote(true, 8)::text")
            .await?;
        match promoted.as_str() {
            "true" => Ok(place),
            _ => Err(format!(
                "{} is still a standby after 8 s",
                self.nodes[place].name
            )),
        }
    }

    /// The other standbys follow the new primary.
    async fn lead_on(&self, leader: usize) {
        for (place, node) in self.running(leader) {
            let conninfo = self.servers.conninfo(&self.seen(place, leader));
            let set = format!("alter system set primary_conninfo = '{conninfo}'");
            for sql in [set.as_str(), "select pg_reload_conf()"] {
                if let Err(why) = self.servers.asked(node, "postgres", sql).await {
                    tracing::warn!(
                        "{} does not follow {}: {why}",
                        node.name,
                        self.nodes[leader].name
                    );
                }
            }
        }
    }

    /// Servers that run, without this one.
    fn running(&self, without: usize) -> impl Iterator<Item = (usize, &Arc<Node>)> {
        let runs = |node: &Arc<Node>| node.child().is_some_and(|child| child.exit().is_none());
        let nodes = self.nodes.iter().enumerate();
        nodes.filter(move |(place, node)| *place != without && runs(node))
    }
}

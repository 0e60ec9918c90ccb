//! One node: everything started in the right order, and stopped again.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openraft::{Config, Raft, SnapshotPolicy as RaftSnapshotPolicy};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::config::NodeConfig;
use crate::contact::Contact;
use crate::entrances::{Entrances, listen};
use crate::error::EngineError;
use crate::fix::{Copies, Desk};
use crate::gateway::Gateway;
use crate::handover::{Changeover, Handover};
use crate::hive_mind::Outpost;
use crate::http::guard::Guard;
use crate::http::{App, Presence};
use crate::identity;
use crate::ingest::Ticker;
use crate::metrics::Metrics;
use crate::peer::{Hello, PeerServer, PeerService, Peers};
use crate::proposer::Proposer;
use crate::raft::{EngineRaft, LogReader, LogStore, NetworkFactory, StateMachine};
use crate::upkeep;
use crate::websocket::Reports;

/// How long requests at work may take when the node stops.
const DRAIN: Duration = Duration::from_millis(300);

/// How long consensus may take to stop.
const STOP_CONSENSUS: Duration = Duration::from_millis(500);

/// How long a part of a snapshot may take, the installation included, in milliseconds.
const SNAPSHOT_TIMEOUT_MS: u64 = 20_000;

/// Entries per message to a follower.
const REPLICATED_ENTRIES: u64 = 128;

/// Bytes per part of a snapshot.
const SNAPSHOT_PART_BYTES: u64 = 64 * 1024;

/// A running node. Dropping it stops its tasks where they are.
pub struct NodeHandle {
    app: Arc<App>,
    handover: Handover,
    stop: watch::Sender<bool>,
    /// Those that serve clients: they end by themselves when they are to stop.
    servers: Vec<JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
}

/// Work that is compiled with this crate, consensus and all, and not again in every program that waits for it.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Starts a node; returns when it can be reached. It joins its cluster, or forms a new one, in the background.
///
/// # Errors
/// [`EngineError`] with what stands in the way.
pub fn start(config: NodeConfig) -> Boxed<'static, Result<NodeHandle, EngineError>> {
    Box::pin(start_parts(config))
}

async fn start_parts(config: NodeConfig) -> Result<NodeHandle, EngineError> {
    config.validate()?;
    let copies = config.gateways.fix.map(|_| Copies::default());
    let (log, machine) = open_data(&config, copies.clone()).await?;
    let (log_reader, replica, feed) = (log.reader(), machine.replica(), machine.feed());
    let peer_listener = listen(config.peer).await?;
    let entrances = Entrances::open(&config).await?;
    let outpost = Outpost::open(config.hive_mind.as_ref()).await?;
    let peers = Peers::new(&config);
    let metrics = Metrics::default();
    let raft = start_consensus(&config, &peers, &metrics, log, machine).await?;
    let contact = Contact::new();
    let waiting = wait_for_leader(&config, &raft, &contact).await?;
    let changeover = Changeover::new();
    let handover = Handover {
        id: config.id,
        raft: raft.clone(),
        peers,
        proposer: Proposer::start(raft.clone(), replica.clone(), &config.defects),
        changeover: changeover.clone(),
    };
    let gateway = Gateway::new(&handover);
    let service = PeerService {
        hello: hello(&config),
        raft: raft.clone(),
        gateway: gateway.clone(),
        contact: contact.clone(),
        changeover: changeover.clone(),
        replica: replica.clone(),
    };
    config.defects.start(&raft, &replica, &contact);
    let fix = fix_desk(&config, copies);
    let app = Arc::new(App {
        presence: Presence::new(config.id, gateway.clone(), replica.clone()),
        guard: Guard::new(&config.rules),
        config,
        gateway,
        replica,
        feed,
        ticker: Ticker::default(),
        raft: raft.clone(),
        contact,
        metrics,
        log: log_reader.clone(),
        reports: Reports::default(),
        changeover,
        fix,
    });
    let (stop, stopping) = watch::channel(false);
    let mut servers = entrances.serve(&app, &stopping);
    let mut tasks = beside(&app, &handover, log_reader);
    tasks.push(tokio::spawn(PeerServer::new(peer_listener, service).run()));
    tasks.extend(waiting);
    if let Some(outpost) = outpost {
        let [serving, looking] = outpost.serve(&app, &handover.peers, &stopping);
        servers.extend(serving);
        tasks.extend(looking);
    }
    let node = NodeHandle {
        app,
        handover,
        stop,
        servers,
        tasks,
    };
    node.form_cluster().await?;
    Ok(node)
}

/// Starts what a node does beside serving.
fn beside(app: &Arc<App>, handover: &Handover, log: LogReader) -> Vec<JoinHandle<()>> {
    let (raft, metrics) = (&app.raft, app.metrics.clone());
    vec![
        tokio::spawn(upkeep::count_elections(raft.server_metrics(), metrics)),
        tokio::spawn(upkeep::tell_time(Arc::clone(app))),
        app.presence.watching(handover),
        tokio::spawn(upkeep::limit_log(raft.clone(), log, app.config.snapshots)),
    ]
}

fn hello(config: &NodeConfig) -> Hello {
    Hello {
        fingerprint: config.fingerprint(),
        target: config.id,
    }
}

fn fix_desk(config: &NodeConfig, copies: Option<Copies>) -> Desk {
    let copies = copies.unwrap_or_default();
    Desk::new(config.data.join("fix"), config.name(), copies)
}

/// A node with data that is to wait for a leader does not stand for election at first.
async fn wait_for_leader(
    config: &NodeConfig,
    raft: &EngineRaft,
    contact: &Contact,
) -> Result<Option<JoinHandle<()>>, EngineError> {
    let back = raft.is_initialized().await;
    let back = back.map_err(|error| consensus(config, &error))?;
    if !back || config.stand_after_ms == 0 {
        return Ok(None);
    }
    raft.runtime_config().elect(false);
    let at_most = Duration::from_millis(config.stand_after_ms);
    let waiting = upkeep::stand_later(raft.clone(), contact.clone(), at_most);
    Ok(Some(tokio::spawn(waiting)))
}

/// Runs a node until it is asked to stop (SIGTERM or SIGINT) or has to. Asked to stop, it first hands over and goes
/// on serving, if it is configured so; asked twice, it does not.
///
/// # Errors
/// [`EngineError`] with what stood in the way, or why it had to stop.
pub async fn run(config: NodeConfig) -> Result<(), EngineError> {
    let asked = asked_to_stop()?;
    let mut node = start(config).await?;
    tracing::info!(name = node.app.config.name(), http = %node.http_address(), "the node is up");
    let failed = tokio::select! {
        () = asked => None,
        error = node.failed() => Some(error),
    };
    if failed.is_none() && node.app.config.drain_ms > 0 {
        let asked_again = asked_to_stop()?;
        tokio::select! {
            () = node.drain() => {}
            () = asked_again => tracing::info!("asked to stop again: the drain ends here"),
            _ = node.failed() => {}
        }
    }
    node.stop().await;
    failed.map_or(Ok(()), Err)
}

/// Resolves when the process is asked to stop.
///
/// # Errors
/// [`EngineError::System`] if signals cannot be listened for.
pub fn asked_to_stop() -> Result<impl Future<Output = ()>, EngineError> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| {
        signal(kind).map_err(|source| EngineError::System {
            what: "listen for signals",
            source,
        })
    };
    let (mut terminate, mut interrupt) = (
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

impl NodeHandle {
    /// The node from within: its replica, its consensus, its gateway.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Where it serves clients.
    pub fn http_address(&self) -> SocketAddr {
        self.app.config.http
    }

    /// Waits until the node can no longer go on, and says why.
    pub async fn failed(&self) -> EngineError {
        let mut metrics = self.app.raft.metrics();
        let why = match metrics
            .wait_for(|metrics| metrics.running_state.is_err())
            .await
        {
            Ok(metrics) => match &metrics.running_state {
                Ok(()) => "consensus ended".to_owned(),
                Err(fatal) => fatal.to_string(),
            },
            Err(_) => "consensus ended".to_owned(),
        };
        EngineError::Consensus {
            name: self.app.config.name().to_owned(),
            why,
        }
    }

    /// Hands the leadership over if there is one, and goes on serving until the configured time is over, while it
    /// sends everyone elsewhere. Stops nothing.
    pub fn drain(&self) -> Boxed<'_, ()> {
        Box::pin(self.drain_parts())
    }

    async fn drain_parts(&self) {
        let end = Instant::now() + Duration::from_millis(self.app.config.drain_ms);
        self.handover.changeover.start_draining();
        match self.handover.run(end).await {
            Ok(None) => {}
            Ok(Some(leader)) => tracing::info!(leader, "handed over"),
            Err(error) => tracing::warn!(%error, "cannot hand over"),
        }
        tokio::time::sleep_until(end).await;
    }

    /// Stops the node: no new requests, a short while for those at work, then consensus and log.
    pub fn stop(&mut self) -> Boxed<'_, ()> {
        Box::pin(self.stop_parts())
    }

    async fn stop_parts(&mut self) {
        self.stop.send_replace(true);
        let end = Instant::now() + DRAIN;
        for mut server in self.servers.drain(..) {
            if tokio::time::timeout_at(end, &mut server).await.is_err() {
                server.abort();
            }
        }
        for task in &self.tasks {
            task.abort();
        }
        if tokio::time::timeout(STOP_CONSENSUS, self.app.raft.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("consensus did not stop in time");
        }
    }

    /// At the very first start, the first member proposes the membership; with data on disk nobody ever does.
    async fn form_cluster(&self) -> Result<(), EngineError> {
        let config = &self.app.config;
        let ids: BTreeSet<u64> = config.members.iter().map(|member| member.id).collect();
        if ids.first() != Some(&config.id) {
            return Ok(());
        }
        let initialized = self
            .app
            .raft
            .is_initialized()
            .await
            .map_err(|error| consensus(config, &error))?;
        if !initialized && let Err(error) = self.app.raft.initialize(ids).await {
            tracing::info!(%error, "the cluster is being formed already");
        }
        Ok(())
    }
}

impl Drop for NodeHandle {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for task in self.tasks.iter().chain(&self.servers) {
            task.abort();
        }
    }
}

/// Opens log and snapshots; both may take a while, and the folder may still be in use by an engine that is ending.
async fn open_data(
    config: &NodeConfig,
    copies: Option<Copies>,
) -> Result<(LogStore, StateMachine), EngineError> {
    let folder = config.data.clone();
    let defects = config.defects.clone().on_node(config.id);
    let member = config.member(config.id).cloned();
    let opened = tokio::task::spawn_blocking(move || {
        let log = LogStore::open(&folder, &defects)?;
        if let Some(member) = member {
            identity::claim(&folder, &member)?;
        }
        let machine = StateMachine::open(&folder, &defects, copies)?;
        Ok((log, machine))
    });
    opened.await.map_err(|error| EngineError::System {
        what: "open the data folder",
        source: std::io::Error::other(error),
    })?
}

async fn start_consensus(
    config: &NodeConfig,
    peers: &Peers,
    metrics: &Metrics,
    log: LogStore,
    machine: StateMachine,
) -> Result<EngineRaft, EngineError> {
    let settings = Arc::new(raft_config(config)?);
    let network = NetworkFactory::new(peers.clone(), metrics.clone(), config.defects.clone());
    Raft::new(config.id, settings, network, log, machine)
        .await
        .map_err(|error| consensus(config, &error))
}

fn raft_config(config: &NodeConfig) -> Result<Config, EngineError> {
    let election = config.own_election();
    let every_entries = config
        .defects
        .snapshot_every(config.snapshots.every_entries);
    Config {
        cluster_name: "shakedown-engine".to_owned(),
        election_timeout_min: election.min_ms,
        election_timeout_max: election.max_ms,
        heartbeat_interval: config.heartbeat_ms,
        install_snapshot_timeout: SNAPSHOT_TIMEOUT_MS,
        max_payload_entries: REPLICATED_ENTRIES,
        snapshot_policy: RaftSnapshotPolicy::LogsSinceLast(every_entries),
        snapshot_max_chunk_size: SNAPSHOT_PART_BYTES,
        max_in_snapshot_log_to_keep: config.snapshots.keep_entries,
        ..Config::default()
    }
    .validate()
    .map_err(|error| EngineError::Usage(format!("these timeouts do not work: {error}")))
}

fn consensus(config: &NodeConfig, error: &impl std::fmt::Display) -> EngineError {
    EngineError::Consensus {
        name: config.name().to_owned(),
        why: error.to_string(),
    }
}

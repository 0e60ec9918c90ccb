//! Who is connected: orders can be bound to the connection over which they come, and end with it.
//!
//! A connection that ends is told to the log by its node. A node that dies can tell nothing: the leader misses it, and ends
//! what was bound to its connections. A node that comes back ends what its former life has left, before it binds anything.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures_util::task::AtomicWaker;
use openraft::ServerState;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, RwLock, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::command::{Answer, Command, Line};
use crate::gateway::{Gateway, Outcome, ServerMetrics};
use crate::handover::Handover;
use crate::peer::Peers;
use crate::secure::{Stream, Wrapped};
use crate::state::SharedReplica;

/// A member that has answered the leader nothing for so long has lost its connections.
const LOST_AFTER: Duration = Duration::from_secs(2);

/// How often the leader looks who is missing.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Pause before the log is told again of an end that it could not be told.
const TELL_AGAIN: Duration = Duration::from_millis(100);

/// How long a node waits for its own epoch to be applied.
const APPLIED_WITHIN: Duration = Duration::from_secs(1);

/// The connections of one node; cheap to clone.
#[derive(Debug, Clone)]
pub struct Presence(Arc<Node>);

#[derive(Debug)]
struct Node {
    id: u64,
    gateway: Gateway,
    replica: SharedReplica,
    /// What a former life of this node has left has ended.
    is_new: OnceCell<()>,
    /// Numbers that were given out.
    numbers: AtomicU64,
    /// Connections to which orders are bound, by number.
    bound: Mutex<BTreeMap<u64, Weak<Connection>>>,
}

/// A connection as its requests see it; cheap to clone.
#[derive(Debug, Clone)]
pub struct Caller(Arc<Connection>);

#[derive(Debug)]
struct Connection {
    presence: Presence,
    number: u64,
    /// From its first bound order on.
    line: OnceLock<Line>,
    /// Who waits for the next request.
    reader: AtomicWaker,
    /// Read while a bound order is under way.
    busy: Arc<RwLock<()>>,
}

impl Presence {
    /// Of the node with this number.
    pub fn new(id: u64, gateway: Gateway, replica: SharedReplica) -> Self {
        Self(Arc::new(Node {
            id,
            gateway,
            replica,
            is_new: OnceCell::new(),
            numbers: AtomicU64::new(0),
            bound: Mutex::default(),
        }))
    }

    /// Starts the task that ends what is bound to connections of nodes that are gone.
    pub fn watching(&self, handover: &Handover) -> JoinHandle<()> {
        let (metrics, peers) = (handover.raft.server_metrics(), handover.peers.clone());
        tokio::spawn(self.clone().watch(metrics, peers))
    }

    async fn watch(self, mut metrics: watch::Receiver<ServerMetrics>, peers: Peers) {
        let (mut leads_since, mut epoch) = (None, self.epoch(self.0.id));
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if self.epoch(self.0.id) != epoch {
                epoch = self.epoch(self.0.id);
                self.end_given_up();
            }
            if !self.0.is_new.initialized() && self.has(self.0.id) {
                let _told = self.begin().await;
            }
            let leads = metrics.borrow_and_update().state == ServerState::Leader;
            leads_since = leads.then(|| leads_since.unwrap_or_else(Instant::now));
            let Some(since) = leads_since else { continue };
            for id in peers.ids() {
                let heard = peers.get(id).and_then(|peer| peer.heard());
                let heard = heard.map_or(since, |heard| heard.max(since));
                if heard.elapsed() > LOST_AFTER && self.has(id) {
                    tracing::info!(node = id, "a node is gone, and what was bound to it ends");
                    let epoch = Some(self.epoch(id));
                    let _told = self.tell(&Command::Lost { node: id, epoch }).await;
                }
            }
        }
    }

    fn bound(&self) -> MutexGuard<'_, BTreeMap<u64, Weak<Connection>>> {
        self.0.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connections of an earlier epoch: the others believe that they have ended.
    fn end_given_up(&self) {
        let connections: Vec<_> = self.bound().values().filter_map(Weak::upgrade).collect();
        for connection in connections {
            connection.reader.wake();
        }
    }

    /// Makes this node one that has no connections yet. False when the log could not be told.
    async fn begin(&self) -> bool {
        let begun = self.0.is_new.get_or_try_init(|| async {
            let node = self.0.id;
            let next = self.tell(&Command::Lost { node, epoch: None }).await;
            let next = next.ok_or(())?;
            let give_up = Instant::now() + APPLIED_WITHIN;
            while self.epoch(node) < next {
                if Instant::now() > give_up {
                    return Err(());
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Ok(())
        });
        begun.await.is_ok()
    }

    /// Tells the log that connections have ended: the epoch in which their node is now, if it has heard.
    async fn tell(&self, command: &Command<'_>) -> Option<u64> {
        match self.0.gateway.execute(command.encode()).await {
            Outcome::Answered(Answer::Ended { epoch, .. }) => Some(epoch),
            Outcome::Answered(_) | Outcome::Unavailable(_) | Outcome::Unknown(_) => None,
        }
    }

    fn epoch(&self, node: u64) -> u64 {
        self.0.replica.read().exchange.lines().epoch(node)
    }

    fn has(&self, node: u64) -> bool {
        self.0.replica.read().exchange.lines().has(node)
    }

    fn has_ended(&self, line: Line) -> bool {
        self.0.replica.read().exchange.lines().has_ended(line)
    }
}

impl Caller {
    fn new(presence: &Presence) -> Self {
        Self(Arc::new(Connection {
            presence: presence.clone(),
            number: presence.0.numbers.fetch_add(1, Ordering::Relaxed),
            line: OnceLock::new(),
            reader: AtomicWaker::new(),
            busy: Arc::default(),
        }))
    }

    /// What an order is bound to that ends with this connection; `None`: it cannot be bound now.
    pub async fn line(&self) -> Option<Line> {
        let presence = &self.0.presence;
        if !presence.begin().await {
            return None;
        }
        let line = *self.0.line.get_or_init(|| {
            presence
                .bound()
                .insert(self.0.number, Arc::downgrade(&self.0));
            Line {
                node: presence.0.id,
                epoch: presence.epoch(presence.0.id),
                number: self.0.number,
            }
        });
        (!presence.has_ended(line)).then_some(line)
    }

    /// The others believe that this connection has ended: its client is better off with another one.
    pub fn is_given_up(&self) -> bool {
        let line = self.0.line.get();
        line.is_some_and(|line| self.0.presence.has_ended(*line))
    }

    /// Executes a bound order. It goes on when its client leaves meanwhile, so that its end comes after it.
    pub async fn execute(&self, command: bytes::Bytes) -> Outcome {
        let busy = Arc::clone(&self.0.busy).read_owned().await;
        let gateway = self.0.presence.0.gateway.clone();
        let executed = tokio::spawn(async move {
            let outcome = gateway.execute(command).await;
            drop(busy);
            outcome
        });
        let lost = Outcome::Unknown(crate::gateway::Unknown::TimedOut);
        executed.await.unwrap_or(lost)
    }

    /// The connection has ended.
    fn leave(&self) {
        let (Some(line), Ok(runtime)) = (self.0.line.get().copied(), Handle::try_current()) else {
            return;
        };
        self.0.presence.bound().remove(&self.0.number);
        let caller = self.clone();
        runtime.spawn(async move {
            let presence = &caller.0.presence;
            let _none_under_way = caller.0.busy.write().await;
            let hangup = Command::Hangup { line };
            while !presence.has_ended(line) && presence.tell(&hangup).await.is_none() {
                tokio::time::sleep(TELL_AGAIN).await;
            }
        });
    }
}

/// Connections for the HTTP server that are missed when they end.
#[derive(Debug)]
pub struct Missed {
    listener: Wrapped,
    presence: Presence,
}

impl Missed {
    /// Those of a listener.
    pub fn new(listener: Wrapped, presence: Presence) -> Self {
        Self { listener, presence }
    }
}

/// One of them.
#[derive(Debug)]
pub struct MissedStream {
    stream: Stream,
    caller: Caller,
}

impl Drop for MissedStream {
    fn drop(&mut self) {
        self.caller.leave();
    }
}

impl Listener for Missed {
    type Io = MissedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (MissedStream, SocketAddr) {
        let (stream, from) = self.listener.accept().await;
        let caller = Caller::new(&self.presence);
        (MissedStream { stream, caller }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Missed>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Missed>) -> Self {
        stream.io().caller.clone()
    }
}

impl AsyncRead for MissedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.caller.0.reader.register(context.waker());
        match this.caller.is_given_up() {
            // As if the client had hung up.
            true => Poll::Ready(Ok(())),
            false => Pin::new(&mut this.stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for MissedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

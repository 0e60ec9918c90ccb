//! The calling side: one connection per purpose and peer, dialled when needed, shared by all who call.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader, BufWriter};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::frame::tune;
use super::{FrameError, Hello, Reply, Request, read_frame, write_frame};
use crate::config::NodeConfig;
use crate::endpoint::Endpoint;

/// How long a dial may take, the look-up of the name included.
const DIAL_TIMEOUT: Duration = Duration::from_millis(500);

/// Frames that wait for the socket; a caller beyond that waits itself, so a frozen peer costs no memory.
const QUEUED_FRAMES: usize = 64;

/// What a connection is for: heartbeats must not wait behind a snapshot, nor orders behind either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Entries, heartbeats and votes.
    Consensus,
    /// Snapshots.
    Snapshots,
    /// Client commands on their way to the leader.
    Commands,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing was sent: the peer has definitely not seen the request.
    #[error("the peer cannot be reached: {0}")]
    NotSent(String),
    /// The connection broke after the request may have been sent: the peer may have seen it, or not.
    #[error("the connection broke before the answer came")]
    Interrupted,
}

type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Reply>>>>>;

#[derive(Debug, Clone)]
struct Connection {
    frames: mpsc::Sender<Vec<u8>>,
    waiting: Waiting,
}

#[derive(Debug)]
struct Link {
    peer: Endpoint,
    hello: Hello,
    connection: tokio::sync::Mutex<Option<Connection>>,
    next_number: AtomicU64,
}

/// The connections to one peer.
#[derive(Debug)]
pub struct PeerLinks {
    consensus: Link,
    snapshots: Link,
    commands: Link,
    heard: Mutex<Option<Instant>>,
}

/// The connections to all peers.
#[derive(Debug, Clone)]
pub struct Peers(Arc<HashMap<u64, Arc<PeerLinks>>>);

impl Peers {
    /// The numbers of all members but this node.
    pub fn ids(&self) -> Vec<u64> {
        self.0.keys().copied().collect()
    }

    /// Links to all members but this node; nothing is dialled yet.
    pub fn new(config: &NodeConfig) -> Self {
        let links = config
            .members
            .iter()
            .filter(|member| member.id != config.id)
            .map(|member| {
                let link = || Link {
                    peer: member.peer.clone(),
                    hello: Hello {
                        fingerprint: config.fingerprint(),
                        target: member.id,
                    },
                    connection: tokio::sync::Mutex::new(None),
                    next_number: AtomicU64::new(1),
                };
                let links = PeerLinks {
                    consensus: link(),
                    snapshots: link(),
                    commands: link(),
                    heard: Mutex::default(),
                };
                (member.id, Arc::new(links))
            });
        Self(Arc::new(links.collect()))
    }

    /// The connections to the member with this number.
    pub fn get(&self, id: u64) -> Option<Arc<PeerLinks>> {
        self.0.get(&id).cloned()
    }
}

impl PeerLinks {
    /// Sends a request, once, and waits for the answer. May be dropped at any time.
    ///
    /// # Errors
    /// [`CallError`], which says whether the peer may have seen the request.
    pub async fn call(&self, lane: Lane, request: &Request) -> Result<Reply, CallError> {
        let reply = match lane {
            Lane::Consensus => self.consensus.call(request).await,
            Lane::Snapshots => self.snapshots.call(request).await,
            Lane::Commands => self.commands.call(request).await,
        }?;
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(reply)
    }

    /// When the peer last answered anything; `None`: never.
    pub fn heard(&self) -> Option<Instant> {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    async fn call(&self, request: &Request) -> Result<Reply, CallError> {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let frame =
            write_frame(number, request).map_err(|error| CallError::NotSent(error.to_string()))?;
        let connection = self.connection().await?;
        let (answered, answer) = oneshot::channel();
        let _entry = WaitingEntry::add(&connection.waiting, number, answered)
            .ok_or_else(|| CallError::NotSent("the connection just broke".to_owned()))?;
        connection
            .frames
            .send(frame)
            .await
            .map_err(|_| CallError::NotSent("the connection just broke".to_owned()))?;
        answer.await.map_err(|_| CallError::Interrupted)
    }

    /// The living connection, or a new one.
    async fn connection(&self) -> Result<Connection, CallError> {
        let mut slot = self.connection.lock().await;
        if let Some(connection) = slot.as_ref().filter(|connection| connection.is_alive()) {
            return Ok(connection.clone());
        }
        *slot = None;
        let connection = self
            .dial()
            .await
            .map_err(|error| CallError::NotSent(format!("{}: {error}", self.peer)))?;
        *slot = Some(connection.clone());
        Ok(connection)
    }

    async fn dial(&self) -> std::io::Result<Connection> {
        let mut stream = tokio::time::timeout(DIAL_TIMEOUT, self.peer.connect()).await??;
        tune(&stream)?;
        self.hello.send(&mut stream).await?;
        let (read_half, write_half) = stream.into_split();
        let (frames, queue) = mpsc::channel(QUEUED_FRAMES);
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        tokio::spawn(run_connection(
            read_half,
            write_half,
            queue,
            Arc::clone(&waiting),
        ));
        Ok(Connection { frames, waiting })
    }
}

impl Connection {
    fn is_alive(&self) -> bool {
        lock(&self.waiting).is_some()
    }
}

/// Sends and receives until either side fails, then lets everyone who waits know.
async fn run_connection(
    read_half: OwnedReadHalf,
    write_half: OwnedWriteHalf,
    queue: mpsc::Receiver<Vec<u8>>,
    waiting: Waiting,
) {
    let ended = tokio::select! {
        ended = send_frames(write_half, queue) => ended,
        ended = receive_replies(read_half, &waiting) => ended,
    };
    lock(&waiting).take();
    if let Err(error) = ended {
        tracing::debug!(%error, "a peer connection ended");
    }
}

async fn send_frames(
    write_half: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Vec<u8>>,
) -> Result<(), FrameError> {
    let mut out = BufWriter::new(write_half);
    while let Some(frame) = queue.recv().await {
        out.write_all(&frame).await?;
        while let Ok(frame) = queue.try_recv() {
            out.write_all(&frame).await?;
        }
        out.flush().await?;
    }
    Ok(())
}

async fn receive_replies(read_half: OwnedReadHalf, waiting: &Waiting) -> Result<(), FrameError> {
    let mut input = BufReader::new(read_half);
    while let Some((number, reply)) = read_frame::<Reply>(&mut input).await? {
        let waiter = lock(waiting)
            .as_mut()
            .and_then(|waiting| waiting.remove(&number));
        if let Some(waiter) = waiter {
            let _gone = waiter.send(reply);
        }
    }
    Ok(())
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Reply>>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a caller off the list when it no longer waits.
struct WaitingEntry<'a> {
    waiting: &'a Waiting,
    number: u64,
}

impl<'a> WaitingEntry<'a> {
    fn add(waiting: &'a Waiting, number: u64, answered: oneshot::Sender<Reply>) -> Option<Self> {
        lock(waiting).as_mut()?.insert(number, answered);
        Some(Self { waiting, number })
    }
}

impl Drop for WaitingEntry<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = lock(self.waiting).as_mut() {
            waiting.remove(&self.number);
        }
    }
}

//! The answering side: every request is worked on by itself, answers go back as they are ready.

use std::sync::Arc;

use openraft::LogIdOptionExt;
use openraft::error::RaftError;
use tokio::io::{AsyncWriteExt, BufReader, BufWriter};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::frame::tune;
use super::{FrameError, Hello, Reply, Request, read_frame, write_frame};
use crate::contact::Contact;
use crate::gateway::Gateway;
use crate::handover::Changeover;
use crate::raft::EngineRaft;
use crate::state::SharedReplica;

/// Answers that wait for the socket.
const QUEUED_REPLIES: usize = 1024;

/// What is needed to answer peers.
#[derive(Clone)]
pub struct PeerService {
    /// The greeting that is expected.
    pub hello: Hello,
    /// Consensus.
    pub raft: EngineRaft,
    /// Where commands go.
    pub gateway: Gateway,
    /// Where it is noted that a leader was heard.
    pub contact: Contact,
    /// What is known of leaders that leave.
    pub changeover: Changeover,
    /// What this node has.
    pub replica: SharedReplica,
}

/// Listens for peers.
pub struct PeerServer {
    listener: TcpListener,
    service: Arc<PeerService>,
}

impl PeerServer {
    /// Will serve on `listener`.
    pub fn new(listener: TcpListener, service: PeerService) -> Self {
        Self {
            listener,
            service: Arc::new(service),
        }
    }

    /// Serves until dropped.
    pub async fn run(self) {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let service = Arc::clone(&self.service);
                        connections.spawn(async move {
                            if let Err(error) = serve(stream, service).await {
                                tracing::debug!(%error, "a peer's connection ended");
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a peer");
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn serve(mut stream: TcpStream, service: Arc<PeerService>) -> Result<(), FrameError> {
    tune(&stream)?;
    service.hello.expect(&mut stream).await?;
    let (read_half, write_half) = stream.into_split();
    let (replies, queue) = mpsc::channel::<Vec<u8>>(QUEUED_REPLIES);
    let receive = async {
        let mut input = BufReader::new(read_half);
        while let Some((number, request)) = read_frame::<Request>(&mut input).await? {
            let (service, replies) = (Arc::clone(&service), replies.clone());
            tokio::spawn(async move {
                let reply = service.answer(request).await;
                match write_frame(number, &reply) {
                    Ok(frame) => {
                        let _gone = replies.send(frame).await;
                    }
                    Err(error) => tracing::error!(%error, "cannot encode an answer to a peer"),
                }
            });
        }
        Ok(())
    };
    tokio::select! {
        ended = receive => ended,
        ended = send(write_half, queue) => ended,
    }
}

async fn send(
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

impl PeerService {
    async fn answer(&self, request: Request) -> Reply {
        match request {
            Request::Append(append) => {
                let committed = append.leader_commit.index();
                match self.raft.append_entries(append).await {
                    Ok(response) => {
                        if !matches!(
                            response,
                            openraft::raft::AppendEntriesResponse::HigherVote(_)
                        ) {
                            self.contact.heard(committed);
                        }
                        Reply::Append(response)
                    }
                    Err(error) => Reply::Failed(error.to_string()),
                }
            }
            Request::Vote(vote) => match self.raft.vote(vote).await {
                Ok(response) => Reply::Vote(response),
                Err(error) => Reply::Failed(error.to_string()),
            },
            Request::Snapshot(part) => match self.raft.install_snapshot(part).await {
                Ok(response) => Reply::Snapshot(response),
                Err(RaftError::APIError(refused)) => Reply::SnapshotRefused(refused),
                Err(RaftError::Fatal(error)) => Reply::Failed(error.to_string()),
            },
            Request::Command(command) => {
                Reply::Command(self.gateway.execute_as_leader(command).await)
            }
            Request::LeaderLeaves(leader) => {
                self.changeover.expect(leader, self.raft.server_metrics());
                Reply::Noted
            }
            Request::Digest { after, upto } => {
                let replica = self.replica.read();
                let upto = upto.min(replica.exchange.next_order_id() - 1);
                let digest = replica.exchange.digest(after, upto);
                Reply::Digest { upto, digest }
            }
            Request::TakeOver if self.changeover.is_draining() => {
                Reply::Failed("this node is stopping itself".to_owned())
            }
            Request::TakeOver => match self.raft.trigger().elect().await {
                Ok(()) => Reply::Noted,
                Err(error) => Reply::Failed(error.to_string()),
            },
        }
    }
}

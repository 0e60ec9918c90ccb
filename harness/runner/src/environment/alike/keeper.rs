//! Brings these servers up, and leads PgBouncer to whoever is the primary.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::servers::{Servers, Which};
use crate::environment::engine_command::Member;
use crate::environment::error::{EnvironmentError, failed};
use crate::environment::health::{PlainRequest, ask_plain};
use crate::environment::local::LocalCluster;
use crate::environment::node::Node;
use crate::environment::wiring::Wiring;

const ONE_ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Knows the servers of a part.
#[derive(Debug)]
pub(in crate::environment) struct Keeper {
    kept: Arc<Kept>,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Kept {
    servers: Servers,
    nodes: Vec<Arc<Node>>,
    /// Of these nodes, and of those that they are led to.
    wiring: Wiring,
    data: PathBuf,
}

impl Keeper {
    pub(in crate::environment) fn new(
        servers: Servers,
        nodes: &[Arc<Node>],
        wiring: Wiring,
        data: PathBuf,
    ) -> Keeper {
        Keeper {
            kept: Arc::new(Kept {
                servers,
                nodes: nodes.to_vec(),
                wiring,
                data,
            }),
            task: std::sync::Mutex::new(None),
        }
    }

    /// All of them at once, and what has to be in them.
    pub(in crate::environment) async fn bring_up(
        &self,
        cluster: &LocalCluster,
    ) -> Result<(), EnvironmentError> {
        let kept = &self.kept;
        let primary = match kept.servers.which() {
            Which::PgBouncer(plan) => cluster.primary_of(&plan.of),
            Which::Nats(_) | Which::InfluxDb(_) => None,
        };
        kept.configure(primary.as_ref().map(|primary| *primary.borrow()))?;
        cluster.bring_up(&kept.nodes).await?;
        if let Which::InfluxDb(plan) = kept.servers.which()
            && let Some(database) = &plan.database
        {
            kept.create(database).await?;
        }
        if let Some(primary) = primary {
            let kept = Arc::clone(kept);
            *self.task() = Some(tokio::spawn(async move { kept.follow(primary).await }));
        }
        Ok(())
    }

    /// Starts a server again.
    pub(in crate::environment) async fn respawn(
        &self,
        cluster: &LocalCluster,
        name: &str,
    ) -> Result<(), EnvironmentError> {
        match self.kept.nodes.iter().find(|node| node.name == name) {
            Some(node) => cluster.start_node(node).await,
            None => Ok(()),
        }
    }

    /// Nobody is led anywhere else from now on.
    pub(in crate::environment) fn rest(&self) {
        if let Some(task) = self.task().take() {
            task.abort();
        }
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

impl Kept {
    /// Writes what each is started with; `primary`: its place in its part.
    fn configure(&self, primary: Option<usize>) -> Result<(), EnvironmentError> {
        for node in &self.nodes {
            let own = self.wiring.members.iter().find(|it| it.name == node.name);
            let Some(own) = own else { continue };
            let led_to = primary.and_then(|place| self.primary(own, place));
            let data = self.data.join(&node.name);
            self.servers.configure(node, own, &data, led_to)?;
        }
        Ok(())
    }

    /// Where the server of a place in the part behind is, as one of these reaches it.
    fn primary(&self, own: &Member, place: usize) -> Option<SocketAddr> {
        let Which::PgBouncer(plan) = self.servers.which() else {
            return None;
        };
        let name = format!("{}-{}", plan.of, place + 1);
        let seen = self.wiring.seen_by(own);
        let found = seen.into_iter().find(|member| member.name == name);
        found.map(|member| member.http)
    }

    /// Whenever another one is the primary, reads the configuration again, which leads there.
    async fn follow(&self, mut primary: watch::Receiver<usize>) {
        while primary.changed().await.is_ok() {
            let place = *primary.borrow_and_update();
            if let Err(error) = self.configure(Some(place)) {
                tracing::warn!("{error}");
                continue;
            }
            for node in &self.nodes {
                let Some(child) = node.child().filter(|child| child.exit().is_none()) else {
                    continue;
                };
                match child.handle().signal(Signal::HUP) {
                    Ok(_) => tracing::info!("{} is led to another primary", node.name),
                    Err(error) => tracing::warn!("{}: {error}", node.name),
                }
            }
        }
    }

    /// A database of InfluxDB, which is nothing new to one that has it.
    async fn create(&self, database: &str) -> Result<(), EnvironmentError> {
        let path = format!("/query?q=CREATE+DATABASE+%22{database}%22");
        let request = PlainRequest::Http(format!("POST {path} HTTP/1.1\r\nContent-Length: 0\r\n"));
        for node in &self.nodes {
            let answer = ask_plain(node.http, &request, ONE_ANSWER_WITHIN).await;
            if !answer.is_success() {
                let why = format!("it {answer}");
                return Err(failed(node, "make its database", why));
            }
        }
        Ok(())
    }
}

//! Brings servers and sentinels up, each when those that it has to find are there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::servers::Servers;
use crate::environment::error::{EnvironmentError, failed};
use crate::environment::local::LocalCluster;
use crate::environment::node::Node;
use crate::environment::wiring::Wiring;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Sentinels hear of each other through the master, every two seconds.
const FOUND_WITHIN: Duration = Duration::from_secs(20);

/// Knows the servers of a cluster.
#[derive(Debug)]
pub(in crate::environment) struct Keeper {
    servers: Servers,
    /// In the order of the members.
    nodes: Vec<Arc<Node>>,
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
            servers,
            nodes: nodes.to_vec(),
            wiring,
            data,
        }
    }

    /// The master, its replicas, and the sentinels, who know all of them and each other.
    pub(in crate::environment) async fn bring_up(
        &self,
        cluster: &LocalCluster,
    ) -> Result<(), EnvironmentError> {
        let members = &self.wiring.members;
        let Some((master, first)) = members.first().zip(self.nodes.first()) else {
            return Ok(());
        };
        for (own, node) in members.iter().zip(&self.nodes) {
            let data = self.data.join(&own.name);
            self.servers.configure(node, own, master, &data)?;
        }
        let watches = |node: &&Arc<Node>| self.servers.sentinel_of(&node.name).is_some();
        let (sentinels, servers): (Vec<_>, Vec<_>) = self.nodes.iter().partition(watches);
        for node in &servers {
            cluster.start_ready(node).await?;
        }
        let replicas = servers.len() - 1;
        until(first, "have its replicas follow it", async || {
            let role = Servers::asked(first, &["ROLE"]).await?;
            let online = role
                .pointer("/2")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            enough(online, replicas, "replicas follow")
        })
        .await?;
        for node in &sentinels {
            cluster.start_ready(node).await?;
        }
        for node in &sentinels {
            let Some(plan) = self.servers.sentinel_of(&node.name) else {
                continue;
            };
            until(
                node,
                "find the servers and the other sentinels",
                async || {
                    let told = Servers::asked(node, &["SENTINEL", "MASTER", &plan.master]).await?;
                    enough(field(&told, "num-slaves"), replicas, "replicas are known")?;
                    let others = field(&told, "num-other-sentinels");
                    enough(others, sentinels.len() - 1, "sentinels are known")
                },
            )
            .await?;
        }
        Ok(())
    }

    /// Starts a server again. What it is then stands in its own configuration, and the sentinels correct it.
    pub(in crate::environment) async fn respawn(
        &self,
        cluster: &LocalCluster,
        name: &str,
    ) -> Result<(), EnvironmentError> {
        match self.nodes.iter().find(|node| node.name == name) {
            Some(node) => cluster.start_node(node).await,
            None => Ok(()),
        }
    }
}

/// Asks again and again until the answer will do.
async fn until(
    node: &Node,
    what: &'static str,
    mut ask: impl AsyncFnMut() -> Result<(), String>,
) -> Result<(), EnvironmentError> {
    let deadline = Instant::now() + FOUND_WITHIN;
    loop {
        match ask().await {
            Ok(()) => return Ok(()),
            Err(why) if Instant::now() >= deadline => {
                let why = format!("{why} after {} s", FOUND_WITHIN.as_secs());
                return Err(failed(node, what, why));
            }
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

fn enough(seen: usize, wanted: usize, what: &str) -> Result<(), String> {
    match seen >= wanted {
        true => Ok(()),
        false => Err(format!("{seen} of {wanted} {what}")),
    }
}

/// A number out of a list of names and values.
fn field(told: &Value, name: &str) -> usize {
    let list = told.as_array().map_or(&[][..], Vec::as_slice);
    let pair = list.chunks_exact(2).find(|pair| pair[0] == name);
    let text = pair.and_then(|pair| pair[1].as_str());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_sentinel_knows_is_read_by_name() {
        let told = json!([
            "name",
            "orders",
            "num-slaves",
            "2",
            "num-other-sentinels",
            "1"
        ]);
        assert_eq!(
            (
                field(&told, "num-slaves"),
                field(&told, "num-other-sentinels")
            ),
            (2, 1)
        );
        assert_eq!(field(&told, "quorum"), 0);
        assert!(
            enough(1, 2, "replicas follow")
                .unwrap_err()
                .contains("1 of 2")
        );
    }
}

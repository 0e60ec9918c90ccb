//! How a change to a container is taken back, by somebody who knows nothing but this.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::engine::Engine;
use super::error::EngineError;
use super::look::{ContainerState, Endpoint, short};

/// One change to one container of the engine at `host`. Taking it back twice does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// It was to be paused.
    Unpause { host: String, id: String },
    /// It was to be ended.
    Start { host: String, id: String },
    /// It was to be taken out of a network.
    Connect {
        host: String,
        id: String,
        /// The network's name.
        network: String,
        place: Endpoint,
    },
}

impl Undo {
    /// The engine that has the container.
    pub fn host(&self) -> &str {
        match self {
            Undo::Unpause { host, .. } | Undo::Start { host, .. } | Undo::Connect { host, .. } => {
                host
            }
        }
    }

    /// Takes it back; false when there was nothing to take back, also because the container is gone.
    ///
    /// # Errors
    /// When the engine does not do it.
    pub async fn replay(&self, engine: &Engine) -> Result<bool, EngineError> {
        match self.try_replay(engine).await {
            Err(error) if error.is_gone() => Ok(false),
            done => done,
        }
    }

    /// As [`Undo::replay`], for threads without a runtime.
    ///
    /// # Errors
    /// When the engine does not answer, or does not do it.
    pub fn replay_blocking(&self) -> Result<bool, EngineError> {
        let own = self.clone();
        Engine::blocking(self.host(), async move |engine| own.replay(&engine).await)
    }

    async fn try_replay(&self, engine: &Engine) -> Result<bool, EngineError> {
        match self {
            Undo::Unpause { id, .. } => match engine.look(id).await?.state {
                ContainerState::Paused { .. } => engine.unpause(id).await.map(|()| true),
                ContainerState::Running { .. } | ContainerState::Down { .. } => Ok(false),
            },
            Undo::Start { id, .. } => match engine.look(id).await?.state {
                ContainerState::Down { .. } => engine.start(id).await.map(|()| true),
                ContainerState::Running { .. } | ContainerState::Paused { .. } => Ok(false),
            },
            Undo::Connect {
                id, network, place, ..
            } => match engine.look(id).await?.networks.contains_key(network) {
                true => Ok(false),
                false => engine.connect(id, network, place).await.map(|()| true),
            },
        }
    }

    /// The command that does it by hand.
    pub fn by_hand(&self) -> String {
        match self {
            Undo::Unpause { host, id } => format!("docker -H {host} unpause {}", short(id)),
            Undo::Start { host, id } => format!("docker -H {host} start {}", short(id)),
            Undo::Connect {
                host,
                id,
                network,
                place,
            } => {
                let ip = place.asked.as_ref();
                let ip = ip.map_or(String::new(), |address| format!("--ip {address} "));
                let alias = |alias: &String| format!("--alias {alias} ");
                let aliases: String = place.aliases.iter().map(alias).collect();
                format!(
                    "docker -H {host} network connect {ip}{aliases}{network} {}",
                    short(id)
                )
            }
        }
    }
}

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undo::Unpause { id, .. } => write!(f, "the pause of container {}", short(id)),
            Undo::Start { id, .. } => write!(f, "the end of container {}", short(id)),
            Undo::Connect { id, network, .. } => {
                write!(f, "that container {} is not in {network}", short(id))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_down_whole_and_can_be_done_by_hand() {
        let undo = Undo::Connect {
            host: "unix:///d.sock".to_string(),
            id: "0123456789abcdef".to_string(),
            network: "shop_default".to_string(),
            place: Endpoint {
                network_id: "n1".to_string(),
                address: "10.0.0.7".parse().ok(),
                asked: Some("10.0.0.7".to_string()),
                aliases: vec!["engine-1".to_string()],
            },
        };
        let text = serde_json::to_string(&undo).unwrap();
        assert_eq!(serde_json::from_str::<Undo>(&text).unwrap(), undo);
        assert_eq!(
            undo.by_hand(),
            "docker -H unix:///d.sock network connect --ip 10.0.0.7 --alias engine-1 shop_default 0123456789ab"
        );
        assert_eq!(undo.host(), "unix:///d.sock");
    }
}

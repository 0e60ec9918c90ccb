//! What the engine says of a container, and no more of it than is used.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use bollard::models::{ContainerInspectResponse, EndpointSettings, PortBinding};
use serde::{Deserialize, Serialize};

/// A container at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerLook {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Without the slash before it.
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// The id of its image, such as `sha256:…`.
    pub image: String,
    pub state: ContainerState,
    /// By the name of the network.
    pub networks: BTreeMap<String, Endpoint>,
    /// Ports inside, and where on this machine they are published (TCP).
    pub published: BTreeMap<u16, SocketAddr>,
}

/// What its main process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerState {
    Running { pid: u32 },
    Paused { pid: u32 },
    Down { exit_code: i64, out_of_memory: bool },
}

impl ContainerState {
    /// The main process as this machine numbers it; `None` when there is none.
    pub fn pid(self) -> Option<u32> {
        match self {
            ContainerState::Running { pid } | ContainerState::Paused { pid } => Some(pid),
            ContainerState::Down { .. } => None,
        }
    }
}

/// A container's place in a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    pub network_id: String,
    /// `None` while the container is down.
    pub address: Option<IpAddr>,
    /// The address that its configuration asks for, if it does.
    pub asked: Option<String>,
    /// Names by which others in the network find it.
    pub aliases: Vec<String>,
}

impl ContainerLook {
    /// The first digits of the id, for people.
    pub fn short_id(&self) -> &str {
        short(&self.id)
    }

    pub(super) fn of(answer: ContainerInspectResponse) -> Option<ContainerLook> {
        let state = answer.state.unwrap_or_default();
        let pid = state.pid.and_then(|pid| u32::try_from(pid).ok());
        let config = answer.config.unwrap_or_default();
        let settings = answer.network_settings.unwrap_or_default();
        let networks = settings.networks.unwrap_or_default().into_iter();
        Some(ContainerLook {
            id: answer.id?,
            name: answer.name?.trim_start_matches('/').to_string(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            image: answer.image.unwrap_or_default(),
            state: match pid {
                Some(pid) if pid > 0 && state.paused == Some(true) => {
                    ContainerState::Paused { pid }
                }
                Some(pid) if pid > 0 && state.running == Some(true) => {
                    ContainerState::Running { pid }
                }
                Some(_) | None => ContainerState::Down {
                    exit_code: state.exit_code.unwrap_or_default(),
                    out_of_memory: state.oom_killed.unwrap_or_default(),
                },
            },
            networks: networks.map(|(name, it)| (name, endpoint(it))).collect(),
            published: published(settings.ports.unwrap_or_default()),
        })
    }
}

/// The first digits of an id, for people.
pub(super) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn endpoint(settings: EndpointSettings) -> Endpoint {
    let address = settings.ip_address.unwrap_or_default();
    let asked = settings.ipam_config.and_then(|ipam| ipam.ipv4_address);
    Endpoint {
        network_id: settings.network_id.unwrap_or_default(),
        address: address.parse().ok(),
        asked: asked.filter(|asked| !asked.is_empty()),
        aliases: settings.aliases.unwrap_or_default(),
    }
}

fn published(
    ports: std::collections::HashMap<String, Option<Vec<PortBinding>>>,
) -> BTreeMap<u16, SocketAddr> {
    let one = |(inside, bindings): (String, Option<Vec<PortBinding>>)| {
        let inside = inside.strip_suffix("/tcp")?.parse().ok()?;
        let outside = bindings.unwrap_or_default().into_iter().find_map(|it| {
            let port = it.host_port?.parse().ok()?;
            let host: IpAddr = it.host_ip.unwrap_or_default().parse().ok()?;
            // Published at every address: one of them is this machine's own.
            let host = match host {
                IpAddr::V4(host) if host.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
                IpAddr::V4(_) => host,
                IpAddr::V6(_) => return None,
            };
            Some(SocketAddr::new(host, port))
        })?;
        Some((inside, outside))
    };
    ports.into_iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str) -> ContainerLook {
        ContainerLook::of(serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn an_answer_is_read() {
        let seen = look(
            r#"{"Id":"0123456789abcdef","Name":"/shop-engine-1","Image":"sha256:1",
                "State":{"Running":true,"Paused":false,"Pid":77,"ExitCode":0,"OOMKilled":false},
                "Config":{"Labels":{"com.docker.compose.service":"engine"}},
                "NetworkSettings":{
                    "Ports":{"8080/tcp":[{"HostIp":"::","HostPort":"1"},{"HostIp":"0.0.0.0","HostPort":"18080"}],"9/tcp":null,"53/udp":null},
                    "Networks":{"shop_default":{"NetworkID":"n1","IPAddress":"172.18.0.2","Aliases":["engine"],
                                                "IPAMConfig":{"IPv4Address":"172.18.0.2"}}}}}"#,
        );
        assert_eq!(
            (seen.name.as_str(), seen.short_id()),
            ("shop-engine-1", "0123456789ab")
        );
        assert_eq!(seen.state, ContainerState::Running { pid: 77 });
        assert_eq!(seen.published[&8080], "127.0.0.1:18080".parse().unwrap());
        assert_eq!(seen.published.len(), 1);
        let place = &seen.networks["shop_default"];
        assert_eq!(place.address, "172.18.0.2".parse().ok());
        assert_eq!(place.asked.as_deref(), Some("172.18.0.2"));
    }

    #[test]
    fn a_container_that_is_down_has_no_process() {
        let seen = look(
            r#"{"Id":"1","Name":"/x","State":{"Running":false,"Pid":0,"ExitCode":137,"OOMKilled":true},
                "NetworkSettings":{"Networks":{"n":{"NetworkID":"n1","IPAddress":""}}}}"#,
        );
        let down = ContainerState::Down {
            exit_code: 137,
            out_of_memory: true,
        };
        assert_eq!((seen.state, seen.state.pid()), (down, None));
        assert_eq!(seen.networks["n"].address, None);
        let paused =
            look(r#"{"Id":"1","Name":"/x","State":{"Running":true,"Paused":true,"Pid":5}}"#);
        assert_eq!(paused.state, ContainerState::Paused { pid: 5 });
    }
}

//! Which container is which replica.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use shakedown_scenarios::plan::{DockerPart, DockerPlan, Part, Pick, System};

use crate::environment::error::EnvironmentError;
use crate::environment::handle::Replica;
use crate::mechanisms::docker::{ContainerLook, ContainerState, Engine};

const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";
const NUMBER: &str = "com.docker.compose.container-number";
/// Set to `True` on containers of `docker compose run`.
const ONE_OFF: &str = "com.docker.compose.oneoff";

/// The container of a replica.
#[derive(Debug, Clone)]
pub struct Found {
    pub replica: Replica,
    pub look: ContainerLook,
    /// The name of the network in which it is reached by the others.
    pub network: String,
    /// Where it serves orders in that network.
    pub address: SocketAddr,
    /// Where it is reached from here.
    pub reached: SocketAddr,
}

/// Finds the container of every replica. Only looks.
///
/// # Errors
/// When the engine does not answer; when there are fewer or more containers than replicas; when one does not run or
/// cannot be reached as the profile says. In words, with what to do.
pub async fn discover(
    engine: &Engine,
    system: &System,
    docker: &DockerPlan,
) -> Result<Vec<Found>, EnvironmentError> {
    let mut all = Vec::new();
    for part in &system.parts {
        let Some(of_part) = docker.parts.get(&part.name) else {
            continue;
        };
        let looks = containers_of(engine, docker, part, of_part).await?;
        for (index, look) in looks.into_iter().enumerate() {
            all.push(place(docker, part, of_part, index, look)?);
        }
    }
    let mut seen = BTreeSet::new();
    for found in &all {
        if !seen.insert(&found.look.id) {
            return Err(EnvironmentError::Containers(format!(
                "container {} would be {} and another replica too: make the profile's selectors exclude each other",
                found.look.name, found.replica.name
            )));
        }
    }
    Ok(all)
}

/// The ids of the images that the replicas run, each once.
///
/// # Errors
/// As [`discover`].
pub async fn images(system: &System, docker: &DockerPlan) -> Result<Vec<String>, EnvironmentError> {
    let engine = Engine::of_environment().await?;
    let found = discover(&engine, system, docker).await?;
    let images: BTreeSet<String> = found.into_iter().map(|found| found.look.image).collect();
    Ok(images.into_iter().collect())
}

/// Containers of a part, in the order of its replicas.
async fn containers_of(
    engine: &Engine,
    docker: &DockerPlan,
    part: &Part,
    of_part: &DockerPart,
) -> Result<Vec<ContainerLook>, EnvironmentError> {
    let project = docker
        .project
        .iter()
        .map(|name| format!("{PROJECT}={name}"));
    let project: Vec<String> = project.collect();
    let with = |more: Vec<String>| [project.clone(), more].concat();
    let mut found = match &of_part.pick {
        Pick::Services(services) => {
            let mut in_order = Vec::new();
            for service in services {
                let labels = with(vec![format!("{SERVICE}={service}")]);
                let mut of_service = looks(engine, &labels).await?;
                let [_] = of_service[..] else {
                    let why = format!("service {service} has {}", listed(&of_service));
                    return Err(not_so_many(part, &why));
                };
                in_order.append(&mut of_service);
            }
            return Ok(in_order);
        }
        Pick::Service(service) => {
            let labels = with(vec![format!("{SERVICE}={service}")]);
            let mut found = looks(engine, &labels).await?;
            let number = |look: &ContainerLook| -> u32 {
                let number = look.labels.get(NUMBER);
                number.and_then(|it| it.parse().ok()).unwrap_or(u32::MAX)
            };
            found.sort_by(|a, b| (number(a), &a.name).cmp(&(number(b), &b.name)));
            found
        }
        Pick::Labels(labels) => looks(engine, &with(pairs(labels))).await?,
        Pick::Project => looks(engine, &project).await?,
    };
    if !matches!(of_part.pick, Pick::Service(_)) {
        found.sort_by(|a, b| a.name.cmp(&b.name));
    }
    if found.len() != part.replicas as usize {
        return Err(not_so_many(part, &format!("there are {}", listed(&found))));
    }
    Ok(found)
}

fn pairs(labels: &BTreeMap<String, String>) -> Vec<String> {
    let pair = |(key, value): (&String, &String)| format!("{key}={value}");
    labels.iter().map(pair).collect()
}

async fn looks(engine: &Engine, labels: &[String]) -> Result<Vec<ContainerLook>, EnvironmentError> {
    let mut found = Vec::new();
    for id in engine.list(labels).await? {
        match engine.look(&id).await {
            Ok(look) if look.labels.get(ONE_OFF).is_some_and(|it| it == "True") => {}
            Ok(look) => found.push(look),
            // Removed since it was listed.
            Err(error) if error.is_gone() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

fn listed(found: &[ContainerLook]) -> String {
    let names: Vec<&str> = found.iter().map(|look| look.name.as_str()).collect();
    match names[..] {
        [] => "no container".to_string(),
        _ => format!("{} ({})", names.len(), names.join(", ")),
    }
}

fn not_so_many(part: &Part, what: &str) -> EnvironmentError {
    EnvironmentError::Containers(format!(
        "part `{}` has {} replicas, and {what}: start the containers, or change `environments.docker` of the profile",
        part.name, part.replicas
    ))
}

fn place(
    docker: &DockerPlan,
    part: &Part,
    of_part: &DockerPart,
    index: usize,
    look: ContainerLook,
) -> Result<Found, EnvironmentError> {
    let name = format!("{}-{}", part.name, index + 1);
    let wrong = |why: String| {
        EnvironmentError::Containers(format!("{name} is container {}: {why}", look.name))
    };
    match look.state {
        ContainerState::Running { .. } => {}
        ContainerState::Paused { .. } => {
            return Err(wrong(format!(
                "it is paused; `shakedown recover`, or: docker unpause {}",
                look.name
            )));
        }
        ContainerState::Down { exit_code, .. } => {
            return Err(wrong(format!(
                "it does not run (exit code {exit_code}); `shakedown recover`, or: docker start {}",
                look.name
            )));
        }
    }
    let network = network_of(docker, &look).map_err(&wrong)?;
    let ip = look.networks.get(&network).and_then(|it| it.address);
    let ip = ip.filter(IpAddr::is_ipv4).ok_or_else(|| {
        wrong(format!(
            "it has no IPv4 address in {network}: containers in the network of this machine are not supported"
        ))
    })?;
    let address = SocketAddr::new(ip, of_part.port);
    let reached = match docker.published {
        false => address,
        true => *look.published.get(&of_part.port).ok_or_else(|| {
            wrong(format!(
                "it does not publish port {}; publish it, or say reach: container",
                of_part.port
            ))
        })?,
    };
    Ok(Found {
        replica: Replica::numbered(&part.name, index + 1, format!("http://{reached}")),
        look,
        network,
        address,
        reached,
    })
}

/// The name under which the engine knows the network.
fn network_of(docker: &DockerPlan, look: &ContainerLook) -> Result<String, String> {
    let known: Vec<&str> = look.networks.keys().map(String::as_str).collect();
    let Some(wanted) = &docker.network else {
        return match known[..] {
            [only] => Ok(only.to_string()),
            [] => Err("it is in no network".to_string()),
            _ => Err(format!(
                "it is in several networks ({}); say which one counts: network: NAME",
                known.join(", ")
            )),
        };
    };
    // Compose puts the project before the name.
    let of_project = docker.project.as_ref().map(|it| format!("{it}_{wanted}"));
    [Some(wanted.clone()), of_project]
        .into_iter()
        .flatten()
        .find(|name| look.networks.contains_key(name))
        .ok_or_else(|| {
            format!(
                "it is not in the network {wanted}, but in {}",
                known.join(", ")
            )
        })
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::RestartedBy;

    use super::*;
    use crate::mechanisms::docker::Endpoint;

    fn look(networks: &[(&str, Option<&str>)]) -> ContainerLook {
        let endpoint = |address: Option<&str>| Endpoint {
            network_id: "n".to_string(),
            address: address.and_then(|it| it.parse().ok()),
            asked: None,
            aliases: Vec::new(),
        };
        let networks = networks.iter();
        ContainerLook {
            id: "1".to_string(),
            name: "shop-engine-1".to_string(),
            labels: BTreeMap::new(),
            image: "sha256:1".to_string(),
            state: ContainerState::Running { pid: 1 },
            networks: networks
                .map(|(name, address)| (name.to_string(), endpoint(*address)))
                .collect(),
            published: BTreeMap::from([(8080, "127.0.0.1:18080".parse().unwrap())]),
        }
    }

    fn placed(docker: &DockerPlan, look: ContainerLook) -> Result<Found, String> {
        let part = Part {
            name: "engine".to_string(),
            replicas: 3,
            quorum: None,
            roles: Vec::new(),
            restarted_by: RestartedBy::Platform,
            ready: None,
        };
        let of_part = DockerPart {
            pick: Pick::Project,
            port: 8080,
        };
        place(docker, &part, &of_part, 0, look).map_err(|error| error.to_string())
    }

    fn plan(network: Option<&str>, published: bool) -> DockerPlan {
        DockerPlan {
            project: Some("shop".to_string()),
            network: network.map(str::to_string),
            published,
            parts: BTreeMap::new(),
            entry: Vec::new(),
            not_production: Vec::new(),
        }
    }

    #[test]
    fn a_replica_is_reached_in_its_network_or_by_its_published_port() {
        let one = [("shop_core", Some("10.9.0.2"))];
        let found = placed(&plan(None, false), look(&one)).unwrap();
        assert_eq!(found.replica.base_url, "http://10.9.0.2:8080");
        assert_eq!(found.replica.name, "engine-1");
        let published = placed(&plan(Some("core"), true), look(&one)).unwrap();
        assert_eq!(published.replica.base_url, "http://127.0.0.1:18080");
        assert_eq!(published.address.to_string(), "10.9.0.2:8080");
        assert_eq!(published.network, "shop_core");
    }

    #[test]
    fn what_cannot_be_told_or_reached_is_refused() {
        let two = [("a", Some("10.9.0.2")), ("b", Some("10.8.0.2"))];
        let several = placed(&plan(None, false), look(&two)).unwrap_err();
        assert!(several.contains("several networks (a, b)"), "{several}");
        assert!(placed(&plan(Some("b"), false), look(&two)).is_ok());
        let other = placed(&plan(Some("c"), false), look(&two)).unwrap_err();
        assert!(other.contains("not in the network c"), "{other}");
        let host = placed(&plan(None, false), look(&[("host", None)])).unwrap_err();
        assert!(host.contains("no IPv4 address"), "{host}");
        let down = ContainerLook {
            state: ContainerState::Down {
                exit_code: 137,
                out_of_memory: false,
            },
            ..look(&two)
        };
        let down = placed(&plan(Some("a"), false), down).unwrap_err();
        assert!(down.contains("docker start shop-engine-1"), "{down}");
        let unpublished = ContainerLook {
            published: BTreeMap::new(),
            ..look(&two)
        };
        let unpublished = placed(&plan(Some("a"), true), unpublished).unwrap_err();
        assert!(unpublished.contains("publish"), "{unpublished}");
    }
}

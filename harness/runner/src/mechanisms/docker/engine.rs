//! One Docker Engine of this machine.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{
    EndpointIpamConfig, EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest,
};
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    LogsOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};
use futures_util::StreamExt;

use super::error::EngineError;
use super::look::{ContainerLook, Endpoint, short};

/// Where an engine listens when nothing else is said.
const USUAL: &str = "unix:///var/run/docker.sock";
/// The environment variable that names another.
const HOST: &str = "DOCKER_HOST";
/// For what is done at once.
const CALL_WITHIN: Duration = Duration::from_secs(10);
/// Lines of a log that are shown.
const LOG_LINES: &str = "12";
const LOG_BYTES: usize = 8 * 1024;

/// A connection to an engine. Connections are made again as needed: an engine may be restarted in between.
#[derive(Debug, Clone)]
pub struct Engine {
    docker: Docker,
    host: String,
}

impl Engine {
    /// The engine that `DOCKER_HOST` names, or the usual one.
    ///
    /// # Errors
    /// When it is none of this machine's, or does not answer.
    pub async fn of_environment() -> Result<Engine, EngineError> {
        let named = std::env::var(HOST).ok().filter(|host| !host.is_empty());
        Engine::at(named.as_deref().unwrap_or(USUAL)).await
    }

    /// The engine at an address such as `unix:///var/run/docker.sock`.
    ///
    /// # Errors
    /// When it is none of this machine's, or does not answer.
    pub async fn at(host: &str) -> Result<Engine, EngineError> {
        let path = host
            .strip_prefix("unix://")
            .filter(|path| path.starts_with('/'))
            .ok_or_else(|| EngineError::NotASocket(host.to_string()))?;
        let unreachable = |why: String| EngineError::Unreachable {
            host: host.to_string(),
            why,
        };
        let timeout_s = CALL_WITHIN.as_secs();
        let docker = Docker::connect_with_unix(path, timeout_s, bollard::API_DEFAULT_VERSION)
            .map_err(|error| unreachable(error.to_string()))?;
        // An older engine speaks an older version of its interface.
        let docker = match tokio::time::timeout(CALL_WITHIN, docker.negotiate_version()).await {
            Ok(Ok(docker)) => docker,
            Ok(Err(error)) => return Err(unreachable(error.to_string())),
            Err(_) => return Err(unreachable("it does not answer".to_string())),
        };
        Ok(Engine {
            docker,
            host: host.to_string(),
        })
    }

    /// Its address, by which it is found again.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Does something with an engine on a thread and a runtime of its own, for callers that have none.
    ///
    /// # Errors
    /// As `work` says; when the engine does not answer.
    pub fn blocking<T: Send + 'static>(
        host: &str,
        work: impl AsyncFnOnce(Engine) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let host = host.to_string();
        let thread = std::thread::Builder::new()
            .name("docker".to_string())
            .spawn(move || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(EngineError::Runtime)?
                    .block_on(async move { work(Engine::at(&host).await?).await })
            })
            .map_err(EngineError::Runtime)?;
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Ids of all containers, running or not, that carry these labels (`key=value`).
    ///
    /// # Errors
    /// When the engine does not answer in time.
    pub async fn list(&self, labels: &[String]) -> Result<Vec<String>, EngineError> {
        let filters = HashMap::from([("label".to_string(), labels.to_vec())]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let listing = self.docker.list_containers(Some(options));
        let found = self.call("list containers", CALL_WITHIN, listing).await?;
        Ok(found.into_iter().filter_map(|it| it.id).collect())
    }

    /// What a container is and does now.
    ///
    /// # Errors
    /// When there is none of that id, or the engine does not answer in time.
    pub async fn look(&self, id: &str) -> Result<ContainerLook, EngineError> {
        let what = format!("look at container {}", short(id));
        let looking = self
            .docker
            .inspect_container(id, None::<InspectContainerOptions>);
        let answer = self.call(&what, CALL_WITHIN, looking).await?;
        ContainerLook::of(answer).ok_or(EngineError::Refused {
            what,
            why: "its answer has no id or no name".to_string(),
            status: None,
        })
    }

    /// Sends a signal, such as `KILL`, to the main process. The engine does not restart what was killed so.
    ///
    /// # Errors
    /// When it does not run, or the engine does not answer in time.
    pub async fn kill(&self, id: &str, signal: &str) -> Result<(), EngineError> {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        let what = format!("send {signal} to container {}", short(id));
        self.call(
            &what,
            CALL_WITHIN,
            self.docker.kill_container(id, Some(options)),
        )
        .await
    }

    /// Freezes every process of a container.
    ///
    /// # Errors
    /// When it does not run or is paused already, or the engine does not answer in time.
    pub async fn pause(&self, id: &str) -> Result<(), EngineError> {
        let what = format!("pause container {}", short(id));
        self.call(&what, CALL_WITHIN, self.docker.pause_container(id))
            .await
    }

    /// Lets every process of a container run on.
    ///
    /// # Errors
    /// When it is not paused, or the engine does not answer in time.
    pub async fn unpause(&self, id: &str) -> Result<(), EngineError> {
        let what = format!("unpause container {}", short(id));
        self.call(&what, CALL_WITHIN, self.docker.unpause_container(id))
            .await
    }

    /// The container's own stop signal, then SIGKILL after `grace` (whole seconds, rounded up); returns when it is
    /// down. One that is down already is left as it is.
    ///
    /// # Errors
    /// When the engine does not answer in time.
    pub async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
        let options = StopContainerOptionsBuilder::new()
            .t(i32::try_from(seconds).unwrap_or(i32::MAX))
            .build();
        let what = format!("stop container {}", short(id));
        // The connection's own limit is shorter than a long grace.
        let patient = self.docker.clone().with_timeout(grace + 2 * CALL_WITHIN);
        let stopping = patient.stop_container(id, Some(options));
        unless_done(self.call(&what, grace + 2 * CALL_WITHIN, stopping).await)
    }

    /// Starts a container that is down, with its data. One that runs is left as it is.
    ///
    /// # Errors
    /// When there is none of that id, or the engine cannot start it in time.
    pub async fn start(&self, id: &str) -> Result<(), EngineError> {
        let what = format!("start container {}", short(id));
        let starting = self
            .docker
            .start_container(id, None::<StartContainerOptions>);
        unless_done(self.call(&what, CALL_WITHIN, starting).await)
    }

    /// Takes a container out of a network.
    ///
    /// # Errors
    /// When it is not in it, or the engine does not answer in time.
    pub async fn disconnect(&self, id: &str, network_id: &str) -> Result<(), EngineError> {
        let what = format!("disconnect container {}", short(id));
        let request = NetworkDisconnectRequest {
            container: id.to_string(),
            force: Some(false),
        };
        let parting = self.docker.disconnect_network(network_id, request);
        self.call(&what, CALL_WITHIN, parting).await
    }

    /// Puts a container back into a network: with its aliases, and with the address that it had.
    ///
    /// # Errors
    /// When it is in it already, its address is taken, or the engine does not answer in time.
    pub async fn connect(
        &self,
        id: &str,
        network: &str,
        place: &Endpoint,
    ) -> Result<(), EngineError> {
        self.join(id, place, place.asked.clone()).await?;
        let now = self.address(id, network).await?;
        if place.address.is_none() || now == place.address {
            return Ok(());
        }
        // It got another one of the free addresses: ask for the one that it had.
        let had = place.address.map(|address| address.to_string());
        self.disconnect(id, &place.network_id).await?;
        if let Err(refused) = self.join(id, place, had).await {
            tracing::warn!("{refused}");
            self.join(id, place, place.asked.clone()).await?;
        }
        let now = self.address(id, network).await?;
        if now == place.address {
            return Ok(());
        }
        let text = |address: Option<std::net::IpAddr>| {
            address.map_or("without an address".to_string(), |it| it.to_string())
        };
        Err(EngineError::OtherAddress {
            container: short(id).to_string(),
            network: network.to_string(),
            before: text(place.address),
            now: text(now),
        })
    }

    async fn join(
        &self,
        id: &str,
        place: &Endpoint,
        address: Option<String>,
    ) -> Result<(), EngineError> {
        let what = format!("connect container {}", short(id));
        let request = NetworkConnectRequest {
            container: id.to_string(),
            endpoint_config: Some(EndpointSettings {
                aliases: Some(place.aliases.clone()),
                ipam_config: address.map(|address| EndpointIpamConfig {
                    ipv4_address: Some(address),
                    ..EndpointIpamConfig::default()
                }),
                ..EndpointSettings::default()
            }),
        };
        let joining = self.docker.connect_network(&place.network_id, request);
        self.call(&what, CALL_WITHIN, joining).await
    }

    async fn address(
        &self,
        id: &str,
        network: &str,
    ) -> Result<Option<std::net::IpAddr>, EngineError> {
        let look = self.look(id).await?;
        Ok(look.networks.get(network).and_then(|place| place.address))
    }

    /// The last lines that a container has written.
    ///
    /// # Errors
    /// When its log cannot be read in time.
    pub async fn log_end(&self, id: &str) -> Result<String, EngineError> {
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .tail(LOG_LINES)
            .build();
        let reading = async {
            let mut lines = std::pin::pin!(self.docker.logs(id, Some(options)));
            let mut text = String::new();
            while let Some(line) = lines.next().await {
                text.push_str(&line?.to_string());
                if text.len() > LOG_BYTES {
                    break;
                }
            }
            Ok(text)
        };
        let what = format!("read the log of container {}", short(id));
        self.call(&what, CALL_WITHIN, reading).await
    }

    async fn call<T>(
        &self,
        what: &str,
        within: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        match tokio::time::timeout(within, call).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(Error::RequestTimeoutError)) | Err(_) => Err(EngineError::Late {
                what: what.to_string(),
                within_s: within.as_secs(),
            }),
            Ok(Err(Error::DockerResponseServerError {
                status_code,
                message,
            })) => Err(EngineError::Refused {
                what: what.to_string(),
                why: message,
                status: Some(status_code),
            }),
            Ok(Err(error)) => Err(EngineError::Refused {
                what: what.to_string(),
                why: error.to_string(),
                status: None,
            }),
        }
    }
}

/// 304: it was so already.
fn unless_done(done: Result<(), EngineError>) -> Result<(), EngineError> {
    match done {
        Err(EngineError::Refused {
            status: Some(304), ..
        }) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_sockets_that_answer_are_engines() {
        for host in ["tcp://10.0.0.1:2375", "ssh://h", "unix://docker.sock", ""] {
            let refused = Engine::at(host).await.unwrap_err();
            assert!(matches!(refused, EngineError::NotASocket(_)), "{refused}");
        }
        let folder = tempfile::tempdir().unwrap();
        let nobody = format!("unix://{}", folder.path().join("docker.sock").display());
        let refused = Engine::at(&nobody).await.unwrap_err();
        assert!(
            matches!(refused, EngineError::Unreachable { .. }),
            "{refused}"
        );
    }

    #[test]
    fn what_is_so_already_needs_no_doing() {
        let refused = |status| EngineError::Refused {
            what: "start".to_string(),
            why: String::new(),
            status: Some(status),
        };
        assert!(unless_done(Err(refused(304))).is_ok());
        assert!(unless_done(Err(refused(409))).is_err());
        assert!(refused(404).is_gone() && !refused(409).is_gone());
    }
}

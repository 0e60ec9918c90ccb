//! Why an engine did not do what it was asked.

/// What went wrong, for people.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(
        "DOCKER_HOST is `{0}`, and only sockets of this machine are supported, such as unix:///var/run/docker.sock"
    )]
    NotASocket(String),
    #[error(
        "no Docker Engine answers at {host}: {why}; is it running, and may you use it? DOCKER_HOST names another"
    )]
    Unreachable { host: String, why: String },
    #[error("the Docker Engine cannot {what}: {why}")]
    Refused {
        what: String,
        why: String,
        /// Of the engine's answer; `None` when there was none.
        status: Option<u16>,
    },
    #[error("the Docker Engine did not {what} within {within_s} s")]
    Late { what: String, within_s: u64 },
    #[error("container {container} came back to the network {network} as {now}, and was {before}")]
    OtherAddress {
        container: String,
        network: String,
        before: String,
        now: String,
    },
    #[error("cannot start a runtime for the Docker Engine: {0}")]
    Runtime(std::io::Error),
}

impl EngineError {
    /// True when there is no such container, or network.
    pub fn is_gone(&self) -> bool {
        matches!(
            self,
            EngineError::Refused {
                status: Some(404),
                ..
            }
        )
    }
}

//! The reference engine in containers, as `deploy/compose/up` starts it, and what the Docker Engine says of it.

use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::shakedown::{binary, workspace};

/// The project of `deploy/compose`.
const PROJECT: &str = "shakedown-reference";

/// The first three numbers of the addresses of the n-th cluster.
const NETWORK: &str = "10.118";
const FIRST: u32 = 7;

/// Numbers of the clusters that were started beside the usual one.
static BESIDE: AtomicU32 = AtomicU32::new(1);

/// Three containers; they are taken down when this is dropped.
#[derive(Debug)]
pub struct Containers {
    project: String,
    net: String,
}

impl Containers {
    /// Starts them by plain `docker run`, fresh, as the shipped profile names them.
    ///
    /// # Panics
    /// When there is no Docker Engine, or it does not start them.
    pub fn start() -> Containers {
        Self::fresh(0, None)
    }

    /// Starts them with the label by which no fault may touch it on one of them.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn with_protected(replica: &str) -> Containers {
        Self::fresh(0, Some(replica))
    }

    /// Starts three under a project of their own, so that others may run at the same time; see
    /// [`selected`](Self::selected).
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn beside_others() -> Containers {
        Self::fresh(BESIDE.fetch_add(1, Ordering::Relaxed), None)
    }

    fn fresh(number: u32, protected: Option<&str>) -> Containers {
        let project = match number {
            0 => PROJECT.to_string(),
            _ => format!("{PROJECT}-{number}"),
        };
        let net = format!("{NETWORK}.{}", FIRST + number);
        let containers = Containers { project, net };
        containers.script("down");
        let mut up = containers.command("up");
        up.arg(binary()).env("SHAKEDOWN_NO_COMPOSE", "1");
        if let Some(protected) = protected {
            up.env("SHAKEDOWN_PROTECT", protected);
        }
        let done = output(up);
        assert!(
            done.status.success(),
            "deploy/compose/up: {}; `tests/run.sh docker` brings an engine along",
            said(&done)
        );
        containers
    }

    /// What `--set` takes so that a run is against these.
    pub fn selected(&self) -> String {
        format!("profile.environments.docker.project={}", self.project)
    }

    fn name(&self, replica: &str) -> String {
        format!("{}-{replica}-1", self.project)
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new(workspace().join("deploy/compose").join(script));
        command
            .env("SHAKEDOWN_PROJECT", &self.project)
            .env("SHAKEDOWN_NET", &self.net);
        command
    }

    /// What the engine says of a replica's container; `None` when it is gone.
    pub fn inspect(&self, replica: &str) -> Option<Value> {
        let done = docker(&["inspect", &self.name(replica)]);
        let all: Value = serde_json::from_slice(&done.stdout).ok()?;
        all.get(0).cloned()
    }

    /// `running`, `paused`, `exited`, or `gone`.
    pub fn state(&self, replica: &str) -> String {
        let seen = self.inspect(replica);
        let status = seen.and_then(|it| Some(it["State"]["Status"].as_str()?.to_string()));
        status.unwrap_or_else(|| "gone".to_string())
    }

    /// The replica whose container is in this state, if there is one.
    pub fn in_state(&self, state: &str) -> Option<&'static str> {
        ["engine-1", "engine-2", "engine-3"]
            .into_iter()
            .find(|replica| self.state(replica) == state)
    }

    /// The nftables ruleset inside a replica's container.
    ///
    /// # Panics
    /// When it cannot be read: that takes root and `nft`.
    pub fn ruleset(&self, replica: &str) -> String {
        let seen = self.inspect(replica).expect("the container is there");
        let pid = seen["State"]["Pid"].to_string();
        let mut nft = Command::new("nsenter");
        nft.args(["--target", &pid, "--net", "nft", "list", "ruleset"]);
        let done = output(nft);
        assert!(done.status.success(), "{}", said(&done));
        said(&done)
    }

    /// Removes a replica's container, whatever it does.
    ///
    /// # Panics
    /// When the engine does not do it.
    pub fn remove(&self, replica: &str) {
        let done = docker(&["rm", "--force", &self.name(replica)]);
        assert!(done.status.success(), "{}", said(&done));
    }

    fn script(&self, name: &str) {
        let done = output(self.command(name));
        assert!(
            done.status.success(),
            "deploy/compose/{name}: {}",
            said(&done)
        );
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        // A second panic would hide the first.
        let _ = output(self.command("down"));
    }
}

fn docker(arguments: &[&str]) -> Output {
    let mut command = Command::new("docker");
    command.args(arguments);
    output(command)
}

fn output(mut command: Command) -> Output {
    command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn said(done: &Output) -> String {
    let text = [&done.stdout[..], &done.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

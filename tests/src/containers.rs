//! The reference engine in containers, as `deploy/compose/up` starts it, and what the Docker Engine says of it.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::shakedown::{binary, workspace};

/// The project of `deploy/compose`.
const PROJECT: &str = "shakedown-reference";

/// Three containers; they are taken down when this is dropped.
#[derive(Debug)]
pub struct Containers {
    _private: (),
}

impl Containers {
    /// Starts them by plain `docker run`, fresh. `protected` gets the label by which no fault may touch it.
    ///
    /// # Panics
    /// When there is no Docker Engine, or it does not start them.
    pub fn start(protected: Option<&str>) -> Containers {
        let containers = Containers { _private: () };
        containers.script("down");
        let mut up = Command::new(workspace().join("deploy/compose/up"));
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

    /// The container of a replica.
    pub fn name(replica: &str) -> String {
        format!("{PROJECT}-{replica}-1")
    }

    /// What the engine says of a replica's container; `None` when it is gone.
    pub fn inspect(&self, replica: &str) -> Option<Value> {
        let done = docker(&["inspect", &Self::name(replica)]);
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
        let done = docker(&["rm", "--force", &Self::name(replica)]);
        assert!(done.status.success(), "{}", said(&done));
    }

    fn script(&self, name: &str) {
        let done = output(Command::new(workspace().join("deploy/compose").join(name)));
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
        let _ = output(Command::new(workspace().join("deploy/compose/down")));
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

//! Data folders of servers and sentinels, and what each is started with.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use shakedown_load::redis::Login;
use shakedown_scenarios::plan::{RedisSentinels, RedisServers};

use super::KIT;
use crate::environment::cast::part_of;
use crate::environment::engine_command::Member;
use crate::environment::error::{EnvironmentError, failed};
use crate::environment::node::{Line, Node};
use crate::environment::programs::Programs;
use crate::stores::redis::{Question, ask};

const ONE_ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// In the data folder.
const CONFIGURATION: &str = "redis.conf";

/// Time after which a failover that came to nothing is tried again (`failover-timeout`), in milliseconds. Redis' own three minutes
/// are longer than a scenario.
const FAILOVER_TIMEOUT_MS: u64 = 10_000;

/// How the servers of a plan are made.
#[derive(Debug, Clone)]
pub(in crate::environment) struct Servers {
    pub(super) plan: RedisServers,
    programs: Programs,
}

impl Servers {
    /// # Errors
    /// When there is nothing to run them with.
    pub(in crate::environment) fn find(plan: &RedisServers) -> Result<Servers, EnvironmentError> {
        Ok(Servers {
            plan: plan.clone(),
            programs: Programs::find(&KIT)?,
        })
    }

    /// The part that the sentinels are.
    pub(in crate::environment) fn sentinels(&self) -> Option<&str> {
        let sentinels = self.plan.sentinels.as_ref();
        sentinels.map(|sentinels| sentinels.part.as_str())
    }

    /// What makes a process the server or sentinel of a node.
    pub(in crate::environment) fn line(&self, own: &Member, data: &Path) -> Line {
        let mut arguments: Vec<OsString> = vec![data.join(CONFIGURATION).into()];
        if self.sentinel_of(&own.name).is_some() {
            arguments.push("--sentinel".into());
        }
        // A fork that saves or rewrites ends with its server.
        self.programs.line("redis-server", arguments, true)
    }

    /// The sentinels, where this name is one of theirs.
    pub(super) fn sentinel_of(&self, name: &str) -> Option<&RedisSentinels> {
        let sentinels = self.plan.sentinels.as_ref();
        sentinels.filter(|sentinels| sentinels.part == part_of(name))
    }

    /// An empty data folder with the configuration of what it is for.
    pub(super) fn configure(
        &self,
        node: &Node,
        own: &Member,
        master: &Member,
        data: &Path,
    ) -> Result<(), EnvironmentError> {
        let text = match self.sentinel_of(&own.name) {
            Some(sentinels) => watching(sentinels, own, master, data),
            None => self.serving(own, master, data),
        };
        let path = data.join(CONFIGURATION);
        let written = self
            .programs
            .own(data)
            .and_then(|()| fs::write(&path, text))
            .and_then(|()| self.programs.give(&path));
        written.map_err(|error| failed(node, "write its configuration", error))
    }

    fn serving(&self, own: &Member, master: &Member, data: &Path) -> String {
        let mut text = common(own, data);
        // Replicas are sent what is in memory, at once; leaving waits for nobody.
        text.push_str(
            "save \"\"\nrepl-diskless-sync yes\nrepl-diskless-sync-delay 0\nshutdown-timeout 0\n",
        );
        for (name, value) in &self.plan.settings {
            text.push_str(&format!("{name} {value}\n"));
        }
        if own.name != master.name {
            let (ip, port) = (master.http.ip(), master.http.port());
            text.push_str(&format!("replicaof {ip} {port}\n"));
        }
        text
    }

    /// What a server or sentinel answers to a command of ours.
    ///
    /// # Errors
    /// In words, when it does not, or with an error.
    pub(super) async fn asked(node: &Node, words: &[&str]) -> Result<Value, String> {
        let question = Question::Words(words);
        let asked = ask(node.http, &Login::default(), question, ONE_ANSWER_WITHIN).await;
        let ended = asked.map_err(|error| error.to_string())?;
        let answer: Value =
            serde_json::from_slice(&ended.body).map_err(|error| error.to_string())?;
        match answer.get("message").and_then(Value::as_str) {
            Some(error) => Err(error.to_string()),
            None => Ok(answer["reply"].clone()),
        }
    }
}

/// What servers and sentinels have in common. Their titles stay their command lines, by which they are known.
fn common(own: &Member, data: &Path) -> String {
    let (ip, port, data) = (own.http.ip(), own.http.port(), data.display());
    format!(
        "bind {ip}\nport {port}\nprotected-mode no\ndaemonize no\nset-proc-title no\ndir \"{data}\"\n"
    )
}

fn watching(sentinels: &RedisSentinels, own: &Member, master: &Member, data: &Path) -> String {
    let (name, quorum) = (&sentinels.master, sentinels.quorum);
    let down_after_ms = sentinels.down_after_ns / 1_000_000;
    let (ip, port) = (master.http.ip(), master.http.port());
    format!(
        "{}sentinel monitor {name} {ip} {port} {quorum}\nsentinel down-after-milliseconds {name} {down_after_ms}\n\
         sentinel failover-timeout {name} {FAILOVER_TIMEOUT_MS}\n",
        common(own, data)
    )
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_sentinel_is_told_whom_to_watch() {
        let member = |name: &str, last: u8, port: u16| Member {
            id: 1,
            name: name.to_string(),
            http: SocketAddr::from(([10, 0, 0, last], port)),
            peer: SocketAddr::from(([10, 0, 0, last], 1)),
            gateway: None,
            ingest: None,
        };
        let sentinels = RedisSentinels {
            part: "sentinel".to_string(),
            master: "orders".to_string(),
            quorum: 2,
            down_after_ns: 2_000_000_000,
        };
        let (own, master) = (member("sentinel-1", 4, 26379), member("redis-1", 1, 6379));
        assert_eq!(
            watching(&sentinels, &own, &master, Path::new("/d")),
            "bind 10.0.0.4\nport 26379\nprotected-mode no\ndaemonize no\nset-proc-title no\ndir \"/d\"\n\
             sentinel monitor orders 10.0.0.1 6379 2\nsentinel down-after-milliseconds orders 2000\n\
             sentinel failover-timeout orders 10000\n"
        );
    }
}

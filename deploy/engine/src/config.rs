//! What a node has to know to start: who it is, who the others are, and where its data lies.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::checksum::crc32c;
use crate::defects::Defects;
use crate::endpoint::Endpoint;
use crate::error::EngineError;
use crate::hive_mind::HiveMind;
use crate::http::guard::Rules;
use crate::secure::TlsFiles;

/// One member of the cluster, written `ID=NAME,HTTP,PEER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its number in the consensus group, from 1.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where clients reach it.
    pub http: Endpoint,
    /// Where the other members reach it.
    pub peer: Endpoint,
}

impl FromStr for Member {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!(
                "{what} in `{text}`; write ID=NAME,HTTP,PEER, for example 1=engine-1,127.0.0.1:8080,127.0.0.1:9080 \
                 or 1=engine-0,engine-0.engine:8080,engine-0.engine:7400"
            )
        };
        let (id, rest) = text
            .split_once('=')
            .ok_or_else(|| wrong("there is no `=`"))?;
        let mut parts = rest.split(',');
        let (Some(name), Some(http), Some(peer), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong("there are not three parts after the `=`"));
        };
        if name.is_empty() {
            return Err(wrong("there is no name"));
        }
        Ok(Self {
            id: id.parse().map_err(|_| wrong("the id is no number"))?,
            name: name.to_owned(),
            http: http.parse().map_err(|why: String| wrong(&why))?,
            peer: peer.parse().map_err(|why: String| wrong(&why))?,
        })
    }
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={},{},{}", self.id, self.name, self.http, self.peer)
    }
}

/// The name of a pod of a StatefulSet, and the number of the node in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodName {
    /// The name.
    pub name: String,
    /// The pod's number plus one: pods count from 0, members from 1.
    pub id: u64,
}

impl FromStr for PodName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = text
            .rsplit_once('-')
            .filter(|(set, _)| !set.is_empty())
            .and_then(|(_, ordinal)| ordinal.parse::<u32>().ok())
            .ok_or_else(|| {
                format!("`{text}` does not end in the number of a pod, as engine-0 does")
            })?;
        Ok(Self {
            name: text.to_owned(),
            id: u64::from(id) + 1,
        })
    }
}

/// The range of election timeouts, written `MIN..MAX`, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElectionTimeout {
    /// The shortest.
    pub min_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

impl FromStr for ElectionTimeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no range of milliseconds; write for example 300..600");
        let (min, max) = text.split_once("..").ok_or_else(wrong)?;
        Ok(Self {
            min_ms: min.trim().parse().map_err(|_| wrong())?,
            max_ms: max.trim().parse().map_err(|_| wrong())?,
        })
    }
}

impl std::fmt::Display for ElectionTimeout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{}", self.min_ms, self.max_ms)
    }
}

/// Entries between two snapshots, and entries kept behind the newest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotPolicy {
    /// A snapshot is taken after so many entries.
    pub every_entries: u64,
    /// So many entries are kept behind it, for followers that are only a little late.
    pub keep_entries: u64,
    /// A snapshot is also taken when the log holds more than this, in bytes.
    pub log_bytes: usize,
}

impl Default for SnapshotPolicy {
    fn default() -> Self {
        Self {
            every_entries: 20_000,
            keep_entries: 1_000,
            log_bytes: 64 * 1024 * 1024,
        }
    }
}

/// Ways in beside HTTP, each at an address of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gateways {
    /// Length-prefixed frames.
    pub binary: Option<SocketAddr>,
    /// JSON texts over WebSocket.
    pub websocket: Option<SocketAddr>,
    /// FIX 4.4.
    pub fix: Option<SocketAddr>,
    /// Market data, in length-prefixed frames.
    pub ingest: Option<SocketAddr>,
    /// All of them, and HTTP, speak TLS with these files; none of them without.
    pub tls: Option<TlsFiles>,
}

/// The configuration of one node.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// This node's number; must be among the members.
    pub id: u64,
    /// Where its data lies.
    pub data: PathBuf,
    /// Where it serves clients.
    pub http: SocketAddr,
    /// Where it serves clients in other ways than HTTP.
    pub gateways: Gateways,
    /// Where it serves the other members.
    pub peer: SocketAddr,
    /// All members, this one included.
    pub members: Vec<Member>,
    /// Followers elect after a silence in this range.
    pub election: ElectionTimeout,
    /// The leader is never silent for longer than about twice this, in milliseconds.
    pub heartbeat_ms: u64,
    /// When snapshots are taken.
    pub snapshots: SnapshotPolicy,
    /// What is wrong with this node on purpose.
    pub defects: Defects,
    /// How long the node goes on serving after it was asked to stop, in milliseconds; with 0 it hands nothing over.
    pub drain_ms: u64,
    /// A node that comes back does not stand for election for so long, in milliseconds, unless it hears a leader before.
    pub stand_after_ms: u64,
    /// Who is let in over HTTP.
    pub rules: Rules,
    /// What it shows beside its own port, if it stands for hive-mind.
    pub hive_mind: Option<HiveMind>,
}

impl NodeConfig {
    /// Checks that the parts fit together.
    ///
    /// # Errors
    /// [`EngineError::Usage`] with what to change.
    pub fn validate(&self) -> Result<(), EngineError> {
        let usage = |what: String| Err(EngineError::Usage(what));
        if self.member(self.id).is_none() {
            return usage(format!(
                "--id {} is not among the members; add --member {}=…",
                self.id, self.id
            ));
        }
        for (place, member) in self.members.iter().enumerate() {
            if self.members[..place]
                .iter()
                .any(|other| other.id == member.id)
            {
                return usage(format!("--member {} is given twice", member.id));
            }
        }
        let ElectionTimeout { min_ms, max_ms } = self.election;
        let share_ms = max_ms.saturating_sub(min_ms) / self.members.len().max(1) as u64;
        if share_ms == 0 {
            return usage(format!(
                "--election-ms {} is too narrow: every node needs a part of it of its own",
                self.election
            ));
        }
        if self.heartbeat_ms == 0 || min_ms < self.heartbeat_ms * 2 {
            return usage(format!(
                "--election-ms {} starts too low: twice --heartbeat-ms {} is the least",
                self.election, self.heartbeat_ms
            ));
        }
        Ok(())
    }

    /// The member with this number.
    pub fn member(&self, id: u64) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// This node's name.
    pub fn name(&self) -> &str {
        self.member(self.id).map_or("", |member| &member.name)
    }

    /// This node's part of the election range: the parts do not overlap, so that two nodes seldom stand at once.
    pub fn own_election(&self) -> ElectionTimeout {
        let before = self
            .members
            .iter()
            .filter(|member| member.id < self.id)
            .count() as u64;
        let share_ms =
            (self.election.max_ms - self.election.min_ms) / self.members.len().max(1) as u64;
        ElectionTimeout {
            min_ms: self.election.min_ms + before * share_ms,
            max_ms: self.election.min_ms + (before + 1) * share_ms,
        }
    }

    /// A number that tells this cluster from others, so that a node never takes part in the wrong one.
    pub fn fingerprint(&self) -> u32 {
        let mut names: Vec<String> = self
            .members
            .iter()
            .map(|member| format!("{}={}", member.id, member.name))
            .collect();
        names.sort_unstable();
        crc32c(names.join(";").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> NodeConfig {
        let members = (1..=3)
            .map(|id| {
                format!("{id}=engine-{id},127.0.0.1:808{id},127.0.0.1:908{id}")
                    .parse()
                    .unwrap()
            })
            .collect();
        NodeConfig {
            id: 2,
            data: PathBuf::from("data"),
            http: "127.0.0.1:8082".parse().unwrap(),
            gateways: Gateways::default(),
            peer: "127.0.0.1:9082".parse().unwrap(),
            members,
            election: "300..600".parse().unwrap(),
            heartbeat_ms: 100,
            snapshots: SnapshotPolicy::default(),
            defects: Defects::default(),
            drain_ms: 0,
            stand_after_ms: 0,
            rules: Rules::default(),
            hive_mind: None,
        }
    }

    #[test]
    fn members_are_read_back_as_written() {
        for text in [
            "2=engine-2,127.0.0.1:8082,127.0.0.1:9082",
            "1=engine-0,engine-0.engine:8080,engine-0.engine:7400",
        ] {
            assert_eq!(text.parse::<Member>().unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "2",
            "x=a,127.0.0.1:1,127.0.0.1:2",
            "1=a,b",
            "1=a,127.0.0.1:1,127.0.0.1:2,c",
            "1=,1:1,1:1",
            "1=a,engine-0.engine,127.0.0.1:2",
        ] {
            assert!(wrong.parse::<Member>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn pods_count_from_0_and_members_from_1() {
        let pod: PodName = "engine-blue-2".parse().unwrap();
        assert_eq!((pod.name.as_str(), pod.id), ("engine-blue-2", 3));
        for wrong in ["", "engine", "engine-", "-0", "engine-x", "engine-1a"] {
            assert!(wrong.parse::<PodName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn election_parts_do_not_overlap() {
        let mut config = config();
        let parts: Vec<_> = (1..=3)
            .map(|id| {
                config.id = id;
                config.own_election()
            })
            .collect();
        assert_eq!(parts[0].min_ms, 300);
        assert!(
            parts
                .windows(2)
                .all(|pair| pair[0].max_ms <= pair[1].min_ms)
        );
        assert!(parts[2].max_ms <= 600);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        assert!(config().validate().is_ok());
        let mut stranger = config();
        stranger.id = 9;
        let mut twice = config();
        twice.members.push(twice.members[0].clone());
        let mut narrow = config();
        narrow.election = "300..301".parse().unwrap();
        let mut nervous = config();
        nervous.heartbeat_ms = 290;
        for (name, wrong) in [
            ("stranger", stranger),
            ("twice", twice),
            ("narrow", narrow),
            ("nervous", nervous),
        ] {
            assert!(
                matches!(wrong.validate(), Err(EngineError::Usage(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn another_cluster_has_another_fingerprint() {
        let mut other = config();
        other.members[0].name = "someone-else".to_owned();
        assert_ne!(config().fingerprint(), other.fingerprint());
    }
}

//! `shakedown engine …`: a node, a cluster of nodes, and the list of defects.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::cluster;
use crate::config::{ElectionTimeout, Gateways, Member, NodeConfig, PodName, SnapshotPolicy};
use crate::defects::{Defect, Defects, defects};
use crate::error::EngineError;
use crate::maker::{self, MakerConfig, VenueOverFix};
use crate::node;
use crate::secure::TlsFiles;

/// The longest drain, in milliseconds.
const MAX_DRAIN_MS: u64 = 600_000;

/// The reference engine.
#[derive(Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one for each process")]
pub enum EngineCommand {
    /// Run one node of a cluster.
    Node(NodeArgs),
    /// Run a whole cluster on this machine, until it is stopped; one JSON line for each node says where it is.
    Cluster(ClusterArgs),
    /// Run a market maker, which quotes to a venue.
    Maker(MakerArgs),
    /// List the defects that can be switched on.
    Defects,
}

/// How the nodes of a cluster behave.
#[derive(Debug, Clone, clap::Args)]
pub struct Behaviour {
    /// What is to be wrong with the engine on purpose.
    #[arg(long = "defect", value_name = "NAME", value_delimiter = ',')]
    pub defects: Vec<Defect>,
    /// Followers elect a new leader after a silence in this range, in milliseconds.
    #[arg(long, value_name = "MIN..MAX", default_value = "300..600")]
    pub election_ms: ElectionTimeout,
    /// How often a leader is heard from, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 80)]
    pub heartbeat_ms: u64,
    /// Log entries between two snapshots.
    #[arg(long, value_name = "N", default_value_t = SnapshotPolicy::default().every_entries)]
    pub snapshot_every: u64,
}

/// A market maker.
#[derive(Debug, Clone, clap::Args)]
pub struct MakerArgs {
    /// Its name, under which it logs on to the venue.
    #[arg(long)]
    pub name: String,
    /// Where it serves ticks.
    #[arg(long, value_name = "ADDRESS")]
    pub http: SocketAddr,
    /// Where the venue is (`shakedown venue`).
    #[arg(long, value_name = "ADDRESS")]
    pub venue: SocketAddr,
    /// Speak FIX 4.4 to the venue, which has this CompID; WebSocket without it.
    #[arg(long, value_name = "COMPID")]
    pub fix: Option<String>,
    /// The field of an order over FIX that has the id of the tick that it comes from.
    #[arg(long, value_name = "TAG", default_value_t = 526, requires = "fix")]
    pub fix_tag: u32,
    /// What is to be wrong with it on purpose.
    #[arg(long = "defect", value_name = "NAME", value_delimiter = ',')]
    pub defects: Vec<Defect>,
    /// End when the process that started this one ends.
    #[arg(long, value_name = "PID", num_args = 0..=1, default_missing_value = "0")]
    pub with_parent: Option<i32>,
}

/// One node.
#[derive(Debug, Clone, clap::Args)]
pub struct NodeArgs {
    /// This node's name.
    #[arg(long, required_unless_present = "ordinal_from")]
    pub name: Option<String>,
    /// This node's number among the members.
    #[arg(long, required_unless_present = "ordinal_from")]
    pub id: Option<u64>,
    /// In place of --name and --id: the name of a pod of a StatefulSet. It is this node's name, and the number at its
    /// end plus one is this node's number: engine-0 is 1. So all pods have the same arguments.
    #[arg(long, value_name = "POD", env = "SHAKEDOWN_POD_NAME", conflicts_with_all = ["name", "id"])]
    pub ordinal_from: Option<PodName>,
    /// The folder for its log and snapshots.
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,
    /// Where it serves clients.
    #[arg(long, value_name = "ADDRESS")]
    pub http: SocketAddr,
    /// Where it takes orders in length-prefixed frames (docs/binary-gateway.md); nowhere without it.
    #[arg(long, value_name = "ADDRESS")]
    pub binary: Option<SocketAddr>,
    /// Where it takes orders as JSON texts over WebSocket; nowhere without it.
    #[arg(long, value_name = "ADDRESS")]
    pub websocket: Option<SocketAddr>,
    /// Where it speaks FIX 4.4, for orders and drop copies (docs/fix.md); nowhere without it.
    #[arg(long, value_name = "ADDRESS")]
    pub fix: Option<SocketAddr>,
    /// Where it takes in market data in length-prefixed frames (docs/market-data.md); nowhere without it.
    #[arg(long, value_name = "ADDRESS")]
    pub ingest: Option<SocketAddr>,
    /// Clients speak TLS with it, on every way in: its certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Where it serves the other nodes.
    #[arg(long, value_name = "ADDRESS")]
    pub peer_listen: SocketAddr,
    /// A member of the cluster; once for every member, this node included. HTTP and PEER are HOST:PORT; a host name is
    /// looked up whenever that member is dialled.
    #[arg(long = "member", value_name = "ID=NAME,HTTP,PEER", required = true)]
    pub members: Vec<Member>,
    /// Asked to stop, go on serving for so long, in milliseconds: not ready, the leadership handed over, and with every
    /// answer the connection closed. It must be longer than clients take to notice that the node is not ready, and than
    /// the longest pause between two requests on one connection. With 0 the node stops at once and hands nothing over.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=MAX_DRAIN_MS))]
    pub drain_ms: u64,
    /// Back with data, do not stand for election for so long, in milliseconds, unless a leader is heard before. For members
    /// that come back under another address: until the leader has found it, they hear nothing and would depose it.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=MAX_DRAIN_MS))]
    pub stand_after_ms: u64,
    /// End at once, whatever happens, when the process that started this one ends. With its id, also if that was
    /// before this node could ask for it.
    #[arg(long, value_name = "PID", num_args = 0..=1, default_missing_value = "0")]
    pub with_parent: Option<i32>,
    /// How it behaves.
    #[command(flatten)]
    pub behaviour: Behaviour,
}

/// A cluster on this machine.
#[derive(Debug, Clone, clap::Args)]
pub struct ClusterArgs {
    /// How many nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=9))]
    pub nodes: u64,
    /// The folder for the data and the logs of all nodes.
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,
    /// Node N serves clients at this port plus N - 1, and the other nodes 100 above that; free ports without it.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_400))]
    pub base_port: Option<u16>,
    /// How they behave.
    #[command(flatten)]
    pub behaviour: Behaviour,
}

/// Does what the command says. Returns when it is done, or was asked to stop.
///
/// # Errors
/// [`EngineError`] with what stood in the way.
pub fn run(command: EngineCommand) -> Result<(), EngineError> {
    match command {
        EngineCommand::Node(args) => {
            if let Some(parent) = args.with_parent {
                stay_with_parent(parent)?;
            }
            runtime()?.block_on(node::run(args.into_config()?))
        }
        EngineCommand::Cluster(args) => {
            runtime()?.block_on(cluster::run(&args, &mut std::io::stdout()))
        }
        EngineCommand::Maker(args) => {
            if let Some(parent) = args.with_parent {
                stay_with_parent(parent)?;
            }
            let config = MakerConfig {
                name: args.name,
                http: args.http,
                venue: args.venue,
                fix: args.fix.map(|comp_id| VenueOverFix {
                    comp_id,
                    tag: args.fix_tag,
                }),
                defects: Defects::new(args.defects),
            };
            runtime()?.block_on(maker::run(config))
        }
        EngineCommand::Defects => {
            list_defects(&mut std::io::stdout().lock()).map_err(output_failed)
        }
    }
}

impl NodeArgs {
    /// The node's configuration.
    ///
    /// # Errors
    /// [`EngineError::Usage`] when the arguments do not fit together.
    pub fn into_config(self) -> Result<NodeConfig, EngineError> {
        let (name, id) = match (self.ordinal_from, self.name, self.id) {
            (Some(pod), _, _) => (pod.name, pod.id),
            (None, Some(name), Some(id)) => (name, id),
            (None, _, _) => {
                return Err(EngineError::Usage(
                    "who is this node? Give --name and --id, or --ordinal-from".to_owned(),
                ));
            }
        };
        let config = NodeConfig {
            id,
            data: self.data,
            http: self.http,
            gateways: Gateways {
                binary: self.binary,
                websocket: self.websocket,
                fix: self.fix,
                ingest: self.ingest,
                tls: self
                    .tls_cert
                    .zip(self.tls_key)
                    .map(|(certificate, key)| TlsFiles { certificate, key }),
            },
            peer: self.peer_listen,
            members: self.members,
            election: self.behaviour.election_ms,
            heartbeat_ms: self.behaviour.heartbeat_ms,
            snapshots: SnapshotPolicy {
                every_entries: self.behaviour.snapshot_every,
                ..SnapshotPolicy::default()
            },
            defects: Defects::new(self.behaviour.defects),
            drain_ms: self.drain_ms,
            stand_after_ms: self.stand_after_ms,
        };
        config.validate()?;
        if config.name() != name {
            return Err(EngineError::Usage(format!(
                "this node is {name}, but member {id} is called {}; both must be the same",
                config.name()
            )));
        }
        Ok(config)
    }
}

/// The error for output that could not be written.
pub fn output_failed(source: std::io::Error) -> EngineError {
    EngineError::System {
        what: "write to the output",
        source,
    }
}

fn list_defects(out: &mut impl Write) -> std::io::Result<()> {
    for info in defects() {
        writeln!(out, "{:<26}{}", info.name, info.about)?;
    }
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime, EngineError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("engine")
        .enable_all()
        .build()
        .map_err(|source| EngineError::System {
            what: "start the runtime",
            source,
        })
}

/// Ties this process to its parent: the kernel kills it when the thread that started it ends. If that has happened
/// before this call, the parent is another one by now.
fn stay_with_parent(parent: i32) -> Result<(), EngineError> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| EngineError::System {
        what: "tie the node to its parent",
        source: error.into(),
    })?;
    let now = Pid::as_raw(getppid());
    let orphaned = match parent {
        0 => now <= 1,
        parent => now != parent,
    };
    if orphaned {
        Err(EngineError::Orphaned)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(subcommand)]
        command: EngineCommand,
    }

    fn parse(arguments: &str) -> Result<EngineCommand, String> {
        Line::try_parse_from(std::iter::once("engine").chain(arguments.split_whitespace()))
            .map(|line| line.command)
            .map_err(|error| error.to_string())
    }

    const MEMBERS: &str = "--member 1=engine-1,127.0.0.1:8081,127.0.0.1:9081 --member 2=engine-2,127.0.0.1:8082,127.0.0.1:9082";

    #[test]
    fn a_node_is_configured_by_its_arguments() {
        let line = format!(
            "node --name engine-2 --id 2 --data d --http 127.0.0.1:8082 --peer-listen 127.0.0.1:9082 {MEMBERS} \
             --defect corrupt-quantity,slow-failover --with-parent --election-ms 400..800"
        );
        let Ok(EngineCommand::Node(args)) = parse(&line) else {
            panic!("{:?}", parse(&line));
        };
        assert_eq!(args.with_parent, Some(0));
        let config = args.into_config().unwrap();
        assert_eq!(config.name(), "engine-2");
        assert_eq!(
            config.defects.names(),
            ["corrupt-quantity", "slow-failover"]
        );
        assert_eq!(config.election.max_ms, 800);
    }

    #[test]
    fn a_node_with_another_name_than_its_member_is_refused() {
        let line = format!(
            "node --name other --id 2 --data d --http 127.0.0.1:8082 --peer-listen 127.0.0.1:9082 {MEMBERS}"
        );
        let Ok(EngineCommand::Node(args)) = parse(&line) else {
            panic!("{:?}", parse(&line));
        };
        assert!(matches!(args.into_config(), Err(EngineError::Usage(_))));
        assert!(parse("node --defect no-such-defect").is_err());
        assert!(parse("cluster --data d --nodes 0").is_err());
    }

    #[test]
    fn a_node_needs_a_name_and_a_number_or_a_pod_but_not_both() {
        let rest = format!("--data d --http 127.0.0.1:8082 --peer-listen 127.0.0.1:9082 {MEMBERS}");
        for who in [
            "",
            "--name engine-2",
            "--id 2",
            "--ordinal-from engine-1 --id 2",
            "--ordinal-from engine-1 --name engine-2",
            "--ordinal-from engine",
        ] {
            assert!(parse(&format!("node {who} {rest}")).is_err(), "{who}");
        }
        let Ok(EngineCommand::Node(other_name)) =
            parse(&format!("node --ordinal-from engine-1 {rest}"))
        else {
            panic!("--ordinal-from is enough");
        };
        let refused = other_name.into_config().unwrap_err().to_string();
        assert!(refused.contains("member 2 is called engine-2"), "{refused}");
    }

    #[test]
    fn the_arguments_in_the_manifest_make_every_pod_a_member() {
        let manifest = include_str!("../../kubernetes/engine/engine.yaml");
        let arguments: Vec<&str> = manifest
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- --"))
            .collect();
        let line = format!("node --{}", arguments.join(" --"));
        for (pod, id) in [("engine-0", 1), ("engine-1", 2), ("engine-2", 3)] {
            let Ok(EngineCommand::Node(args)) = parse(&format!("{line} --ordinal-from {pod}"))
            else {
                panic!("{:?}", parse(&line));
            };
            let config = args.into_config().unwrap();
            assert_eq!((config.id, config.name()), (id, pod));
            assert_eq!(config.members.len(), 3);
            assert!(config.drain_ms > 0);
        }
    }

    #[test]
    fn all_defects_are_listed() {
        let mut out = Vec::new();
        list_defects(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), defects().len());
        assert!(text.lines().all(|line| line.ends_with('.')));
    }
}

//! `shakedown engine …`: a node, a cluster of nodes, and the list of defects.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::cluster;
use crate::config::{ElectionTimeout, Gateways, Member, NodeConfig, PodName, SnapshotPolicy};
use crate::defects::{Defect, Defects, defects};
use crate::dialect::{Dialect, DialectArgs};
use crate::error::EngineError;
use crate::flashmm::{self, MakerDialect};
use crate::hft::{self, HftConfig};
use crate::maker::{self, MakerArgs};
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

/// One node.
#[derive(Debug, Clone, clap::Args)]
pub struct NodeArgs {
    /// This node's name.
    #[arg(long)]
    pub name: Option<String>,
    /// This node's number among the members.
    #[arg(long)]
    pub id: Option<u64>,
    /// In place of --name and --id: the name of a pod of a StatefulSet. It is this node's name, and the number at its
    /// end plus one is this node's number: engine-0 is 1. So all pods have the same arguments.
    #[arg(long, value_name = "POD", env = "SHAKEDOWN_POD_NAME", conflicts_with_all = ["name", "id"])]
    pub ordinal_from: Option<PodName>,
    /// The folder for its log and snapshots; an engine in memory has none.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
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
    /// Where it serves the other nodes; an engine in memory does not.
    #[arg(long, value_name = "ADDRESS")]
    pub peer_listen: Option<SocketAddr>,
    /// A member of the cluster; once for every member, this node included. HTTP and PEER are HOST:PORT; a host name is
    /// looked up whenever that member is dialled. An engine in memory has none.
    #[arg(long = "member", value_name = "ID=NAME,HTTP,PEER")]
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
    /// Which system it stands for.
    #[command(flatten)]
    pub dialect: DialectArgs,
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
            match args.dialect.dialect {
                Dialect::Reference | Dialect::HiveMind => {
                    runtime()?.block_on(node::run(args.into_config()?))
                }
                Dialect::Hft => one_thread()?.block_on(hft::run(args.into_hft()?)),
            }
        }
        EngineCommand::Cluster(args) => {
            runtime()?.block_on(cluster::run(&args, &mut std::io::stdout()))
        }
        EngineCommand::Maker(args) => {
            if let Some(parent) = args.with_parent {
                stay_with_parent(parent)?;
            }
            match args.dialect {
                MakerDialect::MarketMaker => runtime()?.block_on(maker::run(args.into_config())),
                MakerDialect::Flashmm => runtime()?.block_on(flashmm::run(args.into_flashmm()?)),
            }
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
        let (name, id) = self.who()?;
        let missing = [
            ("--data", self.data.is_none()),
            ("--peer-listen", self.peer_listen.is_none()),
            ("--member", self.members.is_empty()),
        ];
        let missing: Vec<&str> = missing
            .into_iter()
            .filter_map(|(name, is_missing)| is_missing.then_some(name))
            .collect();
        let (Some(data), Some(peer), []) = (self.data, self.peer_listen, &missing[..]) else {
            return Err(EngineError::Usage(format!(
                "a node of a cluster also needs {}",
                missing.join(", ")
            )));
        };
        let hive_mind = match self.dialect.dialect {
            Dialect::Reference | Dialect::Hft => None,
            Dialect::HiveMind => {
                let args = self.dialect.hive_mind.clone();
                Some(args.into_config(self.http, self.dialect.memory_limit))
            }
        };
        let config = NodeConfig {
            id,
            data,
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
            peer,
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
            rules: self.dialect.rules()?,
            hive_mind,
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

    /// The configuration of an engine in memory.
    ///
    /// # Errors
    /// [`EngineError::Usage`] when the arguments do not fit together.
    pub fn into_hft(self) -> Result<HftConfig, EngineError> {
        let others = [
            ("--websocket", self.websocket.is_some()),
            ("--fix", self.fix.is_some()),
            ("--ingest", self.ingest.is_some()),
            ("--tls-cert", self.tls_cert.is_some()),
            ("--api-key", self.dialect.api_key.is_some()),
        ];
        if let Some((other, _)) = others.iter().find(|(_, is_given)| *is_given) {
            return Err(EngineError::Usage(format!("hft has no {other}")));
        }
        let rules = self.dialect.rules()?;
        let name = self.ordinal_from.map(|pod| pod.name).or(self.name);
        if name.is_none() && self.dialect.hft.redis.is_none() {
            return Err(EngineError::Usage(
                "who is this engine? Give --name, or --redis for a free seat".to_owned(),
            ));
        }
        Ok(HftConfig {
            name,
            http: self.http,
            binary: self.binary,
            redis: self.dialect.hft.redis,
            journal_every: Duration::from_millis(self.dialect.hft.journal_ms),
            rules,
            queue_limit: self.dialect.hft.queue_limit,
            risk_limit: self.dialect.hft.risk_limit,
            memory_limit: self.dialect.memory_limit,
            drain: Duration::from_millis(self.drain_ms),
            defects: Defects::new(self.behaviour.defects),
        })
    }

    /// Its name and number.
    ///
    /// # Errors
    /// [`EngineError::Usage`] when nobody says it.
    fn who(&self) -> Result<(String, u64), EngineError> {
        match (&self.ordinal_from, &self.name, self.id) {
            (Some(pod), _, _) => Ok((pod.name.clone(), pod.id)),
            (None, Some(name), Some(id)) => Ok((name.clone(), id)),
            (None, _, _) => Err(EngineError::Usage(
                "who is this node? Give --name and --id, or --ordinal-from".to_owned(),
            )),
        }
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

/// Everything in one thread.
fn one_thread() -> Result<tokio::runtime::Runtime, EngineError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| EngineError::System {
            what: "start the runtime",
            source,
        })
}

fn runtime() -> Result<tokio::runtime::Runtime, EngineError> {
    if std::path::Path::new("/tmp/hv/one").exists() {
        return tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| EngineError::System {
                what: "start the runtime",
                source,
            });
    }
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
///
/// # Errors
/// [`EngineError::Orphaned`] when the parent is gone; [`EngineError::System`] when the kernel refuses.
pub fn stay_with_parent(parent: i32) -> Result<(), EngineError> {
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
            let refused = match parse(&format!("node {who} {rest}")) {
                Ok(EngineCommand::Node(args)) => args.into_config().is_err(),
                Ok(_) | Err(_) => true,
            };
            assert!(refused, "{who}");
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
    fn an_engine_in_memory_needs_a_name_and_no_members_and_a_node_of_a_cluster_needs_them() {
        let line = "node --name a --http 127.0.0.1:8080";
        let args = |line: &str| match parse(line) {
            Ok(EngineCommand::Node(args)) => args,
            other => panic!("{other:?}"),
        };
        let hft = args(&format!("{line} --as hft --redis cache:6379"));
        let config = hft.into_hft().unwrap();
        assert_eq!(
            (config.name.as_deref(), config.queue_limit),
            (Some("a"), 100_000)
        );
        assert_eq!(config.rules.rate_limit, None);
        let fix = args(&format!("{line} --as hft --fix 127.0.0.1:9"));
        assert!(fix.into_hft().unwrap_err().to_string().contains("--fix"));
        let node = args(&format!("{line} --id 1")).into_config().unwrap_err();
        assert!(
            node.to_string().contains("--data, --peer-listen, --member"),
            "{node}"
        );
    }

    #[test]
    fn hive_mind_has_its_ports_where_it_serves_clients() {
        let line = format!(
            "node --as hive-mind --colour green --name engine-2 --id 2 --data d --http 127.0.0.1:8082 \
             --peer-listen 127.0.0.1:9082 {MEMBERS}"
        );
        let Ok(EngineCommand::Node(args)) = parse(&line) else {
            panic!("{:?}", parse(&line));
        };
        let hive_mind = args.into_config().unwrap().hive_mind.unwrap();
        let ports = [hive_mind.health, hive_mind.metrics].map(|at| at.to_string());
        assert_eq!(ports, ["127.0.0.1:8091", "127.0.0.1:9090"]);
        assert!(parse("node --as nobody").is_err());
    }

    #[test]
    fn the_password_of_a_database_is_not_told() {
        let line =
            "maker --as flashmm --name a --http 127.0.0.1:8000 --venue 127.0.0.1:9 --postgres";
        let config = |url: &str| match parse(&format!("{line} {url}")) {
            Ok(EngineCommand::Maker(args)) => args.into_flashmm().map(|config| config.postgres),
            other => panic!("{other:?}"),
        };
        let found = config("postgres://u:secret@db:5432/d").ok().flatten();
        assert_eq!(
            found
                .and_then(|it| it.get_user().map(str::to_owned))
                .as_deref(),
            Some("u")
        );
        let wrong = config("postgres://u:secret@db:port/d")
            .err()
            .map(|it| it.to_string());
        let wrong = wrong.expect("this is no port");
        assert!(
            !wrong.contains("secret") && wrong.contains("--postgres"),
            "{wrong}"
        );
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

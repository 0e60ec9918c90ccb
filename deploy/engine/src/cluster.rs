//! A whole cluster on this machine: each node a process of its own, none of which outlives this one.

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::process::{Child, Command};

use crate::cli::{ClusterArgs, output_failed};
use crate::config::Member;
use crate::error::EngineError;
use crate::node::asked_to_stop;
use crate::ports::free_ports;

/// How far the port for peers is above the port for clients.
const PEER_PORT_OFFSET: u16 = 100;

/// How long nodes have to stop by themselves.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

struct RunningNode {
    name: String,
    log: PathBuf,
    process: Child,
}

/// Starts the nodes, says on `out` where they are, and runs until asked to stop or until one of them ends.
///
/// # Errors
/// [`EngineError`]; in any case no node is left.
pub async fn run(args: &ClusterArgs, out: &mut impl Write) -> Result<(), EngineError> {
    let asked = asked_to_stop()?;
    let members = members(args)?;
    let mut nodes = Vec::new();
    for member in &members {
        let node = start_node(args, member, &members)?;
        let line = json!({
            "name": member.name,
            "id": member.id,
            "pid": node.process.id(),
            "http": format!("http://{}", member.http),
            "peer": member.peer.to_string(),
            "data": args.data.join(&member.name),
            "log": node.log,
        });
        nodes.push(node);
        writeln!(out, "{line}").map_err(output_failed)?;
    }
    out.flush().map_err(output_failed)?;
    let ended = tokio::select! {
        () = asked => None,
        ended = first_to_end(&mut nodes) => Some(ended),
    };
    stop(&mut nodes).await;
    ended.map_or(Ok(()), Err)
}

fn members(args: &ClusterArgs) -> Result<Vec<Member>, EngineError> {
    let free = match args.base_port {
        Some(_) => Vec::new(),
        None => free_ports(usize::try_from(args.nodes).unwrap_or(usize::MAX / 2) * 2).map_err(
            |source| EngineError::System {
                what: "find free ports",
                source,
            },
        )?,
    };
    let mut free = free.into_iter();
    let mut members = Vec::new();
    for id in 1..=args.nodes {
        let place = u16::try_from(id - 1).unwrap_or(u16::MAX);
        let (http, peer) = match args.base_port {
            Some(base) => (base + place, base + PEER_PORT_OFFSET + place),
            None => (free.next().unwrap_or(0), free.next().unwrap_or(0)),
        };
        members.push(Member {
            id,
            name: format!("engine-{id}"),
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, http)).into(),
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, peer)).into(),
        });
    }
    Ok(members)
}

/// Starts a node as a child. Called on the main thread, whose end is the end of the process: the kernel kills a
/// node when the thread that started it ends.
fn start_node(
    args: &ClusterArgs,
    member: &Member,
    members: &[Member],
) -> Result<RunningNode, EngineError> {
    let folder = args.data.join(&member.name);
    let data_failed = |source| EngineError::Data {
        path: folder.clone(),
        source,
    };
    std::fs::create_dir_all(&folder).map_err(data_failed)?;
    let log = folder.join("engine.log");
    let log_file = File::options()
        .create(true)
        .append(true)
        .open(&log)
        .map_err(data_failed)?;
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["engine", "node", "--name", &member.name])
        .args(["--id", &member.id.to_string()])
        .arg("--data")
        .arg(&folder)
        .args(["--http", &member.http.to_string()])
        .args(["--peer-listen", &member.peer.to_string()])
        .args(["--election-ms", &args.behaviour.election_ms.to_string()])
        .args(["--heartbeat-ms", &args.behaviour.heartbeat_ms.to_string()])
        .args([
            "--snapshot-every",
            &args.behaviour.snapshot_every.to_string(),
        ])
        .args(["--with-parent", &std::process::id().to_string()]);
    for other in members {
        command.args(["--member", &other.to_string()]);
    }
    for defect in &args.behaviour.defects {
        command.args(["--defect", defect.name()]);
    }
    let process = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log_file)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| EngineError::System {
            what: "start a node",
            source,
        })?;
    Ok(RunningNode {
        name: member.name.clone(),
        log,
        process,
    })
}

/// Waits until a node ends by itself.
async fn first_to_end(nodes: &mut [RunningNode]) -> EngineError {
    loop {
        for node in nodes.iter_mut() {
            if let Ok(Some(status)) = node.process.try_wait() {
                return EngineError::NodeEnded {
                    name: node.name.clone(),
                    status: status.to_string(),
                    log: node.log.clone(),
                };
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Asks all nodes to stop, and kills those that do not.
async fn stop(nodes: &mut [RunningNode]) {
    for node in nodes.iter() {
        if let Some(pid) = node
            .process
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw)
            && let Err(error) = rustix::process::kill_process(pid, rustix::process::Signal::TERM)
        {
            tracing::warn!(name = node.name, %error, "cannot ask a node to stop");
        }
    }
    let give_up = tokio::time::Instant::now() + STOP_PATIENCE;
    for node in nodes.iter_mut() {
        if tokio::time::timeout_at(give_up, node.process.wait())
            .await
            .is_err()
            && let Err(error) = node.process.kill().await
        {
            tracing::error!(name = node.name, %error, "cannot kill a node");
        }
    }
}

//! Why an environment could not be started.

use std::io;
use std::path::PathBuf;

use super::node::Node;
use crate::journal::JournalError;
use crate::mechanisms::SpawnError;
use crate::mechanisms::child::AdoptError;
use crate::mechanisms::disk::{DiskError, DiskUnavailable};
use crate::mechanisms::docker::EngineError;
use crate::mechanisms::kubernetes::ClusterError;
use crate::mechanisms::link::LinkError;
use crate::mechanisms::net::NodeNetworkError;
use crate::state_dir::StateDirError;

/// One variant for each cause; all mean exit 69.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    #[error(
        "a fault of this plan, or a part that is always at the same port, such as a store, needs a network namespace for each node, \
         and there are none: {source}; run it as root, or take out `dns` and what is limited to ports"
    )]
    NoNetwork { source: Box<NodeNetworkError> },
    #[error(
        "fault {fault} is to put packets out of order, which takes netem in the kernel; here it would be done by a \
         userspace link ({why}), and a byte stream keeps its order: take `reorder` out"
    )]
    NoReordering { fault: String, why: &'static str },
    #[error("links between the nodes cannot be laid: {0}")]
    Links(#[from] LinkError),
    #[error(
        "faults on disks, and the read after a power cut, need a disk of Shakedown's own for each node: {0}"
    )]
    NoDisks(#[from] DiskUnavailable),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("{name} cannot be cut from power: {why}")]
    NoPowerCut { name: String, why: String },
    #[error(transparent)]
    Docker(#[from] EngineError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// What is wrong with the pods that the profile selects, in words.
    #[error("{0}")]
    Pods(String),
    /// What is wrong with the containers that the profile selects, in words.
    #[error("{0}")]
    Containers(String),
    #[error("the profile's local stand-in is for part `{part}`, and the system has no such part")]
    NoSuchPart { part: String },
    #[error("the profile names no address of a replica of part `{part}`")]
    NoEndpoints { part: String },
    #[error("`{url}` is no base URL of the form http://HOST:PORT")]
    BadUrl { url: String },
    #[error(
        "the readiness request of the profile has variables or a body; a local stand-in is asked before there is anything to fill in"
    )]
    ReadinessTemplate,
    #[error("cannot {what} {path}: {source}")]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(transparent)]
    State(#[from] StateDirError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Spawner(#[from] SpawnError),
    #[error("there are not {wanted} free ports between {from} and {to} on 127.0.0.1")]
    NoFreePorts { wanted: usize, from: u16, to: u16 },
    #[error("cannot start {name} as `{command}`: {source}")]
    Start {
        name: String,
        command: String,
        source: io::Error,
    },
    #[error("cannot take charge of {name}: {source}")]
    Adopt { name: String, source: AdoptError },
    #[error("{name} {how} before it was ready; {log}")]
    EndedEarly {
        name: String,
        how: String,
        log: String,
    },
    #[error("{name} was not ready within {waited_s} s: its readiness endpoint {answer}; {log}")]
    NotReady {
        name: String,
        waited_s: u64,
        answer: String,
        log: String,
    },
    #[error("{name} is not run by Shakedown, so it cannot be started by it")]
    NotOurs { name: String },
    #[error("{name} still runs; it cannot be started a second time")]
    StillRuns { name: String },
    #[error(
        "there is no {what} here: {} is not in {}, or too old; on Debian: apt-get install {package}, or name the folder of its \
         programs in {elsewhere}",
        programs.join(", "), folder.display()
    )]
    NoServer {
        what: &'static str,
        programs: &'static [&'static str],
        folder: PathBuf,
        package: &'static str,
        elsewhere: &'static str,
    },
    #[error("servers of {what} do not run as root, and there is none of the users {}", users.join(", "))]
    NoUser {
        what: &'static str,
        users: [&'static str; 2],
    },
    #[error(
        "servers of {what} need namespaces of their own, to be cut off and to be killed with all of their processes: run it as \
         root"
    )]
    ServersNeedRoot { what: &'static str },
    #[error(
        "fault {fault} would be done by a go-between ({why}), and servers of Redis tell each other their own addresses: it would \
         be passed by; take the fault out, or run where there is nftables"
    )]
    NoGoBetween { fault: String, why: &'static str },
    #[error("{name}: cannot {what}: {why}")]
    Server {
        name: String,
        what: &'static str,
        why: String,
    },
    #[error("the cluster is being stopped")]
    Stopping,
    /// Each by itself.
    #[error("{}", words(.0))]
    Several(Vec<EnvironmentError>),
}

impl EnvironmentError {
    /// All of them as one; `None` when there are none.
    pub(super) fn all_of(mut errors: Vec<EnvironmentError>) -> Option<EnvironmentError> {
        match errors.len() {
            0 | 1 => errors.pop(),
            _ => Some(EnvironmentError::Several(errors)),
        }
    }
}

fn words(errors: &[EnvironmentError]) -> String {
    let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
    words.join("; ")
}

/// A server of somebody else's could not be made what it should be.
pub(super) fn failed(node: &Node, what: &'static str, why: impl ToString) -> EnvironmentError {
    EnvironmentError::Server {
        name: node.name.clone(),
        what,
        why: why.to_string(),
    }
}

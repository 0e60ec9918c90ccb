//! Replicas and the handles by which mechanisms get hold of them.

use std::net::SocketAddr;

use shakedown_record::fault::FaultTarget;

use crate::mechanisms::{ProcessHandle, ProcessState};

/// One replica of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// `<part>-<n>`, counted from 1.
    pub name: String,
    pub part: String,
    /// Such as `http://127.0.0.1:20001`, without a slash at the end.
    pub base_url: String,
}

impl Replica {
    /// The `n`th replica (from 1) of a part.
    pub(super) fn numbered(part: &str, n: usize, base_url: String) -> Replica {
        Replica {
            name: format!("{part}-{n}"),
            part: part.to_string(),
            base_url,
        }
    }
}

/// What a mechanism acts on. A closed set: a cgroup, a network namespace, a container are variants to come.
#[derive(Debug, Clone)]
pub enum Handle {
    Process(ProcessHandle),
}

impl Handle {
    /// A fault target with this handle, as it stands in the events.
    pub fn as_target(&self, name: &str, role: Option<&str>) -> FaultTarget {
        FaultTarget {
            name: name.to_string(),
            role: role.map(str::to_string),
            handle: match self {
                Handle::Process(process) => process.id().to_string(),
            },
        }
    }
}

/// What can be seen of a replica from outside, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaHealth {
    pub process: ProcessState,
    pub address: SocketAddr,
    /// Its readiness request was answered with 2xx; where the profile has none: its socket accepts connections.
    pub ready: bool,
}

//! A target of a fault, resolved and pinned.

use std::net::SocketAddr;

use crate::mechanisms::ProcessHandle;

/// One target: the process that it was when the fault was prepared.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) role: Option<String>,
    pub(super) process: ProcessHandle,
    /// Where it serves.
    pub(super) address: SocketAddr,
}

impl Target {
    /// For people: `engine-1 (pid 4711)`.
    pub(super) fn label(&self) -> String {
        format!("{} ({})", self.name, self.process.id())
    }
}

/// Names of several targets, for people.
pub(super) fn labels<'a>(targets: impl IntoIterator<Item = &'a Target>) -> String {
    let labels: Vec<String> = targets.into_iter().map(Target::label).collect();
    labels.join(", ")
}

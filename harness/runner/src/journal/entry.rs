//! Entries of the journal: one JSON object a line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shakedown_record::event::Dropped;

use crate::drill::DrillMark;
use crate::mechanisms::monitoring::SilenceUndo;
use crate::mechanisms::{Invocation, ProcessId, World};
use crate::mechanisms::{cgroup, docker, kubernetes};

/// Who runs this run, and where. The first entry of every journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub run_id: String,
    pub process: ProcessId,
    pub world: World,
    /// Absolute.
    pub run_dir: PathBuf,
    pub system: String,
    pub environment: String,
    /// RFC 3339, UTC.
    pub started_at: String,
}

/// How a change is taken back by somebody who knows nothing but this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "kebab-case")]
pub enum Undo {
    /// SIGCONT to a process that was stopped.
    Thaw { name: String, process: ProcessId },
    /// A control group of ours, or limits of a target's own.
    Group { name: String, back: cgroup::Undo },
    /// What was done to a container by its engine.
    Container { name: String, back: docker::Undo },
    /// What was done to a cluster, or made in it.
    Cluster {
        name: String,
        back: Box<kubernetes::Undo>,
    },
    /// A silence at an Alertmanager.
    Silence { back: SilenceUndo },
    /// The heal command of a hook, or what gives back what a command has taken away.
    Command { heal: Invocation },
}

impl Undo {
    /// True when what it takes back may still be there after this machine was started anew.
    pub fn outlives_boot(&self) -> bool {
        match self {
            Undo::Thaw { .. } | Undo::Group { .. } => false,
            // No process of it is left; its place in a network is configuration.
            Undo::Container { back, .. } => matches!(back, docker::Undo::Connect { .. }),
            Undo::Cluster { .. } | Undo::Command { .. } | Undo::Silence { .. } => true,
        }
    }
}

/// Orders of ours that may be open at an engine that outlives Shakedown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOrders {
    /// Client order ids begin with this.
    pub prefix: String,
    /// Base URLs at which they were entered.
    pub entry: Vec<String>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Entry {
    Owner(Owner),
    /// The run holds a Lease in a cluster, and a copy of this journal is about to be made there. The last one counts.
    Drill(DrillMark),
    /// A folder of node data is about to be made.
    DataFolder {
        path: PathBuf,
    },
    DataFolderGone {
        path: PathBuf,
    },
    /// A child was started. It dies with its parent even if this line was never written.
    ChildStarted {
        name: String,
        process: ProcessId,
    },
    ChildGone {
        name: String,
        process: ProcessId,
    },
    /// A fault is about to be injected.
    FaultIntent {
        /// The firing's label, such as `leader-dies#2`.
        fault: String,
        kind: String,
        /// For people: `engine-1 (pid 4711)`.
        targets: Vec<String>,
        undo: Vec<Undo>,
    },
    FaultHealed {
        fault: String,
    },
    /// A node whose power was cut has lost what it had not synced.
    Dropped(Dropped),
    /// Orders are about to be sent to an engine that is not ours.
    OrdersMayBeOpen(OpenOrders),
    OrdersClosed {
        prefix: String,
    },
    /// `recover` undid what it could after the owner had died.
    Recovered {
        left: Vec<String>,
    },
    /// The owner took everything back.
    Closed,
}

//! Faults as planned: what, to whom, when, for how long. A kind and its target are separate.

use serde::{Deserialize, Serialize};

use super::gates::Operation;
use super::kubernetes::{ClusterKind, Placed};

/// One fault of the scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultPlan {
    /// Id in the scenario.
    pub id: String,
    pub kind: FaultKind,
    pub to: Selector,
    pub when: Trigger,
    /// How long it stays before it is healed, in nanoseconds.
    pub hold_ns: u64,
    pub repeat: Repeat,
}

/// What is done. A closed set: adding a kind is a variant, a mechanism, a match arm and a library scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A signal that ends the process; healed by starting it again with its data.
    Kill { signal: Signal },
    /// The process stops running and keeps its sockets; healed by letting it run on.
    Freeze { by: FreezeBy },
    /// An orderly stop (SIGTERM, then SIGKILL after `grace_ns`) and a start; each target in turn.
    Restart { grace_ns: u64 },
    /// An orderly stop of the container (SIGTERM, then SIGKILL after `grace_ns`); healed by starting it again.
    Stop { grace_ns: u64 },
    /// The container loses its place in the network; healed by giving it back, with the same address and aliases.
    Disconnect,
    /// So much CPU time at most, in thousandths of one CPU.
    Cpu { milli_cpus: u32 },
    /// So many busy processes compete for the CPUs of each target.
    CpuStress { workers: u32 },
    /// So much memory at most, in bytes.
    Memory { bytes: u64 },
    /// The kernel ends the process for want of memory; healed by starting it again with its data.
    OutOfMemory,
    /// Restarted with a monotonic clock that is ahead of the machine's, or behind (negative), in nanoseconds; healed by
    /// a restart without.
    ClockSkew { by_ns: i64 },
    /// Each sync of the data folder takes this much longer, in nanoseconds.
    SlowDisk { sync_ns: u64 },
    /// A share of writes and syncs in the data folder fails (EIO), each by chance; 0 to 1.
    FailingDisk { share: f64 },
    /// Only this much more can be written to the data folder, in bytes.
    DiskFull { leave_bytes: u64 },
    /// The process is killed, and its data folder loses what was not synced; healed by starting it again with the rest.
    PowerCut,
    /// No packet gets through a link, or none to and from `ports` (empty: all).
    Partition { ports: Vec<u16> },
    /// A share of the packets on a link gets lost, each by chance; 0 to 1.
    Loss { share: f64, ports: Vec<u16> },
    /// Connections over a link are answered with a TCP reset.
    Reset { ports: Vec<u16> },
    /// Each way over a link takes `by_ns` longer, more or less up to `jitter_ns`, in nanoseconds; a share of the
    /// packets, 0 to 1, goes ahead of those that wait.
    Delay {
        by_ns: u64,
        jitter_ns: u64,
        reorder: f64,
    },
    /// So much, in bytes in a second, is what each sender can send over a link.
    Bandwidth { bytes_per_s: u64 },
    /// Connections over a link stay open, and what is said on them is acknowledged and lost.
    HalfOpen,
    /// Name servers do not answer.
    Dns,
    /// Commands that do it, look for its effect, and take it back: another tool, a cloud call, bare metal.
    Hook(Hook),
    /// The kill switch of these accounts is pulled; never healed.
    KillSwitch { accounts: Vec<String> },
    /// What operators do to the data: it is kept, or brought back.
    Operation(Operation),
    /// What is done by the API of a cluster, or to its nodes.
    Cluster(ClusterKind),
}

/// The commands of a hook: program and arguments, run without a shell in the folder where Shakedown was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    pub inject: Vec<String>,
    /// Exit 0: the effect is there. Asked again until it is.
    pub confirm: Vec<String>,
    /// Must do no harm when run twice, or when nothing was injected.
    pub heal: Vec<String>,
    /// Exit 0: everything is as before. Without one, `confirm` must no longer find the effect.
    pub clean: Option<Vec<String>>,
    /// How long each command may take, in nanoseconds.
    pub deadline_ns: u64,
}

impl FaultKind {
    /// The kind's name in files and reports.
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::Kill { .. } => "kill",
            FaultKind::Freeze { .. } => "freeze",
            FaultKind::Restart { .. } => "restart",
            FaultKind::Stop { .. } => "stop",
            FaultKind::Disconnect => "disconnect",
            FaultKind::ClockSkew { .. } => "clock-skew",
            FaultKind::SlowDisk { .. } => "slow-disk",
            FaultKind::FailingDisk { .. } => "failing-disk",
            FaultKind::DiskFull { .. } => "disk-full",
            FaultKind::PowerCut => "power-cut",
            FaultKind::Cpu { .. } | FaultKind::CpuStress { .. } => "cpu",
            FaultKind::Memory { .. } => "memory",
            FaultKind::OutOfMemory => "out-of-memory",
            FaultKind::Partition { .. } => "partition",
            FaultKind::Loss { .. } => "loss",
            FaultKind::Reset { .. } => "reset",
            FaultKind::Delay { .. } => "delay",
            FaultKind::Bandwidth { .. } => "bandwidth",
            FaultKind::HalfOpen => "half-open",
            FaultKind::Dns => "dns",
            FaultKind::Hook(_) => "hook",
            FaultKind::KillSwitch { .. } => "kill-switch",
            FaultKind::Operation(operation) => operation.name(),
            FaultKind::Cluster(kind) => kind.name(),
        }
    }

    /// True for what is done to the packets between two ends, and to neither of them.
    pub fn is_of_links(&self) -> bool {
        match self {
            FaultKind::Partition { .. } | FaultKind::Loss { .. } | FaultKind::Reset { .. } => true,
            FaultKind::Delay { .. } | FaultKind::Bandwidth { .. } | FaultKind::HalfOpen => true,
            FaultKind::Kill { .. }
            | FaultKind::Freeze { .. }
            | FaultKind::Restart { .. }
            | FaultKind::Stop { .. }
            | FaultKind::Disconnect
            | FaultKind::Cpu { .. }
            | FaultKind::CpuStress { .. }
            | FaultKind::Memory { .. }
            | FaultKind::OutOfMemory
            | FaultKind::ClockSkew { .. }
            | FaultKind::SlowDisk { .. }
            | FaultKind::FailingDisk { .. }
            | FaultKind::DiskFull { .. }
            | FaultKind::PowerCut
            | FaultKind::Dns
            | FaultKind::Hook(_)
            | FaultKind::KillSwitch { .. }
            | FaultKind::Operation(_)
            | FaultKind::Cluster(_) => false,
        }
    }

    /// True for what only the engine of a container can do.
    pub fn is_of_containers(&self) -> bool {
        matches!(self, FaultKind::Stop { .. } | FaultKind::Disconnect)
    }

    /// What is done to the data, if it is that.
    pub fn operation(&self) -> Option<&Operation> {
        match self {
            FaultKind::Operation(operation) => Some(operation),
            _ => None,
        }
    }

    /// True for what is done between a node and its data folder.
    pub fn is_of_disks(&self) -> bool {
        matches!(
            self,
            FaultKind::SlowDisk { .. }
                | FaultKind::FailingDisk { .. }
                | FaultKind::DiskFull { .. }
                | FaultKind::PowerCut
        )
    }
}

/// What holds a frozen process.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum FreezeBy {
    /// SIGSTOP; healed by SIGCONT. Parents and debuggers notice.
    #[default]
    Signal,
    /// The freezer of a control group: not to be seen or undone from inside. Needs root.
    Cgroup,
}

/// A signal by which a process is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Signal {
    Kill,
    Term,
    Int,
    Quit,
    Abrt,
    Segv,
    Hup,
    Usr1,
    Usr2,
}

/// To whom. Resolved when the fault fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selector {
    /// The replica that has this role when the fault fires.
    Role(String),
    /// One replica by name, such as `engine-1`.
    Name(String),
    /// Every replica of a part, in order.
    Part(String),
    /// `count` replicas of a part, chosen by the seed; `without_role` leaves out those that have a role.
    Random {
        part: String,
        count: u32,
        without_role: Option<String>,
    },
    /// What lies between two ends.
    Link {
        from: Box<Selector>,
        to: LinkEnd,
        direction: Direction,
    },
    /// No replica in particular: a hook's commands know what they act on.
    System,
    /// Those that are in one place of a cluster, or have one owner there.
    Placed(Placed),
}

/// The other end of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkEnd {
    /// These replicas, but for those of the first end.
    Replicas(Box<Selector>),
    /// Every other replica of the same part.
    Peers,
    /// Order entry: Shakedown's own sessions and probes.
    Clients,
    /// This service of the cluster: its addresses, and whoever is behind it.
    Service(String),
}

/// Which packets of a link are meant.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    #[default]
    Both,
    /// From the first end to the second.
    There,
    /// From the second end to the first.
    Back,
}

impl Direction {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Both => "both",
            Direction::There => "there",
            Direction::Back => "back",
        }
    }
}

/// When a fault fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Run time in nanoseconds since zero. Steady state must be proven by then.
    At { at_ns: u64 },
    /// After the end of the steady phase.
    AfterSteady { by_ns: u64 },
    /// After another fault was injected.
    AfterFault { fault: String, by_ns: u64 },
}

/// Firing a fault several times; steady state is proven again in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Repeat {
    pub times: u32,
    /// From one injection to the next, at least, in nanoseconds.
    pub every_ns: u64,
    /// Up to this much is added, chosen by the seed, in nanoseconds.
    pub jitter_ns: u64,
}

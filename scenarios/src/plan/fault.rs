//! Faults as planned: what, to whom, when, for how long. A kind and its target are separate.

use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A signal that ends the process; healed by starting it again with its data.
    Kill { signal: Signal },
    /// The process stops running and keeps its sockets (SIGSTOP); healed by SIGCONT.
    Freeze,
    /// An orderly stop (SIGTERM, then SIGKILL after `grace_ns`) and a start; each target in turn.
    Restart { grace_ns: u64 },
}

impl FaultKind {
    /// The kind's name in files and reports.
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::Kill { .. } => "kill",
            FaultKind::Freeze => "freeze",
            FaultKind::Restart { .. } => "restart",
        }
    }
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

//! Faults as written: what, to whom, when, for how long.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::plan::Signal;
use crate::spec::Later;
use crate::spec::scalar::{Duration, Id};

/// One fault.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FaultSpec {
    /// What is done.
    #[serde(rename = "do")]
    pub(crate) kind: KindSpec,
    /// To whom; resolved when the fault fires.
    pub(crate) to: SelectorSpec,
    /// When it fires.
    pub(crate) when: WhenSpec,
    /// How long it stays before it is healed; not for `restart`, which heals itself.
    #[serde(rename = "for")]
    pub(crate) hold: Option<Duration>,
    /// Several times; steady state is proven again in between. Default: once.
    pub(crate) repeat: Option<RepeatSpec>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KindSpec {
    /// A signal that ends the process; healed by starting it again with its data.
    Kill(KillSpec),
    /// The process stops running and keeps its sockets; healed by letting it run on.
    Freeze(FreezeSpec),
    /// An orderly stop and a start, each target in turn.
    Restart(RestartSpec),
    #[schemars(skip)]
    Delete(Later),
    #[schemars(skip)]
    Evict(Later),
    #[schemars(skip)]
    OutOfMemory(Later),
    #[schemars(skip)]
    Stop(Later),
    #[schemars(skip)]
    Reboot(Later),
    #[schemars(skip)]
    Drain(Later),
    #[schemars(skip)]
    Taint(Later),
    #[schemars(skip)]
    Partition(Later),
    #[schemars(skip)]
    Delay(Later),
    #[schemars(skip)]
    Jitter(Later),
    #[schemars(skip)]
    Loss(Later),
    #[schemars(skip)]
    Bandwidth(Later),
    #[schemars(skip)]
    Reset(Later),
    #[schemars(skip)]
    HalfOpen(Later),
    #[schemars(skip)]
    Dns(Later),
    #[schemars(skip)]
    Cpu(Later),
    #[schemars(skip)]
    Memory(Later),
    #[schemars(skip)]
    DiskFull(Later),
    #[schemars(skip)]
    SlowDisk(Later),
    #[schemars(skip)]
    ClockSkew(Later),
    #[schemars(skip)]
    RollingUpdate(Later),
    #[schemars(skip)]
    Rollback(Later),
    #[schemars(skip)]
    Scale(Later),
    #[schemars(skip)]
    Hook(Later),
}

impl KindSpec {
    /// The name in files.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            KindSpec::Kill(_) => "kill",
            KindSpec::Freeze(_) => "freeze",
            KindSpec::Restart(_) => "restart",
            KindSpec::Delete(_) => "delete",
            KindSpec::Evict(_) => "evict",
            KindSpec::OutOfMemory(_) => "out-of-memory",
            KindSpec::Stop(_) => "stop",
            KindSpec::Reboot(_) => "reboot",
            KindSpec::Drain(_) => "drain",
            KindSpec::Taint(_) => "taint",
            KindSpec::Partition(_) => "partition",
            KindSpec::Delay(_) => "delay",
            KindSpec::Jitter(_) => "jitter",
            KindSpec::Loss(_) => "loss",
            KindSpec::Bandwidth(_) => "bandwidth",
            KindSpec::Reset(_) => "reset",
            KindSpec::HalfOpen(_) => "half-open",
            KindSpec::Dns(_) => "dns",
            KindSpec::Cpu(_) => "cpu",
            KindSpec::Memory(_) => "memory",
            KindSpec::DiskFull(_) => "disk-full",
            KindSpec::SlowDisk(_) => "slow-disk",
            KindSpec::ClockSkew(_) => "clock-skew",
            KindSpec::RollingUpdate(_) => "rolling-update",
            KindSpec::Rollback(_) => "rollback",
            KindSpec::Scale(_) => "scale",
            KindSpec::Hook(_) => "hook",
        }
    }
}

/// How a process is ended.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct KillSpec {
    /// Default: KILL.
    pub(crate) signal: Option<Signal>,
}

/// Nothing more needs to be said.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreezeSpec {}

/// How a process is restarted.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RestartSpec {
    /// After TERM, before KILL. Default: 10s.
    pub(crate) grace: Option<Duration>,
}

/// To whom.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SelectorSpec {
    /// The replica that has this role when the fault fires.
    Role(Id),
    /// One replica by name, such as engine-1.
    Name(Id),
    /// Every replica of a part.
    Part(Id),
    /// Some replicas of a part, chosen by the seed.
    Random(RandomSpec),
    #[schemars(skip)]
    Label(Later),
    #[schemars(skip)]
    Zone(Later),
    #[schemars(skip)]
    Node(Later),
    #[schemars(skip)]
    Percent(Later),
    #[schemars(skip)]
    Link(Later),
}

/// Some replicas of a part.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RandomSpec {
    pub(crate) part: Id,
    /// How many. Default: 1.
    pub(crate) count: Option<u32>,
    /// Replicas that have this role are left out.
    pub(crate) without_role: Option<Id>,
}

/// When a fault fires.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WhenSpec {
    /// Run time; steady state must be proven by then.
    At(Duration),
    /// After something else.
    After(AfterSpec),
    #[schemars(skip)]
    If(Later),
}

/// After what: a phase or another fault.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AfterSpec {
    /// After the end of a phase.
    pub(crate) phase: Option<AfterPhase>,
    /// After the injection of another fault.
    pub(crate) fault: Option<Id>,
    /// By this much. Default: 0s.
    pub(crate) by: Option<Duration>,
}

/// A phase after whose end a fault may fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AfterPhase {
    /// The measured steady time.
    Steady,
}

/// Several times.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RepeatSpec {
    pub(crate) times: u32,
    /// From one injection to the next, at least.
    pub(crate) every: Duration,
    /// Up to this much is added, chosen by the seed. Default: 0s.
    pub(crate) jitter: Option<Duration>,
}

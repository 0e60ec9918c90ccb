//! Faults as written: what, to whom, when, for how long.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::plan::{FreezeBy, Signal, TaintEffect};
use crate::spec::scalar::{ByteRate, Duration, Id, Percent, Size, Symbol};
use crate::spec::{Entries, Later};

use super::selector::SelectorSpec;

/// One fault.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FaultSpec {
    /// What is done.
    #[serde(rename = "do")]
    pub(crate) kind: KindSpec,
    /// To whom; resolved when the fault fires. A `hook` needs none; a `kill-switch`, a `backup` and a
    /// `restore` have none.
    pub(crate) to: Option<SelectorSpec>,
    /// When it fires.
    pub(crate) when: WhenSpec,
    /// How long it stays before it is healed; not for `restart`, which heals itself, nor for
    /// `kill-switch`, `backup` and `restore`, which stay.
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
    Freeze(FreezeBySpec),
    /// An orderly stop and a start, each target in turn.
    Restart(RestartSpec),
    /// An orderly stop of a container; healed by starting it again with its data. In the environment docker.
    Stop(RestartSpec),
    /// A container is taken out of its network; healed by putting it back with the same address. In the environment
    /// docker.
    Disconnect(FreezeSpec),
    /// Less CPU time.
    Cpu(CpuSpec),
    /// Less memory.
    Memory(MemorySpec),
    /// The kernel ends the process for want of memory; healed by starting it again with its data.
    OutOfMemory(FreezeSpec),
    /// A restart with a monotonic clock that is off, healed by a restart without. Wall-clock time is not offered: it is
    /// the same for all processes of a machine.
    ClockSkew(ClockSkewSpec),
    /// Each sync of the data folder takes longer.
    SlowDisk(SlowDiskSpec),
    /// A share of writes and syncs in the data folder fails.
    FailingDisk(FailingDiskSpec),
    /// No room is left in the data folder.
    DiskFull(DiskFullSpec),
    /// The process is killed and loses what it had not synced; healed by starting it again with the rest.
    PowerCut(FreezeSpec),
    /// No packet gets through a link.
    Partition(PartitionSpec),
    /// A share of the packets on a link gets lost.
    Loss(LossSpec),
    /// Connections over a link are reset.
    Reset(PartitionSpec),
    /// What goes over a link takes longer.
    Delay(DelaySpec),
    /// Less goes over a link in a second.
    Bandwidth(BandwidthSpec),
    /// Connections over a link stay open, and what is said on them is acknowledged and lost.
    HalfOpen(FreezeSpec),
    /// Name servers do not answer.
    Dns(FreezeSpec),
    /// The kill switch of accounts is pulled, as the profile says; it is never taken back.
    KillSwitch(KillSwitchSpec),
    /// The data is copied, and what is written from then on is kept beside the copy: as the profile's `operations` say, or by
    /// Shakedown where it has started servers of PostgreSQL.
    Backup(FreezeSpec),
    /// The data is brought back as it was at a moment; what was written after that is gone.
    Restore(RestoreSpec),
    /// The profile's migration of the database is done, and undone when the fault is healed.
    Migrate(FreezeSpec),
    /// Commands of another tool that do it, look for its effect, and take it back.
    Hook(HookSpec),
    /// Pods are deleted; whoever owns them makes others. In the environment kubernetes, as all that follow.
    Delete(DeleteSpec),
    /// Pods are evicted, if their disruption budget lets them go.
    Evict(FreezeSpec),
    /// No new pod comes to the nodes of the targets.
    Cordon(FreezeSpec),
    /// No new pod comes to the nodes of the targets, and those that are there are evicted.
    Drain(FreezeSpec),
    /// The nodes of the targets get a taint.
    Taint(TaintSpec),
    /// The nodes of the targets lose their power, by the commands of the profile.
    NodeStop(FreezeSpec),
    /// The nodes of the targets start anew, by the command of the profile.
    Reboot(FreezeSpec),
    /// The kubelets of the nodes stand still; the pods there go on.
    KubeletStop(FreezeSpec),
    /// The container runtimes of the nodes stand still; the pods there go on.
    RuntimeStop(FreezeSpec),
    /// Nobody answers for the cluster, by the commands of the profile.
    ApiServerStop(FreezeSpec),
    /// The pods of the workload that owns the targets are replaced one by one.
    RollingUpdate(RollingUpdateSpec),
    /// The workload that owns the targets goes back to its revision before the present one.
    Rollback(FreezeSpec),
    /// The workload that owns the targets gets another number of pods.
    Scale(ScaleSpec),
    /// A service means other pods.
    Switch(SwitchSpec),
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
            KindSpec::Disconnect(_) => "disconnect",
            KindSpec::Cordon(_) => "cordon",
            KindSpec::Drain(_) => "drain",
            KindSpec::Taint(_) => "taint",
            KindSpec::NodeStop(_) => "node-stop",
            KindSpec::Reboot(_) => "reboot",
            KindSpec::KubeletStop(_) => "kubelet-stop",
            KindSpec::RuntimeStop(_) => "runtime-stop",
            KindSpec::ApiServerStop(_) => "api-server-stop",
            KindSpec::Partition(_) => "partition",
            KindSpec::Delay(_) => "delay",
            KindSpec::Loss(_) => "loss",
            KindSpec::Bandwidth(_) => "bandwidth",
            KindSpec::Reset(_) => "reset",
            KindSpec::HalfOpen(_) => "half-open",
            KindSpec::Dns(_) => "dns",
            KindSpec::Cpu(_) => "cpu",
            KindSpec::Memory(_) => "memory",
            KindSpec::FailingDisk(_) => "failing-disk",
            KindSpec::DiskFull(_) => "disk-full",
            KindSpec::PowerCut(_) => "power-cut",
            KindSpec::SlowDisk(_) => "slow-disk",
            KindSpec::ClockSkew(_) => "clock-skew",
            KindSpec::RollingUpdate(_) => "rolling-update",
            KindSpec::Rollback(_) => "rollback",
            KindSpec::Scale(_) => "scale",
            KindSpec::Switch(_) => "switch",
            KindSpec::Hook(_) => "hook",
            KindSpec::Backup(_) => "backup",
            KindSpec::Restore(_) => "restore",
            KindSpec::Migrate(_) => "migrate",
            KindSpec::KillSwitch(_) => "kill-switch",
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

/// Whose kill switch is pulled.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct KillSwitchSpec {
    /// Of the profile's accounts, not all.
    pub(crate) accounts: Vec<Symbol>,
}

/// As of when data is brought back.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RestoreSpec {
    pub(crate) to: RestorePointSpec,
}

/// The moment as of which data is brought back.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RestorePointSpec {
    /// Run time.
    At(Duration),
    /// So long before the restore begins.
    Before(Duration),
    /// After the last injection of another fault.
    After(AfterFaultSpec),
}

/// After another fault.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AfterFaultSpec {
    pub(crate) fault: Id,
    /// By this much. Default: 0s.
    pub(crate) by: Option<Duration>,
}

/// How pods are deleted.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteSpec {
    /// After TERM, before KILL; 0s: at once, without waiting for the kubelet. Default: what the pod asks for.
    pub(crate) grace: Option<Duration>,
}

/// A taint.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaintSpec {
    /// Such as maintenance, or node.kubernetes.io/out-of-service.
    pub(crate) key: Symbol,
    /// Default: shakedown.
    pub(crate) value: Option<Symbol>,
    /// Default: no-execute.
    pub(crate) effect: Option<TaintEffect>,
}

/// By what pods are replaced.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollingUpdateSpec {
    /// Another image; healed by going back. Default: by their like, which needs no healing.
    pub(crate) image: Option<String>,
}

/// How many pods.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScaleSpec {
    pub(crate) replicas: u32,
}

/// Which pods a service means.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwitchSpec {
    pub(crate) service: Id,
    /// These labels of its selector are changed, as in { deployment: green }.
    pub(crate) selector: Entries<Symbol, Symbol>,
}

/// How a process is made to stand still.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreezeBySpec {
    /// Default: signal.
    pub(crate) by: Option<FreezeBy>,
}

/// Nothing more needs to be said.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreezeSpec {}

/// How a process is restarted, or stopped.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RestartSpec {
    /// After TERM, before KILL. Default: 10s.
    pub(crate) grace: Option<Duration>,
}

/// Commands: a program and its arguments each, run without a shell in the folder where Shakedown was started, with
/// SHAKEDOWN_RUN, SHAKEDOWN_FAULT, SHAKEDOWN_TARGETS (names, separated by spaces) and SHAKEDOWN_ENTRY (where orders go) in the
/// environment.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HookSpec {
    /// Does it. Exit 0: done.
    pub(crate) inject: Vec<String>,
    /// Looks for the effect. Exit 0: it is there; asked again until then. The last line that it prints is reported.
    pub(crate) confirm: Vec<String>,
    /// Takes it back. Runs also when inject failed, and again by `recover`: it must do no harm twice.
    pub(crate) heal: Vec<String>,
    /// Looks whether everything is as before. Exit 0: it is. Default: confirm must not exit 0 any more.
    pub(crate) clean: Option<Vec<String>>,
    /// How long each command may take. Default: 30s.
    pub(crate) deadline: Option<Duration>,
}

/// How CPU time is taken away; exactly one of the two.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CpuSpec {
    /// What is left, of one CPU.
    pub(crate) limit: Option<Percent>,
    /// So many busy processes compete for its CPUs, 1 to 256. As many as it has CPUs leave it about half of each.
    pub(crate) stress: Option<u32>,
}

/// How much memory is left.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemorySpec {
    /// For what is allocated while the fault is on.
    pub(crate) limit: Size,
}

/// Which way a clock is off; exactly one of the two.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClockSkewSpec {
    /// By this much it shows more.
    pub(crate) ahead: Option<Duration>,
    /// By this much it shows less.
    pub(crate) behind: Option<Duration>,
}

/// How slow a disk is.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SlowDiskSpec {
    /// Added to each fsync and fdatasync.
    pub(crate) sync_by: Duration,
}

/// How often a disk fails.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailingDiskSpec {
    /// Each write and sync fails with this chance.
    pub(crate) share: Percent,
}

/// How full a disk is.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiskFullSpec {
    /// What can still be written. Default: 0B.
    pub(crate) leave: Option<Size>,
}

/// Which packets are meant.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartitionSpec {
    /// Only packets of connections to these ports. Default: all packets.
    pub(crate) ports: Option<Vec<u16>>,
}

/// How much gets lost.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LossSpec {
    /// Each packet is lost with this chance.
    pub(crate) share: Percent,
    /// Only packets of connections to these ports. Default: all packets.
    pub(crate) ports: Option<Vec<u16>>,
}

/// How much later.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DelaySpec {
    /// Added each way: a round trip over a link that is slow both ways takes twice as much longer.
    pub(crate) by: Duration,
    /// Varies evenly by up to this much, more or less. Default: 0s.
    pub(crate) jitter: Option<Duration>,
    /// This share goes ahead of what waits; only where the kernel has netem. Default: 0%.
    pub(crate) reorder: Option<Percent>,
}

/// How much in a second.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BandwidthSpec {
    /// What each sender can send over the link, to all at its other end together.
    pub(crate) rate: ByteRate,
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

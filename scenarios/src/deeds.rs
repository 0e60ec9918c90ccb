//! What a fault does, and what its healing does, in words.

use crate::cluster_deeds::{cluster_deed, cluster_healing};
use crate::compile::{share_text, time_text};
use crate::plan::gates::{Operation, OperationBy, RestorePoint};
use crate::plan::{FaultKind, FreezeBy, Selector};
use crate::whom;

/// Who does it to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hand {
    Own,
    /// The Docker Engine that runs it.
    Engine,
    /// A pod of Shakedown's own on its node.
    Agent,
}

impl Hand {
    fn words(self) -> &'static str {
        match self {
            Hand::Own => "by pidfd",
            Hand::Engine => "by the Docker Engine",
            Hand::Agent => "by an agent on its node",
        }
    }
}

/// What a fault does and to whom, and by which means where there is only one.
pub(crate) fn deed(kind: &FaultKind, to: &Selector, system: &str, hand: Hand) -> String {
    let whom = whom::replicas(to, system);
    let goes_in_turn = matches!(
        kind,
        FaultKind::Restart { .. } | FaultKind::ClockSkew { .. }
    );
    let turns = match goes_in_turn && whom::are_many(to) {
        true => ", in turn",
        false => "",
    };
    match kind {
        FaultKind::Cluster(kind) => cluster_deed(kind, to, system),
        FaultKind::KillSwitch { .. } | FaultKind::Operation(_) => verb(kind, hand),
        kind => format!("{} {whom}{turns}", verb(kind, hand)),
    }
}

fn verb(kind: &FaultKind, hand: Hand) -> String {
    match kind {
        FaultKind::Kill { signal } => format!("kill ({signal:?}, {})", hand.words()),
        FaultKind::Freeze { by } => freeze(*by, hand),
        FaultKind::Restart { grace_ns } => {
            format!("restart (TERM, {} of grace)", time_text(*grace_ns))
        }
        FaultKind::Stop { grace_ns } => {
            let grace = time_text(*grace_ns);
            format!("stop (TERM, {grace} of grace, {})", hand.words())
        }
        FaultKind::Disconnect => format!("disconnect from its network ({})", hand.words()),
        FaultKind::ClockSkew { by_ns } => clock_skew(*by_ns),
        FaultKind::SlowDisk { sync_ns } => {
            format!("slow each sync down by {} (FUSE)", time_text(*sync_ns))
        }
        FaultKind::FailingDisk { share } => {
            format!("fail {} of writes and syncs (FUSE)", share_text(*share))
        }
        FaultKind::DiskFull { leave_bytes } => format!("leave {leave_bytes} bytes of room (FUSE)"),
        FaultKind::PowerCut => {
            "cut the power of (KILL; what is not synced is lost, FUSE)".to_string()
        }
        FaultKind::Cpu { milli_cpus } => {
            let percent = f64::from(*milli_cpus) / 10.0;
            format!("limit to {percent} % of one CPU (control group)")
        }
        FaultKind::CpuStress { workers } => {
            format!("compete with {workers} busy processes for the CPUs of")
        }
        FaultKind::Memory { bytes } => {
            format!("limit to {bytes} bytes of memory (control group)")
        }
        FaultKind::OutOfMemory => "end for want of memory (control group)".to_string(),
        FaultKind::Partition { ports } => format!("partition{}", ports_words(ports)),
        FaultKind::Loss { share, ports } => {
            let (share, ports) = (share_text(*share), ports_words(ports));
            format!("lose {share} of the packets{ports}")
        }
        FaultKind::Reset { ports } => format!("reset connections{}", ports_words(ports)),
        FaultKind::Delay {
            by_ns,
            jitter_ns,
            reorder,
        } => delay(*by_ns, *jitter_ns, *reorder),
        FaultKind::Bandwidth { bytes_per_s } => {
            format!("let {bytes_per_s} bytes through in a second")
        }
        FaultKind::HalfOpen => "leave connections half open".to_string(),
        FaultKind::Dns => "keep answers of name servers from (nftables)".to_string(),
        FaultKind::Hook(hook) => format!("hook (`{}`)", hook.inject.join(" ")),
        FaultKind::KillSwitch { accounts } => {
            format!("pull the kill switch of {}", accounts.join(", "))
        }
        FaultKind::Operation(operation) => operation_words(operation),
        FaultKind::Cluster(kind) => kind.name().to_string(),
    }
}

/// What comes after it; `restarted`: somebody starts again what has ended.
pub(crate) fn healing(kind: &FaultKind, restarted: bool, hand: Hand) -> &'static str {
    match kind {
        FaultKind::Kill { .. } | FaultKind::PowerCut | FaultKind::OutOfMemory if !restarted => {
            "and not started again"
        }
        FaultKind::Kill { .. } | FaultKind::OutOfMemory if hand == Hand::Agent => {
            "then started again by its kubelet"
        }
        FaultKind::Kill { .. } | FaultKind::OutOfMemory | FaultKind::Stop { .. } => {
            "then started again"
        }
        FaultKind::PowerCut => "then started again with the rest",
        FaultKind::Freeze { .. } => "then thawed",
        FaultKind::Restart { .. } => "then next",
        FaultKind::Disconnect => "then connected again",
        FaultKind::ClockSkew { .. } => "then restarted without",
        FaultKind::SlowDisk { .. } | FaultKind::Delay { .. } => "then as fast as before",
        FaultKind::DiskFull { .. } => "then room as before",
        FaultKind::Cpu { .. } | FaultKind::Memory { .. } | FaultKind::Bandwidth { .. } => {
            "then unlimited"
        }
        FaultKind::CpuStress { .. } => "then left alone",
        FaultKind::Partition { .. } => "then joined again",
        FaultKind::HalfOpen => "then reset, so that new ones are made",
        FaultKind::FailingDisk { .. }
        | FaultKind::Loss { .. }
        | FaultKind::Reset { .. }
        | FaultKind::Dns => "then healed",
        FaultKind::Hook(_) => "then healed by its own command",
        FaultKind::KillSwitch { .. } => "and not taken back",
        FaultKind::Operation(Operation::Backup { .. }) => "which stays",
        FaultKind::Operation(Operation::Restore { .. }) => "and go on from there",
        FaultKind::Cluster(kind) => cluster_healing(kind),
    }
}

fn operation_words(operation: &Operation) -> String {
    let how = match operation.by() {
        OperationBy::Commands(commands) => format!("`{}`", commands.run.join(" ")),
        OperationBy::Servers => "pg_basebackup, and an archive of the log".to_string(),
    };
    match operation {
        Operation::Backup { .. } => format!("back up the data ({how})"),
        Operation::Restore { to, .. } => {
            let moment = match to {
                RestorePoint::At { at_ns } => format!("{} into the run", time_text(*at_ns)),
                RestorePoint::Before { by_ns } => format!("{} before that", time_text(*by_ns)),
                RestorePoint::AfterFault { fault, by_ns: 0 } => format!("the beginning of {fault}"),
                RestorePoint::AfterFault { fault, by_ns } => {
                    format!("{} after the beginning of {fault}", time_text(*by_ns))
                }
            };
            format!("bring the data back as it was {moment} ({how})")
        }
    }
}

fn freeze(by: FreezeBy, hand: Hand) -> String {
    let how = match (by, hand) {
        (FreezeBy::Signal, Hand::Own) => "SIGSTOP, by pidfd",
        (FreezeBy::Signal, Hand::Agent) => "SIGSTOP, by an agent on its node",
        (FreezeBy::Signal, Hand::Engine) => "pause by the Docker Engine",
        (FreezeBy::Cgroup, Hand::Own | Hand::Engine | Hand::Agent) => {
            "the freezer of a control group"
        }
    };
    format!("freeze ({how}; a watchdog thaws if Shakedown dies)")
}

fn clock_skew(by_ns: i64) -> String {
    let way = if by_ns < 0 { "behind" } else { "ahead" };
    let by = time_text(by_ns.unsigned_abs());
    format!("restart with the monotonic clock {by} {way} (time namespace)")
}

fn delay(by_ns: u64, jitter_ns: u64, reorder: f64) -> String {
    let mut words = format!("delay each way by {}", time_text(by_ns));
    if jitter_ns > 0 {
        words.push_str(&format!(" ± {}", time_text(jitter_ns)));
    }
    if reorder > 0.0 {
        words.push_str(&format!(", {} out of order,", share_text(reorder)));
    }
    words
}

fn ports_words(ports: &[u16]) -> String {
    match ports {
        [] => String::new(),
        ports => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            format!(" of port {}", ports.join(", "))
        }
    }
}

//! What can go wrong with control groups, in words for people.

use std::io;
use std::path::PathBuf;

use super::hierarchy::Controller;
use crate::mechanisms::process::{ProcessError, ProcessId};

/// Why a group could not be used, or was refused.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    #[error(
        "no cgroup hierarchy with the {0} controller is mounted here; mount one, or give the container access to /sys/fs/cgroup"
    )]
    NotMounted(Controller),
    #[error("cannot read {file}: {source}")]
    Read { file: PathBuf, source: io::Error },
    #[error("cannot write {value:?} to {file}: {source}")]
    Write {
        file: PathBuf,
        value: String,
        source: io::Error,
    },
    #[error("{file} is not in the known format: {text:?}")]
    Format { file: PathBuf, text: String },
    #[error("{0} is gone")]
    Gone(ProcessId),
    #[error(
        "{process} is in the group {path}, which cannot be seen from here; run Shakedown on the host, or in the host's cgroup namespace"
    )]
    Outside { process: ProcessId, path: String },
    #[error(
        "the group {group} is of type {kind:?}; only a process in an ordinary domain group can be moved"
    )]
    Threaded { group: PathBuf, kind: String },
    #[error(
        "the group {group} cannot be changed: {source}; it takes root, or a delegated group, on a cgroup filesystem that is not mounted read-only"
    )]
    NotWritable { group: PathBuf, source: io::Error },
    #[error(
        "the group {group} has no {file}: the {controller} controller is not enabled for it, or the kernel is too old"
    )]
    NoFile {
        group: PathBuf,
        file: &'static str,
        controller: Controller,
    },
    #[error(
        "the {controller} controller cannot be used for {process}: its group {group} does not have it to itself, and the group above hands it to no other; start the process in a group of its own, such as a container's, or by systemd-run --scope -p Delegate=yes"
    )]
    NotDelegated {
        process: ProcessId,
        group: PathBuf,
        controller: Controller,
    },
    #[error(
        "a group beside {group} would let the process escape from {file} = {value}; start it in a group of its own"
    )]
    WouldEscape {
        group: PathBuf,
        file: &'static str,
        value: String,
    },
    #[error(
        "the group {group} also holds processes that are not the target's ({strangers:?}); they would be hit as well"
    )]
    Shared { group: PathBuf, strangers: Vec<u32> },
    #[error("{0} is Shakedown itself, or has started it; it would be hit as well")]
    Ourselves(ProcessId),
    #[error("{0:?} cannot be part of a group's name: 1 to 64 of a-z, 0-9 and -")]
    Tag(String),
    #[error("the group {0} is there already; an earlier run has left it: run `shakedown recover`")]
    Exists(PathBuf),
    #[error("cannot make the group {group}: {source}")]
    Make { group: PathBuf, source: io::Error },
    #[error("{0} is not a group of Shakedown's in a mounted cgroup hierarchy; it is left alone")]
    NotOurs(PathBuf),
    #[error(
        "cannot remove the group {group} within {within_ms} ms (processes left: {members:?}): {source}"
    )]
    StillUsed {
        group: PathBuf,
        within_ms: u64,
        members: Vec<u32>,
        source: io::Error,
    },
    #[error("{file} was set back to {wanted:?} and reads {found:?}")]
    NotRestored {
        file: PathBuf,
        wanted: String,
        found: String,
    },
    #[error(
        "{file} was set to {wanted:?} and reads {found:?}: something else writes to it, or the kernel rounds it"
    )]
    NotTaken {
        file: PathBuf,
        wanted: String,
        found: String,
    },
    #[error(
        "a CPU limit of {0} thousandths of a CPU is out of range: 10 (1 % of one CPU) at least"
    )]
    CpuShare(u32),
    #[error(
        "vm.panic_on_oom is 2: an out-of-memory kill in a group would panic the whole host; set it to 0"
    )]
    PanicOnOom,
    #[error("{0} has oom_score_adj -1000: the kernel does not kill it for want of memory")]
    Unkillable(ProcessId),
    #[error(
        "the kernel's out-of-memory killer is switched off for {0} (oom_kill_disable 1 in memory.oom_control)"
    )]
    OomDisabled(PathBuf),
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// Why an effect cannot be called proven. The fault has not happened, as far as anybody can tell.
#[derive(Debug, thiserror::Error)]
pub enum NoEffect {
    #[error("{process} is not in the group {group}")]
    NotInGroup { process: ProcessId, group: PathBuf },
    #[error("{0} has ended")]
    Ended(ProcessId),
    #[error("{group} is {state} and not {wanted} after {within_ms} ms")]
    FreezerState {
        group: PathBuf,
        state: String,
        wanted: &'static str,
        within_ms: u64,
    },
    #[error("{process} is said to be frozen, but {what}")]
    Moves { process: ProcessId, what: String },
    #[error(
        "the CPU limit of {group} did not bite within {within_ms} ms: it used {used_us} µs of CPU time and was never held back"
    )]
    NeverThrottled {
        group: PathBuf,
        within_ms: u64,
        used_us: u64,
    },
    #[error(
        "the memory limit of {group} did not bite within {within_ms} ms: {usage_bytes} bytes in use, the limit was never hit"
    )]
    LimitNeverHit {
        group: PathBuf,
        within_ms: u64,
        usage_bytes: u64,
    },
    #[error(
        "{process} survived: the limit of {group} is {limit_bytes} bytes, and it asked for no more memory within {within_ms} ms"
    )]
    Survived {
        process: ProcessId,
        group: PathBuf,
        limit_bytes: u64,
        within_ms: u64,
    },
    #[error(
        "{process} has ended, but not for want of memory: the oom_kill counter of {group} did not move"
    )]
    EndedOtherwise { process: ProcessId, group: PathBuf },
    #[error(
        "{process} has ended, and its group {group} went with it: the oom_kill counter cannot be read any more"
    )]
    CounterGone { process: ProcessId, group: PathBuf },
    #[error(
        "the oom_kill counter of {group} moved by {kills}, but {process} {exit}: another process was killed"
    )]
    OtherKilled {
        process: ProcessId,
        group: PathBuf,
        kills: u64,
        exit: String,
    },
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    #[error(transparent)]
    Process(#[from] ProcessError),
}

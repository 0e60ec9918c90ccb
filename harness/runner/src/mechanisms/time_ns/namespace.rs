//! A time namespace for one child: can it be done here, doing it, the proof.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::enter;
use super::offsets::ClockOffsets;
use crate::mechanisms::process::{ProcessError, ProcessHandle, ProcessId};

const NS_PER_S: i64 = 1_000_000_000;
/// The kernel takes more; no monotonic clock has run for longer than ten years.
const MOST_NS: i64 = 10 * 365 * 86_400 * NS_PER_S;

const RELEASE: &str = "/proc/sys/kernel/osrelease";

/// Offsets for a child about to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeNamespace {
    offsets: ClockOffsets,
}

/// Why a child cannot have clocks of its own, or does not have them.
#[derive(Debug, thiserror::Error)]
pub enum TimeNamespaceError {
    #[error(
        "this kernel has no time namespaces (/proc/self/ns/time is missing): it takes Linux 5.6 with CONFIG_TIME_NS"
    )]
    NoKernel,
    #[error("a time namespace takes the capability CAP_SYS_ADMIN (root); the kernel says: {0}")]
    NotAllowed(io::Error),
    #[error(
        "the clock offset {by_ns} ns is out of range: a clock cannot go below zero (it reads {now_ns} ns here) nor be off by more than ten years"
    )]
    OutOfRange { by_ns: i64, now_ns: i64 },
    #[error("cannot try out a time namespace: {0}")]
    Trial(io::Error),
    #[error("Linux {0} does not let a process enter its time namespace by exec: it takes 6.2")]
    NoEntryByExec(String),
    #[error("cannot read {file}: {source}")]
    Read { file: PathBuf, source: io::Error },
    #[error("{file} is not in the known format: {text:?}")]
    Format { file: PathBuf, text: String },
    #[error("{0} is gone")]
    Gone(ProcessId),
    #[error("{process} is in Shakedown's own time namespace: its clocks are not skewed")]
    NotInside { process: ProcessId },
    #[error("{process} has {found}, and not {wanted}")]
    Other {
        process: ProcessId,
        found: ClockOffsets,
        wanted: ClockOffsets,
    },
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// The clocks of a process, as the kernel shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeSkewProof {
    /// `time:[4026532xxx]`.
    pub namespace: String,
    pub offsets: ClockOffsets,
}

impl fmt::Display for TimeSkewProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in the namespace {}", self.offsets, self.namespace)
    }
}

impl TimeNamespace {
    /// Offsets relative to the host's clocks.
    ///
    /// # Errors
    /// When a clock would go below zero, or is off by more than ten years.
    pub fn new(offsets: ClockOffsets) -> Result<TimeNamespace, TimeNamespaceError> {
        for (by_ns, clock) in [
            (offsets.monotonic_ns, ClockId::Monotonic),
            (offsets.boottime_ns, ClockId::Boottime),
        ] {
            let now = clock_gettime(clock);
            let now_ns = now.tv_sec * NS_PER_S + now.tv_nsec;
            if !(-MOST_NS..=MOST_NS).contains(&by_ns) || now_ns + by_ns < 0 {
                return Err(TimeNamespaceError::OutOfRange { by_ns, now_ns });
            }
        }
        Ok(TimeNamespace { offsets })
    }

    pub fn offsets(&self) -> ClockOffsets {
        self.offsets
    }

    /// Tries it out with a child that goes as far as it can and starts no program. Blocks for some milliseconds.
    ///
    /// # Errors
    /// What stands against it, in words.
    pub fn preflight(&self) -> Result<(), TimeNamespaceError> {
        if fs::symlink_metadata("/proc/self/ns/time").is_err() {
            return Err(TimeNamespaceError::NoKernel);
        }
        let release = fs::read_to_string(RELEASE).map_err(|source| TimeNamespaceError::Read {
            file: PathBuf::from(RELEASE),
            source,
        })?;
        if !enters_by_exec(&release) {
            return Err(TimeNamespaceError::NoEntryByExec(
                release.trim().to_string(),
            ));
        }
        enter::trial(self.offsets.to_text()).map_err(|error| match error.raw_os_error() {
            Some(code) if code == Errno::PERM.raw_os_error() => {
                TimeNamespaceError::NotAllowed(error)
            }
            _ => TimeNamespaceError::Trial(error),
        })
    }

    /// Makes the command start its program with these clocks. Nothing else about starting it changes; starting it
    /// fails when the kernel refuses.
    pub fn prepare(&self, command: &mut Command) {
        enter::prepare(command, self.offsets.to_text());
    }

    /// Looks at a process that was started so: in another time namespace than ours, with these offsets.
    ///
    /// # Errors
    /// When it is not, or is gone.
    pub fn confirm(&self, process: &ProcessHandle) -> Result<TimeSkewProof, TimeNamespaceError> {
        let id = process.id();
        if process.has_exited()? {
            return Err(TimeNamespaceError::Gone(id));
        }
        let namespace = namespace_of(&format!("/proc/{}/ns/time", id.pid))?;
        let found = offsets_of(&format!("/proc/{}/timens_offsets", id.pid))?;
        // Asked last: what was read above was read of this process.
        if process.has_exited()? {
            return Err(TimeNamespaceError::Gone(id));
        }
        if namespace == namespace_of("/proc/self/ns/time")? {
            return Err(TimeNamespaceError::NotInside { process: id });
        }
        match found == self.offsets {
            true => Ok(TimeSkewProof {
                namespace,
                offsets: found,
            }),
            false => Err(TimeNamespaceError::Other {
                process: id,
                found,
                wanted: self.offsets,
            }),
        }
    }
}

fn namespace_of(path: &str) -> Result<String, TimeNamespaceError> {
    match fs::read_link(path) {
        Ok(link) => Ok(link.display().to_string()),
        Err(source) => Err(TimeNamespaceError::Read {
            file: PathBuf::from(path),
            source,
        }),
    }
}

fn offsets_of(path: &str) -> Result<ClockOffsets, TimeNamespaceError> {
    let file = PathBuf::from(path);
    match fs::read_to_string(&file) {
        Ok(text) => match ClockOffsets::parse(&text) {
            Some(offsets) => Ok(offsets),
            None => Err(TimeNamespaceError::Format { file, text }),
        },
        Err(source) => Err(TimeNamespaceError::Read { file, source }),
    }
}

/// Since Linux 6.2. A distribution may have brought it to an older kernel; then this says no, which is safe.
fn enters_by_exec(release: &str) -> bool {
    let mut numbers = release
        .split(|sign: char| !sign.is_ascii_digit())
        .map_while(|number| number.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (6, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_before_6_2_are_refused() {
        for old in ["5.14.0-362.el9.x86_64\n", "6.1.0", "6", "", "x"] {
            assert!(!enters_by_exec(old), "{old}");
        }
        for new in ["6.2.0", "6.18.44-x\n", "7.0"] {
            assert!(enters_by_exec(new), "{new}");
        }
    }

    #[test]
    fn a_clock_cannot_go_below_zero() {
        assert!(TimeNamespace::new(ClockOffsets::both(NS_PER_S)).is_ok());
        for by_ns in [-MOST_NS, MOST_NS + 1, i64::MIN, i64::MAX] {
            let error = TimeNamespace::new(ClockOffsets::both(by_ns)).unwrap_err();
            assert!(error.to_string().contains("out of range"), "{error}");
        }
    }

    #[test]
    fn our_own_process_is_not_skewed() {
        let skew = TimeNamespace::new(ClockOffsets::both(0)).unwrap();
        let own = ProcessHandle::of_pid(std::process::id()).unwrap().unwrap();
        let error = skew.confirm(&own).unwrap_err();
        assert!(
            matches!(error, TimeNamespaceError::NotInside { .. }),
            "{error}"
        );
    }
}

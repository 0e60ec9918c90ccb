//! One look at a process.

use std::path::Path;

use super::{group, proc};
use crate::mechanisms::cgroup::{CgroupError, CgroupFs, Cgroups, Controller, Group};
use crate::mechanisms::process::ProcessId;

/// What is used of something that there is only so much of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    pub used: f64,
    pub limit: f64,
}

/// What a process uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// When the process began, in seconds since the machine did.
    pub started_s: f64,
    /// In bytes.
    pub memory: Share,
    /// CPU time since the beginning, in seconds.
    pub cpu_s: f64,
    /// CPUs that may be used at once, such as 0.5.
    pub cpus: f64,
}

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    #[error("the process has ended")]
    Gone,
    #[error("{file} cannot be read: {source}")]
    Read {
        file: String,
        source: std::io::Error,
    },
    #[error("{file} has another form than is known")]
    Form { file: String },
    #[error("{0}")]
    Group(#[from] CgroupError),
}

/// Looks at a process. `own` is this very process.
///
/// # Errors
/// When it has ended, or a file cannot be read.
pub fn usage(cgroups: &Cgroups, own: ProcessId, process: ProcessId) -> Result<Usage, UsageError> {
    let fs = cgroups.fs();
    let times = proc::times(fs, process)?;
    let machine = proc::machine(fs)?;
    let apart = |controller: Controller| -> Result<Option<Group>, UsageError> {
        let Ok(hierarchies) = cgroups.with_controller(controller) else {
            return Ok(None);
        };
        for hierarchy in hierarchies {
            // What cannot be seen from here has no figures: then those of the process count.
            let (Ok(theirs), Ok(ours)) = (
                cgroups.group_of(process, hierarchy),
                cgroups.group_of(own, hierarchy),
            ) else {
                continue;
            };
            if theirs.dir() != ours.dir() {
                return Ok(Some(theirs));
            }
        }
        Ok(None)
    };
    let memory = match apart(Controller::Memory)? {
        Some(group) => group::memory(&group, machine.memory_bytes)?,
        None => None,
    };
    let cpu = match apart(Controller::Cpu)? {
        Some(group) => group::cpu(&group, machine.cpus)?,
        None => None,
    };
    let memory = match memory {
        Some(memory) => memory,
        None => Share {
            used: proc::resident_bytes(fs, process)?,
            limit: machine.memory_bytes,
        },
    };
    let (cpu_s, cpus) = cpu.unwrap_or((times.cpu_s, machine.cpus));
    Ok(Usage {
        started_s: times.started_s,
        memory,
        cpu_s,
        cpus,
    })
}

/// The text of a file.
pub(super) fn text(fs: &dyn CgroupFs, file: &str) -> Result<String, UsageError> {
    match fs.read(Path::new(file)) {
        Ok(text) => Ok(text),
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound && file.starts_with("/proc/") =>
        {
            Err(UsageError::Gone)
        }
        // A process that ends while its file is read.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Err(UsageError::Gone),
        Err(source) => Err(UsageError::Read {
            file: file.to_string(),
            source,
        }),
    }
}

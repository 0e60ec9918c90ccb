//! What `/proc` says of a process and of the machine.

use super::look::{UsageError, text};
use crate::mechanisms::cgroup::CgroupFs;
use crate::mechanisms::process::ProcessId;

/// Ticks of a second in `/proc`: the same on every machine that Shakedown runs on.
const TICKS_PER_S: f64 = 100.0;

/// The times of a process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Times {
    /// Since the machine began.
    pub(super) started_s: f64,
    /// Of all its threads, in user space and in the kernel.
    pub(super) cpu_s: f64,
}

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Machine {
    pub(super) memory_bytes: f64,
    pub(super) cpus: f64,
}

/// Reads `/proc/PID/stat`; a process that has the pid of one that has ended is not taken for it.
pub(super) fn times(fs: &dyn CgroupFs, process: ProcessId) -> Result<Times, UsageError> {
    let file = format!("/proc/{}/stat", process.pid);
    let stat = text(fs, &file)?;
    // The name, which may hold blanks and brackets, is in brackets.
    let fields = stat.rsplit_once(')').map(|(_, behind)| behind);
    let fields: Vec<u64> = fields
        .unwrap_or_default()
        .split_ascii_whitespace()
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    // Fields 14, 15 and 22 of the line, of which the first two are before the bracket.
    let (Some(user), Some(system), Some(start)) = (fields.get(11), fields.get(12), fields.get(19))
    else {
        return Err(UsageError::Form { file });
    };
    if *start != process.start_time_ticks {
        return Err(UsageError::Gone);
    }
    Ok(Times {
        started_s: *start as f64 / TICKS_PER_S,
        cpu_s: (user + system) as f64 / TICKS_PER_S,
    })
}

/// Memory of a process that is in use, in bytes.
pub(super) fn resident_bytes(fs: &dyn CgroupFs, process: ProcessId) -> Result<f64, UsageError> {
    let file = format!("/proc/{}/status", process.pid);
    let status = text(fs, &file)?;
    kibibytes(&status, "VmRSS:").ok_or(UsageError::Form { file })
}

/// Memory and CPUs of the machine.
pub(super) fn machine(fs: &dyn CgroupFs) -> Result<Machine, UsageError> {
    let memory = kibibytes(&text(fs, "/proc/meminfo")?, "MemTotal:");
    let stat = text(fs, "/proc/stat")?;
    let cpus = stat.lines().filter(|line| {
        let number = line.strip_prefix("cpu");
        number.is_some_and(|rest| rest.starts_with(|sign: char| sign.is_ascii_digit()))
    });
    let (memory, cpus) = (memory.unwrap_or(0.0), cpus.count());
    if memory <= 0.0 || cpus == 0 {
        return Err(UsageError::Form {
            file: "/proc/meminfo or /proc/stat".to_string(),
        });
    }
    Ok(Machine {
        memory_bytes: memory,
        cpus: cpus as f64,
    })
}

fn kibibytes(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let value: f64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(value * 1024.0)
}

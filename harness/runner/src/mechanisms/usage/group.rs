//! What a control group says of everything in it.

use super::look::{Share, UsageError};
use crate::mechanisms::cgroup::{Group, Version};

/// Memory in use, and the smallest limit of the group and those above it; `None` where it does not count memory.
pub(super) fn memory(group: &Group, machine_bytes: f64) -> Result<Option<Share>, UsageError> {
    let (used, cache, limit) = match group.version() {
        Version::V1 => (
            "memory.usage_in_bytes",
            "total_inactive_file",
            "memory.limit_in_bytes",
        ),
        Version::V2 => ("memory.current", "inactive_file", "memory.max"),
    };
    let Some(used) = number(group, used)? else {
        return Ok(None);
    };
    let stat = group.find("memory.stat")?.unwrap_or_default();
    let cache = value_in(&stat, cache).unwrap_or(0.0);
    Ok(Some(Share {
        used: (used - cache).max(0.0),
        limit: smallest(group, machine_bytes, |group| number(group, limit))?,
    }))
}

/// CPU time in seconds, and how many CPUs may be used at once; `None` where it does not count CPU time.
pub(super) fn cpu(group: &Group, machine_cpus: f64) -> Result<Option<(f64, f64)>, UsageError> {
    let used_s = match group.version() {
        Version::V1 => number(group, "cpuacct.usage")?.map(|ns| ns / 1e9),
        Version::V2 => {
            let stat = group.find("cpu.stat")?;
            stat.and_then(|stat| Some(value_in(&stat, "usage_usec")? / 1e6))
        }
    };
    let Some(used_s) = used_s else {
        return Ok(None);
    };
    Ok(Some((used_s, smallest(group, machine_cpus, quota)?)))
}

/// CPUs that a group may use; `None` without a limit.
fn quota(group: &Group) -> Result<Option<f64>, UsageError> {
    let (quota, period) = match group.version() {
        Version::V1 => (
            number(group, "cpu.cfs_quota_us")?,
            number(group, "cpu.cfs_period_us")?,
        ),
        Version::V2 => {
            let text = group.find("cpu.max")?.unwrap_or_default();
            let mut words = text.split_ascii_whitespace();
            let mut next = || words.next().and_then(|word| word.parse::<f64>().ok());
            (next(), next())
        }
    };
    Ok(match (quota, period) {
        (Some(quota), Some(period)) if quota > 0.0 && period > 0.0 => Some(quota / period),
        (Some(_) | None, Some(_) | None) => None,
    })
}

/// The smallest limit on the way up, and at most what the machine has.
fn smallest(
    group: &Group,
    machine: f64,
    limit: impl Fn(&Group) -> Result<Option<f64>, UsageError>,
) -> Result<f64, UsageError> {
    let mut smallest = machine;
    let mut at = Some(group.clone());
    while let Some(group) = at {
        if !group.exists()? {
            break;
        }
        smallest = limit(&group)?.map_or(smallest, |own| smallest.min(own));
        at = group.parent();
    }
    Ok(smallest)
}

/// A file with one number; `None` when it is not there, or says `max`.
fn number(group: &Group, file: &str) -> Result<Option<f64>, UsageError> {
    Ok(group.find(file)?.and_then(|text| text.trim().parse().ok()))
}

fn value_in(stat: &str, name: &str) -> Option<f64> {
    let line = stat.lines().find_map(|line| line.strip_prefix(name))?;
    line.strip_prefix(' ')?.trim().parse().ok()
}

//! What this process uses of its machine.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::task::JoinHandle;

use super::family::Family;

/// Over how long the share of the processors is taken.
const CPU_OVER: Duration = Duration::from_secs(1);

/// What is used, as shares of what may be; cheap to clone.
#[derive(Debug, Clone)]
pub struct Usage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Whose disk is looked at.
    folder: PathBuf,
    /// What memory is held against, in bytes, where it was said.
    memory_limit: Option<u64>,
    /// The bits of the share of the processors.
    cpu_share: AtomicU64,
}

impl Usage {
    /// Of this process, with the disk of `folder`; memory is held against `memory_limit`, else against the limit of the
    /// control group, else against all memory of the machine.
    pub fn new(folder: &Path, memory_limit: Option<u64>) -> Self {
        Self(Arc::new(Inner {
            folder: folder.to_path_buf(),
            memory_limit,
            cpu_share: AtomicU64::default(),
        }))
    }

    /// Starts the task that takes the share of the processors.
    pub fn watching(&self) -> JoinHandle<()> {
        let usage = self.clone();
        tokio::spawn(async move {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            loop {
                let (since, used_s) = (Instant::now(), cpu_seconds());
                tokio::time::sleep(CPU_OVER).await;
                let share = (cpu_seconds() - used_s) / since.elapsed().as_secs_f64();
                let bits = (share / cores as f64).to_bits();
                usage.0.cpu_share.store(bits, Ordering::Relaxed);
            }
        })
    }

    /// As it is now. What the kernel does not say is left out.
    pub fn families(&self) -> Vec<Family> {
        let cpu_share = f64::from_bits(self.0.cpu_share.load(Ordering::Relaxed));
        let mut families = vec![
            Family::counter(
                "process_cpu_seconds_total",
                "Processor time of this process.",
                format!("{:.3}", cpu_seconds()),
            ),
            Family::gauge(
                "process_cpu_usage_ratio",
                "Share of all processors that this process had in the last second.",
                format!("{cpu_share:.4}"),
            ),
        ];
        let limit = self.0.memory_limit.or_else(memory_limit_bytes);
        if let (Some(used), Some(limit)) = (resident_bytes(), limit) {
            families.push(Family::gauge(
                "process_memory_usage_ratio",
                "Memory of this process as a share of what it may have.",
                format!("{:.4}", used as f64 / limit.max(1) as f64),
            ));
        }
        if let Ok(disk) = rustix::fs::statvfs(&self.0.folder) {
            let share = disk.f_bavail as f64 / disk.f_blocks.max(1) as f64;
            families.extend([
                Family::gauge(
                    "disk_free_bytes",
                    "Free on the disk of the data folder.",
                    disk.f_bavail * disk.f_frsize,
                ),
                Family::gauge(
                    "disk_free_ratio",
                    "Free share of the disk of the data folder.",
                    format!("{share:.4}"),
                ),
            ]);
        }
        families
    }
}

/// Memory of this process that is not elsewhere; `None` where the kernel does not say.
pub fn resident_bytes() -> Option<u64> {
    kibibytes_in("/proc/self/status", "VmRSS:")
}

/// The limit of the control group that a container is in, or all memory of the machine.
fn memory_limit_bytes() -> Option<u64> {
    let machine = kibibytes_in("/proc/meminfo", "MemTotal:");
    let group = read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse().ok());
    [machine, group].into_iter().flatten().min()
}

fn kibibytes_in(file: &str, name: &str) -> Option<u64> {
    let text = read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::text;

    fn value(text: &str, name: &str) -> f64 {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
        lines.next().unwrap().trim().parse().unwrap()
    }

    #[test]
    fn shares_are_of_what_may_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let within = text(&Usage::new(folder.path(), None).families());
        let disk = value(&within, "disk_free_ratio ");
        assert!((0.0..=1.0).contains(&disk), "{within}");
        let memory = value(&within, "process_memory_usage_ratio ");
        assert!((0.0..0.9).contains(&memory), "{within}");
        let beyond = text(&Usage::new(folder.path(), Some(1_000_000)).families());
        assert!(
            value(&beyond, "process_memory_usage_ratio ") > 1.0,
            "{beyond}"
        );
    }
}

//! Throttling by a CPU quota, from `cpu.stat` of our cgroup and those above it (versions 1 and 2).

use std::path::{Path, PathBuf};

const V2_ROOTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
const V1_ROOTS: [&str; 2] = ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu"];

/// Every `cpu.stat` that could count our throttling, from the text of `/proc/self/cgroup`.
///
/// A quota may be set on any cgroup above ours, and only that one counts.
pub fn stat_files(proc_self_cgroup: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in proc_self_cgroup.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let roots = if controllers.is_empty() {
            V2_ROOTS
        } else if controllers.split(',').any(|controller| controller == "cpu") {
            V1_ROOTS
        } else {
            continue;
        };
        for root in roots {
            let relative = Path::new(path.trim_start_matches('/'));
            files.extend(
                relative
                    .ancestors()
                    .map(|above| Path::new(root).join(above).join("cpu.stat")),
            );
        }
    }
    files
}

/// Throttled time in a `cpu.stat`, in nanoseconds; `None` where the file counts none.
pub fn throttled_ns(cpu_stat: &str) -> Option<u64> {
    cpu_stat.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        let value: u64 = value.trim().parse().ok()?;
        match name {
            "throttled_time" => Some(value),
            "throttled_usec" => Some(value.saturating_mul(1_000)),
            _ => None,
        }
    })
}

/// The counters of all cgroups that hold us.
#[derive(Debug, Clone, Default)]
pub(super) struct Throttling {
    counters: Vec<(PathBuf, u64)>,
}

impl Throttling {
    /// The counters now.
    pub fn now() -> Throttling {
        let cgroups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let read = |path: PathBuf| {
            let counted = throttled_ns(&std::fs::read_to_string(&path).ok()?)?;
            Some((path, counted))
        };
        Throttling {
            counters: stat_files(&cgroups).into_iter().filter_map(read).collect(),
        }
    }

    /// The longest time for which one of them was throttled since `before`, in nanoseconds.
    pub fn since_ns(&self, before: &Throttling) -> u64 {
        let growth = self.counters.iter().filter_map(|(path, counted)| {
            let (_, earlier) = before.counters.iter().find(|(known, _)| known == path)?;
            Some(counted.saturating_sub(*earlier))
        });
        growth.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_cgroups_are_read() {
        let v1 = "nr_periods 10\nnr_throttled 4\nthrottled_time 1234567\n";
        let v2 = "usage_usec 5\nnr_throttled 4\nthrottled_usec 1234\n";
        assert_eq!(throttled_ns(v1), Some(1_234_567));
        assert_eq!(throttled_ns(v2), Some(1_234_000));
        assert_eq!(throttled_ns("usage_usec 5\n"), None);
    }

    #[test]
    fn our_cgroup_and_every_one_above_it_is_asked() {
        let files = stat_files("0::/a/b\n");
        for expected in [
            "/sys/fs/cgroup/a/b/cpu.stat",
            "/sys/fs/cgroup/a/cpu.stat",
            "/sys/fs/cgroup/cpu.stat",
        ] {
            assert!(files.contains(&PathBuf::from(expected)), "{files:?}");
        }
        let files = stat_files("5:memory:/x\n4:cpu,cpuacct:/jail\n");
        assert!(files.contains(&PathBuf::from("/sys/fs/cgroup/cpu,cpuacct/jail/cpu.stat")));
        assert!(files.iter().all(|file| !file.ends_with("x/cpu.stat")));
        assert!(stat_files("nonsense").is_empty());
    }

    #[test]
    fn the_most_throttled_cgroup_counts() {
        let counters = |own, above| Throttling {
            counters: vec![("/own".into(), own), ("/above".into(), above)],
        };
        assert_eq!(counters(5, 900).since_ns(&counters(5, 100)), 800);
        assert_eq!(counters(5, 100).since_ns(&counters(5, 100)), 0);
        assert_eq!(counters(5, 100).since_ns(&Throttling::default()), 0);
    }
}

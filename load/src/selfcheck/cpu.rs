//! CPU time of the machine, from `/proc/stat`.

/// CPU times of all cores since boot, in clock ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// User, nice, system, idle, iowait, irq, softirq and steal.
    pub total: u64,
    /// Time in which the machine wanted to run and the hypervisor ran others.
    pub steal: u64,
}

impl CpuTimes {
    /// Reads the first line of `/proc/stat`; `None` when it is not that.
    pub fn parse(stat: &str) -> Option<CpuTimes> {
        let mut fields = stat.lines().next()?.split_ascii_whitespace();
        if fields.next()? != "cpu" {
            return None;
        }
        let times: Vec<u64> = fields
            .take(8)
            .map(|field| field.parse().ok())
            .collect::<Option<_>>()?;
        Some(CpuTimes {
            total: times.iter().sum(),
            steal: times.get(7).copied().unwrap_or(0),
        })
    }

    /// The machine's times now; `None` where there is no `/proc/stat`.
    pub fn now() -> Option<CpuTimes> {
        CpuTimes::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// Share of the time since `before` that was stolen, 0 to 1.
    pub fn steal_fraction_since(&self, before: &CpuTimes) -> f64 {
        let total = self.total.saturating_sub(before.total);
        let steal = self.steal.saturating_sub(before.steal);
        if total == 0 {
            0.0
        } else {
            steal as f64 / total as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "cpu  100 0 100 700 50 0 0 50 0 0\ncpu0 1 2 3\n";
    const AFTER: &str = "cpu  200 0 200 1200 50 0 50 300 9 9\ncpu0 1 2 3\n";

    #[test]
    fn the_stolen_share_is_of_all_time() {
        let before = CpuTimes::parse(BEFORE).unwrap();
        let after = CpuTimes::parse(AFTER).unwrap();
        assert!((after.steal_fraction_since(&before) - 0.25).abs() < 1e-9);
        assert_eq!(before.steal_fraction_since(&before), 0.0);
    }

    #[test]
    fn what_is_no_stat_is_no_figure() {
        assert_eq!(CpuTimes::parse(""), None);
        assert_eq!(CpuTimes::parse("intr 5 6"), None);
        assert_eq!(CpuTimes::parse("cpu a b c"), None);
        assert!(CpuTimes::now().is_some_and(|now| now.total > 0));
    }
}

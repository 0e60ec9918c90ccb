//! Whether a process does anything at all, as the scheduler counts it.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use super::group::is_gone;

/// For each thread: how often it was switched out, and CPU time in clock ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    threads: BTreeMap<u32, (u64, u64)>,
}

impl Progress {
    pub(super) fn of(pid: u32) -> io::Result<Progress> {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
            let path = entry?.path();
            let read = |name: &str| match fs::read_to_string(path.join(name)) {
                Err(error) if is_gone(&error) => Ok(None),
                other => other.map(Some),
            };
            let (Some(status), Some(stat)) = (read("status")?, read("stat")?) else {
                continue;
            };
            let Some(thread) = path
                .file_name()
                .and_then(|name| name.to_str()?.parse().ok())
            else {
                continue;
            };
            threads.insert(thread, (switches(&status), ticks(&stat)));
        }
        Ok(Progress { threads })
    }

    pub(super) fn threads(&self) -> usize {
        self.threads.len()
    }

    /// What happened between two looks; `None` when nothing did.
    pub(super) fn moved(&self, later: &Progress) -> Option<String> {
        if self.threads.keys().ne(later.threads.keys()) {
            let (before, after) = (self.threads.len(), later.threads.len());
            return Some(format!("threads came or went ({before}, then {after})"));
        }
        self.threads.iter().find_map(|(thread, before)| {
            let after = later.threads.get(thread)?;
            (before != after).then(|| {
                format!(
                    "thread {thread} was scheduled {} times and used {} ticks of CPU time",
                    after.0.saturating_sub(before.0),
                    after.1.saturating_sub(before.1)
                )
            })
        })
    }
}

fn switches(status: &str) -> u64 {
    status
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| key.ends_with("voluntary_ctxt_switches"))
        .filter_map(|(_, value)| value.trim().parse::<u64>().ok())
        .sum()
}

/// User and system time: fields 14 and 15, the 12th and 13th after the name.
fn ticks(stat: &str) -> u64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, after)| after);
    after_name
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(threads: &[(u32, u64, u64)]) -> Progress {
        Progress {
            threads: threads.iter().map(|(id, a, b)| (*id, (*a, *b))).collect(),
        }
    }

    #[test]
    fn any_switch_tick_or_thread_is_a_move() {
        let before = progress(&[(1, 10, 3), (2, 5, 0)]);
        assert_eq!(before.moved(&before.clone()), None);
        for later in [
            progress(&[(1, 11, 3), (2, 5, 0)]),
            progress(&[(1, 10, 3), (2, 5, 1)]),
            progress(&[(1, 10, 3)]),
            progress(&[(1, 10, 3), (3, 5, 0)]),
        ] {
            assert!(before.moved(&later).is_some(), "{later:?}");
        }
    }

    #[test]
    fn the_kernels_files_are_read() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t3\n";
        assert_eq!(switches(status), 10);
        let stat = "5 (a b) S 1 2 3 4 5 6 7 8 9 10 100 20 0 0";
        assert_eq!(ticks(stat), 120);
        assert!(Progress::of(std::process::id()).unwrap().threads() > 0);
    }
}

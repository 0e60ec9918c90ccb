//! Processes as `/proc` shows them: who is left of a run, who is frozen, and what stands on the command lines.

use std::fs;

/// A process that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSeen {
    pub pid: u32,
    /// State letter of `/proc/PID/stat`; `T` is stopped, `Z` has ended.
    pub state: char,
    /// Arguments with spaces between them.
    pub command: String,
}

impl ProcessSeen {
    /// True when it was stopped by a signal and not continued.
    pub fn is_frozen(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }
}

/// Every process (but this one) whose environment or command line holds `mark`, and that has not ended.
///
/// Children inherit the environment, so a mark in one variable finds every process of a run, whoever its parent is.
pub fn marked(mark: &str) -> Vec<ProcessSeen> {
    pids()
        .filter(|pid| *pid != std::process::id())
        .filter(|pid| holds(*pid, "environ", mark) || holds(*pid, "cmdline", mark))
        .filter_map(seen)
        .filter(|process| process.state != 'Z')
        .collect()
}

/// The pids of processes whose command line holds `text`, this one's too.
pub fn with_command_line(text: &str) -> Vec<u32> {
    pids().filter(|pid| holds(*pid, "cmdline", text)).collect()
}

fn pids() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .expect("/proc is mounted")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn holds(pid: u32, file: &str, text: &str) -> bool {
    // A process that ended in between holds nothing.
    fs::read(format!("/proc/{pid}/{file}")).is_ok_and(|bytes| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

fn seen(pid: u32) -> Option<ProcessSeen> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
    Some(ProcessSeen {
        pid,
        // The name before it is in brackets and may hold anything.
        state: stat.rsplit_once(") ")?.1.chars().next()?,
        command: command.replace('\0', " ").trim_end().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_is_found_by_a_mark_in_its_environment_until_it_ends() {
        let mark = format!("mark-of-{}", std::process::id());
        let mut child = Command::new("sleep")
            .arg("30")
            .env("SHAKEDOWN_TEST_MARK", &mark)
            .spawn()
            .unwrap();
        let pid = child.id();
        assert!(
            crate::shakedown::within_s(2.0, || marked(&mark).iter().any(|seen| seen.pid == pid)),
            "{:?}",
            marked(&mark)
        );
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(marked(&mark), []);
    }
}

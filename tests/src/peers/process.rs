//! A generator as a process: its CPU time to the microsecond, and its end within a time.
#![allow(unsafe_code)]

use std::fs::{File, read_to_string};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How a process ended, and what it used.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// `None` when a signal ended it.
    pub exit: Option<i32>,
    /// User and system time of all its threads, in seconds.
    pub cpu_s: f64,
    pub printed: String,
    pub complained: String,
}

/// How often its end is asked for: seldom enough to cost nothing.
const ASKED_EVERY: Duration = Duration::from_millis(50);

/// Runs a command to its end, or kills it after `at_most`. Its output goes through files in `folder`.
///
/// # Errors
/// When it cannot be started, waited for or read, or did not end in time.
pub fn run(mut command: Command, folder: &Path, at_most: Duration) -> io::Result<Ended> {
    let (printed, complained) = (folder.join("stdout"), folder.join("stderr"));
    let mut child = command
        .stdout(File::create(&printed)?)
        .stderr(File::create(&complained)?)
        .stdin(Stdio::from(stdin_of(folder)?))
        .spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let until = Instant::now() + at_most;
    let mut is_late = false;
    let (status, cpu_s) = loop {
        if let Some(ended) = wait4(pid)? {
            break ended;
        }
        if Instant::now() > until && !is_late {
            is_late = true;
            child.kill()?;
        }
        std::thread::sleep(ASKED_EVERY);
    };
    if is_late {
        let program = command.get_program().to_string_lossy().into_owned();
        return Err(io::Error::other(format!(
            "{program} did not end within {at_most:?}"
        )));
    }
    Ok(Ended {
        exit: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        cpu_s,
        printed: String::from_utf8_lossy(&std::fs::read(printed)?).into_owned(),
        complained: read_to_string(complained).unwrap_or_default(),
    })
}

/// The file `stdin` of the folder, or nothing to read.
fn stdin_of(folder: &Path) -> io::Result<File> {
    let input = folder.join("stdin");
    File::open(if input.exists() {
        &input
    } else {
        Path::new("/dev/null")
    })
}

/// The status of a child that has ended, and its CPU time in seconds; `None` while it runs.
fn wait4(pid: i32) -> io::Result<Option<(i32, f64)>> {
    let mut status = 0;
    // SAFETY: all fields of `rusage` are numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to variables of this function, and are not kept by the kernel.
    let found = unsafe { libc::wait4(pid, &mut status, libc::WNOHANG, &mut usage) };
    match found {
        0 => Ok(None),
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(Some((
            status,
            seconds(usage.ru_utime) + seconds(usage.ru_stime),
        ))),
    }
}

fn seconds(time: libc::timeval) -> f64 {
    time.tv_sec as f64 + time.tv_usec as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str, at_most_ms: u64) -> io::Result<Ended> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        run(command, folder.path(), Duration::from_millis(at_most_ms))
    }

    #[test]
    fn cpu_time_exit_and_output_are_told() {
        let ended = shell(
            "echo said; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exit 3",
            60_000,
        )
        .unwrap();
        assert_eq!((ended.exit, ended.printed.as_str()), (Some(3), "said\n"));
        assert!(ended.cpu_s > 0.005, "{}", ended.cpu_s);
        let idle = shell("sleep 0.3", 60_000).unwrap();
        assert!(idle.cpu_s < 0.2, "{}", idle.cpu_s);
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let told = shell("exec sleep 60", 200).unwrap_err().to_string();
        assert!(told.contains("did not end within"), "{told}");
    }
}

//! Somebody else's program, run to its end or to a deadline: what it said last, and how it ended.
//!
//! It runs in a process group of its own, which is killed as a whole at the deadline, and dies with Shakedown.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

use super::process::{ProcessError, ProcessHandle};
use super::spawn::{SpawnError, Spawner};

/// So much of the end of what it said is kept, in bytes.
const KEPT: u64 = 4096;

/// A program with its arguments, and where it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// Program first; no shell is involved.
    pub words: Vec<String>,
    pub folder: PathBuf,
    /// Added to Shakedown's own environment.
    pub variables: Vec<(String, String)>,
    pub deadline: Duration,
}

/// How a program ended, and what it said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// `None`: ended by a signal, or by the deadline.
    pub code: Option<i32>,
    /// It was killed with its group when its time was over.
    pub over_deadline: bool,
    /// The last line that was not empty, of output and errors together.
    pub last_line: String,
}

/// Why a program could not be run.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("`{program}` cannot be started in {}: {source}", folder.display())]
    Start {
        program: String,
        folder: PathBuf,
        source: io::Error,
    },
    #[error("no temporary file for what `{program}` says: {source}")]
    Output { program: String, source: io::Error },
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

impl Ended {
    /// True when it exited with code 0 in time.
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }
}

impl Invocation {
    /// The command line, for people.
    pub fn line(&self) -> String {
        self.words.join(" ")
    }

    /// Runs it on a thread of its own, with whose end, at the latest with Shakedown's, it dies.
    ///
    /// # Errors
    /// When it cannot be started or watched.
    pub async fn run(&self) -> Result<Ended, CommandError> {
        let own = self.clone();
        let spawner = Spawner::start()?;
        spawner
            .run(move |here| own.run_with(|command| here.spawn(command)))
            .await?
    }

    /// Runs it and blocks; the caller sees to it that it outlives nobody.
    ///
    /// # Errors
    /// When it cannot be started or watched.
    pub fn run_blocking(&self) -> Result<Ended, CommandError> {
        self.run_with(|command| {
            use std::os::unix::process::CommandExt;
            command.process_group(0).spawn()
        })
    }

    fn run_with(
        &self,
        spawn: impl FnOnce(&mut Command) -> io::Result<Child>,
    ) -> Result<Ended, CommandError> {
        let program = self.words.first().cloned().unwrap_or_default();
        let no_output = |source| CommandError::Output {
            program: program.clone(),
            source,
        };
        // A file, not a pipe: what the program leaves running in the background cannot keep us waiting.
        let mut said = scratch_file().map_err(no_output)?;
        let mut command = Command::new(&program);
        command
            .args(self.words.iter().skip(1))
            .current_dir(&self.folder)
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(said.try_clone().map_err(no_output)?)
            .stderr(said.try_clone().map_err(no_output)?);
        let mut child = spawn(&mut command).map_err(|source| CommandError::Start {
            program: program.clone(),
            folder: self.folder.clone(),
            source,
        })?;
        let handle = ProcessHandle::of_unreaped_child(child.id())?;
        let in_time = handle.wait_exit_blocking(self.deadline);
        if !matches!(in_time, Ok(true)) {
            end_group(&child);
        }
        let status = child.wait().map_err(no_output)?;
        in_time
            .map(|in_time| Ended {
                code: status.code().filter(|_| in_time),
                over_deadline: !in_time,
                last_line: last_line(&mut said),
            })
            .map_err(CommandError::from)
    }
}

fn scratch_file() -> io::Result<std::fs::File> {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    Ok(std::fs::File::from(rustix::fs::memfd_create(
        "shakedown-command",
        flags,
    )?))
}

fn end_group(child: &Child) {
    if let Some(group) = Pid::from_raw(child.id() as i32)
        && let Err(error) = kill_process_group(group, Signal::KILL)
    {
        tracing::warn!("a command that was over its time cannot be killed: {error}");
    }
}

fn last_line(said: &mut (impl Read + Seek)) -> String {
    let mut bytes = Vec::new();
    let read = said.seek(SeekFrom::End(0)).and_then(|end| {
        said.seek(SeekFrom::Start(end.saturating_sub(KEPT)))?;
        said.read_to_end(&mut bytes)
    });
    if let Err(error) = read {
        return format!("(what it said cannot be read: {error})");
    }
    let text = String::from_utf8_lossy(&bytes);
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    last.unwrap_or_default().trim().to_string()
}

/// The folder in which Shakedown was started: relative words of a command mean files there.
///
/// # Errors
/// When it is gone.
pub fn start_folder() -> io::Result<PathBuf> {
    std::env::current_dir().and_then(|folder| std::path::absolute(Path::new(&folder)))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str, deadline_ms: u64) -> Invocation {
        Invocation {
            words: ["sh", "-c", script].map(String::from).to_vec(),
            folder: "/tmp".into(),
            variables: vec![("WHO".into(), "engine-1".into())],
            deadline: Duration::from_millis(deadline_ms),
        }
    }

    #[tokio::test]
    async fn a_command_tells_how_it_ended_and_what_it_said_last() {
        let ended = shell("echo one; echo two $WHO >&2; echo; exit 3", 5_000)
            .run()
            .await;
        let ended = ended.unwrap();
        assert_eq!((ended.code, ended.over_deadline), (Some(3), false));
        assert_eq!(ended.last_line, "two engine-1");
        assert!(!ended.is_success());
        assert!(shell("true", 5_000).run().await.unwrap().is_success());
    }

    #[tokio::test]
    async fn at_the_deadline_the_whole_group_is_ended() {
        let began = Instant::now();
        let ended = shell("sleep 30 & echo $!; wait", 300).run().await.unwrap();
        assert!(ended.over_deadline && !ended.is_success());
        assert!(began.elapsed() < Duration::from_secs(5));
        let background: u32 = ended.last_line.parse().unwrap();
        let until = Instant::now() + Duration::from_secs(2);
        while ProcessHandle::of_pid(background).unwrap().is_some() {
            assert!(Instant::now() < until, "{background} still runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[test]
    fn what_stays_in_the_background_keeps_nobody_waiting() {
        let began = Instant::now();
        let ended = shell("sleep 3 & echo done", 10_000).run_blocking().unwrap();
        assert!(ended.is_success());
        assert!(began.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let mut nothing = shell("", 1_000);
        nothing.words = vec!["/nonexistent/tool".into()];
        let error = nothing.run_blocking().unwrap_err().to_string();
        assert!(error.contains("/nonexistent/tool"), "{error}");
    }
}

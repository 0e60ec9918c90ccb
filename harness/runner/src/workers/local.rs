//! Workers as processes of this machine, of this binary.
//!
//! They end with Shakedown: by the kernel when it dies, and of themselves when their pipe closes. A worker's own ledger
//! lies in the run directory until it is merged, so that nothing that it wrote is lost with it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use shakedown_load::workers::{Post, WorkerLink};
use shakedown_record::run_dir::RunDir;

use crate::environment::INHERITED;
use crate::error::RunError;
use crate::journal::{Entry, Journal, JournalError};
use crate::mechanisms::{AdoptError, Child, ProcessId, SpawnError, Spawner};

/// A worker whose pipe is closed ends by itself within this, or is killed.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

/// Where workers of this machine work.
#[derive(Debug)]
pub struct Workshop<'a> {
    /// The Shakedown binary, absolute.
    pub exe: &'a Path,
    pub run_dir: &'a RunDir,
    pub journal: &'a Arc<Journal>,
}

/// Why a worker could not be started.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("cannot make {path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("cannot start {exe} as a worker: {source}")]
    Start { exe: PathBuf, source: io::Error },
    #[error(transparent)]
    Spawner(#[from] SpawnError),
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    #[error("it has no pipes")]
    NoPipes,
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Starts so many workers, which wait to be told what to do.
///
/// # Errors
/// When one cannot be started; the others end.
pub async fn start_local(at: &Workshop<'_>, workers: u32) -> Result<Vec<WorkerLink>, RunError> {
    let mut links = Vec::new();
    let failed = |number: u32, error: StartError| RunError::Worker {
        worker: number,
        why: error.to_string(),
    };
    let spawner = Spawner::start().map_err(|error| failed(1, error.into()))?;
    let spawner = Arc::new(spawner);
    for number in 1..=workers {
        let link = start(at, &spawner, number).await;
        links.push(link.map_err(|error| failed(number, error))?);
    }
    Ok(links)
}

async fn start(
    at: &Workshop<'_>,
    spawner: &Arc<Spawner>,
    number: u32,
) -> Result<WorkerLink, StartError> {
    let name = format!("worker-{number}");
    let file = |path: PathBuf| move |source| StartError::File { path, source };
    let logs = at.run_dir.logs();
    fs::create_dir_all(&logs).map_err(file(logs.clone()))?;
    let log = logs.join(format!("{name}.log"));
    let log = File::create(&log).map_err(file(log.clone()))?;
    let mut command = Command::new(at.exe);
    command
        .arg("worker")
        .arg("--about")
        .arg(at.run_dir.workers().join(&name))
        .env_clear()
        .envs(
            INHERITED
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log);
    let started = spawner.run(move |here| here.spawn(&mut command)).await?;
    let mut started = started.map_err(|source| StartError::Start {
        exe: at.exe.to_path_buf(),
        source,
    })?;
    let pipes = (started.stdin.take(), started.stdout.take());
    let child = Child::adopt(started)?;
    let process = child.handle().id();
    at.journal.record(&Entry::ChildStarted {
        name: name.clone(),
        process,
    })?;
    let post = LocalPost {
        child,
        process,
        name: name.clone(),
        journal: Arc::clone(at.journal),
        told: None,
        _spawner: Arc::clone(spawner),
    };
    let (Some(writer), Some(reader)) = pipes else {
        return Err(StartError::NoPipes);
    };
    let shard = at.run_dir.workers().join(name);
    Ok(WorkerLink {
        place: format!("process {} of this machine", process.pid),
        reader: Box::new(reader),
        writer: Box::new(writer),
        post: Box::new(post),
        ledger: shard.clone(),
        shard,
    })
}

/// Power over a process of ours.
struct LocalPost {
    child: Child,
    process: ProcessId,
    name: String,
    journal: Arc<Journal>,
    told: Option<String>,
    /// All of them end with it.
    _spawner: Arc<Spawner>,
}

impl Post for LocalPost {
    fn end(&mut self) -> String {
        if let Some(told) = &self.told {
            return told.clone();
        }
        let has_ended = |within| self.child.handle().wait_exit_blocking(within);
        if !matches!(has_ended(ENDS_WITHIN), Ok(true)) {
            if let Err(error) = self.child.handle().signal(Signal::KILL) {
                tracing::warn!("{}: {error}", self.name);
            }
            if let Err(error) = has_ended(ENDS_WITHIN) {
                tracing::warn!("{}: {error}", self.name);
            }
        }
        let told = self.how();
        let gone = Entry::ChildGone {
            name: self.name.clone(),
            process: self.process,
        };
        if let Err(error) = self.journal.record(&gone) {
            tracing::debug!("{error}");
        }
        self.told = Some(told.clone());
        told
    }

    /// It lies on this machine.
    fn rescue(&mut self) -> Result<(), String> {
        self.end();
        Ok(())
    }
}

impl LocalPost {
    /// The thread that waits for it may be told a moment later than we.
    fn how(&self) -> String {
        for _ in 0..100 {
            if let Some(exit) = self.child.exit() {
                return format!("it {exit}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        "it does not end".to_string()
    }
}

impl Drop for LocalPost {
    fn drop(&mut self) {
        self.end();
    }
}

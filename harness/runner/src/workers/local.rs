//! Workers as processes of this machine, of this binary.
//!
//! They end with Shakedown: by the kernel when it dies, and of themselves when the way to it closes, a pair of sockets. A worker's own ledger
//! lies in the run directory until it is merged, so that nothing that it wrote is lost with it.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use shakedown_load::workers::{Post, WorkerLink, has_unread};
use shakedown_record::run_dir::RunDir;
use shakedown_record::worker::Parts;

use crate::environment::INHERITED;
use crate::error::RunError;
use crate::journal::{Entry, Journal, JournalError};
use crate::mechanisms::{AdoptError, Child, ProcessId, SpawnError, Spawner};

/// A worker whose way is closed ends by itself within this, or is killed.
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
    #[error("there is no way to it: {0}")]
    Way(io::Error),
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
    let (ours, theirs) = UnixStream::pair().map_err(StartError::Way)?;
    let again = |it: &UnixStream| it.try_clone().map_err(StartError::Way);
    let (input, reader, writer) = (again(&theirs)?, again(&ours)?, again(&ours)?);
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
        .stdin(OwnedFd::from(input))
        .stdout(OwnedFd::from(theirs))
        .stderr(log);
    let started = spawner.run(move |here| here.spawn(&mut command)).await?;
    let started = started.map_err(|source| StartError::Start {
        exe: at.exe.to_path_buf(),
        source,
    })?;
    let child = Child::adopt(started)?;
    let process = child.handle().id();
    at.journal.record(&Entry::ChildStarted {
        name: name.clone(),
        process,
    })?;
    let post = LocalPost {
        child,
        process,
        ours,
        name: name.clone(),
        journal: Arc::clone(at.journal),
        told: None,
        _spawner: Arc::clone(spawner),
    };
    let shard = Parts::shard(&at.run_dir.workers(), number);
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
    /// Its standard input and output.
    ours: UnixStream,
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
        // Whoever reads from it is not kept by a process that cannot even be killed. It may be closed already.
        let _ = self.ours.shutdown(std::net::Shutdown::Both);
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

    fn has_unread(&self) -> bool {
        has_unread(&self.ours)
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

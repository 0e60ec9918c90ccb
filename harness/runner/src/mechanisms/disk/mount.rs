//! A disk as Shakedown holds it: started over a node's data folder, told what to do, asked what it did, ended.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::watch;

use super::control::{Order, What, Word, hear, say};
use super::fault::{DiskFault, DiskFaultError};
use super::namespace::MountNamespace;
use super::process::DISK_COMMAND;
use super::status::DiskStatus;
use crate::mechanisms::child::{AdoptError, Child};
use crate::mechanisms::process::{ProcessError, ProcessId};
use crate::mechanisms::spawn::{SpawnError, Spawner};

const MOUNTED_WITHIN: Duration = Duration::from_secs(5);
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// A disk over a data folder. Dropping it heals the disk and detaches it; the process ends when the node has closed
/// its files.
#[derive(Debug)]
pub struct DiskMount {
    folder: PathBuf,
    child: Child,
    namespace: MountNamespace,
    line: Arc<Line>,
    /// True once the mount is no longer in the namespace.
    detached: watch::Receiver<bool>,
}

/// How a disk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskEnd {
    /// Of itself: no file was open any more.
    Clean,
    /// It was killed, because the node kept files open. Whoever holds them gets errors.
    Killed,
}

/// Why a disk cannot be had, or does not do what it is told.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error("the data folder {} must have a path of plain text", folder.display())]
    Path { folder: PathBuf },
    #[error("cannot start the disk of {}: {source}", folder.display())]
    Start { folder: PathBuf, source: io::Error },
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("the disk of {} is not mounted: {why}", folder.display())]
    NotMounted { folder: PathBuf, why: String },
    #[error(transparent)]
    Fault(#[from] DiskFaultError),
    #[error("the disk of {} is gone: the node is on its bare data folder since, and files that were open fail", folder.display())]
    Gone { folder: PathBuf },
    #[error("the disk of {} did not answer within 2 s", folder.display())]
    Silent { folder: PathBuf },
    #[error("the disk of {} refused: {why}", folder.display())]
    Refused { folder: PathBuf, why: String },
    #[error("the disk of {} cannot be detached: {source}", folder.display())]
    Detach { folder: PathBuf, source: io::Error },
    #[error("the disk of {} does not end, not even killed", folder.display())]
    Stays { folder: PathBuf },
    #[error("the task that talks to a disk was cancelled")]
    Cancelled,
}

impl DiskMount {
    /// Puts a disk over a data folder, and waits until it serves. `exe` is the program that knows
    /// [`DISK_COMMAND`]. The disk is seen by programs started with [`MountNamespace::join`] only.
    ///
    /// # Errors
    /// When it cannot be started or mounted; nothing is left of it then.
    pub async fn start(
        spawner: &Spawner,
        exe: &Path,
        folder: &Path,
    ) -> Result<DiskMount, DiskError> {
        let start = |source| DiskError::Start {
            folder: folder.to_path_buf(),
            source,
        };
        // A mount stands under its real path.
        let folder = fs::canonicalize(folder).map_err(start)?;
        let text = folder.to_str().ok_or_else(|| DiskError::Path {
            folder: folder.clone(),
        })?;
        let (line, far_end) = UnixStream::pair().map_err(start)?;
        let mut command = Command::new(exe);
        command
            .args([DISK_COMMAND, "--folder", text])
            .stdin(Stdio::from(OwnedFd::from(far_end)))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let started = spawner
            .run(move |here| here.spawn(&mut command))
            .await?
            .map_err(start)?;
        let child = Child::adopt(started)?;
        let pid = child.handle().pid();
        let own = folder.clone();
        let mounted = tokio::task::spawn_blocking(move || meet(pid, &own, line));
        let met = match tokio::time::timeout(MOUNTED_WITHIN, mounted).await {
            Ok(met) => met.map_err(|_| DiskError::Cancelled)?,
            Err(_) => Err(DiskError::Silent {
                folder: folder.clone(),
            }),
        };
        match met {
            Ok((namespace, line, detached)) => Ok(DiskMount {
                folder,
                child,
                namespace,
                line: Arc::new(line),
                detached,
            }),
            Err(error) => {
                child.handle().signal(Signal::KILL)?;
                Err(error)
            }
        }
    }

    /// The folder that it is over.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process that serves it.
    pub fn process(&self) -> ProcessId {
        self.child.handle().id()
    }

    /// The namespace that it is mounted in.
    pub fn namespace(&self) -> &MountNamespace {
        &self.namespace
    }

    /// True while its process runs and listens. After that the node is on its bare data folder.
    pub fn is_serving(&self) -> bool {
        self.child.exit().is_none() && !*self.detached.borrow()
    }

    /// Takes up a fault in the place of the one before, and says how it is after that.
    ///
    /// # Errors
    /// When the fault is out of bounds, or the disk is gone or does not answer.
    pub async fn set(&self, fault: DiskFault) -> Result<DiskStatus, DiskError> {
        fault.check()?;
        self.ask(What::Set(fault)).await
    }

    /// Becomes a sound disk; answers that are held back are given at once.
    ///
    /// # Errors
    /// As for [`DiskMount::set`].
    pub async fn heal(&self) -> Result<DiskStatus, DiskError> {
        self.set(DiskFault::default()).await
    }

    /// Keeps what is overwritten from now on, so that [`DiskMount::cut_power`] can take back what is not synced. To be
    /// said before the node is there: what was written before counts as synced.
    ///
    /// # Errors
    /// When it is gone or does not answer.
    pub async fn keep_undo(&self) -> Result<DiskStatus, DiskError> {
        self.ask(What::KeepUndo).await
    }

    /// Makes every file what it was when it was last synced. The node must have ended, and must not use this disk
    /// again: the kernel may still believe what was there.
    ///
    /// # Errors
    /// When a file cannot be written, or the disk is gone or does not answer.
    pub async fn cut_power(&self) -> Result<DiskStatus, DiskError> {
        self.ask(What::CutPower).await
    }

    /// What it does now, and did so far.
    ///
    /// # Errors
    /// When it is gone or does not answer.
    pub async fn status(&self) -> Result<DiskStatus, DiskError> {
        self.ask(What::Look).await
    }

    /// Waits until the mount is no longer in the namespace; false when it still is after `at_most`.
    pub async fn wait_detached(&self, at_most: Duration) -> bool {
        let mut detached = self.detached.clone();
        let gone = tokio::time::timeout(at_most, detached.wait_for(|gone| *gone)).await;
        matches!(gone, Ok(Ok(_)))
    }

    /// Heals, detaches and ends it. The node should have ended before: what it has open then fails.
    ///
    /// # Errors
    /// When the mount cannot be detached, or the process survives being killed.
    pub async fn end(self) -> Result<DiskEnd, DiskError> {
        match self.ask(What::Detach).await {
            Ok(_) | Err(DiskError::Gone { .. } | DiskError::Silent { .. }) => {}
            Err(error) => return Err(error),
        }
        let mut end = DiskEnd::Clean;
        if self.child.wait(ENDS_WITHIN).await.is_none() {
            end = DiskEnd::Killed;
            self.child.handle().signal(Signal::KILL)?;
            if self.child.wait(ENDS_WITHIN).await.is_none() {
                return Err(DiskError::Stays {
                    folder: self.folder.clone(),
                });
            }
        }
        let (namespace, folder) = (self.namespace.clone(), self.folder.clone());
        tokio::task::spawn_blocking(move || {
            namespace
                .detach(&folder)
                .map_err(|source| DiskError::Detach { folder, source })
        })
        .await
        .map_err(|_| DiskError::Cancelled)??;
        Ok(end)
    }

    async fn ask(&self, what: What) -> Result<DiskStatus, DiskError> {
        let line = Arc::clone(&self.line);
        tokio::task::spawn_blocking(move || line.ask(what))
            .await
            .map_err(|_| DiskError::Cancelled)?
    }
}

impl Drop for DiskMount {
    fn drop(&mut self) {
        // The disk hears the end of the line, heals and detaches itself. When it is gone, so is the line.
        if let Err(error) = self.line.out.shutdown(Shutdown::Write) {
            tracing::debug!(
                "the disk of {} was gone before: {error}",
                self.folder.display()
            );
        }
    }
}

/// The line to a disk: one order at a time.
#[derive(Debug)]
struct Line {
    folder: PathBuf,
    out: UnixStream,
    words: Mutex<Receiver<Word>>,
    orders: AtomicU64,
}

impl Line {
    fn ask(&self, what: What) -> Result<DiskStatus, DiskError> {
        let folder = || self.folder.clone();
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.orders.fetch_add(1, Ordering::Relaxed);
        self.out
            .try_clone()
            .and_then(|mut out| say(&mut out, &Order { number, what }))
            .map_err(|_| DiskError::Gone { folder: folder() })?;
        let deadline = Instant::now() + ANSWERS_WITHIN;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match words.recv_timeout(left) {
                Ok(Word::Done { number: of, status }) if of == number => return Ok(*status),
                Ok(Word::Failed { number: of, why }) if of == number => {
                    return Err(DiskError::Refused {
                        folder: folder(),
                        why,
                    });
                }
                // An answer to an order that nobody waits for any more.
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(DiskError::Silent { folder: folder() });
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(DiskError::Gone { folder: folder() });
                }
            }
        }
    }
}

type Met = (MountNamespace, Line, watch::Receiver<bool>);

/// Waits until a disk is mounted, checks that it is, and attends to its line from then on.
fn meet(pid: u32, folder: &Path, line: UnixStream) -> Result<Met, DiskError> {
    let not_mounted = |why: String| DiskError::NotMounted {
        folder: folder.to_path_buf(),
        why,
    };
    let broken = |error: io::Error| not_mounted(error.to_string());
    line.set_write_timeout(Some(ANSWERS_WITHIN))
        .map_err(broken)?;
    let mut incoming = BufReader::new(line.try_clone().map_err(broken)?);
    let mut text = String::new();
    incoming.read_line(&mut text).map_err(broken)?;
    if text.is_empty() {
        return Err(not_mounted(
            "its process ended before it said anything".to_string(),
        ));
    }
    let tid = match hear(&text).map_err(broken)? {
        Word::Mounted { tid } => tid,
        Word::NotMounted { why } => return Err(not_mounted(why)),
        Word::Done { .. } | Word::Failed { .. } => {
            return Err(not_mounted("it answered what was not asked".to_string()));
        }
    };
    let namespace = MountNamespace::of_thread(pid, tid).map_err(broken)?;
    if !namespace.has_disk_at(folder).map_err(broken)? {
        return Err(not_mounted("it is not in the mount table".to_string()));
    }
    // The first request that it has to answer.
    namespace
        .run(|| fs::metadata(folder))
        .and_then(|seen| seen)
        .map_err(broken)?;
    let (tell, words) = channel();
    let (tell_detached, detached) = watch::channel(false);
    let (own, at) = (namespace.clone(), folder.to_path_buf());
    std::thread::Builder::new()
        .name("disk-line".to_string())
        .spawn(move || {
            listen(incoming, &tell);
            match own.detach(&at) {
                Ok(()) => drop(tell_detached.send_replace(true)),
                Err(error) => tracing::error!("the disk of {}: {error}", at.display()),
            }
        })
        .map_err(broken)?;
    let line = Line {
        folder: folder.to_path_buf(),
        out: line,
        words: Mutex::new(words),
        orders: AtomicU64::new(0),
    };
    Ok((namespace, line, detached))
}

/// Hands on what a disk says, until its process has ended.
fn listen(incoming: BufReader<UnixStream>, tell: &Sender<Word>) {
    for text in incoming.lines() {
        let word = text.and_then(|text| hear(&text));
        match word {
            Ok(word) => drop(tell.send(word)),
            Err(error) => {
                tracing::warn!("a disk said something strange: {error}");
                return;
            }
        }
    }
}

//! The thread that writes the log: it gathers all that waits, writes it at once, and syncs once for all of it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use openraft::storage::LogFlushed;
use tokio::sync::oneshot;

use super::log_files::{encode_event, needed_until};
use super::{EngineLogId, LogEvent, LogFiles, TypeConfig};
use crate::defects::Defects;
use crate::durable::{FolderLock, replace_file};
use crate::error::EngineError;
use crate::metrics::Histogram;

/// The file that holds the vote.
pub const VOTE_FILE: &str = "vote";

/// At most so many jobs share one write.
const MAX_GATHERED: usize = 256;

/// Who waits for a job: told once it is durable, or why it is not.
type Done = oneshot::Sender<Result<(), String>>;

/// What the writer is asked to do, strictly in this order.
pub enum Job {
    /// Write entries and call back when they are durable.
    Append {
        /// The records.
        records: Vec<u8>,
        /// The index of the last of the entries.
        last_index: u64,
        /// Whom to call back.
        flushed: LogFlushed<TypeConfig>,
    },
    /// Record a truncation.
    Truncate {
        /// The first removed index.
        since: u64,
        /// Who waits.
        done: Done,
    },
    /// Record a purge and remove what is no longer needed.
    Purge {
        /// The last removed entry.
        upto: EngineLogId,
        /// Who waits.
        done: Done,
    },
    /// Note what is committed. A hint: never synced for its own sake.
    Committed(EngineLogId),
    /// Replace the vote.
    Vote {
        /// The file's new contents.
        contents: Vec<u8>,
        /// Who waits.
        done: Done,
    },
}

/// Starts the writer; it ends when all senders are gone, and gives the folder free then.
///
/// # Errors
/// [`EngineError::System`] if there can be no thread.
pub fn start(
    folder: PathBuf,
    files: LogFiles,
    lock: FolderLock,
    defects: Defects,
    syncs: Arc<Histogram>,
) -> Result<Sender<Job>, EngineError> {
    let (jobs, queue) = channel();
    let mut writer = Writer {
        folder,
        files,
        failed: None,
        defects,
        syncs,
    };
    std::thread::Builder::new()
        .name("log-writer".to_owned())
        .spawn(move || {
            writer.run(&queue);
            drop(lock);
        })
        .map_err(|source| EngineError::System {
            what: "start the log writer",
            source,
        })?;
    Ok(jobs)
}

struct Writer {
    folder: PathBuf,
    files: LogFiles,
    failed: Option<String>,
    defects: Defects,
    syncs: Arc<Histogram>,
}

impl Writer {
    fn run(&mut self, queue: &Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            let mut jobs = vec![first];
            jobs.extend(queue.try_iter().take(MAX_GATHERED - 1));
            self.work(jobs);
        }
    }

    /// Writes consecutive log jobs together; a vote is written between those before and those after it.
    fn work(&mut self, jobs: Vec<Job>) {
        let mut group = Vec::new();
        for job in jobs {
            match job {
                Job::Vote { contents, done } => {
                    self.write_group(std::mem::take(&mut group));
                    let written =
                        self.guarded(|writer| replace_file(&writer.folder, VOTE_FILE, &contents));
                    let _gone = done.send(written);
                }
                job @ (Job::Append { .. }
                | Job::Truncate { .. }
                | Job::Purge { .. }
                | Job::Committed(_)) => {
                    group.push(job);
                }
            }
        }
        self.write_group(group);
    }

    fn write_group(&mut self, group: Vec<Job>) {
        if group.is_empty() {
            return;
        }
        let result = self.guarded(|writer| writer.persist(&group));
        for job in group {
            match job {
                Job::Append { flushed, .. } => {
                    flushed.log_io_completed(result.clone().map_err(io::Error::other));
                }
                Job::Truncate { done, .. } | Job::Purge { done, .. } | Job::Vote { done, .. } => {
                    let _gone = done.send(result.clone());
                }
                Job::Committed(_) => {}
            }
        }
    }

    fn persist(&mut self, group: &[Job]) -> io::Result<()> {
        let mut buffer = Vec::new();
        let mut highest_index = None;
        let mut must_sync = false;
        let mut committed = None;
        let mut purged = None;
        for job in group {
            match job {
                Job::Append {
                    records,
                    last_index,
                    ..
                } => {
                    buffer.extend_from_slice(records);
                    highest_index = highest_index.max(Some(*last_index));
                    must_sync = true;
                }
                Job::Truncate { since, .. } => {
                    encode_event(&mut buffer, &LogEvent::Truncated { since: *since });
                    must_sync = true;
                }
                Job::Purge { upto, .. } => {
                    let event = LogEvent::Purged(*upto);
                    encode_event(&mut buffer, &event);
                    highest_index = highest_index.max(needed_until(&event));
                    purged = Some(*upto);
                    must_sync = true;
                }
                Job::Committed(log_id) => committed = Some(*log_id),
                Job::Vote { .. } => {}
            }
        }
        if let Some(log_id) = committed {
            encode_event(&mut buffer, &LogEvent::Committed(log_id));
        }
        self.files.append(&buffer, highest_index)?;
        if must_sync {
            if !self.defects.skip_sync(highest_index) {
                let began = Instant::now();
                self.files.sync()?;
                self.syncs.observed(began.elapsed());
            }
            self.files.rotate_if_due()?;
        }
        match purged {
            Some(upto) => self.files.remove_purged(upto.index),
            None => Ok(()),
        }
    }

    /// Does `work` unless an earlier job failed: after a failed write nothing may be acknowledged any more.
    fn guarded(&mut self, work: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), String> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        work(self).map_err(|error| {
            let why = format!("cannot write to {}: {error}", self.folder.display());
            tracing::error!("{why}");
            self.failed = Some(why.clone());
            why
        })
    }
}

//! The log as consensus sees it: entries readable at once, durable when the callback says so.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{
    AnyError, Entry, ErrorSubject, ErrorVerb, LogState, OptionalSend, RaftLogId, RaftLogReader,
    StorageError, StorageIOError, Vote,
};
use tokio::sync::oneshot;

use super::log_files::encode_event;
use super::log_writer::{self, Job, VOTE_FILE};
use super::{EngineLogId, LogEvent, LogFiles, LogIndex, TypeConfig};
use crate::defects::Defects;
use crate::durable::FolderLock;
use crate::error::EngineError;
use crate::metrics::{Bounds, Histogram};

/// How long an engine that is just ending may keep the folder.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// A follower gets about so much of the log in one message.
const MAX_REPLICATED_BYTES: usize = 1024 * 1024;

type Failure = StorageError<u64>;

/// Bounds of the time that a sync of the log takes; 333 us are 3000 a second.
const SYNCS: Bounds = &[
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (200_000, "0.0002"),
    (333_000, "0.000333"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_000_000, "0.002"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (20_000_000, "0.02"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (1_000_000_000, "1"),
];

/// Reads entries; any number of these share the log.
#[derive(Debug, Clone)]
pub struct LogReader(Arc<RwLock<LogIndex>>, Arc<Histogram>);

/// The log of this node. It holds the folder for this process.
#[derive(Debug)]
pub struct LogStore {
    folder: PathBuf,
    index: LogReader,
    jobs: Sender<Job>,
}

impl LogStore {
    /// Opens or creates the log in `folder`, and takes the folder for this process.
    ///
    /// # Errors
    /// [`EngineError::DataInUse`], [`EngineError::Data`] or [`EngineError::Damaged`].
    pub fn open(folder: &Path, defects: &Defects) -> Result<Self, EngineError> {
        let io = |source: io::Error| match source.kind() {
            io::ErrorKind::WouldBlock => EngineError::DataInUse {
                path: folder.to_owned(),
            },
            _ => EngineError::Data {
                path: folder.to_owned(),
                source,
            },
        };
        std::fs::create_dir_all(folder).map_err(io)?;
        let lock = FolderLock::acquire(folder, LOCK_PATIENCE).map_err(io)?;
        let (files, index) = LogFiles::open(folder)?;
        defects.opened(index.last().is_some());
        let syncs = Arc::new(Histogram::new(SYNCS));
        let timed = Arc::clone(&syncs);
        let jobs = log_writer::start(folder.to_owned(), files, lock, defects.clone(), timed)?;
        Ok(Self {
            folder: folder.to_owned(),
            index: LogReader(Arc::new(RwLock::new(index)), syncs),
            jobs,
        })
    }

    /// A reader of this log.
    pub fn reader(&self) -> LogReader {
        self.index.clone()
    }

    fn send(&self, job: Job) -> Result<(), WriterError> {
        self.jobs.send(job).map_err(|_| WriterError::Ended)
    }

    async fn wait(
        &self,
        make: impl FnOnce(oneshot::Sender<Result<(), String>>) -> Job,
    ) -> Result<(), WriterError> {
        let (done, waiting) = oneshot::channel();
        self.send(make(done))?;
        match waiting.await {
            Ok(result) => result.map_err(WriterError::Failed),
            Err(_) => Err(WriterError::Ended),
        }
    }
}

/// Why the log could not be written.
#[derive(Debug, thiserror::Error)]
enum WriterError {
    #[error("the log writer has ended")]
    Ended,
    #[error("{0}")]
    Failed(String),
}

impl From<WriterError> for Failure {
    fn from(error: WriterError) -> Self {
        StorageIOError::write_logs(AnyError::new(&error)).into()
    }
}

impl LogReader {
    /// How long the syncs of the log took.
    pub fn syncs(&self) -> &Histogram {
        &self.1
    }

    /// Payload of all entries kept, in bytes.
    pub fn payload_bytes(&self) -> usize {
        self.read().payload_bytes()
    }

    fn read(&self) -> RwLockReadGuard<'_, LogIndex> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, LogIndex> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&self, range: &impl RangeBounds<u64>) -> Vec<Entry<TypeConfig>> {
        let start = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(index) => index.saturating_add(1),
            Bound::Excluded(index) => *index,
            Bound::Unbounded => u64::MAX,
        };
        self.read().range(start, end)
    }
}

impl RaftLogReader<TypeConfig> for LogReader {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<TypeConfig>>, Failure> {
        Ok(self.entries(&range))
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry<TypeConfig>>, Failure> {
        Ok(self.read().limited_range(start, end, MAX_REPLICATED_BYTES))
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<TypeConfig>>, Failure> {
        Ok(self.index.entries(&range))
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, Failure> {
        let index = self.index.read();
        Ok(LogState {
            last_purged_log_id: index.purged(),
            last_log_id: index.last(),
        })
    }

    async fn get_log_reader(&mut self) -> LogReader {
        self.index.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), Failure> {
        let contents = postcard::to_stdvec(vote)
            .map_err(|error| StorageIOError::write_vote(AnyError::error(error.to_string())))?;
        Ok(self.wait(|done| Job::Vote { contents, done }).await?)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, Failure> {
        let failed =
            |why: String| -> Failure { StorageIOError::read_vote(AnyError::error(why)).into() };
        match std::fs::read(self.folder.join(VOTE_FILE)) {
            Ok(contents) => postcard::from_bytes(&contents)
                .map(Some)
                .map_err(|error| failed(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    async fn save_committed(&mut self, committed: Option<EngineLogId>) -> Result<(), Failure> {
        match committed {
            Some(log_id) => Ok(self.send(Job::Committed(log_id))?),
            None => Ok(()),
        }
    }

    async fn read_committed(&mut self) -> Result<Option<EngineLogId>, Failure> {
        Ok(self.index.read().committed())
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: LogFlushed<TypeConfig>,
    ) -> Result<(), Failure>
    where
        I: IntoIterator<Item = Entry<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut records = Vec::new();
        let mut last_index = 0;
        {
            let mut index = self.index.write();
            for entry in entries {
                let log_id = *entry.get_log_id();
                last_index = log_id.index;
                let event = LogEvent::Entry(entry);
                encode_event(&mut records, &event);
                index.take_in(event).map_err(|gap| {
                    StorageIOError::new(
                        ErrorSubject::Log(log_id),
                        ErrorVerb::Write,
                        AnyError::new(&gap),
                    )
                })?;
            }
        }
        Ok(self.send(Job::Append {
            records,
            last_index,
            flushed: callback,
        })?)
    }

    async fn truncate(&mut self, log_id: EngineLogId) -> Result<(), Failure> {
        self.index.write().truncate(log_id.index);
        let since = log_id.index;
        Ok(self.wait(|done| Job::Truncate { since, done }).await?)
    }

    async fn purge(&mut self, log_id: EngineLogId) -> Result<(), Failure> {
        self.index.write().purge(log_id);
        Ok(self.wait(|done| Job::Purge { upto: log_id, done }).await?)
    }
}

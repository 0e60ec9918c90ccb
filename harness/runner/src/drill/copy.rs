//! The copy of a run's journal in a cluster: a config map with what is not taken back yet.
//!
//! A thread with a connection of its own writes it, so that a journal can be written from anywhere. What announces
//! something waits until it is written; what takes it back does not, and is written with the next: until then it
//! would be taken back twice, which does no harm.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

use super::mark::{COPY_LABEL, DrillMark, RUN_LABEL};
use super::open_entries::{Changes, Meaning, OpenEntries};
use crate::journal::{Entry, JournalCopy};
use crate::mechanisms::kubernetes::{Cluster, ClusterError, Replayed};

const ONE_CALL_WITHIN: Duration = Duration::from_millis(2_500);
/// What announces something is tried so often: writing it twice does no harm.
const TRIES: usize = 2;
/// The API server may just be coming back.
const REMOVED_WITHIN: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(500);
/// More than all tries together may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(40);

/// The copy, from the side of the journal.
#[derive(Debug)]
pub struct ClusterCopy {
    jobs: Mutex<Option<Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Job {
    what: What,
    /// Who waits for it.
    done: Option<SyncSender<Result<(), String>>>,
}

#[derive(Debug)]
enum What {
    Keep(Box<Entry>),
    Remove,
}

impl ClusterCopy {
    /// A copy of which nothing is written yet.
    ///
    /// # Errors
    /// When there can be no thread for it.
    pub fn new(mark: &DrillMark) -> std::io::Result<ClusterCopy> {
        let (jobs, todo) = channel();
        let mark = mark.clone();
        let writer = std::thread::Builder::new()
            .name("journal-copy".to_string())
            .spawn(move || Writer::new(mark).work(&todo))?;
        Ok(ClusterCopy {
            jobs: Mutex::new(Some(jobs)),
            writer: Mutex::new(Some(writer)),
        })
    }

    fn send(&self, job: Job) -> Result<(), String> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = jobs.as_ref().ok_or("it has ended")?;
        jobs.send(job)
            .map_err(|_| "its thread has ended".to_string())
    }

    fn send_and_wait(&self, what: What) -> Result<(), String> {
        let (done, answer) = sync_channel(1);
        self.send(Job {
            what,
            done: Some(done),
        })?;
        match waiting(|| answer.recv_timeout(ANSWERED_WITHIN)) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err("not done in time".to_string()),
            Err(RecvTimeoutError::Disconnected) => Err("its thread has ended".to_string()),
        }
    }
}

impl JournalCopy for ClusterCopy {
    fn keep(&self, entry: &Entry) -> Result<(), String> {
        let what = What::Keep(Box::new(entry.clone()));
        match Meaning::of(entry) {
            Meaning::Announces => self.send_and_wait(what),
            Meaning::TakesBack => self.send(Job { what, done: None }),
            Meaning::Nothing => Ok(()),
        }
    }

    fn remove(&self) -> Result<(), String> {
        self.send_and_wait(What::Remove)
    }
}

impl Drop for ClusterCopy {
    /// What is still to be written is written first.
    fn drop(&mut self) {
        let jobs = self.jobs.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(jobs.take());
        let writer = self
            .writer
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writer.take()
            && waiting(|| writer.join()).is_err()
        {
            tracing::error!("the thread of the journal's copy has panicked");
        }
    }
}

/// Waits without standing in the way of other tasks.
fn waiting<T>(wait: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(wait)
        }
        Ok(_) | Err(_) => wait(),
    }
}

/// The thread's side.
struct Writer {
    mark: DrillMark,
    runtime: Option<Runtime>,
    cluster: Option<Cluster>,
    open: OpenEntries,
    /// Not written yet.
    unsaid: Changes,
    exists: bool,
}

impl Writer {
    fn new(mark: DrillMark) -> Writer {
        Writer {
            mark,
            runtime: None,
            cluster: None,
            open: OpenEntries::default(),
            unsaid: Changes::new(),
            exists: false,
        }
    }

    fn work(&mut self, todo: &Receiver<Job>) {
        while let Ok(job) = todo.recv() {
            let done = match &job.what {
                What::Keep(entry) => self.keep(entry),
                What::Remove => self.remove(),
            };
            match (job.done, done) {
                // Nobody waits any more: the journal has said why already.
                (Some(asked), done) => drop(asked.try_send(done)),
                (None, Ok(())) => {}
                (None, Err(why)) => tracing::debug!("the copy of the journal: {why}"),
            }
        }
    }

    fn keep(&mut self, entry: &Entry) -> Result<(), String> {
        let new = self.open.add(entry)?;
        let announced: Vec<String> = new
            .iter()
            .filter(|(_, value)| value.is_some())
            .map(|(key, _)| key.clone())
            .collect();
        self.unsaid.extend(new);
        let tries = match announced.is_empty() {
            true => 1,
            false => TRIES,
        };
        let mut done = Err(String::new());
        for _ in 0..tries {
            done = self.write();
            if done.is_ok() {
                return done;
            }
        }
        // Whether a try came through is not known: it is taken out again with the next that does.
        for key in &announced {
            self.unsaid.insert(key.clone(), None);
        }
        self.open.forget(announced.into_iter());
        done
    }

    fn write(&mut self) -> Result<(), String> {
        if self.unsaid.is_empty() {
            return Ok(());
        }
        let (mark, unsaid, exists) = (self.mark.clone(), self.unsaid.clone(), self.exists);
        self.call(async move |cluster| write(&cluster, &mark, unsaid, exists).await)
            .map_err(|error| error.to_string())?;
        self.exists = true;
        self.unsaid.clear();
        Ok(())
    }

    fn remove(&mut self) -> Result<(), String> {
        let until = Instant::now() + REMOVED_WITHIN;
        loop {
            let own = self.mark.own_copy();
            match self.call(async move |cluster| cluster.delete_own(&own).await) {
                Ok(Replayed::Done | Replayed::NothingToDo) => return Ok(()),
                Ok(Replayed::Foreign(why)) => return Err(why),
                Err(error) if Instant::now() + PAUSE >= until => return Err(error.to_string()),
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    fn call<T>(
        &mut self,
        work: impl AsyncFnOnce(Cluster) -> Result<T, ClusterError>,
    ) -> Result<T, ClusterError> {
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(ClusterError::Runtime)?,
        };
        let done = match &self.cluster {
            Some(cluster) => Ok(cluster.clone()),
            None => runtime.block_on(Cluster::again(&self.mark.reach)),
        };
        let done = done.and_then(|cluster| {
            self.cluster = Some(cluster.clone());
            runtime.block_on(work(cluster.within(ONE_CALL_WITHIN)))
        });
        self.runtime = Some(runtime);
        done
    }
}

async fn write(
    cluster: &Cluster,
    mark: &DrillMark,
    changes: Changes,
    exists: bool,
) -> Result<(), ClusterError> {
    if exists {
        return cluster
            .patch_config_map(&mark.namespace, &mark.copy, &changes)
            .await;
    }
    let label = |(key, value): (&str, &str)| (key.to_string(), value.to_string());
    let labels = BTreeMap::from([label(COPY_LABEL), label((RUN_LABEL, &mark.run))]);
    let kept = changes.iter();
    let data = kept.filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
    let made = cluster
        .create_config_map(&mark.namespace, &mark.copy, labels, data.collect())
        .await;
    match made {
        // The answer to a try before was lost.
        Err(ClusterError::Exists(_)) => {
            cluster
                .patch_config_map(&mark.namespace, &mark.copy, &changes)
                .await
        }
        made => made,
    }
}

//! The coordinator: gathers the workers, gives them one zero and one end, and makes one load of what they send.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shakedown_record::monotonic_ns;
use shakedown_record::slots::SlotStats;
use shakedown_record::worker::Parts;
use shakedown_scenarios::plan::LoadPlan;

use super::message::{ToWorker, WorkerOrder};
use super::peer::{Peer, Standing, WorkerLink};
use super::remains;
use super::take::{AllNames, Taking};
use super::totals::{Bequest, Totals};
use crate::config::Share;
use crate::engine::{Shared, SlotMerger, ThreadSlots, raise_urgency};
use crate::error::LoadError;
use crate::generator::Finished;

/// Longest time until every worker has dialled its sessions.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Exchanges of stamps with each worker before the load begins, and how soon they follow each other.
const OPENING_EXCHANGES: u64 = 40;
const OPENING_EVERY: Duration = Duration::from_millis(5);

/// How often a worker is pinged while the load runs.
const PING_EVERY: Duration = Duration::from_millis(100);

/// Zero and the end are announced so long before they hold, in nanoseconds, and four times a clock's error.
const LEAD_NS: u64 = 200_000_000;

/// A load that several processes are to make together.
#[derive(Debug)]
pub struct Party {
    /// What each is told; number and ledger are set for each.
    pub order: WorkerOrder,
    /// The run's ledger: an existing folder.
    pub ledger: PathBuf,
    /// Where the workers' own ledgers lie, or are brought to, until they are in the run's.
    pub shards: PathBuf,
    pub load: LoadPlan,
    pub seed: u64,
    /// The engine makes the ids.
    pub server_ids: bool,
}

/// A worker that did not work to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// From 1.
    pub worker: u32,
    pub workers: u32,
    pub why: String,
}

/// A load that several processes make. Dropping it ends them at once.
pub struct Workers {
    zero_mono_ns: u64,
    stop_at_ns: AtomicU64,
    peers: Vec<Arc<Peer>>,
    readers: Vec<JoinHandle<Taking>>,
    pinger: Option<JoinHandle<()>>,
    ends: Arc<AtomicBool>,
    slots: SlotMerger,
    told: Vec<bool>,
    bequests: Vec<Bequest>,
    party: Party,
    names: AllNames,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Workers({})", self.peers.len())
    }
}

impl Workers {
    /// Tells the workers at the other ends what to do, waits until all have dialled, compares clocks, and sets zero.
    ///
    /// # Errors
    /// When one of them does not come, or cannot do it. All are ended then.
    pub fn gather(party: Party, links: Vec<WorkerLink>) -> Result<Workers, LoadError> {
        make_id_files(&party, links.len())?;
        let (sender, source) = channel();
        let mut workers = Workers {
            zero_mono_ns: 0,
            stop_at_ns: AtomicU64::new(u64::MAX),
            slots: SlotMerger::new(source, links.len(), None, Arc::new(Shared::new(0, 0))),
            told: vec![false; links.len()],
            peers: Vec::new(),
            readers: Vec::new(),
            pinger: None,
            ends: Arc::default(),
            bequests: Vec::new(),
            names: AllNames::default(),
            party,
        };
        let of = links.len();
        for (number, link) in links.into_iter().enumerate() {
            workers.engage(number, of, link, &sender)?;
        }
        workers.wait_until_ready()?;
        workers.begin()?;
        workers.watch_over()?;
        Ok(workers)
    }

    fn engage(
        &mut self,
        number: usize,
        of: usize,
        link: WorkerLink,
        slots: &Sender<ThreadSlots>,
    ) -> Result<(), LoadError> {
        let order = WorkerOrder {
            worker: number as u32,
            workers: of as u32,
            ledger: link.ledger,
            ..self.party.order.clone()
        };
        let share = order.share();
        let taking = Taking::new(
            share,
            self.party.load.sessions,
            &self.party.ledger,
            Arc::clone(&self.names),
        );
        let peer = Arc::new(Peer::new(number, link.writer, link.post, slots.clone()));
        self.peers.push(Arc::clone(&peer));
        self.bequests.push(Bequest {
            share,
            place: link.place,
            shard: link.shard,
        });
        peer.say(&ToWorker::Order(Box::new(order)));
        let attend = move || peer.attend(link.reader, taking);
        self.readers
            .push(spawn(format!("worker-{number}"), attend)?);
        Ok(())
    }

    fn wait_until_ready(&self) -> Result<(), LoadError> {
        let until_ns = monotonic_ns() + READY_WITHIN.as_nanos() as u64;
        for peer in &self.peers {
            let left = Duration::from_nanos(until_ns.saturating_sub(monotonic_ns()));
            let is_there = |standing: &Standing| !matches!(standing, Standing::Coming);
            let why = match peer.wait(left, is_there) {
                Standing::Ready => continue,
                Standing::Lost(why) | Standing::Broken(why) => why,
                Standing::Coming | Standing::Ended(_) => {
                    format!("it was not ready within {} s", READY_WITHIN.as_secs())
                }
            };
            return Err(self.failed(peer, why));
        }
        Ok(())
    }

    /// Compares clocks and sets zero.
    fn begin(&mut self) -> Result<(), LoadError> {
        let until_ns = monotonic_ns() + READY_WITHIN.as_nanos() as u64;
        let is_known = |peer: &Arc<Peer>| peer.exchanges() >= OPENING_EXCHANGES;
        while !self.peers.iter().all(is_known) && monotonic_ns() < until_ns {
            self.peers.iter().for_each(|peer| peer.ping());
            thread::sleep(OPENING_EVERY);
        }
        let mut offsets = Vec::new();
        for peer in &self.peers {
            let unknown = || self.failed(peer, "its clock cannot be compared with ours".into());
            offsets.push(peer.fix_clock().ok_or_else(unknown)?);
        }
        let error_ns = offsets.iter().map(|offset| offset.error_ns).max();
        self.note_parts()?;
        let zero_mono_ns = monotonic_ns() + LEAD_NS + 4 * error_ns.unwrap_or(0);
        for (peer, offset) in self.peers.iter().zip(offsets) {
            let zero_mono_ns = zero_mono_ns.saturating_add_signed(offset.offset_ns);
            peer.say(&ToWorker::Begin { zero_mono_ns });
        }
        self.zero_mono_ns = zero_mono_ns;
        Ok(())
    }

    /// From now on there may be orders that only their worker knows of.
    fn note_parts(&self) -> Result<(), LoadError> {
        let parts = Parts {
            workers: self.bequests.len() as u32,
            sessions: self.party.load.sessions,
            without: Vec::new(),
        };
        let path = &self.party.shards;
        parts.write(path).map_err(|source| LoadError::Ledger {
            path: path.clone(),
            source,
        })
    }

    fn watch_over(&mut self) -> Result<(), LoadError> {
        let (peers, ends) = (self.peers.clone(), Arc::clone(&self.ends));
        let ping = move || {
            raise_urgency(true);
            while !ends.load(Ordering::Acquire) {
                peers.iter().for_each(|peer| peer.ping_or_lose());
                thread::sleep(PING_EVERY);
            }
        };
        self.pinger = Some(spawn("worker-pings".to_string(), ping)?);
        Ok(())
    }

    fn failed(&self, peer: &Peer, why: String) -> LoadError {
        LoadError::Worker {
            worker: peer.number + 1,
            workers: self.bequests.len(),
            why,
        }
    }

    /// `CLOCK_MONOTONIC` of the first slot's intended time, in nanoseconds.
    pub fn zero_mono_ns(&self) -> u64 {
        self.zero_mono_ns
    }

    /// 100 ms slots all of whose orders have ended, in order and without gaps, each once.
    pub fn take_slots(&mut self) -> Vec<(usize, SlotStats)> {
        self.slots.take()
    }

    /// Workers that were lost since the last call, and those whose words cannot be true.
    pub fn take_lost(&mut self) -> Vec<Lost> {
        let mut lost = Vec::new();
        for (peer, told) in self.peers.iter().zip(&mut self.told) {
            let why = match peer.standing() {
                Standing::Lost(why) => why,
                Standing::Broken(what) => format!("what it sent is not to be believed: {what}"),
                Standing::Coming | Standing::Ready | Standing::Ended(_) => continue,
            };
            if !std::mem::replace(told, true) {
                lost.push(Lost {
                    worker: peer.number as u32 + 1,
                    workers: self.bequests.len() as u32,
                    why,
                });
            }
        }
        lost
    }

    /// Ends the schedule of all of them at one time, a fraction of a second from now.
    pub fn request_stop(&self) {
        let bounds = self.peers.iter().filter_map(|peer| peer.clock_bound());
        let error_ns = bounds.map(|bound| bound.error_ns).max().unwrap_or(0);
        let run_ns = monotonic_ns().saturating_sub(self.zero_mono_ns) + LEAD_NS + 4 * error_ns;
        if run_ns < self.stop_at_ns.fetch_min(run_ns, Ordering::AcqRel) {
            for peer in &self.peers {
                peer.say(&ToWorker::StopAt { run_ns });
            }
        }
    }

    /// True once no worker will say anything any more.
    pub fn is_finished(&self) -> bool {
        self.peers.iter().all(|peer| !peer.works())
    }

    /// Waits for the last words, and makes one ledger and one report of everything. A schedule without an end is
    /// stopped first.
    ///
    /// # Errors
    /// When what a worker sent is not what it wrote, or the ledger cannot be written.
    pub fn finish(mut self) -> Result<Finished, LoadError> {
        if self.stop_at_ns.load(Ordering::Acquire) == u64::MAX {
            self.request_stop();
        }
        let mut takings = Vec::new();
        for (thread, reader) in self.readers.drain(..).enumerate() {
            takings.push(reader.join().map_err(|_| LoadError::Panicked {
                thread,
                what: "the thread that listens to a worker panicked".to_string(),
            })?);
        }
        let now_ns = monotonic_ns().saturating_sub(self.zero_mono_ns);
        let stop_ns = self.stop_at_ns.load(Ordering::Acquire);
        let mut totals = Totals::new(stop_ns, self.peers.len());
        for ((peer, taking), bequest) in self.peers.iter().zip(takings).zip(&self.bequests) {
            totals.add(peer, taking, &self.party, bequest, self.zero_mono_ns)?;
        }
        let names = self.names.lock();
        let names = names.unwrap_or_else(std::sync::PoisonError::into_inner);
        let finished = totals.close(&self.party.ledger, &names, now_ns)?;
        remains::all_merged(&self.party.shards);
        Ok(finished)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        if let Some(pinger) = self.pinger.take()
            && pinger.join().is_err()
        {
            tracing::error!("the thread that pings workers panicked");
        }
        for peer in &self.peers {
            let how = peer.put_down();
            tracing::debug!("worker {}: {how}", peer.number + 1);
        }
    }
}

/// The files of ids exist for all threads: a reader takes the first that does not for the end.
fn make_id_files(party: &Party, workers: usize) -> Result<(), LoadError> {
    if !party.server_ids {
        return Ok(());
    }
    let each = Share {
        worker: 0,
        workers: workers as u32,
        beside: false,
    };
    for thread in 0..each.threads(party.load.threads as usize) {
        let path = party.ledger.join(format!("server-ids-{thread}.jsonl"));
        if let Err(source) = fs::File::create_new(&path) {
            return Err(LoadError::Ledger { path, source });
        }
    }
    Ok(())
}

fn spawn<T: Send + 'static>(
    name: String,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, LoadError> {
    let spawned = thread::Builder::new().name(name).spawn(work);
    spawned.map_err(|source| LoadError::Kernel {
        what: "threads",
        source,
    })
}

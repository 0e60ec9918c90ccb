//! A link as its thread sees it, and what it shares with whoever holds the other end of it.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shakedown_record::monotonic_ns;

use super::bucket::{Bucket, BucketInUse, SharedBucket};
use super::condition::{Direction, LinkCondition};
use super::error::LinkError;
use super::evidence::LinkEvidence;
use super::listener::Door;
use super::segments::Silence;

/// The ticket that stands for "the thread has ended".
const ENDED: u64 = u64::MAX;

/// What the thread and the holder of a link both look at.
#[derive(Debug)]
pub(super) struct Shared {
    evidence: Mutex<LinkEvidence>,
    /// The last request that the thread has done.
    done: Mutex<u64>,
    changed: Condvar,
}

impl Shared {
    pub fn new() -> Arc<Shared> {
        Arc::new(Shared {
            evidence: Mutex::new(LinkEvidence::new(monotonic_ns())),
            done: Mutex::new(0),
            changed: Condvar::new(),
        })
    }

    pub fn evidence(&self) -> MutexGuard<'_, LinkEvidence> {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a request is done.
    pub fn tell(&self, ticket: u64) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done = ticket.max(*done);
        self.changed.notify_all();
    }

    /// Says that no request will be done any more.
    pub fn tell_ended(&self) {
        self.tell(ENDED);
    }

    /// Waits until a request is done.
    ///
    /// # Errors
    /// When the thread has ended, or takes longer than this.
    pub fn wait(&self, ticket: u64, within: Duration) -> Result<(), LinkError> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let (done, _) = self
            .changed
            .wait_timeout_while(done, within, |done| *done < ticket)
            .unwrap_or_else(PoisonError::into_inner);
        match *done {
            ENDED => Err(LinkError::Ended),
            done if done < ticket => Err(LinkError::Late { within }),
            _ => Ok(()),
        }
    }
}

/// A link as its thread sees it.
#[derive(Debug)]
pub(super) struct Served {
    pub door: Door,
    pub upstream: SocketAddr,
    pub seed: u64,
    pub silence: Silence,
    pub condition: LinkCondition,
    /// Counts the changes of the condition.
    pub generation: u64,
    /// What the sender of each direction may send, perhaps over other links too.
    buckets: [SharedBucket; 2],
    /// Connections accepted so far: the next one's number.
    pub accepted: u64,
    pub shared: Arc<Shared>,
}

impl Served {
    pub fn new(
        door: Door,
        upstream: SocketAddr,
        seed: u64,
        silence: Silence,
        buckets: [SharedBucket; 2],
    ) -> Served {
        Served {
            door,
            upstream,
            seed,
            silence,
            condition: LinkCondition::healthy(),
            generation: 0,
            buckets,
            accepted: 0,
            shared: Shared::new(),
        }
    }

    /// Takes a new condition for what comes from now on; returns the one before.
    pub fn turn(&mut self, condition: LinkCondition, now_ns: u64) -> LinkCondition {
        self.generation = self.shared.evidence().turn(condition, now_ns);
        for direction in Direction::BOTH {
            let rate = condition.state(direction).bandwidth_bytes_per_s;
            // Without one, other links of the same sender may still have theirs.
            if rate.is_some() {
                self.buckets[direction.index()]
                    .lock()
                    .set_rate(rate, now_ns);
            }
        }
        std::mem::replace(&mut self.condition, condition)
    }

    /// What may be sent in a direction now.
    pub fn bucket(&self, direction: Direction) -> BucketInUse<'_> {
        match self.condition.state(direction).bandwidth_bytes_per_s {
            Some(_) => BucketInUse::Shared(self.buckets[direction.index()].lock()),
            None => BucketInUse::Unlimited(Bucket::default()),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shared.tell_ended();
    }
}

//! Links as their owner holds them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::bucket::SharedBucket;
use super::condition::LinkCondition;
use super::error::LinkError;
use super::evidence::LinkEvidence;
use super::listener::Door;
use super::overhead::{self, Overhead};
use super::poller::{Bell, Poller};
use super::segments::Silence;
use super::served::{Served, Shared};
use super::thread::{Request, Worker};
use crate::mechanisms::net::Netns;

/// How long evidence may take to come up to date before it is returned as it is.
const EVIDENCE_WITHIN: Duration = Duration::from_millis(250);

/// A thread and the links that it serves. It ends with the last handle, of the group or of a link.
#[derive(Debug, Clone)]
pub struct LinkGroup {
    line: Arc<Line>,
}

/// The way to the thread.
#[derive(Debug)]
struct Line {
    requests: Sender<Request>,
    bell: Bell,
    silence: Silence,
    /// Where its sockets are; `None`: where ours are.
    netns: Option<Netns>,
    next_id: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Line {
    fn ask(&self, request: Request) -> Result<(), LinkError> {
        self.requests.send(request).map_err(|_| LinkError::Ended)?;
        self.bell.ring();
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // It has ended by itself when it cannot be asked.
        let _ended = self.ask(Request::Stop);
        let thread = self
            .thread
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the userspace links panicked");
        }
    }
}

impl LinkGroup {
    /// Starts a thread for links, as silent as this kernel allows.
    ///
    /// # Errors
    /// When no thread or no descriptor can be had.
    pub fn start() -> Result<LinkGroup, LinkError> {
        let silence = Silence::probe().map_err(LinkError::Poller)?;
        LinkGroup::start_with(silence)
    }

    /// Starts a thread for links inside a network namespace: there they listen, and from there they connect on.
    ///
    /// # Errors
    /// When no thread or no descriptor can be had, or the namespace cannot be entered.
    pub fn start_in(netns: &Netns) -> Result<LinkGroup, LinkError> {
        let silence = Silence::probe().map_err(LinkError::Poller)?;
        LinkGroup::start_at(silence, Some(netns.clone()))
    }

    /// Starts a thread for links whose cuts are of this kind, so that runs on different machines are alike.
    ///
    /// # Errors
    /// When no thread or no descriptor can be had.
    pub fn start_with(silence: Silence) -> Result<LinkGroup, LinkError> {
        LinkGroup::start_at(silence, None)
    }

    fn start_at(silence: Silence, netns: Option<Netns>) -> Result<LinkGroup, LinkError> {
        let poller = Poller::new().map_err(LinkError::Poller)?;
        let bell = poller.bell();
        let (requests, inbox) = channel();
        let worker = Worker::new(poller, inbox);
        let (inside, (tell, told)) = (netns.clone(), channel());
        let thread = std::thread::Builder::new()
            .name("links".to_string())
            .spawn(move || {
                let entered = inside.map_or(Ok(()), |netns| netns.enter_for_good());
                let may_run = entered.is_ok();
                if tell.send(entered).is_ok() && may_run {
                    worker.run();
                }
            })
            .map_err(LinkError::Thread)?;
        told.recv().map_err(|_| LinkError::Ended)??;
        Ok(LinkGroup {
            line: Arc::new(Line {
                requests,
                bell,
                silence,
                netns,
                next_id: AtomicU64::new(0),
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// How silent the cuts of these links are.
    pub fn silence(&self) -> Silence {
        self.line.silence
    }

    /// Starts a link: who connects to `listen` (port 0: any free one) is connected to `upstream`. It passes everything
    /// on until it is told otherwise. `seed` decides jitter and loss.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the thread has ended.
    pub fn add(
        &self,
        upstream: SocketAddr,
        listen: SocketAddr,
        seed: u64,
    ) -> Result<UserspaceLink, LinkError> {
        self.add_sharing(upstream, listen, seed, Default::default())
    }

    /// As [`LinkGroup::add`]; the bandwidth of each direction, to the destination and to the source, is that of its
    /// sender over all links with the same bucket.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the thread has ended.
    pub fn add_sharing(
        &self,
        upstream: SocketAddr,
        listen: SocketAddr,
        seed: u64,
        buckets: [SharedBucket; 2],
    ) -> Result<UserspaceLink, LinkError> {
        let opened = match &self.line.netns {
            Some(netns) => netns.run_in(|| Door::open(&listen))?,
            None => Door::open(&listen),
        };
        let door = opened.map_err(|source| LinkError::Listen {
            address: listen,
            source,
        })?;
        let address = door.address();
        let link = Served::new(door, upstream, seed, self.line.silence, buckets);
        let shared = link.shared.clone();
        let id = self.line.next_id.fetch_add(1, Ordering::Relaxed);
        let link = Box::new(link);
        self.line.ask(Request::Add { id, link })?;
        Ok(UserspaceLink {
            line: self.line.clone(),
            id,
            address,
            upstream,
            shared,
            asked: Mutex::new(Asked {
                tickets: 0,
                condition: LinkCondition::healthy(),
            }),
        })
    }

    /// Measures what a link of this group adds to a round trip, by pings of 64 bytes through a link of its own and
    /// past it, in turn. Blocks for about as long as `pings` round trips take, some 50 us each on a calm machine.
    ///
    /// # Errors
    /// When sockets fail, or a ping takes longer than a second.
    pub fn measure_overhead(&self, pings: usize) -> Result<Overhead, LinkError> {
        let echo = overhead::Echo::start().map_err(LinkError::Overhead)?;
        let link = self.add(echo.address(), ([127, 0, 0, 1], 0).into(), 0)?;
        overhead::measure(echo.address(), link.address(), pings).map_err(LinkError::Overhead)
    }
}

/// What was asked of a link so far.
#[derive(Debug)]
struct Asked {
    tickets: u64,
    condition: LinkCondition,
}

/// A TCP link that can be made bad. Dropping it ends its connections and its listener.
#[derive(Debug)]
pub struct UserspaceLink {
    line: Arc<Line>,
    id: u64,
    address: SocketAddr,
    upstream: SocketAddr,
    shared: Arc<Shared>,
    asked: Mutex<Asked>,
}

/// A condition that a link was asked to take.
#[derive(Debug)]
#[must_use = "the link may not have taken it yet: wait for it"]
pub struct Turning {
    shared: Arc<Shared>,
    ticket: u64,
}

impl Turning {
    /// Waits until the condition is in force for every connection of the link.
    ///
    /// # Errors
    /// When it takes longer than this, or the link's thread has ended.
    pub fn wait(self, within: Duration) -> Result<(), LinkError> {
        self.shared.wait(self.ticket, within)
    }
}

impl UserspaceLink {
    /// Starts a link on a thread of its own, see [`LinkGroup::add`].
    ///
    /// # Errors
    /// When no thread can be had, or the address cannot be listened on.
    pub fn start(
        upstream: SocketAddr,
        listen: SocketAddr,
        seed: u64,
    ) -> Result<UserspaceLink, LinkError> {
        LinkGroup::start()?.add(upstream, listen, seed)
    }

    /// Where the source side has to connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the link connects to.
    pub fn upstream(&self) -> SocketAddr {
        self.upstream
    }

    /// How silent this link's cuts are.
    pub fn silence(&self) -> Silence {
        self.line.silence
    }

    /// Asks the link to take a condition, as a whole, between two passes of its thread. Does not block.
    ///
    /// # Errors
    /// When the condition cannot be followed, or the link's thread has ended.
    pub fn ask(&self, condition: LinkCondition) -> Result<Turning, LinkError> {
        condition.check()?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.tickets += 1;
        let ticket = asked.tickets;
        self.line.ask(Request::Turn {
            id: self.id,
            ticket,
            condition,
        })?;
        asked.condition = condition;
        Ok(Turning {
            shared: self.shared.clone(),
            ticket,
        })
    }

    /// Has the link take a condition, and waits until it is in force. Blocks for well under a millisecond as a rule,
    /// for some milliseconds with a thousand connections.
    ///
    /// # Errors
    /// As for [`UserspaceLink::ask`] and [`Turning::wait`].
    pub fn set(&self, condition: LinkCondition, within: Duration) -> Result<(), LinkError> {
        self.ask(condition)?.wait(within)
    }

    /// What the link was last asked to do.
    pub fn condition(&self) -> LinkCondition {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.condition
    }

    /// What the link did so far. Blocks until its thread has brought the counts up to date, a quarter of a second at
    /// most; if the thread has ended, returns what is known.
    pub fn evidence(&self) -> LinkEvidence {
        let ticket = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.tickets += 1;
            let ticket = asked.tickets;
            self.line
                .ask(Request::Sample {
                    id: self.id,
                    ticket,
                })
                .map(|()| ticket)
        };
        if let Err(error) = ticket.and_then(|ticket| self.shared.wait(ticket, EVIDENCE_WITHIN)) {
            tracing::debug!(%error, "the evidence of a userspace link is not quite up to date");
        }
        self.shared.evidence().clone()
    }
}

impl Drop for UserspaceLink {
    fn drop(&mut self) {
        // If the thread has ended, so has the link.
        let _ended = self.line.ask(Request::Remove { id: self.id });
    }
}

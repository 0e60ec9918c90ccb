//! Edge-triggered epoll with waits in nanoseconds, and a bell that other threads ring.

use std::io;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;

/// Most events that one wait returns.
const BATCH: usize = 256;

/// The token of the bell; every other token is below it.
const BELL: u64 = u64::MAX;

/// Something happened to a socket, or the bell rang.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    pub token: u64,
    pub readable: bool,
    pub writable: bool,
    /// The other side closed or the connection broke: read until the end.
    pub ending: bool,
    /// An error is pending.
    pub failed: bool,
}

impl Ready {
    fn of(event: epoll::Event) -> Ready {
        let flags = event.flags;
        let failed = flags.contains(epoll::EventFlags::ERR);
        let broken = failed || flags.contains(epoll::EventFlags::HUP);
        let ending = broken || flags.contains(epoll::EventFlags::RDHUP);
        Ready {
            token: event.data.u64(),
            readable: ending || flags.contains(epoll::EventFlags::IN),
            writable: broken || flags.contains(epoll::EventFlags::OUT),
            ending,
            failed,
        }
    }

    pub fn is_bell(self) -> bool {
        self.token == BELL
    }
}

/// Wakes the thread that waits.
#[derive(Debug, Clone)]
pub(super) struct Bell {
    event: Arc<OwnedFd>,
}

impl Bell {
    /// Wakes it, now or when it next waits.
    pub fn ring(&self) {
        // It fails only when the counter is full: then it rings already.
        let _full = rustix::io::write(&*self.event, &1u64.to_ne_bytes());
    }
}

/// The sockets of one thread.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: OwnedFd,
    bell: Bell,
    ready: Vec<Ready>,
}

impl Poller {
    /// An empty set of sockets, with its bell.
    ///
    /// # Errors
    /// When the kernel gives no descriptor, or does not know waits in nanoseconds (before Linux 5.11).
    pub fn new() -> io::Result<Poller> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let mut poller = Poller {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            bell: Bell {
                event: Arc::new(eventfd(0, flags)?),
            },
            ready: Vec::with_capacity(BATCH),
        };
        poller.watch(&poller.bell.event, BELL)?;
        poller.wait(0)?;
        Ok(poller)
    }

    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Makes the bell ready to ring again.
    pub fn hush(&self) {
        let mut count = [0; 8];
        // It fails only when it has not rung.
        let _silent = rustix::io::read(&*self.bell.event, &mut count);
    }

    /// Lets the calling thread be woken to the nanosecond rather than within the usual 50 us.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn wake_exactly() -> io::Result<()> {
        Ok(rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?)
    }

    /// Watches a socket for everything; closing it ends the watch.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn watch(&self, socket: &OwnedFd, token: u64) -> io::Result<()> {
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::add(&self.epoll, socket, data, flags)?)
    }

    /// Waits for events, `timeout_ns` at most, and returns how many there are.
    ///
    /// # Errors
    /// When the kernel refuses; an interruption is no error.
    pub fn wait(&mut self, timeout_ns: u64) -> io::Result<usize> {
        let timeout = Timespec {
            tv_sec: (timeout_ns / 1_000_000_000) as i64,
            tv_nsec: (timeout_ns % 1_000_000_000) as i64,
        };
        let mut events = [const { MaybeUninit::uninit() }; BATCH];
        self.ready.clear();
        match epoll::wait(&self.epoll, &mut events, Some(&timeout)) {
            Ok((events, _)) => {
                self.ready
                    .extend(events.iter().map(|event| Ready::of(*event)));
                Ok(self.ready.len())
            }
            Err(Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// An event of the last wait.
    pub fn ready(&self, at: usize) -> Ready {
        self.ready[at]
    }
}

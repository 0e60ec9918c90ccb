//! Edge-triggered epoll with waits in nanoseconds.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

/// Most events that one wait returns.
const BATCH: usize = 256;

/// A socket that has something to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    pub token: u64,
    /// The other side closed or the connection broke: read until the end.
    pub ending: bool,
    pub readable: bool,
    pub writable: bool,
    /// Of what was written last, so many messages were not taken: the connection is broken.
    pub untaken: usize,
}

impl Ready {
    fn of(event: epoll::Event) -> Ready {
        let flags = event.flags;
        Ready {
            token: event.data.u64(),
            ending: flags.intersects(
                epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR,
            ),
            readable: flags.contains(epoll::EventFlags::IN),
            writable: flags.contains(epoll::EventFlags::OUT),
            untaken: 0,
        }
    }
}

/// The sockets of one thread.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: OwnedFd,
    ready: Vec<Ready>,
}

impl Poller {
    /// An empty set of sockets.
    ///
    /// # Errors
    /// When the kernel gives no epoll descriptor, or does not know waits in nanoseconds.
    pub fn new() -> io::Result<Poller> {
        let mut poller = Poller {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            ready: Vec::with_capacity(BATCH),
        };
        poller.wait(0)?;
        Ok(poller)
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
        Ok(epoll::add(
            &self.epoll,
            socket,
            epoll::EventData::new_u64(token),
            flags,
        )?)
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

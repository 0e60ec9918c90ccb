//! How bytes come in and go out: by epoll and one system call for each, or through a ring.

use std::io;
use std::os::fd::OwnedFd;

use super::poller::{Poller, Ready};
use super::ring::Ring;
use super::socket::{self, ReadEnd, Written};

/// The sockets of one thread. Sessions are numbered within it.
pub(super) enum Wires {
    Epoll(Poller),
    Ring(Box<Ring>),
}

impl Wires {
    /// Without sockets. `ring`: for how many sessions, where a ring is wanted.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn open(ring: Option<usize>) -> io::Result<Wires> {
        Ok(match ring {
            None => Wires::Epoll(Poller::new()?),
            Some(sessions) => Wires::Ring(Box::new(Ring::new(sessions)?)),
        })
    }

    /// The calling thread is the one that uses them from now on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn begin(&mut self) -> io::Result<()> {
        match self {
            Wires::Epoll(_) => Ok(()),
            Wires::Ring(ring) => ring.begin(),
        }
    }

    /// Watches a socket whose dial is under way. `token`: the session's number below, the connection's generation in the
    /// upper half.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn watch(&mut self, socket: &OwnedFd, token: u64) -> io::Result<()> {
        match self {
            Wires::Epoll(poller) => poller.watch(socket, token),
            Wires::Ring(ring) => ring.watch(socket, token),
        }
    }

    /// A session's socket is about to be closed.
    pub fn forget(&mut self, session: usize) {
        match self {
            Wires::Epoll(_) => {}
            Wires::Ring(ring) => ring.forget(session),
        }
    }

    /// Writes without blocking. `messages`: of how many these are all bytes.
    ///
    /// A ring takes bytes before the kernel does: that a broken connection took none is told by [`Ready::untaken`].
    pub fn write(
        &mut self,
        session: usize,
        socket: &OwnedFd,
        bytes: &[u8],
        messages: usize,
    ) -> Written {
        match self {
            Wires::Epoll(_) => socket::write(socket, bytes),
            Wires::Ring(ring) => ring.write(session, bytes, messages),
        }
    }

    /// Puts bytes that were taken and not sent before those that were not taken.
    pub fn give_back(&mut self, session: usize, unsent: &mut Vec<u8>) {
        match self {
            Wires::Epoll(_) => {}
            Wires::Ring(ring) => ring.give_back(session, unsent),
        }
    }

    /// Reads without blocking.
    pub fn read(&mut self, session: usize, socket: &OwnedFd, buffer: &mut [u8]) -> ReadEnd {
        match self {
            Wires::Epoll(_) => socket::read(socket, buffer),
            Wires::Ring(ring) => ring.read(session, buffer),
        }
    }

    /// Waits for events, `timeout_ns` at most, and returns how many there are.
    ///
    /// # Errors
    /// When the kernel refuses; an interruption is no error.
    pub fn wait(&mut self, timeout_ns: u64) -> io::Result<usize> {
        match self {
            Wires::Epoll(poller) => poller.wait(timeout_ns),
            Wires::Ring(ring) => ring.wait(timeout_ns),
        }
    }

    /// An event of the last wait.
    pub fn ready(&self, at: usize) -> Ready {
        match self {
            Wires::Epoll(poller) => poller.ready(at),
            Wires::Ring(ring) => ring.ready(at),
        }
    }
}

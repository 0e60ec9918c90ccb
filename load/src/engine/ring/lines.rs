//! Sockets through io_uring: many sends and everything that was heard for one entry into the kernel.
//!
//! What is written is copied, and sent by the next entry: at the latest after [`MOST_PUSHED`] writes, or when the thread
//! waits. A send is done when that entry returns (it never waits for a full socket), so that no bytes of ours are the
//! kernel's beyond it; only the buffers for what is heard are. A completion of a connection that is not the session's
//! present one any more is dropped by its generation.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use io_uring::types::{CancelBuilder, Fd};
use io_uring::{IoUring, cqueue, opcode, squeue};
use shakedown_record::monotonic_ns;

use super::buffers::Buffers;
use super::entry::Wait;
use crate::engine::poller::Ready;
use crate::engine::socket::{ReadEnd, Written};

/// Writes that are sent together at most. The last of them leaves later than its time stamp says by what the others
/// cost, some 5 us each on loopback: a service time is never told too short, and too long by no more than that.
const MOST_PUSHED: usize = 8;

/// Bytes that are sent together at most.
const OUTBOUND_BYTES: usize = 64 * 1024;

/// Requests that are not submitted yet, at most.
const SUBMISSIONS: u32 = 256;

/// Completions that the kernel keeps in the shared queue; more wait in its own memory.
const COMPLETIONS: u32 = 4096;

/// What a completion is of; bits 24 to 31 of its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Dial = 0,
    Hear = 1,
    Send = 2,
    /// Waiting for a full socket.
    Drain = 3,
    Cancel = 4,
}

impl Deed {
    pub(super) fn of(mark: u64) -> Deed {
        match mark >> 24 & 0xff {
            0 => Deed::Dial,
            1 => Deed::Hear,
            2 => Deed::Send,
            3 => Deed::Drain,
            _ => Deed::Cancel,
        }
    }
}

/// Bytes of a session that the next entry sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Push {
    pub(super) from: usize,
    pub(super) length: usize,
    /// Messages of which these are all bytes.
    pub(super) messages: usize,
}

/// What was heard: a part of a buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) buffer: u16,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// The connection of a session.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) socket: Option<RawFd>,
    pub(super) generation: u32,
    pub(super) push: Option<Push>,
    /// Bytes that were taken from the room and that a full socket has refused.
    pub(super) refused: Vec<u8>,
    pub(super) drains: bool,
    pub(super) heard: VecDeque<Piece>,
    pub(super) end: Option<ReadEnd>,
}

/// The sockets of one thread.
pub(in crate::engine) struct Ring {
    pub(super) ring: IoUring,
    pub(super) buffers: mem::ManuallyDrop<Buffers>,
    pub(super) lines: Vec<Line>,
    pub(super) outbound: Vec<u8>,
    /// Sessions with a push.
    pub(super) pushed: Vec<usize>,
    /// Requests that will have one more completion.
    pub(super) under_way: usize,
    pub(super) completions: Vec<cqueue::Entry>,
    pub(super) ready: Vec<Ready>,
    pub(super) coming: Vec<Ready>,
    pub(super) failure: Option<io::Error>,
    pub(super) began: bool,
}

impl Ring {
    /// A ring for so many sessions. It works once the thread that will use it has called [`Ring::begin`].
    ///
    /// # Errors
    /// When the kernel has no io_uring, does not let us, or is older than 6.1.
    pub fn new(sessions: usize) -> io::Result<Ring> {
        let ring: IoUring = IoUring::builder()
            .dontfork()
            .setup_r_disabled()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)?;
        let buffers = Buffers::lend(&ring.submitter())?;
        Ok(Ring {
            ring,
            buffers: mem::ManuallyDrop::new(buffers),
            lines: (0..sessions).map(|_| Line::default()).collect(),
            outbound: Vec::with_capacity(OUTBOUND_BYTES),
            pushed: Vec::with_capacity(MOST_PUSHED),
            under_way: 0,
            completions: Vec::with_capacity(COMPLETIONS as usize),
            ready: Vec::new(),
            coming: Vec::new(),
            failure: None,
            began: false,
        })
    }

    /// The calling thread is the one that uses the ring from now on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn begin(&mut self) -> io::Result<()> {
        self.ring.submitter().register_enable_rings()?;
        self.began = true;
        self.enter(Wait::No)
    }

    /// Watches a socket whose dial is under way; `token`: generation and session.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn watch(&mut self, socket: &OwnedFd, token: u64) -> io::Result<()> {
        let session = session_of(token);
        self.forget(session);
        let line = &mut self.lines[session];
        line.socket = Some(socket.as_raw_fd());
        line.generation = (token >> 32) as u32;
        self.await_room(session, Deed::Dial);
        self.failure.take().map_or(Ok(()), Err)
    }

    /// The session's socket is about to be closed: what was written is sent, nothing more is heard.
    pub fn forget(&mut self, session: usize) {
        let Some(socket) = self.lines[session].socket else {
            return;
        };
        let cancel = opcode::AsyncCancel2::new(CancelBuilder::fd(Fd(socket)).all()).build();
        self.push(cancel.user_data(mark(0, session, Deed::Cancel)));
        let line = &mut self.lines[session];
        line.socket = None;
        line.end = None;
        line.drains = false;
        line.refused.clear();
        self.enter_noting(Wait::No);
        while let Some(piece) = self.lines[session].heard.pop_front() {
            self.buffers.give_back(piece.buffer);
        }
    }

    /// Takes bytes for the next entry. `messages`: of how many these are all bytes, so that it can be told when the
    /// connection turns out to be broken and took none.
    pub fn write(&mut self, session: usize, bytes: &[u8], messages: usize) -> Written {
        let full = OUTBOUND_BYTES - self.outbound.len() < bytes.len().min(OUTBOUND_BYTES);
        if self.lines[session].push.is_some() || full || self.pushed.len() >= MOST_PUSHED {
            self.enter_noting(Wait::Never);
        }
        let line = &mut self.lines[session];
        let Some(socket) = line.socket else {
            return Written::Broken;
        };
        if line.end.is_some_and(|end| end == ReadEnd::Broken) {
            return Written::Broken;
        }
        if !line.refused.is_empty() || line.drains {
            return Written::Bytes(0);
        }
        let from = self.outbound.len();
        let length = bytes.len().min(OUTBOUND_BYTES - from);
        self.outbound.extend_from_slice(&bytes[..length]);
        line.push = Some(Push {
            from,
            length,
            messages,
        });
        let generation = line.generation;
        self.pushed.push(session);
        // The vector never grows beyond its capacity, so that its bytes stay where they are until they are sent.
        let at = self.outbound[from..].as_ptr();
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT | libc::MSG_WAITALL;
        let send = opcode::Send::new(Fd(socket), at, length as u32).flags(flags);
        let send = send.build().flags(squeue::Flags::SKIP_SUCCESS);
        self.push(send.user_data(mark(generation, session, Deed::Send)));
        if length < bytes.len() {
            self.await_room(session, Deed::Drain);
        }
        Written::Bytes(length)
    }

    /// Puts what a full socket has refused before what the room itself keeps.
    pub fn give_back(&mut self, session: usize, unsent: &mut Vec<u8>) {
        let refused = &mut self.lines[session].refused;
        if !refused.is_empty() {
            unsent.splice(..0, refused.drain(..));
        }
    }

    /// Everything that was heard, as far as it fits.
    pub fn read(&mut self, session: usize, buffer: &mut [u8]) -> ReadEnd {
        if self.lines[session].heard.is_empty() && self.lines[session].end.is_none() {
            self.enter_noting(Wait::No);
        }
        let line = &mut self.lines[session];
        let mut count = 0;
        while let Some(piece) = line.heard.front_mut()
            && count < buffer.len()
        {
            let bytes = self.buffers.filled(piece.buffer, piece.from, piece.to);
            let taken = bytes.len().min(buffer.len() - count);
            buffer[count..count + taken].copy_from_slice(&bytes[..taken]);
            count += taken;
            piece.from += taken;
            if piece.from >= piece.to {
                let empty = piece.buffer;
                line.heard.pop_front();
                self.buffers.give_back(empty);
            }
        }
        match (count, line.end) {
            (0, Some(end)) => end,
            (0, None) => ReadEnd::Empty,
            (count, _) => ReadEnd::Bytes(count),
        }
    }

    /// Sends what was written and waits for news, `timeout_ns` at most; returns how many there are.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn wait(&mut self, timeout_ns: u64) -> io::Result<usize> {
        let mut left_ns = timeout_ns;
        let until_ns = match timeout_ns {
            0 => 0,
            _ => monotonic_ns() + timeout_ns,
        };
        loop {
            self.enter(match (left_ns, self.coming.is_empty()) {
                (0, _) | (_, false) => Wait::No,
                (left_ns, true) => Wait::For(left_ns),
            })?;
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if !self.coming.is_empty() || timeout_ns == 0 {
                break;
            }
            left_ns = until_ns.saturating_sub(monotonic_ns());
            if left_ns == 0 {
                break;
            }
        }
        self.ready.clear();
        mem::swap(&mut self.ready, &mut self.coming);
        Ok(self.ready.len())
    }

    /// News of the last wait.
    pub fn ready(&self, at: usize) -> Ready {
        self.ready[at]
    }
}

pub(super) fn session_of(mark: u64) -> usize {
    (mark & 0xff_ffff) as usize
}

pub(super) fn mark(generation: u32, session: usize, deed: Deed) -> u64 {
    u64::from(generation) << 32 | (deed as u64) << 24 | session as u64
}

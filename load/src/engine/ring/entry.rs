//! Entries into the kernel, and what they bring back.
#![allow(unsafe_code)]

use std::io;
use std::mem;

use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{cqueue, opcode, squeue};

use super::buffers::GROUP;
use super::lines::{Deed, Piece, Ring, mark, session_of};
use crate::engine::poller::Ready;
use crate::engine::socket::ReadEnd;

/// How often an entry that the kernel could not serve now is tried again.
const ATTEMPTS: u32 = 1000;

/// How long the end of a ring waits for what is under way, in nanoseconds.
const LAST_WAIT_NS: u32 = 10_000_000;

/// `IORING_ENTER_GETEVENTS`: runs what the kernel has deferred until we ask.
const ENTER_GETEVENTS: u32 = 1;

/// What an entry into the kernel does besides submitting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Nothing.
    Never,
    /// Collects what has happened.
    No,
    /// Waits for something to happen, for so many nanoseconds.
    For(u64),
}

impl Ring {
    /// Asks to be told when a socket has room; of one that is dialled, when that is decided.
    pub(super) fn await_room(&mut self, session: usize, deed: Deed) {
        let line = &mut self.lines[session];
        let Some(socket) = line.socket else {
            return;
        };
        line.drains = deed == Deed::Drain;
        let generation = line.generation;
        let poll = opcode::PollAdd::new(Fd(socket), libc::POLLOUT as u32).build();
        self.under_way += 1;
        self.push(poll.user_data(mark(generation, session, deed)));
    }

    /// Asks for everything that comes, until further notice.
    fn listen(&mut self, session: usize) {
        let Some(socket) = self.lines[session].socket else {
            return;
        };
        let generation = self.lines[session].generation;
        let hear = opcode::RecvMulti::new(Fd(socket), GROUP).build();
        self.under_way += 1;
        self.push(hear.user_data(mark(generation, session, Deed::Hear)));
    }

    pub(super) fn push(&mut self, entry: squeue::Entry) {
        for _ in 0..ATTEMPTS {
            // SAFETY: what the entry points to is `outbound`, which stays until it was submitted and done; everything
            // else is numbers, and sockets are closed after `forget` only, which submits first.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return;
            }
            if let Err(error) = self.submit(Wait::Never) {
                self.failure.get_or_insert(error);
                return;
            }
        }
        self.failure
            .get_or_insert_with(|| io::Error::other("the ring takes no more"));
    }

    /// As [`Ring::enter`]; the next wait tells of a failure.
    pub(super) fn enter_noting(&mut self, wait: Wait) {
        if let Err(error) = self.enter(wait) {
            self.failure.get_or_insert(error);
        }
    }

    /// Submits everything, and takes in what has happened.
    pub(super) fn enter(&mut self, wait: Wait) -> io::Result<()> {
        self.submit(wait)?;
        self.collect();
        for session in self.pushed.drain(..) {
            self.lines[session].push = None;
        }
        self.outbound.clear();
        Ok(())
    }

    fn submit(&mut self, wait: Wait) -> io::Result<()> {
        for _ in 0..ATTEMPTS {
            let waiting = self.ring.submission().len();
            if waiting == 0 && wait == Wait::Never {
                return Ok(());
            }
            let submitter = self.ring.submitter();
            let entered = match wait {
                Wait::Never => submitter.submit(),
                // SAFETY: there is no argument.
                Wait::No => unsafe {
                    submitter.enter::<libc::sigset_t>(waiting as u32, 0, ENTER_GETEVENTS, None)
                },
                Wait::For(wait_ns) => {
                    let time = Timespec::new()
                        .sec(wait_ns / 1_000_000_000)
                        .nsec((wait_ns % 1_000_000_000) as u32);
                    submitter.submit_with_args(1, &SubmitArgs::new().timespec(&time))
                }
            };
            match entered.map_err(|error| (error.raw_os_error(), error)) {
                Ok(_) => {}
                Err((Some(libc::EINTR | libc::ETIME | libc::EAGAIN | libc::EBUSY), _)) => {}
                Err((_, error)) => return Err(error),
            }
            if self.ring.submission().is_empty() {
                return Ok(());
            }
            self.take_completions();
        }
        Err(io::Error::other("the ring does not take what it is given"))
    }

    fn take_completions(&mut self) {
        self.completions.extend(self.ring.completion());
    }

    fn collect(&mut self) {
        self.take_completions();
        let mut completions = mem::take(&mut self.completions);
        for completion in completions.drain(..) {
            self.take_in(&completion);
        }
        self.completions = completions;
    }

    fn take_in(&mut self, completion: &cqueue::Entry) {
        let (mark, result) = (completion.user_data(), completion.result());
        let goes_on = cqueue::more(completion.flags());
        let buffer = cqueue::buffer_select(completion.flags());
        let deed = Deed::of(mark);
        if !goes_on && matches!(deed, Deed::Dial | Deed::Hear | Deed::Drain) {
            self.under_way = self.under_way.saturating_sub(1);
        }
        let session = session_of(mark);
        let line = &self.lines[session];
        if line.socket.is_none() || line.generation != (mark >> 32) as u32 {
            // Of a connection that is closed.
            if let Some(buffer) = buffer {
                self.buffers.give_back(buffer);
            }
            return;
        }
        match deed {
            Deed::Dial => {
                self.announce(session, |ready| ready.writable = true);
                let failed = libc::POLLERR | libc::POLLHUP | libc::POLLNVAL;
                if result & i32::from(failed) == 0 {
                    // Who listens on a dial that failed is told why, and the one who asks the socket is not.
                    self.listen(session);
                }
            }
            Deed::Drain => {
                self.lines[session].drains = false;
                self.announce(session, |ready| ready.writable = true);
            }
            Deed::Hear => self.hear(session, result, buffer, goes_on),
            Deed::Send => self.not_sent(session, result),
            Deed::Cancel => {}
        }
    }

    fn hear(&mut self, session: usize, result: i32, buffer: Option<u16>, goes_on: bool) {
        match (usize::try_from(result), buffer) {
            (Ok(count), Some(buffer)) if count > 0 => {
                let line = &mut self.lines[session];
                let is_first = line.heard.is_empty();
                line.heard.push_back(Piece {
                    buffer,
                    from: 0,
                    to: count,
                });
                if is_first {
                    self.announce(session, |ready| ready.readable = true);
                }
            }
            (Ok(_), buffer) => {
                if let Some(buffer) = buffer {
                    self.buffers.give_back(buffer);
                }
                return self.ended(session, ReadEnd::Closed, 0);
            }
            (Err(_), _) if [libc::ENOBUFS, libc::EAGAIN, libc::EINTR].contains(&-result) => {}
            (Err(_), _) => return self.ended(session, ReadEnd::Broken, 0),
        }
        if !goes_on {
            self.listen(session);
        }
    }

    /// The kernel took only so many bytes of a push, or none because the connection is broken.
    fn not_sent(&mut self, session: usize, result: i32) {
        let line = &mut self.lines[session];
        let Some(push) = line.push.take() else {
            return;
        };
        let taken = match result {
            0.. => result as usize,
            error if [libc::EAGAIN, libc::EINTR].contains(&-error) => 0,
            _ => return self.ended(session, ReadEnd::Broken, push.messages),
        };
        let bytes = &self.outbound[push.from + taken.min(push.length)..push.from + push.length];
        if !bytes.is_empty() {
            line.refused.extend_from_slice(bytes);
            self.await_room(session, Deed::Drain);
        }
    }

    fn ended(&mut self, session: usize, end: ReadEnd, untaken: usize) {
        let line = &mut self.lines[session];
        if line.end != Some(ReadEnd::Broken) {
            line.end = Some(end);
        }
        self.announce(session, |ready| {
            ready.ending = true;
            ready.untaken = untaken;
        });
    }

    fn announce(&mut self, session: usize, what: impl FnOnce(&mut Ready)) {
        let generation = self.lines[session].generation;
        let mut ready = Ready {
            token: u64::from(generation) << 32 | session as u64,
            ending: false,
            readable: false,
            writable: false,
            untaken: 0,
        };
        what(&mut ready);
        self.coming.push(ready);
    }
}

impl Drop for Ring {
    /// Sends what was written, and sees to it that the kernel lets go of the buffers.
    fn drop(&mut self) {
        self.lines.iter_mut().for_each(|line| line.socket = None);
        if self.began {
            let all = opcode::AsyncCancel2::new(CancelBuilder::any().all()).build();
            self.push(all.user_data(mark(0, 0, Deed::Cancel)));
            for _ in 0..ATTEMPTS {
                if self.under_way == 0 || self.enter(Wait::For(u64::from(LAST_WAIT_NS))).is_err() {
                    break;
                }
            }
            self.enter_noting(Wait::No);
        }
        if self.under_way == 0 {
            // SAFETY: dropped here and nowhere else, and never used again; nothing is under way that could fill them.
            unsafe { mem::ManuallyDrop::drop(&mut self.buffers) }
        }
    }
}

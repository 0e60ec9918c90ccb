//! One direction of a connection: what is read at one end, waits, and is handed over at the other.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use shakedown_record::monotonic_ns;

use super::bucket::Bucket;
use super::condition::{Direction, LinkState};
use super::dice::Dice;
use super::evidence::LinkEvidence;
use super::queue::{Cargo, Chunk, Queue};
use super::segments;

/// One socket of a connection and what epoll said about it.
#[derive(Debug, Default)]
pub(super) struct End {
    pub socket: Option<OwnedFd>,
    pub readable: bool,
    pub writable: bool,
    pub ending: bool,
    pub failed: bool,
    /// Its segments are being dropped; so many had been before.
    pub silenced: Option<u32>,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Pipe {
    pub queue: Queue,
    dice: Dice,
    /// Bandwidth that it has been granted: from when on, and how many bytes.
    pub grant: Option<(u64, usize)>,
    /// The sender's FIN or RST is in the queue, or gone through it.
    pub ended: bool,
    /// The receiver was told the end, or takes no more.
    pub told: bool,
}

/// What became of handing over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    /// All that could be handed over now has been.
    All,
    /// The sender's RST has come through: the connection is over.
    Reset,
    /// The receiver's connection broke.
    Broken,
}

impl End {
    pub fn of(socket: OwnedFd) -> End {
        End {
            socket: Some(socket),
            ..End::default()
        }
    }

    /// Counts the segments that were dropped since the last time.
    pub fn sample(&mut self, evidence: &mut LinkEvidence) {
        if let (Some(socket), Some(before)) = (&self.socket, self.silenced)
            && let Ok(dropped) = segments::dropped(socket)
        {
            evidence.dropped(dropped.wrapping_sub(before));
            self.silenced = Some(dropped);
        }
    }
}

impl Pipe {
    pub fn new(dice: Dice) -> Pipe {
        Pipe {
            queue: Queue::default(),
            dice,
            grant: None,
            ended: false,
            told: false,
        }
    }

    /// True when there may be something to read, and there is room for it.
    pub fn may_fill(&self, from: &End, state: &LinkState) -> bool {
        from.readable && !self.ended && !self.told && self.queue.has_room(state)
    }

    /// Reads once.
    pub fn fill(&mut self, from: &mut End, state: &LinkState, generation: u64) {
        if !self.may_fill(from, state) {
            return;
        }
        let now_ns = monotonic_ns();
        let Some(socket) = &from.socket else { return };
        let free = self.queue.free();
        let size = free.len();
        let cargo = match rustix::net::recv(socket, free, RecvFlags::empty()) {
            Ok((_, 0)) => Cargo::Fin,
            Ok((_, len)) => {
                // Less than there was room for: the socket is empty, unless its end is still to be read.
                from.readable = len == size || from.ending;
                self.push(Cargo::Data, len, state, generation, now_ns);
                return;
            }
            Err(Errno::AGAIN) => {
                from.readable = false;
                return;
            }
            Err(Errno::INTR) => return,
            Err(_) => Cargo::Reset,
        };
        from.readable = false;
        self.push(cargo, 0, state, generation, now_ns);
    }

    /// Hands over all that is due.
    pub fn flush(
        &mut self,
        to: &mut End,
        bucket: &mut Bucket,
        direction: Direction,
        evidence: &mut LinkEvidence,
    ) -> Flushed {
        let Some(socket) = &to.socket else {
            return Flushed::All;
        };
        loop {
            let now_ns = monotonic_ns();
            let Some(chunk) = self.queue.front() else {
                return Flushed::All;
            };
            if chunk.release_ns > now_ns {
                return Flushed::All;
            }
            match chunk.cargo {
                Cargo::Reset => return Flushed::Reset,
                Cargo::Fin => {
                    // It fails when the receiver has gone: it needs no telling then.
                    let _gone = rustix::net::shutdown(socket, Shutdown::Write);
                    self.told = true;
                    self.queue.take(0);
                    return Flushed::All;
                }
                Cargo::Data => {}
            }
            if !to.writable {
                self.queue.mark_blocked();
                return Flushed::All;
            }
            let wanted = self.queue.front_bytes(bucket.piece()).len();
            let (free_ns, granted) = *self
                .grant
                .get_or_insert_with(|| (bucket.grant(wanted, now_ns), wanted));
            if free_ns > now_ns {
                self.queue.mark_throttled();
                return Flushed::All;
            }
            let bytes = self.queue.front_bytes(granted);
            match rustix::net::send(socket, bytes, SendFlags::NOSIGNAL) {
                Ok(len) => {
                    let left = granted - len;
                    self.grant = (left > 0).then_some((free_ns, left));
                    evidence.moved(direction, len, now_ns);
                    if let Some(done) = self.queue.take(len) {
                        evidence.left(direction, &done, monotonic_ns());
                    }
                }
                Err(Errno::AGAIN) => to.writable = false,
                Err(Errno::INTR) => {}
                Err(_) => {
                    evidence.discarded(direction, self.queue.clear());
                    self.told = true;
                    return Flushed::Broken;
                }
            }
        }
    }

    /// When something is next to be handed over; nothing while the receiver takes no more, which epoll will tell.
    pub fn due_ns(&self, to: &End, now_ns: u64) -> Option<u64> {
        let chunk = self.queue.front()?;
        if chunk.cargo != Cargo::Data {
            return Some(chunk.release_ns);
        }
        if !to.writable && chunk.release_ns <= now_ns {
            return None;
        }
        let free_ns = self.grant.map_or(0, |(free_ns, _)| free_ns);
        Some(chunk.release_ns.max(free_ns))
    }

    /// Puts something in line, with the delay that it draws. Ends have no luck of their own: they follow the bytes.
    pub fn push(
        &mut self,
        cargo: Cargo,
        len: usize,
        state: &LinkState,
        generation: u64,
        now_ns: u64,
    ) {
        let (delay_ns, stall_ns) = match cargo {
            Cargo::Data => {
                let fate = self.dice.next(state);
                (fate.delay_ns, fate.stall_ns)
            }
            Cargo::Fin | Cargo::Reset => (state.delay_ns, None),
        };
        self.ended |= cargo != Cargo::Data;
        let asked_ns = now_ns + delay_ns + stall_ns.unwrap_or(0);
        self.queue.push(Chunk {
            cargo,
            len,
            arrived_ns: now_ns,
            release_ns: asked_ns,
            asked_ns,
            stalled: stall_ns.is_some(),
            throttled: false,
            blocked: false,
            generation,
        });
    }
}

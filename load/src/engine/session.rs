//! A session: one connection at a time, and the slots that wait for it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use shakedown_record::ledger::Entry;

use super::desk::Job;
use crate::tls::Channel;

/// The connection of a session. Moments are `CLOCK_MONOTONIC` in nanoseconds.
#[derive(Debug)]
pub(super) enum Link {
    /// Slots end at once.
    Down { dial_at_ns: u64 },
    /// Slots wait for this dial.
    Dialling { socket: OwnedFd, give_up_ns: u64 },
    /// Connected, and the handshake of TLS or of the gateway is under way: slots wait for it.
    Greeting { socket: OwnedFd, give_up_ns: u64 },
    /// Slots are sent, or wait while the session is busy.
    Up { socket: OwnedFd },
}

/// A slot that was released and not written yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub slot: u64,
    /// Nanoseconds since zero.
    pub intended_ns: u64,
    pub lag_ns: u64,
}

/// How much is known of a slot that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing.
    Sent,
    /// The server has said that it came; what becomes of it is reported on another connection.
    Taken,
    /// It was reported, and has ended: it only keeps its place in the order of answers until its own comes.
    Reported,
}

/// A slot that was written and not answered yet.
#[derive(Debug)]
pub(crate) struct Flight {
    pub stage: Stage,
    pub slot: u64,
    /// The message's number on its connection.
    pub number: u64,
    pub entry: Entry,
    pub job: Job,
}

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    pub link: Link,
    /// What lies between the gateway's bytes and those of the socket, on an entry with TLS.
    pub tls: Option<Box<Channel>>,
    /// Counts connections, so that events of a closed one are recognised.
    pub generation: u32,
    /// Index into the entry addresses.
    pub address: usize,
    /// Where the entry has led it; `None`: the entry itself is dialled.
    pub led: Option<SocketAddr>,
    /// When the last dial began.
    pub dialled_ns: u64,
    /// The present connection has answered at least once.
    pub answered: bool,
    /// In order of intended time.
    pub waiting: VecDeque<Waiting>,
    /// In the order in which they were written, oldest first.
    pub flight: VecDeque<Flight>,
    /// Bytes that the socket did not take yet.
    pub unsent: Vec<u8>,
    /// Messages of the present connection.
    pub messages: u64,
    /// Newest slots in flight that were not offered to the socket: they wait for the rest of their batch.
    pub held: usize,
    /// Their bytes, the last ones of `unsent`.
    pub held_bytes: usize,
}

impl Session {
    /// A session that has not dialled yet.
    pub fn new(address: usize) -> Session {
        Session {
            link: Link::Down { dial_at_ns: 0 },
            tls: None,
            generation: 0,
            address,
            led: None,
            dialled_ns: 0,
            answered: false,
            waiting: VecDeque::new(),
            flight: VecDeque::new(),
            unsent: Vec::new(),
            messages: 0,
            held: 0,
            held_bytes: 0,
        }
    }

    /// The same connection as when it had this generation, and not given up.
    pub fn is_still(&self, generation: u32) -> bool {
        self.generation == generation && !matches!(self.link, Link::Down { .. })
    }

    /// Intended time of the oldest slot that has not ended, in nanoseconds since zero.
    pub fn oldest_ns(&self) -> Option<u64> {
        let flying = self.flight.front().map(|flight| flight.entry.intended_ns);
        let waiting = self.waiting.front().map(|waiting| waiting.intended_ns);
        match (flying, waiting) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

//! What a gateway is asked to say, and what it has heard.

use std::net::SocketAddr;
use std::ops::Range;

use shakedown_record::Outcome;

use crate::engine::desk::Job;

/// A message that is to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Letter<'a> {
    /// Number of the session within its thread.
    pub session: usize,
    /// Index into the entry addresses.
    pub address: usize,
    pub slot: u64,
    /// Counts the messages of the connection, from 1.
    pub number: u64,
    pub job: &'a Job,
}

/// What the next bytes of a connection were.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// All of them are taken in, and nothing is complete.
    More,
    /// The answer to one of the slots in flight.
    Answer {
        /// Bytes that are taken in; the rest is still to be heard.
        used: usize,
        /// Place of the slot in the session's flight.
        place: usize,
        judged: Judged,
        /// The connection cannot be used again.
        close: bool,
    },
    /// The message of the slot at this place came; what became of it is reported on another connection.
    Taken {
        /// Bytes that are taken in; the rest is still to be heard.
        used: usize,
        place: usize,
        /// The connection cannot be used again.
        close: bool,
    },
    /// The server has said that it did not look at the messages of these slots, and never will.
    Declined {
        /// Bytes that are taken in; the rest is still to be heard.
        used: usize,
        /// Places of the slots in the session's flight.
        places: Range<usize>,
        /// The connection cannot be used again.
        close: bool,
    },
    /// Something that ends no slot: an answer to what has ended already.
    Aside {
        /// Bytes that are taken in; the rest is still to be heard.
        used: usize,
    },
    /// The handshake is done: from now on letters can be sent.
    Open {
        /// Bytes that are taken in; the rest is still to be heard.
        used: usize,
    },
    /// Letters are taken elsewhere: that is dialled next, and whoever waits goes on waiting.
    Led { to: SocketAddr },
    /// The server ends the connection in good order.
    Bye,
    /// Something that nobody asked for.
    Unasked,
    /// This is not the protocol: whom it was for is unknown, and the connection is of no use.
    Malformed,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    pub outcome: Outcome,
    pub sequence: Option<u64>,
    /// As the ledger counts nodes.
    pub served_by: u8,
    /// The term of the leader that acknowledged.
    pub term: Option<u64>,
    /// The engine's id of a new order.
    pub server_id: Option<Box<str>>,
}

impl Judged {
    /// An outcome that no answer explains.
    pub fn without_answer(outcome: Outcome) -> Judged {
        Judged {
            outcome,
            sequence: None,
            served_by: 0,
            term: None,
            server_id: None,
        }
    }
}

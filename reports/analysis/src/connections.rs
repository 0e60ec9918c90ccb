//! Over which connection of its session an order came, and when that ended.

use std::collections::HashMap;

use shakedown_record::ledger::{ConnectionEnd, Entry};

/// The connections of all sessions.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    /// Their ends, in order of time.
    of: HashMap<u16, Vec<ConnectionEnd>>,
}

/// One connection of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Connection {
    pub session: u16,
    /// The how manieth of its session.
    number: usize,
    /// When the client saw its end, in nanoseconds since zero; `None`: it was still there after the read.
    pub ended_ns: Option<u64>,
}

impl Connections {
    /// Sorts what the load threads wrote down.
    pub fn of(ends: Vec<ConnectionEnd>) -> Self {
        let mut connections = Self::default();
        for end in ends {
            connections.of.entry(end.session).or_default().push(end);
        }
        for ends in connections.of.values_mut() {
            ends.sort_by_key(|end| end.at_ns);
        }
        connections
    }

    /// That over which an answer to this request came; `None`: nobody knows.
    pub fn that_answered(&self, entry: &Entry) -> Option<Connection> {
        let ends = self.of.get(&entry.session)?;
        let done_ns = entry.done_ns?;
        let number = ends.partition_point(|end| end.at_ns < done_ns);
        let end = ends.get(number)?;
        Some(Connection {
            session: entry.session,
            number,
            ended_ns: (!end.kept).then_some(end.at_ns),
        })
    }

    /// How many ended before this moment, and how many were still there after the read.
    pub fn counts(&self, before_ns: u64) -> (u64, u64) {
        let all = || self.of.values().flatten();
        let ended = all().filter(|end| !end.kept && end.at_ns < before_ns);
        let kept = all().filter(|end| end.kept);
        (ended.count() as u64, kept.count() as u64)
    }
}

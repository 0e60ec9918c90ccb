//! Batches: messages of one session that are written to its socket together.
//!
//! A message of a batch is in the ledger and in flight from the moment that it is put there, microseconds before its
//! socket is written: the thread offers every batch to its socket before it waits for anything.

use shakedown_record::Outcome;

use super::gateway::Judged;
use super::room::Room;
use super::session::Waiting;

impl Room {
    /// The newest message of a session, of so many bytes, waits for the rest of its batch.
    pub(super) fn hold(&mut self, session: usize, bytes: usize) {
        let owner = &mut self.sessions[session];
        owner.held += 1;
        owner.held_bytes += bytes;
        if owner.held >= self.batch {
            self.flush(session);
        } else if owner.held == 1 {
            self.holding.push(session);
        }
    }

    /// Offers every batch to its socket, full or not.
    pub(super) fn send_held(&mut self) {
        while let Some(session) = self.holding.pop() {
            if self.sessions[session].held > 0 {
                self.flush(session);
            }
        }
    }

    /// The newest slots in flight were not sent after all: they wait for the next connection.
    pub(super) fn take_back(&mut self, session: usize, count: usize) {
        for _ in 0..count {
            let owner = &mut self.sessions[session];
            let Some(flight) = owner.flight.pop_back() else {
                return;
            };
            owner.waiting.push_front(Waiting {
                slot: flight.slot,
                intended_ns: flight.entry.intended_ns,
                lag_ns: u64::from(flight.entry.lag_ns),
            });
            let unsent = Judged::without_answer(Outcome::NotSent);
            self.desk.settle(session, flight.slot, flight.job, unsent);
        }
    }
}

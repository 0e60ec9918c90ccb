//! Acknowledgements on another connection: beside each session one that listens, to the same host. A session is up when both
//! are, and loses both when it loses one: a report that was said meanwhile would never be heard.
//!
//! What became of a slot is what is reported. The answer to its message only says that it came; which of the two comes first
//! is nobody's promise.

use shakedown_record::Outcome;

use super::gateway::Judged;
use super::room::Room;
use super::session::{Flight, Link, Stage};
use super::wrapped::LONGEST_HANDSHAKE_NS;

/// A listener that nobody wants now is dialled when its session is.
const NEVER_NS: u64 = u64::MAX;

impl Room {
    /// The session for which this one listens; `None` for sessions of the plan.
    pub(super) fn owner_of(&self, session: usize) -> Option<usize> {
        session.checked_sub(self.owners)
    }

    /// The one that listens for a session of the plan.
    pub(super) fn listener_of(&self, session: usize) -> Option<usize> {
        let listener = session + self.owners;
        (session < self.owners && listener < self.sessions.len()).then_some(listener)
    }

    /// The session's own connection is ready: its listener is next, where it has one; false otherwise.
    pub(super) fn dial_listener(&mut self, session: usize) -> bool {
        let Some(listener) = self.listener_of(session) else {
            return false;
        };
        // Its own dial and handshake are shorter.
        let until_ns = self.now_ns + self.plan.timeout_ns.min(2 * LONGEST_HANDSHAKE_NS);
        if let Link::Greeting { give_up_ns, .. } = &mut self.sessions[session].link {
            *give_up_ns = until_ns;
        }
        self.sessions[listener].address = self.sessions[session].address;
        self.dial(listener);
        true
    }

    /// Closes the listener of a session that is not up any more.
    pub(super) fn hang_up(&mut self, session: usize) {
        let Some(listener) = self.listener_of(session) else {
            return;
        };
        self.wires.forget(listener);
        let listener = &mut self.sessions[listener];
        listener.link = Link::Down {
            dial_at_ns: NEVER_NS,
        };
        listener.generation = listener.generation.wrapping_add(1);
        listener.tls = None;
        listener.unsent.clear();
    }

    /// The server has said that a message came. Its slot ends when it is reported.
    pub(super) fn taken(&mut self, session: usize, place: usize) {
        self.sessions[session].answered = true;
        let Some(flight) = self.sessions[session].flight.get_mut(place) else {
            return;
        };
        match flight.stage {
            Stage::Sent => flight.stage = Stage::Taken,
            Stage::Reported => drop(self.sessions[session].flight.remove(place)),
            Stage::Taken => {}
        }
    }

    /// What became of a slot.
    pub(super) fn reported(&mut self, session: usize, place: usize, judged: Judged) {
        let Some(flight) = self.sessions[session].flight.get_mut(place) else {
            return;
        };
        match flight.stage {
            Stage::Taken => self.complete(session, place, judged),
            Stage::Reported => {}
            Stage::Sent => {
                let keeps_place = Flight {
                    stage: Stage::Reported,
                    slot: flight.slot,
                    number: flight.number,
                    entry: flight.entry,
                    job: flight.job.clone(),
                };
                self.complete(session, place, judged);
                self.sessions[session].flight.insert(place, keeps_place);
            }
        }
    }

    /// What came is not this protocol: the slot whose answer it would have been has that for its answer.
    pub(super) fn garbled(&mut self, session: usize) {
        let owner = &self.sessions[session];
        let mut flight = owner.flight.iter();
        let place = flight.position(|flight| flight.stage != Stage::Taken);
        if let (Link::Up { .. }, Some(place)) = (&owner.link, place) {
            self.complete(session, place, Judged::without_answer(Outcome::BadResponse));
        }
        self.lose(session, true);
    }
}

//! Connections: dialled, lost, dialled again. What becomes of the slots of a session at each step.

use std::net::SocketAddr;

use shakedown_record::Outcome;

use super::arrival;
use super::gateway::Judged;
use super::kept::Kept;
use super::poller::Ready;
use super::room::Room;
use super::session::{Link, Session, Stage, Waiting};
use super::socket::{self, DialFailure};
use crate::selfcheck::{Exhausted, Shortage};

/// Shortest time between two dials of a session that nobody answers, in nanoseconds.
const SHORTEST_REDIAL_NS: u64 = 1_000_000;

impl Room {
    /// Begins to connect a session.
    pub(super) fn dial(&mut self, session: usize) {
        self.hang_up(session);
        self.wires.forget(session);
        let address = self.address_of(session);
        let owner = &mut self.sessions[session];
        owner.dialled_ns = self.now_ns;
        owner.answered = false;
        owner.generation = owner.generation.wrapping_add(1);
        owner.unsent.clear();
        owner.tls = None;
        owner.messages = 0;
        (owner.held, owner.held_bytes) = (0, 0);
        let token = u64::from(owner.generation) << 32 | session as u64;
        let dialled = socket::dial(address, self.plan.descriptors).and_then(|socket| {
            match self.wires.watch(&socket, token) {
                Ok(()) => Ok(socket),
                Err(_) => Err(DialFailure::Exhausted(Shortage::Memory)),
            }
        });
        match dialled {
            Ok(socket) => {
                if self.notes
                    && let Err(error) = arrival::note(&socket)
                {
                    tracing::debug!(%error, "answers come when they are read");
                }
                let give_up_ns = self.now_ns + self.dial_ns();
                self.sessions[session].link = Link::Dialling { socket, give_up_ns };
                self.timers.arm(session, give_up_ns);
            }
            Err(failure) => self.dial_failed(session, failure),
        }
    }

    /// The entry has named somebody else, who is dialled next.
    pub(super) fn lead(&mut self, session: usize, to: SocketAddr) {
        self.sessions[session].led = Some(to);
        self.dial(session);
    }

    /// A dial came to nothing: those who waited for it end, and the next address is tried later.
    pub(super) fn dial_failed(&mut self, session: usize, failure: DialFailure) {
        if let Some(owner) = self.owner_of(session) {
            return self.dial_failed(owner, failure);
        }
        let outcome = match failure {
            DialFailure::Refused => Outcome::Refused,
            DialFailure::Unreachable => Outcome::Unreachable,
            DialFailure::Exhausted(shortage) => {
                Exhausted::note(&mut self.exhausted, shortage);
                Outcome::NotSent
            }
        };
        self.sessions[session].led = None;
        self.rotate(session);
        self.go_down(session, outcome);
    }

    /// Ends those who wait, and dials again when the time between two dials has passed.
    fn go_down(&mut self, session: usize, outcome: Outcome) {
        self.hang_up(session);
        self.wires.forget(session);
        let every_ns = self.plan.reconnect_every_ns.max(SHORTEST_REDIAL_NS);
        let dial_at_ns = self.sessions[session].dialled_ns + every_ns;
        self.sessions[session].link = Link::Down { dial_at_ns };
        while let Some(waiting) = self.sessions[session].waiting.pop_front() {
            self.end_unsent(session, waiting, outcome);
        }
        self.timers.arm(session, dial_at_ns);
    }

    /// Where a session's next connection goes.
    fn address_of(&self, session: usize) -> SocketAddr {
        let address = self.sessions[session].address;
        match self.owner_of(session) {
            None => self.sessions[session]
                .led
                .unwrap_or(self.plan.addresses[address]),
            Some(_) => self.plan.reports[address],
        }
    }

    pub(super) fn rotate(&mut self, session: usize) {
        let owner = &mut self.sessions[session];
        owner.address = (owner.address + 1) % self.plan.addresses.len();
    }

    /// The connection is gone or must go: what was written may have executed; a new one is dialled.
    ///
    /// At once when the old one had answered, else no sooner than [`reconnect_every_ns`] after the last dial, so that a
    /// server which accepts and hangs up is not flooded.
    ///
    /// [`reconnect_every_ns`]: super::RoomPlan::reconnect_every_ns
    pub(super) fn lose(&mut self, session: usize, rotates: bool) {
        if let Some(owner) = self.owner_of(session) {
            return self.lose(owner, rotates);
        }
        if matches!(self.sessions[session].link, Link::Greeting { .. }) {
            // Somebody is there and lets nobody in: no order was sent.
            return self.dial_failed(session, DialFailure::Refused);
        }
        self.sessions[session].led = None;
        self.note_end(session);
        if !self.gateway.resumes() {
            self.end_flight(session);
            if rotates {
                self.rotate(session);
            }
        }
        let owner = &self.sessions[session];
        let every_ns = self.plan.reconnect_every_ns.max(SHORTEST_REDIAL_NS);
        if owner.answered || self.now_ns >= owner.dialled_ns + every_ns {
            self.dial(session);
        } else {
            self.go_down(session, Outcome::NotSent);
        }
    }

    /// Writes down that a connection has ended over which orders may have come.
    fn note_end(&mut self, session: usize) {
        let at_ns = self.run_ns();
        let is_up = matches!(self.sessions[session].link, Link::Up { .. });
        if let Some(connections) = self.connections.as_mut().filter(|_| is_up && self.running) {
            connections.ended(self.source.part().session(session), at_ns);
        }
    }

    /// Takes the sockets of those that are connected, where they stay so beyond the load.
    pub(super) fn keep_connected(&mut self) -> Option<Kept> {
        let connections = self.connections.take()?;
        let mut sockets = Vec::new();
        for session in 0..self.owners {
            let link = &mut self.sessions[session].link;
            if let Link::Up { socket } = std::mem::replace(link, Link::Down { dial_at_ns: 0 }) {
                sockets.push((self.source.part().session(session), socket));
            }
        }
        Some(connections.keep(sockets, self.zero_ns))
    }

    /// Nothing more will be said of what is in flight: it may have executed.
    fn end_flight(&mut self, session: usize) {
        while !self.sessions[session].flight.is_empty() {
            self.complete(session, 0, Judged::without_answer(Outcome::ResetAfterSend));
        }
    }

    /// A slot ends without having been written.
    pub(super) fn end_unsent(&mut self, session: usize, waiting: Waiting, outcome: Outcome) {
        let job = self.desk.prepare(session, &waiting);
        let entry = job.entry(&waiting, self.source.part().session(session));
        self.desk
            .settle(session, waiting.slot, job, Judged::without_answer(outcome));
        let done_ns = self.run_ns();
        self.books.ended(waiting.slot, entry, outcome, done_ns);
    }

    /// A written slot of a session ends: the one at this place of its flight, the oldest being at 0.
    pub(super) fn complete(&mut self, session: usize, place: usize, judged: Judged) {
        let Some(flight) = self.sessions[session].flight.remove(place) else {
            return;
        };
        if flight.stage == Stage::Reported {
            return;
        }
        let done_ns = self.run_ns().saturating_sub(self.age_ns);
        self.books
            .judged(flight.slot, flight.entry, &judged, done_ns);
        self.desk.settle(session, flight.slot, flight.job, judged);
    }

    /// A written slot ends as one that the server did not look at: as if it had not been written.
    pub(super) fn decline(&mut self, session: usize, place: usize) {
        let Some(mut flight) = self.sessions[session].flight.remove(place) else {
            return;
        };
        if flight.stage == Stage::Reported {
            return;
        }
        flight.entry.sent_ns = None;
        let done_ns = self.run_ns();
        self.books
            .ended(flight.slot, flight.entry, Outcome::Refused, done_ns);
        let declined = Judged::without_answer(Outcome::Refused);
        self.desk.settle(session, flight.slot, flight.job, declined);
    }

    /// A socket has something to say.
    pub(super) fn attend(&mut self, session: usize, ready: Ready) {
        match &self.sessions[session].link {
            Link::Down { .. } => return,
            Link::Dialling { socket, .. } => {
                if !ready.writable && !ready.ending {
                    return;
                }
                let dialled = socket::dialled(socket);
                self.now_ns = shakedown_record::monotonic_ns();
                match dialled {
                    Ok(()) => self.connected(session),
                    Err(failure) => return self.dial_failed(session, failure),
                }
            }
            Link::Up { .. } if ready.untaken > 0 => {
                let held = self.sessions[session].held;
                self.take_back(session, held + ready.untaken);
                return self.lose(session, true);
            }
            Link::Up { .. } | Link::Greeting { .. } => {
                if ready.writable {
                    self.flush(session);
                }
            }
        }
        if ready.readable || ready.ending {
            self.receive(session, ready.ending);
        }
    }

    /// The dial came off: where the entry has TLS or the gateway a handshake, that is next.
    fn connected(&mut self, session: usize) {
        let owner = &mut self.sessions[session];
        let link = std::mem::replace(&mut owner.link, Link::Down { dial_at_ns: 0 });
        owner.link = match link {
            Link::Dialling { socket, give_up_ns } => Link::Greeting { socket, give_up_ns },
            other => other,
        };
        if !self.begin_tls(session) {
            self.greet(session);
        }
        self.flush(session);
        self.pump(session);
    }

    /// Something was heard: where that was the last of the handshake, the session is up.
    pub(super) fn greeted(&mut self, session: usize) {
        let deadline_ns = self.now_ns + self.dial_ns();
        let Link::Greeting { give_up_ns, .. } = &mut self.sessions[session].link else {
            return;
        };
        *give_up_ns = deadline_ns;
        if self.gateway.is_in_step(session) {
            self.opened(session);
        }
    }

    /// Bytes can be exchanged: where the gateway has a handshake, that is next.
    pub(super) fn greet(&mut self, session: usize) {
        let Session { address, led, .. } = self.sessions[session];
        self.outbox.clear();
        self.gateway
            .begin(session, address, led.is_some(), &mut self.outbox);
        if self.outbox.is_empty() {
            self.opened(session);
        } else {
            self.say(session);
        }
    }

    /// The handshake is done.
    pub(super) fn opened(&mut self, session: usize) {
        if self.dial_listener(session) {
            return;
        }
        self.go_up(session);
        if let Some(owner) = self.owner_of(session) {
            self.go_up(owner);
        }
    }

    fn go_up(&mut self, session: usize) {
        self.end_flight(session);
        let owner = &mut self.sessions[session];
        let link = std::mem::replace(&mut owner.link, Link::Down { dial_at_ns: 0 });
        owner.link = match link {
            Link::Greeting { socket, .. } => Link::Up { socket },
            other => other,
        };
    }

    /// Looks at every session whose time has come.
    pub(super) fn expire(&mut self) {
        while let Some(session) = self.timers.pop_due(self.now_ns) {
            self.look(session);
            self.rearm(session);
        }
    }

    fn look(&mut self, session: usize) {
        match self.sessions[session].link {
            Link::Down { dial_at_ns } if dial_at_ns <= self.now_ns => {
                self.offer(session);
                self.dial(session);
            }
            Link::Dialling { give_up_ns, .. } | Link::Greeting { give_up_ns, .. }
                if give_up_ns <= self.now_ns =>
            {
                self.dial_failed(session, DialFailure::Unreachable);
            }
            Link::Down { .. } | Link::Dialling { .. } | Link::Greeting { .. } | Link::Up { .. } => {
            }
        }
        if self.is_overdue(session) {
            // An answer that lies in a socket came in time: it was us who did not look.
            self.receive(session, false);
            if let Some(listener) = self.listener_of(session) {
                self.receive(listener, false);
            }
        }
        let mut timed_out = false;
        while let Some(flight) = self.sessions[session].flight.front()
            && self.expires_ns(flight.entry.intended_ns) <= self.now_ns
        {
            timed_out = true;
            self.complete(session, 0, Judged::without_answer(Outcome::Timeout));
        }
        while let Some(waiting) = self.sessions[session].waiting.front().copied()
            && self.expires_ns(waiting.intended_ns) <= self.now_ns
        {
            self.sessions[session].waiting.pop_front();
            self.end_unsent(session, waiting, Outcome::NotSent);
        }
        if timed_out && matches!(self.sessions[session].link, Link::Up { .. }) {
            // The answer may still come, and would be taken for the next one's.
            self.lose(session, true);
        }
    }

    fn is_overdue(&self, session: usize) -> bool {
        let oldest = self.sessions[session].flight.front();
        oldest.is_some_and(|flight| self.expires_ns(flight.entry.intended_ns) <= self.now_ns)
    }

    /// In closed mode a session that is down owes a slot to every dial: an outage is counted, not slept through.
    fn offer(&mut self, session: usize) {
        if !self.running || !self.sessions[session].waiting.is_empty() {
            return;
        }
        let now_ns = self.run_ns();
        if let Some(slot) = self.source.take_now(now_ns, self.stop_at_ns) {
            self.books.released(slot, 0);
            self.sessions[session].waiting.push_back(Waiting {
                slot: slot.index,
                intended_ns: slot.at_ns,
                lag_ns: 0,
            });
        }
    }

    fn rearm(&mut self, session: usize) {
        let owner = &self.sessions[session];
        let link_ns = match owner.link {
            Link::Down { dial_at_ns } => Some(dial_at_ns),
            Link::Dialling { give_up_ns, .. } | Link::Greeting { give_up_ns, .. } => {
                Some(give_up_ns)
            }
            Link::Up { .. } => None,
        };
        let oldest_ns = owner
            .oldest_ns()
            .map(|intended_ns| self.expires_ns(intended_ns));
        if let Some(at_ns) = link_ns.into_iter().chain(oldest_ns).min() {
            self.timers.arm(session, at_ns);
        }
    }

    /// The run ends now: what was written stays unresolved.
    pub(super) fn abandon(&mut self) {
        for session in 0..self.owners {
            while !self.sessions[session].flight.is_empty() {
                self.complete(session, 0, Judged::without_answer(Outcome::Unresolved));
            }
            while let Some(waiting) = self.sessions[session].waiting.pop_front() {
                self.end_unsent(session, waiting, Outcome::NotSent);
            }
        }
    }
}

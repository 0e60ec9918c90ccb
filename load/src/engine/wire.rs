//! Bytes of a connection: requests out, answers in.

use std::mem;

use shakedown_record::{Outcome, monotonic_ns};

use super::arrival;
use super::gateway::{Heard, Judged, Letter};
use super::room::Room;
use super::session::{Flight, Link, Stage, Waiting};
use super::socket::{ReadEnd, Written};

impl Room {
    /// Writes a slot to the session's connection, which is up and has room for it.
    ///
    /// The ledger knows of it before the socket does. A connection that turns out to be broken before it took a byte
    /// leaves the slot waiting: nothing was sent.
    pub(super) fn submit(&mut self, session: usize, waiting: Waiting) {
        let job = self.desk.prepare(session, &waiting);
        let mut entry = job.entry(&waiting, self.source.part().session(session));
        let sent_ns = self.run_ns().max(waiting.intended_ns);
        entry.sent_ns = Some(sent_ns);
        let wait_ns = sent_ns.saturating_sub(waiting.intended_ns + waiting.lag_ns);
        self.books.sending(waiting.slot, &entry, wait_ns);
        let owner = &mut self.sessions[session];
        let Link::Up { socket } = &owner.link else {
            owner.waiting.push_front(waiting);
            return;
        };
        self.outbox.clear();
        owner.messages += 1;
        let number = owner.messages;
        let letter = Letter {
            session,
            address: owner.address,
            slot: waiting.slot,
            number,
            job: &job,
        };
        let plain = self.gateway.encode(&letter, &mut self.outbox);
        let bytes = match &mut owner.tls {
            None => plain,
            Some(tls) => {
                self.sealed.clear();
                tls.seal(plain, &mut self.sealed);
                &self.sealed
            }
        };
        let holds = self.batch > 1;
        let written = if owner.unsent.is_empty() && !holds {
            self.wires.write(session, socket, bytes, 1)
        } else {
            Written::Bytes(0)
        };
        let length = bytes.len();
        match written {
            Written::Bytes(count) => {
                owner.unsent.extend_from_slice(&bytes[count..]);
                owner.flight.push_back(Flight {
                    stage: Stage::Sent,
                    slot: waiting.slot,
                    number,
                    entry,
                    job,
                });
                let expires_ns = self.expires_ns(waiting.intended_ns);
                self.timers.arm(session, expires_ns);
                if holds {
                    self.hold(session, length);
                }
            }
            Written::Broken => {
                owner.waiting.push_front(waiting);
                let unsent = Judged::without_answer(Outcome::NotSent);
                self.desk.settle(session, waiting.slot, job, unsent);
                self.lose(session, true);
            }
        }
    }

    /// Sends what the session has room for.
    pub(super) fn pump(&mut self, session: usize) {
        self.fill(self.owner_of(session).unwrap_or(session));
        self.send_held();
    }

    /// The session may send another message: by the profile, and by what the server allows.
    pub(super) fn has_room(&self, session: usize) -> bool {
        let most = self
            .gateway
            .most_in_flight(session)
            .min(self.plan.in_flight);
        self.sessions[session].flight.len() < most
    }

    fn fill(&mut self, session: usize) {
        loop {
            let owner = &self.sessions[session];
            if !matches!(owner.link, Link::Up { .. }) || !self.has_room(session) {
                return;
            }
            let owner = &mut self.sessions[session];
            if let Some(waiting) = owner.waiting.pop_front() {
                if self.expires_ns(waiting.intended_ns) <= self.now_ns {
                    self.end_unsent(session, waiting, Outcome::NotSent);
                } else {
                    self.submit(session, waiting);
                }
                continue;
            }
            let now_ns = self.run_ns();
            let taken = if self.running {
                self.source.take_now(now_ns, self.stop_at_ns)
            } else {
                None
            };
            let Some(slot) = taken else {
                return;
            };
            self.books.released(slot, 0);
            let waiting = Waiting {
                slot: slot.index,
                intended_ns: slot.at_ns,
                lag_ns: 0,
            };
            self.submit(session, waiting);
        }
    }

    /// Writes what the socket did not take before, and what is held.
    pub(super) fn flush(&mut self, session: usize) {
        let owner = &mut self.sessions[session];
        let (Link::Up { socket } | Link::Greeting { socket, .. }) = &owner.link else {
            return;
        };
        self.wires.give_back(session, &mut owner.unsent);
        // Of messages that were never offered to the socket, a connection that breaks now has taken nothing.
        let mut untouched = owner.held_bytes == owner.unsent.len();
        let held = owner.held;
        (owner.held, owner.held_bytes) = (0, 0);
        while !owner.unsent.is_empty() {
            let messages = if untouched { held } else { 0 };
            let written = self.wires.write(session, socket, &owner.unsent, messages);
            match written {
                Written::Bytes(0) => return,
                Written::Bytes(count) => {
                    untouched = false;
                    owner.unsent.drain(..count);
                }
                Written::Broken => {
                    self.now_ns = monotonic_ns();
                    if untouched {
                        self.take_back(session, held);
                    }
                    return self.lose(session, true);
                }
            }
        }
    }

    /// Reads what is there. A short read has emptied the socket, unless its end was announced.
    pub(super) fn receive(&mut self, session: usize, ending: bool) {
        let mut inbox = mem::take(&mut self.inbox);
        while let Link::Up { socket } | Link::Greeting { socket, .. } = &self.sessions[session].link
        {
            let (read, age_ns) = match self.notes {
                true => arrival::read(socket, &mut inbox),
                false => (self.wires.read(session, socket, &mut inbox), 0),
            };
            self.now_ns = monotonic_ns();
            self.age_ns = age_ns;
            match read {
                ReadEnd::Bytes(count) => {
                    self.take_in(session, &inbox[..count]);
                    if count < inbox.len() && !ending {
                        break;
                    }
                }
                ReadEnd::Empty => break,
                ReadEnd::Closed if self.sessions[session].tls.is_some() => {
                    // With TLS an end says so before: what was cut off here may be the end of an answer.
                    self.lose(session, true);
                    break;
                }
                ReadEnd::Closed => {
                    self.closed(session);
                    break;
                }
                ReadEnd::Broken => {
                    self.lose(session, true);
                    break;
                }
            }
        }
        self.inbox = inbox;
        self.age_ns = 0;
        self.pump(session);
    }

    /// Takes the answers out of what was read.
    pub(super) fn consume(&mut self, session: usize, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let owner = self.owner_of(session).unwrap_or(session);
            let flight = &self.sessions[owner].flight;
            self.outbox.clear();
            let heard = self.gateway.hear(session, flight, rest, &mut self.outbox);
            if !self.reply(session) {
                return;
            }
            match heard {
                Heard::More => return,
                Heard::Answer {
                    used,
                    place,
                    judged,
                    close,
                } => {
                    rest = &rest[used..];
                    self.answered(session, place, judged);
                    if close {
                        return self.lose(session, false);
                    }
                    self.greeted(session);
                }
                Heard::Taken { used, place, close } => {
                    rest = &rest[used..];
                    self.taken(session, place);
                    if close {
                        return self.lose(session, false);
                    }
                }
                Heard::Aside { used } => {
                    rest = &rest[used..];
                    self.greeted(session);
                }
                Heard::Declined {
                    used,
                    places,
                    close,
                } => {
                    rest = &rest[used..];
                    for place in places.rev() {
                        self.decline(session, place);
                    }
                    if close {
                        return self.lose(session, true);
                    }
                }
                Heard::Open { used } => {
                    rest = &rest[used..];
                    self.opened(session);
                }
                Heard::Led { to } => return self.lead(session, to),
                Heard::Bye => {
                    // Who leaves in good order is left, also where one would come back else.
                    if self.gateway.resumes() {
                        self.rotate(session);
                    }
                    return self.lose(session, true);
                }
                // A server that says so before it hangs up.
                Heard::Unasked => return self.lose(session, true),
                Heard::Malformed => return self.garbled(session),
            }
        }
    }

    /// Sends what the gateway had to say to what it heard. False when the connection went down by that.
    fn reply(&mut self, session: usize) -> bool {
        if self.outbox.is_empty() {
            return true;
        }
        let generation = self.sessions[session].generation;
        self.say(session);
        self.flush(session);
        self.sessions[session].is_still(generation)
    }

    /// An answer on a session's connection, or a report on the one that listens for it.
    fn answered(&mut self, session: usize, place: usize, judged: Judged) {
        match self.owner_of(session) {
            Some(owner) => self.reported(owner, place, judged),
            None => {
                self.sessions[session].answered = true;
                self.complete(session, place, judged);
            }
        }
    }

    /// The server has closed in good order.
    pub(super) fn closed(&mut self, session: usize) {
        let judged = self.gateway.end(session, &self.sessions[session].flight);
        let mut rotates = true;
        if let Some(judged) = judged {
            self.sessions[session].answered = true;
            rotates = false;
            self.complete(session, 0, judged);
        }
        self.lose(session, rotates);
    }
}

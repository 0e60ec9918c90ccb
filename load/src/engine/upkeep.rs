//! What sessions say without being asked for an order: heartbeats while they are up, and a word at the end.

use super::room::Room;
use super::session::Link;

impl Room {
    /// Lets time pass on the sessions of gateways that have something to say then.
    pub(super) fn tick(&mut self) {
        if !self.gateway.resumes() {
            return;
        }
        for session in 0..self.sessions.len() {
            if !matches!(self.sessions[session].link, Link::Up { .. }) {
                continue;
            }
            self.outbox.clear();
            let is_alive = self.gateway.tick(session, &mut self.outbox);
            if !self.outbox.is_empty() {
                self.say(session);
                self.flush(session);
            }
            if !is_alive {
                self.rotate(session);
                self.lose(session, true);
            }
        }
    }

    /// The run is over. Nobody waits for an answer.
    pub(super) fn say_goodbye(&mut self) {
        for session in 0..self.sessions.len() {
            if !matches!(self.sessions[session].link, Link::Up { .. }) {
                continue;
            }
            self.outbox.clear();
            self.gateway.leave(session, &mut self.outbox);
            if self.outbox.is_empty() {
                continue;
            }
            self.say(session);
            let owner = &mut self.sessions[session];
            if let Link::Up { socket } = &owner.link {
                self.wires.give_back(session, &mut owner.unsent);
                self.wires.write(session, socket, &owner.unsent, 0);
            }
        }
    }
}

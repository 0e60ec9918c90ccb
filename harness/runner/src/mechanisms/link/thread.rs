//! The thread that serves the links of a group: it waits, reads, and hands over what is due.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::mpsc::{Receiver, TryRecvError};

use shakedown_record::monotonic_ns;

use super::condition::{ConnectionRule, Direction, LinkCondition, Side};
use super::connection::{Connection, Ending, Next};
use super::poller::{Poller, Ready};
use super::served::Served;
use super::slots::{Place, Slots};
use super::timers::Timers;

/// Connections that one link accepts before others have their turn.
const ACCEPTS: usize = 64;

/// When to try again to accept, once descriptors were short.
const RETRY_NS: u64 = 10_000_000;

/// The longest sleep; there is nothing to do then but to go on sleeping.
const LONGEST_SLEEP_NS: u64 = 3_600_000_000_000;

/// Marks the token of a link's door; other tokens are a place and a side.
const DOOR: u64 = 1 << 63;

/// What holders of links ask of the thread.
#[derive(Debug)]
pub(super) enum Request {
    Add {
        id: u64,
        link: Box<Served>,
    },
    Turn {
        id: u64,
        ticket: u64,
        condition: LinkCondition,
    },
    /// Bring the gauges and the counts of the kernel into the evidence.
    Sample {
        id: u64,
        ticket: u64,
    },
    Remove {
        id: u64,
    },
    Stop,
}

/// Who is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Connection(Place),
    Door(u64),
}

#[derive(Debug)]
pub(super) struct Worker {
    poller: Poller,
    requests: Receiver<Request>,
    links: HashMap<u64, Served>,
    connections: Slots,
    timers: Timers<Who>,
    in_line: VecDeque<Who>,
}

impl Worker {
    pub fn new(poller: Poller, requests: Receiver<Request>) -> Worker {
        Worker {
            poller,
            requests,
            links: HashMap::new(),
            connections: Slots::default(),
            timers: Timers::new(),
            in_line: VecDeque::new(),
        }
    }

    /// Serves until it is told to stop.
    pub fn run(mut self) {
        if let Err(error) = Poller::wake_exactly() {
            tracing::warn!(%error, "userspace links are woken late: their delays are less exact");
        }
        while self.obey() {
            let now_ns = monotonic_ns();
            while let Some((at_ns, who)) = self.timers.due(now_ns) {
                self.wake(at_ns, who);
            }
            for _ in 0..self.in_line.len() {
                if let Some(who) = self.in_line.pop_front() {
                    self.look(who);
                }
            }
            let sleep_ns = match self.timers.next_ns() {
                _ if !self.in_line.is_empty() => 0,
                Some(at_ns) => at_ns.saturating_sub(monotonic_ns()),
                None => LONGEST_SLEEP_NS,
            };
            match self.poller.wait(sleep_ns.min(LONGEST_SLEEP_NS)) {
                Ok(count) => (0..count).for_each(|at| self.hear(self.poller.ready(at))),
                Err(error) => {
                    tracing::error!(%error, "userspace links cannot wait any more and end");
                    return;
                }
            }
        }
    }

    /// Does what was asked; false when that is to stop, or nobody is left to ask.
    fn obey(&mut self) -> bool {
        loop {
            match self.requests.try_recv() {
                Ok(Request::Add { id, link }) => self.add(id, *link),
                Ok(Request::Turn {
                    id,
                    ticket,
                    condition,
                }) => {
                    self.turn(id, condition);
                    self.tell(id, ticket);
                }
                Ok(Request::Sample { id, ticket }) => {
                    self.sample(id);
                    self.tell(id, ticket);
                }
                Ok(Request::Remove { id }) => self.remove(id),
                Ok(Request::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    fn add(&mut self, id: u64, link: Served) {
        // The first edge comes with the watch itself, if somebody connected already.
        match self.poller.watch(link.door.socket(), DOOR | id) {
            Ok(()) => {
                self.links.insert(id, link);
            }
            Err(error) => tracing::error!(%error, "a userspace link cannot be watched and ends"),
        }
    }

    fn tell(&self, id: u64, ticket: u64) {
        if let Some(link) = self.links.get(&id) {
            link.shared.tell(ticket);
        }
    }

    /// Puts a condition in force, for the door and for every connection.
    fn turn(&mut self, id: u64, condition: LinkCondition) {
        if condition.is_cut() {
            // Whoever completed a connection before the cut has one.
            while self.accept_some(id) {}
        }
        self.sample(id);
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let before = link.turn(condition, monotonic_ns());
        let turned = match (before.is_cut(), condition.is_cut()) {
            (false, true) => link.door.shut(),
            (true, false) => link.door.reopen(),
            (true, true) | (false, false) => Ok(()),
        };
        if let Err(error) = turned {
            tracing::warn!(%error, "the door of a userspace link cannot be shut or opened");
            let mut evidence = link.shared.evidence();
            evidence.count(|counts| counts.not_silenced += 1);
        }
        for place in self.connections.of(id) {
            let Some(connection) = self.connections.get(place) else {
                continue;
            };
            let Some(link) = self.links.get(&id) else {
                continue;
            };
            let ending = connection.turn(&before, link, &mut link.shared.evidence());
            match ending {
                Some(ending) => self.end(place, ending),
                None => self.stand_in_line(place),
            }
        }
        self.in_line.push_back(Who::Door(id));
    }

    /// Brings into the evidence what only the thread sees.
    fn sample(&mut self, id: u64) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let mut evidence = link.shared.evidence();
        if link.door.is_shut() {
            evidence.dropped(link.door.newly_dropped());
        }
        let mut held = [0; 2];
        let mut open = 0;
        for place in self.connections.of(id) {
            let Some(connection) = self.connections.get(place) else {
                continue;
            };
            connection.sample(&mut evidence);
            open += 1;
            for direction in Direction::BOTH {
                if link.condition.state(direction).cut {
                    held[direction.index()] += connection.waiting(direction) as u64;
                }
            }
        }
        evidence.open = open;
        evidence.held_bytes = held;
    }

    fn remove(&mut self, id: u64) {
        for place in self.connections.of(id) {
            self.end(place, Ending::Closed);
        }
        self.links.remove(&id);
    }

    fn hear(&mut self, event: Ready) {
        if event.is_bell() {
            self.poller.hush();
        } else if event.token & DOOR != 0 {
            self.in_line.push_back(Who::Door(event.token & !DOOR));
        } else {
            let (place, side) = Place::of_token(event.token);
            if let Some(connection) = self.connections.get(place) {
                connection.hear(side, event);
                self.stand_in_line(place);
            }
        }
    }

    fn wake(&mut self, at_ns: u64, who: Who) {
        match who {
            Who::Door(_) => self.in_line.push_back(who),
            Who::Connection(place) => {
                if let Some(connection) = self.connections.get(place) {
                    if connection.timer_ns == Some(at_ns) {
                        connection.timer_ns = None;
                    }
                    self.stand_in_line(place);
                }
            }
        }
    }

    fn stand_in_line(&mut self, place: Place) {
        if let Some(connection) = self.connections.get(place)
            && !std::mem::replace(&mut connection.in_line, true)
        {
            self.in_line.push_back(Who::Connection(place));
        }
    }

    fn look(&mut self, who: Who) {
        match who {
            Who::Door(id) => {
                if self.accept_some(id) {
                    self.in_line.push_back(who);
                }
            }
            Who::Connection(place) => self.advance(place),
        }
    }

    /// Accepts who waits at a door; true when more may be waiting.
    fn accept_some(&mut self, id: u64) -> bool {
        for _ in 0..ACCEPTS {
            let Some(link) = self.links.get_mut(&id) else {
                return false;
            };
            if link.door.is_shut() {
                return false;
            }
            let accepted = link.door.accept();
            let mut evidence = link.shared.evidence();
            let socket = match accepted {
                Ok(Some(socket)) => socket,
                Ok(None) => return false,
                Err(error) => {
                    tracing::warn!(%error, "a userspace link cannot accept a connection, and tries again");
                    evidence.count(|counts| counts.not_accepted += 1);
                    self.timers.add(monotonic_ns() + RETRY_NS, Who::Door(id));
                    return false;
                }
            };
            evidence.count(|counts| counts.accepted += 1);
            let mut connection = Connection::new(id, link, socket, monotonic_ns());
            connection.silence(link, &mut evidence);
            link.accepted += 1;
            drop(evidence);
            let resets = link.condition.connections == ConnectionRule::Reset;
            let place = self.connections.insert(connection);
            if resets || self.watch(place, Side::Source).is_err() {
                self.end(place, Ending::Reset);
            } else {
                self.stand_in_line(place);
            }
        }
        true
    }

    fn watch(&mut self, place: Place, side: Side) -> io::Result<()> {
        match self.connections.get(place).and_then(|it| it.socket(side)) {
            Some(socket) => self.poller.watch(socket, place.token(side)),
            None => Ok(()),
        }
    }

    fn advance(&mut self, place: Place) {
        let Some(connection) = self.connections.get(place) else {
            return;
        };
        connection.in_line = false;
        let Some(link) = self.links.get_mut(&connection.link) else {
            return;
        };
        let had_destination = connection.socket(Side::Destination).is_some();
        let shared = link.shared.clone();
        let next = connection.advance(link, &mut shared.evidence());
        let dialled = !had_destination && connection.socket(Side::Destination).is_some();
        if dialled && self.watch(place, Side::Destination).is_err() {
            return self.end(place, Ending::Refused);
        }
        match next {
            Next::Idle => {}
            Next::Again => self.stand_in_line(place),
            Next::At(at_ns) => self.set_timer(place, at_ns),
            Next::Over(ending) => self.end(place, ending),
        }
    }

    fn set_timer(&mut self, place: Place, at_ns: u64) {
        if let Some(connection) = self.connections.get(place)
            && connection.timer_ns.is_none_or(|set_ns| at_ns < set_ns)
        {
            connection.timer_ns = Some(at_ns);
            self.timers.add(at_ns, Who::Connection(place));
        }
    }

    fn end(&mut self, place: Place, ending: Ending) {
        if let Some(connection) = self.connections.remove(place)
            && let Some(link) = self.links.get(&connection.link)
        {
            connection.end(ending, &mut link.shared.evidence());
        }
    }
}

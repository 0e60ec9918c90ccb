//! One connection through a link: two sockets, and a queue in each direction.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, sockopt};
use shakedown_record::monotonic_ns;

use super::condition::{ConnectionRule, Direction, LinkCondition, LinkState, Side};
use super::dice::Dice;
use super::evidence::LinkEvidence;
use super::pipe::{End, Flushed, Pipe};
use super::poller::Ready;
use super::queue::Cargo;
use super::segments::{self, Silence};
use super::served::Served;
use super::sockets;

/// Reads in a row from one side before others have their turn.
const ROUNDS: usize = 8;

/// When a connection has to be looked at again, events apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Idle,
    At(u64),
    Again,
    Over(Ending),
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Both sides said all.
    Closed,
    /// A RST for both sides.
    Reset,
    /// The destination did not answer; a RST for the source.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The handshake is on its way through the link.
    Waiting {
        dial_at_ns: u64,
    },
    Dialling,
    Open,
    /// Half-open: dead without a word.
    Forgotten {
        gone: Side,
    },
}

/// Where the ends of a direction are: whom it comes from, whom it goes to.
fn side_indices(direction: Direction) -> [usize; 2] {
    [direction.from().index(), direction.from().other().index()]
}

#[derive(Debug)]
pub(super) struct Connection {
    /// The link that it belongs to.
    pub link: u64,
    /// The timer that is set for it.
    pub timer_ns: Option<u64>,
    /// It is in line to be looked at.
    pub in_line: bool,
    stage: Stage,
    ends: [End; 2],
    pipes: [Pipe; 2],
    /// Directions whose bytes are thrown away.
    swallowed: [bool; 2],
}

impl Connection {
    /// A connection just accepted.
    pub fn new(link_id: u64, link: &Served, source: OwnedFd, now_ns: u64) -> Connection {
        let pipe = |direction| Pipe::new(Dice::new(link.seed, link.accepted, direction));
        let condition = &link.condition;
        let handshake_ns = condition.to_destination.delay_ns + condition.to_source.delay_ns;
        Connection {
            link: link_id,
            timer_ns: None,
            in_line: false,
            stage: Stage::Waiting {
                dial_at_ns: now_ns + handshake_ns,
            },
            ends: [End::of(source), End::default()],
            pipes: Direction::BOTH.map(pipe),
            swallowed: [false; 2],
        }
    }

    pub fn socket(&self, side: Side) -> Option<&OwnedFd> {
        self.ends[side.index()].socket.as_ref()
    }

    /// Bytes that wait in one direction.
    pub fn waiting(&self, direction: Direction) -> usize {
        self.pipes[direction.index()].queue.len()
    }

    /// Notes what epoll said.
    pub fn hear(&mut self, side: Side, event: Ready) {
        let end = &mut self.ends[side.index()];
        end.readable |= event.readable;
        end.writable |= event.writable;
        end.ending |= event.ending;
        end.failed |= event.failed;
    }

    /// Does whatever can be done now.
    pub fn advance(&mut self, link: &mut Served, evidence: &mut LinkEvidence) -> Next {
        loop {
            match self.stage {
                Stage::Waiting { .. } if link.condition.is_cut() => return Next::Idle,
                Stage::Waiting { dial_at_ns } if dial_at_ns > monotonic_ns() => {
                    return Next::At(dial_at_ns);
                }
                Stage::Waiting { .. } => match sockets::dial(&link.upstream) {
                    Ok(socket) => {
                        self.ends[Side::Destination.index()].socket = Some(socket);
                        self.stage = Stage::Dialling;
                        // The caller has to watch it before anything can be heard of it.
                        return Next::Again;
                    }
                    Err(_) => return Next::Over(Ending::Refused),
                },
                Stage::Dialling => match self.dialled() {
                    None => return Next::Idle,
                    Some(Err(_)) => return Next::Over(Ending::Refused),
                    Some(Ok(())) => {
                        evidence.count(|counts| counts.opened += 1);
                        self.stage = Stage::Open;
                    }
                },
                Stage::Open => return self.carry(link, evidence),
                Stage::Forgotten { gone } => return self.discard(gone, link, evidence),
            }
        }
    }

    /// What became of dialling; nothing yet.
    fn dialled(&self) -> Option<io::Result<()>> {
        let end = &self.ends[Side::Destination.index()];
        let socket = end.socket.as_ref()?;
        if !end.writable {
            return None;
        }
        Some(match sockopt::socket_error(socket) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) | Err(error) => Err(error.into()),
        })
    }

    fn carry(&mut self, link: &mut Served, evidence: &mut LinkEvidence) -> Next {
        for direction in Direction::BOTH {
            let state = *link.condition.state(direction);
            let failed = std::mem::take(&mut self.ends[direction.from().index()].failed);
            if failed && self.pipes[direction.index()].ended {
                // A RST after a FIN: no read tells of it any more.
                self.broke(direction.from(), link);
            }
            if self.swallowed[direction.index()] {
                self.swallow(direction, evidence);
                continue;
            }
            if state.cut {
                continue;
            }
            for _ in 0..ROUNDS {
                let [from, to] = side_indices(direction);
                let pipe = &mut self.pipes[direction.index()];
                pipe.fill(&mut self.ends[from], &state, link.generation);
                let bucket = &mut link.bucket(direction);
                match pipe.flush(&mut self.ends[to], bucket, direction, evidence) {
                    Flushed::All => {}
                    Flushed::Reset => return Next::Over(Ending::Reset),
                    Flushed::Broken => self.broke(direction.from().other(), link),
                }
                if !self.may_fill(direction, &state) {
                    break;
                }
            }
        }
        if self
            .pipes
            .iter()
            .all(|pipe| pipe.told && pipe.queue.is_empty())
        {
            return Next::Over(Ending::Closed);
        }
        self.outlook(link)
    }

    fn may_fill(&self, direction: Direction, state: &LinkState) -> bool {
        self.pipes[direction.index()].may_fill(&self.ends[direction.from().index()], state)
    }

    /// A side's connection broke, as a write to it showed: the other side learns of it by the way through the link.
    fn broke(&mut self, side: Side, link: &Served) {
        let direction = Direction::out_of(side);
        let state = link.condition.state(direction);
        let pipe = &mut self.pipes[direction.index()];
        pipe.push(Cargo::Reset, 0, state, link.generation, monotonic_ns());
    }

    /// When something is next to be done.
    fn outlook(&self, link: &Served) -> Next {
        let now_ns = monotonic_ns();
        let mut earliest_ns = u64::MAX;
        for direction in Direction::BOTH {
            let state = link.condition.state(direction);
            if state.cut || self.swallowed[direction.index()] {
                continue;
            }
            if self.may_fill(direction, state) {
                return Next::Again;
            }
            let to = &self.ends[direction.from().other().index()];
            if let Some(at_ns) = self.pipes[direction.index()].due_ns(to, now_ns) {
                earliest_ns = earliest_ns.min(at_ns);
            }
        }
        match earliest_ns {
            u64::MAX => Next::Idle,
            at_ns if at_ns <= now_ns => Next::Again,
            at_ns => Next::At(at_ns),
        }
    }

    /// Throws away what the sides of a half-open connection say.
    fn discard(&mut self, gone: Side, link: &Served, evidence: &mut LinkEvidence) -> Next {
        for direction in Direction::BOTH {
            if direction.from() != gone || link.silence == Silence::Stream {
                self.swallow(direction, evidence);
            }
        }
        Next::Idle
    }

    /// Takes what one side says, and throws it away.
    fn swallow(&mut self, direction: Direction, evidence: &mut LinkEvidence) {
        let from = &mut self.ends[direction.from().index()];
        let pipe = &mut self.pipes[direction.index()];
        let Some(socket) = &from.socket else { return };
        evidence.discarded(direction, pipe.queue.clear());
        while from.readable {
            match rustix::net::recv(socket, pipe.queue.free(), RecvFlags::empty()) {
                Ok((_, len)) if len > 0 => evidence.discarded(direction, len),
                Err(Errno::INTR) => {}
                // Empty, or at its end: of which nobody is told.
                Ok(_) | Err(_) => from.readable = false,
            }
        }
    }

    /// Takes over a change of the link's condition, which the link has taken already.
    pub fn turn(
        &mut self,
        before: &LinkCondition,
        link: &Served,
        evidence: &mut LinkEvidence,
    ) -> Option<Ending> {
        let condition = &link.condition;
        let forgotten = matches!(self.stage, Stage::Forgotten { .. });
        match condition.connections {
            ConnectionRule::Reset => return Some(Ending::Reset),
            ConnectionRule::Keep if forgotten || self.swallowed != [false; 2] => {
                return Some(Ending::Reset);
            }
            ConnectionRule::Keep => {}
            ConnectionRule::Swallow { .. } => {
                if before.connections != condition.connections {
                    evidence.count(|counts| counts.forgotten += 1);
                    self.swallowed = condition.connections.swallows();
                }
            }
            ConnectionRule::HalfOpen { gone } => {
                if before.connections != condition.connections && !forgotten {
                    evidence.count(|counts| counts.forgotten += 1);
                    self.stage = Stage::Forgotten { gone };
                }
            }
        }
        let now_ns = monotonic_ns();
        for direction in Direction::BOTH {
            let latest_ns = now_ns + condition.state(direction).longest_delay_ns();
            let pipe = &mut self.pipes[direction.index()];
            pipe.queue.hurry(latest_ns);
            pipe.grant = None;
        }
        if let Stage::Waiting { dial_at_ns } = &mut self.stage {
            let handshake_ns = condition.to_destination.delay_ns + condition.to_source.delay_ns;
            *dial_at_ns = (*dial_at_ns).min(now_ns + handshake_ns);
        }
        self.silence(link, evidence);
        None
    }

    /// Has the kernel drop the segments of the sides that are cut off, and of no others.
    pub fn silence(&mut self, link: &Served, evidence: &mut LinkEvidence) {
        if link.silence == Silence::Stream {
            return;
        }
        for side in [Side::Source, Side::Destination] {
            let wanted = link.condition.state(Direction::out_of(side)).cut
                || self.stage == Stage::Forgotten { gone: side };
            let end = &mut self.ends[side.index()];
            if wanted == end.silenced.is_some() {
                continue;
            }
            end.sample(evidence);
            let Some(socket) = &end.socket else { continue };
            let done = if wanted {
                let before = segments::dropped(socket).unwrap_or(0);
                segments::drop_all(socket).map(|()| end.silenced = Some(before))
            } else {
                segments::drop_none(socket).map(|()| end.silenced = None)
            };
            if let Err(error) = done {
                tracing::warn!(%error, "the segments of a link's connection cannot be dropped or let through");
                evidence.count(|counts| counts.not_silenced += 1);
            }
        }
    }

    /// Counts the segments that were dropped since the last time.
    pub fn sample(&mut self, evidence: &mut LinkEvidence) {
        for end in &mut self.ends {
            end.sample(evidence);
        }
    }

    /// Ends it. Without an ending of its own it is closed, not reset.
    pub fn end(mut self, ending: Ending, evidence: &mut LinkEvidence) {
        self.sample(evidence);
        for direction in Direction::BOTH {
            let bytes = self.pipes[direction.index()].queue.clear();
            evidence.discarded(direction, bytes);
        }
        evidence.count(|counts| match ending {
            Ending::Closed => counts.closed += 1,
            Ending::Reset => counts.reset += 1,
            Ending::Refused => counts.refused += 1,
        });
        for socket in self.ends.iter_mut().filter_map(|end| end.socket.take()) {
            match ending {
                Ending::Closed => drop(socket),
                Ending::Reset | Ending::Refused => sockets::reset(socket),
            }
        }
    }
}

//! The venue's one thread: sockets, desk, log. One port for all: how a connection begins tells what it speaks.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use shakedown_record::monotonic_ns;
use shakedown_record::venue::{VenueError, VenueEvent, VenueOrder, VenueReport, read_venue};
use shakedown_scenarios::plan::{VenueFix, VenuePlan};

use super::acceptor::Acceptor;
use super::connection::{Connection, greet};
use super::desk::Desk;
use super::fix_line::FixLines;
use super::log::Log;
use super::message::Message;
use super::newcomers::{Newcomers, Speaks};
use crate::fix::utc_offset_ns;

/// Longest time without a look at new connections and at whether it is to end, in nanoseconds.
const LOOK_EVERY_NS: u64 = 20_000_000;

/// The same while a connection is being greeted.
const GREETING_NS: u64 = 500_000;

/// What a venue is told.
#[derive(Debug, Clone)]
pub struct VenueConfig {
    pub listen: SocketAddr,
    /// `venue.jsonl`; what is in it already has happened.
    pub log: PathBuf,
    pub plan: VenuePlan,
    pub seed: u64,
    /// Where it speaks FIX, too.
    pub fix: Option<VenueFix>,
}

/// Why a venue cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum VenueFailure {
    #[error("the venue cannot listen at {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("the venue cannot write {path}: {source}")]
    Log { path: PathBuf, source: io::Error },
    #[error("the venue cannot go on from its log: {0}")]
    Resume(#[from] VenueError),
}

/// The state of the thread.
struct Venue {
    desk: Desk,
    log: Log,
    connections: Vec<Connection>,
    fix: Option<FixLines>,
    listener: TcpListener,
    newcomers: Newcomers,
    greeted: (Sender<Option<Connection>>, Receiver<Option<Connection>>),
    greeting: usize,
    reports: Vec<VenueReport>,
}

/// Plays the venue until `is_over`.
///
/// # Errors
/// When it cannot listen, or its log cannot be read or written: then nobody is told anything any more.
pub fn serve(config: &VenueConfig, is_over: impl Fn() -> bool) -> Result<(), VenueFailure> {
    let mut venue = Venue::open(config)?;
    let failed = |source| VenueFailure::Log {
        path: config.log.clone(),
        source,
    };
    while !is_over() {
        venue.welcome();
        venue.listen();
        venue.desk.turn(monotonic_ns(), &mut venue.reports);
        venue.note();
        venue.log.write().map_err(failed)?;
        let is_busy = venue.tell();
        venue.wait(is_busy);
    }
    Ok(())
}

impl Venue {
    fn open(config: &VenueConfig) -> Result<Venue, VenueFailure> {
        let lines = read_venue(&config.log)?.unwrap_or_default();
        let failed = |source| VenueFailure::Log {
            path: config.log.clone(),
            source,
        };
        let mut log = Log::open(&config.log).map_err(failed)?;
        log.note(
            monotonic_ns(),
            VenueEvent::Started {
                resumed: lines.len() as u64,
            },
        );
        log.write().map_err(failed)?;
        let listener = TcpListener::bind(config.listen).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        let listener = listener.map_err(|source| VenueFailure::Listen {
            address: config.listen,
            source,
        })?;
        let desk = Desk::resume(config.plan, config.seed, &lines);
        let fix = config.fix.clone().map(|fix| {
            let acceptor = Acceptor::resume(fix, utc_offset_ns(), &lines, &desk);
            FixLines::new(acceptor)
        });
        Ok(Venue {
            desk,
            log,
            connections: Vec::new(),
            fix,
            listener,
            newcomers: Newcomers::default(),
            greeted: channel(),
            greeting: 0,
            reports: Vec::new(),
        })
    }

    /// Takes in new connections; each WebSocket handshake has a thread of its own, so that a slow one holds up nobody.
    fn welcome(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            self.newcomers.add(stream, monotonic_ns());
        }
        for (stream, speaks) in self.newcomers.known(monotonic_ns()) {
            match (speaks, &mut self.fix) {
                (Speaks::Fix, Some(fix)) => fix.add(stream),
                (Speaks::Fix | Speaks::Other, _) => {
                    let greeted = self.greeted.0.clone();
                    self.greeting += 1;
                    thread::spawn(move || {
                        let connection = stream
                            .set_nonblocking(false)
                            .ok()
                            .and_then(|()| greet(stream));
                        // Whoever waits for it is gone only at the end.
                        let _told = greeted.send(connection).is_ok();
                    });
                }
            }
        }
        while let Ok(connection) = self.greeted.1.try_recv() {
            self.greeting = self.greeting.saturating_sub(1);
            self.connections.extend(connection);
        }
    }

    /// Hears what everybody says.
    fn listen(&mut self) {
        for connection in &mut self.connections {
            while let Some(text) = connection.read() {
                hear(connection, &text, &mut self.desk, &mut self.log);
            }
        }
        self.connections.retain(|connection| {
            if let (true, Some(session)) = (connection.is_over, &connection.session) {
                let session = session.clone();
                self.log.note(monotonic_ns(), VenueEvent::Gone { session });
            }
            !connection.is_over
        });
        if let Some(fix) = &mut self.fix {
            let (now_ns, mut events) = (monotonic_ns(), Vec::new());
            fix.listen(now_ns, &mut self.desk, &mut events);
            events
                .into_iter()
                .for_each(|event| self.log.note(now_ns, event));
        }
    }

    /// Notes what everybody is to be told, each under its number.
    fn note(&mut self) {
        let now_ns = monotonic_ns();
        for mut report in self.reports.drain(..) {
            if let Some(fix) = &mut self.fix {
                fix.report(&mut report, &self.desk, now_ns);
            }
            self.log.note(now_ns, VenueEvent::Report(report));
        }
        if let Some(fix) = &mut self.fix {
            let mut events = Vec::new();
            fix.note_numbers(&mut events);
            events
                .into_iter()
                .for_each(|event| self.log.note(now_ns, event));
        }
    }

    /// Sends everybody what is new; true when somebody cannot take all of it now.
    fn tell(&mut self) -> bool {
        let mut is_busy = false;
        for connection in &mut self.connections {
            if let Some(session) = connection.session.clone() {
                for report in self.desk.after(&session, connection.sent) {
                    connection.send(report);
                }
            }
            is_busy |= connection.flush();
        }
        is_busy | self.fix.as_mut().is_some_and(FixLines::flush)
    }

    /// Until somebody says something, or something is due.
    fn wait(&self, is_busy: bool) {
        let longest_ns = match self.greeting {
            0 => LOOK_EVERY_NS,
            _ => GREETING_NS,
        };
        let now_ns = monotonic_ns();
        let due_ns = self.desk.due_ns().unwrap_or(u64::MAX);
        let timeout_ns = due_ns.saturating_sub(now_ns).min(longest_ns);
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: timeout_ns as i64,
        };
        let wanted = match is_busy {
            true => PollFlags::IN | PollFlags::OUT,
            false => PollFlags::IN,
        };
        let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(self.connections.len() + 1);
        polled.push(PollFd::new(&self.listener, PollFlags::IN));
        for connection in &self.connections {
            polled.push(PollFd::new(connection.socket.get_ref(), wanted));
        }
        for stream in self.newcomers.streams() {
            polled.push(PollFd::new(stream, PollFlags::IN));
        }
        for stream in self.fix.iter().flat_map(FixLines::streams) {
            polled.push(PollFd::new(stream, wanted));
        }
        // An interruption is a look around that comes early.
        let _early = poll(&mut polled, Some(&timeout));
    }
}

/// What one trading system says.
fn hear(connection: &mut Connection, text: &str, desk: &mut Desk, log: &mut Log) {
    let now_ns = monotonic_ns();
    let known = connection.session.clone();
    let event = match (Message::read(text), known) {
        (Ok(Message::Logon { session, after }), _) => {
            connection.session = Some(session.clone());
            connection.sent = after;
            VenueEvent::Logon { session, after }
        }
        (Ok(Message::New(new)), Some(session)) => {
            let order = VenueOrder {
                session,
                id: new.id,
                tag: new.tag,
                symbol: new.symbol,
                side: new.side,
                price: new.price,
                quantity: new.quantity,
            };
            desk.order(now_ns, &order);
            VenueEvent::Order(order)
        }
        (Ok(Message::Cancel { id }), Some(session)) => {
            desk.cancel(now_ns, &session, &id, None);
            VenueEvent::Cancel {
                session,
                id,
                request: None,
            }
        }
        (Ok(Message::New(_) | Message::Cancel { .. }), None) => VenueEvent::Malformed {
            session: None,
            why: "the first message has to be a logon".to_string(),
        },
        (Err(why), session) => VenueEvent::Malformed { session, why },
    };
    log.note(now_ns, event);
}

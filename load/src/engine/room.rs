//! One load thread: release what is due, serve what is ready, look at whose time has come, wait.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use shakedown_record::slots::SLOT_NS;
use shakedown_record::{Outcome, monotonic_ns};

use super::affinity::{available_cores, settle};
use super::books::{Books, ClosedBooks};
use super::desk::Desk;
use super::gateway::Gateway;
use super::idle::Idle;
use super::kept::{Connections, Kept};
use super::session::{Link, Session, Waiting};
use super::shared::Shared;
use super::source::Source;
use super::timers::Timers;
use super::urgency::Urgency;
use super::wires::Wires;
use super::wrapped::Wrapping;
use crate::pacing::Slot;
use crate::selfcheck::{Exhausted, VitalSigns, Vitals, thread_cpu_ns};

/// How often a thread looks at things that are not urgent, in nanoseconds; also its longest sleep.
const HOUSEKEEPING_NS: u64 = 20_000_000;

/// Bytes of the buffer into which every connection of a thread is read.
const INBOX_BYTES: usize = 64 * 1024;

/// Most slots that are released before the sockets are served again.
const MOST_RELEASES: usize = 256;

/// Longest wait for a connection, in nanoseconds; a lost SYN would be repeated after a second, a new dial is sooner.
const LONGEST_DIAL_NS: u64 = 250_000_000;

/// How a thread works.
#[derive(Debug, Clone)]
pub(crate) struct RoomPlan {
    pub thread: usize,
    pub threads: usize,
    pub timeout_ns: u64,
    pub reconnect_every_ns: u64,
    pub in_flight: usize,
    /// Sockets may have descriptors below this; the rest is for the ledger and whatever else the process opens.
    pub descriptors: u64,
    /// Through io_uring instead of epoll.
    pub ring: bool,
    /// Session `s` begins with address `s mod addresses`.
    pub addresses: Vec<SocketAddr>,
    /// For each address, where what enters there is reported; none where answers say all.
    pub reports: Vec<SocketAddr>,
    /// Of the addresses that want it.
    pub tls: Wrapping,
}

/// What a thread leaves behind.
#[derive(Debug)]
pub(crate) struct RoomEnd {
    pub books: ClosedBooks,
    /// Dials that failed for a shortage of this machine's own.
    pub exhausted: Option<Exhausted>,
    /// Handshakes of TLS that came to nothing, and why the first of them did.
    pub unwelcome: Option<(u64, String)>,
    /// How often each HTTP status was answered to plain requests.
    pub statuses: BTreeMap<u16, u64>,
    /// Those that are still connected, where they stay so.
    pub kept: Option<Kept>,
    /// The poller or a side file failed.
    pub failure: Option<io::Error>,
    /// What the thread had while the load ran.
    pub vitals: VitalSigns,
    /// How long the load ran, in nanoseconds.
    pub wall_ns: u64,
}

/// One load thread.
pub(crate) struct Room {
    pub(super) plan: RoomPlan,
    pub(super) wires: Wires,
    /// Those of the plan, and then as many that only listen to reports, where there are any.
    pub(super) sessions: Vec<Session>,
    /// How many sessions are the plan's.
    pub(super) owners: usize,
    pub(super) timers: Timers,
    pub(super) books: Books,
    pub(super) desk: Desk,
    pub(super) gateway: Gateway,
    pub(super) source: Source,
    pub(super) inbox: Vec<u8>,
    pub(super) outbox: Vec<u8>,
    /// Of a connection with TLS: what was read from it, and what is written to it.
    pub(super) plain: Vec<u8>,
    pub(super) sealed: Vec<u8>,
    /// Sessions with a batch that was not offered to its socket yet.
    pub(super) holding: Vec<usize>,
    /// Most messages of a session that are written at once.
    pub(super) batch: usize,
    /// The last reading of the clock; every event takes one.
    pub(super) now_ns: u64,
    /// The kernel notes when answers come: where time is measured from a schedule, not from the thread's own loop.
    pub(super) notes: bool,
    /// How long what is being taken in had lain in its socket, in nanoseconds.
    pub(super) age_ns: u64,
    /// `CLOCK_MONOTONIC` of zero.
    pub(super) zero_ns: u64,
    pub(super) running: bool,
    pub(super) stop_at_ns: u64,
    pub(super) exhausted: Option<Exhausted>,
    pub(super) unwelcome: Option<(u64, String)>,
    /// Where ends of connections are written down, if anybody wants them.
    pub(super) connections: Option<Connections>,
    shared: Arc<Shared>,
    urgency: Urgency,
    failure: Option<io::Error>,
    housekeeping_at_ns: u64,
}

impl Room {
    /// A room whose sessions have not dialled yet.
    ///
    /// # Errors
    /// When the kernel gives no poller, or no ring where one is wanted.
    pub fn new(
        plan: RoomPlan,
        books: Books,
        desk: Desk,
        gateway: Gateway,
        source: Source,
        shared: Arc<Shared>,
    ) -> io::Result<Room> {
        let part = source.part();
        let mut sessions: Vec<Session> = (0..part.count())
            .map(|local| {
                let address = usize::from(part.session(local)) % plan.addresses.len();
                Session::new(address)
            })
            .collect();
        let owners = sessions.len();
        if !plan.reports.is_empty() {
            sessions.extend((0..owners).map(|_| Session::new(0)));
        }
        Ok(Room {
            wires: Wires::open(plan.ring.then_some(sessions.len()))?,
            timers: Timers::new(sessions.len()),
            sessions,
            // A ring hands over bytes without notes.
            notes: source.next_at_ns().is_some() && !plan.ring,
            age_ns: 0,
            owners,
            plan,
            books,
            desk,
            batch: gateway.batch(),
            gateway,
            source,
            inbox: vec![0; INBOX_BYTES],
            outbox: Vec::with_capacity(4096),
            plain: Vec::new(),
            sealed: Vec::new(),
            holding: Vec::new(),
            now_ns: monotonic_ns(),
            zero_ns: 0,
            running: false,
            stop_at_ns: u64::MAX,
            exhausted: None,
            unwelcome: None,
            connections: None,
            shared,
            urgency: Urgency::default(),
            failure: None,
            housekeeping_at_ns: 0,
        })
    }

    /// The same, and ends of its connections are written down.
    pub fn with_connections(self, connections: Option<Connections>) -> Room {
        Room {
            connections,
            ..self
        }
    }

    /// Some address wants TLS.
    pub fn has_tls(&self) -> bool {
        self.plan.tls.config.is_some()
    }

    /// Dials every session and waits until each is connected or has tried every address, `for_ns` at most.
    pub fn connect(&mut self, for_ns: u64) {
        let is_open_loop = self.source.next_at_ns().is_some();
        self.urgency = settle(self.plan.thread, self.plan.threads, is_open_loop);
        let until_ns = monotonic_ns() + for_ns;
        if let Err(error) = self.wires.begin() {
            self.failure.get_or_insert(error);
            return;
        }
        for session in 0..self.owners {
            self.now_ns = monotonic_ns();
            self.dial(session);
        }
        while self.now_ns < until_ns && self.failure.is_none() && self.is_dialling() {
            let timer_ns = self.timers.next_ns().unwrap_or(until_ns).min(until_ns);
            let ready = self.wires.wait(timer_ns.saturating_sub(self.now_ns));
            self.serve(ready);
            self.now_ns = monotonic_ns();
            self.expire();
        }
    }

    /// Some session is not connected and has not yet tried every address once.
    fn is_dialling(&self) -> bool {
        let mut owners = self.sessions[..self.owners].iter();
        owners.any(|session| match session.link {
            Link::Up { .. } => false,
            Link::Dialling { .. } | Link::Greeting { .. } => true,
            Link::Down { .. } => (session.generation as usize) < self.plan.addresses.len(),
        })
    }

    /// Runs the load until every slot has ended.
    pub fn run(mut self, zero_ns: u64) -> RoomEnd {
        self.zero_ns = zero_ns;
        let mut idle = Idle::new(self.plan.threads, available_cores().len(), monotonic_ns());
        let mut vitals = Vitals::begin();
        let mut due_ns = u64::MAX;
        if self.source.next_at_ns().is_none() {
            std::thread::sleep(std::time::Duration::from_nanos(
                zero_ns.saturating_sub(monotonic_ns()),
            ));
        }
        self.now_ns = monotonic_ns();
        self.stop_at_ns = self.shared.stop_at_ns.load(Ordering::Acquire);
        self.running = true;
        for session in 0..self.owners {
            self.pump(session);
        }
        loop {
            self.now_ns = monotonic_ns();
            vitals.pass(self.now_ns, due_ns);
            self.stop_at_ns = self.shared.stop_at_ns.load(Ordering::Acquire);
            self.release_due();
            self.expire();
            self.housekeep();
            if self.is_over() {
                break;
            }
            let (deadline_ns, exact) = self.deadline();
            due_ns = deadline_ns.max(self.now_ns);
            let ready = idle.wait(&mut self.wires, self.now_ns, deadline_ns, exact);
            self.serve(ready);
        }
        self.close(vitals)
    }

    /// Ends a room whose load never began.
    pub fn leave(mut self) -> RoomEnd {
        self.stop_at_ns = 0;
        self.zero_ns = self.now_ns;
        self.close(Vitals::begin())
    }

    /// Nanoseconds since zero at the last reading of the clock.
    pub(super) fn run_ns(&self) -> u64 {
        self.now_ns.saturating_sub(self.zero_ns)
    }

    /// A thread that comes late may owe slots from before the stop after the stop: they are scheduled too.
    fn is_over(&self) -> bool {
        let owes = self.source.next_at_ns();
        let owes = owes.is_some_and(|at_ns| at_ns < self.stop_at_ns);
        self.books.open() == 0 && !owes && self.run_ns() >= self.stop_at_ns
    }

    /// Until when there is nothing to do but to serve sockets, and whether a slot is due then.
    fn deadline(&mut self) -> (u64, bool) {
        let mut deadline_ns = self.now_ns + HOUSEKEEPING_NS;
        if let Some(timer_ns) = self.timers.next_ns() {
            deadline_ns = deadline_ns.min(timer_ns);
        }
        if self.stop_at_ns < u64::MAX && self.run_ns() < self.stop_at_ns {
            deadline_ns = deadline_ns.min(self.zero_ns.saturating_add(self.stop_at_ns));
        }
        match self.source.next_at_ns() {
            Some(at_ns) if at_ns < self.stop_at_ns && self.zero_ns + at_ns <= deadline_ns => {
                (self.zero_ns + at_ns, true)
            }
            _ => (deadline_ns, false),
        }
    }

    /// Releases every slot that is due now, each stamped by itself.
    pub(super) fn release_due(&mut self) {
        if self.now_ns < self.zero_ns || !self.running {
            return;
        }
        let due_ns = self.run_ns();
        for _ in 0..MOST_RELEASES {
            let Some((slot, session)) = self.source.take_due(due_ns, self.stop_at_ns) else {
                break;
            };
            self.release(slot, session);
            self.now_ns = monotonic_ns();
        }
        self.send_held();
    }

    fn release(&mut self, slot: Slot, session: usize) {
        let lag_ns = self.run_ns().saturating_sub(slot.at_ns);
        self.books.released(slot, lag_ns);
        let waiting = Waiting {
            slot: slot.index,
            intended_ns: slot.at_ns,
            lag_ns,
        };
        let has_room = self.has_room(session);
        let owner = &mut self.sessions[session];
        match owner.link {
            Link::Up { .. } if owner.waiting.is_empty() && has_room => {
                self.submit(session, waiting);
            }
            Link::Up { .. } | Link::Dialling { .. } | Link::Greeting { .. } => {
                owner.waiting.push_back(waiting);
                let expires_ns = self.expires_ns(slot.at_ns);
                self.timers.arm(session, expires_ns);
            }
            Link::Down { .. } => self.end_unsent(session, waiting, Outcome::NotSent),
        }
    }

    /// When a slot must have ended, on the clock of the sockets.
    pub(super) fn expires_ns(&self, intended_ns: u64) -> u64 {
        self.zero_ns + intended_ns + self.plan.timeout_ns
    }

    /// Longest time that a dial may take.
    pub(super) fn dial_ns(&self) -> u64 {
        self.plan.timeout_ns.min(LONGEST_DIAL_NS)
    }

    fn serve(&mut self, ready: io::Result<usize>) {
        let count = match ready {
            Ok(count) => count,
            Err(error) => {
                self.failure.get_or_insert(error);
                return;
            }
        };
        for at in 0..count {
            let ready = self.wires.ready(at);
            let session = (ready.token & 0xffff_ffff) as usize;
            if self.sessions[session].generation == (ready.token >> 32) as u32 {
                self.attend(session, ready);
            }
            let due = self.source.next_at_ns();
            if self.running && due.is_some_and(|at_ns| self.zero_ns + at_ns <= self.now_ns) {
                self.release_due();
            }
        }
    }

    fn housekeep(&mut self) {
        if self.now_ns < self.housekeeping_at_ns {
            return;
        }
        self.housekeeping_at_ns = self.now_ns + HOUSEKEEPING_NS;
        self.urgency.watch(self.now_ns, thread_cpu_ns());
        self.books.housekeep(self.passed_ns());
        self.tick();
        self.flush_side_files();
        if self.failure.is_some() || self.books.is_broken() {
            self.shared.abandon.store(true, Ordering::Release);
        }
        if self.shared.abandon.load(Ordering::Acquire) {
            self.shared.stop_at_ns.fetch_min(0, Ordering::AcqRel);
            self.stop_at_ns = 0;
            self.abandon();
        }
    }

    /// Everything intended before this run time has been scheduled.
    fn passed_ns(&self) -> u64 {
        let last_slot_ends_ns = self
            .stop_at_ns
            .checked_next_multiple_of(SLOT_NS as u64)
            .unwrap_or(u64::MAX);
        match self.source.next_at_ns() {
            Some(at_ns) if at_ns < self.stop_at_ns => at_ns.min(self.run_ns()),
            _ => self.run_ns().min(last_slot_ends_ns),
        }
    }

    fn flush_side_files(&mut self) {
        let connections = self.connections.as_mut().map_or(Ok(()), Connections::flush);
        for flushed in [self.desk.flush(), connections] {
            if let Err(error) = flushed {
                self.failure.get_or_insert(error);
            }
        }
    }

    fn close(mut self, vitals: Vitals) -> RoomEnd {
        self.say_goodbye();
        self.flush_side_files();
        let wall_ns = self.run_ns();
        RoomEnd {
            kept: self.keep_connected(),
            books: self.books.close(self.stop_at_ns.min(wall_ns)),
            exhausted: self.exhausted,
            unwelcome: self.unwelcome,
            statuses: self.gateway.statuses(),
            failure: self.failure,
            vitals: vitals.end(),
            wall_ns,
        }
    }
}

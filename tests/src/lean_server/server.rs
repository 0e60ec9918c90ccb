//! Sockets of the lean server: accept, read, answer at once or when it is time, go away and come back.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, accept_with, bind, getsockname,
    ipproto, listen, recv, send, socket_with, sockopt,
};
use shakedown_record::monotonic_ns;

use super::queue::{Due, Queue};
use super::wire::{Parsed, parse};
use crate::truth_server::{Program, Reply};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

/// Time before an answer is due that is spent looking at the clock, in nanoseconds; the server has a core of its own.
const SPIN_NS: u64 = 150_000;

/// Longest sleep, in nanoseconds: the end is asked for that often.
const LONGEST_SLEEP_NS: u64 = 20_000_000;

/// Most events of one wait.
const BATCH: usize = 256;

/// Token of the listener and of standard input; connections have their index.
const LISTENER: u64 = u64::MAX;
const INPUT: u64 = u64::MAX - 1;

/// What the server is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeanProgram {
    pub program: Program,
    /// Log every answer. Without it the server does nothing that it need not.
    pub logs: bool,
    /// 0 is any.
    pub port: u16,
}

/// What it tells while it serves; moments in nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announced {
    Port(u16),
    Up(u64),
    Down(u64),
}

struct Connection {
    socket: OwnedFd,
    /// What came and is no whole request yet.
    unread: Vec<u8>,
    /// An answer of this connection waits; requests behind it wait, too.
    waits: bool,
}

struct Server {
    plan: LeanProgram,
    epoll: OwnedFd,
    listener: Option<OwnedFd>,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    generations: Vec<u64>,
    queue: Queue,
    log: Vec<Reply>,
    inbox: Vec<u8>,
    received: u64,
    first_ns: Option<u64>,
    address: SocketAddrV4,
    /// When it goes away and when it comes back.
    leaves_ns: Option<u64>,
    returns_ns: Option<u64>,
}

/// Serves until standard input is closed; returns the log.
///
/// # Errors
/// When it cannot listen, or the kernel refuses to wait.
pub fn serve(plan: LeanProgram, mut announce: impl FnMut(Announced)) -> io::Result<Vec<Reply>> {
    let mut server = Server::open(plan)?;
    announce(Announced::Port(server.address.port()));
    announce(Announced::Up(monotonic_ns()));
    let mut events = Vec::with_capacity(BATCH);
    loop {
        let now_ns = monotonic_ns();
        server.come_and_go(now_ns, &mut announce)?;
        server.answer_due();
        events.clear();
        let timeout = server.timeout();
        match epoll::wait(&server.epoll, spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            match event.data.u64() {
                LISTENER => server.accept()?,
                INPUT => return Ok(server.log),
                connection => server.read(connection as usize),
            }
        }
    }
}

impl Server {
    fn open(plan: LeanProgram) -> io::Result<Server> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        // A file or terminal that cannot be watched never ends the server; pipes, which is what it is given, can.
        let input = epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::RDHUP;
        let watched = epoll::add(&epoll, io::stdin(), epoll::EventData::new_u64(INPUT), input);
        watched.map_err(|errno| io::Error::other(format!("standard input is no pipe: {errno}")))?;
        let mut server = Server {
            plan,
            epoll,
            listener: None,
            connections: Vec::new(),
            free: Vec::new(),
            generations: Vec::new(),
            queue: Queue::default(),
            log: Vec::with_capacity(if plan.logs { 1 << 20 } else { 0 }),
            inbox: vec![0; 64 * 1024],
            received: 0,
            first_ns: None,
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, plan.port),
            leaves_ns: None,
            returns_ns: None,
        };
        server.listen()?;
        Ok(server)
    }

    fn listen(&mut self) -> io::Result<()> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::STREAM,
            flags,
            Some(ipproto::TCP),
        )?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &self.address)?;
        listen(&socket, 4096)?;
        self.address = getsockname(&socket)?
            .try_into()
            .map_err(|_| io::Error::other("the listener has no IPv4 address"))?;
        let data = epoll::EventData::new_u64(LISTENER);
        epoll::add(&self.epoll, &socket, data, epoll::EventFlags::IN)?;
        self.listener = Some(socket);
        Ok(())
    }

    /// Closes everything when its time has come, and opens again.
    fn come_and_go(&mut self, now_ns: u64, announce: &mut impl FnMut(Announced)) -> io::Result<()> {
        if self.leaves_ns.is_some_and(|at_ns| at_ns <= now_ns) {
            self.leaves_ns = None;
            self.listener = None;
            for connection in 0..self.connections.len() {
                self.close(connection);
            }
            self.queue.clear();
            let down_ns = monotonic_ns();
            announce(Announced::Down(down_ns));
            let for_ns = self.plan.program.gone.and_then(|gone| gone.for_ns);
            self.returns_ns = for_ns.map(|for_ns| down_ns + for_ns);
        }
        if self.returns_ns.is_some_and(|at_ns| at_ns <= now_ns) {
            self.returns_ns = None;
            self.listen()?;
            announce(Announced::Up(monotonic_ns()));
        }
        Ok(())
    }

    fn timeout(&self) -> Timespec {
        let moments = [self.queue.next_ns(), self.leaves_ns, self.returns_ns];
        let sleep_ns = match moments.into_iter().flatten().min() {
            Some(at_ns) => at_ns.saturating_sub(monotonic_ns() + SPIN_NS),
            None => LONGEST_SLEEP_NS,
        };
        Timespec {
            tv_sec: 0,
            tv_nsec: sleep_ns.min(LONGEST_SLEEP_NS) as i64,
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let Some(listener) = &self.listener else {
                return Ok(());
            };
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = match accept_with(listener, flags) {
                Ok(socket) => socket,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(errno) => return Err(errno.into()),
            };
            sockopt::set_tcp_nodelay(&socket, true)?;
            let index = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.generations.push(0);
                self.connections.len() - 1
            });
            let data = epoll::EventData::new_u64(index as u64);
            let flags = epoll::EventFlags::IN | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
            epoll::add(&self.epoll, socket.as_fd(), data, flags)?;
            self.connections[index] = Some(Connection {
                socket,
                unread: Vec::new(),
                waits: false,
            });
        }
    }

    fn close(&mut self, connection: usize) {
        if self.connections[connection].take().is_some() {
            self.generations[connection] += 1;
            self.free.push(connection);
        }
    }

    /// Reads what a connection has to say and answers it.
    fn read(&mut self, connection: usize) {
        let mut inbox = std::mem::take(&mut self.inbox);
        while let Some(known) = &mut self.connections[connection] {
            match recv(&known.socket, &mut inbox[..], RecvFlags::empty()) {
                Ok((0, _)) => self.close(connection),
                Ok((count, _)) => {
                    self.take(connection, &inbox[..count]);
                    // Short of the buffer: the socket is empty, and an end would be an event of its own.
                    if count < inbox.len() {
                        break;
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(_) => self.close(connection),
            }
        }
        self.inbox = inbox;
    }

    fn take(&mut self, connection: usize, bytes: &[u8]) {
        let Some(known) = &mut self.connections[connection] else {
            return;
        };
        if known.unread.is_empty() && !known.waits {
            let used = self.requests(connection, bytes);
            if let Some(known) = &mut self.connections[connection] {
                known.unread.extend_from_slice(&bytes[used..]);
            }
        } else {
            known.unread.extend_from_slice(bytes);
            self.resume(connection);
        }
    }

    /// Goes on with what a connection has sent before.
    fn resume(&mut self, connection: usize) {
        let Some(known) = &mut self.connections[connection] else {
            return;
        };
        if known.unread.is_empty() {
            return;
        }
        let mut unread = std::mem::take(&mut known.unread);
        let used = self.requests(connection, &unread);
        if let Some(known) = &mut self.connections[connection] {
            unread.drain(..used);
            known.unread = unread;
        }
    }

    /// Answers the requests in `bytes`, up to one that has to wait; returns how many bytes they had.
    fn requests(&mut self, connection: usize, bytes: &[u8]) -> usize {
        let mut used = 0;
        while used < bytes.len() {
            match parse(&bytes[used..], self.plan.logs) {
                Parsed::Partial => break,
                Parsed::Malformed => {
                    self.close(connection);
                    break;
                }
                Parsed::Whole { bytes: count, id } => {
                    used += count;
                    if self.request(connection, id) {
                        break;
                    }
                }
            }
        }
        used
    }

    /// Answers a request or lets it wait; true when it waits.
    fn request(&mut self, connection: usize, id: Option<u64>) -> bool {
        let order = self.received;
        self.received += 1;
        if !self.plan.logs && self.plan.program == Program::IMMEDIATE {
            self.write(connection);
            return false;
        }
        let received_ns = monotonic_ns();
        let first_ns = *self.first_ns.get_or_insert_with(|| {
            let gone = self.plan.program.gone;
            self.leaves_ns = gone.map(|gone| received_ns + gone.after_ns);
            received_ns
        });
        let id = id.unwrap_or(order);
        let delay = self.plan.program.delay;
        let wait_ns = delay.wait_ns(id, received_ns - first_ns);
        let due = Due {
            at_ns: received_ns + wait_ns,
            order,
            connection,
            generation: self.generations[connection],
            id,
            received_ns,
        };
        if wait_ns == 0 {
            self.answer(&due);
            return false;
        }
        if let Some(known) = &mut self.connections[connection] {
            known.waits = true;
        }
        self.queue.add(due);
        true
    }

    fn answer_due(&mut self) {
        while let Some(due) = self.queue.take(monotonic_ns()) {
            if self.generations[due.connection] != due.generation {
                continue;
            }
            self.answer(&due);
            if let Some(known) = &mut self.connections[due.connection] {
                known.waits = false;
            }
            self.resume(due.connection);
        }
    }

    fn answer(&mut self, due: &Due) {
        let replied_ns = monotonic_ns();
        if self.write(due.connection) && self.plan.logs {
            self.log.push(Reply {
                id: due.id,
                received_ns: due.received_ns,
                replied_ns,
            });
        }
    }

    /// Sends the answer; false when the connection is gone, or takes nothing, which ends it.
    fn write(&mut self, connection: usize) -> bool {
        let Some(known) = &self.connections[connection] else {
            return false;
        };
        let sent = send(&known.socket, ANSWER, SendFlags::NOSIGNAL);
        if sent != Ok(ANSWER.len()) {
            self.close(connection);
            return false;
        }
        true
    }
}

//! What a request costs this machine over epoll and over io_uring, in processor time of the thread that sends it.
//!
//! The two take turns of a few milliseconds against a thread of ours that answers on loopback: never against the engine.
//! Costs on a shared machine drift by more than the two differ, so that only neighbouring turns are compared.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use shakedown_record::monotonic_ns;

use super::poller::Poller;
use super::socket::{self, ReadEnd, Written};
use super::wires::Wires;
use crate::selfcheck::thread_cpu_ns;

/// Connections of each of the two.
const CONNECTIONS: usize = 32;

/// Turns of each of the two, after one that does not count.
const TURNS: usize = 9;

/// Length of a turn in nanoseconds.
const TURN_NS: u64 = 5_000_000;

/// Longest wait for anything, in nanoseconds: a machine that is busier is no place for a comparison.
const LONGEST_WAIT_NS: u64 = 50_000_000;

/// Bytes of a request and of its answer.
const REQUEST: [u8; 160] = [b'r'; 160];
const ANSWER: [u8; 80] = [b'a'; 80];

/// Processor time of a request in nanoseconds, turn by turn.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Costs {
    pub epoll_ns: Vec<f64>,
    pub ring_ns: Vec<f64>,
}

/// Compares the two, for about 100 ms.
///
/// # Errors
/// When the kernel refuses one of them, or does not answer in time.
pub(super) fn measure() -> io::Result<Costs> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let done = Arc::new(AtomicBool::new(false));
    let answering = {
        let done = Arc::clone(&done);
        thread::Builder::new()
            .name("probe".into())
            .spawn(move || answer(&listener, &done))?
    };
    let costs = compare(address);
    done.store(true, Ordering::Release);
    // A thread that waits for a connection that did not come gets one, and looks.
    let _ = std::net::TcpStream::connect(address);
    match answering.join() {
        Ok(answered) => answered.and(costs),
        Err(_) => Err(io::Error::other("the answering thread panicked")),
    }
}

fn compare(address: SocketAddr) -> io::Result<Costs> {
    let mut epoll = Side::connect(Wires::open(None)?, address)?;
    let mut ring = Side::connect(Wires::open(Some(CONNECTIONS))?, address)?;
    epoll.turn()?;
    ring.turn()?;
    let mut costs = Costs::default();
    for _ in 0..TURNS {
        costs.epoll_ns.push(epoll.turn()?);
        costs.ring_ns.push(ring.turn()?);
    }
    Ok(costs)
}

/// One of the two.
struct Side {
    // Lets go of the sockets before they are closed.
    wires: Wires,
    sockets: Vec<OwnedFd>,
}

impl Side {
    fn connect(mut wires: Wires, address: SocketAddr) -> io::Result<Side> {
        wires.begin()?;
        let mut sockets = Vec::with_capacity(CONNECTIONS);
        for session in 0..CONNECTIONS {
            let socket = socket::dial(address, u64::MAX)
                .map_err(|failure| io::Error::other(format!("a dial failed: {failure:?}")))?;
            wires.watch(&socket, session as u64)?;
            sockets.push(socket);
        }
        let mut side = Side { wires, sockets };
        let mut connected = 0;
        while connected < CONNECTIONS {
            connected += side.wait()?;
        }
        Ok(side)
    }

    fn wait(&mut self) -> io::Result<usize> {
        match self.wires.wait(LONGEST_WAIT_NS)? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            count => Ok(count),
        }
    }

    fn ask(&mut self, session: usize) -> io::Result<()> {
        let written = self
            .wires
            .write(session, &self.sockets[session], &REQUEST, 1);
        match written {
            Written::Bytes(count) if count == REQUEST.len() => Ok(()),
            Written::Bytes(_) | Written::Broken => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Each connection asks again as soon as it has its answer, until the turn is over and all are answered; returns the
    /// processor time of a request in nanoseconds.
    fn turn(&mut self) -> io::Result<f64> {
        let (from_ns, cpu_from_ns) = (monotonic_ns(), thread_cpu_ns());
        let mut inbox = [0; 4096];
        let mut answered = 0u32;
        for session in 0..CONNECTIONS {
            self.ask(session)?;
        }
        let mut open = CONNECTIONS;
        while open > 0 {
            let count = self.wait()?;
            for at in 0..count {
                let ready = self.wires.ready(at);
                let session = ready.token as usize;
                if !ready.readable {
                    continue;
                }
                match self.wires.read(session, &self.sockets[session], &mut inbox) {
                    ReadEnd::Bytes(count) if count == ANSWER.len() => answered += 1,
                    ReadEnd::Empty => continue,
                    _ => return Err(io::ErrorKind::ConnectionReset.into()),
                }
                if monotonic_ns() < from_ns + TURN_NS {
                    self.ask(session)?;
                } else {
                    open -= 1;
                }
            }
        }
        let cpu_ns = thread_cpu_ns().saturating_sub(cpu_from_ns);
        Ok(cpu_ns as f64 / f64::from(answered.max(1)))
    }
}

/// The other side: answers until it is told that all is done.
fn answer(listener: &TcpListener, done: &AtomicBool) -> io::Result<()> {
    let mut poller = Poller::new()?;
    let mut sockets = Vec::new();
    let mut inbox = [0; 4096];
    while sockets.len() < 2 * CONNECTIONS && !done.load(Ordering::Acquire) {
        // Those of the first side ask only once those of the second are connected.
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let socket = OwnedFd::from(stream);
        poller.watch(&socket, sockets.len() as u64)?;
        sockets.push(socket);
    }
    while !done.load(Ordering::Acquire) {
        for at in 0..poller.wait(LONGEST_WAIT_NS / 5)? {
            let ready = poller.ready(at);
            let socket = &sockets[ready.token as usize];
            if ready.readable
                && let ReadEnd::Bytes(_) = socket::read(socket, &mut inbox)
            {
                socket::write(socket, &ANSWER);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_measured_in_bounded_time() {
        let before_ns = monotonic_ns();
        let costs = measure().unwrap();
        assert_eq!((costs.epoll_ns.len(), costs.ring_ns.len()), (TURNS, TURNS));
        let all = costs.epoll_ns.iter().chain(&costs.ring_ns);
        assert!(all.clone().all(|cost_ns| *cost_ns > 100.0), "{costs:?}");
        assert!(monotonic_ns() - before_ns < 3_000_000_000);
    }
}

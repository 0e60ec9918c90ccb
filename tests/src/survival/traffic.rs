//! A datagram every millisecond, and when each arrived.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shakedown_record::monotonic_ns;

const EVERY: Duration = Duration::from_millis(1);
/// So long without an arrival, and it is proven that nothing gets through.
const SILENCE: Duration = Duration::from_millis(25);
const STATE_WITHIN: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_micros(200);

/// Sends to an address until `end` says so.
pub(super) fn send(socket: &UdpSocket, to: SocketAddr, sent: &AtomicU64, end: &AtomicBool) {
    while !end.load(Ordering::Relaxed) {
        // A cut on the way out is an error of the call; the datagram was meant to be sent all the same.
        let _ = socket.send_to(&monotonic_ns().to_ne_bytes(), to);
        sent.fetch_add(1, Ordering::Relaxed);
        thread::sleep(EVERY);
    }
}

/// What arrives at a socket.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// `CLOCK_MONOTONIC`, ns.
    at_ns: Arc<Mutex<Vec<u64>>>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Arrivals {
    pub(super) fn at(socket: UdpSocket) -> Arrivals {
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .expect("a socket takes a timeout");
        let at_ns = Arc::new(Mutex::new(Vec::new()));
        let end = Arc::new(AtomicBool::new(false));
        let (noted, told) = (Arc::clone(&at_ns), Arc::clone(&end));
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                match socket.recv_from(&mut [0; 8]) {
                    Ok(_) => lock(&noted).push(monotonic_ns()),
                    Err(error) if is_timeout(error.kind()) => {}
                    Err(error) => panic!("the traffic cannot be heard: {error}"),
                }
            }
        });
        let thread = Some(thread);
        Arrivals { at_ns, end, thread }
    }

    /// How many arrived in `from_ns..to_ns`.
    pub(super) fn between(&self, from_ns: u64, to_ns: u64) -> u64 {
        let within = |at_ns: &&u64| (from_ns..to_ns).contains(*at_ns);
        lock(&self.at_ns).iter().filter(within).count() as u64
    }

    /// Waits for the first that arrives from `from_ns` on; when that was.
    pub(super) fn first_from(&self, from_ns: u64, at_most: Duration) -> Option<u64> {
        let until_ns = monotonic_ns() + at_most.as_nanos() as u64;
        loop {
            let found = lock(&self.at_ns).iter().copied().find(|at| *at >= from_ns);
            if found.is_some() || monotonic_ns() > until_ns {
                return found;
            }
            thread::sleep(POLL);
        }
    }

    /// Waits until something arrives, and forgets what did before.
    pub(super) fn wait_flow(&self) -> bool {
        lock(&self.at_ns).clear();
        self.first_from(monotonic_ns(), STATE_WITHIN).is_some()
    }

    /// Waits until nothing arrives any more: since when.
    pub(super) fn wait_silence(&self) -> Option<u64> {
        let until_ns = monotonic_ns() + STATE_WITHIN.as_nanos() as u64;
        while monotonic_ns() < until_ns {
            let from_ns = monotonic_ns();
            thread::sleep(SILENCE);
            if self.between(from_ns, u64::MAX) == 0 {
                return Some(from_ns);
            }
        }
        None
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let heard = thread.join();
            assert!(
                heard.is_ok() || thread::panicking(),
                "the listener panicked"
            );
        }
    }
}

fn lock(at_ns: &Mutex<Vec<u64>>) -> MutexGuard<'_, Vec<u64>> {
    at_ns.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_is_noted_and_silence_is_seen() {
        let (from, to) = (
            UdpSocket::bind("127.0.0.1:0").unwrap(),
            UdpSocket::bind("127.0.0.1:0").unwrap(),
        );
        let address = to.local_addr().unwrap();
        let arrivals = Arrivals::at(to);
        let (sent, end) = (AtomicU64::new(0), AtomicBool::new(false));
        let begun_ns = monotonic_ns();
        thread::scope(|scope| {
            scope.spawn(|| send(&from, address, &sent, &end));
            assert!(arrivals.wait_flow());
            assert!(arrivals.first_from(monotonic_ns(), STATE_WITHIN).is_some());
            end.store(true, Ordering::Relaxed);
        });
        let silent_ns = arrivals.wait_silence().unwrap();
        assert_eq!(arrivals.between(silent_ns, u64::MAX), 0);
        assert!(arrivals.between(begun_ns, silent_ns) > 0);
        assert!(sent.load(Ordering::Relaxed) > 0);
        assert_eq!(arrivals.first_from(monotonic_ns(), EVERY), None);
    }
}

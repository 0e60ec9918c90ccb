//! What a link costs: round trips through it against round trips past it, in turn, so that both see the same machine.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;
use shakedown_record::monotonic_ns;

use super::evidence::{self, Spread};

/// Bytes of a ping: a short order.
const PING_BYTES: usize = 64;

/// Round trips each way before the first that counts.
const WARM_UP: usize = 50;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a healthy link adds to a round trip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overhead {
    /// Round trips past the link.
    pub direct: Spread,
    /// Round trips through it.
    pub through: Spread,
}

impl Overhead {
    /// Added to the median round trip: the difference of the medians, in nanoseconds.
    pub fn added_p50_ns(&self) -> u64 {
        self.through.p50_ns.saturating_sub(self.direct.p50_ns)
    }

    /// Added to the 99th percentile: the difference of the percentiles, in nanoseconds.
    pub fn added_p99_ns(&self) -> u64 {
        self.through.p99_ns.saturating_sub(self.direct.p99_ns)
    }

    /// True when the link adds more than a tenth of a latency limit, so that it must not decide about that limit. The
    /// greater of both differences counts.
    pub fn is_too_much_for(&self, limit_ns: u64) -> bool {
        self.added_p50_ns().max(self.added_p99_ns()) > limit_ns / 10
    }
}

/// A server that sends back what it gets, until it is dropped.
#[derive(Debug)]
pub(super) struct Echo {
    address: SocketAddr,
    ending: Arc<AtomicBool>,
}

impl Echo {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no socket or no thread for it.
    pub fn start() -> io::Result<Echo> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let ending = Arc::new(AtomicBool::new(false));
        let ended = ending.clone();
        thread::Builder::new()
            .name("echo".to_string())
            .spawn(move || {
                while let Ok((client, _)) = listener.accept() {
                    if ended.load(Ordering::Acquire) {
                        return;
                    }
                    // It ends with its client.
                    thread::spawn(move || send_back(client));
                }
            })?;
        Ok(Echo { address, ending })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        // Wakes it, so that it sees that. If it does not answer any more, it has ended.
        drop(TcpStream::connect_timeout(&self.address, PATIENCE));
    }
}

fn send_back(mut client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut ping = [0; PING_BYTES];
    loop {
        client.read_exact(&mut ping)?;
        client.write_all(&ping)?;
    }
}

/// Measures both ways to one echo server.
///
/// # Errors
/// When a socket fails or an answer takes longer than a second.
pub(super) fn measure(direct: SocketAddr, link: SocketAddr, pings: usize) -> io::Result<Overhead> {
    let (mut direct, mut through) = (Way::open(direct)?, Way::open(link)?);
    for number in 0..WARM_UP + pings {
        let counts = number >= WARM_UP;
        // Who goes first changes, so that neither always finds the cores as the other left them.
        if number % 2 == 0 {
            direct.ping(counts)?;
            through.ping(counts)?;
        } else {
            through.ping(counts)?;
            direct.ping(counts)?;
        }
    }
    Ok(Overhead {
        direct: Spread::of(&direct.round_trips),
        through: Spread::of(&through.round_trips),
    })
}

struct Way {
    socket: TcpStream,
    round_trips: Histogram<u64>,
}

impl Way {
    fn open(address: SocketAddr) -> io::Result<Way> {
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Way {
            socket,
            round_trips: evidence::times(),
        })
    }

    fn ping(&mut self, counts: bool) -> io::Result<()> {
        let mut ping = [7; PING_BYTES];
        let began_ns = monotonic_ns();
        self.socket.write_all(&ping)?;
        self.socket.read_exact(&mut ping)?;
        if counts {
            evidence::note(&mut self.round_trips, monotonic_ns() - began_ns);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(p50_ns: u64, p99_ns: u64) -> Spread {
        Spread {
            p50_ns,
            p99_ns,
            ..Spread::default()
        }
    }

    #[test]
    fn a_tenth_of_the_limit_is_the_most() {
        let overhead = Overhead {
            direct: spread(30_000, 100_000),
            through: spread(80_000, 180_000),
        };
        assert_eq!(overhead.added_p50_ns(), 50_000);
        assert_eq!(overhead.added_p99_ns(), 80_000);
        assert!(!overhead.is_too_much_for(800_000));
        assert!(overhead.is_too_much_for(799_000));
    }

    #[test]
    fn two_equal_ways_add_next_to_nothing() {
        let added = (0..5)
            .map(|_| {
                let echo = Echo::start().unwrap();
                let overhead = measure(echo.address(), echo.address(), 200).unwrap();
                assert_eq!(overhead.direct.count, 200);
                assert!(overhead.direct.p50_ns > 0);
                overhead.added_p50_ns()
            })
            .min();
        assert!(added < Some(50_000), "{added:?}");
    }
}

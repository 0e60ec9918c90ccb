//! A server whose times are known: it replies after programmed delays and logs every reply on `CLOCK_MONOTONIC`.
//!
//! The log is the truth that Shakedown's figures are held against; the client's clock is the same one. Requests are
//! told apart by the digits at the end of the header `x-request-id`, or else of the path.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{ClockId, clock_nanosleep_absolute};
use shakedown_record::monotonic_ns;

use crate::http_server::{HttpReply, HttpRequest, read_request};

/// How long a request waits before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    None,
    Fixed {
        ns: u64,
    },
    /// One request in `every` waits `rare_ns`, the others `common_ns`.
    Bimodal {
        common_ns: u64,
        rare_ns: u64,
        every: u64,
    },
    /// Nothing is answered during the first `for_ns` of each `every_ns` after the first request's period.
    Freeze {
        every_ns: u64,
        for_ns: u64,
    },
}

/// The server closes its listener and every connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// After the first request, in nanoseconds.
    pub after_ns: u64,
    /// For this long; `None` is for ever.
    pub for_ns: Option<u64>,
}

/// What the server is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    pub delay: Delay,
    pub gone: Option<Gone>,
}

impl Program {
    /// Answers at once, and stays.
    pub const IMMEDIATE: Program = Program {
        delay: Delay::None,
        gone: None,
    };
}

/// One answered request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    pub id: u64,
    pub received_ns: u64,
    /// Just before the reply was handed to the kernel.
    pub replied_ns: u64,
}

/// State that the connections share.
#[derive(Debug)]
struct Shared {
    program: Program,
    /// 0 until the first request.
    first_ns: AtomicU64,
    replies: Mutex<Vec<Reply>>,
    connections: Mutex<Vec<TcpStream>>,
}

/// A running server.
#[derive(Debug)]
pub struct TruthServer {
    shared: Arc<Shared>,
}

impl TruthServer {
    /// Listens on a free port of loopback and serves until the process ends.
    ///
    /// `announce` gets `port <number>` first, then `up <ns>` and `down <ns>` when the listener opens and closes.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(
        program: Program,
        announce: impl Fn(&str, u64) + Send + 'static,
    ) -> io::Result<TruthServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            program,
            first_ns: AtomicU64::new(0),
            replies: Mutex::default(),
            connections: Mutex::default(),
        });
        let listening = Arc::clone(&shared);
        thread::Builder::new()
            .name("listen".to_string())
            .spawn(move || {
                if let Err(error) = listening.listen(listener, port, &announce) {
                    tell(&format!("cannot listen: {error}"));
                }
            })?;
        Ok(TruthServer { shared })
    }

    /// Writes the log of replies as `id,received_ns,replied_ns`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_log(&self, path: &Path) -> io::Result<()> {
        let replies = self
            .shared
            .replies
            .lock()
            .expect("no thread panics holding it");
        write_replies(&replies, &mut BufWriter::new(File::create(path)?))
    }
}

/// Writes replies as `id,received_ns,replied_ns`.
///
/// # Errors
/// When they cannot be written.
pub fn write_replies(replies: &[Reply], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "id,received_ns,replied_ns")?;
    for reply in replies {
        let Reply {
            id,
            received_ns,
            replied_ns,
        } = reply;
        writeln!(out, "{id},{received_ns},{replied_ns}")?;
    }
    out.flush()
}

impl Shared {
    fn listen(
        self: &Arc<Self>,
        listener: TcpListener,
        port: u16,
        announce: &impl Fn(&str, u64),
    ) -> io::Result<()> {
        announce("port", u64::from(port));
        announce("up", monotonic_ns());
        self.accept_until_gone(&listener)?;
        drop(listener);
        for connection in self
            .connections
            .lock()
            .expect("no thread panics holding it")
            .drain(..)
        {
            // The client may have closed it already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        let down_ns = monotonic_ns();
        announce("down", down_ns);
        let Some(for_ns) = self.program.gone.and_then(|gone| gone.for_ns) else {
            return Ok(());
        };
        sleep_until(down_ns + for_ns);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        announce("up", monotonic_ns());
        loop {
            self.serve(listener.accept()?.0)?;
        }
    }

    /// Accepts connections until the programmed moment of leaving, for ever without one.
    fn accept_until_gone(self: &Arc<Self>, listener: &TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let tick = Timespec {
            tv_sec: 0,
            tv_nsec: 1_000_000,
        };
        loop {
            poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&tick))?;
            match listener.accept() {
                Ok((stream, _)) => self.serve(stream)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            let first_ns = self.first_ns.load(Ordering::Relaxed);
            if let Some(gone) = self.program.gone
                && first_ns > 0
                && monotonic_ns() >= first_ns + gone.after_ns
            {
                return Ok(());
            }
        }
    }

    fn serve(self: &Arc<Self>, stream: TcpStream) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        self.connections
            .lock()
            .expect("no thread panics holding it")
            .push(stream.try_clone()?);
        let shared = Arc::clone(self);
        thread::Builder::new()
            .name("connection".to_string())
            .stack_size(128 << 10)
            .spawn(move || {
                // A broken connection ends its thread; the client sees the same.
                let _ = shared.converse(stream);
            })?;
        Ok(())
    }

    fn converse(&self, stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(request) = read_request(&mut reader)? {
            let _ = self.first_ns.compare_exchange(
                0,
                request.received_ns,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            let id = request_id(&request)
                .ok_or_else(|| io::Error::other(format!("no request id in {}", request.path)))?;
            let since_ns = request
                .received_ns
                .saturating_sub(self.first_ns.load(Ordering::Relaxed));
            let wait_ns = self.program.delay.wait_ns(id, since_ns);
            if wait_ns > 0 {
                sleep_until(request.received_ns + wait_ns);
            }
            let replied_ns = monotonic_ns();
            HttpReply::json(200, &serde_json::json!({"ok": true})).write(&stream)?;
            self.replies
                .lock()
                .expect("no thread panics holding it")
                .push(Reply {
                    id,
                    received_ns: request.received_ns,
                    replied_ns,
                });
        }
        Ok(())
    }
}

impl Delay {
    /// Reads `none`, `fixed:MICROSECONDS`, `bimodal` or `freeze:EVERY_MS:FOR_MS`; `None` when it is none of these.
    pub fn read(text: &str) -> Option<Delay> {
        let mut words = text.split(':');
        let kind = words.next()?;
        let numbers: Vec<u64> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
        match (kind, &numbers[..]) {
            ("none", []) => Some(Delay::None),
            ("fixed", [us]) => Some(Delay::Fixed { ns: us * 1_000 }),
            ("bimodal", []) => Some(Delay::BIMODAL),
            ("freeze", [every_ms, for_ms]) => Some(Delay::Freeze {
                every_ns: every_ms * 1_000_000,
                for_ns: for_ms * 1_000_000,
            }),
            _ => None,
        }
    }

    /// Half a millisecond, and twenty for one request in ten.
    pub const BIMODAL: Delay = Delay::Bimodal {
        common_ns: 500_000,
        rare_ns: 20_000_000,
        every: 10,
    };

    /// How long a request waits that came `since_ns` after the first one.
    pub fn wait_ns(self, id: u64, since_ns: u64) -> u64 {
        match self {
            Delay::None => 0,
            Delay::Fixed { ns } => ns,
            Delay::Bimodal {
                common_ns,
                rare_ns,
                every,
            } => {
                // Scattered, so that the slow ones do not all meet the same session.
                let scattered = id.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_right(32);
                if scattered.is_multiple_of(every) {
                    rare_ns
                } else {
                    common_ns
                }
            }
            Delay::Freeze { every_ns, for_ns } => {
                if since_ns < every_ns {
                    return 0;
                }
                for_ns.saturating_sub(since_ns % every_ns)
            }
        }
    }
}

/// The digits at the end of the header `x-request-id`, or of the path.
fn request_id(request: &HttpRequest) -> Option<u64> {
    let text = request.header("x-request-id").unwrap_or(&request.path);
    let digits = text.len()
        - text
            .bytes()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
    text[digits..].parse().ok()
}

/// Sleeps until a monotonic time; the last 100 us are spent spinning, since a wake-up is late by about that much.
pub fn sleep_until(at_ns: u64) {
    const SPIN_NS: u64 = 100_000;
    let wake_ns = at_ns.saturating_sub(SPIN_NS);
    if wake_ns > monotonic_ns() {
        let at = Timespec {
            tv_sec: (wake_ns / 1_000_000_000) as i64,
            tv_nsec: (wake_ns % 1_000_000_000) as i64,
        };
        // An interrupted sleep is made up for by the spin.
        let _ = clock_nanosleep_absolute(ClockId::Monotonic, &at);
    }
    while monotonic_ns() < at_ns {
        std::hint::spin_loop();
    }
}

/// A line on standard error: fixtures have no other log.
fn tell(text: &str) {
    // Nobody reads it when the test is gone.
    let _ = writeln!(io::stderr(), "truth-server: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_ten_is_slow_and_a_freeze_ends_on_time() {
        let bimodal = Delay::Bimodal {
            common_ns: 1,
            rare_ns: 2,
            every: 10,
        };
        let slow = (0..10_000)
            .filter(|id| bimodal.wait_ns(*id, 0) == 2)
            .count();
        assert!((900..1100).contains(&slow), "{slow}");
        let freeze = Delay::Freeze {
            every_ns: 2_000,
            for_ns: 200,
        };
        assert_eq!(freeze.wait_ns(0, 100), 0, "the first period is free");
        assert_eq!(freeze.wait_ns(0, 2_050), 150);
        assert_eq!(freeze.wait_ns(0, 2_200), 0);
    }

    #[test]
    fn a_sleep_ends_on_time() {
        let at_ns = monotonic_ns() + 3_000_000;
        sleep_until(at_ns);
        assert!(monotonic_ns() >= at_ns);
    }
}

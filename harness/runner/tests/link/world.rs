//! Two ends of a link, and what they see of each other.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shakedown_record::monotonic_ns;
use shakedown_runner::mechanisms::link::{LinkCondition, LinkGroup, Silence, UserspaceLink};

/// Long enough for everything that is to happen.
pub const LONG: Duration = Duration::from_secs(10);

/// Long enough for what would happen at once, if it did.
pub const SHORT: Duration = Duration::from_millis(120);

/// Tests that look at the clock run one at a time.
static CALM: Mutex<()> = Mutex::new(());

pub fn calm() -> MutexGuard<'static, ()> {
    CALM.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// The kinds of silence that can be had here: holding bytes always, dropping segments where the kernel allows it.
pub fn silences() -> Vec<Silence> {
    match Silence::probe().unwrap() {
        Silence::Segments => vec![Silence::Segments, Silence::Stream],
        Silence::Stream => vec![Silence::Stream],
    }
}

/// A destination and the link to it.
pub struct World {
    pub server: TcpListener,
    pub link: UserspaceLink,
}

impl World {
    pub fn new(seed: u64) -> World {
        World::with(&LinkGroup::start().unwrap(), seed)
    }

    pub fn with(group: &LinkGroup, seed: u64) -> World {
        let server = TcpListener::bind(loopback()).unwrap();
        let upstream = server.local_addr().unwrap();
        let link = group.add(upstream, loopback(), seed).unwrap();
        World { server, link }
    }

    /// Both ends of a new connection through the link.
    pub fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.link.address()).unwrap();
        let (server, _) = self.server.accept().unwrap();
        for end in [&client, &server] {
            end.set_nodelay(true).unwrap();
            end.set_read_timeout(Some(LONG)).unwrap();
        }
        (client, server)
    }

    pub fn set(&self, condition: LinkCondition) {
        self.link.set(condition, LONG).unwrap();
    }

    pub fn heal(&self) {
        self.set(LinkCondition::healthy());
    }

    /// Whether a new connection comes about within a short time.
    pub fn accepts(&self) -> bool {
        match TcpStream::connect_timeout(&self.link.address(), SHORT) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::TimedOut => false,
            Err(error) => panic!("neither accepted nor dropped: {error}"),
        }
    }
}

/// What an end sees within a time.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    Bytes(Vec<u8>),
    Nothing,
    End,
    Reset,
}

pub fn see(end: &TcpStream, within: Duration) -> Seen {
    end.set_read_timeout(Some(within)).unwrap();
    let mut bytes = [0; 4096];
    let mut from = end;
    match from.read(&mut bytes) {
        Ok(0) => Seen::End,
        Ok(len) => Seen::Bytes(bytes[..len].to_vec()),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Seen::Nothing,
            ErrorKind::ConnectionReset => Seen::Reset,
            _ => panic!("{error}"),
        },
    }
}

pub fn say(end: &TcpStream, text: &str) {
    let mut to = end;
    to.write_all(text.as_bytes()).unwrap();
}

pub fn text(text: &str) -> Seen {
    Seen::Bytes(text.as_bytes().to_vec())
}

/// Sends back, on a thread, all that it gets, and the end too.
pub fn echo(server: TcpStream) {
    server.set_read_timeout(None).unwrap();
    server.set_nodelay(true).unwrap();
    std::thread::spawn(move || {
        let (mut from, mut to) = (&server, &server);
        drop(std::io::copy(&mut from, &mut to));
        drop(server.shutdown(std::net::Shutdown::Write));
    });
}

/// A round trip of one byte, in nanoseconds.
pub fn ping(client: &TcpStream) -> u64 {
    let began_ns = monotonic_ns();
    say(client, "?");
    assert_eq!(see(client, LONG), text("?"));
    monotonic_ns() - began_ns
}

/// The value below which this share lies.
pub fn quantile(values: &[u64], share: f64) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

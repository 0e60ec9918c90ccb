//! Connections of which is not known yet what they speak: FIX, or something that begins with an HTTP request.
//!
//! They are told apart in the order in which they came, without a thread: of two Logons of one session the later one counts,
//! also when a venue that stood still finds both at once.

use std::io::ErrorKind;
use std::net::TcpStream;

/// Longest time until a connection says something, in nanoseconds.
const SAYS_WITHIN_NS: u64 = 2_000_000_000;

/// How FIX begins, and HTTP never does.
const FIX: &[u8] = b"8=";

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    Fix,
    Other,
}

/// Connections that have said nothing yet.
#[derive(Debug, Default)]
pub(super) struct Newcomers(Vec<(TcpStream, u64)>);

impl Newcomers {
    /// One more.
    pub(super) fn add(&mut self, stream: TcpStream, now_ns: u64) {
        let is_of_use = stream.set_nodelay(true).is_ok() && stream.set_nonblocking(true).is_ok();
        if is_of_use {
            self.0.push((stream, now_ns));
        }
    }

    /// Takes out those of which it is known now; whoever is silent for too long, or has gone, is dropped.
    pub(super) fn known(&mut self, now_ns: u64) -> Vec<(TcpStream, Speaks)> {
        let mut known = Vec::new();
        for (stream, since_ns) in std::mem::take(&mut self.0) {
            let mut begins = [0; FIX.len()];
            match stream.peek(&mut begins) {
                Ok(0) => {}
                Ok(count) if begins[..count] != FIX[..count] => known.push((stream, Speaks::Other)),
                Ok(count) if count == FIX.len() => known.push((stream, Speaks::Fix)),
                Ok(_) => self.keep(stream, since_ns, now_ns),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.keep(stream, since_ns, now_ns);
                }
                Err(_) => {}
            }
        }
        known
    }

    fn keep(&mut self, stream: TcpStream, since_ns: u64, now_ns: u64) {
        if now_ns.saturating_sub(since_ns) < SAYS_WITHIN_NS {
            self.0.push((stream, since_ns));
        }
    }

    /// The sockets, to wait for.
    pub(super) fn streams(&self) -> impl Iterator<Item = &TcpStream> {
        self.0.iter().map(|(stream, _)| stream)
    }
}

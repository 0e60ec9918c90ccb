//! How long it takes to connect and to get the first bytes of an answer: two round trips, whatever lies in between.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::mechanisms::net::{Netns, NetnsError};

/// From where to where.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// `None`: from where we are.
    pub(crate) netns: Option<Netns>,
    pub(crate) to: SocketAddr,
}

/// What an open connection on which something was asked has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing, and it is still open.
    Nothing,
    Answer,
    /// It was closed or reset.
    End,
}

const REQUEST: &[u8] = b"GET /health/ready HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n";

impl Route {
    /// The median time of a round trip over so many new connections, each of which takes two: one to connect, one to
    /// ask.
    ///
    /// # Errors
    /// When one does not come about, or is not answered in time.
    pub(crate) fn median_ns(
        &self,
        connections: usize,
        within: Duration,
    ) -> Result<io::Result<u64>, NetnsError> {
        self.on_it(|| {
            let mut times = (0..connections)
                .map(|_| connect_and_ask(self.to, within))
                .collect::<io::Result<Vec<u64>>>()?;
            times.sort_unstable();
            Ok(times[times.len() / 2] / 2)
        })
    }

    /// A connection on which nothing was said yet.
    ///
    /// # Errors
    /// When it does not come about in time.
    pub(crate) fn open(&self, within: Duration) -> Result<io::Result<TcpStream>, NetnsError> {
        self.on_it(|| TcpStream::connect_timeout(&self.to, within))
    }

    fn on_it<T: Send>(&self, job: impl FnOnce() -> T + Send) -> Result<T, NetnsError> {
        match &self.netns {
            Some(netns) => netns.run_in(job),
            None => Ok(job()),
        }
    }
}

fn connect_and_ask(to: SocketAddr, within: Duration) -> io::Result<u64> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect_timeout(&to, within)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(within))?;
    stream.write_all(REQUEST)?;
    match stream.read(&mut [0; 64])? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(begun.elapsed().as_nanos() as u64),
    }
}

/// Asks on a connection that is open, and listens.
///
/// # Errors
/// When its timeout cannot be set.
pub(crate) fn ask_on(stream: &TcpStream, within: Duration) -> io::Result<Heard> {
    let mut stream = stream;
    stream.set_read_timeout(Some(within))?;
    if stream.write_all(REQUEST).is_err() {
        return Ok(Heard::End);
    }
    Ok(match stream.read(&mut [0; 64]) {
        Ok(0) => Heard::End,
        Ok(_) => Heard::Answer,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Heard::Nothing
        }
        Err(_) => Heard::End,
    })
}

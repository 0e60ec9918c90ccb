//! One connection to an ingest: non-blocking, and what it could not take yet.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Longest wait for a connection.
const DIAL_WITHIN: Duration = Duration::from_millis(200);

/// Bytes that wait to be written, above which nothing is added.
const ROOM: usize = 256 * 1024;

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    /// What waits, from `begun` on.
    pub(super) out: Vec<u8>,
    begun: usize,
    /// Bytes that the kernel has.
    written: u64,
}

impl Link {
    pub(super) fn dial(address: SocketAddr) -> io::Result<Link> {
        let stream = TcpStream::connect_timeout(&address, DIAL_WITHIN)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Link {
            stream,
            out: Vec::with_capacity(2 * ROOM),
            begun: 0,
            written: 0,
        })
    }

    pub(super) fn has_room(&self) -> bool {
        self.out.len() - self.begun < ROOM
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Where the next byte will lie on the connection.
    pub(super) fn end(&self) -> u64 {
        self.written + (self.out.len() - self.begun) as u64
    }

    /// Writes as much as the kernel takes.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while self.begun < self.out.len() {
            match self.stream.write(&self.out[self.begun..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.begun += count;
                    self.written += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.begun == self.out.len() {
            self.out.clear();
            self.begun = 0;
        } else if self.begun > ROOM {
            self.out.drain(..self.begun);
            self.begun = 0;
        }
        Ok(())
    }

    /// Reads what is there; 0: nothing now.
    ///
    /// # Errors
    /// When the connection is over.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(buffer) {
            Ok(0) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it was closed",
            )),
            Ok(count) => Ok(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Waits until something can be read, or written if something waits, but not for longer than this.
    pub(super) fn wait(&self, at_most_ns: u64) {
        let mut wanted = PollFlags::IN;
        if self.begun < self.out.len() {
            wanted |= PollFlags::OUT;
        }
        let timeout = Timespec {
            tv_sec: (at_most_ns / 1_000_000_000) as i64,
            tv_nsec: (at_most_ns % 1_000_000_000) as i64,
        };
        let mut polled = [PollFd::new(&self.stream, wanted)];
        // An interruption is a look around that comes early.
        let _early = poll(&mut polled, Some(&timeout));
    }
}

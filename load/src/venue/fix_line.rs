//! Sockets of FIX sessions: bytes in, bytes out, and which session each is.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use shakedown_record::venue::{VenueEvent, VenueReport};

use super::acceptor::{Acceptor, Heard, Then};
use super::desk::Desk;
use crate::fix::{Next, next};

/// Bytes that one read takes at most.
const READ_BYTES: usize = 64 * 1024;

/// A Logon is not longer.
const LONGEST_LOGON: usize = 8 * 1024;

/// One connection.
#[derive(Debug)]
struct Line {
    number: u64,
    stream: TcpStream,
    /// Of a connection that is no session yet.
    unread: Vec<u8>,
    out: Vec<u8>,
    session: Option<String>,
    is_over: bool,
}

/// All FIX connections, and the sessions that they are of.
#[derive(Debug)]
pub(super) struct FixLines {
    acceptor: Acceptor,
    lines: Vec<Line>,
    count: u64,
    buffer: Vec<u8>,
}

impl FixLines {
    pub(super) fn new(acceptor: Acceptor) -> FixLines {
        FixLines {
            acceptor,
            lines: Vec::new(),
            count: 0,
            buffer: vec![0; READ_BYTES],
        }
    }

    /// A new connection, which does not block.
    pub(super) fn add(&mut self, stream: TcpStream) {
        self.count += 1;
        self.lines.push(Line {
            number: self.count,
            stream,
            unread: Vec::new(),
            out: Vec::new(),
            session: None,
            is_over: false,
        });
    }

    /// Hears what everybody says, connection by connection in the order in which they came.
    pub(super) fn listen(&mut self, now_ns: u64, desk: &mut Desk, events: &mut Vec<VenueEvent>) {
        let FixLines {
            acceptor,
            lines,
            buffer,
            ..
        } = self;
        for line in lines.iter_mut().filter(|line| !line.is_over) {
            line.listen(acceptor, buffer, (now_ns, desk, events));
            if let Some(session) = &line.session {
                let is_replaced = !acceptor.is_on_line(session, line.number);
                let is_silent = !line.is_over
                    && !is_replaced
                    && acceptor.tick(session, now_ns, &mut line.out) == Then::End;
                line.is_over |= is_replaced || is_silent;
            }
        }
        for line in lines.iter_mut().filter(|line| line.is_over) {
            if let Some(session) = line.session.take() {
                acceptor.gone(&session, line.number);
                events.push(VenueEvent::Gone { session });
            }
        }
    }

    /// Gives a report its number, and puts it where its session will hear it.
    pub(super) fn report(&mut self, report: &mut VenueReport, desk: &Desk, now_ns: u64) {
        let lines = &mut self.lines;
        self.acceptor.report(report, desk, now_ns, |number| {
            let line = lines.iter_mut().find(|line| line.number == number);
            line.map(|line| &mut line.out)
        });
    }

    /// Lines of the log with numbers that it does not have yet.
    pub(super) fn note_numbers(&mut self, events: &mut Vec<VenueEvent>) {
        self.acceptor.note_numbers(events);
    }

    /// Hands what is to be sent to the kernel, the last words of connections that are over too; true when something is left.
    pub(super) fn flush(&mut self) -> bool {
        let mut is_busy = false;
        self.lines.retain_mut(|line| {
            let is_left = line.flush();
            is_busy |= is_left && !line.is_over;
            !line.is_over
        });
        is_busy
    }

    /// The sockets, to wait for.
    pub(super) fn streams(&self) -> impl Iterator<Item = &TcpStream> {
        self.lines.iter().map(|line| &line.stream)
    }
}

impl Line {
    fn listen(
        &mut self,
        acceptor: &mut Acceptor,
        buffer: &mut [u8],
        (now_ns, desk, events): (u64, &mut Desk, &mut Vec<VenueEvent>),
    ) {
        while !self.is_over {
            let bytes = match self.stream.read(buffer) {
                Ok(0) => {
                    self.is_over = true;
                    return;
                }
                Ok(count) => &buffer[..count],
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.is_over |= error.kind() != ErrorKind::WouldBlock;
                    return;
                }
            };
            let opened;
            let bytes = match self.session {
                Some(_) => bytes,
                None => {
                    self.unread.extend_from_slice(bytes);
                    match self.open(acceptor, now_ns) {
                        Ok(true) => {}
                        Ok(false) => continue,
                        Err(why) => {
                            self.is_over = true;
                            events.push(VenueEvent::Malformed { session: None, why });
                            return;
                        }
                    }
                    opened = std::mem::take(&mut self.unread);
                    &opened
                }
            };
            let heard = Heard {
                now_ns,
                desk,
                events,
                out: &mut self.out,
            };
            let session = self.session.as_deref().unwrap_or_default();
            self.is_over |= acceptor.hear(session, bytes, heard) == Then::End;
        }
    }

    /// Finds out which session it is; false while its Logon is not all there.
    fn open(&mut self, acceptor: &mut Acceptor, now_ns: u64) -> Result<bool, String> {
        match next(&self.unread) {
            Ok(Next::More) if self.unread.len() <= LONGEST_LOGON => Ok(false),
            Ok(Next::More) => Err("a Logon is not so long".to_string()),
            Ok(Next::Garbled { why, .. }) => Err(why.to_string()),
            Ok(Next::Message { message, .. }) => {
                self.session = Some(acceptor.open(&message, self.number, now_ns)?);
                Ok(true)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// True when something is left.
    fn flush(&mut self) -> bool {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(0) => self.is_over = true,
                Ok(count) => {
                    self.out.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => self.is_over = true,
            }
            if self.is_over {
                return false;
            }
        }
        false
    }
}

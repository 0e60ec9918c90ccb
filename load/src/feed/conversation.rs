//! One connection to a feed: handshake, messages, and asking whether anybody is still there.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::websocket::{Event, Handshake, Messages, Opcode, Progress, append};

/// Longest wait for a connection.
const DIAL_WITHIN: Duration = Duration::from_millis(500);

/// Longest time without a look at whether it is time to end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A feed that was silent for so long is asked whether it is still there, in nanoseconds.
const ASK_AFTER_NS: u64 = 1_000_000_000;

/// A feed that was silent for so long is left, in nanoseconds.
const LEAVE_AFTER_NS: u64 = 3_000_000_000;

/// What came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// The handshake is done, or something was said.
    Something,
    /// Nothing so far.
    Nothing,
}

/// A connection whose handshake is under way or done.
#[derive(Debug)]
pub(super) struct Conversation {
    stream: TcpStream,
    handshake: Handshake,
    messages: Messages,
    buffer: Vec<u8>,
    out: Vec<u8>,
    /// When something was heard last, and when it was asked for.
    heard_ns: u64,
    asked_ns: u64,
}

/// What a handshake says.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) path: &'a str,
    pub(super) host: &'a str,
    /// Whole lines.
    pub(super) headers: &'a str,
    pub(super) nonce: [u8; 16],
}

impl Conversation {
    /// Dials, and begins the handshake.
    pub(super) fn dial(address: SocketAddr, call: &Call<'_>, now_ns: u64) -> io::Result<Self> {
        let mut stream = TcpStream::connect_timeout(&address, DIAL_WITHIN)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK_EVERY))?;
        stream.set_write_timeout(Some(DIAL_WITHIN))?;
        let mut handshake = Handshake::default();
        let mut out = Vec::new();
        handshake.begin(call.path, call.host, call.headers, call.nonce, &mut out);
        stream.write_all(&out)?;
        Ok(Self {
            stream,
            handshake,
            messages: Messages::default(),
            buffer: vec![0; 1 << 16],
            out,
            heard_ns: now_ns,
            asked_ns: now_ns,
        })
    }

    /// True once the handshake is done.
    pub(super) fn is_open(&self) -> bool {
        !self.handshake.is_open()
    }

    /// Waits shortly for what comes next; every message goes to `tell`, which may be given several.
    ///
    /// # Errors
    /// Why the conversation is over, in words.
    pub(super) fn hear(
        &mut self,
        now_ns: impl Fn() -> u64,
        mut tell: impl FnMut(&[u8]),
    ) -> Result<Came, String> {
        let read = match self.stream.read(&mut self.buffer) {
            Ok(0) => return Err("it was closed".to_string()),
            Ok(read) => read,
            Err(error) if is_silence(&error) => return self.ask(now_ns()),
            Err(error) => return Err(error.to_string()),
        };
        self.heard_ns = now_ns();
        self.asked_ns = self.heard_ns;
        let mut rest = &self.buffer[..read];
        if self.handshake.is_open() {
            match self.handshake.read(rest).map_err(|why| why.to_string())? {
                Progress::Waits => return Ok(Came::Nothing),
                Progress::Done { used } => rest = &rest[used..],
            }
        }
        self.out.clear();
        while let Some((used, event)) = self.messages.next(rest).map_err(|why| why.to_string())? {
            rest = &rest[used..];
            match event {
                Event::Message(message) => tell(message),
                Event::Ping(payload) => append(Opcode::Pong, payload, [0; 4], &mut self.out),
                Event::Pong => {}
                Event::Close => return Err("the engine ended it".to_string()),
            }
        }
        if !self.out.is_empty() {
            let sent = self.stream.write_all(&self.out);
            sent.map_err(|error| error.to_string())?;
        }
        Ok(Came::Something)
    }

    /// Asks a silent feed whether it is still there, and leaves one that does not say.
    fn ask(&mut self, now_ns: u64) -> Result<Came, String> {
        if now_ns.saturating_sub(self.heard_ns) > LEAVE_AFTER_NS {
            return Err("it was silent, also when it was asked".to_string());
        }
        if self.is_open() && now_ns.saturating_sub(self.asked_ns) > ASK_AFTER_NS {
            self.asked_ns = now_ns;
            self.out.clear();
            append(Opcode::Ping, b"there?", [0; 4], &mut self.out);
            let sent = self.stream.write_all(&self.out);
            sent.map_err(|error| error.to_string())?;
        }
        Ok(Came::Nothing)
    }
}

fn is_silence(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

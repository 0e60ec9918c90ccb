//! Flow control, both ways: what the server lets us send, and what we let it send.

use super::Malformed;
use super::frame::{self, Kind};
use super::stream::Stream;

/// What a connection may send before anything is said of it, in bytes.
const AT_FIRST: i64 = 65_535;

/// More than a window may ever be.
const TOO_MUCH: i64 = 1 << 31;

/// What the server may send on one stream before we let it send more, in bytes.
pub(super) const STREAM_WINDOW: u32 = 1 << 20;

/// The same for the whole connection.
const CONNECTION_WINDOW: u32 = 1 << 24;

/// How much of it is used up before we say so.
const SAY_AFTER: u32 = 1 << 20;

/// The windows of a connection.
#[derive(Debug)]
pub(super) struct Flow {
    /// What we may send on all streams together.
    window: i64,
    /// What we may send on a new stream.
    pub stream_window: i64,
    /// Longest frame that the server takes.
    pub longest_frame: usize,
    /// What came and was not said yet to be used up.
    used_up: u32,
}

impl Flow {
    /// Of a connection on which nothing was said.
    pub fn new() -> Flow {
        Flow {
            window: AT_FIRST,
            stream_window: AT_FIRST,
            longest_frame: frame::LONGEST,
            used_up: 0,
        }
    }

    /// Lets the server send as much as we ever let it.
    pub fn open(&self, out: &mut Vec<u8>) {
        let more = CONNECTION_WINDOW - AT_FIRST as u32;
        frame::append(Kind::Window, 0, 0, &more.to_be_bytes(), out);
    }

    /// The server says how much one stream may carry from now on.
    ///
    /// # Errors
    /// When that is more than possible.
    pub fn resize(&mut self, size: u32, streams: &mut [Stream]) -> Result<(), Malformed> {
        let size = i64::from(size);
        let more = size - self.stream_window;
        self.stream_window = size;
        for stream in streams {
            stream.window += more;
        }
        if size < TOO_MUCH {
            Ok(())
        } else {
            Err(Malformed::Window)
        }
    }

    /// The server takes so much more on the whole connection.
    ///
    /// # Errors
    /// When that is nothing, or more than possible.
    pub fn grow(&mut self, by: u32) -> Result<(), Malformed> {
        grow(&mut self.window, by)
    }

    /// Sends as much of a body as the windows take; what is left stays with the stream.
    pub fn send(&mut self, stream: &mut Stream, out: &mut Vec<u8>) {
        while !stream.pending.is_empty() {
            let room = self.window.min(stream.window).max(0);
            let room = usize::try_from(room).unwrap_or(0).min(self.longest_frame);
            let piece = room.min(stream.pending.len());
            if piece == 0 {
                return;
            }
            let flags = match piece == stream.pending.len() {
                true => frame::END_STREAM,
                false => 0,
            };
            frame::append(Kind::Data, flags, stream.id, &stream.pending[..piece], out);
            stream.pending.drain(..piece);
            stream.window -= piece as i64;
            self.window -= piece as i64;
        }
    }

    /// So much came, with what filled it up: the server is told that it may send it again.
    pub fn came(&mut self, stream: Option<u32>, bytes: usize, reply: &mut Vec<u8>) {
        let bytes = bytes as u32;
        if bytes == 0 {
            return;
        }
        if let Some(stream) = stream {
            frame::append(Kind::Window, 0, stream, &bytes.to_be_bytes(), reply);
        }
        self.used_up += bytes;
        if self.used_up >= SAY_AFTER {
            frame::append(Kind::Window, 0, 0, &self.used_up.to_be_bytes(), reply);
            self.used_up = 0;
        }
    }
}

/// A window that grows.
///
/// # Errors
/// When it grows by nothing, or beyond what is possible.
pub(super) fn grow(window: &mut i64, by: u32) -> Result<(), Malformed> {
    *window += i64::from(by);
    match by > 0 && *window < TOO_MUCH {
        true => Ok(()),
        false => Err(Malformed::Window),
    }
}

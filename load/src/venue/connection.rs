//! One trading system's connection: who it is, what it says, and what it was sent.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use shakedown_record::venue::VenueReport;
use tungstenite::error::Error;
use tungstenite::{Message as Frame, WebSocket};

/// Longest time for a handshake.
const GREET_WITHIN: Duration = Duration::from_secs(2);

/// A connection whose handshake is done.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: WebSocket<TcpStream>,
    /// Who it is, once it has logged on.
    pub(super) session: Option<String>,
    /// The last report that it was sent.
    pub(super) sent: u64,
    pub(super) is_over: bool,
}

/// Waits for the handshake of a connection; `None` when it only asked whether the venue is there, or is of no use.
pub(super) fn greet(mut stream: TcpStream) -> Option<Connection> {
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(GREET_WITHIN)).ok()?;
    stream.set_write_timeout(Some(GREET_WITHIN)).ok()?;
    let mut begins = [0; 2048];
    let seen = stream.peek(&mut begins).ok()?;
    let asked = begins[..seen].to_ascii_lowercase();
    let upgrades = asked.windows(9).any(|nine| nine == b"websocket");
    if !upgrades {
        // Read, so that closing it does not reset it.
        let _read = stream.read(&mut begins).ok()?;
        stream.write_all(plain_answer().as_bytes()).ok()?;
        return None;
    }
    let socket = tungstenite::accept(stream).ok()?;
    socket.get_ref().set_nonblocking(true).ok()?;
    Some(Connection {
        socket,
        session: None,
        sent: 0,
        is_over: false,
    })
}

/// To whoever only asks whether the venue is there, and which it is.
fn plain_answer() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let body = format!(r#"{{"name":"shakedown-venue","version":"{version}"}}"#);
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Connection {
    /// The next text; `None`: nothing now, or never again.
    pub(super) fn read(&mut self) -> Option<String> {
        loop {
            match self.socket.read() {
                Ok(Frame::Text(text)) => return Some(text.to_string()),
                Ok(Frame::Close(_)) => {
                    self.is_over = true;
                    return None;
                }
                Ok(Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_)) => {}
                Err(error) => {
                    self.is_over |= !is_busy(&error);
                    return None;
                }
            }
        }
    }

    /// Sends a report.
    pub(super) fn send(&mut self, report: &VenueReport) {
        let text = serde_json::to_string(report).unwrap_or_default();
        if let Err(error) = self.socket.write(Frame::text(text)) {
            self.is_over |= !is_busy(&error);
        }
        self.sent = report.sequence;
    }

    /// Hands what is to be sent to the kernel; true when something is left.
    pub(super) fn flush(&mut self) -> bool {
        match self.socket.flush() {
            Ok(()) => false,
            Err(error) if is_busy(&error) => true,
            Err(_) => {
                self.is_over = true;
                false
            }
        }
    }
}

/// Not now, but later.
fn is_busy(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

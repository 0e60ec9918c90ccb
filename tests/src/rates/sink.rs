//! Answers every frame of the binary gateway with "accepted" and counts them. The layout is that of `docs/binary-gateway.md`.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};

use rustix::event::epoll;

const HEADER: usize = 40;

/// Tokens that are no connection's.
const LISTENER: u64 = 0;
const UNTIL: u64 = u64::MAX;
const INBOX_BYTES: usize = 256 * 1024;
const NEW: u8 = 1;
const ACCEPTED: u8 = 1;
const ANSWER: u8 = 128;

struct Connection {
    stream: TcpStream,
    /// Half a frame.
    rest: Vec<u8>,
    /// Answers that the socket did not take.
    unsent: Vec<u8>,
}

/// Serves until `until` is at its end and no connection is left; returns how many frames were answered.
///
/// Connections may all be gone for a moment: whoever waited too long for an answer dials again.
///
/// # Errors
/// When a socket fails or a frame is none.
pub fn serve(listener: &TcpListener, until: &impl AsFd) -> io::Result<u64> {
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    listener.set_nonblocking(true)?;
    let readable = epoll::EventFlags::IN;
    epoll::add(&poller, until, epoll::EventData::new_u64(UNTIL), readable)?;
    let both = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
    epoll::add(
        &poller,
        listener,
        epoll::EventData::new_u64(LISTENER),
        readable,
    )?;
    let mut connections: HashMap<u64, Connection> = HashMap::new();
    let mut inbox = vec![0; INBOX_BYTES];
    let (mut answered, mut is_over) = (0, false);
    while !is_over || !connections.is_empty() {
        let mut events = [const { std::mem::MaybeUninit::uninit() }; 64];
        let ready: Vec<u64> = epoll::wait(&poller, &mut events, None)?
            .0
            .iter()
            .map(|event| event.data.u64())
            .collect();
        for token in ready {
            if token == UNTIL {
                // Nobody writes there: it can be read because it has ended.
                epoll::delete(&poller, until)?;
                is_over = true;
                continue;
            }
            if token == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    let token = stream.as_raw_fd() as u64 + 1;
                    epoll::add(&poller, &stream, epoll::EventData::new_u64(token), both)?;
                    let (rest, unsent) = (Vec::new(), Vec::new());
                    connections.insert(
                        token,
                        Connection {
                            stream,
                            rest,
                            unsent,
                        },
                    );
                }
                continue;
            }
            let Some(connection) = connections.get_mut(&token) else {
                continue;
            };
            if !attend(connection, &mut inbox, &mut answered)? {
                connections.remove(&token);
            }
        }
    }
    Ok(answered)
}

/// Reads and answers what is there; false when the other side has closed.
fn attend(connection: &mut Connection, inbox: &mut [u8], answered: &mut u64) -> io::Result<bool> {
    loop {
        let read = match connection.stream.read(inbox) {
            Ok(0) => return Ok(false),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(false),
            Err(error) => return Err(error),
        };
        connection.rest.extend_from_slice(&inbox[..read]);
        let used = answer(&connection.rest, &mut connection.unsent, answered)?;
        connection.rest.drain(..used);
        if read < inbox.len() {
            break;
        }
    }
    while !connection.unsent.is_empty() {
        match connection.stream.write(&connection.unsent) {
            Ok(written) => drop(connection.unsent.drain(..written)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

/// Answers the whole frames at the beginning of `bytes`; returns how many bytes they were.
fn answer(bytes: &[u8], out: &mut Vec<u8>, answered: &mut u64) -> io::Result<usize> {
    let mut used = 0;
    while let Some(length) = bytes[used..].first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some(frame) = bytes.get(used..used + length) else {
            break;
        };
        if length < HEADER || frame[5] != NEW {
            return Err(io::Error::other("this is no new order"));
        }
        let id = &frame[HEADER..HEADER + usize::from(frame[36])];
        let begin = out.len();
        out.resize(begin + HEADER, 0);
        *answered += 1;
        let answer = &mut out[begin..];
        answer[..4].copy_from_slice(&((HEADER + id.len()) as u32).to_le_bytes());
        answer[4..6].copy_from_slice(&[1, ANSWER]);
        answer[8..16].copy_from_slice(&frame[8..16]);
        answer[16..24].copy_from_slice(&answered.to_le_bytes());
        answer[32..34].copy_from_slice(&[ACCEPTED, id.len() as u8]);
        out.extend_from_slice(id);
        used += length;
    }
    Ok(used)
}

//! A netlink socket: what is asked, and what comes back for it.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{
    Timeout, set_socket_recv_buffer_size_force, set_socket_send_buffer_size, set_socket_timeout,
};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use super::error::NetlinkError;
use super::message::{Attributes, Message, Reply, find, text};
use crate::mechanisms::net::sys;

pub(super) const HEADER: usize = 16;
const REQUEST: u16 = 0x1;
const ACK: u16 = 0x4;
const DUMP: u16 = 0x300;
const DUMP_INTERRUPTED: u16 = 0x10;
const CAPPED: u16 = 0x100;
const WITH_WORDS: u16 = 0x200;
const TYPE_ERROR: u16 = 2;
const TYPE_DONE: u16 = 3;
const ERROR_WORDS: u16 = 1;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
/// `nfgenmsg`: no family, version 0, for the subsystem nf_tables (10).
const BATCH_HEADER: [u8; 4] = [0, 0, 0, 10];
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// The kernel sends a dump in pieces of at most 32 KiB.
const RECEIVE_BYTES: usize = 256 * 1024;
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Which part of the kernel is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Interfaces, addresses, routes, queueing disciplines.
    Route,
    /// nftables.
    Netfilter,
}

/// An open netlink socket. It belongs for ever to the namespace in which it was opened, whatever thread uses it.
#[derive(Debug)]
pub struct NetlinkSocket {
    fd: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

/// One message as it came in.
struct Incoming<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    body: &'a [u8],
}

impl NetlinkSocket {
    /// Opens a socket in the network namespace of the calling thread.
    ///
    /// # Errors
    /// When the kernel has no such family or refuses a socket.
    pub fn open(family: Family) -> Result<NetlinkSocket, NetlinkError> {
        let open = |error: Errno| NetlinkError::Open(error.into());
        let protocol = match family {
            Family::Route => None,
            Family::Netfilter => Some(netlink::NETFILTER),
        };
        let fd = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )
        .map_err(open)?;
        set_socket_timeout(&fd, Timeout::Recv, Some(ANSWERS_WITHIN)).map_err(open)?;
        // Larger than most need: a long list must not fail for want of room. Without the rights for it, the
        // default is what there is.
        let _forced = set_socket_recv_buffer_size_force(&fd, SOCKET_BUFFER_BYTES);
        let _raised = set_socket_send_buffer_size(&fd, SOCKET_BUFFER_BYTES);
        sys::ask_for_words(&fd).map_err(NetlinkError::Open)?;
        Ok(NetlinkSocket {
            fd,
            sequence: 0,
            buffer: vec![0; RECEIVE_BYTES],
        })
    }

    /// Sends one request and waits for its acknowledgement.
    ///
    /// # Errors
    /// When the kernel refuses it or does not answer.
    pub fn request(&mut self, message: &Message) -> Result<(), NetlinkError> {
        let sequence = self.next_sequence();
        let mut bytes = Vec::new();
        message.encode(REQUEST | ACK, sequence, &mut bytes);
        self.send(&message.doing, &bytes)?;
        loop {
            for incoming in self.receive(&message.doing)? {
                if incoming.sequence == sequence && incoming.kind == TYPE_ERROR {
                    return outcome(&message.doing, &incoming);
                }
            }
        }
    }

    /// Asks for a whole list. A list that changed while it was read is read again.
    ///
    /// # Errors
    /// When the kernel refuses, does not answer, or the list never holds still.
    pub fn dump(&mut self, message: &Message) -> Result<Vec<Reply>, NetlinkError> {
        for _ in 0..5 {
            if let Some(replies) = self.dump_once(message)? {
                return Ok(replies);
            }
        }
        Err(NetlinkError::Changing {
            doing: message.doing.clone(),
        })
    }

    /// Carries out all of these nftables messages or none.
    ///
    /// # Errors
    /// For the first message that the kernel refuses; nothing has changed then.
    pub fn transaction(&mut self, doing: &str, messages: &[Message]) -> Result<(), NetlinkError> {
        let first = self.next_sequence();
        let mut bytes = Vec::new();
        let bracket = |kind| Message::new(doing, kind, 0, &BATCH_HEADER, Attributes::new());
        bracket(BATCH_BEGIN).encode(REQUEST, first, &mut bytes);
        let mut last = first;
        for (index, message) in messages.iter().enumerate() {
            last = self.next_sequence();
            // Errors are always reported; one acknowledgement says that all went well.
            let is_last = index + 1 == messages.len();
            message.encode(REQUEST | if is_last { ACK } else { 0 }, last, &mut bytes);
        }
        let end = self.next_sequence();
        bracket(BATCH_END).encode(REQUEST, end, &mut bytes);
        self.send(doing, &bytes)?;
        let mut failed = None;
        loop {
            for incoming in self.receive(doing)? {
                let offset = incoming.sequence.wrapping_sub(first);
                if incoming.kind != TYPE_ERROR || offset > end.wrapping_sub(first) {
                    continue;
                }
                let what = (offset as usize)
                    .checked_sub(1)
                    .and_then(|index| messages.get(index))
                    .map_or(doing, |message| &message.doing);
                if let Err(error) = outcome(what, &incoming) {
                    failed.get_or_insert(error);
                }
                // An error of the batch as a whole carries the number of its first message.
                if incoming.sequence == last || incoming.sequence == first {
                    return failed.map_or(Ok(()), Err);
                }
            }
        }
    }

    fn dump_once(&mut self, message: &Message) -> Result<Option<Vec<Reply>>, NetlinkError> {
        let sequence = self.next_sequence();
        let mut bytes = Vec::new();
        message.encode(REQUEST | DUMP, sequence, &mut bytes);
        self.send(&message.doing, &bytes)?;
        let mut replies = Vec::new();
        let mut interrupted = false;
        loop {
            for incoming in self.receive(&message.doing)? {
                if incoming.sequence != sequence {
                    continue;
                }
                interrupted |= incoming.flags & DUMP_INTERRUPTED != 0;
                match incoming.kind {
                    TYPE_DONE | TYPE_ERROR => {
                        return match outcome(&message.doing, &incoming) {
                            Ok(()) => Ok((!interrupted).then_some(replies)),
                            Err(error) if error.errno() == Some(Errno::INTR) => Ok(None),
                            Err(error) => Err(error),
                        };
                    }
                    kind => replies.push(Reply {
                        kind,
                        body: incoming.body.to_vec(),
                    }),
                }
            }
        }
    }

    fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    fn send(&mut self, doing: &str, bytes: &[u8]) -> Result<(), NetlinkError> {
        // What an earlier, failed request left behind.
        while recv(&self.fd, &mut self.buffer[..], RecvFlags::DONTWAIT).is_ok() {}
        match send(&self.fd, bytes, SendFlags::empty()) {
            Ok(sent) if sent == bytes.len() => Ok(()),
            Ok(_) => Err(NetlinkError::Malformed {
                doing: doing.to_string(),
            }),
            Err(error) => Err(NetlinkError::Transport {
                doing: doing.to_string(),
                source: error.into(),
            }),
        }
    }

    fn receive(&mut self, doing: &str) -> Result<Vec<Incoming<'_>>, NetlinkError> {
        let length = loop {
            match recv(&self.fd, &mut self.buffer[..], RecvFlags::TRUNC) {
                Ok((_, length)) if length > self.buffer.len() => {
                    return Err(NetlinkError::Malformed {
                        doing: doing.to_string(),
                    });
                }
                Ok((_, length)) => break length,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    return Err(NetlinkError::Silent {
                        doing: doing.to_string(),
                    });
                }
                Err(error) => {
                    return Err(NetlinkError::Transport {
                        doing: doing.to_string(),
                        source: io::Error::from(error),
                    });
                }
            }
        };
        Ok(split(&self.buffer[..length]))
    }
}

fn split(mut bytes: &[u8]) -> Vec<Incoming<'_>> {
    let mut messages = Vec::new();
    while bytes.len() >= HEADER {
        let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        let length = u32::from_ne_bytes(word(0)) as usize;
        if length < HEADER || length > bytes.len() {
            break;
        }
        messages.push(Incoming {
            kind: u16::from_ne_bytes([bytes[4], bytes[5]]),
            flags: u16::from_ne_bytes([bytes[6], bytes[7]]),
            sequence: u32::from_ne_bytes(word(8)),
            body: &bytes[HEADER..length],
        });
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    messages
}

/// Reads an acknowledgement, or the end of a dump: zero, or a negated error number, and perhaps words.
fn outcome(doing: &str, incoming: &Incoming<'_>) -> Result<(), NetlinkError> {
    let malformed = || NetlinkError::Malformed {
        doing: doing.to_string(),
    };
    let code = match incoming.body.get(0..4) {
        Some(code) => i32::from_ne_bytes(code.try_into().map_err(|_| malformed())?),
        None => return Err(malformed()),
    };
    if code >= 0 {
        return Ok(());
    }
    let words = (incoming.flags & WITH_WORDS != 0)
        .then(|| words_of(incoming))
        .flatten();
    Err(NetlinkError::Refused {
        doing: doing.to_string(),
        errno: Errno::from_raw_os_error(-code),
        words,
    })
}

fn words_of(incoming: &Incoming<'_>) -> Option<String> {
    let start = match incoming.kind {
        TYPE_DONE => 4,
        _ if incoming.flags & CAPPED != 0 => 4 + HEADER,
        // The whole request stands before the words.
        _ => {
            let request = incoming.body.get(4..8)?;
            4 + (u32::from_ne_bytes(request.try_into().ok()?) as usize).next_multiple_of(4)
        }
    };
    find(incoming.body.get(start..)?, ERROR_WORDS).map(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_message(code: i32, flags: u16, words: &str) -> Vec<u8> {
        let mut body = code.to_ne_bytes().to_vec();
        body.extend_from_slice(&[0; HEADER]);
        body.extend_from_slice(Attributes::new().text(ERROR_WORDS, words).as_bytes());
        let message = Message::new("test", TYPE_ERROR, flags, &body, Attributes::new());
        let mut bytes = Vec::new();
        message.encode(0, 5, &mut bytes);
        bytes
    }

    #[test]
    fn a_refusal_carries_number_and_words() {
        let bytes = error_message(-libc::EPERM, CAPPED | WITH_WORDS, "not yours");
        let incoming = split(&bytes);
        assert_eq!(incoming.len(), 1);
        assert_eq!(incoming[0].sequence, 5);
        let error = outcome("cut the link", &incoming[0]).unwrap_err();
        assert!(error.is_forbidden());
        assert_eq!(
            error.to_string(),
            "cannot cut the link: Operation not permitted (os error 1), the kernel says: not yours"
        );
    }

    #[test]
    fn an_acknowledgement_is_no_error_and_half_a_message_is_none() {
        let bytes = error_message(0, 0, "");
        assert!(outcome("x", &split(&bytes)[0]).is_ok());
        assert!(split(&bytes[..bytes.len() - 1]).is_empty());
        let empty = Incoming {
            kind: TYPE_ERROR,
            flags: 0,
            sequence: 0,
            body: &[],
        };
        assert!(matches!(
            outcome("x", &empty),
            Err(NetlinkError::Malformed { .. })
        ));
    }

    #[test]
    fn a_dump_of_interfaces_holds_the_loopback_one() {
        let mut socket = NetlinkSocket::open(Family::Route).unwrap();
        let get = Message::new("list interfaces", 18, 0, &[0; 16], Attributes::new());
        let names: Vec<String> = socket
            .dump(&get)
            .unwrap()
            .iter()
            .filter_map(|reply| find(&reply.body[16..], 3).map(text))
            .collect();
        assert!(names.contains(&"lo".to_string()), "{names:?}");
    }

    #[test]
    fn a_request_that_makes_no_sense_is_refused_with_the_number() {
        let mut socket = NetlinkSocket::open(Family::Route).unwrap();
        // RTM_DELLINK of an interface that cannot exist.
        let mut header = [0u8; 16];
        header[4..8].copy_from_slice(&i32::MAX.to_ne_bytes());
        let delete = Message::new("delete it", 17, 0, &header, Attributes::new());
        let error = socket.request(&delete).unwrap_err();
        assert!(error.is_absent() || error.is_forbidden(), "{error}");
    }
}

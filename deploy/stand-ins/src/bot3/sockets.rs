//! Sockets of the binary gateway: one thread, epoll, one read and one write for everything that is there.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, accept_with, bind, getsockname,
    ipproto, listen, recv, send, socket_with, sockopt,
};

use crate::life::{Life, Stage};

/// Longest sleep, in nanoseconds: the end is looked for that often.
const LONGEST_SLEEP_NS: i64 = 20_000_000;

/// Bytes that one read takes at most.
const READ_BYTES: usize = 256 * 1024;

/// Answers that a client may leave unread, in bytes; beyond that it is not read either.
const UNSENT_BYTES: usize = 4 << 20;

const EVENTS: usize = 256;
const LISTENER: u64 = u64::MAX;

/// Who is talked to over the sockets.
pub(super) trait Talk {
    /// Takes what is whole of `input` and appends the answers; returns how many bytes were taken.
    ///
    /// # Errors
    /// When the connection is of no use any more.
    fn hear(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<usize>;
}

struct Connection {
    socket: OwnedFd,
    unread: Vec<u8>,
    unsent: Vec<u8>,
    watched: epoll::EventFlags,
}

/// All connections of one thread.
pub(super) struct Sockets {
    epoll: OwnedFd,
    listener: OwnedFd,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    inbox: Vec<u8>,
}

/// A socket that listens beside others on the same address; the kernel shares connections out between them.
///
/// # Errors
/// What the kernel says.
pub(super) fn listening(address: SocketAddr) -> io::Result<(OwnedFd, SocketAddr)> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, 4096)?;
    let at = getsockname(&socket)?;
    let at =
        SocketAddr::try_from(at).map_err(|_| io::Error::other("the listener has no address"))?;
    Ok((socket, at))
}

impl Sockets {
    /// Around a socket that listens.
    ///
    /// # Errors
    /// What the kernel says.
    pub(super) fn new(listener: OwnedFd) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(
            &epoll,
            &listener,
            epoll::EventData::new_u64(LISTENER),
            epoll::EventFlags::IN,
        )?;
        Ok(Self {
            epoll,
            listener,
            connections: Vec::new(),
            free: Vec::new(),
            inbox: vec![0; READ_BYTES],
        })
    }

    /// Serves until the life is over, and then what was sent until that moment.
    ///
    /// # Errors
    /// What the kernel says.
    pub(super) fn serve(mut self, talk: &mut impl Talk, life: &Life) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS);
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: LONGEST_SLEEP_NS,
        };
        while life.stage() < Stage::Stopping {
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    place => self.turn(place as usize, event.flags, talk),
                }
            }
        }
        for place in 0..self.connections.len() {
            self.turn(place, epoll::EventFlags::IN, talk);
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let socket =
                match accept_with(&self.listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                    Ok(socket) => socket,
                    Err(Errno::AGAIN) => return Ok(()),
                    Err(Errno::INTR | Errno::CONNABORTED) => continue,
                    Err(errno) => return Err(errno.into()),
                };
            sockopt::set_tcp_nodelay(&socket, true)?;
            let place = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            let watched = epoll::EventFlags::IN;
            epoll::add(
                &self.epoll,
                &socket,
                epoll::EventData::new_u64(place as u64),
                watched,
            )?;
            self.connections[place] = Some(Connection {
                socket,
                unread: Vec::new(),
                unsent: Vec::new(),
                watched,
            });
        }
    }

    /// Writes what waits, and reads where there is something.
    fn turn(&mut self, place: usize, flags: epoll::EventFlags, talk: &mut impl Talk) {
        let Some(connection) = self.connections.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let turned = connection
            .turn(flags, &mut self.inbox, talk)
            .and_then(|()| {
                let wanted = connection.wanted();
                if wanted != connection.watched {
                    connection.watched = wanted;
                    epoll::modify(
                        &self.epoll,
                        &connection.socket,
                        epoll::EventData::new_u64(place as u64),
                        wanted,
                    )?;
                }
                Ok(())
            });
        if let Err(error) = turned {
            tracing::debug!(%error, "a connection ended");
            self.connections[place] = None;
            self.free.push(place);
        }
    }
}

impl Connection {
    fn turn(
        &mut self,
        flags: epoll::EventFlags,
        inbox: &mut [u8],
        talk: &mut impl Talk,
    ) -> io::Result<()> {
        if flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR)
        {
            self.read(inbox, talk)?;
        }
        self.write()
    }

    fn read(&mut self, inbox: &mut [u8], talk: &mut impl Talk) -> io::Result<()> {
        let count = match recv(&self.socket, &mut *inbox, RecvFlags::empty()) {
            Ok((0, _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((count, _)) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        };
        if self.unread.is_empty() {
            let used = talk.hear(&inbox[..count], &mut self.unsent)?;
            self.unread.extend_from_slice(&inbox[used..count]);
        } else {
            self.unread.extend_from_slice(&inbox[..count]);
            let used = talk.hear(&self.unread, &mut self.unsent)?;
            self.unread.drain(..used);
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let mut sent = 0;
        while sent < self.unsent.len() {
            match send(&self.socket, &self.unsent[sent..], SendFlags::NOSIGNAL) {
                Ok(count) => sent += count,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        self.unsent.drain(..sent);
        Ok(())
    }

    fn wanted(&self) -> epoll::EventFlags {
        if self.unsent.is_empty() {
            epoll::EventFlags::IN
        } else if self.unsent.len() < UNSENT_BYTES {
            epoll::EventFlags::IN | epoll::EventFlags::OUT
        } else {
            epoll::EventFlags::OUT
        }
    }
}

//! Non-blocking TCP sockets.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, getpeername,
    getsockname, ipproto, recv, send, socket_with, sockopt,
};
use rustix::process::{Resource, getrlimit};

use crate::selfcheck::Shortage;

/// Why a dial came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DialFailure {
    /// Somebody is there and does not listen.
    Refused,
    /// Nobody answered, or there is no way.
    Unreachable,
    /// This machine has none left: our fault.
    Exhausted(Shortage),
}

impl DialFailure {
    fn from_errno(errno: Errno) -> DialFailure {
        match errno {
            Errno::CONNREFUSED | Errno::CONNRESET | Errno::CONNABORTED => DialFailure::Refused,
            Errno::MFILE => DialFailure::Exhausted(Shortage::Descriptors),
            Errno::NFILE => DialFailure::Exhausted(Shortage::OpenFiles),
            Errno::ADDRNOTAVAIL | Errno::AGAIN => DialFailure::Exhausted(Shortage::Ports),
            Errno::NOBUFS | Errno::NOMEM => DialFailure::Exhausted(Shortage::Memory),
            _ => DialFailure::Unreachable,
        }
    }
}

/// Descriptors of the process that are not for sockets, at most.
const RESERVE: u64 = 32;

/// How many descriptors sockets may have in all: the limit of the process but for a reserve.
///
/// The kernel gives the lowest number that is free, so that a socket beyond this is the first of too many. Without the
/// reserve a run with too many sessions could not open its own ledger, and would die instead of naming the cause.
pub(crate) fn descriptors_for_sockets() -> u64 {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    limit - RESERVE.min(limit / 4)
}

/// Starts to connect. `Ok`: under way; the poller says when it is decided. A socket whose descriptor is not below
/// `descriptors` is one too many.
pub(super) fn dial(address: SocketAddr, descriptors: u64) -> Result<OwnedFd, DialFailure> {
    let open = || -> Result<OwnedFd, Errno> {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
        if socket.as_raw_fd() as u64 >= descriptors {
            return Err(Errno::MFILE);
        }
        sockopt::set_tcp_nodelay(&socket, true)?;
        // Our port may be the one on which a killed engine wants to listen again: this lets it.
        sockopt::set_socket_reuseaddr(&socket, true)?;
        match connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(socket),
            Err(errno) => Err(errno),
        }
    };
    open().map_err(DialFailure::from_errno)
}

/// How a dial that is decided ended.
///
/// While nobody listens on a port of the ephemeral range, the kernel may give us that very port, and TCP then connects
/// the socket to itself. That is refused too, and reset so that the port is free at once.
pub(super) fn dialled(socket: &OwnedFd) -> Result<(), DialFailure> {
    match sockopt::socket_error(socket) {
        Ok(Ok(())) => {}
        Ok(Err(errno)) | Err(errno) => return Err(DialFailure::from_errno(errno)),
    }
    match (getsockname(socket), getpeername(socket)) {
        (Ok(own), Ok(Some(peer))) if own == peer => {
            reset_on_close(socket);
            Err(DialFailure::Refused)
        }
        (Ok(_), Ok(Some(_))) => Ok(()),
        _ => Err(DialFailure::Unreachable),
    }
}

fn reset_on_close(socket: &OwnedFd) {
    if let Err(errno) = sockopt::set_socket_linger(socket, Some(Duration::ZERO)) {
        tracing::debug!(%errno, "a socket that was connected to itself closes slowly");
    }
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// So many bytes were taken; zero when the socket is full.
    Bytes(usize),
    /// The connection is broken and took nothing.
    Broken,
}

/// Writes without blocking.
pub(super) fn write(socket: &OwnedFd, bytes: &[u8]) -> Written {
    loop {
        return match send(socket, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(taken) => Written::Bytes(taken),
            Err(Errno::AGAIN) => Written::Bytes(0),
            Err(Errno::INTR) => continue,
            Err(_) => Written::Broken,
        };
    }
}

/// How a read ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadEnd {
    Bytes(usize),
    /// Nothing there now.
    Empty,
    /// The other side has closed in good order.
    Closed,
    /// Reset.
    Broken,
}

/// Reads without blocking.
pub(super) fn read(socket: &OwnedFd, buffer: &mut [u8]) -> ReadEnd {
    loop {
        return match recv(socket, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((_, 0)) => ReadEnd::Closed,
            Ok((_, count)) => ReadEnd::Bytes(count),
            Err(Errno::AGAIN) => ReadEnd::Empty,
            Err(Errno::INTR) => continue,
            Err(_) => ReadEnd::Broken,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_shortage_is_told_from_the_engines_refusal() {
        let of = DialFailure::from_errno;
        assert_eq!(of(Errno::CONNREFUSED), DialFailure::Refused);
        assert_eq!(of(Errno::HOSTUNREACH), DialFailure::Unreachable);
        assert_eq!(of(Errno::TIMEDOUT), DialFailure::Unreachable);
        for (errno, shortage) in [
            (Errno::MFILE, Shortage::Descriptors),
            (Errno::NFILE, Shortage::OpenFiles),
            (Errno::ADDRNOTAVAIL, Shortage::Ports),
            (Errno::NOBUFS, Shortage::Memory),
        ] {
            assert_eq!(of(errno), DialFailure::Exhausted(shortage));
        }
    }

    #[test]
    fn sockets_leave_descriptors_for_the_ledger() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let limit = descriptors_for_sockets();
        assert!(dial(address, limit).is_ok());
        let none_left = dial(address, 3);
        assert_eq!(
            none_left.unwrap_err(),
            DialFailure::Exhausted(Shortage::Descriptors)
        );
    }

    #[test]
    fn a_socket_that_reached_itself_is_refused() {
        use rustix::net::bind;
        let open = || {
            socket_with(
                AddressFamily::INET,
                SocketType::STREAM,
                SocketFlags::empty(),
                None,
            )
        };
        let socket = open().unwrap();
        bind(&socket, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
        let own = getsockname(&socket).unwrap();
        connect(&socket, &own).unwrap();
        assert_eq!(dialled(&socket), Err(DialFailure::Refused));
    }
}

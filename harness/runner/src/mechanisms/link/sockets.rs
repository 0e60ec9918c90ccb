//! Non-blocking TCP sockets, made the way a link needs them.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

/// Connections that the kernel keeps ready for a link to accept; it takes less where `somaxconn` is less.
pub(super) const BACKLOG: i32 = 4_096;

fn flags() -> SocketFlags {
    SocketFlags::NONBLOCK | SocketFlags::CLOEXEC
}

/// A socket for an address of this family.
///
/// # Errors
/// When the kernel gives none.
pub(super) fn unbound(family_of: &SocketAddr) -> io::Result<OwnedFd> {
    let family = match family_of {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    Ok(rustix::net::socket_with(
        family,
        SocketType::STREAM,
        flags(),
        None,
    )?)
}

/// A listening socket and its address.
///
/// # Errors
/// When the address is taken or not ours.
pub(super) fn listening(address: &SocketAddr) -> io::Result<(OwnedFd, SocketAddr)> {
    let socket = unbound(address)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    let address = local_address(&socket)?;
    Ok((socket, address))
}

/// The socket's own address.
///
/// # Errors
/// When it has none.
pub(super) fn local_address(socket: &OwnedFd) -> io::Result<SocketAddr> {
    Ok(SocketAddr::try_from(rustix::net::getsockname(socket)?)?)
}

/// Accepts one connection, with its peer's address; nothing when none is waiting.
///
/// # Errors
/// When descriptors or memory are short. Errors of the connection itself count as none.
pub(super) fn accept(listener: &OwnedFd) -> io::Result<Option<(OwnedFd, Option<SocketAddr>)>> {
    match rustix::net::acceptfrom_with(listener, flags()) {
        Ok((socket, peer)) => {
            sockopt::set_tcp_nodelay(&socket, true)?;
            Ok(Some((
                socket,
                peer.and_then(|any| SocketAddr::try_from(any).ok()),
            )))
        }
        Err(Errno::AGAIN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// True when accepting failed because of that one connection: the next may succeed at once.
pub(super) fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::CONNABORTED | Errno::INTR | Errno::PERM | Errno::PROTO)
    )
}

/// Begins to connect. The socket becomes writable once it is decided.
///
/// # Errors
/// When it fails at once.
pub(super) fn dial(address: &SocketAddr) -> io::Result<OwnedFd> {
    let socket = unbound(address)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    match rustix::net::connect(&socket, address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// Closes with a RST in place of a FIN; what was not sent yet is thrown away.
pub(super) fn reset(socket: OwnedFd) {
    if let Err(error) = sockopt::set_socket_linger(&socket, Some(Duration::ZERO)) {
        tracing::debug!(%error, "a connection is closed in place of being reset");
    }
}

//! What the standard library does not offer.
#![allow(unsafe_code)]

use std::io;
use std::mem::size_of;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;
use std::time::Duration;

/// Closes a connection without a word: no FIN, no reset. What comes for it afterwards is answered by the kernel with a
/// reset, as after a power cut and a fast start.
///
/// # Errors
/// When the kernel refuses (it asks for `CAP_NET_ADMIN`).
pub(super) fn vanish(stream: TcpStream) -> io::Result<()> {
    let on: libc::c_int = 1;
    set(&stream, libc::IPPROTO_TCP, libc::TCP_REPAIR, &on)
}

/// Closes a connection by a reset.
pub(super) fn reset(stream: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_linger(
        stream,
        Some(Duration::ZERO),
    )?)
}

/// Drops every packet that comes for a socket, before it is acknowledged.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn drop_all(socket: &impl AsFd) -> io::Result<()> {
    let drop = libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: 0,
    };
    let program = libc::sock_fprog {
        len: 1,
        filter: ptr::from_ref(&drop).cast_mut(),
    };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// Ends [`drop_all`].
///
/// # Errors
/// When the kernel refuses.
pub(super) fn drop_nothing(socket: &impl AsFd) -> io::Result<()> {
    let nothing: libc::c_int = 0;
    set(socket, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, &nothing)
}

fn set<T>(socket: &impl AsFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: the kernel reads `size_of::<T>()` bytes of a value that lives until the call returns (and, for a filter, the
    // one instruction that it points to), and the descriptor is open.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        near.set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn is_quiet(stream: &mut TcpStream) -> bool {
        let read = stream.read(&mut [0; 8]);
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    #[test]
    fn what_has_vanished_is_learned_of_by_writing() {
        let (mut near, far) = pair();
        vanish(far).unwrap();
        assert!(is_quiet(&mut near), "neither an end nor a reset");
        near.write_all(b"x").unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let error = near.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn what_is_dropped_comes_later_if_at_all() {
        let (mut near, mut far) = pair();
        far.set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        drop_all(&far).unwrap();
        near.write_all(b"x").unwrap();
        assert!(is_quiet(&mut far));
        drop_nothing(&far).unwrap();
        far.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(far.read(&mut [0; 8]).unwrap(), 1, "sent again");
        assert!(is_quiet(&mut near), "the connection is sound");
    }

    #[test]
    fn a_reset_is_a_reset() {
        let (mut near, far) = pair();
        reset(&far).unwrap();
        drop(far);
        std::thread::sleep(Duration::from_millis(10));
        let error = near.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}

//! Dropping segments of a socket of ours, so that its peer hears nothing at all, not even an acknowledgement.
//!
//! A classic BPF program that answers "keep nothing" makes the kernel drop every segment that arrives for the socket.
//! It goes with the socket. Kernels of 2025 and later allow it on TCP sockets only with `CAP_NET_ADMIN` in the network
//! namespace, older ones to everybody; so it is tried, not guessed.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// From `<asm-generic/socket.h>`; the `libc` crate has it for some systems only.
const SO_ATTACH_FILTER: libc::c_int = 26;
const SO_DETACH_FILTER: libc::c_int = 27;
const SO_MEMINFO: libc::c_int = 55;

/// Numbers that `SO_MEMINFO` returns, and which of them counts dropped segments.
const MEMINFO_LEN: usize = 9;
const MEMINFO_DROPS: usize = 8;

/// How silent a cut is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Segments of a cut-off side are dropped unacknowledged: it retransmits, and gives up by its own timeouts, as
    /// with a cable that was pulled. After the heal its next retransmission brings the bytes.
    Segments,
    /// Bytes of a cut-off side are not read. The link's kernel acknowledges them until its buffer is full: the sender's
    /// timeouts on unacknowledged data do not run before that. After the heal the bytes flow at once.
    Stream,
}

impl Silence {
    /// What this process may do with its TCP sockets.
    ///
    /// # Errors
    /// When no socket can be made.
    pub fn probe() -> io::Result<Silence> {
        let socket = super::sockets::unbound(&([127, 0, 0, 1], 0).into())?;
        Ok(match drop_all(&socket) {
            Ok(()) => Silence::Segments,
            Err(_) => Silence::Stream,
        })
    }

    /// In words, for a plan or a report.
    pub fn in_words(self) -> &'static str {
        match self {
            Silence::Segments => "segments are dropped unacknowledged",
            Silence::Stream => {
                "bytes are held, but the kernel acknowledges what fits its buffer (dropping segments needs CAP_NET_ADMIN)"
            }
        }
    }
}

/// Makes the kernel drop all that arrives for this socket.
///
/// # Errors
/// When the kernel does not allow it.
pub(super) fn drop_all(socket: &OwnedFd) -> io::Result<()> {
    let mut code = [libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: 0,
    }];
    let program = libc::sock_fprog {
        len: 1,
        filter: code.as_mut_ptr(),
    };
    set(socket, SO_ATTACH_FILTER, &program)
}

/// Lets what arrives through again.
///
/// # Errors
/// When the kernel does not allow it; a socket that drops nothing is no error.
pub(super) fn drop_none(socket: &OwnedFd) -> io::Result<()> {
    match set(socket, SO_DETACH_FILTER, &0i32) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        done => done,
    }
}

/// Segments that the kernel dropped at this socket since it was made (for a listener: attempts to connect too).
///
/// # Errors
/// When the kernel does not say.
pub(super) fn dropped(socket: &OwnedFd) -> io::Result<u32> {
    let mut numbers = [0u32; MEMINFO_LEN];
    let mut len = size_of_val(&numbers) as libc::socklen_t;
    // SAFETY: the pointer and the length describe `numbers`, which outlives the call; the kernel writes `len` bytes at
    // most. Every bit pattern is a valid u32.
    let code = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_MEMINFO,
            numbers.as_mut_ptr().cast(),
            &mut len,
        )
    };
    if code == 0 {
        Ok(numbers[MEMINFO_DROPS])
    } else {
        Err(io::Error::last_os_error())
    }
}

fn set<T>(socket: &OwnedFd, option: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which outlives the call, as does the program that a
    // `sock_fprog` points to; the kernel copies both.
    let code = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;

    #[test]
    fn dropped_segments_are_counted_and_come_after_all() {
        if Silence::probe().unwrap() == Silence::Stream {
            return;
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = OwnedFd::from(listener.accept().unwrap().0);
        assert_eq!(dropped(&server).unwrap(), 0);
        drop_all(&server).unwrap();
        client.write_all(b"hello").unwrap();
        std::thread::sleep(Duration::from_millis(20));
        assert!(dropped(&server).unwrap() > 0);
        drop_none(&server).unwrap();
        drop_none(&server).unwrap();
        let mut server = TcpStream::from(server);
        server
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let mut got = [0; 5];
        server.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"hello");
    }
}

//! When an answer came, by the kernel's own note of it.
//!
//! A thread that is woken late, or is busy with other sessions, reads an answer some time after it came. That time is the
//! generator's and not the engine's. With `SO_TIMESTAMPNS` (socket(7)) the kernel says with what it hands over when the last
//! segment of it had come, before any thread was woken; on loopback that is the moment at which the engine sent it.
//!
//! The note is time of day. What is taken from it is an age, the same moment's time of day less the note, so that a clock
//! that is set spoils at most what lay in a socket then; an age beyond [`OLDEST_NS`], or a note from the future, is none.
#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, OwnedFd};

use shakedown_record::wall_ns;

use super::socket::ReadEnd;

/// What lay longer in a socket than this is not believed, in nanoseconds: nobody is stopped for so long and goes on.
const OLDEST_NS: u64 = 10_000_000_000;

/// Room for a `timespec` with its header, aligned as the kernel writes it.
const CONTROL_WORDS: usize = 8;

/// Has the kernel note when data come to a socket.
///
/// # Errors
/// When it cannot; then there are no notes.
pub(super) fn note(socket: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the kernel reads an integer of the size that it is told, which lives until the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Reads without blocking, and says how long ago the last of what was read had come, in nanoseconds; zero without a note.
pub(super) fn read(socket: &OwnedFd, buffer: &mut [u8]) -> (ReadEnd, u64) {
    let mut control = [0u64; CONTROL_WORDS];
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    loop {
        // SAFETY: a message header of zeros is one without anything in it.
        let mut message: libc::msghdr = unsafe { zeroed() };
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control);
        // SAFETY: the header names the caller's buffer and `control`, both with their lengths, and both outlive the call.
        let count =
            unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
        match usize::try_from(count) {
            Ok(0) => return (ReadEnd::Closed, 0),
            Ok(count) => return (ReadEnd::Bytes(count), age_ns(noted_ns(&message))),
            Err(_) => match io::Error::last_os_error().raw_os_error() {
                Some(libc::EAGAIN) => return (ReadEnd::Empty, 0),
                Some(libc::EINTR) => {}
                _ => return (ReadEnd::Broken, 0),
            },
        }
    }
}

/// The note in a message that was received, as time of day in nanoseconds.
fn noted_ns(message: &libc::msghdr) -> Option<u64> {
    // SAFETY: the kernel has filled the control buffer and set its length; the macros of cmsg(3) stay within it, and the
    // note is read as what its level and type say it is, without assuming that it is aligned.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            let what = ((*header).cmsg_level, (*header).cmsg_type);
            if what == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
                let time: libc::timespec = libc::CMSG_DATA(header)
                    .cast::<libc::timespec>()
                    .read_unaligned();
                let seconds = u64::try_from(time.tv_sec).ok()?;
                return Some(seconds * 1_000_000_000 + time.tv_nsec.unsigned_abs());
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    None
}

fn age_ns(noted_ns: Option<u64>) -> u64 {
    let age_ns = noted_ns.and_then(|noted_ns| wall_ns().checked_sub(noted_ns));
    age_ns.filter(|age_ns| *age_ns <= OLDEST_NS).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn pair() -> (OwnedFd, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        (near.into(), far)
    }

    #[test]
    fn the_time_that_an_answer_lay_in_the_socket_is_told() {
        let (near, mut far) = pair();
        note(&near).unwrap();
        let mut buffer = [0; 16];
        assert_eq!(read(&near, &mut buffer), (ReadEnd::Empty, 0));
        // The kernel begins to note in its own time when nobody asked before.
        let ages_ns = (0..20).map(|_| {
            far.write_all(b"answer").unwrap();
            thread::sleep(Duration::from_millis(30));
            let (end, age_ns) = read(&near, &mut buffer);
            assert_eq!(
                (end, &buffer[..6]),
                (ReadEnd::Bytes(6), b"answer".as_slice())
            );
            age_ns
        });
        let ages_ns: Vec<u64> = ages_ns.collect();
        let noted = ages_ns.iter().skip_while(|age_ns| **age_ns == 0);
        assert!(
            noted.clone().count() > 0
                && noted
                    .clone()
                    .all(|age_ns| (30_000_000..5_000_000_000).contains(age_ns)),
            "{ages_ns:?}"
        );
        drop(far);
        thread::sleep(Duration::from_millis(5));
        assert_eq!(read(&near, &mut buffer), (ReadEnd::Closed, 0));
    }

    #[test]
    fn without_a_note_an_answer_came_when_it_was_read() {
        let (near, mut far) = pair();
        far.write_all(b"answer").unwrap();
        thread::sleep(Duration::from_millis(5));
        assert_eq!(read(&near, &mut [0; 16]), (ReadEnd::Bytes(6), 0));
    }

    #[test]
    fn notes_of_a_clock_that_was_set_are_not_believed() {
        let now_ns = wall_ns();
        assert_eq!(age_ns(None), 0);
        assert_eq!(
            age_ns(Some(now_ns + 3_600_000_000_000)),
            0,
            "set back since"
        );
        assert_eq!(
            age_ns(Some(now_ns - 3_600_000_000_000)),
            0,
            "set forward since"
        );
        let age_ns = age_ns(Some(now_ns - 1_000_000));
        assert!((1_000_000..1_000_000_000).contains(&age_ns), "{age_ns}");
    }
}

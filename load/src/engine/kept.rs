//! Sessions of engines that end orders with their connection: each end is written down, and who is connected when the load is
//! over stays so until the copies have been read.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use shakedown_record::ledger::{ConnectionEnd, ConnectionWriter};
use shakedown_record::monotonic_ns;

/// What a thread writes down of its connections.
#[derive(Debug)]
pub(crate) struct Connections {
    writer: ConnectionWriter,
    ledger: PathBuf,
    thread: usize,
}

impl Connections {
    /// For a load thread, in the ledger's folder.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn open(ledger: &Path, thread: usize) -> io::Result<Connections> {
        Ok(Connections {
            writer: ConnectionWriter::open(ledger, thread)?,
            ledger: ledger.to_path_buf(),
            thread,
        })
    }

    /// The connection of a session has ended, so many nanoseconds after zero.
    pub fn ended(&mut self, session: u16, at_ns: u64) {
        self.writer.add(&ConnectionEnd {
            session,
            at_ns,
            kept: false,
        });
    }

    /// Writes what was added since the last call, so that a killed run keeps it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }

    /// The load is over: these sessions are still connected.
    pub fn keep(self, sockets: Vec<(u16, OwnedFd)>, zero_ns: u64) -> Kept {
        Kept {
            sockets,
            ledger: self.ledger,
            thread: self.thread,
            zero_ns,
        }
    }
}

/// The connections of one thread.
#[derive(Debug)]
pub(crate) struct Kept {
    sockets: Vec<(u16, OwnedFd)>,
    ledger: PathBuf,
    thread: usize,
    zero_ns: u64,
}

/// Sessions that are still connected although the load is over. Dropping them ends their connections.
#[derive(Debug, Default)]
pub struct KeptSessions(pub(crate) Vec<Kept>);

impl KeptSessions {
    /// Writes down who is still connected, and who is not any more. Nobody is disconnected by that.
    ///
    /// # Errors
    /// When the ledger's folder does not let it be written.
    pub fn look(&self) -> io::Result<()> {
        for kept in &self.0 {
            let mut writer = ConnectionWriter::open(&kept.ledger, kept.thread)?;
            for (session, socket) in &kept.sockets {
                writer.add(&ConnectionEnd {
                    session: *session,
                    at_ns: monotonic_ns().saturating_sub(kept.zero_ns),
                    kept: is_connected(socket),
                });
            }
            writer.flush()?;
        }
        Ok(())
    }
}

/// Nobody has hung up. A server that says something unasked is about to.
fn is_connected(socket: &OwnedFd) -> bool {
    let mut byte = [0u8; 1];
    let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
    matches!(recv(socket, &mut byte, flags), Err(Errno::AGAIN))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use shakedown_record::ledger::read_connection_ends;

    use super::*;

    #[test]
    fn who_is_connected_is_told_from_who_was_hung_up_on() {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pair = || {
            let ours = TcpStream::connect(address).unwrap();
            (OwnedFd::from(ours), listener.accept().unwrap().0)
        };
        let ((stays, _theirs), (left, gone), (told, mut says)) = (pair(), pair(), pair());
        drop(gone);
        says.write_all(b"bye").unwrap();
        let mut connections = Connections::open(folder.path(), 0).unwrap();
        connections.ended(3, 7);
        connections.flush().unwrap();
        let kept = connections.keep(vec![(3, stays), (4, left), (5, told)], monotonic_ns());
        let kept = KeptSessions(vec![kept]);
        std::thread::sleep(std::time::Duration::from_millis(20));
        kept.look().unwrap();
        let ends = read_connection_ends(folder.path()).unwrap().unwrap();
        let seen: Vec<_> = ends.iter().map(|end| (end.session, end.kept)).collect();
        assert_eq!(seen, [(3, false), (3, true), (4, false), (5, false)]);
        assert_eq!(ends[0].at_ns, 7);
    }
}

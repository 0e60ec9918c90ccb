//! The door of a link: where its source side connects, and how it is shut without a word.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use super::{segments, sockets};

/// The shortest accept queue. It is full with one connection more than this.
const SHUT_BACKLOG: i32 = 1;

/// Connections of our own that fill it, with some to spare: those stay outside and are dropped like anybody's.
const PLUGS: usize = 4;

/// A listening socket that can be shut so that attempts to connect are dropped rather than refused.
///
/// Linux drops a SYN while the accept queue is full; it takes the length of that queue anew with each `listen`. No
/// privilege is needed, and the client behaves as if a firewall dropped its SYN, because that is what happens to it.
#[derive(Debug)]
pub(super) struct Door {
    listener: OwnedFd,
    address: SocketAddr,
    /// Our own connections, while the door is shut.
    plugs: Vec<OwnedFd>,
    /// Where they came from, until all that completed have been taken out of the queue.
    plug_addresses: Vec<SocketAddr>,
    dropped_before: u32,
}

impl Door {
    /// Listens.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub fn open(address: &SocketAddr) -> io::Result<Door> {
        let (listener, address) = sockets::listening(address)?;
        Ok(Door {
            listener,
            address,
            plugs: Vec::new(),
            plug_addresses: Vec::new(),
            dropped_before: 0,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn socket(&self) -> &OwnedFd {
        &self.listener
    }

    pub fn is_shut(&self) -> bool {
        !self.plugs.is_empty()
    }

    /// From now on attempts to connect are dropped. Who waits to be accepted should have been accepted before.
    ///
    /// # Errors
    /// When the kernel refuses to listen with another queue, or gives no socket to fill it.
    pub fn shut(&mut self) -> io::Result<()> {
        self.dropped_before = segments::dropped(&self.listener).unwrap_or(0);
        rustix::net::listen(&self.listener, SHUT_BACKLOG)?;
        for _ in 0..PLUGS {
            let plug = sockets::dial(&self.address)?;
            self.plug_addresses.push(sockets::local_address(&plug)?);
            self.plugs.push(plug);
        }
        Ok(())
    }

    /// From now on attempts to connect are accepted again; so are those that the clients repeat.
    ///
    /// # Errors
    /// When the kernel refuses to listen with a longer queue.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.plugs.drain(..).for_each(sockets::reset);
        Ok(rustix::net::listen(&self.listener, sockets::BACKLOG)?)
    }

    /// The next connection of somebody else's.
    ///
    /// # Errors
    /// When descriptors or memory are short.
    pub fn accept(&mut self) -> io::Result<Option<OwnedFd>> {
        loop {
            match sockets::accept(&self.listener) {
                Ok(Some((socket, peer))) => {
                    let plug = peer.is_some_and(|peer| self.plug_addresses.contains(&peer));
                    if !plug {
                        return Ok(Some(socket));
                    }
                }
                Ok(None) => {
                    if !self.is_shut() {
                        self.plug_addresses.clear();
                    }
                    return Ok(None);
                }
                Err(error) if sockets::is_of_one_connection(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Attempts to connect that were dropped since the last time this was asked.
    pub fn newly_dropped(&mut self) -> u32 {
        let dropped = segments::dropped(&self.listener).unwrap_or(self.dropped_before);
        dropped.wrapping_sub(std::mem::replace(&mut self.dropped_before, dropped))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(200);

    fn opens_and_shuts(address: &str) {
        let mut door = Door::open(&address.parse().unwrap()).unwrap();
        let target = door.address();
        assert!(TcpStream::connect_timeout(&target, PATIENCE).is_ok());
        assert!(door.accept().unwrap().is_some());
        for _ in 0..3 {
            door.shut().unwrap();
            let tried = TcpStream::connect_timeout(&target, PATIENCE);
            assert_eq!(tried.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert!(door.newly_dropped() > 0);
            door.reopen().unwrap();
            let client = TcpStream::connect_timeout(&target, PATIENCE).unwrap();
            let accepted = door.accept().unwrap().unwrap();
            let peer = TcpStream::from(accepted).peer_addr().unwrap();
            assert_eq!(peer, client.local_addr().unwrap(), "a plug came through");
            assert!(door.accept().unwrap().is_none());
        }
    }

    #[test]
    fn a_shut_door_drops_attempts_and_a_reopened_one_accepts() {
        opens_and_shuts("127.0.0.1:0");
        opens_and_shuts("[::1]:0");
    }

    #[test]
    fn an_attempt_begun_at_a_shut_door_succeeds_once_it_is_open() {
        let mut door = Door::open(&"127.0.0.1:0".parse().unwrap()).unwrap();
        let target = door.address();
        door.shut().unwrap();
        let client = std::thread::spawn(move || TcpStream::connect(target));
        std::thread::sleep(PATIENCE);
        door.reopen().unwrap();
        // The client repeats its SYN after a second.
        assert!(client.join().unwrap().is_ok());
        assert!(door.accept().unwrap().is_some());
    }
}

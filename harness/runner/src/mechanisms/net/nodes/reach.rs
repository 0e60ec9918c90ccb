//! Whether everybody reaches everybody: not by an answer that a firewall can forge, but by a word carried over.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::network::NodeLink;
use crate::mechanisms::net::netns::{Netns, NetnsError};

const WORD: &[u8; 9] = b"shakedown";
const PAUSE: Duration = Duration::from_millis(5);

/// One way that is not open.
#[derive(Debug)]
pub struct Unreachable {
    /// `None` for Shakedown itself.
    pub from: Option<Ipv4Addr>,
    pub to: Ipv4Addr,
    pub source: io::Error,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            Some(from) => write!(f, "node {from}")?,
            None => f.write_str("Shakedown")?,
        }
        write!(
            f,
            " does not reach node {}: {}; look for firewall rules of this machine (`nft list ruleset`)",
            self.to, self.source
        )
    }
}

/// Tries all pairs, Shakedown to each node first.
pub(super) fn first_unreachable(
    nodes: &[NodeLink],
    within: Duration,
) -> Result<Option<Unreachable>, NetnsError> {
    for node in nodes {
        let listener = node
            .netns
            .run_in(|| TcpListener::bind(SocketAddr::from((node.address, 0))))?;
        let callers = nodes.iter().filter(|other| other.address != node.address);
        let callers = std::iter::once(None).chain(callers.map(Some));
        for caller in callers {
            let netns = caller.map(|caller| &caller.netns);
            let tried = match &listener {
                Ok(listener) => carry(netns, listener, within)?,
                Err(error) => Err(io::Error::from(error.kind())),
            };
            if let Err(source) = tried {
                return Ok(Some(Unreachable {
                    from: caller.map(|caller| caller.address),
                    to: node.address,
                    source,
                }));
            }
        }
    }
    Ok(None)
}

/// Carries the word from a caller to a listener and back. The caller's side runs on a thread inside its namespace.
fn carry(
    caller: Option<&Netns>,
    listener: &TcpListener,
    within: Duration,
) -> Result<io::Result<()>, NetnsError> {
    let connect = || -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&listener.local_addr()?, within)?;
        stream.set_read_timeout(Some(within))?;
        stream.set_write_timeout(Some(within))?;
        Ok(stream)
    };
    let stream = match caller {
        Some(netns) => netns.run_in(connect)?,
        None => connect(),
    };
    Ok(stream.and_then(|stream| exchange(stream, listener, within)))
}

fn exchange(mut caller: TcpStream, listener: &TcpListener, within: Duration) -> io::Result<()> {
    let mut called = accept(listener, within)?;
    called.set_read_timeout(Some(within))?;
    called.set_write_timeout(Some(within))?;
    let mut heard = [0; WORD.len()];
    caller.write_all(WORD)?;
    called.read_exact(&mut heard)?;
    called.write_all(&heard)?;
    caller.read_exact(&mut heard)?;
    if &heard == WORD {
        Ok(())
    } else {
        Err(io::Error::other("another word came back than was sent"))
    }
}

fn accept(listener: &TcpListener, within: Duration) -> io::Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let deadline = Instant::now() + within;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if Instant::now() > deadline {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

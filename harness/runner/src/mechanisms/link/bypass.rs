//! Connections past a link: what a process has connected directly, although it was given the link's address.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// States of `/proc/net/tcp` in which packets may go out: established, and the handshake's first.
const ALIVE: [&str; 2] = ["01", "02"];

/// The addresses among `upstreams` to which a process has connections of its own. Looked up among its open files and
/// the sockets of its network namespace; IPv4 only, as local clusters are.
///
/// # Errors
/// When `/proc` does not let us look, or the process has ended.
pub fn past_the_link(pid: u32, upstreams: &[SocketAddr]) -> io::Result<BTreeSet<SocketAddr>> {
    let own = sockets_of(pid)?;
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp"))?;
    let connected = table.lines().skip(1).filter_map(entry);
    Ok(connected
        .filter(|(remote, inode)| upstreams.contains(remote) && own.contains(inode))
        .map(|(remote, _)| remote)
        .collect())
}

/// Inodes of the sockets that a process has open.
fn sockets_of(pid: u32) -> io::Result<BTreeSet<u64>> {
    let mut inodes = BTreeSet::new();
    for file in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // One that was closed in the meantime is no connection any more.
        let Ok(target) = fs::read_link(file?.path()) else {
            continue;
        };
        let inode: Option<u64> = target
            .to_str()
            .and_then(|text| text.strip_prefix("socket:[")?.strip_suffix(']'))
            .and_then(|number| number.parse().ok());
        inodes.extend(inode);
    }
    Ok(inodes)
}

/// Remote address and inode of a living connection.
fn entry(line: &str) -> Option<(SocketAddr, u64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    if !ALIVE.contains(fields.get(3)?) {
        return None;
    }
    let (address, port) = fields.get(2)?.split_once(':')?;
    // The kernel prints the address as one number in its own byte order.
    let address = u32::from_str_radix(address, 16).ok()?.to_ne_bytes();
    let port = u16::from_str_radix(port, 16).ok()?;
    let remote = SocketAddr::new(IpAddr::V4(Ipv4Addr::from(address)), port);
    Some((remote, fields.get(9)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_past_the_link_is_seen_while_it_lives() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = listener.local_addr().unwrap();
        let other = SocketAddr::from(([127, 0, 0, 1], 1));
        let seen = || past_the_link(std::process::id(), &[upstream, other]).unwrap();
        assert_eq!(seen(), BTreeSet::new());
        let direct = TcpStream::connect(upstream).unwrap();
        assert_eq!(seen(), BTreeSet::from([upstream]));
        drop(direct);
        assert_eq!(seen(), BTreeSet::new());
    }

    #[test]
    fn only_living_connections_count() {
        let line = |state: &str| {
            format!(
                "   0: 0100007F:D431 0100007F:1F90 {state} 00000000:00000000 00:00000000 00000000     0        0 4711 1 \
                 0000000000000000 20 4 30 10 -1"
            )
        };
        let remote = SocketAddr::from(([127, 0, 0, 1], 8080));
        assert_eq!(entry(&line("01")), Some((remote, 4711)));
        assert_eq!(entry(&line("06")), None);
        assert_eq!(entry("nonsense"), None);
    }
}

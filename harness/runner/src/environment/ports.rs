//! Free ports on loopback, below the range that the kernel hands out to outgoing connections.
//!
//! A port from the ephemeral range, found by binding port 0, may be taken by any outgoing connection while its node
//! is down; the node could then not come back. Ports here are tried one by one from a place that differs from
//! process to process. The run's seed has no say: two runs of one seed must not meet.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use shakedown_record::monotonic_ns;

use super::error::EnvironmentError;

const FROM: u16 = 20_000;
const TO: u16 = 29_999;

/// So many distinct addresses on 127.0.0.1 on which nobody listens now.
pub(super) fn free_addresses(wanted: usize) -> Result<Vec<SocketAddr>, EnvironmentError> {
    let first = somewhere(std::process::id(), monotonic_ns());
    // Held until all are found, so that none is found twice.
    let held: Vec<TcpListener> = (first..=TO)
        .chain(FROM..first)
        .filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .take(wanted)
        .collect();
    let found: Vec<SocketAddr> = held
        .iter()
        .filter_map(|listener| listener.local_addr().ok())
        .collect();
    if found.len() == wanted {
        Ok(found)
    } else {
        Err(EnvironmentError::NoFreePorts {
            wanted,
            from: FROM,
            to: TO,
        })
    }
}

/// A port of the range, far from that of the next process and of the next attempt.
fn somewhere(pid: u32, now_ns: u64) -> u16 {
    let spread = (u64::from(pid) ^ now_ns).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let ports = u64::from(TO - FROM) + 1;
    FROM + (spread % ports) as u16
}

/// True when somebody listens there: ours has lost a race for its port.
pub(super) fn is_taken(address: SocketAddr) -> bool {
    match TcpListener::bind(address) {
        Ok(_) => false,
        Err(error) => error.kind() == io::ErrorKind::AddrInUse,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ports_are_distinct_free_and_outside_the_ephemeral_range() {
        let found = free_addresses(12).unwrap();
        let distinct: BTreeSet<u16> = found.iter().map(SocketAddr::port).collect();
        assert_eq!(distinct.len(), 12);
        assert!(distinct.iter().all(|port| (FROM..=TO).contains(port)));
    }

    #[test]
    fn attempts_begin_all_over_the_range() {
        let begins: BTreeSet<u16> = (0..100).map(|n| somewhere(4000 + n, 12_345)).collect();
        assert!(begins.len() > 90, "{begins:?}");
        assert!(begins.iter().all(|port| (FROM..=TO).contains(port)));
    }

    #[test]
    fn a_taken_port_is_seen_as_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(is_taken(address));
        drop(listener);
        assert!(!is_taken(address));
    }
}

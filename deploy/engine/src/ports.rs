//! Free ports that stay free: below those that the kernel gives to outgoing connections.
//!
//! A node that is killed and started again must find its port as it left it. A port from the kernel's own range may
//! by then belong to some client's connection.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// The lowest port that is given out.
const LOWEST: u16 = 10_000;

/// The first port of the kernel's range where it does not say.
const DEFAULT_KERNEL_RANGE: u16 = 32_768;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Finds `count` ports on the loopback interface that nothing listens on. Within a process none is found twice
/// until the range is used up; processes begin at different places.
///
/// # Errors
/// `AddrInUse` when there are not that many.
pub fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let span = kernel_range().saturating_sub(LOWEST).max(1);
    let start = u16::try_from(std::process::id() % u32::from(span)).unwrap_or(0);
    let none = || {
        io::Error::new(
            io::ErrorKind::AddrInUse,
            format!(
                "there are no {count} free ports from {LOWEST} to {}",
                LOWEST + span
            ),
        )
    };
    if count > usize::from(span) {
        return Err(none());
    }
    let mut held = Vec::new();
    for _ in 0..span {
        if held.len() == count {
            break;
        }
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let place = (u32::from(start) * 7 + u32::from(step)) % u32::from(span);
        let port = LOWEST + u16::try_from(place).unwrap_or(0);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
    }
    if held.len() < count {
        return Err(none());
    }
    Ok(held.into_iter().map(|(port, _)| port).collect())
}

/// Where the range begins from which the kernel gives ports to outgoing connections.
fn kernel_range() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(DEFAULT_KERNEL_RANGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ports_are_free_different_and_not_the_kernels() {
        let ports: Vec<_> = (0..5).flat_map(|_| free_ports(6).unwrap()).collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 30);
        let below = kernel_range().max(LOWEST + 1);
        for port in ports {
            assert!((LOWEST..below).contains(&port), "{port}");
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_had_is_an_error() {
        assert!(free_ports(usize::from(u16::MAX)).is_err());
    }
}

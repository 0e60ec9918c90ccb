//! Which addresses the nodes get: a /24 of 198.18.0.0/15, the block that is set aside for benchmarks (RFC 2544).

use std::fmt;
use std::net::Ipv4Addr;

use crate::mechanisms::net::links::Ipv4Prefix;

const SUBNETS: u32 = 512;
const BLOCK: u32 = u32::from_be_bytes([198, 18, 0, 0]);

/// One /24 of the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    number: u32,
}

impl Subnet {
    pub const PREFIX_LENGTH: u8 = 24;
    /// Addresses 2 to 254.
    pub const NODES_AT_MOST: usize = 253;

    /// All subnets, beginning at one that depends on `start`, so that two runs seldom want the same one.
    pub fn candidates(start: u32) -> impl Iterator<Item = Subnet> {
        (0..SUBNETS).map(move |step| Subnet {
            number: (start % SUBNETS + step) % SUBNETS,
        })
    }

    /// True when no known address or route but a default one overlaps it.
    pub fn is_free(self, known: &[Ipv4Prefix]) -> bool {
        !known
            .iter()
            .any(|prefix| prefix.length > 0 && prefix.overlaps(self.base(), Self::PREFIX_LENGTH))
    }

    pub fn base(self) -> Ipv4Addr {
        Ipv4Addr::from(BLOCK + (self.number << 8))
    }

    /// The address of Shakedown itself.
    pub fn host(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.base()) + 1)
    }

    /// The address of a node; `None` when the subnet has no room for it.
    pub fn node(self, index: usize) -> Option<Ipv4Addr> {
        let offset = u32::try_from(index).ok()? + 2;
        (index < Self::NODES_AT_MOST).then(|| Ipv4Addr::from(u32::from(self.base()) + offset))
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base(), Self::PREFIX_LENGTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_candidate_lies_in_the_block_once() {
        let mut all: Vec<String> = Subnet::candidates(1000)
            .map(|net| net.to_string())
            .collect();
        assert_eq!(all[0], "198.19.232.0/24");
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 512);
        assert!(
            all.iter()
                .all(|net| net.starts_with("198.18.") || net.starts_with("198.19."))
        );
    }

    #[test]
    fn a_subnet_that_someone_uses_is_not_free() {
        let net = Subnet::candidates(3).next().unwrap();
        let at = |text: &str, length| Ipv4Prefix {
            address: text.parse().unwrap(),
            length,
            interface: 0,
        };
        assert!(net.is_free(&[]));
        assert!(net.is_free(&[at("0.0.0.0", 0), at("10.0.0.0", 8), at("198.18.4.0", 24)]));
        assert!(!net.is_free(&[at("198.18.3.9", 32)]));
        assert!(!net.is_free(&[at("198.18.0.0", 15)]));
    }

    #[test]
    fn nodes_come_after_the_host_and_end_with_the_subnet() {
        let net = Subnet::candidates(0).next().unwrap();
        assert_eq!(net.host().to_string(), "198.18.0.1");
        assert_eq!(net.node(0).unwrap().to_string(), "198.18.0.2");
        assert_eq!(net.node(252).unwrap().to_string(), "198.18.0.254");
        assert_eq!(net.node(253), None);
    }
}

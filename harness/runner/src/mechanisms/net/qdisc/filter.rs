//! Filters that steer by address (`cls_u32`), for kernels whose nftables knows no family `inet`.
//!
//! Unlike rules of an [`crate::mechanisms::net::OwnedTable`], they stay after a SIGKILL, until the discipline that they
//! hang on is removed ([`super::remove_leftover`]).

use std::net::IpAddr;

use super::encode::{HEADER, KIND, OWN_HANDLE, STEERED_CLASS};
use crate::mechanisms::net::netlink::{Attributes, Message, flags};

const NEW_FILTER: u16 = 44;
const OPTIONS: u16 = 2;
const U32_CLASS: u16 = 1;
const U32_SELECTOR: u16 = 5;
/// What matches goes to the class, and no further filter is asked.
const TERMINAL: u8 = 1;
/// Bytes from the beginning of the packet to its destination.
const IPV4_DESTINATION: u32 = 16;
const IPV6_DESTINATION: u32 = 24;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// Sends what leaves an interface for this address through the class of steered packets.
pub fn towards(interface: u32, address: IpAddr) -> Message {
    let (protocol, priority, at, words) = match address {
        IpAddr::V4(address) => (IPV4, 1, IPV4_DESTINATION, address.octets().to_vec()),
        IpAddr::V6(address) => (IPV6, 2, IPV6_DESTINATION, address.octets().to_vec()),
    };
    let options = Attributes::new()
        .u32(U32_CLASS, STEERED_CLASS)
        .bytes(U32_SELECTOR, &selector(at, &words));
    Message::new(
        format!("steer packets for {address}"),
        NEW_FILTER,
        flags::CREATE | flags::EXCL,
        &header(interface, protocol, priority),
        Attributes::new().text(KIND, "u32").nested(OPTIONS, options),
    )
}

/// `struct tcmsg`: its last word holds the filter's priority and the protocol, in the order of the network.
fn header(interface: u32, protocol: u16, priority: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let info = priority << 16 | u32::from(protocol.to_be());
    header[4..8].copy_from_slice(&interface.to_ne_bytes());
    header[12..16].copy_from_slice(&OWN_HANDLE.to_ne_bytes());
    header[16..20].copy_from_slice(&info.to_ne_bytes());
    header
}

/// `struct tc_u32_sel`, followed by a `struct tc_u32_key` for each four bytes of the address.
fn selector(at: u32, address: &[u8]) -> Vec<u8> {
    let keys = address.chunks(4);
    let mut selector = vec![0; 16];
    (selector[0], selector[2]) = (TERMINAL, keys.len() as u8);
    for (word, offset) in keys.zip((at..).step_by(4)) {
        selector.extend([0xff; 4]);
        selector.extend(word);
        selector.extend(offset.to_ne_bytes());
        selector.extend([0; 4]);
    }
    selector
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanisms::net::netlink::{find, text};

    #[test]
    fn a_filter_compares_the_destination() {
        let message = towards(7, "10.112.4.9".parse().unwrap());
        let bytes = message.body();
        assert_eq!(bytes[4..8], 7u32.to_ne_bytes());
        assert_eq!(bytes[12..16], OWN_HANDLE.to_ne_bytes());
        // Priority 1, and 0x0800 as the network has it.
        assert_eq!(bytes[16..20], 0x0001_0008u32.to_ne_bytes());
        assert_eq!(find(&bytes[20..], KIND).map(text).unwrap(), "u32");
        let options = find(&bytes[20..], OPTIONS).unwrap();
        assert_eq!(
            find(options, U32_CLASS).unwrap(),
            STEERED_CLASS.to_ne_bytes()
        );
        let selector = find(options, U32_SELECTOR).unwrap();
        assert_eq!(selector[..4], [1, 0, 1, 0]);
        assert_eq!(selector[16..24], [255, 255, 255, 255, 10, 112, 4, 9]);
        assert_eq!(selector[24..], [16u32.to_ne_bytes(), [0; 4]].concat());
    }

    #[test]
    fn a_long_address_takes_four_keys() {
        let message = towards(7, "fd00::9".parse().unwrap());
        let options = find(&message.body()[20..], OPTIONS).unwrap();
        let selector = find(options, U32_SELECTOR).unwrap();
        assert_eq!((selector[2], selector.len()), (4, 16 + 4 * 16));
        assert_eq!(selector[16 + 3 * 16 + 4..][..4], [0, 0, 0, 9]);
        assert_eq!(selector[16 + 3 * 16 + 8..][..4], 36u32.to_ne_bytes());
    }
}

//! Interfaces, addresses and routes of one namespace, as far as they are made or asked for here.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, AsRawFd};

use super::netlink::{
    Attributes, Family, Message, NetlinkError, NetlinkSocket, find, flags, text, u32_ne,
};
use super::netns::Netns;

/// Bytes of `struct ifinfomsg`, before the attributes of an interface.
pub(super) const LINK_HEADER: usize = 16;
const ROUTE_HEADER: usize = 12;
const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
pub(super) const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const DELETE_ADDRESS: u16 = 21;
pub(super) const GET_ADDRESS: u16 = 22;
pub(super) const GET_ROUTE: u16 = 26;
const IF_NAME: u16 = 3;
const IF_MASTER: u16 = 10;
const IF_QUEUE_LENGTH: u16 = 13;
const IF_LINKINFO: u16 = 18;
const IF_NETNS_FD: u16 = 28;
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const VETH_PEER: u16 = 1;
const ADDRESS: u16 = 1;
const ADDRESS_LOCAL: u16 = 2;
const ROUTE_DESTINATION: u16 = 1;
const FLAG_UP: u32 = 1;
const FLAG_RUNNING: u32 = 0x40;
const INET: u8 = 2;

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub index: u32,
    pub name: String,
    /// Switched on.
    pub is_up: bool,
    /// Switched on, and so is the other end.
    pub is_running: bool,
    /// Packets that a queue may hold; 0 where there is none, as network plugins make them.
    pub queue_length: u32,
}

/// One IPv4 destination that the namespace knows a way to, or an address that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv4Prefix {
    pub address: Ipv4Addr,
    pub length: u8,
    /// The interface, where it is an address; 0 for routes.
    pub interface: u32,
}

/// The interfaces of one namespace, through a socket opened inside.
#[derive(Debug)]
pub struct Links {
    socket: NetlinkSocket,
}

impl Links {
    /// Opens a socket in the namespace of the calling thread.
    ///
    /// # Errors
    /// When the kernel refuses a socket.
    pub fn open() -> Result<Links, NetlinkError> {
        Ok(Links {
            socket: NetlinkSocket::open(Family::Route)?,
        })
    }

    /// All interfaces.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn list(&mut self) -> Result<Vec<Link>, NetlinkError> {
        let get = Message::new(
            "list the interfaces",
            GET_LINK,
            0,
            &[0; LINK_HEADER],
            Attributes::new(),
        );
        Ok(self
            .socket
            .dump(&get)?
            .iter()
            .filter_map(|reply| link(&reply.body))
            .collect())
    }

    /// The interface of this name; `None` when there is none.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn find(&mut self, name: &str) -> Result<Option<Link>, NetlinkError> {
        Ok(self.list()?.into_iter().find(|link| link.name == name))
    }

    /// Makes a bridge. Frames pass as soon as a port is up: there is no spanning tree.
    ///
    /// # Errors
    /// When there is one of this name, or the rights are missing.
    pub fn add_bridge(&mut self, name: &str) -> Result<(), NetlinkError> {
        let info = Attributes::new().text(INFO_KIND, "bridge");
        self.socket.request(&Message::new(
            format!("add the bridge {name}"),
            NEW_LINK,
            flags::CREATE | flags::EXCL,
            &[0; LINK_HEADER],
            Attributes::new()
                .text(IF_NAME, name)
                .nested(IF_LINKINFO, info),
        ))
    }

    /// Makes a pair of interfaces: what goes into one comes out of the other, which lies in `peer_netns`. Both end
    /// when either namespace does.
    ///
    /// # Errors
    /// When there is an interface of such a name on either side, or the rights are missing.
    pub fn add_veth(
        &mut self,
        name: &str,
        peer_name: &str,
        peer_netns: &Netns,
    ) -> Result<(), NetlinkError> {
        let peer = Attributes::new()
            .text(IF_NAME, peer_name)
            .u32(IF_NETNS_FD, peer_netns.as_fd().as_raw_fd() as u32);
        let data = Attributes::new().prefixed(VETH_PEER, &[0; LINK_HEADER], peer);
        let info = Attributes::new()
            .text(INFO_KIND, "veth")
            .nested(INFO_DATA, data);
        self.socket.request(&Message::new(
            format!("add the pair of interfaces {name} and {peer_name}"),
            NEW_LINK,
            flags::CREATE | flags::EXCL,
            &[0; LINK_HEADER],
            Attributes::new()
                .text(IF_NAME, name)
                .nested(IF_LINKINFO, info),
        ))
    }

    /// Switches an interface on.
    ///
    /// # Errors
    /// When it is not there, or the rights are missing.
    pub fn set_up(&mut self, index: u32) -> Result<(), NetlinkError> {
        self.socket.request(&Message::new(
            format!("switch interface {index} on"),
            NEW_LINK,
            0,
            &link_header(index, FLAG_UP, FLAG_UP),
            Attributes::new(),
        ))
    }

    /// Sets how many packets a queue of it may hold.
    ///
    /// # Errors
    /// When it is not there, or the rights are missing.
    pub fn set_queue_length(&mut self, index: u32, packets: u32) -> Result<(), NetlinkError> {
        self.socket.request(&Message::new(
            format!("set the queue length of interface {index}"),
            NEW_LINK,
            0,
            &link_header(index, 0, 0),
            Attributes::new().u32(IF_QUEUE_LENGTH, packets),
        ))
    }

    /// Makes an interface a port of a bridge.
    ///
    /// # Errors
    /// When either is not there, or the rights are missing.
    pub fn set_master(&mut self, index: u32, bridge: u32) -> Result<(), NetlinkError> {
        self.socket.request(&Message::new(
            format!("make interface {index} a port of bridge {bridge}"),
            NEW_LINK,
            0,
            &link_header(index, 0, 0),
            Attributes::new().u32(IF_MASTER, bridge),
        ))
    }

    /// Gives an interface an IPv4 address, and with it a route to the whole prefix.
    ///
    /// # Errors
    /// When it is not there, has the address already, or the rights are missing.
    pub fn add_address(
        &mut self,
        index: u32,
        address: Ipv4Addr,
        prefix_length: u8,
    ) -> Result<(), NetlinkError> {
        self.socket.request(&Message::new(
            format!("give interface {index} the address {address}/{prefix_length}"),
            NEW_ADDRESS,
            flags::CREATE | flags::EXCL,
            &address_header(index, prefix_length),
            address_attributes(address),
        ))
    }

    /// Takes an address away again.
    ///
    /// # Errors
    /// When it is not there, or the rights are missing.
    pub fn remove_address(
        &mut self,
        index: u32,
        address: Ipv4Addr,
        prefix_length: u8,
    ) -> Result<(), NetlinkError> {
        self.socket.request(&Message::new(
            format!("take the address {address}/{prefix_length} from interface {index}"),
            DELETE_ADDRESS,
            0,
            &address_header(index, prefix_length),
            address_attributes(address),
        ))
    }

    /// Removes an interface, and its peer with it; one that is not there is removed already.
    ///
    /// # Errors
    /// When the rights are missing.
    pub fn remove(&mut self, name: &str) -> Result<(), NetlinkError> {
        let Some(link) = self.find(name)? else {
            return Ok(());
        };
        let done = self.socket.request(&Message::new(
            format!("remove the interface {name}"),
            DELETE_LINK,
            0,
            &link_header(link.index, 0, 0),
            Attributes::new(),
        ));
        match done {
            Err(error) if error.is_absent() => Ok(()),
            done => done,
        }
    }

    /// The IPv4 addresses, with the networks around them.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn ipv4_addresses(&mut self) -> Result<Vec<Ipv4Prefix>, NetlinkError> {
        let get = Message::new(
            "list the addresses",
            GET_ADDRESS,
            0,
            &[INET, 0, 0, 0, 0, 0, 0, 0],
            Attributes::new(),
        );
        Ok(self
            .socket
            .dump(&get)?
            .iter()
            .filter_map(|reply| {
                let value = find(reply.body.get(8..)?, ADDRESS_LOCAL)?;
                Some(Ipv4Prefix {
                    address: ipv4(value)?,
                    length: reply.body[1],
                    interface: u32_ne(&reply.body[4..])?,
                })
            })
            .collect())
    }

    /// The IPv4 routes of all tables, without the default ones.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn ipv4_routes(&mut self) -> Result<Vec<Ipv4Prefix>, NetlinkError> {
        let mut header = [0u8; ROUTE_HEADER];
        header[0] = INET;
        let get = Message::new("list the routes", GET_ROUTE, 0, &header, Attributes::new());
        Ok(self
            .socket
            .dump(&get)?
            .iter()
            .filter_map(|reply| {
                let value = find(reply.body.get(ROUTE_HEADER..)?, ROUTE_DESTINATION)?;
                Some(Ipv4Prefix {
                    address: ipv4(value)?,
                    length: reply.body[1],
                    interface: 0,
                })
            })
            .collect())
    }
}

impl Ipv4Prefix {
    /// True when the two have an address in common.
    pub fn overlaps(&self, address: Ipv4Addr, length: u8) -> bool {
        let shorter = u32::from(self.length.min(length).min(32));
        let mask = u32::MAX.checked_shl(32 - shorter).unwrap_or(0);
        u32::from(self.address) & mask == u32::from(address) & mask
    }
}

/// The address of an attribute of 4 or 16 bytes.
pub(super) fn ip(value: &[u8]) -> Option<IpAddr> {
    match <[u8; 16]>::try_from(value) {
        Ok(bytes) => Some(IpAddr::from(bytes)),
        Err(_) => ipv4(value).map(IpAddr::from),
    }
}

fn ipv4(value: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from)
}

fn link(body: &[u8]) -> Option<Link> {
    let link_flags = u32_ne(body.get(8..12)?)?;
    Some(Link {
        index: u32_ne(body.get(4..8)?)?,
        is_up: link_flags & FLAG_UP != 0,
        is_running: link_flags & FLAG_RUNNING != 0,
        name: find(body.get(LINK_HEADER..)?, IF_NAME).map(text)?,
        queue_length: find(body.get(LINK_HEADER..)?, IF_QUEUE_LENGTH).and_then(u32_ne)?,
    })
}

fn link_header(index: u32, link_flags: u32, change: u32) -> [u8; LINK_HEADER] {
    let mut header = [0; LINK_HEADER];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&link_flags.to_ne_bytes());
    header[12..16].copy_from_slice(&change.to_ne_bytes());
    header
}

fn address_header(index: u32, prefix_length: u8) -> [u8; 8] {
    let [a, b, c, d] = index.to_ne_bytes();
    [INET, prefix_length, 0, 0, a, b, c, d]
}

fn address_attributes(address: Ipv4Addr) -> Attributes {
    Attributes::new()
        .bytes(ADDRESS_LOCAL, &address.octets())
        .bytes(ADDRESS, &address.octets())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_overlap_when_one_holds_the_other() {
        let prefix = |text: &str, length| Ipv4Prefix {
            address: text.parse().unwrap(),
            length,
            interface: 0,
        };
        let candidate = Ipv4Addr::new(198, 18, 7, 0);
        assert!(prefix("198.18.7.0", 24).overlaps(candidate, 24));
        assert!(prefix("198.18.0.0", 15).overlaps(candidate, 24));
        assert!(prefix("198.18.7.200", 32).overlaps(candidate, 24));
        assert!(prefix("0.0.0.0", 0).overlaps(candidate, 24));
        assert!(!prefix("198.18.8.0", 24).overlaps(candidate, 24));
        assert!(!prefix("10.0.0.0", 8).overlaps(candidate, 24));
    }

    #[test]
    fn addresses_have_four_or_sixteen_bytes() {
        assert_eq!(ip(&[127, 0, 0, 1]), Some("127.0.0.1".parse().unwrap()));
        let mut six = [0u8; 16];
        six[15] = 1;
        assert_eq!(ip(&six), Some("::1".parse().unwrap()));
        assert_eq!(ip(&[1, 2, 3]), None);
    }
}

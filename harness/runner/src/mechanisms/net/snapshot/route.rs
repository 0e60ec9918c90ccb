//! Interfaces, addresses, routes, routing rules, queueing disciplines.

use super::{NetSnapshot, trim};
use crate::mechanisms::net::links::{GET_ADDRESS, GET_LINK, GET_ROUTE, LINK_HEADER, ip};
use crate::mechanisms::net::netlink::{
    Attributes, Message, NetlinkError, NetlinkSocket, attributes, find, text, u32_ne,
};
use crate::mechanisms::net::qdisc::GET_QDISC;

const GET_RULE: u16 = 34;
const ADDRESS_HEADER: usize = 8;
const ROUTE_HEADER: usize = 12;
const QDISC_HEADER: usize = 20;
/// Routes that the kernel keeps for one destination only, as a cache.
const ROUTE_CLONED: u32 = 0x200;
const ROUTE_DESTINATION: u16 = 1;
const ROUTE_CACHE_INFO: u16 = 12;
const ROUTE_TABLE: u16 = 15;
const RULE_PRIORITY: u16 = 6;
const ADDRESS_LOCAL: u16 = 2;
const ADDRESS_ANY: u16 = 1;
const ADDRESS_CACHE_INFO: u16 = 6;
const ADDRESS_FLAGS: u16 = 8;
/// Not yet known to be unique: an address loses this by itself.
const ADDRESS_TENTATIVE: u8 = 0x40;
const QDISC_KIND: u16 = 1;
const QDISC_OPTIONS: u16 = 2;
const HTB_INIT: u16 = 2;
/// Statistics in their three forms, and the rate estimate.
const QDISC_COUNTED: [u16; 4] = [3, 4, 5, 7];
const LINK_NAME: u16 = 3;
/// What describes an interface and does not change by itself: hardware address, broadcast, name, MTU, underlying
/// interface, queueing discipline, master, queue length, state, mode, group, namespace.
const LINK_KEPT: [u16; 12] = [1, 2, 3, 4, 5, 6, 10, 13, 16, 17, 27, 37];

pub(super) fn add(
    socket: &mut NetlinkSocket,
    picture: &mut NetSnapshot,
) -> Result<(), NetlinkError> {
    add_links(socket, picture)?;
    add_addresses(socket, picture)?;
    add_routes(socket, picture)?;
    add_rules(socket, picture)?;
    add_qdiscs(socket, picture)
}

fn list(
    socket: &mut NetlinkSocket,
    what: &str,
    kind: u16,
    header: usize,
) -> Result<Vec<Vec<u8>>, NetlinkError> {
    let get = Message::new(
        format!("list the {what}"),
        kind,
        0,
        &vec![0; header],
        Attributes::new(),
    );
    let replies = socket.dump(&get)?;
    Ok(replies
        .into_iter()
        .map(|reply| reply.body)
        .filter(|body| body.len() >= header)
        .collect())
}

fn add_links(socket: &mut NetlinkSocket, picture: &mut NetSnapshot) -> Result<(), NetlinkError> {
    for body in list(socket, "interfaces", GET_LINK, LINK_HEADER)? {
        let (header, rest) = body.split_at(LINK_HEADER);
        let name = find(rest, LINK_NAME).map_or_else(|| "?".to_string(), text);
        let kept = attributes(rest)
            .filter(|(kind, _)| LINK_KEPT.contains(kind))
            .fold(Attributes::new(), |kept, (kind, value)| {
                kept.bytes(kind, value)
            });
        picture.add(
            format!("the interface {name}"),
            [header, kept.as_bytes()].concat(),
        );
    }
    Ok(())
}

fn add_addresses(
    socket: &mut NetlinkSocket,
    picture: &mut NetSnapshot,
) -> Result<(), NetlinkError> {
    for mut body in list(socket, "addresses", GET_ADDRESS, ADDRESS_HEADER)? {
        body[2] &= !ADDRESS_TENTATIVE;
        let (header, rest) = body.split_at(ADDRESS_HEADER);
        let address = find(rest, ADDRESS_LOCAL).or_else(|| find(rest, ADDRESS_ANY));
        let interface = u32_ne(&header[4..]).unwrap_or(0);
        // The flags stand in the header too, without those that nobody can set.
        let kept = trim::without(rest, &[ADDRESS_CACHE_INFO, ADDRESS_FLAGS]);
        picture.add(
            format!(
                "the address {}/{} of interface {interface}",
                shown(address),
                header[1]
            ),
            [header, kept.as_bytes()].concat(),
        );
    }
    Ok(())
}

fn add_routes(socket: &mut NetlinkSocket, picture: &mut NetSnapshot) -> Result<(), NetlinkError> {
    for body in list(socket, "routes", GET_ROUTE, ROUTE_HEADER)? {
        let (header, rest) = body.split_at(ROUTE_HEADER);
        if u32_ne(&header[8..]).unwrap_or(0) & ROUTE_CLONED != 0 {
            continue;
        }
        let to = match find(rest, ROUTE_DESTINATION) {
            Some(address) => format!("{}/{}", shown(Some(address)), header[1]),
            None => "everywhere".to_string(),
        };
        let table = find(rest, ROUTE_TABLE)
            .and_then(u32_ne)
            .unwrap_or(u32::from(header[4]));
        let kept = trim::without(rest, &[ROUTE_CACHE_INFO]);
        picture.add(
            format!("the route to {to} in table {table}"),
            [header, kept.as_bytes()].concat(),
        );
    }
    Ok(())
}

fn add_rules(socket: &mut NetlinkSocket, picture: &mut NetSnapshot) -> Result<(), NetlinkError> {
    for body in list(socket, "routing rules", GET_RULE, ROUTE_HEADER)? {
        let (header, rest) = body.split_at(ROUTE_HEADER);
        let priority = find(rest, RULE_PRIORITY).and_then(u32_ne).unwrap_or(0);
        picture.add(
            format!("the routing rule {priority} of family {}", header[0]),
            [header, trim::without(rest, &[]).as_bytes()].concat(),
        );
    }
    Ok(())
}

fn add_qdiscs(socket: &mut NetlinkSocket, picture: &mut NetSnapshot) -> Result<(), NetlinkError> {
    for mut body in list(socket, "queueing disciplines", GET_QDISC, QDISC_HEADER)? {
        // How many refer to it.
        body[16..20].fill(0);
        let (header, rest) = body.split_at(QDISC_HEADER);
        let word = |at: usize| u32_ne(&header[at..]).unwrap_or(0);
        let kind = find(rest, QDISC_KIND).map_or_else(|| "?".to_string(), text);
        let kept = without_direct_packets(&kind, trim::without(rest, &QDISC_COUNTED));
        picture.add(
            format!(
                "the queueing discipline {kind} {:x}: of interface {}",
                word(8) >> 16,
                word(4)
            ),
            [header, kept.as_bytes()].concat(),
        );
    }
    Ok(())
}

/// HTB counts packets in the midst of its options.
fn without_direct_packets(kind: &str, attributes_of_it: Attributes) -> Attributes {
    if kind != "htb" {
        return attributes_of_it;
    }
    attributes(attributes_of_it.as_bytes()).fold(Attributes::new(), |kept, (kind, value)| {
        if kind == QDISC_OPTIONS {
            kept.nested(kind, trim::without(value, &[HTB_INIT])).bytes(
                kind,
                find(value, HTB_INIT).map_or(&[], |init| &init[..init.len().min(16)]),
            )
        } else {
            kept.bytes(kind, value)
        }
    })
}

fn shown(address: Option<&[u8]>) -> String {
    address
        .and_then(ip)
        .map_or_else(|| "?".to_string(), |address| address.to_string())
}

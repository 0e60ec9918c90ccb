//! The nftables ruleset: tables, chains, rules, sets and what is in them, objects, flow tables.

use super::{NetSnapshot, trim};
use crate::mechanisms::net::netlink::{
    Attributes, Message, NetlinkError, NetlinkSocket, Reply, attributes, find, text, u32_be, u64_be,
};
use crate::mechanisms::net::table::abi;

/// Bytes of `struct nfgenmsg`.
const HEADER: usize = 4;

pub(super) fn add(
    socket: &mut NetlinkSocket,
    picture: &mut NetSnapshot,
) -> Result<(), NetlinkError> {
    for reply in list(socket, "tables", abi::MSG_GETTABLE)? {
        let Some(table) = reply.body.get(HEADER..) else {
            continue;
        };
        let what = format!("the table {}", full_name(&reply, &[abi::TABLE_NAME]));
        picture.add(
            what,
            trim::without(table, &[abi::TABLE_USE]).as_bytes().to_vec(),
        );
    }
    for reply in list(socket, "chains", abi::MSG_GETCHAIN)? {
        let Some(chain) = reply.body.get(HEADER..) else {
            continue;
        };
        let name = full_name(&reply, &[abi::CHAIN_TABLE, abi::CHAIN_NAME]);
        let still = trim::without(chain, &[abi::CHAIN_USE, abi::CHAIN_COUNTERS]);
        picture.add(format!("the chain {name}"), still.as_bytes().to_vec());
    }
    add_rules(socket, picture)?;
    add_sets(socket, picture)?;
    add_objects(socket, picture)?;
    for reply in list(socket, "flow tables", abi::MSG_GETFLOWTABLE)? {
        let Some(flowtable) = reply.body.get(HEADER..) else {
            continue;
        };
        let name = full_name(&reply, &[abi::FLOWTABLE_TABLE, abi::FLOWTABLE_NAME]);
        let still = trim::without(flowtable, &[abi::FLOWTABLE_USE]);
        picture.add(format!("the flow table {name}"), still.as_bytes().to_vec());
    }
    Ok(())
}

fn add_rules(socket: &mut NetlinkSocket, picture: &mut NetSnapshot) -> Result<(), NetlinkError> {
    for reply in list(socket, "rules", abi::MSG_GETRULE)? {
        let Some(rule) = reply.body.get(HEADER..) else {
            continue;
        };
        let chain = full_name(&reply, &[abi::RULE_TABLE, abi::RULE_CHAIN]);
        let handle = find(rule, abi::RULE_HANDLE).and_then(u64_be).unwrap_or(0);
        let still = trim::with_still_expressions(rule, &[abi::RULE_EXPRESSIONS], &[]);
        picture.add(
            format!("the rule with handle {handle} in the chain {chain}"),
            still.as_bytes().to_vec(),
        );
    }
    Ok(())
}

fn add_sets(socket: &mut NetlinkSocket, picture: &mut NetSnapshot) -> Result<(), NetlinkError> {
    for reply in list(socket, "sets", abi::MSG_GETSET)? {
        let Some(set) = reply.body.get(HEADER..) else {
            continue;
        };
        let full = full_name(&reply, &[abi::SET_TABLE, abi::SET_NAME]);
        let still = trim::without(set, &[abi::SET_COUNT]);
        picture.add(format!("the set {full}"), still.as_bytes().to_vec());
        // Elements that packets add, or that time out, come and go without anybody.
        let set_flags = find(set, abi::SET_FLAGS).and_then(u32_be).unwrap_or(0);
        if set_flags & (abi::SET_F_TIMEOUT | abi::SET_F_EVAL) != 0 {
            continue;
        }
        let (Some(table), Some(name)) = (find(set, abi::SET_TABLE), find(set, abi::SET_NAME))
        else {
            continue;
        };
        let get = Message::new(
            format!("list the elements of the set {full}"),
            abi::kind(abi::MSG_GETSETELEM),
            0,
            &abi::header(reply.body[0]),
            Attributes::new()
                .bytes(abi::ELEMENTS_TABLE, table)
                .bytes(abi::ELEMENTS_SET, name),
        );
        // The order in which the kernel lists elements is that of a hash.
        let mut elements: Vec<Vec<u8>> = socket
            .dump(&get)?
            .iter()
            .filter_map(|part| find(part.body.get(HEADER..)?, abi::ELEMENTS))
            .flat_map(|elements| attributes(elements).map(|(_, element)| still_element(element)))
            .collect();
        elements.sort();
        picture.add(format!("what is in the set {full}"), elements.concat());
    }
    Ok(())
}

fn still_element(element: &[u8]) -> Vec<u8> {
    let still = trim::with_still_expressions(
        element,
        &[abi::ELEMENT_EXPRESSIONS],
        &[abi::ELEMENT_EXPIRATION, abi::ELEMENT_EXPR],
    );
    let own = find(element, abi::ELEMENT_EXPR).map(trim::still_expression);
    still.then(own.unwrap_or_default()).as_bytes().to_vec()
}

fn add_objects(socket: &mut NetlinkSocket, picture: &mut NetSnapshot) -> Result<(), NetlinkError> {
    for reply in list(socket, "objects", abi::MSG_GETOBJ)? {
        let Some(object) = reply.body.get(HEADER..) else {
            continue;
        };
        let name = full_name(&reply, &[abi::OBJECT_TABLE, abi::OBJECT_NAME]);
        let counted: &[u16] = match find(object, abi::OBJECT_TYPE).and_then(u32_be) {
            Some(abi::OBJECT_COUNTER | abi::OBJECT_QUOTA) => &[abi::OBJECT_USE, abi::OBJECT_DATA],
            _ => &[abi::OBJECT_USE],
        };
        let still = trim::without(object, counted);
        picture.add(format!("the object {name}"), still.as_bytes().to_vec());
    }
    Ok(())
}

fn list(socket: &mut NetlinkSocket, what: &str, message: u16) -> Result<Vec<Reply>, NetlinkError> {
    socket.dump(&Message::new(
        format!("list the {what} of nftables"),
        abi::kind(message),
        0,
        &abi::header(0),
        Attributes::new(),
    ))
}

/// As `nft` writes it: `inet filter input`.
fn full_name(reply: &Reply, parts: &[u16]) -> String {
    let family = match reply.body.first() {
        Some(1) => "inet".to_string(),
        Some(2) => "ip".to_string(),
        Some(3) => "arp".to_string(),
        Some(5) => "netdev".to_string(),
        Some(7) => "bridge".to_string(),
        Some(10) => "ip6".to_string(),
        Some(other) => format!("family-{other}"),
        None => "?".to_string(),
    };
    let inside = reply.body.get(HEADER..).unwrap_or_default();
    parts.iter().fold(family, |name, part| {
        let part = find(inside, *part).map_or_else(|| "?".to_string(), text);
        format!("{name} {part}")
    })
}

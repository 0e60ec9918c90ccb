//! The messages that make, change and remove the table.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::abi;
use super::expressions::{self, KeyKind, SetRef, Way};
use super::rule::{Peers, Rule};
use crate::mechanisms::net::netlink::{Attributes, Message, flags};

/// Before connection tracking (-200) and everything that translates addresses.
const PRIORITY: i32 = -300;
const ELEMENTS_PER_MESSAGE: usize = 1000;
const INPUT: &str = "input";
const OUTPUT: &str = "output";
const FORWARD: &str = "forward";
const CHAINS: [(&str, u32); 3] = [
    (INPUT, abi::HOOK_LOCAL_IN),
    (OUTPUT, abi::HOOK_LOCAL_OUT),
    (FORWARD, abi::HOOK_FORWARD),
];
/// What `nft` calls the keys' types, so that it can print them.
const TYPE_NFPROTO: u32 = 2;
const TYPE_IPV4: u32 = 7;
const TYPE_IPV6: u32 = 8;

/// One set in the kernel and what it is filled with.
#[derive(Debug, Clone)]
pub(super) struct PeerSet {
    pub name: String,
    key: KeyKind,
    keys: Vec<Vec<u8>>,
}

/// A list of rules with the sets that it needs, under names that no earlier list used.
#[derive(Debug, Clone, Default)]
pub(super) struct Compiled {
    pub rules: Vec<Rule>,
    /// For each rule, its sets.
    pub sets: Vec<Vec<PeerSet>>,
}

impl Compiled {
    pub fn new(generation: u64, rules: Vec<Rule>) -> Compiled {
        let sets = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| sets_of(generation, index, &rule.peers))
            .collect();
        Compiled { rules, sets }
    }

    pub fn all_sets(&self) -> impl Iterator<Item = &PeerSet> {
        self.sets.iter().flatten()
    }
}

fn sets_of(generation: u64, index: usize, peers: &Peers) -> Vec<PeerSet> {
    let mut by_kind: BTreeMap<KeyKind, Vec<Vec<u8>>> = BTreeMap::new();
    match peers {
        Peers::Anyone => {
            let families = [abi::FAMILY_IPV4, abi::FAMILY_IPV6];
            by_kind.insert(KeyKind::Family, families.map(|family| vec![family]).into());
        }
        Peers::Addresses(addresses) => {
            for address in addresses {
                // An IPv4 address in IPv6 clothes travels as IPv4.
                match address.to_canonical() {
                    IpAddr::V4(address) => by_kind
                        .entry(KeyKind::Ipv4)
                        .or_default()
                        .push(address.octets().to_vec()),
                    IpAddr::V6(address) => by_kind
                        .entry(KeyKind::Ipv6)
                        .or_default()
                        .push(address.octets().to_vec()),
                }
            }
        }
    }
    by_kind
        .into_iter()
        .map(|(key, mut keys)| {
            keys.sort();
            keys.dedup();
            let suffix = match key {
                KeyKind::Ipv4 => "4",
                KeyKind::Ipv6 => "6",
                KeyKind::Family => "any",
            };
            PeerSet {
                name: format!("peers-{generation}-{index}-{suffix}"),
                key,
                keys,
            }
        })
        .collect()
}

/// The empty table with its chains.
pub(super) fn create(table: &str) -> Vec<Message> {
    let mut all = vec![message(
        format!(
            "make the table {table} with an owner (that takes nftables with the family inet, and Linux 5.12)"
        ),
        abi::MSG_NEWTABLE,
        flags::CREATE | flags::EXCL,
        Attributes::new()
            .text(abi::TABLE_NAME, table)
            .be32(abi::TABLE_FLAGS, abi::TABLE_F_OWNER),
    )];
    for (chain, hook) in CHAINS {
        let hook = Attributes::new()
            .be32(abi::HOOK_NUMBER, hook)
            .be32(abi::HOOK_PRIORITY, PRIORITY.cast_unsigned());
        all.push(message(
            format!("make the chain {chain}"),
            abi::MSG_NEWCHAIN,
            flags::CREATE | flags::EXCL,
            Attributes::new()
                .text(abi::CHAIN_TABLE, table)
                .text(abi::CHAIN_NAME, chain)
                .nested(abi::CHAIN_HOOK, hook)
                .be32(abi::CHAIN_POLICY, abi::VERDICT_ACCEPT)
                .text(abi::CHAIN_TYPE, "filter"),
        ));
    }
    all
}

/// Removes the table with everything in it.
pub(super) fn remove(table: &str) -> Vec<Message> {
    let name = Attributes::new().text(abi::TABLE_NAME, table);
    vec![message(
        format!("remove the table {table}"),
        abi::MSG_DELTABLE,
        0,
        name,
    )]
}

/// From one list of rules to another, in one transaction.
pub(super) fn replace(
    table: &str,
    old: &Compiled,
    new: &Compiled,
    timeout: Duration,
) -> Vec<Message> {
    let mut all: Vec<Message> = CHAINS
        .iter()
        .filter(|_| !old.rules.is_empty())
        .map(|(chain, _)| {
            let chain_of = Attributes::new()
                .text(abi::RULE_TABLE, table)
                .text(abi::RULE_CHAIN, chain);
            message(
                format!("empty the chain {chain}"),
                abi::MSG_DELRULE,
                0,
                chain_of,
            )
        })
        .collect();
    all.extend(old.all_sets().map(|set| {
        let name = Attributes::new()
            .text(abi::SET_TABLE, table)
            .text(abi::SET_NAME, &set.name);
        message(
            format!("remove the set {}", set.name),
            abi::MSG_DELSET,
            0,
            name,
        )
    }));
    let mut next_id = 1;
    for (rule, sets) in new.rules.iter().zip(&new.sets) {
        for set in sets {
            let id = next_id;
            next_id += 1;
            all.push(new_set(table, set, id, timeout));
            all.extend(fill(table, set));
            all.extend(rules_for(table, rule, set, id));
        }
    }
    all
}

/// Gives every element its whole time again. Elements that have timed out in between come back too, so whoever
/// calls this makes sure that none has.
pub(super) fn renew(table: &str, current: &Compiled) -> Vec<Message> {
    let mut all = Vec::new();
    for set in current.all_sets() {
        // Adding an element that is there does not renew it before Linux 6.12, so they all go and come, unseen
        // by any packet, in one transaction.
        let name = Attributes::new()
            .text(abi::ELEMENTS_TABLE, table)
            .text(abi::ELEMENTS_SET, &set.name);
        all.push(message(
            format!("renew the set {}", set.name),
            abi::MSG_DELSETELEM,
            0,
            name,
        ));
        all.extend(fill(table, set));
    }
    all
}

fn new_set(table: &str, set: &PeerSet, id: u32, timeout: Duration) -> Message {
    let (key_type, key_len) = match set.key {
        KeyKind::Ipv4 => (TYPE_IPV4, 4),
        KeyKind::Ipv6 => (TYPE_IPV6, 16),
        KeyKind::Family => (TYPE_NFPROTO, 1),
    };
    let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    message(
        format!("make the set {}", set.name),
        abi::MSG_NEWSET,
        flags::CREATE | flags::EXCL,
        Attributes::new()
            .text(abi::SET_TABLE, table)
            .text(abi::SET_NAME, &set.name)
            .be32(abi::SET_FLAGS, abi::SET_F_TIMEOUT)
            .be32(abi::SET_KEY_TYPE, key_type)
            .be32(abi::SET_KEY_LEN, key_len)
            .be32(abi::SET_ID, id)
            .be64(abi::SET_TIMEOUT, timeout_ms),
    )
}

fn fill(table: &str, set: &PeerSet) -> impl Iterator<Item = Message> {
    set.keys.chunks(ELEMENTS_PER_MESSAGE).map(move |keys| {
        let elements = keys.iter().fold(Attributes::new(), |elements, key| {
            let value = Attributes::new().bytes(abi::DATA_VALUE, key);
            let element = Attributes::new().nested(abi::ELEMENT_KEY, value);
            elements.nested(abi::LIST_ELEM, element)
        });
        message(
            format!("fill the set {}", set.name),
            abi::MSG_NEWSETELEM,
            flags::CREATE,
            Attributes::new()
                .text(abi::ELEMENTS_TABLE, table)
                .text(abi::ELEMENTS_SET, &set.name)
                .nested(abi::ELEMENTS, elements),
        )
    })
}

fn rules_for(table: &str, rule: &Rule, set: &PeerSet, set_id: u32) -> Vec<Message> {
    let set = SetRef {
        name: &set.name,
        id: set_id,
        key: set.key,
    };
    let mut ways: Vec<(&str, Way)> = Vec::new();
    if rule.direction.has_in() {
        ways.extend([(INPUT, Way::In), (FORWARD, Way::In)]);
    }
    if rule.direction.has_out() {
        ways.extend([(OUTPUT, Way::Out), (FORWARD, Way::Out)]);
    }
    let mut ports: Vec<_> = rule.ports.iter().copied().map(Some).collect();
    if ports.is_empty() {
        ports.push(None);
    }
    let mut all = Vec::new();
    for (chain, way) in ways {
        for port in &ports {
            all.push(message(
                format!("make the rule {}", rule.name),
                abi::MSG_NEWRULE,
                flags::CREATE | flags::APPEND,
                Attributes::new()
                    .text(abi::RULE_TABLE, table)
                    .text(abi::RULE_CHAIN, chain)
                    .nested(
                        abi::RULE_EXPRESSIONS,
                        expressions::rule(rule, way, &set, *port),
                    )
                    .bytes(abi::RULE_USERDATA, &comment(way, &rule.name)),
            ));
        }
    }
    all
}

/// `in NAME` or `out NAME`, as `nft` stores and shows comments; by it counts are read back.
fn comment(way: Way, name: &str) -> Vec<u8> {
    let text = match way {
        Way::In => format!("in {name}\0"),
        Way::Out => format!("out {name}\0"),
    };
    let length = u8::try_from(text.len()).expect("names are at most 96 bytes long");
    let mut bytes = vec![abi::USERDATA_COMMENT, length];
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn message(doing: String, kind: u16, flags: u16, attributes: Attributes) -> Message {
    Message::new(
        doing,
        abi::kind(kind),
        flags,
        &abi::header(abi::FAMILY_INET),
        attributes,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanisms::net::table::rule::{
        Action, Direction, PortMatch, PortSide, Share, Transport,
    };

    fn drop_from(addresses: &[&str]) -> Rule {
        Rule {
            name: "cut".into(),
            peers: Peers::Addresses(addresses.iter().map(|text| text.parse().unwrap()).collect()),
            direction: Direction::In,
            ports: Vec::new(),
            share: Share::ALL,
            action: Action::Drop,
        }
    }

    #[test]
    fn each_family_has_a_set_and_an_ipv4_address_in_ipv6_clothes_is_one() {
        let rule = drop_from(&["198.18.0.2", "::ffff:198.18.0.2", "2001:db8::1"]);
        let compiled = Compiled::new(7, vec![rule]);
        let sets: Vec<(&str, usize)> = compiled
            .all_sets()
            .map(|set| (set.name.as_str(), set.keys.len()))
            .collect();
        assert_eq!(sets, [("peers-7-0-4", 1), ("peers-7-0-6", 1)]);
    }

    #[test]
    fn a_rule_of_one_way_with_two_ports_is_written_for_input_and_forward() {
        let mut rule = drop_from(&["198.18.0.2"]);
        let port = |port| PortMatch {
            transport: Transport::Tcp,
            side: PortSide::Local,
            port,
        };
        rule.ports = vec![port(80), port(81)];
        let compiled = Compiled::new(1, vec![rule]);
        let all = replace("t", &Compiled::default(), &compiled, Duration::from_secs(2));
        // The set, its elements, and two rules in each of two chains.
        assert_eq!(all.len(), 2 + 4);
        // Back again: three chains emptied, one set removed.
        let back = replace("t", &compiled, &Compiled::default(), Duration::from_secs(2));
        assert_eq!(back.len(), 4);
    }

    #[test]
    fn a_large_set_is_filled_in_pieces() {
        let mut rule = drop_from(&[]);
        rule.peers = Peers::Addresses(
            (0..2500u32)
                .map(|n| IpAddr::from(n.to_be_bytes()))
                .collect(),
        );
        let compiled = Compiled::new(1, vec![rule]);
        assert_eq!(renew("t", &compiled).len(), 1 + 3);
    }
}

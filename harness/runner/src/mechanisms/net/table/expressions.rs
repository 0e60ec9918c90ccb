//! One rule as nftables expressions, in the order in which the kernel evaluates them.

use super::abi;
use super::rule::{Action, PortMatch, PortSide, Rule, Share, Transport};
use crate::mechanisms::net::netlink::Attributes;
use crate::mechanisms::net::qdisc::STEERED_CLASS;

const TCP: u8 = 6;
const UDP: u8 = 17;
const TCP_FLAGS_OFFSET: u32 = 13;
const TCP_FLAG_RESET: u8 = 0x04;

/// How a rule finds its peers: one of its sets, and where in a packet the key of it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyKind {
    Ipv4,
    Ipv6,
    /// Anyone: the key is the protocol family, so that this too lies in a set and times out.
    Family,
}

/// The way of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// A set as a rule refers to it.
#[derive(Debug, Clone)]
pub(super) struct SetRef<'a> {
    pub name: &'a str,
    pub id: u32,
    pub key: KeyKind,
}

/// The expressions of a rule for one way, one of its sets, and one of its ports.
pub(super) fn rule(rule: &Rule, way: Way, set: &SetRef<'_>, port: Option<PortMatch>) -> Attributes {
    let mut all = peers(way, set);
    if let Some(port) = port {
        all = all.then(port_is(way, port));
    } else if rule.action == Action::Reset {
        all = all.then(transport_is(TCP));
    }
    if rule.action == Action::Reset {
        all = all.then(is_no_reset());
    }
    all = all.then(counter());
    if rule.share != Share::ALL {
        all = all.then(one_in(rule.share));
    }
    all.then(counter()).then(act(rule.action))
}

fn peers(way: Way, set: &SetRef<'_>) -> Attributes {
    let (family, offset, length) = match (set.key, way) {
        (KeyKind::Ipv4, Way::In) => (abi::FAMILY_IPV4, 12, 4),
        (KeyKind::Ipv4, Way::Out) => (abi::FAMILY_IPV4, 16, 4),
        (KeyKind::Ipv6, Way::In) => (abi::FAMILY_IPV6, 8, 16),
        (KeyKind::Ipv6, Way::Out) => (abi::FAMILY_IPV6, 24, 16),
        (KeyKind::Family, _) => return meta(abi::META_KEY_NFPROTO).then(lookup(set)),
    };
    meta(abi::META_KEY_NFPROTO)
        .then(compare(abi::CMP_EQUAL, &[family]))
        .then(payload(abi::PAYLOAD_NETWORK_HEADER, offset, length))
        .then(lookup(set))
}

fn port_is(way: Way, port: PortMatch) -> Attributes {
    let transport = match port.transport {
        Transport::Tcp => TCP,
        Transport::Udp => UDP,
    };
    let (source, destination) = (0, 2);
    let offset = match (port.side, way) {
        (PortSide::Local, Way::In) | (PortSide::Remote, Way::Out) => destination,
        (PortSide::Local, Way::Out) | (PortSide::Remote, Way::In) => source,
    };
    transport_is(transport)
        .then(payload(abi::PAYLOAD_TRANSPORT_HEADER, offset, 2))
        .then(compare(abi::CMP_EQUAL, &port.port.to_be_bytes()))
}

fn transport_is(number: u8) -> Attributes {
    meta(abi::META_KEY_L4PROTO).then(compare(abi::CMP_EQUAL, &[number]))
}

/// A reset that we caused must get out, and one that came from the peer must get in.
fn is_no_reset() -> Attributes {
    let value = |byte| Attributes::new().bytes(abi::DATA_VALUE, &[byte]);
    let masked = Attributes::new()
        .be32(abi::BITWISE_SREG, abi::REGISTER_1)
        .be32(abi::BITWISE_DREG, abi::REGISTER_1)
        .be32(abi::BITWISE_LEN, 1)
        .nested(abi::BITWISE_MASK, value(TCP_FLAG_RESET))
        .nested(abi::BITWISE_XOR, value(0));
    payload(abi::PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1)
        .then(expression("bitwise", masked))
        .then(compare(abi::CMP_EQUAL, &[0]))
}

/// The random number is made in the host's byte order and compared byte by byte: it is turned round in between.
fn one_in(share: Share) -> Attributes {
    let random = Attributes::new()
        .be32(abi::NUMGEN_DREG, abi::REGISTER_1)
        .be32(abi::NUMGEN_MODULUS, Share::WHOLE)
        .be32(abi::NUMGEN_TYPE, abi::NUMGEN_RANDOM);
    let turned = Attributes::new()
        .be32(abi::BYTEORDER_SREG, abi::REGISTER_1)
        .be32(abi::BYTEORDER_DREG, abi::REGISTER_1)
        .be32(abi::BYTEORDER_OP, abi::BYTEORDER_HTON)
        .be32(abi::BYTEORDER_LEN, 4)
        .be32(abi::BYTEORDER_SIZE, 4);
    expression("numgen", random)
        .then(expression("byteorder", turned))
        .then(compare(abi::CMP_LESS, &share.millionths().to_be_bytes()))
}

fn act(action: Action) -> Attributes {
    match action {
        Action::Drop => {
            let drop = Attributes::new().be32(abi::VERDICT_CODE, abi::VERDICT_DROP);
            let data = Attributes::new().nested(abi::DATA_VERDICT, drop);
            immediate(abi::REGISTER_VERDICT, data)
        }
        Action::Reset => reject(Attributes::new().be32(abi::REJECT_TYPE, abi::REJECT_TCP_RESET)),
        Action::Unreachable => reject(
            Attributes::new()
                .be32(abi::REJECT_TYPE, abi::REJECT_ICMPX)
                .u8(abi::REJECT_CODE, abi::REJECT_ICMPX_PORT),
        ),
        Action::Steer => {
            let class = Attributes::new().bytes(abi::DATA_VALUE, &STEERED_CLASS.to_ne_bytes());
            let set = Attributes::new()
                .be32(abi::META_KEY, abi::META_KEY_PRIORITY)
                .be32(abi::META_SREG, abi::REGISTER_1);
            immediate(abi::REGISTER_1, class).then(expression("meta", set))
        }
    }
}

fn expression(name: &str, data: Attributes) -> Attributes {
    let inner = Attributes::new()
        .text(abi::EXPR_NAME, name)
        .nested(abi::EXPR_DATA, data);
    Attributes::new().nested(abi::LIST_ELEM, inner)
}

fn meta(key: u32) -> Attributes {
    let data = Attributes::new()
        .be32(abi::META_DREG, abi::REGISTER_1)
        .be32(abi::META_KEY, key);
    expression("meta", data)
}

fn compare(operator: u32, value: &[u8]) -> Attributes {
    let value = Attributes::new().bytes(abi::DATA_VALUE, value);
    let data = Attributes::new()
        .be32(abi::CMP_SREG, abi::REGISTER_1)
        .be32(abi::CMP_OP, operator)
        .nested(abi::CMP_DATA, value);
    expression("cmp", data)
}

fn payload(base: u32, offset: u32, length: u32) -> Attributes {
    let data = Attributes::new()
        .be32(abi::PAYLOAD_DREG, abi::REGISTER_1)
        .be32(abi::PAYLOAD_BASE, base)
        .be32(abi::PAYLOAD_OFFSET, offset)
        .be32(abi::PAYLOAD_LEN, length);
    expression("payload", data)
}

fn lookup(set: &SetRef<'_>) -> Attributes {
    let data = Attributes::new()
        .text(abi::LOOKUP_SET, set.name)
        .be32(abi::LOOKUP_SREG, abi::REGISTER_1)
        .be32(abi::LOOKUP_SET_ID, set.id);
    expression("lookup", data)
}

fn immediate(register: u32, data: Attributes) -> Attributes {
    let data = Attributes::new()
        .be32(abi::IMMEDIATE_DREG, register)
        .nested(abi::IMMEDIATE_DATA, data);
    expression("immediate", data)
}

fn counter() -> Attributes {
    let zero = Attributes::new()
        .be64(abi::COUNTER_BYTES, 0)
        .be64(abi::COUNTER_PACKETS, 0);
    expression("counter", zero)
}

fn reject(data: Attributes) -> Attributes {
    expression("reject", data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanisms::net::netlink::{attributes, find, text};
    use crate::mechanisms::net::table::rule::{Direction, Peers};

    fn names(expressions: &Attributes) -> Vec<String> {
        attributes(expressions.as_bytes())
            .map(|(_, value)| text(find(value, abi::EXPR_NAME).unwrap()))
            .collect()
    }

    fn sample(action: Action, share: Share) -> Rule {
        Rule {
            name: "r".into(),
            peers: Peers::Anyone,
            direction: Direction::Both,
            ports: Vec::new(),
            share,
            action,
        }
    }

    const SET: SetRef<'static> = SetRef {
        name: "s",
        id: 1,
        key: KeyKind::Ipv4,
    };

    #[test]
    fn everything_that_matches_is_counted_before_the_dice_and_after() {
        let share = Share::from_fraction(0.1).unwrap();
        let all = rule(&sample(Action::Drop, share), Way::In, &SET, None);
        assert_eq!(
            names(&all),
            [
                "meta",
                "cmp",
                "payload",
                "lookup",
                "counter",
                "numgen",
                "byteorder",
                "cmp",
                "counter",
                "immediate"
            ]
        );
        let whole = rule(&sample(Action::Drop, Share::ALL), Way::In, &SET, None);
        assert!(!names(&whole).contains(&"numgen".to_string()));
    }

    #[test]
    fn the_peer_is_the_source_of_what_comes_in_and_the_local_port_its_destination() {
        let offset = |expressions: &Attributes, nth: usize| {
            let payloads: Vec<u32> = attributes(expressions.as_bytes())
                .filter(|(_, value)| find(value, abi::EXPR_NAME) == Some(b"payload\0"))
                .filter_map(|(_, value)| {
                    let data = find(value, abi::EXPR_DATA)?;
                    crate::mechanisms::net::netlink::u32_be(find(data, abi::PAYLOAD_OFFSET)?)
                })
                .collect();
            payloads[nth]
        };
        let port = |side| {
            Some(PortMatch {
                transport: Transport::Tcp,
                side,
                port: 80,
            })
        };
        let plain = sample(Action::Drop, Share::ALL);
        let incoming = rule(&plain, Way::In, &SET, port(PortSide::Local));
        assert_eq!((offset(&incoming, 0), offset(&incoming, 1)), (12, 2));
        let outgoing = rule(&plain, Way::Out, &SET, port(PortSide::Local));
        assert_eq!((offset(&outgoing, 0), offset(&outgoing, 1)), (16, 0));
        let outgoing = rule(&plain, Way::Out, &SET, port(PortSide::Remote));
        assert_eq!((offset(&outgoing, 0), offset(&outgoing, 1)), (16, 2));
    }

    #[test]
    fn a_reset_lets_resets_pass() {
        let all = names(&rule(
            &sample(Action::Reset, Share::ALL),
            Way::Out,
            &SET,
            None,
        ));
        assert!(all.contains(&"bitwise".to_string()));
        assert_eq!(all.last().map(String::as_str), Some("reject"));
    }
}

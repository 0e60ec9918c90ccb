//! What the rules did, as the kernel counted it.

use std::collections::BTreeMap;

use super::abi;
use crate::mechanisms::net::netlink::{
    Attributes, Message, NetlinkError, NetlinkSocket, attributes, find, text, u64_be,
};

/// Packets of one way, since the rule of this name was first there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Matched by peers and port.
    pub seen_packets: u64,
    /// Taken by the dice and acted upon; all that were seen where the share is the whole.
    pub hit_packets: u64,
    pub hit_bytes: u64,
}

/// What one rule did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleCounts {
    /// The rule's name.
    pub name: String,
    pub incoming: Tally,
    pub outgoing: Tally,
}

impl RuleCounts {
    /// Packets acted upon, both ways.
    pub fn hit_packets(&self) -> u64 {
        self.incoming.hit_packets + self.outgoing.hit_packets
    }

    /// Packets that matched, both ways.
    pub fn seen_packets(&self) -> u64 {
        self.incoming.seen_packets + self.outgoing.seen_packets
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.seen_packets += other.seen_packets;
        self.hit_packets += other.hit_packets;
        self.hit_bytes += other.hit_bytes;
    }
}

/// Counts by rule name.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts(BTreeMap<String, RuleCounts>);

impl Counts {
    /// Reads the counters of all rules of a table.
    pub fn read(socket: &mut NetlinkSocket, table: &str) -> Result<Counts, NetlinkError> {
        let get = Message::new(
            format!("read the counters of the table {table}"),
            abi::kind(abi::MSG_GETRULE),
            0,
            &abi::header(abi::FAMILY_INET),
            Attributes::new().text(abi::RULE_TABLE, table),
        );
        let mut counts = Counts::default();
        for reply in socket.dump(&get)? {
            let Some(rule) = reply.body.get(4..) else {
                continue;
            };
            // Older kernels list the rules of all tables.
            if find(rule, abi::RULE_TABLE).map(text).as_deref() == Some(table) {
                counts.take(rule);
            }
        }
        Ok(counts)
    }

    /// Adds what was counted before.
    pub fn add(&mut self, earlier: &Counts) {
        for (name, rule) in &earlier.0 {
            let own = self.of(name);
            own.incoming += rule.incoming;
            own.outgoing += rule.outgoing;
        }
    }

    /// Forgets all rules but these.
    pub fn keep_only<'a>(&mut self, names: impl Iterator<Item = &'a str> + Clone) {
        self.0
            .retain(|name, _| names.clone().any(|kept| kept == name));
    }

    pub fn into_list(self) -> Vec<RuleCounts> {
        self.0.into_values().collect()
    }

    fn of(&mut self, name: &str) -> &mut RuleCounts {
        self.0
            .entry(name.to_string())
            .or_insert_with(|| RuleCounts {
                name: name.to_string(),
                ..RuleCounts::default()
            })
    }

    fn take(&mut self, rule: &[u8]) {
        let comment = find(rule, abi::RULE_USERDATA).and_then(comment);
        let tally = find(rule, abi::RULE_EXPRESSIONS).map(tally);
        let (Some(comment), Some(tally)) = (comment, tally) else {
            return;
        };
        if let Some(name) = comment.strip_prefix("in ") {
            self.of(name).incoming += tally;
        } else if let Some(name) = comment.strip_prefix("out ") {
            self.of(name).outgoing += tally;
        }
    }
}

/// The first piece of user data that is a comment.
fn comment(mut data: &[u8]) -> Option<String> {
    loop {
        let (kind, length) = (*data.first()?, usize::from(*data.get(1)?));
        let value = data.get(2..2 + length)?;
        if kind == abi::USERDATA_COMMENT {
            return Some(text(value));
        }
        data = &data[2 + length..];
    }
}

/// A rule of ours counts twice: what it saw, and what it acted upon.
fn tally(expressions: &[u8]) -> Tally {
    let counters: Vec<(u64, u64)> = attributes(expressions)
        .filter(|(_, value)| find(value, abi::EXPR_NAME).map(text).as_deref() == Some("counter"))
        .filter_map(|(_, value)| {
            let data = find(value, abi::EXPR_DATA)?;
            Some((
                u64_be(find(data, abi::COUNTER_PACKETS)?)?,
                u64_be(find(data, abi::COUNTER_BYTES)?)?,
            ))
        })
        .collect();
    match counters[..] {
        [(seen_packets, _), (hit_packets, hit_bytes)] => Tally {
            seen_packets,
            hit_packets,
            hit_bytes,
        },
        _ => Tally::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(packets: u64, bytes: u64) -> Attributes {
        let data = Attributes::new()
            .be64(abi::COUNTER_BYTES, bytes)
            .be64(abi::COUNTER_PACKETS, packets);
        let inner = Attributes::new()
            .text(abi::EXPR_NAME, "counter")
            .nested(abi::EXPR_DATA, data);
        Attributes::new().nested(abi::LIST_ELEM, inner)
    }

    fn rule(comment: &str, expressions: Attributes) -> Attributes {
        let mut userdata = vec![abi::USERDATA_COMMENT, comment.len() as u8 + 1];
        userdata.extend_from_slice(comment.as_bytes());
        userdata.push(0);
        Attributes::new()
            .nested(abi::RULE_EXPRESSIONS, expressions)
            .bytes(abi::RULE_USERDATA, &userdata)
    }

    #[test]
    fn counts_of_one_name_add_up_by_way() {
        let mut counts = Counts::default();
        let two = |seen, hit| counter(seen, 1000).then(counter(hit, 100));
        counts.take(rule("in a", two(10, 3)).as_bytes());
        counts.take(rule("in a", two(5, 2)).as_bytes());
        counts.take(rule("out a", two(7, 7)).as_bytes());
        counts.take(rule("somebody's comment", two(9, 9)).as_bytes());
        let mut earlier = Counts::default();
        earlier.take(rule("out a", two(1, 1)).as_bytes());
        earlier.take(rule("in gone", two(1, 1)).as_bytes());
        earlier.keep_only(["a"].into_iter());
        counts.add(&earlier);
        let list = counts.into_list();
        assert_eq!(list.len(), 1);
        assert_eq!((list[0].seen_packets(), list[0].hit_packets()), (23, 13));
        assert_eq!(list[0].incoming.hit_bytes, 200);
    }

    #[test]
    fn a_rule_without_two_counters_says_nothing() {
        assert_eq!(tally(counter(1, 1).as_bytes()), Tally::default());
        assert_eq!(comment(&[1, 200, 0]), None);
        assert_eq!(comment(&[]), None);
    }
}

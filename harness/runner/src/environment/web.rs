//! Userspace links between the nodes of a local cluster, and from Shakedown to them: laid before the nodes start,
//! because a node is told addresses that lead through them.
//!
//! The link from A to B listens where A is (in its namespace, or on loopback) and connects on from there: what is on
//! the wire comes from A's own address, and rules of other faults fit it as before.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shakedown_record::LinkOverhead;

use super::engine_command::Member;
use super::network::ClusterNetwork;
use crate::mechanisms::link::{
    ConnectionRule, Direction, LinkCondition, LinkError, LinkEvidence, LinkGroup, LinkState,
    SharedBucket, UserspaceLink,
};
use crate::mechanisms::net::Netns;

/// Round trips by which the links' own cost is measured, through a link and past it.
const PINGS: usize = 500;
const TAKEN_WITHIN: Duration = Duration::from_secs(2);

/// Who connects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Order entry: Shakedown's own sessions.
    Clients,
    /// A node by name.
    Node(String),
}

/// From whom to whom connections are made; bytes go both ways.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkKey {
    pub from: End,
    pub to: String,
}

/// Whether one node speaks to another at a port for peers, and not as clients do.
pub(super) type Peers<'a> = &'a dyn Fn(&str, &str) -> bool;

/// All links of a cluster. Calls block for milliseconds.
#[derive(Debug)]
pub struct LinkWeb {
    pairs: BTreeMap<LinkKey, Pair>,
    overhead: LinkOverhead,
}

/// The links from one to another.
#[derive(Debug)]
struct Pair {
    /// Where the one who connects is; `None`: where we are.
    netns: Option<Netns>,
    http: UserspaceLink,
    /// Between nodes to the port for peers, from clients to the gateway, where that is another one than HTTP's.
    other: Option<UserspaceLink>,
    /// What each fault asks of them.
    asked: Mutex<BTreeMap<String, LinkCondition>>,
}

impl LinkWeb {
    /// Lays these links, and measures what one costs.
    ///
    /// # Errors
    /// When sockets or threads cannot be had.
    pub(super) fn lay(
        wanted: &BTreeSet<LinkKey>,
        members: &[Member],
        (network, are_peers): (Option<&ClusterNetwork>, Peers<'_>),
        seed: u64,
    ) -> Result<LinkWeb, LinkError> {
        let here = LinkGroup::start()?;
        let overhead = here.measure_overhead(PINGS)?;
        let mut groups = BTreeMap::from([(End::Clients, (None, here))]);
        let mut buckets: BTreeMap<End, SharedBucket> = BTreeMap::new();
        let mut pairs = BTreeMap::new();
        for (number, key) in (1u64..).zip(wanted) {
            let Some(to) = members.iter().find(|member| member.name == key.to) else {
                continue;
            };
            if !groups.contains_key(&key.from) {
                let netns = match (&key.from, network) {
                    (End::Node(name), Some(network)) => network.netns(name),
                    (End::Node(_) | End::Clients, _) => None,
                };
                let group = match &netns {
                    Some(netns) => LinkGroup::start_in(netns)?,
                    None => LinkGroup::start()?,
                };
                groups.insert(key.from.clone(), (netns, group));
            }
            let (netns, group) = &groups[&key.from];
            let mut bucket = |end: &End| buckets.entry(end.clone()).or_default().clone();
            let senders = [bucket(&key.from), bucket(&End::Node(key.to.clone()))];
            let add = |upstream, number| {
                let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                group.add_sharing(upstream, listen, seed.wrapping_add(number), senders.clone())
            };
            let pair = Pair {
                netns: netns.clone(),
                http: add(to.http, 2 * number)?,
                other: match &key.from {
                    End::Node(from) => are_peers(from, &key.to).then_some(to.peer),
                    End::Clients => to.gateway,
                }
                .map(|upstream| add(upstream, 2 * number + 1))
                .transpose()?,
                asked: Mutex::default(),
            };
            pairs.insert(key.clone(), pair);
        }
        let links = pairs.values().map(|pair| pair.links().count() as u32).sum();
        Ok(LinkWeb {
            pairs,
            overhead: LinkOverhead {
                links,
                round_trips: overhead.direct.count,
                direct_p50_ns: overhead.direct.p50_ns,
                direct_p99_ns: overhead.direct.p99_ns,
                through_p50_ns: overhead.through.p50_ns,
                through_p99_ns: overhead.through.p99_ns,
            },
        })
    }

    /// What a link adds to a round trip, measured before the nodes were started.
    pub fn overhead(&self) -> LinkOverhead {
        self.overhead
    }

    /// The members as one of them is to see them: at the near ends of its links.
    pub(super) fn seen_by(&self, own: &Member, all: &[Member]) -> Vec<Member> {
        let seen = |other: &Member| {
            let key = LinkKey {
                from: End::Node(own.name.clone()),
                to: other.name.clone(),
            };
            let pair = self.pairs.get(&key);
            Member {
                http: pair.map_or(other.http, |pair| pair.http.address()),
                peer: pair
                    .and_then(|pair| pair.other.as_ref())
                    .map_or(other.peer, UserspaceLink::address),
                ..other.clone()
            }
        };
        all.iter().map(seen).collect()
    }

    /// Where clients have to connect for a node; `None`: to the node itself.
    pub(super) fn entry(&self, node: &str) -> Option<SocketAddr> {
        self.http(&LinkKey {
            from: End::Clients,
            to: node.to_string(),
        })
    }

    /// Where the orders of the load have to connect for a node whose gateway is not HTTP; `None`: to the node itself.
    pub(super) fn gateway(&self, node: &str) -> Option<SocketAddr> {
        let key = LinkKey {
            from: End::Clients,
            to: node.to_string(),
        };
        let other = self.pairs.get(&key)?.other.as_ref();
        other.map(UserspaceLink::address)
    }

    /// Where requests go that are to go through a link, from where its first end is.
    pub fn http(&self, key: &LinkKey) -> Option<SocketAddr> {
        Some(self.pairs.get(key)?.http.address())
    }

    /// Where a link leads: the addresses that nobody at its first end should connect to directly.
    pub fn upstreams(&self, key: &LinkKey) -> Vec<SocketAddr> {
        let links = self.pairs.get(key).into_iter().flat_map(Pair::links);
        links.map(UserspaceLink::upstream).collect()
    }

    pub fn has(&self, key: &LinkKey) -> bool {
        self.pairs.contains_key(key)
    }

    /// Puts what a fault asks in force on a link, beside what other faults ask.
    ///
    /// # Errors
    /// When the link cannot follow, or does not in time.
    pub fn put(&self, key: &LinkKey, fault: &str, ask: LinkCondition) -> Result<(), LinkError> {
        let Some(pair) = self.pairs.get(key) else {
            return Ok(());
        };
        let mut asked = pair.asked();
        asked.insert(fault.to_string(), ask);
        pair.set(merged(asked.values()))
    }

    /// Takes back what a fault asked. Harmless when it asked nothing.
    ///
    /// # Errors
    /// When the link does not follow in time.
    pub fn take_back(&self, key: &LinkKey, fault: &str) -> Result<(), LinkError> {
        let Some(pair) = self.pairs.get(key) else {
            return Ok(());
        };
        let mut asked = pair.asked();
        asked.remove(fault);
        pair.set(merged(asked.values()))
    }

    /// True when nothing is asked of a link by this fault, and it does what the others ask.
    pub fn is_without(&self, key: &LinkKey, fault: &str) -> bool {
        let Some(pair) = self.pairs.get(key) else {
            return true;
        };
        let asked = pair.asked();
        let wanted = merged(asked.values());
        !asked.contains_key(fault) && pair.links().all(|link| link.condition() == wanted)
    }

    /// What the link that carries the system's own traffic did: between nodes and to gateways theirs, else HTTP's.
    pub fn evidence(&self, key: &LinkKey) -> Option<LinkEvidence> {
        let pair = self.pairs.get(key)?;
        Some(pair.other.as_ref().unwrap_or(&pair.http).evidence())
    }

    /// The namespace in which a link's first end is; `None`: ours.
    pub fn netns(&self, key: &LinkKey) -> Option<Netns> {
        self.pairs.get(key)?.netns.clone()
    }
}

impl Pair {
    fn links(&self) -> impl Iterator<Item = &UserspaceLink> {
        [Some(&self.http), self.other.as_ref()]
            .into_iter()
            .flatten()
    }

    fn asked(&self) -> MutexGuard<'_, BTreeMap<String, LinkCondition>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, condition: LinkCondition) -> Result<(), LinkError> {
        let turning: Vec<_> = self
            .links()
            .map(|link| link.ask(condition))
            .collect::<Result<_, _>>()?;
        turning
            .into_iter()
            .try_for_each(|turning| turning.wait(TAKEN_WITHIN))
    }
}

/// What several faults ask of a link, as one condition. Two of a kind do not meet on one link.
fn merged<'a>(asked: impl Iterator<Item = &'a LinkCondition>) -> LinkCondition {
    let mut all = LinkCondition::healthy();
    for one in asked {
        for direction in Direction::BOTH {
            let add = one.state(direction);
            let state = match direction {
                Direction::ToDestination => &mut all.to_destination,
                Direction::ToSource => &mut all.to_source,
            };
            *state = LinkState {
                delay_ns: state.delay_ns.max(add.delay_ns),
                jitter: state.jitter.or(add.jitter),
                loss: state.loss.or(add.loss),
                bandwidth_bytes_per_s: state.bandwidth_bytes_per_s.or(add.bandwidth_bytes_per_s),
                cut: state.cut || add.cut,
            };
        }
        if one.connections != ConnectionRule::Keep {
            all.connections = one.connections;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::super::engine_command::members;
    use super::*;

    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut bytes = [0; 16];
                while let Ok(len @ 1..) = stream.read(&mut bytes) {
                    stream.write_all(&bytes[..len]).unwrap();
                }
            }
        });
        address
    }

    fn key(from: End, to: &str) -> LinkKey {
        LinkKey {
            from,
            to: to.to_string(),
        }
    }

    #[test]
    fn a_member_sees_the_others_through_its_links_and_faults_add_up() {
        let addresses: Vec<SocketAddr> = (0..4).map(|_| echo()).collect();
        let names = ["engine-1", "engine-2"].map(String::from);
        let all = members(&names, &addresses, &[], &[]);
        let there = key(End::Node("engine-1".into()), "engine-2");
        let clients = key(End::Clients, "engine-1");
        let wanted = BTreeSet::from([there.clone(), clients.clone()]);
        let web = LinkWeb::lay(&wanted, &all, (None, &|_, _| true), 7).unwrap();
        assert_eq!(web.overhead().links, 3);
        let seen = web.seen_by(&all[0], &all);
        assert_eq!(seen[0], all[0]);
        assert_ne!(seen[1].peer, all[1].peer);
        assert_eq!(web.seen_by(&all[1], &all), all);
        assert!(web.entry("engine-1").is_some() && web.entry("engine-2").is_none());

        let mut through = TcpStream::connect(seen[1].peer).unwrap();
        let delay = LinkState {
            delay_ns: 1_000_000,
            ..LinkState::default()
        };
        let narrow = LinkState {
            bandwidth_bytes_per_s: Some(5_000),
            ..LinkState::default()
        };
        web.put(&there, "slow", LinkCondition::both(delay)).unwrap();
        web.put(&there, "narrow", LinkCondition::both(narrow))
            .unwrap();
        through.write_all(b"hello").unwrap();
        through.read_exact(&mut [0; 5]).unwrap();
        let evidence = web.evidence(&there).unwrap().now;
        assert_eq!(evidence.condition.to_source.delay_ns, 1_000_000);
        assert_eq!(
            evidence.condition.to_source.bandwidth_bytes_per_s,
            Some(5_000)
        );
        assert_eq!(evidence.to_destination.bytes, 5);
        web.take_back(&there, "slow").unwrap();
        assert!(web.is_without(&there, "slow") && !web.is_without(&there, "narrow"));
        web.take_back(&there, "narrow").unwrap();
        let now = web.evidence(&there).unwrap().now.condition;
        assert_eq!(now, LinkCondition::healthy());
        assert!(web.is_without(&clients, "slow"));
    }

    #[test]
    fn what_a_market_maker_says_to_its_venue_is_the_evidence_of_their_link() {
        let addresses: Vec<SocketAddr> = (0..4).map(|_| echo()).collect();
        let all = members(
            &["maker-1", "venue-1"].map(String::from),
            &addresses,
            &[],
            &[],
        );
        let there = key(End::Node("maker-1".into()), "venue-1");
        let wanted = BTreeSet::from([there.clone()]);
        let web = LinkWeb::lay(&wanted, &all, (None, &|_, _| false), 7).unwrap();
        let seen = web.seen_by(&all[0], &all);
        let mut through = TcpStream::connect(seen[1].http).unwrap();
        through.write_all(b"hello").unwrap();
        through.read_exact(&mut [0; 5]).unwrap();
        let evidence = web.evidence(&there).unwrap().now;
        assert_eq!(evidence.to_destination.bytes, 5);
    }
}

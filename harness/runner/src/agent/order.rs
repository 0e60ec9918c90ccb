//! What an agent is told, once and for all, when its pod is made. Pure.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shakedown_record::fault::Firing;
use shakedown_scenarios::plan::{Direction, FaultKind};

use crate::faults::{Aim, FarEnd, FaultTargetRef, Strength};

/// The version of this format. An agent follows orders of its own version only.
pub const ORDER_VERSION: u32 = 1;

/// One firing of a fault on one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub version: u32,
    pub run_id: String,
    pub firing: Firing,
    pub kind: FaultKind,
    #[serde(default)]
    pub strength: Strength,
    /// Name of the node, for people: an agent acts where it is.
    pub node: String,
    /// Containers of this node. Packets are dropped or made slow in the namespaces of these. For what is done to the
    /// node's own services they only show that this is the node that is meant, and there may be none.
    pub near: Vec<NearTarget>,
    /// `None`: the containers themselves are meant, not a link.
    #[serde(default)]
    pub far: Option<FarSide>,
    pub deadline: Deadline,
    /// How long it stays after the injection if nobody asks earlier, in nanoseconds; `None`: until asked.
    #[serde(default)]
    pub hold_ns: Option<u64>,
    /// How long its effect is looked for, in nanoseconds.
    pub confirm_within_ns: u64,
    /// Orders that the plan sends, for the room that delayed packets need.
    #[serde(default)]
    pub orders_per_s: f64,
    pub lease: LeaseRef,
    /// Where it reports besides, for what keeps logs from being read: the name of a ConfigMap in the namespace of the
    /// Lease, which is there already. Its key `reports` holds all lines so far.
    #[serde(default)]
    pub board: Option<String>,
}

/// One container that the fault acts on, or whose links it acts on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearTarget {
    /// Name of the replica, such as `engine-1`.
    pub replica: String,
    #[serde(default)]
    pub role: Option<String>,
    /// Name of the pod, for people.
    pub pod: String,
    /// As the API writes it, with dashes.
    pub pod_uid: String,
    /// As the API writes it, such as `containerd://9e8b…`.
    pub container_id: String,
    /// Name of the container in its pod, for people.
    pub container: String,
    /// The address of the pod.
    pub ip: Ipv4Addr,
    /// Where it serves orders.
    pub port: u16,
}

/// The other end of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FarSide {
    #[serde(default)]
    pub replicas: Vec<FarTarget>,
    /// `Some`: those who send orders are meant.
    #[serde(default)]
    pub clients: Option<ClientAddresses>,
    pub direction: Direction,
    /// The same is done at that end, by an order of its own: what is dropped there does not come here to be seen.
    #[serde(default)]
    pub there_too: bool,
}

/// A replica at the other end, wherever it runs; or a service, which has an address of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FarTarget {
    pub replica: String,
    pub ip: IpAddr,
    pub port: u16,
    /// Further addresses by which it is spoken to: those of services that mean nobody else, and, for a service, those
    /// of whoever is behind it. A pod sends to a service's address, and the node translates it only after the packet has
    /// left the pod's namespace.
    #[serde(default)]
    pub services: Vec<IpAddr>,
}

/// From where those who send orders are seen to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientAddresses {
    /// Their own, where they speak to the pods directly.
    pub own: Vec<IpAddr>,
    /// Those of nodes, where a service puts a node's in place of theirs. Everything that such a node says to the near
    /// end is meant then, so leave them out where that is not so.
    #[serde(default)]
    pub nodes: Vec<IpAddr>,
}

/// When it is over, whatever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// By the clock of the runner, in nanoseconds since 1970.
    pub at_unix_ns: u64,
    /// By so much the clocks of the runner and the node may differ, in nanoseconds.
    pub clocks_differ_by_at_most_ns: u64,
    /// Counted from the start of the agent, in nanoseconds: holds however wrong a clock is.
    pub at_most_ns: u64,
}

/// The Lease that says that the runner lives, and on which the runner says what is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseRef {
    pub namespace: String,
    pub name: String,
}

/// An order that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("the order cannot be read: {0}")]
    Format(String),
    #[error(
        "the order has version {found}, and this agent follows version {ORDER_VERSION}: use the image of the runner's own version"
    )]
    Version { found: u32 },
    #[error("the order cannot be followed: {0}")]
    Senseless(String),
}

impl Order {
    /// Reads an order and looks whether it makes sense.
    ///
    /// # Errors
    /// When it is not JSON of this format, has another version, or contradicts itself.
    pub fn parse(text: &str) -> Result<Order, OrderError> {
        let format = |error: serde_json::Error| OrderError::Format(error.to_string());
        let any: serde_json::Value = serde_json::from_str(text).map_err(format)?;
        let version = any.get("version").and_then(serde_json::Value::as_u64);
        match version {
            Some(version) if version == u64::from(ORDER_VERSION) => {}
            Some(version) => {
                let found = u32::try_from(version).unwrap_or(u32::MAX);
                return Err(OrderError::Version { found });
            }
            None => return Err(OrderError::Format("it has no version".to_string())),
        }
        let order: Order = serde_json::from_value(any).map_err(format)?;
        match order.senseless() {
            None => Ok(order),
            Some(why) => Err(OrderError::Senseless(why)),
        }
    }

    /// As it is handed over.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an order has only keys that are text")
    }

    fn senseless(&self) -> Option<String> {
        let of_node = matches!(&self.kind, FaultKind::Cluster(kind) if kind.needs_agent());
        if self.near.is_empty() && !of_node {
            return Some("it has no target".to_string());
        }
        let mut names: Vec<&str> = self.near.iter().map(|near| near.replica.as_str()).collect();
        let far = self.far.iter().flat_map(|far| &far.replicas);
        names.extend(far.map(|far| far.replica.as_str()));
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Some(format!("{} is in it twice", twice[0]));
        }
        match (&self.far, self.kind.is_of_links()) {
            (None, true) => Some(format!("{} needs two ends", self.kind.name())),
            (Some(far), true) if far.is_empty() => Some("nobody is at its far end".to_string()),
            (Some(_), false) => Some(format!("{} has no far end", self.kind.name())),
            (Some(_), true) | (None, false) => None,
        }
    }

    /// Whom it means, for the fault.
    pub fn aim(&self) -> Aim {
        let target = |near: &NearTarget| FaultTargetRef {
            name: near.replica.clone(),
            role: near.role.clone(),
        };
        Aim {
            targets: self.near.iter().map(target).collect(),
            far: self.far.as_ref().map(|far| FarEnd {
                replicas: far.replicas.iter().map(|it| it.replica.clone()).collect(),
                services: Vec::new(),
                clients: far.clients.is_some(),
                direction: far.direction,
                there_too: far.there_too,
            }),
        }
    }
}

impl FarSide {
    fn is_empty(&self) -> bool {
        let clients = self.clients.as_ref();
        let clients = clients.is_some_and(|it| !it.own.is_empty() || !it.nodes.is_empty());
        self.replicas.is_empty() && !clients
    }
}

impl Deadline {
    /// How long it is until then, for an agent that starts at this moment by its own clock.
    pub fn left(&self, now_unix_ns: u64) -> Duration {
        let latest = self
            .at_unix_ns
            .saturating_add(self.clocks_differ_by_at_most_ns);
        let by_clock = latest.saturating_sub(now_unix_ns);
        Duration::from_nanos(by_clock.min(self.at_most_ns))
    }
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::ClusterKind;

    use super::*;

    fn order(kind: FaultKind) -> Order {
        let far = kind.is_of_links().then(|| FarSide {
            replicas: vec![FarTarget {
                replica: "engine-2".into(),
                ip: "10.244.2.7".parse().unwrap(),
                port: 8080,
                services: vec!["10.96.0.17".parse().unwrap()],
            }],
            clients: None,
            direction: Direction::Both,
            there_too: false,
        });
        Order {
            version: ORDER_VERSION,
            run_id: "run-1".into(),
            firing: Firing {
                fault: "cut".into(),
                occurrence: 1,
            },
            kind,
            strength: Strength::Full,
            node: "node-1".into(),
            near: vec![NearTarget {
                replica: "engine-1".into(),
                role: Some("leader".into()),
                pod: "engine-0".into(),
                pod_uid: "2c48913c-b29f-11e7-9350-020968147796".into(),
                container_id: format!("containerd://{}", "9".repeat(64)),
                container: "engine".into(),
                ip: Ipv4Addr::new(10, 244, 1, 5),
                port: 8080,
            }],
            far,
            deadline: Deadline {
                at_unix_ns: 1_800_000_000_000_000_000,
                clocks_differ_by_at_most_ns: 500_000_000,
                at_most_ns: 60_000_000_000,
            },
            hold_ns: Some(5_000_000_000),
            confirm_within_ns: 5_000_000_000,
            orders_per_s: 1_500.0,
            lease: LeaseRef {
                namespace: "shakedown".into(),
                name: "run-1".into(),
            },
            board: None,
        }
    }

    const CUT: FaultKind = FaultKind::Partition { ports: Vec::new() };

    fn wrong(order: &Order) -> String {
        Order::parse(&order.to_json()).unwrap_err().to_string()
    }

    #[test]
    fn an_order_arrives_as_it_was_sent() {
        for kind in [
            CUT,
            FaultKind::Loss {
                share: 0.05,
                ports: vec![8080],
            },
            FaultKind::OutOfMemory,
            FaultKind::Cluster(ClusterKind::KubeletStop),
            FaultKind::Kill {
                signal: shakedown_scenarios::plan::Signal::Kill,
            },
        ] {
            let mut sent = order(kind);
            assert_eq!(Order::parse(&sent.to_json()), Ok(sent.clone()));
            if !matches!(sent.kind, FaultKind::Cluster(_)) {
                continue;
            }
            sent.near.clear();
            assert_eq!(Order::parse(&sent.to_json()), Ok(sent));
        }
    }

    #[test]
    fn another_version_is_refused_whatever_else_it_says() {
        let newer = r#"{"version": 2, "something": "new"}"#;
        assert_eq!(Order::parse(newer), Err(OrderError::Version { found: 2 }));
        assert!(matches!(Order::parse("{}"), Err(OrderError::Format(_))));
        assert!(matches!(Order::parse("no"), Err(OrderError::Format(_))));
        let unknown = order(CUT).to_json().replace("\"node\"", "\"knot\"");
        assert!(matches!(Order::parse(&unknown), Err(OrderError::Format(_))));
    }

    #[test]
    fn an_order_without_ends_makes_no_sense() {
        let mut nobody = order(CUT);
        nobody.near.clear();
        assert!(wrong(&nobody).contains("no target"));
        let mut one_end = order(CUT);
        one_end.far = None;
        assert!(wrong(&one_end).contains("needs two ends"));
        let mut empty = order(CUT);
        empty.far.as_mut().unwrap().replicas.clear();
        assert!(wrong(&empty).contains("nobody is at its far end"));
        let mut two_ends = order(FaultKind::OutOfMemory);
        two_ends.far = order(CUT).far;
        assert!(wrong(&two_ends).contains("has no far end"));
        let mut twice = order(CUT);
        twice.far.as_mut().unwrap().replicas[0].replica = "engine-1".into();
        assert!(wrong(&twice).contains("twice"));
    }

    #[test]
    fn the_earlier_of_both_deadlines_counts() {
        let deadline = order(CUT).deadline;
        let at = deadline.at_unix_ns;
        let left = |now| deadline.left(now).as_millis();
        assert_eq!(left(at - 10_000_000_000), 10_500);
        // A clock that is far behind cannot make it longer.
        assert_eq!(left(0), 60_000);
        assert_eq!(left(at + 500_000_000), 0);
        assert_eq!(left(u64::MAX), 0);
    }
}

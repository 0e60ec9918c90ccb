//! What is asked, of whom, and by which mechanism: fixed before anything is done.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use shakedown_scenarios::plan::{Direction as Way, FaultKind};

use crate::environment::{ClusterNetwork, End, LinkKey, LinkWeb, Route, Steering};
use crate::faults::aim::{FarEnd, FaultTargetRef};
use crate::mechanisms::link::{ConnectionRule, Direction, Jitter, LinkCondition, LinkState, Loss};
use crate::mechanisms::net::{Netem, Rate, Shape, Share};

/// Packets of each order between nodes and to clients, generously: for the room that a delay needs.
const PACKETS_PER_ORDER: f64 = 32.0;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum What {
    Delay {
        by_ns: u64,
        jitter_ns: u64,
        reorder: f64,
    },
    Bandwidth {
        bytes_per_s: u64,
    },
    HalfOpen,
    Cut,
    Lose(f64),
    Reset,
}

/// By which mechanism.
#[derive(Debug, Clone)]
pub(super) enum By {
    Discipline(&'static str, Steering, Arc<ClusterNetwork>),
    Links(Arc<LinkWeb>, &'static str),
}

/// A userspace link, and which of its directions leads from the fault's first end to its second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) key: LinkKey,
    pub(super) there: Direction,
}

/// The whole task.
#[derive(Debug)]
pub(super) struct Course {
    /// The firing's label.
    pub(super) fault: String,
    pub(super) what: What,
    pub(super) by: By,
    pub(super) near: Vec<FaultTargetRef>,
    pub(super) far: FarEnd,
    /// From the first end to the second, for trials.
    pub(super) routes: Vec<Route>,
    pub(super) network: Option<Arc<ClusterNetwork>>,
    pub(super) orders_per_s: f64,
}

impl What {
    /// `None` for kinds that are done otherwise.
    pub(super) fn of(kind: &FaultKind) -> Option<What> {
        match kind {
            FaultKind::Delay {
                by_ns,
                jitter_ns,
                reorder,
            } => Some(What::Delay {
                by_ns: *by_ns,
                jitter_ns: *jitter_ns,
                reorder: *reorder,
            }),
            FaultKind::Bandwidth { bytes_per_s } => Some(What::Bandwidth {
                bytes_per_s: *bytes_per_s,
            }),
            FaultKind::HalfOpen => Some(What::HalfOpen),
            FaultKind::Partition { .. } => Some(What::Cut),
            FaultKind::Loss { share, .. } => Some(What::Lose(*share)),
            FaultKind::Reset { .. } => Some(What::Reset),
            FaultKind::Kill { .. }
            | FaultKind::Freeze { .. }
            | FaultKind::Restart { .. }
            | FaultKind::Stop { .. }
            | FaultKind::Disconnect
            | FaultKind::Cpu { .. }
            | FaultKind::CpuStress { .. }
            | FaultKind::Memory { .. }
            | FaultKind::OutOfMemory
            | FaultKind::ClockSkew { .. }
            | FaultKind::SlowDisk { .. }
            | FaultKind::FailingDisk { .. }
            | FaultKind::DiskFull { .. }
            | FaultKind::PowerCut
            | FaultKind::Dns
            | FaultKind::Cluster(_)
            | FaultKind::KillSwitch { .. }
            | FaultKind::Operation(_)
            | FaultKind::Hook(_) => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            What::Delay { .. } => "delay",
            What::Bandwidth { .. } => "bandwidth",
            What::HalfOpen => "half-open",
            What::Cut => "partition",
            What::Lose(_) => "loss",
            What::Reset => "reset",
        }
    }

    /// One direction of a userspace link.
    fn state(self) -> LinkState {
        let none = LinkState::default();
        match self {
            What::Delay {
                by_ns, jitter_ns, ..
            } => LinkState {
                delay_ns: by_ns,
                jitter: (jitter_ns > 0).then_some(Jitter::Uniform { by_ns: jitter_ns }),
                ..none
            },
            What::Bandwidth { bytes_per_s } => LinkState {
                bandwidth_bytes_per_s: Some(bytes_per_s),
                ..none
            },
            What::Cut => LinkState { cut: true, ..none },
            What::Lose(share) => LinkState {
                loss: Some(Loss::of(share)),
                ..none
            },
            What::HalfOpen | What::Reset => none,
        }
    }
}

impl Lane {
    /// Who sends in a direction.
    pub(super) fn sender(&self, direction: Direction) -> End {
        match direction {
            Direction::ToDestination => self.key.from.clone(),
            Direction::ToSource => End::Node(self.key.to.clone()),
        }
    }
}

impl Course {
    /// Whether packets that way are meant.
    fn means_way(&self, there: bool) -> bool {
        match self.far.direction {
            Way::Both => true,
            Way::There => there,
            Way::Back => !there,
        }
    }

    /// How many times a round trip passes what is done.
    pub(super) fn passes(&self) -> u64 {
        match self.far.direction {
            // What a remote end sends is not made slow here.
            Way::Both if self.is_one_sided() => 1,
            Way::Both => 2,
            Way::There | Way::Back => 1,
        }
    }

    /// Done by a discipline, and the second end is elsewhere.
    fn is_one_sided(&self) -> bool {
        let By::Discipline(_, _, network) = &self.by else {
            return false;
        };
        let far = &self.far.replicas;
        !far.is_empty() && far.iter().all(|name| network.is_remote(name))
    }

    /// The directions of a lane that are meant.
    pub(super) fn directions(&self, lane: &Lane) -> Vec<Direction> {
        let meant = |direction: &Direction| self.means_way(*direction == lane.there);
        Direction::BOTH.into_iter().filter(meant).collect()
    }

    /// The userspace links between the two ends.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        let mut lanes = Vec::new();
        for near in &self.near {
            let lane = |from: End, to: &str, there| Lane {
                key: LinkKey {
                    from,
                    to: to.to_string(),
                },
                there,
            };
            if self.far.clients {
                lanes.push(lane(End::Clients, &near.name, Direction::ToSource));
            }
            for far in &self.far.replicas {
                let (there, back) = (End::Node(near.name.clone()), End::Node(far.clone()));
                lanes.push(lane(there, far, Direction::ToDestination));
                lanes.push(lane(back, &near.name, Direction::ToSource));
            }
        }
        lanes
    }

    /// What is asked of a lane.
    pub(super) fn condition(&self, lane: &Lane) -> LinkCondition {
        let meant = self.directions(lane);
        let state = |direction| match meant.contains(&direction) {
            true => self.what.state(),
            false => LinkState::default(),
        };
        LinkCondition {
            to_destination: state(Direction::ToDestination),
            to_source: state(Direction::ToSource),
            connections: match self.what {
                What::HalfOpen => ConnectionRule::Swallow {
                    to_destination: meant.contains(&Direction::ToDestination),
                    to_source: meant.contains(&Direction::ToSource),
                },
                What::Reset => ConnectionRule::Reset,
                What::Delay { .. } | What::Bandwidth { .. } | What::Cut | What::Lose(_) => {
                    ConnectionRule::Keep
                }
            },
        }
    }

    /// The nodes that send what is meant, each with the addresses of those to whom: for disciplines.
    pub(super) fn senders(&self, network: &ClusterNetwork) -> Vec<(String, BTreeSet<IpAddr>)> {
        let near: Vec<&str> = self.near.iter().map(|near| near.name.as_str()).collect();
        let far: Vec<&str> = self.far.replicas.iter().map(String::as_str).collect();
        let addresses = |names: &[&str]| -> BTreeSet<IpAddr> {
            let known = names.iter().flat_map(|name| network.addresses(name));
            known.collect()
        };
        let mut senders = Vec::new();
        if self.means_way(true) {
            let mut to = addresses(&far);
            if self.far.clients {
                to.extend(network.clients());
            }
            senders.extend(near.iter().map(|name| (name.to_string(), to.clone())));
        }
        if self.means_way(false) {
            let to = addresses(&near);
            senders.extend(far.iter().map(|name| (name.to_string(), to.clone())));
        }
        // What a remote end sends is made slow where it is: on its node, by an order of its own.
        senders.retain(|(name, _)| !network.is_remote(name));
        senders
    }

    /// What is asked of a discipline; `None` for what none can do.
    pub(super) fn shape(&self) -> Option<Shape> {
        match self.what {
            What::Delay {
                by_ns,
                jitter_ns,
                reorder,
            } => {
                let (delay, jitter) =
                    (Duration::from_nanos(by_ns), Duration::from_nanos(jitter_ns));
                let packets_per_s = (self.orders_per_s * PACKETS_PER_ORDER).ceil() as u64;
                Some(Shape::Netem(Netem {
                    delay,
                    jitter,
                    loss: Share::from_millionths(0)?,
                    reorder: Share::from_fraction(reorder)?,
                    limit_packets: Netem::limit_for(packets_per_s, delay, jitter),
                }))
            }
            What::Bandwidth { bytes_per_s } => {
                Some(Shape::Rate(Rate::of(bytes_per_s.saturating_mul(8))))
            }
            What::Lose(share) => {
                let packets_per_s = (self.orders_per_s * PACKETS_PER_ORDER).ceil() as u64;
                let none = Duration::ZERO;
                Some(Shape::Netem(Netem {
                    delay: none,
                    jitter: none,
                    loss: Share::from_fraction(share)?,
                    reorder: Share::from_millionths(0)?,
                    limit_packets: Netem::limit_for(packets_per_s, none, none),
                }))
            }
            What::HalfOpen | What::Cut | What::Reset => None,
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.near.iter().map(|near| near.name.clone()).collect()
    }

    pub(super) fn far_words(&self) -> String {
        match self.far.clients {
            true => "the clients".to_string(),
            false => self.far.replicas.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: What = What::Delay {
        by_ns: 20_000_000,
        jitter_ns: 0,
        reorder: 0.0,
    };

    fn course(what: What, direction: Way, clients: bool) -> (Course, Arc<ClusterNetwork>) {
        let names = ["engine-1".to_string(), "engine-2".to_string()];
        let network = Arc::new(ClusterNetwork::build(&names).unwrap());
        let far = FarEnd {
            services: Vec::new(),
            there_too: false,
            replicas: if clients {
                Vec::new()
            } else {
                vec!["engine-2".into()]
            },
            clients,
            direction,
        };
        let course = Course {
            fault: "it".into(),
            what,
            by: By::Discipline("netem", Steering::Table, Arc::clone(&network)),
            near: vec![FaultTargetRef {
                name: "engine-1".into(),
                role: None,
            }],
            far,
            routes: Vec::new(),
            network: None,
            orders_per_s: 1_000.0,
        };
        (course, network)
    }

    fn delays(course: &Course) -> Vec<[u64; 2]> {
        let both = |lane: &Lane| {
            let condition = course.condition(lane);
            Direction::BOTH.map(|direction| condition.state(direction).delay_ns / 1_000_000)
        };
        course.lanes().iter().map(both).collect()
    }

    #[test]
    fn a_way_is_the_same_whoever_has_made_the_connection() {
        for (direction, wanted, passes) in [
            (Way::Both, vec![[20, 20], [20, 20]], 2),
            (Way::There, vec![[20, 0], [0, 20]], 1),
            (Way::Back, vec![[0, 20], [20, 0]], 1),
        ] {
            let (course, network) = course(DELAY, direction, false);
            assert_eq!(delays(&course), wanted, "{direction:?}");
            assert_eq!(course.passes(), passes);
            let senders = course.senders(&network);
            let names: Vec<&str> = senders.iter().map(|(name, _)| name.as_str()).collect();
            let wanted: &[&str] = match direction {
                Way::Both => &["engine-1", "engine-2"],
                Way::There => &["engine-1"],
                Way::Back => &["engine-2"],
            };
            assert_eq!(names, wanted);
        }
        let (clients, _network) = course(DELAY, Way::There, true);
        assert_eq!(delays(&clients), [[0, 20]]);
    }

    #[test]
    fn an_end_that_is_elsewhere_is_passed_once() {
        let (mut slow, _network) = course(DELAY, Way::Both, false);
        slow.far.replicas = vec!["engine-9".into()];
        assert_eq!(slow.passes(), 1);
        let (lossy, _network) = course(What::Lose(0.25), Way::There, false);
        let Some(Shape::Netem(netem)) = lossy.shape() else {
            panic!("a loss by a discipline is netem's")
        };
        assert_eq!(netem.loss.millionths(), 250_000);
        assert!(netem.delay.is_zero());
    }

    #[test]
    fn a_discipline_has_room_for_what_is_on_its_way() {
        let (slow, _network) = course(DELAY, Way::Both, false);
        let Some(Shape::Netem(netem)) = slow.shape() else {
            panic!("a delay is netem's")
        };
        assert_eq!(netem.delay, Duration::from_millis(20));
        // Twice 32,000 packets a second for 20 ms.
        assert_eq!(netem.limit_packets, 1_280);
        let (narrow, _network) = course(What::Bandwidth { bytes_per_s: 1_000 }, Way::Both, false);
        assert_eq!(narrow.shape(), Some(Shape::Rate(Rate::of(8_000))));
        let (half, _network) = course(What::HalfOpen, Way::There, false);
        assert_eq!(half.shape(), None);
        let rule = half.condition(&half.lanes()[1]).connections;
        assert_eq!(
            rule,
            ConnectionRule::Swallow {
                to_destination: false,
                to_source: true
            }
        );
    }
}

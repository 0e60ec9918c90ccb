//! Faults that cannot be on at one time: what one does would undo, hide or forbid what the other does.
//!
//! Asked twice: by the compiler, for faults that meet whatever happens, and when a fault fires, for those whose
//! targets are known only then.

use std::collections::BTreeSet;

use crate::plan::gates::Operation;
use crate::plan::{ClusterKind, Direction, FaultKind};

/// Name of Shakedown's own sessions among the ends of links; no replica can be called so.
const CLIENTS: &str = "the clients";

/// The taint by which people tell a cluster that a node will not come back.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// What a fault has hold of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Replicas; for a link, those of its first end.
    pub replicas: BTreeSet<String>,
    /// `None`: the replicas themselves are meant.
    pub far: Option<FarReach>,
}

/// The second end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FarReach {
    pub replicas: BTreeSet<String>,
    pub clients: bool,
    pub direction: Direction,
}

/// What of a replica a kind takes for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Whether its process runs.
    Running,
    /// Its process as a whole: it is another one afterwards.
    Life,
    /// Its process and its disk: both are others afterwards.
    Power,
    Cpu,
    Memory,
    Disk,
    Names,
    /// Whether it is in its network at all.
    Network,
    Link,
    /// Nothing of its own, but what it shares with others.
    Around,
    /// Whether anybody answers for the cluster.
    Api,
    /// Nobody knows.
    Unknown,
}

/// Why two faults cannot be on at one time, in words; `None` when they can.
pub fn clash(one: (&FaultKind, &Reach), other: (&FaultKind, &Reach)) -> Option<String> {
    match (part(one.0), part(other.0)) {
        (Part::Api, _) | (_, Part::Api) => without_api(one.0, other.0),
        (Part::Unknown | Part::Around, _) | (_, Part::Unknown | Part::Around) => None,
        (Part::Link, Part::Link) => on_links(one, other),
        (Part::Link, _) | (_, Part::Link) => None,
        _ if gives_up(one.0, other.0) || gives_up(other.0, one.0) => None,
        (first, second) => {
            let both: Vec<&str> = one
                .1
                .replicas
                .intersection(&other.1.replicas)
                .map(String::as_str)
                .collect();
            let why = on_replicas(first, second)?;
            (!both.is_empty()).then(|| {
                format!(
                    "`{}` and `{}` of {} at one time: {why}",
                    one.0.name(),
                    other.0.name(),
                    both.join(", ")
                )
            })
        }
    }
}

/// Whoever says that a node is out of service means one that has lost its power: no process is left there to be taken
/// away, and none is given back when nobody says so any more.
fn gives_up(one: &FaultKind, other: &FaultKind) -> bool {
    let out_of_service = |kind: &FaultKind| match kind {
        FaultKind::Cluster(ClusterKind::Taint { key, .. }) => key == OUT_OF_SERVICE,
        _ => false,
    };
    *one == FaultKind::Cluster(ClusterKind::NodeStop) && out_of_service(other)
}

fn part(kind: &FaultKind) -> Part {
    match kind {
        FaultKind::Freeze { .. } => Part::Running,
        FaultKind::Kill { .. }
        | FaultKind::Restart { .. }
        | FaultKind::Stop { .. }
        | FaultKind::OutOfMemory
        | FaultKind::ClockSkew { .. } => Part::Life,
        FaultKind::PowerCut => Part::Power,
        FaultKind::Disconnect => Part::Network,
        FaultKind::Cpu { .. } => Part::Cpu,
        FaultKind::Memory { .. } => Part::Memory,
        FaultKind::SlowDisk { .. } | FaultKind::FailingDisk { .. } | FaultKind::DiskFull { .. } => {
            Part::Disk
        }
        FaultKind::Dns => Part::Names,
        FaultKind::Partition { .. }
        | FaultKind::Loss { .. }
        | FaultKind::Reset { .. }
        | FaultKind::Delay { .. }
        | FaultKind::Bandwidth { .. }
        | FaultKind::HalfOpen => Part::Link,
        FaultKind::CpuStress { .. } => Part::Around,
        FaultKind::Hook(_) | FaultKind::KillSwitch { .. } => Part::Unknown,
        FaultKind::Operation(Operation::Backup { .. }) => Part::Unknown,
        FaultKind::Operation(Operation::Restore { .. }) => Part::Life,
        FaultKind::Cluster(kind) => part_in_cluster(kind),
    }
}

fn part_in_cluster(kind: &ClusterKind) -> Part {
    match kind {
        ClusterKind::Delete { .. }
        | ClusterKind::Evict
        | ClusterKind::Drain
        | ClusterKind::Taint { .. }
        | ClusterKind::NodeStop
        | ClusterKind::NodeReboot
        | ClusterKind::RollingUpdate { .. }
        | ClusterKind::Rollback
        | ClusterKind::Scale { .. } => Part::Life,
        ClusterKind::Cordon
        | ClusterKind::KubeletStop
        | ClusterKind::RuntimeStop
        | ClusterKind::Switch { .. } => Part::Unknown,
        ClusterKind::ApiServerStop => Part::Api,
    }
}

/// In a cluster all but commands and requests of the profile is done, and taken back, through the API.
fn without_api(one: &FaultKind, other: &FaultKind) -> Option<String> {
    let by_command = |kind: &FaultKind| {
        matches!(
            kind,
            FaultKind::Hook(_) | FaultKind::KillSwitch { .. } | FaultKind::Operation(_)
        )
    };
    let (first, second) = (one.name(), other.name());
    (!by_command(one) && !by_command(other)).then(|| {
        format!("`{first}` and `{second}` at one time: without the API server nothing else can be done, or taken back")
    })
}

fn on_replicas(one: Part, other: Part) -> Option<&'static str> {
    if [(one, other), (other, one)].contains(&(Part::Power, Part::Disk)) {
        return Some("a disk that loses its power is another one afterwards");
    }
    let life = |part: Part| match part {
        Part::Power => Part::Life,
        part => part,
    };
    let (one, other) = (life(one), life(other));
    let both = |first: Part, second: Part| [(one, other), (other, one)].contains(&(first, second));
    if both(Part::Life, Part::Life) || both(Part::Running, Part::Running) {
        Some("each would take the other's process away, or give it back")
    } else if both(Part::Life, Part::Running) {
        Some("a process that is gone cannot be frozen, and a frozen one does not end in order")
    } else if both(Part::Life, Part::Cpu) || both(Part::Life, Part::Memory) {
        Some("the limit is on a process that the other fault ends")
    } else if both(Part::Life, Part::Network) {
        Some("what is started again may be in the network again")
    } else if one == other
        && matches!(
            one,
            Part::Cpu | Part::Memory | Part::Disk | Part::Names | Part::Network
        )
    {
        Some("one would hide or lift what the other does")
    } else {
        None
    }
}

fn on_links(one: (&FaultKind, &Reach), other: (&FaultKind, &Reach)) -> Option<String> {
    let (first, second) = (ways(one.1), ways(other.1));
    let limits = matches!(one.0, FaultKind::Bandwidth { .. })
        && matches!(other.0, FaultKind::Bandwidth { .. });
    if limits {
        let senders = |ways: &BTreeSet<(String, String)>| -> BTreeSet<String> {
            ways.iter().map(|(from, _)| from.clone()).collect()
        };
        let both = senders(&first)
            .intersection(&senders(&second))
            .next()?
            .clone();
        return Some(format!("two bandwidths for what {both} sends, at one time"));
    }
    let (from, to) = first.intersection(&second).next()?.clone();
    let (one, other) = (one.0, other.0);
    if ports_apart(ports(one), ports(other)) {
        return None;
    }
    let why = if one.name() == other.name() {
        "one would hide what the other does"
    } else if cuts(one) || cuts(other) {
        "what does not get through can be neither slow nor lost"
    } else {
        return None;
    };
    Some(format!(
        "`{}` and `{}` of what {from} sends to {to}, at one time: {why}",
        one.name(),
        other.name()
    ))
}

/// Who sends to whom, of what a fault on a link has hold of.
fn ways(reach: &Reach) -> BTreeSet<(String, String)> {
    let Some(far) = &reach.far else {
        return BTreeSet::new();
    };
    let clients = far.clients.then(|| CLIENTS.to_string());
    let ends: Vec<String> = far.replicas.iter().cloned().chain(clients).collect();
    let mut ways = BTreeSet::new();
    for near in &reach.replicas {
        for end in &ends {
            if far.direction != Direction::Back {
                ways.insert((near.clone(), end.clone()));
            }
            if far.direction != Direction::There {
                ways.insert((end.clone(), near.clone()));
            }
        }
    }
    ways
}

fn ports(kind: &FaultKind) -> &[u16] {
    match kind {
        FaultKind::Partition { ports }
        | FaultKind::Loss { ports, .. }
        | FaultKind::Reset { ports } => ports,
        FaultKind::Delay { .. } | FaultKind::Bandwidth { .. } | FaultKind::HalfOpen => &[],
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
        | FaultKind::Hook(_)
        | FaultKind::KillSwitch { .. }
        | FaultKind::Operation(_)
        | FaultKind::Cluster(_) => &[],
    }
}

/// Both are limited to ports, and to different ones.
fn ports_apart(one: &[u16], other: &[u16]) -> bool {
    !one.is_empty() && !other.is_empty() && !one.iter().any(|port| other.contains(port))
}

fn cuts(kind: &FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Partition { .. } | FaultKind::Reset { .. } | FaultKind::HalfOpen
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Signal;

    const FREEZE: FaultKind = FaultKind::Freeze {
        by: crate::plan::FreezeBy::Signal,
    };
    const KILL: FaultKind = FaultKind::Kill {
        signal: Signal::Kill,
    };
    const DELAY: FaultKind = FaultKind::Delay {
        by_ns: 1_000_000,
        jitter_ns: 0,
        reorder: 0.0,
    };
    const CPU: FaultKind = FaultKind::Cpu { milli_cpus: 100 };
    const NARROW: FaultKind = FaultKind::Bandwidth { bytes_per_s: 1_000 };

    fn at(name: &str) -> Reach {
        Reach {
            replicas: [name.to_string()].into(),
            far: None,
        }
    }

    fn link(from: &str, to: &str, direction: Direction) -> Reach {
        let far = FarReach {
            replicas: [to.to_string()].into(),
            clients: false,
            direction,
        };
        Reach {
            far: Some(far),
            ..at(from)
        }
    }

    fn clashes(one: (&FaultKind, &Reach), other: (&FaultKind, &Reach)) -> bool {
        let told = [clash(one, other), clash(other, one)];
        assert_eq!(told[0].is_some(), told[1].is_some(), "{told:?}");
        told[0].is_some()
    }

    #[test]
    fn one_process_has_one_state_and_two_have_two() {
        let freeze = FREEZE;
        let restart = FaultKind::Restart { grace_ns: 1 };
        let skew = FaultKind::ClockSkew { by_ns: 1 };
        for (one, other) in [
            (&KILL, &freeze),
            (&KILL, &restart),
            (&skew, &KILL),
            (&CPU, &CPU),
        ] {
            assert!(
                clashes((one, &at("a")), (other, &at("a"))),
                "{one:?} {other:?}"
            );
            assert!(!clashes((one, &at("a")), (other, &at("b"))));
        }
        assert!(clashes((&CPU, &at("a")), (&KILL, &at("a"))));
        assert!(clashes(
            (&FaultKind::Dns, &at("a")),
            (&FaultKind::Dns, &at("a"))
        ));
    }

    #[test]
    fn a_node_without_power_may_be_given_up_and_nothing_else_be_done_to_it() {
        let taint = |key: &str| {
            FaultKind::Cluster(ClusterKind::Taint {
                key: key.to_string(),
                value: String::new(),
                effect: crate::plan::TaintEffect::NoExecute,
            })
        };
        let stop = FaultKind::Cluster(ClusterKind::NodeStop);
        let reboot = FaultKind::Cluster(ClusterKind::NodeReboot);
        let given_up = taint(OUT_OF_SERVICE);
        assert!(!clashes((&stop, &at("a")), (&given_up, &at("a"))));
        assert!(clashes((&stop, &at("a")), (&taint("drill"), &at("a"))));
        assert!(clashes((&reboot, &at("a")), (&given_up, &at("a"))));
        assert!(clashes((&KILL, &at("a")), (&given_up, &at("a"))));
    }

    #[test]
    fn a_power_cut_takes_a_replica_and_its_disk() {
        let slow = FaultKind::SlowDisk { sync_ns: 1 };
        for other in [&KILL, &FREEZE, &CPU, &slow, &FaultKind::PowerCut] {
            let (cut, other) = ((&FaultKind::PowerCut, &at("a")), (other, &at("a")));
            assert!(clashes(cut, other) && clashes(other, cut), "{other:?}");
        }
    }

    #[test]
    fn what_does_not_meet_may_be_on_at_one_time() {
        let (slow, full) = (
            FaultKind::SlowDisk { sync_ns: 1 },
            FaultKind::DiskFull { leave_bytes: 0 },
        );
        let memory = FaultKind::Memory { bytes: 1 };
        assert!(clashes((&slow, &at("a")), (&full, &at("a"))));
        for other in [&slow, &memory, &FREEZE, &FaultKind::Dns] {
            assert!(!clashes((&CPU, &at("a")), (other, &at("a"))), "{other:?}");
        }
        assert!(!clashes((&KILL, &at("a")), (&slow, &at("a"))));
        assert!(!clashes(
            (&FaultKind::PowerCut, &at("a")),
            (&FREEZE, &at("b"))
        ));
        let lossy = FaultKind::Loss {
            share: 0.1,
            ports: Vec::new(),
        };
        let both = link("a", "b", Direction::Both);
        assert!(!clashes((&KILL, &at("a")), (&lossy, &both)));
        assert!(!clashes((&DELAY, &both), (&lossy, &both)));
        assert!(!clashes((&DELAY, &both), (&NARROW, &both)));
    }

    #[test]
    fn a_link_has_one_of_each_kind_and_none_beside_a_cut() {
        let cut = |ports: &[u16]| FaultKind::Partition {
            ports: ports.to_vec(),
        };
        let both = link("a", "b", Direction::Both);
        let turned = link("b", "a", Direction::There);
        assert!(clashes((&DELAY, &both), (&DELAY, &turned)));
        assert!(clashes((&cut(&[]), &both), (&DELAY, &turned)));
        assert!(clashes((&FaultKind::HalfOpen, &both), (&NARROW, &turned)));
        let there = link("a", "b", Direction::There);
        assert!(!clashes((&DELAY, &there), (&DELAY, &turned)));
        assert!(!clashes(
            (&DELAY, &there),
            (&DELAY, &link("a", "c", Direction::Both))
        ));
        assert!(!clashes((&cut(&[1]), &both), (&cut(&[2]), &both)));
        assert!(clashes((&cut(&[1, 2]), &both), (&cut(&[2]), &both)));
    }

    #[test]
    fn one_sender_has_one_bandwidth() {
        let (to_b, to_c) = (
            link("a", "b", Direction::There),
            link("a", "c", Direction::There),
        );
        assert!(clashes((&NARROW, &to_b), (&NARROW, &to_c)));
        let back = link("a", "c", Direction::Back);
        assert!(!clashes((&NARROW, &to_b), (&NARROW, &back)));
    }
}

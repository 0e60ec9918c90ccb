//! By which mechanism an agent does a fault on its node, or why it does not.

use shakedown_scenarios::plan::{Direction, FaultKind};

use super::target::NodeTargetError;
use crate::agent::FarSide;
use crate::environment::means::{Means, Steering};
use crate::mechanisms::net::{OwnedTable, QdiscKinds, TableError};

/// How it is done on this node; `None` for what is not done to links.
pub(super) fn means(
    kind: &FaultKind,
    far: Option<&FarSide>,
) -> Result<Option<Means>, NodeTargetError> {
    match (refusal(kind), kind) {
        (Some(why), kind) => Err(NodeTargetError::Kind {
            kind: kind.name(),
            why,
        }),
        (None, kind) if kind.is_of_links() || *kind == FaultKind::Dns => {
            let chosen = chosen(kind, OwnedTable::preflight(), QdiscKinds::probe()?)?;
            let sends = far.map(|far| (far.direction, far.clients.is_some()));
            match (&chosen, sends.and_then(not_sent_here)) {
                (Means::Discipline(..), Some(why)) => Err(NodeTargetError::Kind {
                    kind: kind.name(),
                    why,
                }),
                _ => Ok(Some(chosen)),
            }
        }
        (None, _) => Ok(None),
    }
}

/// By nftables and disciplines; without nftables, filters do the steering, and netem the loss.
fn chosen(
    kind: &FaultKind,
    tables: Result<(), TableError>,
    kinds: QdiscKinds,
) -> Result<Means, NodeTargetError> {
    let refused = |instead, source| NodeTargetError::Table {
        kind: kind.name(),
        instead,
        source,
    };
    let needs_discipline = matches!(kind, FaultKind::Delay { .. } | FaultKind::Bandwidth { .. });
    match (tables, kind) {
        (Ok(()), _) if needs_discipline => discipline(kind, kinds, Steering::Table),
        (Ok(()), _) => Ok(Means::Table),
        (Err(source), _) if !kinds.u32 => Err(refused(NO_FILTERS, source)),
        (Err(source), FaultKind::Loss { ports, .. }) if !ports.is_empty() => {
            Err(refused(NO_PORTS, source))
        }
        (Err(_), FaultKind::Loss { .. }) => discipline(kind, kinds, Steering::Filters),
        (Err(_), _) if needs_discipline => discipline(kind, kinds, Steering::Filters),
        (Err(source), _) => Err(refused(DISCIPLINES_ONLY, source)),
    }
}

const NO_FILTERS: &str = "nor has it the filter u32, by which packets could be steered otherwise";
const NO_PORTS: &str = "netem loses packets here, but not by port: leave `ports` out";
const DISCIPLINES_ONLY: &str = "delay, bandwidth and loss are possible on this node";

/// A discipline acts on what is sent, and only what the near end sends can be reached from here.
fn not_sent_here((direction, clients): (Direction, bool)) -> Option<&'static str> {
    match (direction, clients) {
        (Direction::Back, _) => Some(
            "packets are made slow where they are sent, which is the far end: order it on that node, with the ends \
             exchanged and the direction `there`",
        ),
        (Direction::Both, true) => Some(
            "packets are made slow where they are sent, and clients are not on this node: take the direction `there`",
        ),
        (Direction::Both | Direction::There, _) => None,
    }
}

fn discipline(
    kind: &FaultKind,
    kinds: QdiscKinds,
    steering: Steering,
) -> Result<Means, NodeTargetError> {
    let is_narrow = matches!(kind, FaultKind::Bandwidth { .. });
    match (is_narrow, kinds.netem, kinds.htb) {
        (false, false, _) => Err(NodeTargetError::Kernel("netem")),
        (_, _, false) => Err(NodeTargetError::Kernel("htb")),
        (false, true, true) => Ok(Means::Discipline("netem", steering)),
        (true, _, true) => Ok(Means::Discipline("htb", steering)),
    }
}

/// Why an agent does not do a kind; `None` when it does.
fn refusal(kind: &FaultKind) -> Option<&'static str> {
    match kind {
        FaultKind::Kill { .. }
        | FaultKind::Freeze { .. }
        | FaultKind::Restart { .. }
        | FaultKind::Cpu { .. }
        | FaultKind::CpuStress { .. }
        | FaultKind::Memory { .. }
        | FaultKind::OutOfMemory
        | FaultKind::Partition { .. }
        | FaultKind::Loss { .. }
        | FaultKind::Reset { .. }
        | FaultKind::Delay { .. }
        | FaultKind::Bandwidth { .. }
        | FaultKind::Dns => None,
        FaultKind::HalfOpen => Some("it takes a go-between, and there is none in a pod"),
        FaultKind::Stop { .. } | FaultKind::Disconnect => Some("it takes an engine of containers"),
        FaultKind::SlowDisk { .. }
        | FaultKind::FailingDisk { .. }
        | FaultKind::DiskFull { .. }
        | FaultKind::PowerCut => {
            Some("it takes a disk that Shakedown has put there before the start")
        }
        FaultKind::ClockSkew { .. } => {
            Some("a container is started by the kubelet, with the machine's clock")
        }
        FaultKind::Hook(_) => Some("the commands of a hook run beside the runner"),
        FaultKind::KillSwitch { .. } | FaultKind::Operation(_) => {
            Some("it is asked of the system, by the runner")
        }
        FaultKind::Cluster(kind) if kind.needs_agent() => None,
        FaultKind::Cluster(_) => Some("it is done by the API of the cluster"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: FaultKind = FaultKind::Delay {
        by_ns: 1,
        jitter_ns: 0,
        reorder: 0.0,
    };
    const NARROW: FaultKind = FaultKind::Bandwidth { bytes_per_s: 1_000 };

    fn kinds(netem: bool, htb: bool) -> QdiscKinds {
        QdiscKinds {
            netem,
            tbf: true,
            htb,
            u32: true,
        }
    }

    fn no_tables() -> Result<(), TableError> {
        Err(TableError::Tag("no tables".into()))
    }

    #[test]
    fn a_kernel_that_lacks_something_is_named() {
        let told = |kind, netem, htb| match chosen(kind, Ok(()), kinds(netem, htb)) {
            Ok(means) => means.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(told(&DELAY, false, true), "this node's kernel has no netem");
        assert_eq!(told(&NARROW, true, false), "this node's kernel has no htb");
        assert_eq!(told(&DELAY, true, false), "this node's kernel has no htb");
        assert!(told(&DELAY, true, true).starts_with("netem"));
        assert!(told(&NARROW, false, true).starts_with("htb"));
    }

    #[test]
    fn what_others_send_is_not_made_slow_here() {
        assert!(not_sent_here((Direction::Back, false)).is_some());
        assert!(not_sent_here((Direction::Both, true)).is_some());
        assert!(not_sent_here((Direction::Both, false)).is_none());
        assert!(not_sent_here((Direction::There, true)).is_none());
    }

    #[test]
    fn without_tables_filters_steer_and_the_rest_is_refused() {
        let lossy = |ports: &[u16]| FaultKind::Loss {
            share: 0.1,
            ports: ports.to_vec(),
        };
        let told = |kind: &FaultKind, tables, u32| {
            let kinds = QdiscKinds {
                u32,
                ..kinds(true, true)
            };
            match chosen(kind, tables, kinds) {
                Ok(means) => means.to_string(),
                Err(error) => error.to_string(),
            }
        };
        for kind in [DELAY, lossy(&[])] {
            let means = told(&kind, no_tables(), true);
            assert!(means.starts_with("netem"), "{means}");
            assert!(means.contains("filters"), "{means}");
        }
        assert_eq!(told(&lossy(&[]), Ok(()), true), "nftables");
        assert_eq!(told(&lossy(&[80]), Ok(()), true), "nftables");
        assert!(told(&lossy(&[80]), no_tables(), true).contains("leave `ports` out"));
        assert!(told(&DELAY, no_tables(), false).contains("u32"));
        for kind in [FaultKind::Partition { ports: Vec::new() }, FaultKind::Dns] {
            let refused = told(&kind, no_tables(), true);
            assert!(refused.contains("family inet"), "{refused}");
            assert!(refused.contains("are possible"), "{refused}");
        }
    }

    #[test]
    fn kinds_without_means_on_a_node_are_refused() {
        let skew = FaultKind::ClockSkew { by_ns: 1 };
        for kind in [FaultKind::HalfOpen, FaultKind::Disconnect, skew] {
            let refused = means(&kind, None).unwrap_err();
            assert!(matches!(refused, NodeTargetError::Kind { .. }), "{kind:?}");
        }
        assert_eq!(means(&FaultKind::OutOfMemory, None).unwrap(), None);
    }
}

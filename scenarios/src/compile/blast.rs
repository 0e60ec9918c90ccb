//! Blast radius: how many replicas of a part the faults of a plan may have down at one moment, at most.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{
    ClusterKind, FaultKind, FaultPlan, LinkEnd, Part, Placed, RestartedBy, Selector, System,
    TaintEffect,
};

use super::starts::{Start, starts_ns};

/// Replicas that come back take this long beyond the healing: a fault that fires within it still overlaps.
const BACK_WITHIN_NS: u64 = 2_000_000_000;

/// The worst moment of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AtOnce {
    /// Replicas that may be down together.
    pub(crate) count: u32,
    /// The faults that take them, in the order in which they are written.
    pub(crate) faults: Vec<String>,
}

/// The worst moment of a part: the start of one of the faults, with every other fault that may be on then. Faults on
/// the same replica by name count once, and so do those in one place; who has a role, or is chosen by the seed, may be
/// anybody else.
pub(crate) fn at_once(faults: &[FaultPlan], part: &Part, system: &System) -> Option<AtOnce> {
    let starts = starts_ns(faults);
    let taking: Vec<usize> = (0..faults.len())
        .filter(|at| taken(&faults[*at], part, system) > 0)
        .collect();
    let moments = taking.iter().map(|first| {
        let on: Vec<&FaultPlan> = taking
            .iter()
            .filter(|other| {
                *other == first
                    || on_at_start(
                        (&faults[*first], starts[*first]),
                        (&faults[**other], starts[**other]),
                        stays_down(&faults[**other], part),
                    )
            })
            .map(|at| &faults[*at])
            .collect();
        together(&on, part, system)
    });
    moments.max_by_key(|moment| (moment.count, std::cmp::Reverse(moment.faults.len())))
}

fn together(on: &[&FaultPlan], part: &Part, system: &System) -> AtOnce {
    let mut named = BTreeSet::new();
    let mut places = BTreeMap::new();
    let mut others = 0u32;
    for fault in on {
        let taken = taken(fault, part, system);
        match &fault.to {
            Selector::Name(name) => {
                named.insert(name.as_str());
            }
            // Only one is sure there; all are counted when it fires.
            to => match place(to) {
                Some(place) => {
                    let there = places.entry(place.words()).or_insert(0);
                    *there = taken.min(1).max(*there);
                }
                None => others = others.saturating_add(taken),
            },
        }
    }
    let count = named.len() as u32 + places.values().sum::<u32>();
    AtOnce {
        count: others.saturating_add(count).min(part.replicas),
        faults: on.iter().map(|fault| fault.id.clone()).collect(),
    }
}

/// Where the replicas are that are meant; several faults in one place have the same ones.
fn place(to: &Selector) -> Option<&Placed> {
    match to {
        Selector::Placed(placed) => Some(placed),
        Selector::Link { from, to, .. } => place(from).or(match to {
            LinkEnd::Replicas(to) => place(to),
            LinkEnd::Peers | LinkEnd::Clients | LinkEnd::Service(_) => None,
        }),
        Selector::Role(_)
        | Selector::Name(_)
        | Selector::Part(_)
        | Selector::Random { .. }
        | Selector::System => None,
    }
}

/// Replicas of a part that a fault takes at once, at most.
pub(crate) fn taken(fault: &FaultPlan, part: &Part, system: &System) -> u32 {
    let count = reached(&fault.to, part, system);
    match &fault.kind {
        FaultKind::Kill { .. } | FaultKind::Freeze { .. } | FaultKind::Hook(_) => count,
        FaultKind::PowerCut => count,
        FaultKind::Partition { .. } | FaultKind::Reset { .. } | FaultKind::HalfOpen => count,
        // Service goes on, slower.
        FaultKind::Loss { .. }
        | FaultKind::Cpu { .. }
        | FaultKind::CpuStress { .. }
        | FaultKind::Delay { .. }
        | FaultKind::Bandwidth { .. }
        | FaultKind::Dns
        | FaultKind::KillSwitch { .. }
        | FaultKind::Operation(_)
        | FaultKind::SlowDisk { .. } => 0,
        // A node that cannot write its log ends, or refuses to serve.
        FaultKind::FailingDisk { .. } | FaultKind::DiskFull { .. } => count,
        // A node that gets no more memory may be ended for it.
        FaultKind::Memory { .. } | FaultKind::OutOfMemory => count,
        FaultKind::Stop { .. } | FaultKind::Disconnect => count,
        FaultKind::ClockSkew { .. } => count.min(1),
        FaultKind::Restart { .. } => count.min(1),
        FaultKind::Cluster(kind) => taken_in_cluster(kind, count, part),
    }
}

fn taken_in_cluster(kind: &ClusterKind, count: u32, part: &Part) -> u32 {
    match kind {
        ClusterKind::Delete { .. }
        | ClusterKind::Evict
        | ClusterKind::Drain
        | ClusterKind::NodeStop
        | ClusterKind::NodeReboot => count,
        // Services turn away from the pods of a node that is not ready.
        ClusterKind::KubeletStop | ClusterKind::RuntimeStop => count,
        ClusterKind::Taint { effect, .. } => match effect {
            TaintEffect::NoExecute => count,
            TaintEffect::NoSchedule | TaintEffect::PreferNoSchedule => 0,
        },
        ClusterKind::RollingUpdate { .. } | ClusterKind::Rollback => count.min(1),
        ClusterKind::Scale { replicas } if count > 0 => part.replicas.saturating_sub(*replicas),
        ClusterKind::Scale { .. } => 0,
        ClusterKind::Cordon | ClusterKind::ApiServerStop | ClusterKind::Switch { .. } => 0,
    }
}

/// Replicas of a part that a selector means. Of a link it is the smaller end that is cut off.
fn reached(to: &Selector, part: &Part, system: &System) -> u32 {
    match to {
        Selector::Role(role) => {
            let owner = system
                .parts
                .iter()
                .find(|part| part.roles.iter().any(|known| known.name == *role));
            u32::from(owner.is_some_and(|owner| owner.name == part.name))
        }
        Selector::Name(name) => u32::from(
            name.rsplit_once('-')
                .is_some_and(|(owner, _)| owner == part.name),
        ),
        Selector::Part(name) if *name == part.name => part.replicas,
        Selector::Random {
            part: name, count, ..
        } if *name == part.name => *count,
        Selector::Link { from, to, .. } => {
            let reached_from = reached(from, part, system);
            match to {
                LinkEnd::Clients | LinkEnd::Service(_) => reached_from,
                LinkEnd::Peers if place(from).is_some() => part.replicas / 2,
                LinkEnd::Peers => reached_from.min(part.replicas.saturating_sub(reached_from)),
                LinkEnd::Replicas(to) => reached_from.min(reached(to, part, system)),
            }
        }
        Selector::Placed(_) => part.replicas,
        Selector::Part(_) | Selector::Random { .. } | Selector::System => 0,
    }
}

/// True when the other fault may be on when the first one fires. Different clocks cannot be compared, and a fault
/// that is repeated may be anywhere: both count as being on.
fn on_at_start(first: (&FaultPlan, Start), other: (&FaultPlan, Start), stays_down: bool) -> bool {
    let (Some(first_ns), Some(other_ns)) =
        (same_clock(first.1, other.1), same_clock(other.1, first.1))
    else {
        return true;
    };
    if first.0.repeat.times > 1 || other.0.repeat.times > 1 {
        return true;
    }
    let over_ns = match stays_down {
        true => u64::MAX,
        false => other_ns
            .saturating_add(other.0.hold_ns)
            .saturating_add(BACK_WITHIN_NS),
    };
    other_ns <= first_ns && first_ns < over_ns
}

/// True for what nobody starts again after it was killed.
fn stays_down(fault: &FaultPlan, part: &Part) -> bool {
    part.restarted_by == RestartedBy::Nobody
        && matches!(
            fault.kind,
            FaultKind::Kill { .. } | FaultKind::PowerCut | FaultKind::OutOfMemory
        )
}

fn same_clock(one: Start, other: Start) -> Option<u64> {
    match (one, other) {
        (Start::FromZero(ns), Start::FromZero(_))
        | (Start::FromSteady(ns), Start::FromSteady(_)) => Some(ns),
        (Start::FromZero(_), Start::FromSteady(_)) | (Start::FromSteady(_), Start::FromZero(_)) => {
            None
        }
    }
}

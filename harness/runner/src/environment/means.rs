//! By which mechanism faults on links are done on this machine, and why.

use shakedown_scenarios::plan::{Direction, FaultKind, FaultPlan, LinkEnd, Plan, Selector};

use crate::mechanisms::net::{OwnedTable, QdiscKinds};

/// How a fault on links is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// Rules in an nftables table.
    Table,
    /// A queueing discipline, and what steers packets there.
    Discipline(&'static str, Steering),
    /// A go-between through which the connections are led.
    Userspace { why: &'static str },
}

/// What steers packets to a discipline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steering {
    /// Rules in an nftables table, which end with the process.
    Table,
    /// Filters of the discipline, which end with it: for kernels whose nftables cannot.
    Filters,
}

/// What this machine offers for faults on links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Each node can have a network namespace of its own.
    pub namespaces: bool,
    /// Packets can be dropped, reset and steered there.
    pub tables: bool,
    pub kinds: QdiscKinds,
}

impl Abilities {
    const NONE: Abilities = Abilities {
        namespaces: false,
        tables: false,
        kinds: QdiscKinds {
            netem: false,
            tbf: false,
            htb: false,
            u32: false,
        },
    };

    /// Tries, in namespaces that are made for it. Blocks for some milliseconds.
    pub fn probe() -> Abilities {
        match QdiscKinds::probe() {
            Ok(kinds) => Abilities {
                namespaces: true,
                tables: OwnedTable::preflight().is_ok(),
                kinds,
            },
            Err(_) => Abilities::NONE,
        }
    }
}

impl std::fmt::Display for Means {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Means::Table => f.write_str("nftables"),
            Means::Discipline(name, steering) => {
                write!(f, "{name}, for packets that {} there", steering.words())
            }
            Means::Userspace { why } => write!(f, "userspace link: {why}"),
        }
    }
}

impl Steering {
    /// For people: who does it.
    pub fn words(self) -> &'static str {
        match self {
            Steering::Table => "nftables steers",
            Steering::Filters => "filters (u32) steer",
        }
    }
}

/// How a fault will be done; `None` when it is not one on links.
pub fn means(fault: &FaultPlan, plan: &Plan, abilities: &Abilities) -> Option<Means> {
    match &fault.kind {
        FaultKind::Delay { .. } | FaultKind::Bandwidth { .. } => Some(slow(fault, plan, abilities)),
        FaultKind::HalfOpen => Some(Means::Userspace {
            why: "only a go-between can acknowledge what nobody gets",
        }),
        FaultKind::Dns => Some(Means::Table),
        FaultKind::Partition { ports }
        | FaultKind::Loss { ports, .. }
        | FaultKind::Reset { ports } => Some(match abilities.tables || !ports.is_empty() {
            true => Means::Table,
            false => Means::Userspace {
                why: "without root, or without nftables, no packets can be dropped",
            },
        }),
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
        | FaultKind::Cluster(_)
        | FaultKind::KillSwitch { .. }
        | FaultKind::Operation(_)
        | FaultKind::Hook(_) => None,
    }
}

fn slow(fault: &FaultPlan, plan: &Plan, abilities: &Abilities) -> Means {
    let userspace = |why| Means::Userspace { why };
    let Some(discipline) = discipline(&fault.kind, abilities) else {
        return userspace(match (abilities.namespaces, &fault.kind) {
            (false, _) => "without root there are no network namespaces",
            (true, FaultKind::Delay { .. }) => "this kernel has no netem",
            (true, _) => "this kernel has no htb",
        });
    };
    if !abilities.tables {
        return userspace("this kernel's nftables cannot steer packets");
    }
    if sent_by_clients(&fault.to) {
        return userspace("what Shakedown sends leaves its own namespace, which is left alone");
    }
    let kinds = plan.faults.iter().map(|fault| &fault.kind);
    let several = kinds.filter(|kind| discipline_of(kind, abilities)).count() > 1;
    match several {
        true => userspace("an interface has one discipline, and several faults need one"),
        false => Means::Discipline(discipline, Steering::Table),
    }
}

fn discipline(kind: &FaultKind, abilities: &Abilities) -> Option<&'static str> {
    let QdiscKinds { netem, htb, .. } = abilities.kinds;
    match kind {
        FaultKind::Delay { .. } if netem && htb => Some("netem"),
        FaultKind::Bandwidth { .. } if htb => Some("htb"),
        FaultKind::Delay { .. } | FaultKind::Bandwidth { .. } => None,
        FaultKind::Partition { .. }
        | FaultKind::Loss { .. }
        | FaultKind::Reset { .. }
        | FaultKind::HalfOpen
        | FaultKind::Kill { .. }
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

fn discipline_of(kind: &FaultKind, abilities: &Abilities) -> bool {
    discipline(kind, abilities).is_some()
}

fn sent_by_clients(to: &Selector) -> bool {
    match to {
        Selector::Link { to, direction, .. } => {
            *to == LinkEnd::Clients && *direction != Direction::There
        }
        Selector::Role(_)
        | Selector::Name(_)
        | Selector::Part(_)
        | Selector::Random { .. }
        | Selector::System
        | Selector::Placed(_) => false,
    }
}

/// For each fault on links of a plan: by which mechanism it would be done on this machine, and why.
pub fn mechanisms_here(plan: &Plan) -> Vec<(String, Means)> {
    let asks = |fault: &FaultPlan| fault.kind.is_of_links() || fault.kind == FaultKind::Dns;
    if !plan.faults.iter().any(asks) {
        return Vec::new();
    }
    let abilities = Abilities::probe();
    let named = |fault: &FaultPlan| Some((fault.id.clone(), means(fault, plan, &abilities)?));
    plan.faults.iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::{Repeat, Trigger};

    use super::*;
    use crate::testing;

    const ALL: Abilities = Abilities {
        namespaces: true,
        tables: true,
        kinds: QdiscKinds {
            netem: true,
            tbf: true,
            htb: true,
            u32: true,
        },
    };
    const DELAY: FaultKind = FaultKind::Delay {
        by_ns: 1_000_000,
        jitter_ns: 0,
        reorder: 0.0,
    };
    const NARROW: FaultKind = FaultKind::Bandwidth { bytes_per_s: 1_000 };

    fn fault(kind: &FaultKind, to: LinkEnd, direction: Direction) -> FaultPlan {
        FaultPlan {
            id: kind.name().into(),
            kind: kind.clone(),
            to: Selector::Link {
                from: Box::new(Selector::Role("leader".into())),
                to,
                direction,
            },
            when: Trigger::AfterSteady { by_ns: 0 },
            hold_ns: 1,
            repeat: Repeat {
                times: 1,
                every_ns: 0,
                jitter_ns: 0,
            },
        }
    }

    fn chosen(kinds: &[&FaultKind], abilities: Abilities) -> Vec<String> {
        let mut plan = testing::plan(&["http://127.0.0.1:1".to_string()]);
        let fault = |kind: &&FaultKind| fault(kind, LinkEnd::Peers, Direction::Both);
        plan.faults = kinds.iter().map(fault).collect();
        let faults = plan.faults.iter();
        faults
            .filter_map(|it| means(it, &plan, &abilities))
            .map(|means| means.to_string())
            .collect()
    }

    #[test]
    fn the_kernel_does_it_where_it_can_and_a_link_where_it_cannot() {
        assert!(chosen(&[&DELAY], ALL)[0].starts_with("netem"));
        assert!(chosen(&[&NARROW], ALL)[0].starts_with("htb"));
        let no_netem = Abilities {
            kinds: QdiscKinds {
                netem: false,
                ..ALL.kinds
            },
            ..ALL
        };
        let both = chosen(&[&DELAY, &NARROW], no_netem);
        assert_eq!(both[0], "userspace link: this kernel has no netem");
        assert!(both[1].starts_with("htb"), "{both:?}");
        let both = chosen(&[&DELAY, &NARROW], ALL);
        assert!(
            both.iter().all(|it| it.contains("one discipline")),
            "{both:?}"
        );
        let none = chosen(&[&DELAY, &FaultKind::HalfOpen], Abilities::NONE);
        assert!(none[0].contains("without root"), "{none:?}");
        assert!(none[1].contains("acknowledge"), "{none:?}");
    }

    #[test]
    fn packets_of_our_own_are_left_alone() {
        let mut plan = testing::plan(&["http://127.0.0.1:1".to_string()]);
        for (direction, kernel) in [(Direction::There, true), (Direction::Both, false)] {
            plan.faults = vec![fault(&DELAY, LinkEnd::Clients, direction)];
            let means = means(&plan.faults[0], &plan, &ALL);
            assert_eq!(
                means == Some(Means::Discipline("netem", Steering::Table)),
                kernel,
                "{means:?}"
            );
        }
    }

    #[test]
    fn ports_take_a_table() {
        let cut = |ports: &[u16]| FaultKind::Partition {
            ports: ports.to_vec(),
        };
        assert!(chosen(&[&cut(&[])], Abilities::NONE)[0].starts_with("userspace link"));
        assert_eq!(chosen(&[&cut(&[80])], Abilities::NONE), ["nftables"]);
        assert_eq!(chosen(&[&cut(&[])], ALL), ["nftables"]);
    }
}

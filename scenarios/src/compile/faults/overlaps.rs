//! Faults that would be on at one time and cannot be: refused when they meet whatever happens. Whom a role or the seed
//! chooses is known only when a fault fires, and looked at again then.

use std::collections::BTreeSet;

use crate::overlap::{FarReach, Reach, clash};
use crate::plan::{FaultPlan, LinkEnd, Selector, System};

use crate::compile::sheet::{At, Sheet};
use crate::compile::starts::{Start, starts_ns};

/// More choices than these are not gone through.
const CHOICES_AT_MOST: usize = 64;

type Names = BTreeSet<String>;

pub(super) fn refuse_overlaps(faults: &[FaultPlan], system: &System, sheet: &Sheet) {
    let starts = starts_ns(faults);
    for (later, second) in faults.iter().enumerate() {
        for (earlier, first) in faults.iter().enumerate().take(later) {
            if !at_one_time((first, starts[earlier]), (second, starts[later])) {
                continue;
            }
            if let Some(why) = always(first, second, system) {
                sheet.refuse_with(
                    &At::of(&["faults", &second.id, "when"]),
                    format!("`{}` is still on when this fires: {why}", first.id),
                    "let it fire after the other is healed, or choose other targets",
                );
            }
        }
    }
}

/// True when the first firings of both surely overlap. A restart takes some time too.
fn at_one_time(one: (&FaultPlan, Start), other: (&FaultPlan, Start)) -> bool {
    let ((Start::FromZero(first), Start::FromZero(second))
    | (Start::FromSteady(first), Start::FromSteady(second))) = (one.1, other.1)
    else {
        return false;
    };
    let end = |start: u64, fault: &FaultPlan| start.saturating_add(fault.hold_ns.max(1));
    first < end(second, other.0) && second < end(first, one.0)
}

/// The reason, when they clash whoever is chosen.
fn always(one: &FaultPlan, other: &FaultPlan, system: &System) -> Option<String> {
    let (first, second) = (choices(&one.to, system)?, choices(&other.to, system)?);
    let mut why = None;
    for one_reach in &first {
        for other_reach in &second {
            why = Some(clash((&one.kind, one_reach), (&other.kind, other_reach))?);
        }
    }
    why
}

/// Everything that a selector may turn out to mean; `None` when that is nothing, or too much.
fn choices(to: &Selector, system: &System) -> Option<Vec<Reach>> {
    let Selector::Link {
        from,
        to,
        direction,
    } = to
    else {
        let reach = |replicas| Reach {
            replicas,
            far: None,
        };
        return Some(replicas(to, system)?.into_iter().map(reach).collect());
    };
    let mut choices = Vec::new();
    for near in replicas(from, system)? {
        let fars = match to {
            LinkEnd::Clients => vec![Names::new()],
            LinkEnd::Peers => vec![peers(&near, system)],
            LinkEnd::Replicas(to) => replicas(to, system)?,
            // Who is behind it shows only when the fault fires.
            LinkEnd::Service(_) => return None,
        };
        for far in fars {
            choices.push(Reach {
                replicas: near.clone(),
                far: Some(FarReach {
                    replicas: far.difference(&near).cloned().collect(),
                    clients: *to == LinkEnd::Clients,
                    direction: *direction,
                }),
            });
        }
    }
    (1..=CHOICES_AT_MOST)
        .contains(&choices.len())
        .then_some(choices)
}

fn replicas(to: &Selector, system: &System) -> Option<Vec<Names>> {
    let one_of = |names: Names| names.into_iter().map(|name| Names::from([name])).collect();
    let choices: Vec<Names> = match to {
        Selector::Name(name) => vec![Names::from([name.clone()])],
        Selector::Part(part) => vec![of_part(part, system)],
        Selector::Role(role) => {
            let mut owners = system.parts.iter();
            let owner = owners.find(|part| part.roles.iter().any(|known| known.name == *role))?;
            one_of(of_part(&owner.name, system))
        }
        Selector::Random { part, count: 1, .. } => one_of(of_part(part, system)),
        Selector::System => vec![Names::new()],
        // Which ones together is not gone through.
        Selector::Random { .. } | Selector::Link { .. } | Selector::Placed(_) => return None,
    };
    (1..=CHOICES_AT_MOST)
        .contains(&choices.len())
        .then_some(choices)
}

fn of_part(name: &str, system: &System) -> Names {
    let part = system.parts.iter().find(|part| part.name == name);
    let numbers = 1..=part.map_or(0, |part| part.replicas);
    numbers.map(|number| format!("{name}-{number}")).collect()
}

fn peers(near: &Names, system: &System) -> Names {
    let parts = near.iter().filter_map(|name| name.rsplit_once('-'));
    let all: Names = parts.flat_map(|(part, _)| of_part(part, system)).collect();
    all.difference(near).cloned().collect()
}

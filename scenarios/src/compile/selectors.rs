//! Whom a fault means, held against the system's parts, roles and replicas.

use crate::plan::{LinkEnd, Placed, Selector};
use crate::spec::scenario::{EndSpec, LinkSpec, PercentSpec, RandomSpec, SelectorSpec};

use super::cluster::{labels, placed};
use super::faults::Ground;
use super::parts::replicas;
use super::references::instead;
use super::sheet::At;

pub(super) fn selector(at: &At, spec: &SelectorSpec, ground: Ground) -> Option<Selector> {
    let place = |name: &str, place: Placed| {
        let found = placed(&at.to(name), place, ground);
        found.map(Selector::Placed)
    };
    match spec {
        SelectorSpec::Role(role) => known_role(&at.to("role"), &role.0, None, ground)
            .then(|| Selector::Role(role.0.clone())),
        SelectorSpec::Name(name) => {
            known_replica(&at.to("name"), &name.0, ground).then(|| Selector::Name(name.0.clone()))
        }
        SelectorSpec::Part(part) => {
            known_part(&at.to("part"), &part.0, ground)?;
            Some(Selector::Part(part.0.clone()))
        }
        SelectorSpec::Random(random) => some_of(&at.to("random"), random, ground),
        SelectorSpec::Percent(percent) => share_of(&at.to("percent"), percent, ground),
        SelectorSpec::Label(written) => {
            let written = labels(&at.to("label"), written, ground.sheet)?;
            place("label", Placed::Label(written))
        }
        SelectorSpec::Node(name) => place("node", Placed::Node(name.0.clone())),
        SelectorSpec::Zone(name) => place("zone", Placed::Zone(name.0.clone())),
        SelectorSpec::Service(name) => place("service", Placed::Service(name.0.clone())),
        SelectorSpec::Deployment(name) => place("deployment", Placed::Deployment(name.0.clone())),
        SelectorSpec::StatefulSet(name) => {
            place("stateful-set", Placed::StatefulSet(name.0.clone()))
        }
        SelectorSpec::Link(spec) => link(&at.to("link"), spec, ground),
    }
}

fn link(at: &At, spec: &LinkSpec, ground: Ground) -> Option<Selector> {
    let from = match end(&at.to("from"), &spec.from, ground)? {
        LinkEnd::Replicas(from) => from,
        LinkEnd::Peers | LinkEnd::Clients | LinkEnd::Service(_) => {
            ground.sheet.refuse_with(
                &at.to("from"),
                "the first end must be replicas",
                "exchange the ends; `direction: back` means packets from the second end to the first",
            );
            return None;
        }
    };
    let to = end(&at.to("to"), &spec.to, ground)?;
    if let LinkEnd::Replicas(other) = &to
        && *other == from
        && !matches!(**other, Selector::Part(_))
    {
        ground.sheet.refuse_with(
            &at.to("to"),
            "both ends are the same",
            "such as to: { peers: {} }, every other replica of the part",
        );
        return None;
    }
    Some(Selector::Link {
        from,
        to,
        direction: spec.direction.unwrap_or_default(),
    })
}

fn end(at: &At, spec: &EndSpec, ground: Ground) -> Option<LinkEnd> {
    let replicas = match spec {
        EndSpec::Peers(_) => return Some(LinkEnd::Peers),
        EndSpec::Clients(_) => return Some(LinkEnd::Clients),
        EndSpec::Service(name) => {
            // The same words as elsewhere for what is no cluster.
            let service = Placed::Service(name.0.clone());
            placed(&at.to("service"), service, ground)?;
            return Some(LinkEnd::Service(name.0.clone()));
        }
        EndSpec::Role(role) => SelectorSpec::Role(role.clone()),
        EndSpec::Name(name) => SelectorSpec::Name(name.clone()),
        EndSpec::Part(part) => SelectorSpec::Part(part.clone()),
        EndSpec::Random(random) => SelectorSpec::Random(random.clone()),
        EndSpec::Label(labels) => SelectorSpec::Label(labels.clone()),
        EndSpec::Node(name) => SelectorSpec::Node(name.clone()),
        EndSpec::Zone(name) => SelectorSpec::Zone(name.clone()),
    };
    selector(at, &replicas, ground).map(|replicas| LinkEnd::Replicas(Box::new(replicas)))
}

fn some_of(at: &At, spec: &RandomSpec, ground: Ground) -> Option<Selector> {
    let part_replicas = known_part(&at.to("part"), &spec.part.0, ground);
    let role = spec.without_role.as_ref().map(|role| role.0.clone());
    if let Some(role) = &role
        && !known_role(&at.to("without-role"), role, Some(&spec.part.0), ground)
    {
        return None;
    }
    let count = spec.count.unwrap_or(1);
    let choice = part_replicas? - u32::from(role.is_some()).min(part_replicas?);
    if count == 0 || count > choice {
        let left = match &role {
            Some(role) => format!(
                "{} of `{}` without the `{role}`",
                replicas(choice),
                spec.part.0
            ),
            None => format!("{} of `{}`", replicas(choice), spec.part.0),
        };
        let at = if spec.count.is_some() {
            at.to("count")
        } else {
            at.clone()
        };
        ground.sheet.refuse_with(
            &at,
            format!("{count} cannot be chosen from {left}"),
            "at least 1, and not more than there are",
        );
        return None;
    }
    Some(Selector::Random {
        part: spec.part.0.clone(),
        count,
        without_role: role,
    })
}

/// A share, as a number of replicas: rounded to the nearest, and at least one.
fn share_of(at: &At, spec: &PercentSpec, ground: Ground) -> Option<Selector> {
    let replicas = known_part(&at.to("part"), &spec.part.0, ground)?;
    let share = spec.share.fraction;
    if share <= 0.0 || share > 1.0 {
        ground.sheet.refuse_with(
            &at.to("share"),
            "this is no share of the replicas",
            "more than 0% and at most 100%",
        );
        return None;
    }
    Some(Selector::Random {
        part: spec.part.0.clone(),
        count: ((f64::from(replicas) * share).round() as u32).max(1),
        without_role: None,
    })
}

/// The number of replicas of a part.
fn known_part(at: &At, name: &str, ground: Ground) -> Option<u32> {
    let parts = &ground.system.parts;
    let found = parts.iter().find(|part| part.name == name);
    if found.is_none() {
        let known: Vec<String> = parts.iter().map(|part| part.name.clone()).collect();
        ground.sheet.refuse_with(
            at,
            format!("`{}` has no part `{name}`", ground.system.name),
            instead(name, &known, "its parts are"),
        );
    }
    found.map(|part| part.replicas)
}

fn known_role(at: &At, name: &str, part: Option<&str>, ground: Ground) -> bool {
    let parts = ground.system.parts.iter();
    let known: Vec<String> = parts
        .filter(|candidate| part.is_none_or(|part| candidate.name == part))
        .flat_map(|part| part.roles.iter().map(|role| role.name.clone()))
        .collect();
    let there = known.iter().any(|role| role == name);
    if !there {
        ground.sheet.refuse_with(
            at,
            format!("`{}` has no role `{name}`", ground.system.name),
            instead(name, &known, "its roles are"),
        );
    }
    there
}

fn known_replica(at: &At, name: &str, ground: Ground) -> bool {
    let known: Vec<String> = ground
        .system
        .parts
        .iter()
        .flat_map(|part| (1..=part.replicas).map(|number| format!("{}-{number}", part.name)))
        .collect();
    let there = known.iter().any(|replica| replica == name);
    if !there {
        ground.sheet.refuse_with(
            at,
            format!("`{}` has no replica `{name}`", ground.system.name),
            instead(name, &known, "its replicas are"),
        );
    }
    there
}

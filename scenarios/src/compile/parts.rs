//! The parts of a system and their roles.

use crate::plan::{DataLayout, Part, RestartedBy, Role};
use crate::spec::profile::{DataSpec, PartSpec, ProfileSpec, RestartedBySpec, ShardKey};

use super::exchange::{Exchanges, pointer};
use super::sheet::{At, Sheet};
use super::template::Use;

/// More replicas of one part than any system here has.
const MOST_REPLICAS: u32 = 1000;

/// The parts, in the order in which they are written.
pub(super) fn parts(spec: &ProfileSpec, exchanges: &Exchanges) -> Option<Vec<Part>> {
    if spec.parts.is_empty() {
        exchanges.sheet.refuse_entry(
            &At::of(&["parts"]),
            "no part is named",
            "such as parts: { engine: { replicas: 3, quorum: 2 } }; orders enter through the first",
        );
        return None;
    }
    spec.parts
        .iter()
        .map(|(name, part)| one(&name.0, part, exchanges))
        .collect()
}

fn one(name: &str, spec: &PartSpec, exchanges: &Exchanges) -> Option<Part> {
    let at = At::of(&["parts", name]);
    let exchanges = &exchanges.of_part(name);
    let sheet = exchanges.sheet;
    if !(1..=MOST_REPLICAS).contains(&spec.replicas) {
        sheet.refuse_with(
            &at.to("replicas"),
            format!("{} replicas make no part", spec.replicas),
            format!("from 1 to {MOST_REPLICAS}"),
        );
    }
    if let Some(quorum) = spec.quorum
        && spec.replicas > 0
        && (quorum == 0 || quorum > spec.replicas)
    {
        sheet.refuse_with(
            &at.to("quorum"),
            format!(
                "a quorum of {quorum} cannot be had of {}",
                replicas(spec.replicas)
            ),
            "how many must run for service: 2 of 3, 3 of 5",
        );
    }
    let roles: Vec<Option<Role>> = spec
        .roles
        .iter()
        .map(|(role, how)| {
            let at = at.to("roles").to(&role.0);
            let get = exchanges.get(&at.to("get"), &how.get, Use::Control);
            let conditions = exchanges.some_conditions(&at, &how.conditions);
            Some(Role {
                name: role.0.clone(),
                get: get?,
                conditions,
                term: how.term.as_ref().map(pointer),
            })
        })
        .collect();
    let ready = match &spec.ready {
        Some(get) => Some(exchanges.get(&at.to("ready"), get, Use::Control)?),
        None => exchanges.asks_itself(name),
    };
    Some(Part {
        ready,
        name: name.to_string(),
        replicas: spec.replicas,
        quorum: spec.quorum,
        roles: roles.into_iter().collect::<Option<_>>()?,
        restarted_by: match spec.restarted_by {
            None | Some(RestartedBySpec::Platform) => RestartedBy::Platform,
            Some(RestartedBySpec::Nobody) => RestartedBy::Nobody,
        },
    })
}

pub(super) fn replicas(count: u32) -> String {
    super::human::counted(u64::from(count), "replica")
}

/// Which copies must hold an order.
pub(super) fn data(spec: &ProfileSpec, sheet: &Sheet) -> DataLayout {
    match &spec.data {
        DataSpec::Replicated => DataLayout::Replicated,
        DataSpec::Memory => DataLayout::Memory,
        DataSpec::Sharded(sharded) => DataLayout::Sharded {
            by: match sharded.by {
                ShardKey::Symbol => "symbol".to_string(),
                ShardKey::Account => "account".to_string(),
            },
        },
        DataSpec::Store(store) => {
            let known = sheet.keys(&At::of(&["parts"]));
            if !known.contains(&store.part.0) {
                sheet.refuse_with(
                    &At::of(&["data", "store", "part"]),
                    format!("there is no part `{}`", store.part.0),
                    super::references::instead(&store.part.0, &known, "the parts are"),
                );
            }
            DataLayout::Store {
                part: store.part.0.clone(),
            }
        }
    }
}

//! The environment `docker`: which containers are meant.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{DockerPart, DockerPlan, Part, Pick, System};
use crate::spec::profile::{DockerPartSpec, DockerSpec, ProfileSpec, ReachSpec};

use super::environment::{proofs, urls};
use super::human::counted;
use super::parts::replicas;
use super::references::instead;
use super::sheet::{At, Sheet};

/// The containers; `None` when it cannot be told which.
pub(super) fn containers(
    spec: &DockerSpec,
    profile: &ProfileSpec,
    system: &System,
    sheet: &Sheet,
) -> Option<DockerPlan> {
    let at = At::of(&["environments", "docker"]);
    let known: Vec<String> = system.parts.iter().map(|part| part.name.clone()).collect();
    let mut parts = BTreeMap::new();
    for (name, of_part) in spec.parts.iter() {
        let at = at.to("parts").to(&name.0);
        match system.parts.iter().find(|part| part.name == name.0) {
            Some(part) => {
                let found = one_part(&at, of_part, part, spec, sheet);
                parts.extend(found.map(|found| (name.0.clone(), found)));
            }
            None => sheet.refuse_entry(
                &at,
                format!("there is no part `{}`", name.0),
                instead(&name.0, &known, "the parts are"),
            ),
        }
    }
    let first = system.parts.first()?;
    if !sheet.has(&at.to("parts").to(&first.name)) {
        sheet.refuse_entry(
            &at,
            format!(
                "nothing says which containers are `{}`, where orders enter",
                first.name
            ),
            format!(
                "such as parts: {{ {}: {{ service: {}, port: 8080 }} }}",
                first.name, first.name
            ),
        );
    }
    refuse_other_ports(&at, spec, system, sheet);
    let not_production = proofs(&profile.not_production, sheet);
    if not_production.is_empty() {
        sheet.refuse_entry(
            &at,
            "nothing proves that this is not production",
            "say what only a test system answers: not-production: [ { get: /info, where: { /env: staging } } ]",
        );
    }
    Some(DockerPlan {
        project: spec.project.as_ref().map(|name| name.0.clone()),
        network: spec.network.as_ref().map(|name| name.0.clone()),
        published: spec.reach == Some(ReachSpec::Published),
        parts,
        entry: urls(&at.to("entry"), &spec.entry, sheet)?,
        not_production,
    })
}

fn one_part(
    at: &At,
    spec: &DockerPartSpec,
    part: &Part,
    of: &DockerSpec,
    sheet: &Sheet,
) -> Option<DockerPart> {
    let ways = [
        !spec.services.is_empty(),
        spec.service.is_some(),
        !spec.labels.is_empty(),
    ];
    let given = ways.into_iter().filter(|given| *given).count();
    if given > 1 || (given == 0 && of.project.is_none()) {
        sheet.refuse_with(
            at,
            "exactly one of `services`, `service` and `labels` says which containers are meant",
            "such as { service: engine, port: 8080 }; none of them means all of `project`",
        );
        return None;
    }
    if spec.port == 0 {
        sheet.refuse_with(&at.to("port"), "0 is no port", "from 1 to 65535");
    }
    if !spec.services.is_empty() {
        services(at, spec, part, sheet);
    }
    let pairs = spec.labels.iter();
    let pick = match (&spec.services[..], &spec.service) {
        ([], Some(service)) => Pick::Service(service.0.clone()),
        ([], None) if given == 0 => Pick::Project,
        ([], None) => Pick::Labels(pairs.map(|(k, v)| (k.0.clone(), v.0.clone())).collect()),
        (services, _) => Pick::Services(services.iter().map(|it| it.0.clone()).collect()),
    };
    Some(DockerPart {
        pick,
        port: spec.port,
    })
}

fn services(at: &At, spec: &DockerPartSpec, part: &Part, sheet: &Sheet) {
    let at = at.to("services");
    if spec.services.len() != part.replicas as usize {
        sheet.refuse_with(
            &at,
            format!(
                "{} for {}",
                counted(spec.services.len() as u64, "service"),
                replicas(part.replicas)
            ),
            "name the service of each replica, in order; one that is scaled stands in `service`",
        );
    }
    let different: BTreeSet<&str> = spec.services.iter().map(|it| it.0.as_str()).collect();
    if different.len() != spec.services.len() {
        sheet.refuse_with(
            &at,
            "a service is named twice",
            "one that is scaled stands in `service`",
        );
    }
}

/// What is published is the port of the orders.
fn refuse_other_ports(at: &At, spec: &DockerSpec, system: &System, sheet: &Sheet) {
    let health = system.health.as_ref().and_then(|health| health.port);
    let metrics = system.metrics.as_ref().and_then(|metrics| metrics.port);
    if spec.reach == Some(ReachSpec::Published) && (health.is_some() || metrics.is_some()) {
        sheet.refuse_with(
            &at.to("reach"),
            "health or metrics have a port of their own, and only that of the orders is looked for among the published \
             ones",
            "reach: container",
        );
    }
}

//! The one environment of a plan.

use std::collections::BTreeMap;

use crate::environment_kind::EnvironmentKind;
use crate::plan::{
    Endpoints, EnvironmentPlan, LocalStandIn, Part, ProofOfTarget, ReadBack, System,
};
use crate::spec::profile::{ExternalSpec, ProfileSpec, ProofSpec, StandInSpec};

use super::docker::containers;
use super::exchange::Exchanges;
use super::gateway::{Language, redis_servers, servers, store_urls};
use super::kubernetes::cluster;
use super::parts::replicas;
use super::players::players;
use super::references::instead;
use super::sheet::{At, Sheet};
use super::template::Use;

/// Where the choice of the environment stands.
#[derive(Debug)]
pub(super) struct Choice<'s> {
    pub(super) kind: EnvironmentKind,
    pub(super) sheet: &'s Sheet<'s>,
    pub(super) at: At,
}

/// The chosen environment; `None` when it cannot be had.
pub(super) fn environment(
    choice: &Choice,
    spec: &ProfileSpec,
    system: &System,
    sheet: &Sheet,
) -> Option<EnvironmentPlan> {
    let environments = &spec.environments;
    if choice.kind != EnvironmentKind::Local {
        refuse_stores(system, sheet);
    }
    let defined = [
        (EnvironmentKind::Local, environments.local.is_some()),
        (EnvironmentKind::Docker, environments.docker.is_some()),
        (
            EnvironmentKind::Kubernetes,
            environments.kubernetes.is_some(),
        ),
        (EnvironmentKind::External, environments.external.is_some()),
    ];
    if let (EnvironmentKind::Kubernetes, Some(kubernetes)) = (choice.kind, &environments.kubernetes)
    {
        let plan = cluster(kubernetes, spec, system, sheet)?;
        return Some(EnvironmentPlan::Kubernetes(Box::new(plan)));
    }
    if let (EnvironmentKind::Docker, Some(docker)) = (choice.kind, &environments.docker) {
        return containers(docker, spec, system, sheet).map(EnvironmentPlan::Docker);
    }
    match (choice.kind, &environments.local, &environments.external) {
        (EnvironmentKind::Local, Some(local), _) => match &local.stand_in {
            StandInSpec::Engine(engine) => {
                let part = engine.part.as_ref().map(|part| part.0.as_str());
                local_stand_in(part, system, sheet)
            }
            StandInSpec::MarketMaker(_) => market_maker(system, sheet),
            StandInSpec::Postgresql(spec) => servers(spec, system, sheet),
            StandInSpec::Redis(spec) => redis_servers(spec, system, sheet),
            StandInSpec::Parts(spec) => players(spec, system, sheet),
        },
        (EnvironmentKind::External, _, Some(external)) => {
            endpoints(external, spec, system, sheet).map(EnvironmentPlan::External)
        }
        _ => {
            let names: Vec<String> = defined
                .iter()
                .filter(|(_, there)| *there)
                .map(|(kind, _)| kind.name().to_string())
                .collect();
            choice.sheet.refuse_with(
                &choice.at,
                format!(
                    "the profile of `{}` has no environment `{}`",
                    system.name, choice.kind
                ),
                format!(
                    "it has: {}; choose with --environment",
                    if names.is_empty() {
                        "none".to_string()
                    } else {
                        names.join(", ")
                    }
                ),
            );
            None
        }
    }
}

/// Addresses of stores behind an engine are known where Shakedown starts them.
fn refuse_stores(system: &System, sheet: &Sheet) {
    if system.gateway.is_store() {
        return;
    }
    for part in &system.parts {
        for role in part.roles.iter().filter(|role| role.get.is_of_store()) {
            let at = At::of(&["parts", &part.name, "roles", &role.name, "get"]);
            sheet.refuse_with(
                &at,
                "a store behind an engine is asked in its own language where Shakedown starts it: in the environment local",
                "put another way to ask into this environment's own `profile`, or take the role out there",
            );
        }
    }
    if system
        .holder()
        .is_some_and(|part| Some(&part.name) != system.parts.first().map(|it| &it.name))
    {
        sheet.refuse_with(
            &At::of(&["read-back"]),
            "a store behind an engine is read in its own language where Shakedown starts it: in the environment local",
            "read through the engine there",
        );
    }
}

fn market_maker(system: &System, sheet: &Sheet) -> Option<EnvironmentPlan> {
    let at = At::of(&["environments", "local", "stand-in", "market-maker"]);
    let part = system.parts.first()?;
    let Some(venue) = &system.venue else {
        sheet.refuse_entry(
            &at,
            "a market maker quotes to a venue, and the profile names none",
            "add venue: { part: venue }, and that part",
        );
        return None;
    };
    let known = system
        .parts
        .iter()
        .all(|it| it.name == part.name || it.name == venue.part);
    let is_pair = system.parts.len() == 2 && system.parts.iter().all(|it| it.replicas == 1);
    if !known || !is_pair {
        sheet.refuse_with(
            &At::of(&["parts"]),
            "the market maker runs as one process beside one venue",
            "such as parts: { maker: { replicas: 1 }, venue: { replicas: 1 } }",
        );
        return None;
    }
    Some(EnvironmentPlan::Local {
        stand_in: LocalStandIn::MarketMaker {
            part: part.name.clone(),
            venue: venue.part.clone(),
        },
    })
}

fn local_stand_in(part: Option<&str>, system: &System, sheet: &Sheet) -> Option<EnvironmentPlan> {
    let at = At::of(&["environments", "local", "stand-in", "engine"]);
    let known: Vec<String> = system.parts.iter().map(|part| part.name.clone()).collect();
    let first = known.first()?;
    let name = part.unwrap_or(first);
    let Some(part) = system.parts.iter().find(|part| part.name == name) else {
        sheet.refuse_with(
            &at.to("part"),
            format!("there is no part `{name}`"),
            instead(name, &known, "the parts are"),
        );
        return None;
    };
    if part.replicas > 9 {
        sheet.refuse_with(
            &at,
            format!(
                "the reference engine does not run as {}",
                replicas(part.replicas)
            ),
            "at most 9 on one machine",
        );
        return None;
    }
    Some(EnvironmentPlan::Local {
        stand_in: LocalStandIn::Engine {
            part: name.to_string(),
        },
    })
}

fn endpoints(
    external: &ExternalSpec,
    spec: &ProfileSpec,
    system: &System,
    sheet: &Sheet,
) -> Option<Endpoints> {
    let at = At::of(&["environments", "external"]);
    if external.entry.is_empty() {
        sheet.refuse_with(
            &at.to("entry"),
            "no address is named",
            "such as [http://127.0.0.1:8080]",
        );
    }
    let entry = urls(&at.to("entry"), &external.entry, sheet);
    let mut parts = BTreeMap::new();
    for (name, addresses) in external.parts.iter() {
        let at = at.to("parts").to(&name.0);
        let found = urls(&at, addresses, sheet);
        let Some(part) = system.parts.iter().find(|part| part.name == name.0) else {
            let known: Vec<String> = system.parts.iter().map(|part| part.name.clone()).collect();
            sheet.refuse_entry(
                &at,
                format!("there is no part `{}`", name.0),
                instead(&name.0, &known, "the parts are"),
            );
            continue;
        };
        if addresses.len() != part.replicas as usize {
            sheet.refuse_with(
                &at,
                format!(
                    "{} for {}",
                    super::human::counted(addresses.len() as u64, "address"),
                    replicas(part.replicas)
                ),
                "name the address of each replica, in order",
            );
        }
        parts.extend(found.map(|urls| (name.0.clone(), urls)));
    }
    let entry = entry?;
    addresses_of_copies(&at, system, &entry, &mut parts, sheet);
    let not_production = proofs(&spec.not_production, sheet);
    let all = entry.iter().chain(parts.values().flatten());
    if not_production.is_empty() && !all.clone().all(|url| is_loopback(url)) {
        sheet.refuse_entry(
            &at,
            "nothing proves that this is not production",
            "say what only a test system answers: not-production: [ { get: /info, where: { /env: staging } } ]",
        );
    }
    Some(Endpoints {
        entry,
        parts,
        not_production,
    })
}

/// Reads that ask each replica need their addresses; a single replica is the entry itself.
fn addresses_of_copies(
    at: &At,
    system: &System,
    entry: &[String],
    parts: &mut BTreeMap<String, Vec<String>>,
    sheet: &Sheet,
) {
    let Some(first) = system.parts.first() else {
        return;
    };
    if parts.contains_key(&first.name) || sheet.has(&at.to("parts").to(&first.name)) {
        return;
    }
    if first.replicas == 1 && entry.len() == 1 {
        parts.insert(first.name.clone(), entry.to_vec());
        return;
    }
    let each = matches!(
        &system.read_back,
        Some(
            ReadBack::List {
                at_each_replica: true,
                ..
            } | ReadBack::ById {
                at_each_replica: true,
                ..
            }
        )
    );
    if each {
        sheet.refuse_entry(
            at,
            format!(
                "the read-back asks each replica, but the addresses of `{}` are missing",
                first.name
            ),
            format!(
                "such as parts: {{ {}: [{}] }}",
                first.name,
                example_addresses(first)
            ),
        );
    }
}

fn example_addresses(part: &Part) -> String {
    let example = |number| format!("http://127.0.0.1:{}", 8080 + number);
    let shown: Vec<String> = (1..=part.replicas.min(3)).map(example).collect();
    shown.join(", ")
}

pub(super) fn proofs(specs: &[ProofSpec], sheet: &Sheet) -> Vec<ProofOfTarget> {
    let names = sheet.keys(&At::of(&["secrets"]));
    let exchanges = Exchanges {
        sheet,
        secrets: &names,
        language: Language::of(sheet),
    };
    let mut proofs = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let at = At::of(&["not-production"]).item(index);
        match (&spec.cluster_uid, &spec.get) {
            (Some(_), None) => {}
            (None, Some(get)) => {
                let conditions = exchanges.some_conditions(&at, &spec.conditions);
                let get = exchanges.get(&at.to("get"), get, Use::Control);
                proofs.extend(get.map(|get| ProofOfTarget { get, conditions }));
            }
            (Some(_), Some(_)) | (None, None) => sheet.refuse_with(
                &at,
                "a proof is either `cluster-uid`, or `get` with `where`",
                "such as { get: /info, where: { /env: staging } }",
            ),
        }
    }
    proofs
}

pub(super) fn urls(at: &At, written: &[String], sheet: &Sheet) -> Option<Vec<String>> {
    if let Some(of_store) = store_urls(at, written, sheet) {
        return of_store;
    }
    let read = |(index, text): (usize, &String)| match base_url(text) {
        Ok(url) => Some(url),
        Err(why) => {
            sheet.refuse_with(
                &at.item(index),
                why,
                "write the scheme, host and port only: http://10.0.0.7:8080",
            );
            None
        }
    };
    let found: Vec<Option<String>> = written.iter().enumerate().map(read).collect();
    found.into_iter().collect()
}

/// `http://host:port` or `https://host:port` without a slash at the end.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let mut known = ["http://", "https://"].into_iter();
    let found = known.find_map(|scheme| Some((scheme, text.strip_prefix(scheme)?)));
    let Some((scheme, rest)) = found else {
        return Err(format!("`{}` is no address", crate::yaml::shortened(text)));
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let host_is_good = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.:[]".contains(c));
    let port_is_good = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if !host_is_good || !port_is_good {
        return Err(format!("`{}` is no address", crate::yaml::shortened(text)));
    }
    Ok(format!("{scheme}{rest}"))
}

fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    let host = host.split('/').next().unwrap_or(host);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let address = name.trim_matches(['[', ']']);
    name == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_scheme_host_and_port() {
        assert_eq!(
            base_url("http://127.0.0.1:80/").unwrap(),
            "http://127.0.0.1:80"
        );
        assert!(base_url("http://acme.internal").is_ok());
        assert_eq!(base_url("https://acme:8443/").unwrap(), "https://acme:8443");
        assert!(base_url("http://[::1]:8080").is_ok());
        for text in [
            "127.0.0.1:80",
            "ftp://a",
            "http://",
            "http://a:0",
            "http://a:x",
            "http://a/b",
            "http://u:p@a:1",
            "http://a b",
        ] {
            assert!(base_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_told_from_the_rest() {
        for url in [
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://localhost:1",
            "http://[::1]:1",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://10.0.0.1:1",
            "http://127.0.0.1.evil:1",
            "http://localhost.evil",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}

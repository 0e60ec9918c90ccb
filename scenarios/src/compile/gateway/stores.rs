//! Stores behind an engine as the system itself: how they are reached, and the servers that Shakedown starts. Of PostgreSQL, and
//! what it has in common with Redis.

use std::collections::BTreeMap;

use crate::plan::{
    EnvironmentPlan, GatewayPlan, LocalStandIn, Part, PostgreSqlGateway, PostgreSqlServers, System,
};
use crate::spec::Entries;
use crate::spec::profile::{PostgreSqlServersSpec, PostgreSqlSpec, ProfileSpec};
use crate::spec::scalar::{Duration, Id};

use super::language::Language;
use super::statements::codes;
use crate::compile::environment::base_url;
use crate::compile::human::time_text;
use crate::compile::references::instead;
use crate::compile::sheet::{At, Sheet};

/// Lines of postgresql.conf: those that Shakedown sets itself, and how values go.
pub(in crate::compile) const POSTGRESQL_LINES: (&[&str], &str) =
    (&OURS, "names of standbys go without quotes: ANY 1 (*)");

const OURS: [&str; 10] = [
    "data_directory",
    "hba_file",
    "ident_file",
    "config_file",
    "listen_addresses",
    "port",
    "unix_socket_directories",
    "hot_standby",
    "primary_conninfo",
    "dynamic_shared_memory_type",
];

/// Most servers of a store.
const LARGEST_CLUSTER: u32 = 5;
const LONGEST_PROMOTE_NS: u64 = 60_000_000_000;

pub(super) fn postgresql(
    at: &At,
    spec: &PostgreSqlSpec,
    profile: &ProfileSpec,
    sheet: &Sheet,
) -> PostgreSqlGateway {
    codes(&at.to("elsewhere"), &spec.elsewhere, sheet);
    no_containers(profile, sheet);
    PostgreSqlGateway {
        database: spec.database.0.clone(),
        elsewhere: spec.elsewhere.clone(),
    }
}

/// Stores are reached in the clear, and not in containers.
pub(super) fn no_containers(profile: &ProfileSpec, sheet: &Sheet) {
    if profile.tls.is_some() {
        sheet.not_supported(&At::of(&["tls"]), "TLS to a store");
    }
    for (name, is_there) in [
        ("docker", profile.environments.docker.is_some()),
        ("kubernetes", profile.environments.kubernetes.is_some()),
    ] {
        if is_there {
            let at = At::of(&["environments", name]);
            sheet.not_supported(&at, "a store in containers");
        }
    }
}

/// The part that servers are: the named one, else the first.
pub(super) fn part_of<'s>(
    at: &At,
    name: Option<&Id>,
    system: &'s System,
    sheet: &Sheet,
) -> Option<&'s Part> {
    let first = system.parts.first()?;
    let name = name.map_or(first.name.as_str(), |name| &name.0);
    let found = system.parts.iter().find(|part| part.name == name);
    if found.is_none() {
        let known: Vec<String> = system.parts.iter().map(|part| part.name.clone()).collect();
        sheet.refuse_with(
            at,
            format!("there is no part `{name}`"),
            instead(name, &known, "the parts are"),
        );
    }
    found
}

/// The part that servers on this machine play, of which there may not be too many.
pub(super) fn servers_of<'s>(
    at: &At,
    name: Option<&Id>,
    who: &str,
    system: &'s System,
    sheet: &Sheet,
) -> Option<&'s Part> {
    let part = part_of(&at.to("part"), name, system, sheet)?;
    not_too_many(at, part, who, sheet);
    Some(part)
}

pub(in crate::compile) fn not_too_many(at: &At, part: &Part, who: &str, sheet: &Sheet) {
    if part.replicas > LARGEST_CLUSTER {
        sheet.refuse_with(
            at,
            format!("{} servers on one machine", part.replicas),
            format!("at most {LARGEST_CLUSTER}: {who}"),
        );
    }
}

/// A value goes into a line of the server's configuration.
fn plain_value(at: &At, value: &str, hint: &str, sheet: &Sheet) {
    if value.contains(|c: char| c.is_control() || c == '\'' || c == '\\') {
        sheet.refuse_with(
            at,
            "a value holds no quotes, backslashes or line breaks",
            hint,
        );
    }
}

/// Addresses of a store, each as the store's URLs go on; `None`: the profile's gateway is none.
pub(in crate::compile) fn store_urls(
    at: &At,
    written: &[String],
    sheet: &Sheet,
) -> Option<Option<Vec<String>>> {
    let is_entry = at.is_under("entry");
    let master = sheet.text(&At::of(&["gateway", "redis", "master"]));
    let (wanted, such_as, scheme, behind) = match (Language::of(sheet), master) {
        (Language::Http, _) => return None,
        (Language::Sql, _) => {
            let database = sheet.text(&At::of(&["gateway", "postgresql", "database"]));
            let Some(database) = database else {
                return Some(None);
            };
            let behind = format!("/{database}");
            ("postgresql://", "5432", "postgresql://", behind)
        }
        (Language::Commands, Some(master)) if is_entry => (
            "redis://",
            "26379",
            "redis+sentinel://",
            format!("/{master}"),
        ),
        (Language::Commands, _) => ("redis://", "6379", "redis://", String::new()),
    };
    let read = |(index, text): (usize, &String)| {
        let host = text.strip_prefix(wanted);
        let found = host.and_then(|host| base_url(&format!("http://{host}")).ok());
        let authority = found.as_ref().and_then(|url| url.strip_prefix("http://"));
        let has_port = authority.and_then(|it| it.rsplit_once(':'));
        match (authority, has_port) {
            (Some(authority), Some((_, port))) if !port.ends_with(']') => {
                Some(format!("{scheme}{authority}{behind}"))
            }
            _ => {
                sheet.refuse_with(
                    &at.item(index),
                    format!(
                        "`{}` is no address of a store",
                        crate::yaml::shortened(text)
                    ),
                    format!("write the scheme, host and port only: {wanted}10.0.0.7:{such_as}"),
                );
                None
            }
        }
    };
    let found: Vec<Option<String>> = written.iter().enumerate().map(read).collect();
    Some(found.into_iter().collect())
}

pub(in crate::compile) fn servers(
    spec: &PostgreSqlServersSpec,
    system: &System,
    sheet: &Sheet,
) -> Option<EnvironmentPlan> {
    let at = At::of(&["environments", "local", "stand-in", "postgresql"]);
    let GatewayPlan::PostgreSql(_) = &system.gateway else {
        sheet.refuse_entry(
            &at,
            "the servers speak PostgreSQL, and the gateway does not",
            "write gateway: { postgresql: { database: … } }",
        );
        return None;
    };
    let part = servers_of(
        &at,
        spec.part.as_ref(),
        "a primary and its standbys",
        system,
        sheet,
    )?;
    if spec.schema.trim().is_empty() {
        sheet.refuse_with(
            &at.to("schema"),
            "nothing makes the table that orders go into",
            "such as create table orders (id text primary key)",
        );
    }
    Some(EnvironmentPlan::Local {
        stand_in: LocalStandIn::PostgreSql(PostgreSqlServers {
            part: part.name.clone(),
            schema: spec.schema.clone(),
            database: None,
            settings: settings(&at.to("settings"), &spec.settings, POSTGRESQL_LINES, sheet),
            promote_after_ns: promote_after(
                &at.to("promote-after"),
                spec.promote_after,
                part.replicas,
                sheet,
            ),
        }),
    })
}

/// Lines of a server's configuration, without those that Shakedown sets itself.
pub(in crate::compile) fn settings(
    at: &At,
    spec: &Entries<Id, String>,
    (ours, hint): (&[&str], &str),
    sheet: &Sheet,
) -> BTreeMap<String, String> {
    for (name, value) in spec.iter() {
        let at = at.to(&name.0);
        if ours.contains(&name.0.as_str()) {
            sheet.refuse_entry(
                &at,
                format!("Shakedown sets `{}` itself", name.0),
                "take it out",
            );
        }
        plain_value(&at, value, hint, sheet);
    }
    let pairs = spec.iter();
    pairs
        .map(|(name, value)| (name.0.clone(), value.clone()))
        .collect()
}

pub(in crate::compile) fn promote_after(
    at: &At,
    spec: Option<Duration>,
    servers: u32,
    sheet: &Sheet,
) -> Option<u64> {
    let after_ns = spec?.ns;
    if after_ns > LONGEST_PROMOTE_NS {
        sheet.refuse_with(
            at,
            format!("{} is too long to wait for", time_text(after_ns)),
            format!("at most {}", time_text(LONGEST_PROMOTE_NS)),
        );
    }
    if servers < 2 {
        sheet.refuse_entry(
            at,
            "there is one server, and no standby to promote",
            "write replicas: 2, or take it out",
        );
    }
    Some(after_ns)
}

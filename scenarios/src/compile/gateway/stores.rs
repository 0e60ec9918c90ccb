//! Stores behind an engine as the system itself: how they are reached, and the servers that Shakedown starts.

use std::collections::BTreeMap;

use crate::plan::{
    EnvironmentPlan, FaultKind as Kind, LocalStandIn, PostgreSqlGateway, PostgreSqlServers, System,
};
use crate::spec::profile::{PostgreSqlServersSpec, PostgreSqlSpec, ProfileSpec};

use super::statements::codes;
use crate::compile::human::time_text;
use crate::compile::references::instead;
use crate::compile::sheet::{At, Sheet};

/// What Shakedown sets itself.
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

const MOST_SERVERS: u32 = 5;
const LONGEST_PROMOTE_NS: u64 = 60_000_000_000;

pub(super) fn postgresql(
    at: &At,
    spec: &PostgreSqlSpec,
    profile: &ProfileSpec,
    sheet: &Sheet,
) -> PostgreSqlGateway {
    codes(&at.to("elsewhere"), &spec.elsewhere, sheet);
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
    PostgreSqlGateway {
        database: spec.database.0.clone(),
        elsewhere: spec.elsewhere.clone(),
    }
}

pub(in crate::compile) fn servers(
    spec: &PostgreSqlServersSpec,
    system: &System,
    sheet: &Sheet,
) -> Option<EnvironmentPlan> {
    let at = At::of(&["environments", "local", "stand-in", "postgresql"]);
    if !system.gateway.is_store() {
        sheet.refuse_entry(
            &at,
            "the servers speak PostgreSQL, and the gateway does not",
            "write gateway: { postgresql: { database: … } }",
        );
        return None;
    }
    let known: Vec<String> = system.parts.iter().map(|part| part.name.clone()).collect();
    let first = known.first()?;
    let name = spec.part.as_ref().map_or(first.as_str(), |part| &part.0);
    let Some(part) = system.parts.iter().find(|part| part.name == name) else {
        sheet.refuse_with(
            &at.to("part"),
            format!("there is no part `{name}`"),
            instead(name, &known, "the parts are"),
        );
        return None;
    };
    if part.replicas > MOST_SERVERS {
        sheet.refuse_with(
            &at,
            format!("{} servers on one machine", part.replicas),
            format!("at most {MOST_SERVERS}: a primary and its standbys"),
        );
    }
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
            settings: settings(&at.to("settings"), spec, sheet),
            promote_after_ns: promote_after(&at.to("promote-after"), spec, part.replicas, sheet),
        }),
    })
}

fn settings(at: &At, spec: &PostgreSqlServersSpec, sheet: &Sheet) -> BTreeMap<String, String> {
    for (name, value) in spec.settings.iter() {
        let at = at.to(&name.0);
        if OURS.contains(&name.0.as_str()) {
            sheet.refuse_entry(
                &at,
                format!("Shakedown sets `{}` itself", name.0),
                "take it out",
            );
        }
        if value.contains(|c: char| c.is_control() || c == '\'' || c == '\\') {
            sheet.refuse_with(
                &at,
                "a value holds no quotes, backslashes or line breaks",
                "names of standbys go without quotes: ANY 1 (*)",
            );
        }
    }
    let pairs = spec.settings.iter();
    pairs
        .map(|(name, value)| (name.0.clone(), value.clone()))
        .collect()
}

fn promote_after(
    at: &At,
    spec: &PostgreSqlServersSpec,
    servers: u32,
    sheet: &Sheet,
) -> Option<u64> {
    let after_ns = spec.promote_after?.ns;
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

/// Why a fault cannot be done to servers of several processes each; `None`: it can.
pub(in crate::compile) fn refusal(
    kind: &Kind,
    environment: Option<&EnvironmentPlan>,
) -> Option<(&'static str, &'static str)> {
    let Some(EnvironmentPlan::Local {
        stand_in: LocalStandIn::PostgreSql(_),
    }) = environment
    else {
        return None;
    };
    match kind {
        Kind::Freeze { .. }
        | Kind::ClockSkew { .. }
        | Kind::SlowDisk { .. }
        | Kind::FailingDisk { .. }
        | Kind::DiskFull { .. }
        | Kind::Cpu { .. }
        | Kind::Memory { .. }
        | Kind::OutOfMemory => Some((
            "a server of PostgreSQL is several processes, and this fault is done to one",
            "kill, restart, a fault on links, or a hook",
        )),
        Kind::Kill { .. }
        | Kind::Restart { .. }
        | Kind::Stop { .. }
        | Kind::Disconnect
        | Kind::CpuStress { .. }
        | Kind::Partition { .. }
        | Kind::Loss { .. }
        | Kind::Reset { .. }
        | Kind::Delay { .. }
        | Kind::Bandwidth { .. }
        | Kind::HalfOpen
        | Kind::Dns
        | Kind::Hook(_)
        | Kind::Cluster(_) => None,
    }
}

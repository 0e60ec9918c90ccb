//! Stores behind an engine, as parts.

use crate::compile::gateway::{
    POSTGRESQL_LINES, REDIS_LINES, not_too_many, promote_after, sentinels, settings,
};
use crate::compile::references::instead;
use crate::compile::sheet::At;
use crate::plan::{Part, PgBouncerServers, PostgreSqlServers, RedisServers};
use crate::spec::profile::{
    PgBouncerPlayerSpec, PlayerSpec, PostgreSqlPlayerSpec, RedisPlayerSpec,
};

use super::Stage;

/// The database that every server has.
const DATABASE: &str = "postgres";

/// Lines of PgBouncer's configuration: those that Shakedown sets itself, and how values go.
const PGBOUNCER_LINES: (&[&str], &str) = (
    &[
        "listen_addr",
        "listen_port",
        "unix_socket_dir",
        "auth_type",
        "user",
        "logfile",
        "pidfile",
    ],
    "write it as in pgbouncer.ini, without quotes",
);

impl Stage<'_> {
    pub(super) fn postgresql(
        &self,
        at: &At,
        spec: &PostgreSqlPlayerSpec,
        part: &Part,
    ) -> PostgreSqlServers {
        let sheet = self.sheet;
        not_too_many(at, part, "a primary and its standbys", sheet);
        let promote_after_ns = promote_after(
            &at.to("promote-after"),
            spec.promote_after,
            part.replicas,
            sheet,
        );
        PostgreSqlServers {
            part: part.name.clone(),
            database: Some(database(spec)),
            schema: spec.schema.clone().unwrap_or_default(),
            settings: settings(&at.to("settings"), &spec.settings, POSTGRESQL_LINES, sheet),
            promote_after_ns,
        }
    }

    pub(super) fn redis(
        &self,
        at: &At,
        spec: &RedisPlayerSpec,
        part: &Part,
    ) -> Option<RedisServers> {
        let sheet = self.sheet;
        not_too_many(at, part, "a master and its replicas", sheet);
        let settings = settings(&at.to("settings"), &spec.settings, REDIS_LINES, sheet);
        let watching = match &spec.sentinels {
            Some(watching) => {
                let master = spec.master.as_ref().map_or(&part.name, |name| &name.0);
                let at = at.to("sentinels");
                Some(sentinels(
                    &at,
                    watching,
                    &part.name,
                    master,
                    self.system,
                    sheet,
                )?)
            }
            None => {
                if spec.master.is_some() {
                    sheet.refuse_entry(
                        &at.to("master"),
                        "sentinels know the master by this name, and there are none",
                        "add sentinels: { part: sentinel, quorum: 2, down-after: 2s }, or take it out",
                    );
                }
                None
            }
        };
        Some(RedisServers {
            part: part.name.clone(),
            sentinels: watching,
            settings,
        })
    }

    pub(super) fn pgbouncer(
        &self,
        at: &At,
        spec: &PgBouncerPlayerSpec,
        part: &Part,
    ) -> Option<PgBouncerServers> {
        let sheet = self.sheet;
        not_too_many(at, part, "each by itself", sheet);
        let settings = settings(&at.to("settings"), &spec.settings, PGBOUNCER_LINES, sheet);
        let servers = self.specs.iter().filter_map(|(part, player)| match player {
            PlayerSpec::Postgresql(servers) => Some((part.0.clone(), servers)),
            _ => None,
        });
        let Some((of, servers)) = servers.clone().find(|(part, _)| *part == spec.of.0) else {
            let known: Vec<String> = servers.map(|(part, _)| part).collect();
            sheet.refuse_with(
                &at.to("of"),
                format!("no part `{}` is played by PostgreSQL", spec.of.0),
                instead(&spec.of.0, &known, "its parts are"),
            );
            return None;
        };
        Some(PgBouncerServers {
            of,
            database: database(servers),
            settings,
        })
    }
}

fn database(spec: &PostgreSqlPlayerSpec) -> String {
    let named = spec.database.as_ref();
    named.map_or(DATABASE, |name| &name.0).to_string()
}

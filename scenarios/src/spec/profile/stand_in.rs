//! Who plays which part of a system on this machine, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::Entries;
use crate::spec::scalar::{Duration, Id};

use super::environment::RedisSentinelsSpec;

/// Who plays a part.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PlayerSpec {
    /// The reference engine, one process for each replica.
    Engine(EnginePlayerSpec),
    /// A small market maker, which quotes to the venue.
    MarketMaker(MakerPlayerSpec),
    /// A service that this binary can be (`shakedown stand-in`), one process for each replica.
    Service(ServicePlayerSpec),
    /// The venue of the profile, which Shakedown plays.
    Venue(VenuePlayerSpec),
    /// Servers of PostgreSQL, from Debian's package postgresql-15: the first replica is the primary, the others are its
    /// standbys.
    Postgresql(PostgreSqlPlayerSpec),
    /// Servers of Redis, from Debian's package redis-server: the first replica is the master at the beginning, the others
    /// are its replicas.
    Redis(RedisPlayerSpec),
    /// Servers of NATS with JetStream, from Debian's package nats-server; several are a cluster.
    Nats(NatsPlayerSpec),
    /// Servers of InfluxDB, from Debian's package influxdb, each alone.
    Influxdb(InfluxDbPlayerSpec),
    /// PgBouncer in front of servers of PostgreSQL, from Debian's package pgbouncer: it leads to whoever is the primary.
    Pgbouncer(PgBouncerPlayerSpec),
}

/// Options of a program, by name without the dashes. `{{part.NAME.address}}` stands for the address (host and port) of the first
/// replica of a part, `{{part.NAME.addresses}}` for those of all, with commas between, `{{replica.NAME-2.address}}` for that of
/// one; whoever is named starts first.
pub(crate) type SettingsSpec = Entries<Id, String>;

/// Nodes of the reference engine.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct EnginePlayerSpec {
    /// What they stand for. Default: nothing but themselves.
    #[serde(rename = "as")]
    pub(crate) dialect: Option<EngineDialectSpec>,
    /// Further options of `shakedown engine node`, which may name addresses of other parts.
    #[serde(default)]
    pub(crate) settings: SettingsSpec,
}

/// What the reference engine can stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EngineDialectSpec {
    HiveMind,
    Hft,
}

/// The market maker.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MakerPlayerSpec {
    /// What it stands for. Default: nothing but itself.
    #[serde(rename = "as")]
    pub(crate) dialect: Option<MakerDialectSpec>,
    /// Further options of `shakedown engine maker`, which may name addresses of other parts.
    #[serde(default)]
    pub(crate) settings: SettingsSpec,
}

/// What the market maker can stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MakerDialectSpec {
    Flashmm,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ServicePlayerSpec {
    /// Which one.
    pub(crate) of: ServiceOfSpec,
    /// Where each replica answers over HTTP, at an address of its own. Default: 8080.
    pub(crate) port: Option<u16>,
    /// Its options, which may name addresses of other parts.
    #[serde(default)]
    pub(crate) settings: SettingsSpec,
}

/// Services that this binary can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ServiceOfSpec {
    Bot3,
    TradingApp,
    DataProcessor,
    MlService,
}

/// The venue, whose behaviour is the scenario's.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct VenuePlayerSpec {}

/// Servers of PostgreSQL behind an engine.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PostgreSqlPlayerSpec {
    /// Made at the start. Default: postgres, which is always there.
    pub(crate) database: Option<Id>,
    /// Statements that are executed once in that database, before whoever needs it starts. Default: none.
    pub(crate) schema: Option<String>,
    /// Lines of postgresql.conf, such as synchronous_commit.
    #[serde(default)]
    pub(crate) settings: Entries<Id, String>,
    /// The standby with the most data is promoted so long after the primary's death, as a cluster manager would do. Default:
    /// nobody promotes.
    pub(crate) promote_after: Option<Duration>,
}

/// Servers of Redis behind an engine.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RedisPlayerSpec {
    /// Sentinels that watch them and promote; the part that they are needs no player of its own. Default: none, and nobody
    /// promotes.
    pub(crate) sentinels: Option<RedisSentinelsSpec>,
    /// What the sentinels call the master. Default: the part's name.
    pub(crate) master: Option<Id>,
    /// Lines of redis.conf, such as appendfsync.
    #[serde(default)]
    pub(crate) settings: Entries<Id, String>,
}

/// Servers of NATS behind an engine.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct NatsPlayerSpec {}

/// Servers of InfluxDB behind an engine.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct InfluxDbPlayerSpec {
    /// Made at the start. Default: none.
    pub(crate) database: Option<Id>,
}

/// PgBouncer in front of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PgBouncerPlayerSpec {
    /// The part that the servers of PostgreSQL are.
    pub(crate) of: Id,
    /// Lines of the section `pgbouncer` of its configuration, such as pool_mode.
    #[serde(default)]
    pub(crate) settings: Entries<Id, String>,
}

//! Where a system can run, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::Entries;
use crate::spec::scalar::{Duration, Id};

use super::docker::DockerSpec;
use super::exchange::{GetSpec, WhereSpec};
use super::kubernetes::KubernetesSpec;
use super::stand_in::PlayerSpec;

/// Where a system can run.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct EnvironmentsSpec {
    /// Child processes of Shakedown on this machine.
    pub(crate) local: Option<LocalSpec>,
    /// Containers of a Docker Engine.
    pub(crate) docker: Option<DockerSpec>,
    /// Pods of a Kubernetes cluster.
    pub(crate) kubernetes: Option<KubernetesSpec>,
    /// Somebody else runs it; only endpoints are known.
    pub(crate) external: Option<ExternalSpec>,
}

/// Child processes of Shakedown.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LocalSpec {
    /// What plays the system on this machine.
    pub(crate) stand_in: StandInSpec,
}

/// What plays the system.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StandInSpec {
    /// The reference engine, one process for each replica.
    Engine(EngineSpec),
    /// A small market maker as the first part; Shakedown plays its venue.
    MarketMaker(MarketMakerSpec),
    /// Servers of PostgreSQL, from Debian's package postgresql-15: the first replica is the primary, the others are its
    /// standbys.
    Postgresql(PostgreSqlServersSpec),
    /// Servers of Redis, from Debian's package redis-server: the first replica is the master at the beginning, the others
    /// are its replicas.
    Redis(RedisServersSpec),
    /// Several parts, each played by somebody; every part of the profile has one.
    Parts(Entries<Id, PlayerSpec>),
}

/// Servers of Redis.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RedisServersSpec {
    /// The part that they are. Default: the first.
    pub(crate) part: Option<Id>,
    /// Sentinels that watch them and promote. Default: none, and nobody promotes.
    pub(crate) sentinels: Option<RedisSentinelsSpec>,
    /// Lines of redis.conf, such as appendfsync.
    #[serde(default)]
    pub(crate) settings: Entries<Id, String>,
}

/// Sentinels.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RedisSentinelsSpec {
    /// The part that they are.
    pub(crate) part: Id,
    /// So many have to find the master down.
    pub(crate) quorum: u32,
    /// Whoever has not answered for so long is down (down-after-milliseconds).
    pub(crate) down_after: Duration,
}

/// Servers of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PostgreSqlServersSpec {
    /// The part that they are. Default: the first.
    pub(crate) part: Option<Id>,
    /// Statements that are executed once before the load, such as `create table`.
    pub(crate) schema: String,
    /// Lines of postgresql.conf, such as synchronous_commit.
    #[serde(default)]
    pub(crate) settings: Entries<Id, String>,
    /// The standby with the most data is promoted so long after the primary's death, as a cluster manager would do. Default:
    /// nobody promotes.
    pub(crate) promote_after: Option<Duration>,
}

/// A small market maker.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MarketMakerSpec {}

/// The reference engine.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct EngineSpec {
    /// The part that it plays. Default: the first.
    pub(crate) part: Option<Id>,
}

/// Endpoints of a system that somebody else runs.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ExternalSpec {
    /// Base URLs for orders; sessions are spread over them.
    pub(crate) entry: Vec<String>,
    /// Base URL of each replica, by part, in order.
    #[serde(default)]
    pub(crate) parts: Entries<Id, Vec<String>>,
}

/// A proof that the target is not production: `cluster-uid`, or `get` with `where`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ProofSpec {
    /// UID of the cluster's `kube-system` namespace; for the environment kubernetes.
    pub(crate) cluster_uid: Option<String>,
    /// Asked of every entry.
    pub(crate) get: Option<GetSpec>,
    /// What the reply must say.
    #[serde(rename = "where", default)]
    pub(crate) conditions: WhereSpec,
}

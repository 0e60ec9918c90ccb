//! What plays the system in a local environment.

use std::collections::BTreeMap;

use serde::Serialize;

/// The stand-in that a local environment starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalStandIn {
    /// The reference engine: one process for each replica of the part.
    Engine { part: String },
    /// A market maker as the first part, and the venue that it quotes to.
    MarketMaker { part: String, venue: String },
    /// Servers of PostgreSQL: the first replica of the part is the primary, the others are its standbys.
    #[serde(rename = "postgresql")]
    PostgreSql(PostgreSqlServers),
    /// Servers of Redis: the first replica of the part is the master at the beginning, the others are its replicas.
    Redis(RedisServers),
    /// Every part is played by somebody of its own, in the order in which they start.
    Parts(Vec<PartPlayer>),
}

/// Who plays a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartPlayer {
    pub part: String,
    pub player: Player,
}

/// What plays a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Player {
    Engine(EnginePlayer),
    MarketMaker(MakerPlayer),
    /// A service of one of the systems that this binary can stand for.
    Service(ServicePlayer),
    /// Played by Shakedown itself.
    Venue,
    #[serde(rename = "postgresql")]
    PostgreSql(PostgreSqlServers),
    /// With the sentinels, which are a part without a player of its own.
    Redis(RedisServers),
    Nats(NatsServers),
    #[serde(rename = "influxdb")]
    InfluxDb(InfluxDbServers),
    #[serde(rename = "pgbouncer")]
    PgBouncer(PgBouncerServers),
}

/// Options of a program of Shakedown's own, by name without the dashes; what stands in the pieces is one value.
pub type Settings = BTreeMap<String, Vec<Piece>>;

/// A piece of a setting's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Piece {
    Text(String),
    /// The address of a replica.
    Address(String),
    /// Those of all replicas of a part, with commas between.
    Addresses(String),
}

/// Nodes of the reference engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EnginePlayer {
    /// What they stand for; `None`: nothing but themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<EngineDialect>,
    pub settings: Settings,
}

/// The market maker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MakerPlayer {
    /// What it stands for; `None`: nothing but itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<MakerDialect>,
    pub settings: Settings,
}

/// Replicas of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServicePlayer {
    pub of: Service,
    /// Where each answers over HTTP.
    pub port: u16,
    pub settings: Settings,
}

/// What the reference engine can stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineDialect {
    HiveMind,
    Hft,
}

/// What the market maker can stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MakerDialect {
    #[serde(rename = "flashmm")]
    FlashMm,
}

/// Services that this binary can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    Bot3,
    TradingApp,
    DataProcessor,
    MlService,
}

impl EnginePlayer {
    /// True for one that has ports of its own for health and metrics.
    pub fn keeps_ports(&self) -> bool {
        match self.dialect {
            Some(EngineDialect::HiveMind) => true,
            Some(EngineDialect::Hft) | None => false,
        }
    }
}

impl EngineDialect {
    /// As an option of the engine.
    pub fn name(self) -> &'static str {
        match self {
            EngineDialect::HiveMind => "hive-mind",
            EngineDialect::Hft => "hft",
        }
    }
}

impl MakerDialect {
    /// As an option of the market maker.
    pub fn name(self) -> &'static str {
        match self {
            MakerDialect::FlashMm => "flashmm",
        }
    }
}

impl Service {
    /// As a command of this binary.
    pub fn name(self) -> &'static str {
        match self {
            Service::Bot3 => "bot3",
            Service::TradingApp => "trading-app",
            Service::DataProcessor => "data-processor",
            Service::MlService => "ml-service",
        }
    }
}

/// Somebody else's server, which Shakedown starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    PostgreSql,
    Redis,
    Nats,
    InfluxDb,
    PgBouncer,
}

/// Servers of PostgreSQL that Shakedown starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostgreSqlServers {
    pub part: String,
    /// Made at the start, of a store behind an engine; `None`: that of the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Statements that are executed once, before the load.
    pub schema: String,
    /// Of every server, by name.
    pub settings: BTreeMap<String, String>,
    /// A standby is promoted so long after the primary's death; `None`: none ever is.
    pub promote_after_ns: Option<u64>,
}

/// Servers of Redis that Shakedown starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedisServers {
    pub part: String,
    /// The part that the sentinels are; `None`: nobody promotes.
    pub sentinels: Option<RedisSentinels>,
    /// Of every server, by name.
    pub settings: BTreeMap<String, String>,
}

/// Sentinels that watch them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedisSentinels {
    pub part: String,
    /// What they call the master.
    pub master: String,
    /// So many have to find the master down.
    pub quorum: u32,
    /// Whoever has not answered for so long is down.
    pub down_after_ns: u64,
}

/// Servers of NATS with JetStream, a cluster where there are several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NatsServers {}

/// Servers of InfluxDB, each alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InfluxDbServers {
    /// Made at the start.
    pub database: Option<String>,
}

/// PgBouncer in front of servers of PostgreSQL, which leads to whoever is the primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PgBouncerServers {
    /// The part that the servers are.
    pub of: String,
    /// Theirs.
    pub database: String,
    /// Lines of its configuration, by name.
    pub settings: BTreeMap<String, String>,
}

impl LocalStandIn {
    /// The store whose servers it is made of, for people.
    pub fn store(&self) -> Option<&'static str> {
        match self {
            LocalStandIn::Engine { .. }
            | LocalStandIn::MarketMaker { .. }
            | LocalStandIn::Parts(_) => None,
            LocalStandIn::PostgreSql(_) => Some(Server::PostgreSql.name()),
            LocalStandIn::Redis(_) => Some(Server::Redis.name()),
        }
    }

    /// True when some of it takes root and namespaces of its own, as somebody else's servers do.
    pub fn needs_namespaces(&self) -> bool {
        match self {
            LocalStandIn::Engine { .. } | LocalStandIn::MarketMaker { .. } => false,
            LocalStandIn::PostgreSql(_) | LocalStandIn::Redis(_) => true,
            LocalStandIn::Parts(players) => {
                let mut players = players.iter();
                players.any(|player| player.player.needs_namespaces())
            }
        }
    }

    /// True for a part whose health and metrics are at the ports that the profile names; else all is at one.
    pub fn keeps_ports(&self, part: &str) -> bool {
        match self {
            LocalStandIn::Engine { .. }
            | LocalStandIn::MarketMaker { .. }
            | LocalStandIn::PostgreSql(_)
            | LocalStandIn::Redis(_) => false,
            LocalStandIn::Parts(players) => players.iter().any(|player| {
                let of_part = player.part == part;
                of_part && matches!(&player.player, Player::Engine(own) if own.keeps_ports())
            }),
        }
    }

    /// The server that a part is played by; `None`: a program of Shakedown's own, or nobody.
    pub fn server_of(&self, part: &str) -> Option<Server> {
        match self {
            LocalStandIn::Engine { .. } | LocalStandIn::MarketMaker { .. } => None,
            LocalStandIn::PostgreSql(servers) => {
                (servers.part == part).then_some(Server::PostgreSql)
            }
            LocalStandIn::Redis(servers) => servers.has(part).then_some(Server::Redis),
            LocalStandIn::Parts(players) => {
                let mut players = players.iter();
                players.find(|player| player.has(part))?.player.server()
            }
        }
    }
}

impl PartPlayer {
    /// True when it plays this part, also beside another one.
    pub fn has(&self, part: &str) -> bool {
        match &self.player {
            Player::Redis(servers) => servers.has(part),
            Player::Engine(_)
            | Player::MarketMaker(_)
            | Player::Service(_)
            | Player::Venue
            | Player::PostgreSql(_)
            | Player::Nats(_)
            | Player::InfluxDb(_)
            | Player::PgBouncer(_) => self.part == part,
        }
    }
}

impl Player {
    /// True for servers, and for programs with ports that are always the same.
    pub fn needs_namespaces(&self) -> bool {
        match self {
            Player::Engine(player) => player.dialect.is_some(),
            Player::MarketMaker(player) => player.dialect.is_some(),
            Player::Venue => false,
            Player::Service(_)
            | Player::PostgreSql(_)
            | Player::Redis(_)
            | Player::Nats(_)
            | Player::InfluxDb(_)
            | Player::PgBouncer(_) => true,
        }
    }

    /// What its options say.
    pub fn settings(&self) -> Option<&Settings> {
        match self {
            Player::Engine(player) => Some(&player.settings),
            Player::MarketMaker(player) => Some(&player.settings),
            Player::Service(player) => Some(&player.settings),
            Player::Venue
            | Player::PostgreSql(_)
            | Player::Redis(_)
            | Player::Nats(_)
            | Player::InfluxDb(_)
            | Player::PgBouncer(_) => None,
        }
    }

    /// The server that it is; `None`: a program of Shakedown's own.
    pub fn server(&self) -> Option<Server> {
        match self {
            Player::Engine(_) | Player::MarketMaker(_) | Player::Service(_) | Player::Venue => None,
            Player::PostgreSql(_) => Some(Server::PostgreSql),
            Player::Redis(_) => Some(Server::Redis),
            Player::Nats(_) => Some(Server::Nats),
            Player::InfluxDb(_) => Some(Server::InfluxDb),
            Player::PgBouncer(_) => Some(Server::PgBouncer),
        }
    }
}

impl Server {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Server::PostgreSql => "PostgreSQL",
            Server::Redis => "Redis",
            Server::Nats => "NATS",
            Server::InfluxDb => "InfluxDB",
            Server::PgBouncer => "PgBouncer",
        }
    }

    /// True for one that is several processes.
    pub fn is_several(self) -> bool {
        match self {
            Server::PostgreSql => true,
            Server::Redis | Server::Nats | Server::InfluxDb | Server::PgBouncer => false,
        }
    }
}

impl RedisServers {
    /// True for the part that the servers are, and for that of their sentinels.
    pub fn has(&self, part: &str) -> bool {
        let sentinels = self.sentinels.as_ref();
        self.part == part || sentinels.is_some_and(|sentinels| sentinels.part == part)
    }
}

//! How the orders of the load get in. Whatever else is asked of an engine is asked over HTTP.

use std::net::SocketAddr;

use serde::Serialize;

use super::http::{Condition, JsonPointer, Template};
use super::system::Take;

/// How the orders of the load get in.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayPlan {
    /// By the requests of `orders`, at the entry.
    #[default]
    Http,
    /// By the same requests over HTTP/2.
    Http2,
    /// By the requests of `orders`, whose acknowledgements only say that they came; what became of an order is reported over
    /// WebSocket.
    Reported(Box<WebSocketGateway>),
    /// Length-prefixed frames (`docs/binary-gateway.md`).
    Binary(BinaryGateway),
    /// JSON texts over WebSocket.
    #[serde(rename = "websocket")]
    WebSocket(Box<WebSocketGateway>),
    /// FIX 4.4 (`docs/fix.md`).
    Fix(Box<FixGateway>),
    /// The statements of `orders`, at the entry, which is a PostgreSQL server (`docs/stores.md`).
    #[serde(rename = "postgresql")]
    PostgreSql(PostgreSqlGateway),
    /// The commands of `orders`, at a Redis server: the entry, or whom the entry names (`docs/stores.md`).
    Redis(RedisGateway),
}

/// PostgreSQL: each session of the load is a connection with the statements of `orders` prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostgreSqlGateway {
    pub database: String,
    /// SQLSTATEs with which a server says that it takes no orders: another one may.
    pub elsewhere: Vec<String>,
}

/// Redis: each session of the load is a connection to a master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedisGateway {
    /// The entries are sentinels, and this is what they call the master; `None`: the entries are servers.
    pub master: Option<String>,
}

/// Length-prefixed frames at a port of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BinaryGateway {
    /// At the host of each entry.
    pub port: u16,
    /// Most messages of a session that are written at once.
    pub batch: u32,
}

/// JSON texts over WebSocket (RFC 6455).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WebSocketGateway {
    /// At the host of each entry; `None`: that of the entry.
    pub port: Option<u16>,
    /// Of the handshake.
    pub path: String,
    /// Where an answer names the order that it is about, by the client's id.
    pub id: JsonPointer,
    pub new: MessageAction,
    pub cancel: Option<MessageAction>,
    pub replace: Option<MessageAction>,
    /// From acknowledgements; no headers.
    pub take: Take,
}

/// FIX 4.4: each session of the load is one FIX session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FixGateway {
    /// At the host of each entry.
    pub port: u16,
    /// SenderCompID; `{{session}}` stands for the session's number.
    pub sender: String,
    /// TargetCompID.
    pub target: String,
    /// HeartBtInt in seconds.
    pub heartbeat_s: u32,
    pub numbers: FixNumbers,
    /// From acknowledgements.
    pub take: FixTake,
    pub drop_copy: Option<FixDropCopy>,
}

/// For how long the sequence numbers of a session go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FixNumbers {
    /// All through the run, for each entry by itself: every entry keeps its own.
    EachEntry,
    /// All through the run, at whatever entry: they share them.
    AllEntries,
    /// Never beyond a connection: every Logon asks for new ones.
    EachLogon,
}

/// Tags of what is taken from an acknowledgement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FixTake {
    pub server_id: Option<u32>,
    pub sequence: Option<u32>,
    pub served_by: Option<u32>,
}

/// A session that gets a copy of every execution report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FixDropCopy {
    pub sender: String,
    pub target: String,
}

/// One kind of message and how its answers are read. What no answer matches is indeterminate; without conditions, no
/// answer does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageAction {
    pub send: Template,
    pub acked: Vec<Condition>,
    /// Definitely not executed, by the engine's rules.
    pub rejected: Vec<Condition>,
    /// Definitely not executed, for load.
    pub throttled: Vec<Condition>,
}

impl GatewayPlan {
    /// True when nothing has to be said of it in a profile.
    pub fn is_http(&self) -> bool {
        match self {
            GatewayPlan::Http => true,
            GatewayPlan::Http2
            | GatewayPlan::Reported(_)
            | GatewayPlan::Binary(_)
            | GatewayPlan::WebSocket(_)
            | GatewayPlan::Fix(_)
            | GatewayPlan::PostgreSql(_)
            | GatewayPlan::Redis(_) => false,
        }
    }

    /// True when the entries and replicas are asked in the language of a store, and not over HTTP.
    pub fn is_store(&self) -> bool {
        match self {
            GatewayPlan::PostgreSql(_) | GatewayPlan::Redis(_) => true,
            GatewayPlan::Http
            | GatewayPlan::Http2
            | GatewayPlan::Reported(_)
            | GatewayPlan::Binary(_)
            | GatewayPlan::WebSocket(_)
            | GatewayPlan::Fix(_) => false,
        }
    }

    /// The base URL of a replica whose requests are answered at this address.
    pub fn base_url(&self, address: SocketAddr) -> String {
        match self {
            GatewayPlan::PostgreSql(store) => {
                format!("{}://{address}/{}", self.scheme(), store.database)
            }
            GatewayPlan::Redis(_) => format!("redis://{address}"),
            GatewayPlan::Http
            | GatewayPlan::Http2
            | GatewayPlan::Reported(_)
            | GatewayPlan::Binary(_)
            | GatewayPlan::WebSocket(_)
            | GatewayPlan::Fix(_) => format!("http://{address}"),
        }
    }

    /// The base URL of an entry at this address: that of a replica, but where entries only name one.
    pub fn entry_url(&self, address: SocketAddr) -> String {
        match self {
            GatewayPlan::Redis(RedisGateway { master: Some(name) }) => {
                format!("{}://{address}/{name}", self.scheme())
            }
            GatewayPlan::Redis(RedisGateway { master: None })
            | GatewayPlan::Http
            | GatewayPlan::Http2
            | GatewayPlan::Reported(_)
            | GatewayPlan::Binary(_)
            | GatewayPlan::WebSocket(_)
            | GatewayPlan::Fix(_)
            | GatewayPlan::PostgreSql(_) => self.base_url(address),
        }
    }

    /// True when it is at the entries themselves.
    pub fn is_at_entry(&self) -> bool {
        match self {
            GatewayPlan::Http
            | GatewayPlan::Http2
            | GatewayPlan::Reported(_)
            | GatewayPlan::PostgreSql(_)
            | GatewayPlan::Redis(_) => true,
            GatewayPlan::Binary(_) | GatewayPlan::WebSocket(_) | GatewayPlan::Fix(_) => false,
        }
    }

    /// What reports on orders that enter another way.
    pub fn reports(&self) -> Option<&WebSocketGateway> {
        match self {
            GatewayPlan::Reported(reports) => Some(reports),
            GatewayPlan::Http
            | GatewayPlan::Http2
            | GatewayPlan::Binary(_)
            | GatewayPlan::WebSocket(_)
            | GatewayPlan::Fix(_)
            | GatewayPlan::PostgreSql(_)
            | GatewayPlan::Redis(_) => None,
        }
    }

    /// The scheme of the URLs at which it is.
    pub fn scheme(&self) -> &'static str {
        match self {
            GatewayPlan::Http | GatewayPlan::Http2 | GatewayPlan::Reported(_) => "http",
            GatewayPlan::Binary(_) => "tcp",
            GatewayPlan::WebSocket(_) => "ws",
            GatewayPlan::Fix(_) => "fix",
            GatewayPlan::PostgreSql(_) => "postgresql",
            GatewayPlan::Redis(RedisGateway { master: None }) => "redis",
            GatewayPlan::Redis(RedisGateway { master: Some(_) }) => "redis+sentinel",
        }
    }

    /// The same where it has TLS.
    pub fn secure_scheme(&self) -> &'static str {
        match self {
            GatewayPlan::Http | GatewayPlan::Http2 | GatewayPlan::Reported(_) => "https",
            GatewayPlan::Binary(_) => "tls",
            GatewayPlan::WebSocket(_) => "wss",
            GatewayPlan::Fix(_) => "fixs",
            GatewayPlan::PostgreSql(_) => "postgresqls",
            GatewayPlan::Redis(_) => "rediss",
        }
    }

    /// The port at each entry's host, where it is another one than the entry's.
    pub fn port(&self) -> Option<u16> {
        match self {
            GatewayPlan::Http
            | GatewayPlan::Http2
            | GatewayPlan::Reported(_)
            | GatewayPlan::PostgreSql(_)
            | GatewayPlan::Redis(_) => None,
            GatewayPlan::Binary(binary) => Some(binary.port),
            GatewayPlan::WebSocket(websocket) => websocket.port,
            GatewayPlan::Fix(fix) => Some(fix.port),
        }
    }
}

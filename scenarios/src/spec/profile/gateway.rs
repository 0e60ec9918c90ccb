//! How the orders of the load get in, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::scalar::{Duration, Id, Pointer};

use super::exchange::WhereSpec;
use super::orders::TakeSpec;

/// How the orders of the load get in. Probes, retries, clean-up and read-back stay with HTTP, by `orders` and
/// `read-back`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GatewaySpec {
    /// HTTP/1.1, by the requests of `orders`.
    Http,
    /// The same over HTTP/2, many on one connection: up to `session.in-flight`, and what the engine allows.
    Http2,
    /// HTTP/1.1, by the requests of `orders`, whose `acked` only says that an order came: what became of it is reported on
    /// another connection.
    Reported(Box<ReportedSpec>),
    /// Length-prefixed frames, as docs/binary-gateway.md specifies them.
    Binary(BinarySpec),
    /// JSON texts over WebSocket.
    Websocket(Box<WebSocketSpec>),
    /// FIX 4.4, as docs/fix.md specifies it.
    Fix(Box<FixSpec>),
    /// PostgreSQL, as docs/stores.md describes it: every request of the profile is a statement, `{ sql: … }`.
    Postgresql(PostgreSqlSpec),
    /// Redis, as docs/stores.md describes it: every request of the profile is a command, `{ command: […] }`.
    Redis(RedisSpec),
}

/// Redis at each entry, or whatever a sentinel at each entry names. User and password are those of `auth: { basic: … }`;
/// default none.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RedisSpec {
    /// The entries are sentinels, and this is what they call the master. Default: the entries are servers.
    pub(crate) master: Option<Id>,
}

/// PostgreSQL at each entry. User and password are those of `auth: { basic: … }`; without it, `postgres` and none.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PostgreSqlSpec {
    /// Where the orders are.
    pub(crate) database: Id,
    /// SQLSTATEs with which a server says that it takes no orders: the order was not sent, and the session goes on to the
    /// next entry. With 25006, a server that calls itself a standby is left before an order is sent. Default: none.
    #[serde(default)]
    pub(crate) elsewhere: Vec<String>,
}

/// FIX 4.4. Each session of the load is a FIX session. User and password of the Logon are those of `auth: { basic: … }`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FixSpec {
    /// The port at the host of each entry. A local stand-in without an address of its own takes a free one.
    pub(crate) port: u16,
    /// SenderCompID of the sessions, with {{session}} for the number of each.
    pub(crate) sender: String,
    /// TargetCompID.
    pub(crate) target: String,
    /// HeartBtInt, in whole seconds. Default: 10s.
    pub(crate) heartbeat: Option<Duration>,
    /// For how long sequence numbers go on. Default: each-entry.
    pub(crate) numbers: Option<FixNumbersSpec>,
    /// What is taken from an acknowledgement.
    #[serde(default)]
    pub(crate) take: FixTakeSpec,
    /// A session that gets a copy of every execution report, kept in the run directory. Default: none.
    pub(crate) drop_copy: Option<FixDropCopySpec>,
}

/// For how long the sequence numbers of a session go on. Every run begins with new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FixNumbersSpec {
    /// All through the run, for each entry by itself.
    EachEntry,
    /// All through the run, at whatever entry.
    AllEntries,
    /// For one connection: every Logon asks for new ones.
    EachLogon,
}

/// Tags of what is taken from an execution report that acknowledges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FixTakeSpec {
    /// The engine's id of the order, such as 37 (OrderID).
    pub(crate) server_id: Option<u32>,
    /// The engine's sequence number, such as 17 (ExecID) where that is a number.
    pub(crate) sequence: Option<u32>,
    /// Who answers, such as 50 (SenderSubID).
    pub(crate) served_by: Option<u32>,
}

/// A session that gets a copy of every execution report.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FixDropCopySpec {
    /// SenderCompID.
    pub(crate) sender: String,
    /// TargetCompID.
    pub(crate) target: String,
}

/// Length-prefixed frames.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BinarySpec {
    /// The port at the host of each entry. A local stand-in without an address of its own takes a free one.
    pub(crate) port: u16,
    /// Most messages of a session that are written at once; at most `session.in-flight`. Default: 1.
    pub(crate) batch: Option<u32>,
}

/// JSON texts over WebSocket, each a message or an answer. With `orders.identity: client`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WebSocketSpec {
    /// The port at the host of each entry. Default: that of the entry.
    pub(crate) port: Option<u16>,
    /// Begins with a slash.
    pub(crate) path: String,
    /// Where an answer names the order that it is about, by the client's id.
    pub(crate) id: Pointer,
    pub(crate) new: MessageSpec,
    /// Needed for cancels in the mix.
    pub(crate) cancel: Option<MessageSpec>,
    /// Needed for replaces in the mix.
    pub(crate) replace: Option<MessageSpec>,
    /// What is taken from an acknowledgement.
    #[serde(default)]
    pub(crate) take: TakeSpec,
}

/// Reports as JSON texts over WebSocket: a connection beside each of the session's, to the same host. With
/// `orders.identity: client`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ReportedSpec {
    /// The port at the host of each entry. Default: that of the entry.
    pub(crate) port: Option<u16>,
    /// Begins with a slash; with {{session}} for the number of each session, where the engine tells them apart by it.
    pub(crate) path: String,
    /// Where a report names the order that it is about, by the client's id.
    pub(crate) id: Pointer,
    pub(crate) new: ReportSpec,
    /// Needed for cancels in the mix.
    pub(crate) cancel: Option<ReportSpec>,
    /// Needed for replaces in the mix.
    pub(crate) replace: Option<ReportSpec>,
    /// What is taken from a report that acknowledges.
    #[serde(default)]
    pub(crate) take: TakeSpec,
}

/// How a report is read. One that matches nothing is indeterminate.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ReportSpec {
    /// The engine did it.
    pub(crate) acked: WhereSpec,
    /// The engine definitely did not do it, by its rules or because the order was already done.
    #[serde(default)]
    pub(crate) rejected: WhereSpec,
    /// The engine definitely did not do it, for load.
    #[serde(default)]
    pub(crate) throttled: WhereSpec,
}

/// A message. An answer that matches nothing is indeterminate.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MessageSpec {
    /// The text, a template as the bodies of `orders`.
    pub(crate) send: String,
    /// The engine did it.
    pub(crate) acked: WhereSpec,
    /// The engine definitely did not do it, by its rules or because the order was already done.
    #[serde(default)]
    pub(crate) rejected: WhereSpec,
    /// The engine definitely did not do it, for load.
    #[serde(default)]
    pub(crate) throttled: WhereSpec,
}

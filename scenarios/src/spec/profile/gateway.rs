//! How the orders of the load get in, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::Later;
use crate::spec::scalar::Pointer;

use super::exchange::WhereSpec;
use super::orders::TakeSpec;

/// How the orders of the load get in. Probes, retries, clean-up and read-back stay with HTTP, by `orders` and
/// `read-back`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GatewaySpec {
    /// HTTP/1.1, by the requests of `orders`.
    Http,
    /// Length-prefixed frames, as docs/binary-gateway.md specifies them.
    Binary(BinarySpec),
    /// JSON texts over WebSocket.
    Websocket(Box<WebSocketSpec>),
    #[schemars(skip)]
    Fix(Later),
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

//! How the orders of the load get in. Whatever else is asked of an engine is asked over HTTP.

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
    /// Length-prefixed frames (`docs/binary-gateway.md`).
    Binary(BinaryGateway),
    /// JSON texts over WebSocket.
    #[serde(rename = "websocket")]
    WebSocket(Box<WebSocketGateway>),
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
    /// True when orders enter as everything else does.
    pub fn is_http(&self) -> bool {
        match self {
            GatewayPlan::Http => true,
            GatewayPlan::Binary(_) | GatewayPlan::WebSocket(_) => false,
        }
    }

    /// The scheme of the URLs at which it is.
    pub fn scheme(&self) -> &'static str {
        match self {
            GatewayPlan::Http => "http",
            GatewayPlan::Binary(_) => "tcp",
            GatewayPlan::WebSocket(_) => "ws",
        }
    }

    /// The port at each entry's host, where it is another one than the entry's.
    pub fn port(&self) -> Option<u16> {
        match self {
            GatewayPlan::Http => None,
            GatewayPlan::Binary(binary) => Some(binary.port),
            GatewayPlan::WebSocket(websocket) => websocket.port,
        }
    }
}

//! Gateways: how a slot becomes bytes, and which slot an answer belongs to.
//!
//! ```text
//! room, sessions, books, desk      |  Gateway
//! what is asked, when, of whom --> |  encode(letter) --> bytes for the socket
//! the slot ends, once          <-- |  hear(bytes)    --> the answer to this slot, an aside, or garbage
//! ```
//!
//! The engine room knows no protocol and a gateway knows no schedule, no ledger and no socket. A gateway never decides
//! that a slot was sent or is lost: it says what bytes mean. What it cannot read is [`Heard::Malformed`], and what was
//! written and not answered then may have executed.

mod binary;
mod fix;
mod fix_orders;
mod fix_reports;
mod http;
mod http2;
mod kind;
mod plain;
mod postgresql;
mod redis;
mod reported;
mod said;
mod texts;
mod websocket;

pub(crate) use binary::BinaryOrders;
pub(crate) use fix::{FixOrders, FixParts};
pub(crate) use http::HttpOrders;
pub(crate) use http2::Http2Orders;
pub(crate) use kind::Gateway;
pub(crate) use plain::{PlainParts, PlainRequests, PlainStreams};
pub(crate) use postgresql::PostgreSqlOrders;
pub(crate) use redis::RedisOrders;
pub(crate) use reported::ReportedOrders;
pub(super) use said::{Heard, Judged, Letter};
pub(crate) use texts::OrderTexts;
pub(crate) use websocket::{WebSocketOrders, WebSocketParts};

//! The gateways, as a test sees them: what of a stream is a message, and how answers are written.

use shakedown_scenarios::plan::{BinaryGateway, GatewayPlan};

use crate::certificates::Shown;
use crate::stream::Stream;
use crate::{binary, fix, http, http2, reported, websocket};

/// A gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Http,
    Binary,
    /// The same with several messages in one write.
    Batches,
    WebSocket,
    Http2,
    /// The same with TLS below.
    HttpTls,
    BatchesTls,
    WebSocketTls,
    Http2Tls,
    Fix,
    FixTls,
    /// Orders over HTTP/1.1, acknowledged on another connection.
    Reported,
}

/// A message as the server read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The client's id of the order.
    pub id: String,
    pub kind: Kind,
    /// What the answer has to repeat besides, where it has to.
    pub number: u64,
    /// Price and quantity as texts, for new orders and replaces.
    pub terms: Option<(String, String)>,
}

/// What a message asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    New,
    Cancel,
    Replace,
}

/// What a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Done, under this sequence number.
    Done(u64),
    Rejected,
    Throttled,
    /// Nobody knows.
    Unknown,
}

impl Asked {
    /// The slot in the order id.
    pub fn slot(&self) -> u64 {
        self.id.rsplit('-').next().unwrap().parse().unwrap()
    }
}

impl Way {
    pub const ALL: [Way; 12] = [
        Way::Http,
        Way::Binary,
        Way::Batches,
        Way::WebSocket,
        Way::HttpTls,
        Way::BatchesTls,
        Way::WebSocketTls,
        Way::Http2,
        Way::Http2Tls,
        Way::Fix,
        Way::FixTls,
        Way::Reported,
    ];

    /// The same without TLS.
    pub fn bare(self) -> Way {
        match self {
            Way::Http | Way::HttpTls => Way::Http,
            Way::Binary => Way::Binary,
            Way::Batches | Way::BatchesTls => Way::Batches,
            Way::WebSocket | Way::WebSocketTls => Way::WebSocket,
            Way::Http2 | Way::Http2Tls => Way::Http2,
            Way::Reported => Way::Reported,
            Way::Fix | Way::FixTls => Way::Fix,
        }
    }

    /// What a server of it shows; nothing without TLS.
    pub fn shown(self) -> Option<Shown> {
        let protocols: &[&str] = match self.bare() {
            Way::Http2 => &["h2"],
            _ => &[],
        };
        (self.bare() != self).then_some(Shown {
            protocols,
            ..Shown::GOOD
        })
    }

    /// Of the URLs at which it is.
    pub fn scheme(self) -> &'static str {
        match self.bare() == self {
            true => self.plan().scheme(),
            false => self.plan().secure_scheme(),
        }
    }

    /// The profile's part.
    pub fn plan(self) -> GatewayPlan {
        match self {
            Way::Http | Way::HttpTls => GatewayPlan::Http,
            Way::Binary => GatewayPlan::Binary(BinaryGateway { port: 1, batch: 1 }),
            Way::Batches | Way::BatchesTls => {
                GatewayPlan::Binary(BinaryGateway { port: 1, batch: 4 })
            }
            Way::WebSocket | Way::WebSocketTls => websocket::plan(),
            Way::Http2 | Way::Http2Tls => GatewayPlan::Http2,
            Way::Reported => reported::plan(),
            Way::Fix | Way::FixTls => fix::plan(),
        }
    }

    /// Answers say which message they are to.
    pub fn correlates(self) -> bool {
        match self {
            Way::Http | Way::HttpTls => false,
            Way::Binary
            | Way::Batches
            | Way::BatchesTls
            | Way::WebSocket
            | Way::WebSocketTls
            | Way::Http2
            | Way::Http2Tls
            | Way::Fix
            | Way::FixTls
            | Way::Reported => true,
        }
    }

    /// The server's side of a new connection, before the first message; nothing when the client has gone.
    pub fn greet(self, stream: &mut Stream, received: &mut Vec<u8>) -> Option<fix::Wire> {
        let none = fix::Wire::default();
        match self {
            Way::Http | Way::HttpTls | Way::Binary | Way::Batches | Way::BatchesTls => Some(none),
            // It has begun before.
            Way::Reported => Some(none),
            Way::WebSocket | Way::WebSocketTls => websocket::greet(stream, received).map(|()| none),
            Way::Http2 | Way::Http2Tls => http2::greet(stream, received).map(|()| none),
            Way::Fix | Way::FixTls => fix::greet(stream, received),
        }
    }

    /// Answers as they go over the wire: those of FIX get their numbers in the order in which they are written.
    pub fn finish(self, wire: &mut fix::Wire, answers: Vec<u8>) -> Vec<u8> {
        match self.bare() {
            Way::Fix | Way::FixTls => fix::finish(wire, &answers),
            _ => answers,
        }
    }

    /// Takes the first whole message out of what was received.
    pub fn take(self, received: &mut Vec<u8>) -> Option<Asked> {
        match self {
            Way::Http | Way::HttpTls => http::take(received),
            Way::Binary | Way::Batches | Way::BatchesTls => binary::take(received),
            Way::WebSocket | Way::WebSocketTls => websocket::take(received),
            Way::Http2 | Way::Http2Tls => http2::take(received),
            Way::Reported => http::take(received),
            Way::Fix | Way::FixTls => fix::take(received),
        }
    }

    /// The bytes of an answer by `node`, before they are finished.
    pub fn answer(self, asked: &Asked, said: Said, node: &str) -> Vec<u8> {
        match self {
            Way::Http | Way::HttpTls => http::answer(asked, said, node),
            Way::Binary | Way::Batches | Way::BatchesTls => binary::answer(asked, said, node),
            Way::WebSocket | Way::WebSocketTls => websocket::answer(asked, said, node),
            Way::Http2 | Way::Http2Tls => http2::answer(asked, said, node),
            Way::Fix | Way::FixTls => fix::answer(asked, said, node),
            Way::Reported => reported::taken(asked),
        }
    }
}

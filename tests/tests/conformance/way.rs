//! The gateways, as a test sees them: what of a stream is a message, and how answers are written.

use std::net::TcpStream;

use shakedown_scenarios::plan::{BinaryGateway, GatewayPlan};

use crate::{binary, http, websocket};

/// A gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Http,
    Binary,
    /// The same with several messages in one write.
    Batches,
    WebSocket,
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
    pub const ALL: [Way; 4] = [Way::Http, Way::Binary, Way::Batches, Way::WebSocket];

    /// The profile's part.
    pub fn plan(self) -> GatewayPlan {
        match self {
            Way::Http => GatewayPlan::Http,
            Way::Binary => GatewayPlan::Binary(BinaryGateway { port: 1, batch: 1 }),
            Way::Batches => GatewayPlan::Binary(BinaryGateway { port: 1, batch: 4 }),
            Way::WebSocket => websocket::plan(),
        }
    }

    /// Answers say which message they are to.
    pub fn correlates(self) -> bool {
        match self {
            Way::Http => false,
            Way::Binary | Way::Batches | Way::WebSocket => true,
        }
    }

    /// The server's side of a new connection, before the first message; nothing when the client has gone.
    pub fn greet(self, stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<()> {
        match self {
            Way::Http | Way::Binary | Way::Batches => Some(()),
            Way::WebSocket => websocket::greet(stream, received),
        }
    }

    /// Takes the first whole message out of what was received.
    pub fn take(self, received: &mut Vec<u8>) -> Option<Asked> {
        match self {
            Way::Http => http::take(received),
            Way::Binary | Way::Batches => binary::take(received),
            Way::WebSocket => websocket::take(received),
        }
    }

    /// The bytes of an answer by `node`.
    pub fn answer(self, asked: &Asked, said: Said, node: &str) -> Vec<u8> {
        match self {
            Way::Http => http::answer(asked, said, node),
            Way::Binary | Way::Batches => binary::answer(asked, said, node),
            Way::WebSocket => websocket::answer(asked, said, node),
        }
    }
}

//! The gateways as one closed set.

use std::collections::VecDeque;

use super::binary::BinaryOrders;
use super::http::HttpOrders;
use super::plain::PlainRequests;
use super::said::{Heard, Judged, Letter};
use super::websocket::WebSocketOrders;
use crate::engine::session::Flight;

/// How a thread's sessions speak with the engine, with what each of them has read of its connection so far.
#[derive(Debug)]
pub(crate) enum Gateway {
    /// Orders over HTTP/1.1, by the profile's templates.
    Http(Box<HttpOrders>),
    /// One HTTP/1.1 request again and again.
    Plain(Box<PlainRequests>),
    /// Orders in length-prefixed frames.
    Binary(Box<BinaryOrders>),
    /// Orders as JSON texts over WebSocket.
    WebSocket(Box<WebSocketOrders>),
}

impl Gateway {
    /// Most messages of a session that are written at once.
    pub fn batch(&self) -> usize {
        match self {
            Gateway::Http(_) | Gateway::Plain(_) | Gateway::WebSocket(_) => 1,
            Gateway::Binary(binary) => binary.batch(),
        }
    }

    /// A session has a new connection to an entry address: what was half read is forgotten. What has to be said before
    /// letters is appended to `hello`; then they have to wait for [`Heard::Open`].
    pub fn begin(&mut self, session: usize, address: usize, hello: &mut Vec<u8>) {
        match self {
            Gateway::Http(http) => http.begin(session),
            Gateway::Plain(plain) => plain.begin(session),
            Gateway::Binary(binary) => binary.begin(session),
            Gateway::WebSocket(websocket) => websocket.begin(session, address, hello),
        }
    }

    /// The bytes of a letter, appended to `out` or, where they never change, as they are.
    pub fn encode<'a>(&'a mut self, letter: &Letter<'_>, out: &'a mut Vec<u8>) -> &'a [u8] {
        match self {
            Gateway::Http(http) => {
                http.encode(letter, out);
                out
            }
            Gateway::Plain(plain) => plain.encode(letter, out),
            Gateway::Binary(binary) => {
                binary.encode(letter, out);
                out
            }
            Gateway::WebSocket(websocket) => {
                websocket.encode(letter, out);
                out
            }
        }
    }

    /// Reads on in a session's connection, whose slots in flight are `flight`; `bytes` is not empty. What has to be said in
    /// return at once is appended to `reply`.
    pub fn hear(
        &mut self,
        session: usize,
        flight: &VecDeque<Flight>,
        bytes: &[u8],
        reply: &mut Vec<u8>,
    ) -> Heard {
        match self {
            Gateway::Http(http) => http.hear(session, flight, bytes),
            Gateway::Plain(plain) => plain.hear(session, flight, bytes),
            Gateway::Binary(binary) => binary.hear(session, flight, bytes),
            Gateway::WebSocket(websocket) => websocket.hear(session, flight, bytes, reply),
        }
    }

    /// The server has closed in good order: the answer to the oldest slot in flight, where that was its end.
    pub fn end(&mut self, session: usize, flight: &VecDeque<Flight>) -> Option<Judged> {
        match self {
            Gateway::Http(http) => http.end(session, flight),
            Gateway::Plain(plain) => plain.end(session, flight),
            // No frame ends with the stream.
            Gateway::Binary(_) | Gateway::WebSocket(_) => None,
        }
    }
}

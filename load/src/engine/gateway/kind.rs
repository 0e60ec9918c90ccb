//! The gateways as one closed set.

use std::collections::{BTreeMap, VecDeque};

use super::binary::BinaryOrders;
use super::fix::FixOrders;
use super::http::HttpOrders;
use super::http2::Http2Orders;
use super::plain::{PlainRequests, PlainStreams};
use super::postgresql::PostgreSqlOrders;
use super::redis::RedisOrders;
use super::reported::ReportedOrders;
use super::said::{Heard, Judged, Letter};
use super::websocket::WebSocketOrders;
use crate::engine::session::Flight;
use crate::postgresql::append_terminate;

/// How a thread's sessions speak with the engine, with what each of them has read of its connection so far.
#[derive(Debug)]
pub(crate) enum Gateway {
    /// Orders over HTTP/1.1, by the profile's templates.
    Http(Box<HttpOrders>),
    /// The same over HTTP/2.
    Http2(Box<Http2Orders>),
    /// Orders over HTTP/1.1, acknowledged on another connection.
    Reported(Box<ReportedOrders>),
    /// One HTTP/1.1 request again and again.
    Plain(Box<PlainRequests>),
    /// The same over HTTP/2.
    Streams(Box<PlainStreams>),
    /// Orders in length-prefixed frames.
    Binary(Box<BinaryOrders>),
    /// Orders as JSON texts over WebSocket.
    WebSocket(Box<WebSocketOrders>),
    /// Orders over FIX 4.4.
    Fix(Box<FixOrders>),
    /// Orders as statements of PostgreSQL.
    PostgreSql(Box<PostgreSqlOrders>),
    /// Orders as commands of Redis.
    Redis(Box<RedisOrders>),
}

impl Gateway {
    /// Most messages of a session that are written at once.
    pub fn batch(&self) -> usize {
        match self {
            Gateway::Http(_)
            | Gateway::Http2(_)
            | Gateway::Reported(_)
            | Gateway::Plain(_)
            | Gateway::Streams(_)
            | Gateway::WebSocket(_)
            | Gateway::Fix(_)
            | Gateway::PostgreSql(_)
            | Gateway::Redis(_) => 1,
            Gateway::Binary(binary) => binary.batch(),
        }
    }

    /// Most messages of a session's present connection that the server lets be unanswered at a time.
    pub fn most_in_flight(&self, session: usize) -> usize {
        match self {
            Gateway::Http2(http2) => http2.most_in_flight(session),
            Gateway::Streams(streams) => streams.most_in_flight(session),
            Gateway::Http(_)
            | Gateway::Reported(_)
            | Gateway::Plain(_)
            | Gateway::Binary(_)
            | Gateway::WebSocket(_)
            | Gateway::Fix(_)
            | Gateway::PostgreSql(_)
            | Gateway::Redis(_) => usize::MAX,
        }
    }

    /// A session has a new connection to an entry address: what was half read is forgotten. What has to be said before
    /// letters is appended to `hello`; then they have to wait for [`Heard::Open`]. `is_led`: not to the entry itself, but to
    /// where [`Heard::Led`] has led it from there.
    pub fn begin(&mut self, session: usize, address: usize, is_led: bool, hello: &mut Vec<u8>) {
        match self {
            Gateway::Http(http) => http.begin(session),
            Gateway::Http2(http2) => http2.begin(session, hello),
            Gateway::Reported(reported) => reported.begin(session, address, hello),
            Gateway::Plain(plain) => plain.begin(session),
            Gateway::Streams(streams) => streams.begin(session, hello),
            Gateway::Binary(binary) => binary.begin(session),
            Gateway::WebSocket(websocket) => websocket.begin(session, address, hello),
            Gateway::Fix(fix) => fix.begin(session, address, hello),
            Gateway::PostgreSql(store) => store.begin(session, hello),
            Gateway::Redis(store) => store.begin(session, is_led, hello),
        }
    }

    /// The bytes of a letter, appended to `out` or, where they never change, as they are.
    pub fn encode<'a>(&'a mut self, letter: &Letter<'_>, out: &'a mut Vec<u8>) -> &'a [u8] {
        match self {
            Gateway::Http(http) => {
                http.encode(letter, out);
                out
            }
            Gateway::Http2(http2) => {
                http2.encode(letter, out);
                out
            }
            Gateway::Reported(reported) => {
                reported.encode(letter, out);
                out
            }
            Gateway::Plain(plain) => plain.encode(letter, out),
            Gateway::Streams(streams) => {
                streams.encode(letter, out);
                out
            }
            Gateway::Binary(binary) => {
                binary.encode(letter, out);
                out
            }
            Gateway::WebSocket(websocket) => {
                websocket.encode(letter, out);
                out
            }
            Gateway::Fix(fix) => {
                fix.encode(letter, out);
                out
            }
            Gateway::PostgreSql(store) => {
                store.encode(letter, out);
                out
            }
            Gateway::Redis(store) => {
                store.encode(letter, out);
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
            Gateway::Http2(http2) => http2.hear(session, flight, bytes, reply),
            Gateway::Reported(reported) => reported.hear(session, flight, bytes, reply),
            Gateway::Plain(plain) => plain.hear(session, flight, bytes),
            Gateway::Streams(streams) => streams.hear(session, flight, bytes, reply),
            Gateway::Binary(binary) => binary.hear(session, flight, bytes),
            Gateway::WebSocket(websocket) => websocket.hear(session, flight, bytes, reply),
            Gateway::Fix(fix) => fix.hear(session, flight, bytes, reply),
            Gateway::PostgreSql(store) => store.hear(session, flight, bytes, reply),
            Gateway::Redis(store) => store.hear(session, flight, bytes),
        }
    }

    /// The server has closed in good order: the answer to the oldest slot in flight, where that was its end.
    pub fn end(&mut self, session: usize, flight: &VecDeque<Flight>) -> Option<Judged> {
        match self {
            Gateway::Http(http) => http.end(session, flight),
            Gateway::Plain(plain) => plain.end(session, flight),
            // No frame ends with the stream.
            Gateway::Http2(_)
            | Gateway::Streams(_)
            | Gateway::Binary(_)
            | Gateway::WebSocket(_)
            | Gateway::Fix(_)
            | Gateway::PostgreSql(_)
            | Gateway::Redis(_)
            // What is not known whole is not known to have come.
            | Gateway::Reported(_) => None,
        }
    }

    /// How often each HTTP status was answered, where that is all that an answer is judged by.
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        match self {
            Gateway::Plain(plain) => plain.statuses(),
            Gateway::Streams(streams) => streams.statuses(),
            Gateway::Http(_)
            | Gateway::Http2(_)
            | Gateway::Reported(_)
            | Gateway::Binary(_)
            | Gateway::WebSocket(_)
            | Gateway::Fix(_)
            | Gateway::PostgreSql(_)
            | Gateway::Redis(_) => BTreeMap::new(),
        }
    }

    /// What is said of a message on one connection can still be said on the next one: slots in flight wait for that, and
    /// the session goes back to where it was as long as somebody is there.
    pub fn resumes(&self) -> bool {
        match self {
            Gateway::Http(_)
            | Gateway::Http2(_)
            | Gateway::Reported(_)
            | Gateway::Plain(_)
            | Gateway::Streams(_)
            | Gateway::Binary(_)
            | Gateway::WebSocket(_)
            | Gateway::PostgreSql(_)
            | Gateway::Redis(_) => false,
            Gateway::Fix(_) => true,
        }
    }

    /// A connection whose handshake is under way has caught up: letters can be sent, and of slots that were in flight
    /// before, nothing more will be said. Of gateways that say so by [`Heard::Open`], never.
    pub fn is_in_step(&self, session: usize) -> bool {
        match self {
            Gateway::Http(_)
            | Gateway::Http2(_)
            | Gateway::Reported(_)
            | Gateway::Plain(_)
            | Gateway::Streams(_)
            | Gateway::Binary(_)
            | Gateway::WebSocket(_)
            | Gateway::PostgreSql(_)
            | Gateway::Redis(_) => false,
            Gateway::Fix(fix) => fix.is_in_step(session),
        }
    }

    /// Time has passed on a session that is up: what has to be said now is appended to `out`. False when the server has
    /// not kept to it and the connection has to go.
    pub fn tick(&mut self, session: usize, out: &mut Vec<u8>) -> bool {
        match self {
            Gateway::Http(_)
            | Gateway::Http2(_)
            | Gateway::Reported(_)
            | Gateway::Plain(_)
            | Gateway::Streams(_)
            | Gateway::Binary(_)
            | Gateway::WebSocket(_)
            | Gateway::PostgreSql(_)
            | Gateway::Redis(_) => true,
            Gateway::Fix(fix) => fix.tick(session, out),
        }
    }

    /// The run is over: the last words on a session that is up.
    pub fn leave(&mut self, session: usize, out: &mut Vec<u8>) {
        match self {
            Gateway::Http(_)
            | Gateway::Http2(_)
            | Gateway::Reported(_)
            | Gateway::Plain(_)
            | Gateway::Streams(_)
            | Gateway::Binary(_)
            | Gateway::WebSocket(_)
            | Gateway::Redis(_) => {}
            Gateway::Fix(fix) => fix.leave(session, out),
            Gateway::PostgreSql(_) => append_terminate(out),
        }
    }
}

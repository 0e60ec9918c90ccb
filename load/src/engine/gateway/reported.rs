//! Orders over HTTP/1.1 that are acknowledged on another connection: an answer only says that the message came, and a report
//! over WebSocket, joined by the order's id, what became of it.
//!
//! Sessions from half of all on listen to reports, each for the one that many before it.

use std::collections::VecDeque;

use shakedown_record::Outcome;

use super::http::HttpOrders;
use super::said::{Heard, Letter};
use super::websocket::WebSocketOrders;
use crate::engine::session::{Flight, Stage};

/// Orders over HTTP/1.1 that are acknowledged on another connection.
#[derive(Debug)]
pub(crate) struct ReportedOrders {
    http: HttpOrders,
    reports: WebSocketOrders,
    sessions: usize,
}

impl ReportedOrders {
    /// For so many sessions, and as many that listen.
    pub fn new(http: HttpOrders, reports: WebSocketOrders, sessions: usize) -> ReportedOrders {
        ReportedOrders {
            http,
            reports,
            sessions,
        }
    }

    pub(super) fn begin(&mut self, session: usize, address: usize, hello: &mut Vec<u8>) {
        match session.checked_sub(self.sessions) {
            None => self.http.begin(session),
            Some(session) => self.reports.begin(session, address, hello),
        }
    }

    pub(super) fn encode(&mut self, letter: &Letter<'_>, out: &mut Vec<u8>) {
        self.http.encode(letter, out);
    }

    /// `flight` is that of the session for which a listener listens.
    pub(super) fn hear(
        &mut self,
        session: usize,
        flight: &VecDeque<Flight>,
        bytes: &[u8],
        reply: &mut Vec<u8>,
    ) -> Heard {
        if let Some(session) = session.checked_sub(self.sessions) {
            return self.reports.hear(session, flight, bytes, reply);
        }
        let place = flight
            .iter()
            .position(|flight| flight.stage != Stage::Taken);
        let Some(place) = place else {
            return Heard::Unasked;
        };
        match self.http.hear_at(session, flight, place, bytes) {
            Heard::Answer {
                used,
                place,
                judged,
                close,
            } if judged.outcome == Outcome::Acked => Heard::Taken { used, place, close },
            other => other,
        }
    }
}

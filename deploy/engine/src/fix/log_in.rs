//! The same session from the other side: our own Logon at an acceptor, and its answer.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::fields::Fields;
use super::session::{Asked, Names, Session};
use super::wire::Message;

impl Session {
    /// A session that logs on by itself, with new numbers at first.
    pub(crate) fn initiator(names: Names, heartbeat: Duration, most_kept: usize) -> Self {
        let mut session = Self::new(names, most_kept);
        session.heartbeat = heartbeat;
        session
    }

    /// A new connection: our Logon is written to it. Where the numbers do not fit, it asks for new ones.
    pub(crate) fn log_in(&mut self, line: mpsc::UnboundedSender<Vec<u8>>) {
        self.line = Some(line);
        self.connection += 1;
        self.gap = None;
        self.tested = None;
        (self.heard, self.spoke) = (Instant::now(), Instant::now());
        let reset = self.is_unfit;
        if reset {
            (self.next, self.expected) = (1, 1);
            self.sent.clear();
        }
        let fields = Fields::default()
            .with(98, 0)
            .with(108, self.heartbeat.as_secs())
            .maybe(141, reset.then_some("Y"));
        self.write("A", &fields);
    }

    /// The acceptor's first message; [`Asked::End`] when it does not let us in.
    pub(crate) fn let_in(&mut self, answer: Message) -> Asked {
        if answer.kind() != "A" {
            self.is_unfit = true;
            return Asked::End;
        }
        if answer.get(141) == Some("Y") && !self.is_unfit {
            // The acceptor does not know us: our Logon was the first message of a new session.
            (self.next, self.expected) = (2, 1);
            self.sent.clear();
        }
        self.is_unfit = false;
        let asked = self.receive(answer);
        self.is_unfit = asked == Asked::End;
        asked
    }

    /// Nothing more goes to the connection.
    pub(crate) fn leave(&mut self) {
        self.line = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::wire::sealed;

    fn session() -> Session {
        let names = Names {
            own: "maker-1".to_owned(),
            client: "VENUE".to_owned(),
            node: "maker-1".to_owned(),
        };
        Session::initiator(names, Duration::from_secs(1), 10)
    }

    fn said(kind: &str, number: u64, more: &str) -> Message {
        let more = more.replace('|', "\x01");
        let body = format!("35={kind}\x0149=VENUE\x0156=maker-1\x0134={number}\x01{more}");
        Message::take(&mut sealed(&body)).unwrap().unwrap()
    }

    /// Logs in; the numbers of our messages, and whether new numbers were asked for.
    fn log_in(session: &mut Session) -> (mpsc::UnboundedReceiver<Vec<u8>>, u64, bool) {
        let (line, mut lines) = mpsc::unbounded_channel();
        session.log_in(line);
        let logon = Message::take(&mut lines.try_recv().unwrap())
            .unwrap()
            .unwrap();
        assert_eq!(logon.kind(), "A");
        let number = logon.number(34).unwrap();
        (lines, number, logon.get(141) == Some("Y"))
    }

    #[test]
    fn numbers_go_on_and_what_was_missed_is_asked_for() {
        let mut session = session();
        let (_lines, number, reset) = log_in(&mut session);
        assert_eq!((number, reset), (1, true));
        assert_eq!(session.let_in(said("A", 1, "141=Y|")), Asked::Nothing);
        assert!(matches!(session.receive(said("8", 2, "")), Asked::Order(_)));
        session.write("D", &Fields::default().with(11, "a"));
        let (mut lines, number, reset) = log_in(&mut session);
        assert_eq!((number, reset), (3, false));
        assert_eq!(session.let_in(said("A", 5, "")), Asked::Nothing);
        let asked = Message::take(&mut lines.try_recv().unwrap())
            .unwrap()
            .unwrap();
        assert_eq!((asked.kind(), asked.get(7)), ("2", Some("3")));
        let again = said("8", 3, "43=Y|122=20260101-00:00:00.000|");
        assert!(matches!(session.receive(again), Asked::Order(_)));
        let twice = said("8", 3, "43=Y|122=20260101-00:00:00.000|");
        assert_eq!(session.receive(twice), Asked::Nothing);
    }

    #[test]
    fn who_is_not_let_in_or_not_known_begins_again() {
        let mut session = session();
        log_in(&mut session);
        session.let_in(said("A", 1, "141=Y|"));
        log_in(&mut session);
        assert_eq!(session.let_in(said("5", 2, "58=too low|")), Asked::End);
        assert!(log_in(&mut session).2);
        session.let_in(said("A", 1, "141=Y|"));
        session.write("D", &Fields::default());
        assert!(!log_in(&mut session).2);
        assert_eq!(session.let_in(said("A", 1, "141=Y|")), Asked::Nothing);
        assert_eq!((session.next, session.expected), (2, 2));
    }
}

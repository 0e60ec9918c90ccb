//! The Logon of a client: whose numbers fit, and whose begin again.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::fields::Fields;
use super::session::{Asked, Session};
use super::wire::Message;

impl Session {
    /// A client logs on with a new connection, in place of an earlier one; [`Asked::End`] when it is refused.
    pub(super) fn log_on(
        &mut self,
        logon: &Message,
        line: mpsc::UnboundedSender<Vec<u8>>,
    ) -> Asked {
        self.line = Some(line);
        self.connection += 1;
        self.gap = None;
        self.tested = None;
        (self.heard, self.spoke) = (Instant::now(), Instant::now());
        let number = logon.number(34).unwrap_or(0);
        // Nothing is known of a client that goes on: this node has not seen it, or not for long.
        let is_unknown = (self.next, self.expected) == (1, 1) && number > 1;
        let reset = logon.get(141) == Some("Y") || is_unknown;
        if reset {
            (self.next, self.expected) = (1, 1);
            self.sent.clear();
            self.copied = 0;
            self.renew_journal(true);
        }
        let number = if is_unknown { 1 } else { number };
        if number < self.expected {
            return self.too_low(number);
        }
        if let Some(s) = logon.number(108).filter(|s| (1..=3_600).contains(s)) {
            self.heartbeat = Duration::from_secs(s);
        }
        let fields = Fields::default()
            .with(98, 0)
            .with(108, self.heartbeat.as_secs())
            .maybe(141, reset.then_some("Y"));
        self.write("A", &fields);
        if number > self.expected {
            self.ask_again(number);
        } else {
            self.expected += 1;
        }
        Asked::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::session::Names;
    use crate::fix::wire::sealed;

    type Line = mpsc::UnboundedReceiver<Vec<u8>>;

    fn session(most_kept: usize) -> Session {
        let names = Names {
            own: "ENGINE".to_owned(),
            client: "C".to_owned(),
            node: "n1".to_owned(),
        };
        Session::new(names, most_kept)
    }

    fn message(kind: &str, number: u64, more: &str) -> Message {
        let more = more.replace('|', "\x01");
        let body = format!("35={kind}\x0149=C\x0156=ENGINE\x0134={number}\x01{more}");
        Message::take(&mut sealed(&body)).unwrap().unwrap()
    }

    fn log_on(session: &mut Session, number: u64, more: &str) -> (Asked, Line) {
        let (line, lines) = mpsc::unbounded_channel();
        let more = format!("98=0|108=5|{more}");
        (session.log_on(&message("A", number, &more), line), lines)
    }

    /// Types and numbers of what was written.
    fn written(lines: &mut Line) -> Vec<(String, u64)> {
        let mut written = Vec::new();
        while let Ok(mut bytes) = lines.try_recv() {
            let message = Message::take(&mut bytes).unwrap().unwrap();
            let repeat = if message.get(43) == Some("Y") {
                "again "
            } else {
                ""
            };
            written.push((
                format!("{repeat}{}", message.kind()),
                message.number(34).unwrap(),
            ));
        }
        written
    }

    fn list(written: &[(&str, u64)]) -> Vec<(String, u64)> {
        let owned = written
            .iter()
            .map(|(kind, number)| ((*kind).to_owned(), *number));
        owned.collect()
    }

    #[test]
    fn a_client_that_goes_on_gets_what_it_missed() {
        let mut session = session(100);
        let (asked, _gone) = log_on(&mut session, 1, "141=Y|");
        assert_eq!(asked, Asked::Nothing);
        for _ in 0..2 {
            session.write("8", &Fields::default().with(11, "a"));
        }
        let (_, mut lines) = log_on(&mut session, 2, "");
        session.receive(message("2", 3, "7=2|16=0|"));
        assert_eq!(
            written(&mut lines),
            list(&[("A", 4), ("again 8", 2), ("again 8", 3), ("again 4", 4)])
        );
        assert_eq!(session.expected, 4);
    }

    #[test]
    fn what_is_not_kept_any_more_is_a_gap() {
        let mut session = session(2);
        let (_, mut lines) = log_on(&mut session, 1, "141=Y|");
        for _ in 0..4 {
            session.write("8", &Fields::default());
        }
        written(&mut lines);
        session.receive(message("2", 2, "7=2|16=0|"));
        assert_eq!(
            written(&mut lines),
            list(&[("again 4", 2), ("again 8", 4), ("again 8", 5)])
        );
    }

    #[test]
    fn a_client_that_nobody_knows_begins_again() {
        let mut session = session(9);
        let (_, mut lines) = log_on(&mut session, 77, "");
        let mut bytes = lines.try_recv().unwrap();
        let logon = Message::take(&mut bytes).unwrap().unwrap();
        assert_eq!((logon.get(141), logon.number(34)), (Some("Y"), Some(1)));
        assert_eq!((session.next, session.expected), (2, 2));
    }

    #[test]
    fn numbers_too_low_end_the_connection_and_too_high_are_asked_for() {
        let mut session = session(9);
        let (_, mut lines) = log_on(&mut session, 1, "");
        assert_eq!(session.receive(message("D", 5, "11=a|")), Asked::Nothing);
        assert_eq!(session.receive(message("D", 6, "11=b|")), Asked::Nothing);
        assert_eq!(written(&mut lines), list(&[("A", 1), ("2", 2)]));
        assert_eq!(
            session.receive(message("4", 2, "43=Y|123=Y|36=7|")),
            Asked::Nothing
        );
        assert!(matches!(
            session.receive(message("D", 7, "11=c|")),
            Asked::Order(_)
        ));
        assert_eq!(
            session.receive(message("D", 7, "43=Y|11=c|")),
            Asked::Nothing
        );
        assert_eq!(session.receive(message("D", 7, "11=c|")), Asked::End);
        assert_eq!(log_on(&mut session, 3, "").0, Asked::End);
    }
}

//! The venue's FIX sessions, without sockets: bytes of a connection in, lines of the log and bytes out.
//!
//! A session is known by the CompID of who logs on, and outlives its connections and the venue's process: the log has the
//! numbers of both directions and of every report. A report that nobody is there to hear gets its number all the same, is
//! missed by it at the next Logon, and is sent again (PossDupFlag).

use std::collections::BTreeMap;

use shakedown_record::venue::{VenueEvent, VenueLine, VenueReport};
use shakedown_scenarios::plan::VenueFix;

use super::desk::Desk;
use super::fix_message::{Asked, kind, read, write};
use crate::fix::{Event, Message, Numbers, Role, Session, Settings, tags};

/// All sessions.
#[derive(Debug)]
pub(super) struct Acceptor {
    fix: VenueFix,
    utc_offset_ns: u64,
    sessions: BTreeMap<String, Known>,
}

/// A session.
#[derive(Debug)]
struct Known {
    session: Session,
    /// Its numbers, as the log has them.
    noted: Numbers,
    /// The connection that it is on.
    line: Option<u64>,
}

/// What has to be done with a connection after its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    GoOn,
    /// It ends after what is to be written to it.
    End,
}

/// Where what happens on a connection goes.
pub(super) struct Heard<'a> {
    pub(super) now_ns: u64,
    pub(super) desk: &'a mut Desk,
    pub(super) events: &'a mut Vec<VenueEvent>,
    pub(super) out: &'a mut Vec<u8>,
}

impl Acceptor {
    /// Goes on from the log of earlier processes; `desk` has done so, too.
    pub(super) fn resume(
        fix: VenueFix,
        utc_offset_ns: u64,
        lines: &[VenueLine],
        desk: &Desk,
    ) -> Acceptor {
        let mut acceptor = Acceptor {
            fix,
            utc_offset_ns,
            sessions: BTreeMap::new(),
        };
        for line in lines {
            match &line.event {
                VenueEvent::Numbers {
                    session,
                    out,
                    expected,
                    reset,
                } => {
                    let numbers = Numbers {
                        out: *out,
                        expected: *expected,
                    };
                    let known = acceptor.known(session);
                    known.session.go_on(numbers, *reset);
                    known.noted = numbers;
                }
                VenueEvent::Report(report) => acceptor.remember(report, line.at_ns, desk),
                VenueEvent::Started { .. }
                | VenueEvent::Logon { .. }
                | VenueEvent::Gone { .. }
                | VenueEvent::Order(_)
                | VenueEvent::Cancel { .. }
                | VenueEvent::Malformed { .. } => {}
            }
        }
        acceptor
    }

    fn remember(&mut self, report: &VenueReport, at_ns: u64, desk: &Desk) {
        let Some(number) = report.number else {
            return;
        };
        let known = self.known(&report.session);
        let order = desk.known(&report.session, &report.id);
        let at = known.session.utc(at_ns);
        let fill = |pen: &mut crate::fix::Pen| write(report, order, &at, pen);
        known.session.keep(number, at_ns, kind(report.report), fill);
        known.noted = known.session.numbers();
    }

    fn known(&mut self, session: &str) -> &mut Known {
        let settings = || Settings {
            role: Role::Acceptor,
            own: self.fix.comp_id.clone(),
            other: session.to_string(),
            own_sub: None,
            heartbeat_s: 30,
            // All of them: what a session was told is in memory anyway.
            kept: usize::MAX,
            login: None,
            utc_offset_ns: self.utc_offset_ns,
        };
        let entry = self.sessions.entry(session.to_string());
        entry.or_insert_with(|| Known {
            session: Session::new(settings()),
            noted: Numbers::FIRST,
            line: None,
        })
    }

    /// The first message of a connection: the session that it is from now on.
    ///
    /// # Errors
    /// Why it is none, for people.
    pub(super) fn open(
        &mut self,
        first: &Message<'_>,
        line: u64,
        now_ns: u64,
    ) -> Result<String, String> {
        if first.kind() != b"A" {
            return Err("the first message has to be a Logon".to_string());
        }
        if first.get(tags::TARGET_COMP_ID) != Some(self.fix.comp_id.as_bytes()) {
            let own = &self.fix.comp_id;
            return Err(format!("TargetCompID (56) of the Logon is not {own}"));
        }
        let client = first.text(tags::SENDER_COMP_ID);
        let Some(client) = client.filter(|id| !id.is_empty()) else {
            return Err("the Logon has no SenderCompID (49)".to_string());
        };
        let known = self.known(client);
        known.line = Some(line);
        // An acceptor says nothing before the other's Logon.
        known.session.connect(false, now_ns, &mut Vec::new());
        Ok(client.to_string())
    }

    /// True while this is the session's newest connection.
    pub(super) fn is_on_line(&self, session: &str, line: u64) -> bool {
        let known = self.sessions.get(session);
        known.is_some_and(|known| known.line == Some(line))
    }

    /// A connection has ended.
    pub(super) fn gone(&mut self, session: &str, line: u64) {
        if let Some(known) = self.sessions.get_mut(session)
            && known.line == Some(line)
        {
            known.line = None;
        }
    }

    /// Hears bytes of a session's connection.
    pub(super) fn hear(&mut self, name: &str, mut bytes: &[u8], heard: Heard<'_>) -> Then {
        let tag = self.fix.tag;
        let Some(known) = self.sessions.get_mut(name) else {
            return Then::End;
        };
        let Heard {
            now_ns,
            desk,
            events,
            out,
        } = heard;
        while !bytes.is_empty() {
            let said = known.session.hear(bytes, now_ns, out);
            bytes = &bytes[said.used..];
            let asked = match said.event {
                Event::More => break,
                Event::Aside => continue,
                Event::End(_) => return Then::End,
                Event::LoggedOn { reset } => {
                    events.push(VenueEvent::Logon {
                        session: name.to_string(),
                        after: desk.after(name, 0).len() as u64,
                    });
                    if reset {
                        events.push(known.numbers(name, true));
                    }
                    continue;
                }
                Event::Said(message) => {
                    let is_repeat = message.says_yes(tags::POSS_DUP_FLAG);
                    (read(&message, name, tag), is_repeat)
                }
            };
            match asked {
                // It may have come before, and has: nothing is done twice.
                (Asked::New(order), true) if desk.known(name, &order.id).is_some() => {}
                (Asked::New(order), _) => {
                    desk.order(now_ns, &order);
                    events.push(VenueEvent::Order(order));
                }
                (Asked::Cancel { id, request }, _) => {
                    desk.cancel(now_ns, name, &id, Some(request.clone()));
                    events.push(VenueEvent::Cancel {
                        session: name.to_string(),
                        id,
                        request: Some(request),
                    });
                }
                (Asked::Unfit(unfit), _) => {
                    known
                        .session
                        .send(b"j", now_ns, out, |pen| unfit.write(pen));
                    events.push(malformed(name, unfit.why));
                }
                (Asked::Complaint(why), _) => events.push(malformed(name, why)),
            }
        }
        Then::GoOn
    }

    /// Gives a report of a FIX session its number and appends it to what its connection is to be sent; `out` tells which that
    /// is. Those of other sessions stay as they are.
    pub(super) fn report<'o>(
        &mut self,
        report: &mut VenueReport,
        desk: &Desk,
        now_ns: u64,
        out: impl FnOnce(u64) -> Option<&'o mut Vec<u8>>,
    ) {
        let Some(known) = self.sessions.get_mut(&report.session) else {
            return;
        };
        let order = desk.known(&report.session, &report.id);
        let at = known.session.utc(now_ns);
        let mut nowhere = Vec::new();
        let line = known.line.filter(|_| known.session.is_on());
        let out = line.and_then(out).unwrap_or(&mut nowhere);
        let kind = kind(report.report);
        let fill = |pen: &mut crate::fix::Pen| write(report, order, &at, pen);
        let number = known.session.send(kind, now_ns, out, fill);
        report.number = Some(number);
        known.noted.out = number + 1;
    }

    /// Heartbeats of a session on a connection, and questions to who is silent.
    pub(super) fn tick(&mut self, name: &str, now_ns: u64, out: &mut Vec<u8>) -> Then {
        match self.sessions.get_mut(name) {
            Some(known) => match known.session.tick(now_ns, out) {
                Ok(()) => Then::GoOn,
                Err(_) => Then::End,
            },
            None => Then::End,
        }
    }

    /// Lines with the numbers that the log does not have yet.
    pub(super) fn note_numbers(&mut self, events: &mut Vec<VenueEvent>) {
        for (name, known) in &mut self.sessions {
            if known.noted != known.session.numbers() {
                events.push(known.numbers(name, false));
            }
        }
    }
}

impl Known {
    /// The line with its numbers.
    fn numbers(&mut self, name: &str, reset: bool) -> VenueEvent {
        self.noted = self.session.numbers();
        VenueEvent::Numbers {
            session: name.to_string(),
            out: self.noted.out,
            expected: self.noted.expected,
            reset,
        }
    }
}

fn malformed(session: &str, why: String) -> VenueEvent {
    VenueEvent::Malformed {
        session: Some(session.to_string()),
        why,
    }
}

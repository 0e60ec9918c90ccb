//! One session with a client, over all its connections.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::fields::Fields;
use super::journal::Journal;
use super::wire::{Message, sealed, utc_now};

/// One message that was written. Messages of the session itself are kept as well: their numbers count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) kind: String,
    pub(super) at: String,
    pub(super) fields: String,
}

/// Who the two ends are.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// Our CompID.
    pub(crate) own: String,
    /// The client's CompID; where we log on ourselves, the other's.
    pub(crate) client: String,
    /// Our SenderSubID: the node.
    pub(crate) node: String,
}

/// What a message asks of the engine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing: it was of the session itself.
    Nothing,
    /// An application message.
    Order(Message),
    /// The connection is to end.
    End,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) names: Names,
    /// Number of the next message that is written.
    pub(super) next: u64,
    /// Number of the next message that is to come.
    pub(super) expected: u64,
    pub(super) sent: VecDeque<Sent>,
    /// Most messages that are kept.
    pub(super) most_kept: usize,
    pub(super) journal: Option<Journal>,
    /// Where bytes for the present connection go.
    pub(super) line: Option<mpsc::UnboundedSender<Vec<u8>>>,
    /// Counts connections.
    pub(super) connection: u64,
    pub(super) heartbeat: Duration,
    /// Lower numbers were missing and are asked for, up to this one.
    pub(super) gap: Option<u64>,
    pub(super) spoke: Instant,
    pub(super) heard: Instant,
    pub(super) tested: Option<Instant>,
    /// How many reports a drop copy has had.
    pub(super) copied: u64,
    /// Where we log on ourselves: the numbers do not fit the other's, so that the next Logon asks for new ones.
    pub(super) is_unfit: bool,
}

impl Session {
    /// A session that nobody has logged on to.
    pub(crate) fn new(names: Names, most_kept: usize) -> Self {
        let now = Instant::now();
        Self {
            names,
            next: 1,
            expected: 1,
            sent: VecDeque::new(),
            most_kept,
            journal: None,
            line: None,
            connection: 0,
            heartbeat: Duration::from_secs(30),
            gap: None,
            spoke: now,
            heard: now,
            tested: None,
            copied: 0,
            is_unfit: true,
        }
    }

    /// Writes a message: it gets its number and is kept, also when nobody is connected.
    pub(crate) fn write(&mut self, kind: &str, fields: &Fields) {
        let sent = Sent {
            number: self.next,
            kind: kind.to_owned(),
            at: utc_now(),
            fields: fields.text().to_owned(),
        };
        self.next += 1;
        let expected = self.expected;
        if let Some(journal) = self.journal.take() {
            let added = journal.added(&sent, expected);
            self.journal = added.inspect_err(|error| self.is_forgetful(error)).ok();
        }
        self.put(&sent, "");
        self.sent.push_back(sent);
        if self.sent.len() > self.most_kept {
            self.sent.pop_front();
            self.renew_journal(false);
        }
    }

    pub(super) fn renew_journal(&mut self, always: bool) {
        if let Some(journal) = self.journal.take() {
            let renewed = journal.renewed(self.sent.iter(), self.expected, always);
            self.journal = renewed.inspect_err(|error| self.is_forgetful(error)).ok();
        }
    }

    fn is_forgetful(&self, error: &io::Error) {
        tracing::warn!(%error, client = self.names.client, "a session has no journal any more");
    }

    /// Hands a message to the connection, if there is one.
    fn put(&mut self, sent: &Sent, repeat: &str) {
        let Some(line) = &self.line else {
            return;
        };
        let Names { own, client, node } = &self.names;
        let at = match repeat {
            "" => sent.at.clone(),
            _ => utc_now(),
        };
        let body = format!(
            "35={}\x0149={own}\x0156={client}\x0134={}\x0150={node}\x0152={at}\x01{repeat}{}",
            sent.kind, sent.number, sent.fields
        );
        if line.send(sealed(&body)).is_err() {
            self.line = None;
        }
        self.spoke = Instant::now();
    }

    /// A message of a client that is logged on.
    pub(crate) fn receive(&mut self, message: Message) -> Asked {
        self.heard = Instant::now();
        self.tested = None;
        let is_named =
            message.get(49) == Some(&self.names.client) && message.get(56) == Some(&self.names.own);
        let Some(number) = message.number(34).filter(|_| is_named) else {
            return self.log_out("CompID or MsgSeqNum is missing or wrong");
        };
        let is_repeat = message.get(43) == Some("Y");
        let kind = message.kind().to_owned();
        if kind == "4" && message.get(123) != Some("Y") {
            return self.move_on(&message, number, self.expected);
        }
        if number < self.expected {
            return match is_repeat {
                true => Asked::Nothing,
                false => self.too_low(number),
            };
        }
        if number > self.expected {
            match kind.as_str() {
                "2" => self.send_again(&message),
                "5" => return self.log_out(""),
                _ => {}
            }
            self.ask_again(number);
            return Asked::Nothing;
        }
        self.expected += 1;
        let asked = self.act(message, number, &kind);
        if self.gap.is_some_and(|gap| self.expected > gap) {
            self.gap = None;
        }
        asked
    }

    fn act(&mut self, message: Message, number: u64, kind: &str) -> Asked {
        match kind {
            "0" | "3" | "A" => Asked::Nothing,
            "1" => {
                self.write("0", &Fields::default().maybe(112, message.get(112)));
                Asked::Nothing
            }
            "2" => {
                self.send_again(&message);
                Asked::Nothing
            }
            "4" => self.move_on(&message, number, number + 1),
            "5" => self.log_out(""),
            _ => Asked::Order(message),
        }
    }

    /// SequenceReset: numbers only ever go up.
    fn move_on(&mut self, message: &Message, number: u64, least: u64) -> Asked {
        match message.number(36).filter(|next| *next >= least) {
            Some(next) => {
                self.expected = next;
                if self.gap.is_some_and(|gap| next > gap) {
                    self.gap = None;
                }
            }
            None => self.write(
                "3",
                &Fields::default()
                    .with(45, number)
                    .with(371, 36)
                    .with(373, 5),
            ),
        }
        Asked::Nothing
    }

    /// Says Logout: the connection is to end.
    pub(crate) fn log_out(&mut self, why: &str) -> Asked {
        let why = (!why.is_empty()).then_some(why);
        self.write("5", &Fields::default().maybe(58, why));
        Asked::End
    }

    pub(super) fn too_low(&mut self, number: u64) -> Asked {
        let expected = self.expected;
        self.log_out(&format!(
            "MsgSeqNum too low, expecting {expected} but received {number}"
        ))
    }

    /// Asks once for all that is missing before `number`.
    pub(super) fn ask_again(&mut self, number: u64) {
        let asked = self.gap.is_some();
        self.gap = Some(self.gap.unwrap_or(0).max(number));
        if !asked {
            self.write("2", &Fields::default().with(7, self.expected).with(16, 0));
        }
    }

    /// Answers a ResendRequest: reports once more, and everything else as gaps.
    fn send_again(&mut self, request: &Message) {
        let last = self.next - 1;
        let mut next = request.number(7).unwrap_or(1).max(1);
        let to = match request.number(16) {
            None | Some(0) => last,
            Some(to) => to.min(last),
        };
        let first = self.sent.partition_point(|sent| sent.number < next);
        let known: Vec<Sent> = self.sent.range(first..).cloned().collect();
        let is_application =
            |sent: &&Sent| !matches!(&*sent.kind, "0" | "1" | "2" | "3" | "4" | "5" | "A");
        for sent in known.iter().filter(is_application) {
            if sent.number > to {
                break;
            }
            if sent.number > next {
                self.fill_gap(next, sent.number);
            }
            self.put(sent, &format!("43=Y\x01122={}\x01", sent.at));
            next = sent.number + 1;
        }
        if next <= to {
            self.fill_gap(next, to + 1);
        }
    }

    fn fill_gap(&mut self, number: u64, next: u64) {
        let at = utc_now();
        let repeat = format!("43=Y\x01122={at}\x01");
        let gap = Sent {
            number,
            kind: "4".to_owned(),
            at,
            fields: Fields::default()
                .with(123, "Y")
                .with(36, next)
                .text()
                .to_owned(),
        };
        self.put(&gap, &repeat);
    }

    /// Heartbeats, and questions to a client that is silent; false when it does not answer them.
    pub(crate) fn tick(&mut self) -> bool {
        let patience = self.heartbeat + self.heartbeat / 5;
        if self.spoke.elapsed() >= self.heartbeat {
            self.write("0", &Fields::default());
        }
        match self.tested {
            Some(tested) => tested.elapsed() < patience,
            None => {
                if self.heard.elapsed() >= patience {
                    self.tested = Some(Instant::now());
                    self.write("1", &Fields::default().with(112, self.next));
                }
                true
            }
        }
    }
}

//! One FIX session over all its connections, without sockets and clocks: bytes and moments in, bytes and events out.
//!
//! ```text
//! Off --connect/accept--> Logon --Logon of the other--> On --Logout, silence, a number too low--> Off
//! ```
//!
//! The numbers of both directions outlive a connection, and so do the messages that may have to be sent again.

use super::inbound::{Inbound, Taken};
use super::kept::Kept;
use super::message::Message;
use super::pen::{Pen, UtcTime};
use super::settings::{Role, Settings};
use super::tags;

/// The numbers of the next messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// That we write.
    pub out: u64,
    /// That we expect.
    pub expected: u64,
}

impl Numbers {
    /// Of a new session.
    pub const FIRST: Numbers = Numbers {
        out: 1,
        expected: 1,
    };
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Off,
    /// The other's Logon is expected.
    Logon,
    On,
    /// We have said Logout.
    Leaving,
}

/// What a message was.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// All bytes are taken in, and nothing is complete.
    More,
    /// It was of the session itself, a duplicate, or garbled: dealt with.
    Aside,
    /// The other's Logon. Messages can be sent; [`Session::is_in_sync`] tells whether any is missing.
    LoggedOn {
        /// Both directions began again at 1: nothing of before will be sent again.
        reset: bool,
    },
    /// An application message, or a Reject of the session layer (type 3), each number once.
    Said(Message<'a>),
    /// The connection has to end, after what was written.
    End(End),
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum End {
    #[error("this is not FIX 4.4")]
    NotFix,
    #[error("the other has logged out")]
    LoggedOut,
    #[error("the other refuses the logon")]
    Refused,
    #[error("the other's number is lower than expected")]
    TooLow,
    #[error("the other does not keep to the protocol")]
    Protocol,
    #[error("the other is silent, also when asked")]
    Silent,
}

/// What the next bytes were.
#[derive(Debug)]
pub struct Heard<'a> {
    /// Bytes that are taken in; the rest is still to be heard.
    pub used: usize,
    pub event: Event<'a>,
}

/// One end of a session.
#[derive(Debug)]
pub struct Session {
    inbound: Inbound,
    pub(super) core: Core,
}

/// All of a session but what was half read.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) settings: Settings,
    pub(super) numbers: Numbers,
    pub(super) state: State,
    /// The highest number that came while lower ones were missing; those were asked for.
    pub(super) gap: Option<u64>,
    /// Our last Logon asked for new numbers.
    pub(super) asked_reset: bool,
    /// The numbers do not fit the other's: the next Logon asks for new ones.
    pub(super) unfit: bool,
    pub(super) kept: Kept,
    pub(super) pen: Pen,
    pub(super) heartbeat_ns: u64,
    pub(super) sent_ns: u64,
    pub(super) heard_ns: u64,
    /// When a TestRequest was sent that is not answered.
    pub(super) tested_ns: Option<u64>,
}

impl Session {
    /// A session that was never logged on.
    pub fn new(settings: Settings) -> Session {
        Session::resumed(settings, Numbers::FIRST)
    }

    /// A session that goes on with these numbers; what was sent before is filled as gaps.
    pub fn resumed(settings: Settings, numbers: Numbers) -> Session {
        let core = Core {
            heartbeat_ns: u64::from(settings.heartbeat_s.max(1)) * 1_000_000_000,
            kept: Kept::new(settings.kept),
            settings,
            numbers,
            state: State::Off,
            gap: None,
            asked_reset: false,
            unfit: false,
            pen: Pen::default(),
            sent_ns: 0,
            heard_ns: 0,
            tested_ns: None,
        };
        Session {
            inbound: Inbound::default(),
            core,
        }
    }

    /// A new connection. An initiator's Logon is appended to `out`; with `reset`, or where the numbers have turned out not
    /// to fit, it asks for new ones (ResetSeqNumFlag).
    pub fn connect(&mut self, reset: bool, now_ns: u64, out: &mut Vec<u8>) {
        self.inbound.reset();
        let core = &mut self.core;
        core.state = State::Logon;
        core.gap = None;
        core.tested_ns = None;
        core.heard_ns = now_ns;
        core.asked_reset = false;
        if core.settings.role == Role::Initiator {
            core.asked_reset = reset || core.unfit;
            if core.asked_reset {
                core.restart(Numbers::FIRST);
            }
            core.log_on(core.asked_reset, now_ns, out);
        }
    }

    /// Reads on in the connection; what has to be said in return is appended to `out`.
    pub fn hear<'a>(&'a mut self, bytes: &'a [u8], now_ns: u64, out: &mut Vec<u8>) -> Heard<'a> {
        let Session { inbound, core } = self;
        let all = bytes.len();
        let (used, event) = match inbound.next(bytes) {
            Ok(Taken::More) => (all, Event::More),
            Ok(Taken::Message { used, message }) => (used, core.take(message, now_ns, out)),
            Ok(Taken::Garbled { used, why }) => {
                tracing::debug!(%why, "a message is passed over");
                (used, Event::Aside)
            }
            Err(_) => (all, Event::End(End::NotFix)),
        };
        if matches!(event, Event::End(_)) {
            core.state = State::Off;
        }
        Heard { used, event }
    }

    /// Writes an application message of a type, with the fields that `fill` adds, and returns its number.
    pub fn send(
        &mut self,
        kind: &[u8],
        now_ns: u64,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Pen),
    ) -> u64 {
        let core = &mut self.core;
        let number = core.numbers.out;
        let at = core.begin(kind, number, now_ns);
        let header = core.pen.written();
        fill(&mut core.pen);
        core.kept.keep(number, at, kind, core.pen.since(header));
        core.end(now_ns, out);
        number
    }

    /// Goes on with the numbers of an earlier process; with `reset` nothing of before them is sent again.
    pub fn go_on(&mut self, numbers: Numbers, reset: bool) {
        if reset {
            self.core.kept.clear();
        }
        self.core.numbers = numbers;
    }

    /// Keeps an application message that an earlier process wrote, so that it can be sent again; the next number is one
    /// above it.
    pub fn keep(&mut self, number: u64, sent_ns: u64, kind: &[u8], fill: impl FnOnce(&mut Pen)) {
        let core = &mut self.core;
        let at = core.utc(sent_ns);
        core.pen.begin(kind);
        let header = core.pen.written();
        fill(&mut core.pen);
        core.kept.keep(number, at, kind, core.pen.since(header));
        core.numbers.out = number + 1;
    }

    /// Does what is due by now: heartbeats, and questions to who is silent.
    ///
    /// # Errors
    /// [`End::Silent`] when the other does not answer them: the connection has to end.
    pub fn tick(&mut self, now_ns: u64, out: &mut Vec<u8>) -> Result<(), End> {
        self.core.tick(now_ns, out)
    }

    /// Writes a Logout; the other answers it, or not.
    pub fn log_out(&mut self, text: &str, now_ns: u64, out: &mut Vec<u8>) {
        self.core.log_out(text, now_ns, out);
    }

    /// True when both are logged on.
    pub fn is_on(&self) -> bool {
        self.core.state == State::On
    }

    /// True when both are logged on and every message of the other up to now has come.
    pub fn is_in_sync(&self) -> bool {
        self.is_on() && self.core.gap.is_none()
    }

    /// The numbers of the next messages.
    pub fn numbers(&self) -> Numbers {
        self.core.numbers
    }

    /// The moment of a reading of the monotonic clock, as FIX writes it.
    pub fn utc(&self, now_ns: u64) -> UtcTime {
        self.core.utc(now_ns)
    }
}

impl Core {
    pub(super) fn utc(&self, now_ns: u64) -> UtcTime {
        UtcTime::of(now_ns.saturating_add(self.settings.utc_offset_ns))
    }

    /// Both directions begin again.
    pub(super) fn restart(&mut self, numbers: Numbers) {
        self.numbers = numbers;
        self.kept.clear();
        self.gap = None;
        self.unfit = false;
    }

    /// Begins a message with its header; returns its sending time.
    pub(super) fn begin(&mut self, kind: &[u8], number: u64, now_ns: u64) -> UtcTime {
        let at = self.utc(now_ns);
        self.pen.begin(kind);
        self.pen.text(tags::SENDER_COMP_ID, &self.settings.own);
        self.pen.text(tags::TARGET_COMP_ID, &self.settings.other);
        self.pen.number(tags::MSG_SEQ_NUM, number);
        if let Some(sub) = &self.settings.own_sub {
            self.pen.text(tags::SENDER_SUB_ID, sub);
        }
        self.pen.time(tags::SENDING_TIME, &at);
        at
    }

    /// Ends a message with a number of its own.
    pub(super) fn end(&mut self, now_ns: u64, out: &mut Vec<u8>) {
        self.numbers.out += 1;
        self.sent_ns = now_ns;
        self.pen.finish(out);
    }

    pub(super) fn log_on(&mut self, reset: bool, now_ns: u64, out: &mut Vec<u8>) {
        self.begin(b"A", self.numbers.out, now_ns);
        self.pen.number(tags::ENCRYPT_METHOD, 0);
        self.pen
            .number(tags::HEART_BT_INT, self.heartbeat_ns / 1_000_000_000);
        if reset {
            self.pen.text(tags::RESET_SEQ_NUM_FLAG, "Y");
        }
        if let (Role::Initiator, Some(login)) = (self.settings.role, &self.settings.login) {
            self.pen.text(tags::USERNAME, &login.user);
            self.pen.text(tags::PASSWORD, &login.password);
        }
        self.end(now_ns, out);
    }

    pub(super) fn log_out(&mut self, text: &str, now_ns: u64, out: &mut Vec<u8>) {
        self.begin(b"5", self.numbers.out, now_ns);
        if !text.is_empty() {
            self.pen.text(tags::TEXT, text);
        }
        self.end(now_ns, out);
        self.state = State::Leaving;
    }

    pub(super) fn heartbeat(&mut self, answers: Option<&[u8]>, now_ns: u64, out: &mut Vec<u8>) {
        self.begin(b"0", self.numbers.out, now_ns);
        if let Some(id) = answers {
            self.pen.field(tags::TEST_REQ_ID, id);
        }
        self.end(now_ns, out);
    }

    fn tick(&mut self, now_ns: u64, out: &mut Vec<u8>) -> Result<(), End> {
        if self.state != State::On {
            return Ok(());
        }
        if now_ns.saturating_sub(self.sent_ns) >= self.heartbeat_ns {
            self.heartbeat(None, now_ns, out);
        }
        // A fifth more than the interval is the time that a message may take.
        let patience_ns = self.heartbeat_ns + self.heartbeat_ns / 5;
        match self.tested_ns {
            Some(tested_ns) if now_ns.saturating_sub(tested_ns) >= patience_ns => {
                self.state = State::Off;
                return Err(End::Silent);
            }
            Some(_) => {}
            None if now_ns.saturating_sub(self.heard_ns) >= patience_ns => {
                self.begin(b"1", self.numbers.out, now_ns);
                let number = self.numbers.out;
                self.pen.number(tags::TEST_REQ_ID, number);
                self.end(now_ns, out);
                self.tested_ns = Some(now_ns);
            }
            None => {}
        }
        Ok(())
    }
}

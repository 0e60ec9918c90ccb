//! What each message means for the session: the rules of the FIX 4.4 session layer.

use super::message::Message;
use super::session::{Core, End, Event, Numbers, State};
use super::settings::Role;
use super::tags;

/// SessionRejectReason: a tag that is needed is missing, a value is wrong.
const TAG_MISSING: u64 = 1;
const VALUE_INCORRECT: u64 = 5;

/// Fields of the header that decide.
struct Head {
    number: u64,
    is_repeat: bool,
}

impl Core {
    /// A valid message has come.
    pub(super) fn take<'a>(
        &mut self,
        message: Message<'a>,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) -> Event<'a> {
        self.heard_ns = now_ns;
        self.tested_ns = None;
        let [sender, target, number, repeat, first_sent] = message.pick([
            tags::SENDER_COMP_ID,
            tags::TARGET_COMP_ID,
            tags::MSG_SEQ_NUM,
            tags::POSS_DUP_FLAG,
            tags::ORIG_SENDING_TIME,
        ]);
        let is_for_us = sender == Some(self.settings.other.as_bytes())
            && target == Some(self.settings.own.as_bytes());
        let Some(number) = number
            .and_then(super::message::number)
            .filter(|_| is_for_us)
        else {
            self.log_out("CompID or MsgSeqNum is missing or wrong", now_ns, out);
            return Event::End(End::Protocol);
        };
        let head = Head {
            number,
            is_repeat: repeat == Some(b"Y"),
        };
        match (self.state, message.kind()) {
            (State::Off, _) => Event::Aside,
            (State::Logon, b"A") => self.logon(message, &head, now_ns, out),
            (State::Logon, b"5") => {
                self.unfit = true;
                Event::End(End::Refused)
            }
            (State::Logon, _) => Event::End(End::Protocol),
            (State::On | State::Leaving, _) => {
                let is_reset = message.kind() == b"4" && !message.says_yes(tags::GAP_FILL_FLAG);
                if is_reset {
                    return self.sequence_reset(message, number, now_ns, out);
                }
                if head.is_repeat && first_sent.is_none() {
                    self.reject(number, TAG_MISSING, tags::ORIG_SENDING_TIME, now_ns, out);
                }
                self.in_order(message, &head, now_ns, out)
            }
        }
    }

    /// The other's Logon.
    fn logon<'a>(
        &mut self,
        message: Message<'a>,
        head: &Head,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) -> Event<'a> {
        let reset = message.says_yes(tags::RESET_SEQ_NUM_FLAG);
        match self.settings.role {
            Role::Initiator if reset && !self.asked_reset => {
                // The acceptor does not know the session: our Logon was the first message of a new one.
                self.restart(Numbers {
                    out: 2,
                    expected: 1,
                });
            }
            Role::Acceptor if reset => self.restart(Numbers::FIRST),
            Role::Initiator | Role::Acceptor => {}
        }
        let forgotten = self.settings.role == Role::Acceptor
            && self.numbers == Numbers::FIRST
            && head.number > 1;
        let reset = reset || forgotten;
        if forgotten {
            self.numbers.expected = head.number;
        }
        if head.number < self.numbers.expected && !head.is_repeat {
            return self.too_low(head.number, now_ns, out);
        }
        self.state = State::On;
        if self.settings.role == Role::Acceptor {
            if let Some(s) = message.number(tags::HEART_BT_INT).filter(|s| *s > 0) {
                self.heartbeat_ns = s.saturating_mul(1_000_000_000);
            }
            self.log_on(reset, now_ns, out);
        }
        if forgotten {
            // Both count the Logon that is answered so as the first one.
            self.numbers.expected = 2;
        } else if head.number > self.numbers.expected {
            self.ask_again(head.number, now_ns, out);
        } else {
            self.numbers.expected += 1;
        }
        Event::LoggedOn { reset }
    }

    /// Where a message stands among the numbers, and what is done with it there.
    fn in_order<'a>(
        &mut self,
        message: Message<'a>,
        head: &Head,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) -> Event<'a> {
        if head.number < self.numbers.expected {
            return match head.is_repeat {
                true => Event::Aside,
                false => self.too_low(head.number, now_ns, out),
            };
        }
        if head.number > self.numbers.expected {
            match message.kind() {
                // The other must get what it asks for, or both wait for each other.
                b"2" => self.send_again(message, now_ns, out),
                b"5" => return self.logged_out(now_ns, out),
                _ => {}
            }
            self.ask_again(head.number, now_ns, out);
            return Event::Aside;
        }
        self.numbers.expected += 1;
        let event = self.act(message, now_ns, out);
        if self.gap.is_some_and(|gap| self.numbers.expected > gap) {
            self.gap = None;
        }
        event
    }

    /// A message whose turn it is.
    fn act<'a>(&mut self, message: Message<'a>, now_ns: u64, out: &mut Vec<u8>) -> Event<'a> {
        match message.kind() {
            b"0" => Event::Aside,
            b"1" => {
                let id = message.get(tags::TEST_REQ_ID).unwrap_or_default();
                self.heartbeat(Some(id), now_ns, out);
                Event::Aside
            }
            b"2" => {
                self.send_again(message, now_ns, out);
                Event::Aside
            }
            b"4" => {
                let own = self.numbers.expected - 1;
                match message.number(tags::NEW_SEQ_NO).filter(|next| *next > own) {
                    Some(next) => self.numbers.expected = next,
                    None => self.reject(own, VALUE_INCORRECT, tags::NEW_SEQ_NO, now_ns, out),
                }
                Event::Aside
            }
            b"5" => self.logged_out(now_ns, out),
            // A second Logon on one connection changes nothing.
            b"A" => Event::Aside,
            _ => Event::Said(message),
        }
    }

    /// SequenceReset in reset mode: its own number does not count.
    fn sequence_reset<'a>(
        &mut self,
        message: Message<'a>,
        number: u64,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) -> Event<'a> {
        let expected = self.numbers.expected;
        match message
            .number(tags::NEW_SEQ_NO)
            .filter(|next| *next >= expected)
        {
            Some(next) => {
                self.numbers.expected = next;
                if self.gap.is_some_and(|gap| next > gap) {
                    self.gap = None;
                }
            }
            None => self.reject(number, VALUE_INCORRECT, tags::NEW_SEQ_NO, now_ns, out),
        }
        Event::Aside
    }

    /// A number that was there already: something is badly wrong, and the session layer asks for an end.
    fn too_low(&mut self, number: u64, now_ns: u64, out: &mut Vec<u8>) -> Event<'static> {
        let expected = self.numbers.expected;
        let text = format!("MsgSeqNum too low, expecting {expected} but received {number}");
        self.log_out(&text, now_ns, out);
        self.unfit = true;
        Event::End(End::TooLow)
    }

    fn logged_out(&mut self, now_ns: u64, out: &mut Vec<u8>) -> Event<'static> {
        if self.state != State::Leaving {
            self.log_out("", now_ns, out);
        }
        Event::End(End::LoggedOut)
    }

    /// Asks for what is missing before `number`, once: the answer brings all that was sent until then.
    fn ask_again(&mut self, number: u64, now_ns: u64, out: &mut Vec<u8>) {
        let is_asked = self.gap.is_some();
        self.gap = Some(self.gap.unwrap_or(0).max(number));
        if is_asked {
            return;
        }
        self.begin(b"2", self.numbers.out, now_ns);
        self.pen.number(tags::BEGIN_SEQ_NO, self.numbers.expected);
        self.pen.number(tags::END_SEQ_NO, 0);
        self.end(now_ns, out);
    }

    /// Answers a ResendRequest: what is kept once more, and everything else as gaps.
    fn send_again(&mut self, request: Message<'_>, now_ns: u64, out: &mut Vec<u8>) {
        let last = self.numbers.out - 1;
        let from = request.number(tags::BEGIN_SEQ_NO).unwrap_or(1).max(1);
        let to = match request.number(tags::END_SEQ_NO) {
            None | Some(0) => last,
            Some(to) => to.min(last),
        };
        let mut next = from;
        while next <= to {
            match self
                .kept
                .from(next)
                .filter(|sent| sent.number <= to)
                .cloned()
            {
                None => {
                    self.fill_gap(next, to + 1, now_ns, out);
                    return;
                }
                Some(sent) => {
                    if sent.number > next {
                        self.fill_gap(next, sent.number, now_ns, out);
                    }
                    self.begin(&sent.kind, sent.number, now_ns);
                    self.pen.text(tags::POSS_DUP_FLAG, "Y");
                    self.pen.time(tags::ORIG_SENDING_TIME, &sent.at);
                    self.pen.raw(&sent.fields);
                    self.pen.finish(out);
                    next = sent.number + 1;
                }
            }
        }
        self.sent_ns = now_ns;
    }

    /// Numbers from `from` to before `next` will not be sent again.
    fn fill_gap(&mut self, from: u64, next: u64, now_ns: u64, out: &mut Vec<u8>) {
        let at = self.begin(b"4", from, now_ns);
        self.pen.text(tags::POSS_DUP_FLAG, "Y");
        self.pen.time(tags::ORIG_SENDING_TIME, &at);
        self.pen.text(tags::GAP_FILL_FLAG, "Y");
        self.pen.number(tags::NEW_SEQ_NO, next);
        self.pen.finish(out);
        self.sent_ns = now_ns;
    }

    fn reject(&mut self, number: u64, reason: u64, tag: u32, now_ns: u64, out: &mut Vec<u8>) {
        self.begin(b"3", self.numbers.out, now_ns);
        self.pen.number(tags::REF_SEQ_NUM, number);
        self.pen.number(tags::REF_TAG_ID, u64::from(tag));
        self.pen.number(tags::SESSION_REJECT_REASON, reason);
        self.end(now_ns, out);
    }
}

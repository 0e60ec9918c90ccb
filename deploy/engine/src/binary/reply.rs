//! Answers to clients, written as frames.

use super::message::{FIXED_BYTES, VERSION};
use crate::command::Answer;
use crate::gateway::Outcome;
use crate::metrics::Counted;

const ANSWER: u8 = 128;

/// The flag that sends a client elsewhere.
const LEAVE: u16 = 1;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) counted: Counted,
    sequence: u64,
    order_id: u64,
    reason: &'static str,
}

impl Reply {
    /// The reply for an outcome.
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let plain = |counted, reason| Self {
            counted,
            sequence: 0,
            order_id: 0,
            reason,
        };
        match outcome {
            Outcome::Unavailable(why) => plain(Counted::Unavailable, why.as_str()),
            Outcome::Unknown(why) => plain(Counted::Unknown, why.as_str()),
            Outcome::Answered(answer) => match answer {
                Answer::Accepted {
                    order_id, sequence, ..
                } => Self {
                    sequence: *sequence,
                    order_id: *order_id,
                    ..plain(Counted::Accepted, "")
                },
                Answer::Cancelled { sequence } => Self {
                    sequence: *sequence,
                    ..plain(Counted::Cancelled, "")
                },
                Answer::Replaced { sequence, .. } => Self {
                    sequence: *sequence,
                    ..plain(Counted::Replaced, "")
                },
                Answer::Rejected { reason } => plain(Counted::Rejected, reason.as_str()),
                Answer::TooLate { .. } => plain(Counted::TooLate, "too-late"),
                Answer::UnknownOrder => plain(Counted::UnknownOrder, "unknown-order"),
                Answer::Ended { .. } | Answer::Killed { .. } => plain(Counted::Cancelled, ""),
            },
        }
    }

    /// The reply to what is too much, for this reason.
    pub(crate) fn throttled(reason: &'static str) -> Self {
        Self {
            counted: Counted::Throttled,
            reason,
            ..Self::malformed()
        }
    }

    /// The reply to what makes no sense.
    pub(crate) fn malformed() -> Self {
        Self {
            counted: Counted::Malformed,
            sequence: 0,
            order_id: 0,
            reason: "malformed",
        }
    }

    /// The frame; `leave`: the client is to go elsewhere.
    pub(crate) fn frame(&self, number: u64, id: &str, node: &str, leave: bool) -> Vec<u8> {
        let texts = [id, node, self.reason].map(|text| &text.as_bytes()[..text.len().min(255)]);
        let length = FIXED_BYTES + texts.iter().map(|text| text.len()).sum::<usize>();
        let mut frame = Vec::with_capacity(length);
        frame.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        frame.extend_from_slice(&[VERSION, ANSWER]);
        frame.extend_from_slice(&(if leave { LEAVE } else { 0 }).to_le_bytes());
        frame.extend_from_slice(&number.to_le_bytes());
        frame.extend_from_slice(&self.sequence.to_le_bytes());
        frame.extend_from_slice(&self.order_id.to_le_bytes());
        frame.push(self.status());
        for text in texts {
            frame.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        }
        frame.extend_from_slice(&[0; 4]);
        texts.iter().for_each(|text| frame.extend_from_slice(text));
        frame
    }

    fn status(&self) -> u8 {
        match self.counted {
            Counted::Accepted => 1,
            Counted::Cancelled => 2,
            Counted::Replaced => 3,
            Counted::Rejected => 4,
            Counted::TooLate => 5,
            Counted::UnknownOrder => 6,
            Counted::Throttled => 7,
            Counted::Unavailable => 8,
            Counted::Unknown => 9,
            Counted::Malformed => 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Unavailable;

    #[test]
    fn an_answer_is_written_as_specified() {
        let cancelled = Reply::of(&Outcome::Answered(Answer::Cancelled { sequence: 9 }));
        #[rustfmt::skip]
        let expected = [
            45, 0, 0, 0,  1,  128,  1, 0,  7, 0, 0, 0, 0, 0, 0, 0,
            9, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0,
            2,  3, 2, 0,  0, 0, 0, 0,
            b't', b'-', b'1', b'n', b'1',
        ];
        assert_eq!(cancelled.frame(7, "t-1", "n1", true), expected);
    }

    #[test]
    fn what_nobody_knows_has_a_status_of_its_own() {
        let unavailable = Reply::of(&Outcome::Unavailable(Unavailable::NoLeader));
        let frame = unavailable.frame(1, "", "", false);
        assert_eq!((frame[32], &frame[40..]), (8, b"no-leader".as_slice()));
        assert_eq!(Reply::malformed().frame(1, "", "", false)[32], 10);
    }
}

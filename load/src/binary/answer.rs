//! What an engine answers.

use super::frame::{FIXED, Frame, Malformed, VERSION};

/// The type of an answer's frame.
pub(super) const TYPE: u8 = 128;

/// Flag: nothing more is answered on this connection; go elsewhere.
const LEAVE: u16 = 1;

/// What became of a message. Only the first seven are definite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A new order is in the book, or was when it was sent before.
    Accepted,
    Cancelled,
    Replaced,
    /// By a rule; nothing was changed.
    Rejected,
    /// The order was already done.
    TooLate,
    /// Nobody knows such an order.
    UnknownOrder,
    /// For load; nothing was changed.
    Throttled,
    /// The engine cannot serve now.
    Unavailable,
    /// The engine does not know whether it was executed.
    Unknown,
    /// The engine could not read it.
    Malformed,
}

impl Status {
    /// By number, from 1.
    const ALL: [Status; 10] = [
        Status::Accepted,
        Status::Cancelled,
        Status::Replaced,
        Status::Rejected,
        Status::TooLate,
        Status::UnknownOrder,
        Status::Throttled,
        Status::Unavailable,
        Status::Unknown,
        Status::Malformed,
    ];

    fn of(number: u8) -> Option<Status> {
        let place = usize::from(number).checked_sub(1)?;
        Status::ALL.get(place).copied()
    }
}

/// An answer. Texts have at most 255 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The number of the message that this answers.
    pub number: u64,
    /// Nothing more is answered on this connection.
    pub leave: bool,
    pub status: Status,
    /// The engine's sequence number.
    pub sequence: Option<u64>,
    /// The engine's id of the order.
    pub order_id: Option<u64>,
    /// The client's id of the order, as it was sent.
    pub id: &'a str,
    /// The replica that answers.
    pub node: &'a str,
    /// For people.
    pub reason: &'a str,
}

impl<'a> Answer<'a> {
    /// Reads an answer.
    ///
    /// # Errors
    /// When the frame is none, or its fields do not fit together.
    pub fn read(frame: Frame<'a>) -> Result<Answer<'a>, Malformed> {
        if frame.kind() != TYPE {
            return Err(Malformed::Type(frame.kind()));
        }
        let bytes = frame.bytes;
        let status = Status::of(bytes[32]).ok_or(Malformed::Fields)?;
        if frame.flags() & !LEAVE != 0 || bytes[36..FIXED] != [0; 4] {
            return Err(Malformed::Fields);
        }
        let mut rest = &bytes[FIXED..];
        let mut text = |length: u8| {
            let (text, tail) = rest
                .split_at_checked(usize::from(length))
                .ok_or(Malformed::Fields)?;
            rest = tail;
            std::str::from_utf8(text).map_err(|_| Malformed::Text)
        };
        let (id, node, reason) = (text(bytes[33])?, text(bytes[34])?, text(bytes[35])?);
        if !rest.is_empty() {
            return Err(Malformed::Fields);
        }
        let some = |number: u64| (number != 0).then_some(number);
        Ok(Answer {
            number: frame.number(),
            leave: frame.flags() & LEAVE != 0,
            status,
            sequence: some(frame.u64_at(16)),
            order_id: some(frame.u64_at(24)),
            id,
            node,
            reason,
        })
    }

    /// Appends the frame, as an engine of one's own would.
    pub fn append(&self, out: &mut Vec<u8>) {
        let texts = [self.id, self.node, self.reason];
        debug_assert!(texts.iter().all(|text| text.len() <= usize::from(u8::MAX)));
        let length = FIXED + texts.iter().map(|text| text.len()).sum::<usize>();
        let flags = if self.leave { LEAVE } else { 0 };
        out.extend_from_slice(&(length as u32).to_le_bytes());
        out.extend_from_slice(&[VERSION, TYPE]);
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.sequence.unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&self.order_id.unwrap_or(0).to_le_bytes());
        let [id, node, reason] = texts.map(|text| text.len() as u8);
        let status = Status::ALL.iter().position(|known| *known == self.status);
        let status = status.map_or(0, |place| place as u8 + 1);
        out.extend_from_slice(&[status, id, node, reason, 0, 0, 0, 0]);
        for text in texts {
            out.extend_from_slice(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Frames;
    use super::*;

    fn answer() -> Answer<'static> {
        Answer {
            number: 7,
            leave: true,
            status: Status::Rejected,
            sequence: None,
            order_id: Some(u64::MAX),
            id: "t-1",
            node: "n1",
            reason: "price-off-tick",
        }
    }

    fn bytes() -> Vec<u8> {
        let mut out = Vec::new();
        answer().append(&mut out);
        out
    }

    fn read(bytes: &[u8]) -> Result<String, Malformed> {
        let mut frames = Frames::default();
        let (_, frame) = frames.next(bytes)?.expect("a whole frame");
        Answer::read(frame).map(|answer| format!("{answer:?}"))
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        assert_eq!(read(&bytes()), Ok(format!("{:?}", answer())));
        for status in Status::ALL {
            let mut out = Vec::new();
            let answer = Answer { status, ..answer() };
            answer.append(&mut out);
            assert_eq!(read(&out), Ok(format!("{answer:?}")));
        }
    }

    #[test]
    fn fields_that_do_not_fit_together_are_no_answer() {
        for (at, byte) in [
            (6, 2),
            (7, 1),
            (32, 0),
            (32, 11),
            (33, 4),
            (34, 255),
            (35, 13),
            (39, 1),
        ] {
            let mut wrong = bytes();
            wrong[at] = byte;
            assert_eq!(read(&wrong), Err(Malformed::Fields), "{byte} at {at}");
        }
        let mut wrong = bytes();
        wrong[FIXED] = 0xff;
        assert_eq!(read(&wrong), Err(Malformed::Text));
        wrong[5] = 1;
        assert_eq!(read(&wrong), Err(Malformed::Type(1)));
    }

    /// Whatever byte is changed to whatever value, the parser returns: it reads no byte that is not there.
    #[test]
    fn no_single_wrong_byte_leads_beyond_the_frame() {
        let right = bytes();
        let mut accepted = 0;
        for at in 0..right.len() {
            for byte in 0..=255 {
                let mut wrong = right.clone();
                wrong[at] = byte;
                let mut frames = Frames::default();
                if let Ok(Some((used, frame))) = frames.next(&wrong) {
                    assert!(used <= wrong.len());
                    accepted += u32::from(Answer::read(frame).is_ok());
                }
            }
        }
        assert!(accepted > 1_000, "numbers and letters may be others");
    }
}

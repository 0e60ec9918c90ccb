//! Frames of the binary gateway (`docs/binary-gateway.md`), read where they lie and answered without a copy of them.

const VERSION: u8 = 1;
const NEW: u8 = 1;
const CANCEL: u8 = 2;
const REPLACE: u8 = 3;
const ANSWER: u8 = 128;
const LEAVE: u16 = 1;

/// Header and fields of fixed length, which all frames have, in bytes.
const FIXED_BYTES: usize = 40;

/// The longest frame, in bytes.
pub(super) const MAX_FRAME_BYTES: usize = 1024;

/// Powers of ten by scale; scales beyond are none.
const UNITS: [f64; 19] = [
    1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14,
    1e-15, 1e-16, 1e-17, 1e-18,
];

/// Why a connection is of no use any more: where the next frame begins is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a frame of {0} bytes is not possible")]
    Length(usize),
    #[error("version {0} is not spoken here")]
    Version(u8),
}

/// A whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a>(&'a [u8]);

/// What a frame asks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Asked<'a> {
    /// A decision on this.
    Decide(Tick<'a>),
    /// Something about an order, of which the gateway has none.
    OfOrder,
    /// Nothing that makes sense.
    Malformed,
}

/// What a decision is made on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tick<'a> {
    pub account: &'a str,
    pub symbol: &'a str,
    pub price: f64,
    pub quantity: f64,
}

/// What became of a message, by the numbers of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Accepted = 1,
    Rejected = 4,
    UnknownOrder = 6,
    Malformed = 10,
}

/// An answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub status: Status,
    /// Number of the decision; 0: none.
    pub sequence: u64,
    pub node: &'a [u8],
    /// The decision, or why there is none.
    pub reason: &'a str,
    pub leave: bool,
}

/// The first whole frame of `input`; none when it is not all there.
pub(super) fn first(input: &[u8]) -> Result<Option<Frame<'_>>, FrameError> {
    let Some(length) = input.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if !(FIXED_BYTES..=MAX_FRAME_BYTES).contains(&length) {
        return Err(FrameError::Length(length));
    }
    if let Some(version) = input.get(4).filter(|version| **version != VERSION) {
        return Err(FrameError::Version(*version));
    }
    Ok(input.get(..length).map(Frame))
}

impl<'a> Frame<'a> {
    /// Its length in bytes.
    pub(super) fn length(self) -> usize {
        self.0.len()
    }

    /// What it asks.
    pub(super) fn asked(self) -> Asked<'a> {
        let bytes = self.0;
        if bytes[6..8] != [0, 0] || bytes[39] != 0 {
            return Asked::Malformed;
        }
        match bytes[5] {
            NEW => self.tick().map_or(Asked::Malformed, Asked::Decide),
            CANCEL | REPLACE => Asked::OfOrder,
            _ => Asked::Malformed,
        }
    }

    fn tick(self) -> Option<Tick<'a>> {
        let bytes = self.0;
        let [id, account, symbol] = self.texts()?;
        let is_name = |name: &[u8]| !name.is_empty();
        let is_sided = matches!(bytes[34], 1 | 2) && matches!(bytes[35], 1 | 2);
        if !is_sided || !is_name(id) || !is_name(account) || !is_name(symbol) {
            return None;
        }
        let number = |at: usize, scale: u8| {
            let unit = UNITS.get(usize::from(scale))?;
            Some(i64::from_le_bytes(eight(bytes, at)) as f64 * unit)
        };
        std::str::from_utf8(id).ok()?;
        Some(Tick {
            account: std::str::from_utf8(account).ok()?,
            symbol: std::str::from_utf8(symbol).ok()?,
            price: number(16, bytes[32])?,
            quantity: number(24, bytes[33]).filter(|quantity| *quantity > 0.0)?,
        })
    }

    /// Id, account and symbol; none where they are not as long as their lengths say.
    fn texts(self) -> Option<[&'a [u8]; 3]> {
        let lengths = [self.0[36], self.0[37], self.0[38]].map(usize::from);
        let rest = &self.0[FIXED_BYTES..];
        if lengths.iter().sum::<usize>() != rest.len() {
            return None;
        }
        let (id, rest) = rest.split_at(lengths[0]);
        let (account, symbol) = rest.split_at(lengths[1]);
        Some([id, account, symbol])
    }

    /// Appends the answer to it.
    pub(super) fn answer(self, answer: Answer<'_>, out: &mut Vec<u8>) {
        let id = self.texts().map_or(&[] as &[u8], |[id, _, _]| id);
        let id = if std::str::from_utf8(id).is_ok() {
            id
        } else {
            &[]
        };
        let texts = [id, answer.node, answer.reason.as_bytes()];
        let length = FIXED_BYTES + texts.iter().map(|text| text.len()).sum::<usize>();
        let short = |text: &[u8]| u8::try_from(text.len()).unwrap_or(u8::MAX);
        let mut head = [0; FIXED_BYTES];
        head[..4].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        head[4..6].copy_from_slice(&[VERSION, ANSWER]);
        head[6..8].copy_from_slice(&(if answer.leave { LEAVE } else { 0 }).to_le_bytes());
        head[8..16].copy_from_slice(&eight(self.0, 8));
        head[16..24].copy_from_slice(&answer.sequence.to_le_bytes());
        head[32..36].copy_from_slice(&[
            answer.status as u8,
            short(texts[0]),
            short(texts[1]),
            short(texts[2]),
        ]);
        out.extend_from_slice(&head);
        texts.iter().for_each(|text| out.extend_from_slice(text));
    }
}

fn eight(bytes: &[u8], at: usize) -> [u8; 8] {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    eight
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of `docs/binary-gateway.md`.
    #[rustfmt::skip]
    const NEW_ORDER: [u8; 47] = [
        47, 0, 0, 0,  1,  1,  0, 0,  7, 0, 0, 0, 0, 0, 0, 0,
        0x59, 0x4b, 0x4c, 0, 0, 0, 0, 0,  125, 0, 0, 0, 0, 0, 0, 0,
        2, 3,  1,  1,  3, 1, 3,  0,
        b't', b'-', b'1', b'A', b'B', b'T', b'C',
    ];

    #[test]
    fn the_example_is_a_tick() {
        let input = [NEW_ORDER.as_slice(), &NEW_ORDER[..9]].concat();
        let frame = first(&input).unwrap().unwrap();
        let Asked::Decide(tick) = frame.asked() else {
            panic!("{frame:?}")
        };
        assert_eq!(
            (frame.length(), tick.account, tick.symbol),
            (47, "A", "BTC")
        );
        assert!((tick.price - 50_000.25).abs() < 1e-6 && (tick.quantity - 0.125).abs() < 1e-9);
        for length in 0..NEW_ORDER.len() {
            assert_eq!(first(&NEW_ORDER[..length]), Ok(None), "cut at {length}");
        }
    }

    #[test]
    fn an_answer_repeats_number_and_id() {
        let frame = first(&NEW_ORDER).unwrap().unwrap();
        let mut out = Vec::new();
        let answer = Answer {
            status: Status::Accepted,
            sequence: 9,
            node: b"n1",
            reason: "hold",
            leave: true,
        };
        frame.answer(answer, &mut out);
        #[rustfmt::skip]
        let expected = [
            49, 0, 0, 0,  1,  128,  1, 0,  7, 0, 0, 0, 0, 0, 0, 0,
            9, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0,
            1,  3, 2, 4,  0, 0, 0, 0,
            b't', b'-', b'1', b'n', b'1', b'h', b'o', b'l', b'd',
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn what_makes_no_sense_is_malformed_and_what_is_no_frame_ends_the_connection() {
        assert_eq!(first(&[39, 0, 0, 0]), Err(FrameError::Length(39)));
        assert_eq!(
            first(b"GET / HTTP/1.1\r\n"),
            Err(FrameError::Length(0x2054_4547))
        );
        assert_eq!(first(&[40, 0, 0, 0, 2]), Err(FrameError::Version(2)));
        for (at, byte) in [
            (5, 4),
            (6, 1),
            (24, 0),
            (32, 19),
            (34, 0),
            (35, 3),
            (36, 4),
            (39, 1),
            (40, 0xff),
        ] {
            let mut wrong = NEW_ORDER;
            wrong[at] = byte;
            let frame = first(&wrong).unwrap().unwrap();
            assert_eq!(frame.asked(), Asked::Malformed, "{byte} at {at}");
        }
        let mut cancel = NEW_ORDER;
        cancel[5] = 2;
        assert_eq!(first(&cancel).unwrap().unwrap().asked(), Asked::OfOrder);
    }
}

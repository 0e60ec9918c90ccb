//! Frames out of a stream of bytes, however it is cut: one [`Frames`] for each connection.
//!
//! The usual case, a whole frame in one read, is returned as a slice of the read buffer; nothing is copied. A frame
//! is refused as soon as its first wrong byte is there: a length that no frame has is not waited for.

use super::answer;
use super::request::Kind;

/// The version of the layout.
pub const VERSION: u8 = 1;

/// Longest frame, header included, in bytes.
pub const LONGEST_FRAME: usize = 1024;

/// Length, version, type, flags and number, in bytes.
pub(super) const HEADER: usize = 16;

/// The header with the fields of fixed length that follow it, in bytes. All types have as many.
pub(super) const FIXED: usize = 40;

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a frame of {0} bytes is not possible: they have from {FIXED} to {LONGEST_FRAME}")]
    Length(u32),
    #[error("a frame of version {0} is not known; this is version {VERSION}")]
    Version(u8),
    #[error("a frame of type {0} is not known")]
    Type(u8),
    #[error("the fields of a frame do not fit together")]
    Fields,
    #[error("a text of a frame is not UTF-8")]
    Text,
}

/// A whole frame, whose length, version and type are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub(super) bytes: &'a [u8],
}

impl Frame<'_> {
    /// The type.
    pub fn kind(&self) -> u8 {
        self.bytes[5]
    }

    /// The number of the message, or of the one that this answers.
    pub fn number(&self) -> u64 {
        self.u64_at(8)
    }

    pub(super) fn flags(&self) -> u16 {
        u16::from_le_bytes([self.bytes[6], self.bytes[7]])
    }

    pub(super) fn u64_at(&self, at: usize) -> u64 {
        let mut number = [0; 8];
        number.copy_from_slice(&self.bytes[at..at + 8]);
        u64::from_le_bytes(number)
    }
}

/// Cuts the stream of one connection into frames.
#[derive(Debug, Default)]
pub struct Frames {
    /// A frame that is not complete, or that was returned last.
    partial: Vec<u8>,
    complete: bool,
}

impl Frames {
    /// Forgets half a frame: the connection is a new one.
    pub fn reset(&mut self) {
        self.partial.clear();
        self.complete = false;
    }

    /// Reads on. `Some`: a frame, and how many bytes of `input` belong to it; call again with the rest. `None`: all of
    /// `input` was taken in and the frame is not complete.
    ///
    /// # Errors
    /// When this is no frame; the connection must be closed.
    pub fn next<'a>(
        &'a mut self,
        input: &'a [u8],
    ) -> Result<Option<(usize, Frame<'a>)>, Malformed> {
        if self.complete {
            self.reset();
        }
        if self.partial.is_empty()
            && let Some(length) = length(input)?
            && length <= input.len()
        {
            let bytes = &input[..length];
            return Ok(Some((length, Frame { bytes })));
        }
        let mut used = self.fill(input, HEADER);
        let Some(length) = length(&self.partial)? else {
            return Ok(None);
        };
        used += self.fill(&input[used..], length);
        if self.partial.len() < length {
            return Ok(None);
        }
        self.complete = true;
        let bytes = &self.partial;
        Ok(Some((used, Frame { bytes })))
    }

    /// Takes in bytes until there are so many; returns how many it took.
    fn fill(&mut self, input: &[u8], wanted: usize) -> usize {
        let used = wanted.saturating_sub(self.partial.len()).min(input.len());
        self.partial.extend_from_slice(&input[..used]);
        used
    }
}

/// The length of the frame that begins here, once it is known; every field of the header that is there is checked.
fn length(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(length) = bytes.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*length);
    if !(FIXED as u32..=LONGEST_FRAME as u32).contains(&length) {
        return Err(Malformed::Length(length));
    }
    if let Some(version) = bytes.get(4).filter(|version| **version != VERSION) {
        return Err(Malformed::Version(*version));
    }
    if let Some(kind) = bytes.get(5)
        && *kind != answer::TYPE
        && Kind::of(*kind).is_none()
    {
        return Err(Malformed::Type(*kind));
    }
    Ok(Some(length as usize))
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Request, Status, Units};
    use super::*;

    /// Three frames one after the other: two requests of different length and an answer.
    fn stream() -> Vec<u8> {
        let mut out = Vec::new();
        let whole = Units {
            mantissa: 5_000_025,
            scale: 2,
        };
        for (kind, id) in [(Kind::New, "a1b2c3-1"), (Kind::Cancel, "a1b2c3-17")] {
            Request {
                kind,
                number: 7,
                id,
                account: "SHK-TEST-1",
                symbol: "BTCUSD",
                side: Some(shakedown_record::ledger::Side::Sell),
                price: whole,
                quantity: whole,
            }
            .append(&mut out);
        }
        Answer {
            number: 8,
            leave: false,
            status: Status::Accepted,
            sequence: Some(3),
            order_id: Some(4),
            id: "a1b2c3-1",
            node: "engine-1",
            reason: "",
        }
        .append(&mut out);
        out
    }

    /// Cuts the stream into the given pieces and returns the frames, as bytes.
    fn frames(pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut reader = Frames::default();
        let mut found = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let Some((used, frame)) = reader.next(rest)? else {
                    break;
                };
                found.push(frame.bytes.to_vec());
                rest = &rest[used..];
            }
        }
        Ok(found)
    }

    #[test]
    fn frames_are_the_same_wherever_the_stream_is_cut() {
        let stream = stream();
        let whole = frames(&[&stream]).unwrap();
        assert_eq!(whole.len(), 3);
        assert_eq!(whole.concat(), stream);
        for first in 0..=stream.len() {
            let (left, right) = stream.split_at(first);
            assert_eq!(frames(&[left, right]).unwrap(), whole, "cut at {first}");
            for second in 0..=right.len() {
                let (middle, last) = right.split_at(second);
                assert_eq!(frames(&[left, middle, last]).unwrap(), whole);
            }
        }
        for step in 1..=stream.len() {
            let pieces: Vec<&[u8]> = stream.chunks(step).collect();
            assert_eq!(frames(&pieces).unwrap(), whole, "pieces of {step}");
        }
    }

    #[test]
    fn a_truncated_frame_is_never_a_frame() {
        let stream = stream();
        let first = frames(&[&stream]).unwrap()[0].len();
        for length in 0..first {
            assert_eq!(frames(&[&stream[..length]]).unwrap(), Vec::<Vec<u8>>::new());
        }
    }

    #[test]
    fn what_no_frame_has_is_refused_at_its_first_byte() {
        let stream = stream();
        let refused = |at: usize, bytes: &[u8]| {
            let mut wrong = stream.clone();
            wrong[at..at + bytes.len()].copy_from_slice(bytes);
            let in_one = frames(&[&wrong]).unwrap_err();
            let needed = at + bytes.len();
            assert_eq!(
                frames(&[&wrong[..needed]]).unwrap_err(),
                in_one,
                "no more is needed"
            );
            let single: Vec<&[u8]> = wrong.chunks(1).collect();
            assert_eq!(frames(&single).unwrap_err(), in_one, "byte by byte");
            in_one
        };
        for length in [0, 1, 39, 1025, 65_536, u32::MAX] {
            assert_eq!(refused(0, &length.to_le_bytes()), Malformed::Length(length));
        }
        for version in [0, 2, 255] {
            assert_eq!(refused(4, &[version]), Malformed::Version(version));
        }
        for kind in [0, 4, 127, 129, 255] {
            assert_eq!(refused(5, &[kind]), Malformed::Type(kind));
        }
    }

    #[test]
    fn other_protocols_are_no_frames() {
        for garbage in [
            b"HTTP/1.1 200 OK\r\n\r\n".as_slice(),
            b"SSH-2.0-x\r\n",
            b"\0\0\0\0",
            b"{\"state\":\"accepted\"}",
            b"\x15\x03\x01\x00\x02\x02\x16",
        ] {
            assert!(frames(&[garbage]).is_err(), "{garbage:?}");
        }
    }

    #[test]
    fn a_new_connection_begins_with_a_new_frame() {
        let stream = stream();
        let mut reader = Frames::default();
        assert_eq!(reader.next(&stream[..20]).unwrap(), None);
        reader.reset();
        let (used, frame) = reader.next(&stream).unwrap().unwrap();
        assert_eq!((used, frame.number()), (frame.bytes.len(), 7));
    }
}

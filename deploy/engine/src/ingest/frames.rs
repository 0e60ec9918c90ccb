//! Points in frames: read without a copy of them.

use super::ticker::Quote;
use crate::decimal::Decimal;

const VERSION: u8 = 1;
const SYMBOL: u8 = 32;
const POINTS: u8 = 33;
const RECEIPT: u8 = 160;

const MAX_FRAME_BYTES: usize = 1024;
const FIXED_BYTES: usize = 40;
const POINT_BYTES: usize = 16;

/// Why a connection is of no use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a frame of {0} bytes is not possible")]
    Length(usize),
    #[error("a frame of version {0} and type {1} is not known")]
    Kind(u8, u8),
    #[error("the fields of a frame do not fit together")]
    Fields,
}

/// What one connection said so far, and has not been handed on.
#[derive(Debug, Default)]
pub(super) struct Reader {
    names: Vec<String>,
    /// The last point of each symbol since the last receipt.
    last: Vec<Option<Last>>,
    /// Points since the last receipt.
    points: u64,
    /// The number of the last frame of points, and whether nobody has been told of it.
    number: u64,
    told: u64,
    /// Points of this connection.
    all: u64,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    sequence: u64,
    at_ns: u64,
    mantissa: i64,
    scale: u8,
}

impl Reader {
    /// Reads whole frames from `input`; returns how many bytes they have.
    pub(super) fn read(&mut self, input: &[u8]) -> Result<usize, FrameError> {
        let mut used = 0;
        while let Some(length) = input[used..].first_chunk::<4>() {
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            if !(FIXED_BYTES..=MAX_FRAME_BYTES).contains(&length) {
                return Err(FrameError::Length(length));
            }
            let Some(frame) = input.get(used..used + length) else {
                break;
            };
            self.frame(frame)?;
            used += length;
        }
        Ok(used)
    }

    fn frame(&mut self, frame: &[u8]) -> Result<(), FrameError> {
        match (frame[4], frame[5]) {
            (VERSION, SYMBOL) => self.symbol(frame),
            (VERSION, POINTS) => self.take(frame),
            (version, kind) => Err(FrameError::Kind(version, kind)),
        }
    }

    /// The next number has this name.
    fn symbol(&mut self, frame: &[u8]) -> Result<(), FrameError> {
        let name = std::str::from_utf8(&frame[FIXED_BYTES..]).map_err(|_| FrameError::Fields)?;
        if eight(frame, 16) != self.names.len() as u64 || self.names.len() > usize::from(u16::MAX) {
            return Err(FrameError::Fields);
        }
        self.names.push(name.to_owned());
        self.last.push(None);
        Ok(())
    }

    fn take(&mut self, frame: &[u8]) -> Result<(), FrameError> {
        let count = usize::from(u16::from_le_bytes([frame[32], frame[33]]));
        let points = &frame[FIXED_BYTES..];
        let number = eight(frame, 8);
        if count == 0 || points.len() != count * POINT_BYTES || number != self.number + 1 {
            return Err(FrameError::Fields);
        }
        let (first, base_ns) = (eight(frame, 16), eight(frame, 24));
        for (sequence, point) in (first..).zip(points.chunks_exact(POINT_BYTES)) {
            let symbol = usize::from(u16::from_le_bytes([point[12], point[13]]));
            let after_ns = u32::from_le_bytes([point[8], point[9], point[10], point[11]]);
            *self.last.get_mut(symbol).ok_or(FrameError::Fields)? = Some(Last {
                sequence,
                at_ns: base_ns.saturating_add(u64::from(after_ns)),
                mantissa: i64::from_le_bytes(eight(point, 0).to_le_bytes()),
                scale: point[14],
            });
        }
        self.number = number;
        self.points += count as u64;
        self.all += count as u64;
        Ok(())
    }

    /// What came since the last time: how many points, and the last of each symbol.
    pub(super) fn drain(&mut self) -> (u64, Vec<(String, Quote)>) {
        let points = std::mem::take(&mut self.points);
        let last = self.names.iter().zip(&mut self.last);
        let quotes = last.filter_map(|(name, last)| {
            let last = last.take()?;
            let price = Decimal::from_units(last.mantissa, last.scale).ok()?;
            let quote = Quote {
                sequence: last.sequence,
                at_ns: last.at_ns,
                price: price.to_string(),
            };
            Some((name.clone(), quote))
        });
        (points, quotes.collect())
    }

    /// The receipt for all frames until now; none when all of them have one.
    pub(super) fn receipt(&mut self) -> Option<[u8; FIXED_BYTES]> {
        if self.told == self.number {
            return None;
        }
        self.told = self.number;
        let mut frame = [0; FIXED_BYTES];
        frame[..4].copy_from_slice(&(FIXED_BYTES as u32).to_le_bytes());
        frame[4..6].copy_from_slice(&[VERSION, RECEIPT]);
        frame[8..16].copy_from_slice(&self.number.to_le_bytes());
        frame[16..24].copy_from_slice(&self.all.to_le_bytes());
        Some(frame)
    }
}

fn eight(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(index: u8, name: &str) -> Vec<u8> {
        let mut frame = vec![0; FIXED_BYTES];
        frame[0] = (FIXED_BYTES + name.len()) as u8;
        frame[4..6].copy_from_slice(&[VERSION, SYMBOL]);
        frame[16] = index;
        frame.extend(name.as_bytes());
        frame
    }

    /// The example of `docs/market-data.md`.
    #[rustfmt::skip]
    const EXAMPLE: [u8; 72] = [
        72, 0, 0, 0,  1, 33, 0, 0,  1, 0, 0, 0, 0, 0, 0, 0,
        17, 0, 0, 0, 0, 0, 0, 0,  0xf8, 0x4d, 0x0f, 0, 0, 0, 0, 0,  2, 0,  0, 0, 0, 0, 0, 0,
        0x89, 0x13, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0,  0, 0,  2, 0,
        0x87, 0x13, 0, 0, 0, 0, 0, 0,  0xe8, 3, 0, 0,  1, 0,  2, 0,
    ];

    fn named() -> Reader {
        let mut reader = Reader::default();
        for (index, name) in [(0, "AAA"), (1, "BBB")] {
            assert_eq!(reader.read(&symbol(index, name)), Ok(43));
        }
        reader
    }

    #[test]
    fn the_example_is_two_points() {
        let mut reader = named();
        assert_eq!(
            reader.read(&[EXAMPLE.as_slice(), &[72, 0]].concat()),
            Ok(72)
        );
        let (points, quotes) = reader.drain();
        let quote = |sequence, at_ns, price: &str| Quote {
            sequence,
            at_ns,
            price: price.to_owned(),
        };
        assert_eq!(points, 2);
        let expected = [
            ("AAA".to_owned(), quote(17, 1_003_000, "50.01")),
            ("BBB".to_owned(), quote(18, 1_004_000, "49.99")),
        ];
        assert_eq!(quotes, expected);
        assert_eq!(reader.drain(), (0, Vec::new()));
    }

    #[test]
    fn a_receipt_is_for_everything_until_then_and_given_once() {
        let mut reader = named();
        assert_eq!(reader.receipt(), None);
        reader.read(&EXAMPLE).unwrap();
        let receipt = reader.receipt().unwrap();
        assert_eq!(
            (receipt[0], receipt[5], receipt[8], receipt[16]),
            (40, 160, 1, 2)
        );
        assert_eq!(reader.receipt(), None);
    }

    #[test]
    fn what_does_not_fit_together_ends_the_connection() {
        for (at, byte, why) in [
            (1, 4, FrameError::Length(72 + 1024)),
            (0, 39, FrameError::Length(39)),
            (4, 2, FrameError::Kind(2, 33)),
            (5, 34, FrameError::Kind(1, 34)),
            (8, 2, FrameError::Fields),
            (32, 3, FrameError::Fields),
            (52, 9, FrameError::Fields),
        ] {
            let mut wrong = EXAMPLE;
            wrong[at] = byte;
            assert_eq!(named().read(&wrong), Err(why), "{byte} at {at}");
        }
    }
}

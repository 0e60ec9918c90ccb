//! Points in length-prefixed frames, as `docs/market-data.md` specifies them. Pure.

use shakedown_scenarios::plan::SymbolShare;

use super::source::Point;
use super::way::{Heard, Wrong};
use crate::http::Grid;

/// Longest frame, in bytes.
pub const LONGEST_FRAME: usize = 1024;

/// Most points of a frame.
pub const POINTS_IN_FRAME: usize = (LONGEST_FRAME - FIXED) / POINT;

/// Header and fields that all frames have, in bytes.
const FIXED: usize = 40;

/// A point in a frame, in bytes.
const POINT: usize = 16;

const VERSION: u8 = 1;
const SYMBOL: u8 = 32;
const POINTS: u8 = 33;
const RECEIPT: u8 = 160;

/// Writes frames and reads receipts of one connection at a time.
#[derive(Debug)]
pub(super) struct Frames {
    names: Vec<String>,
    grids: Vec<Grid>,
    /// Wall clock at zero, in nanoseconds since 1970.
    zero_wall_ns: u64,
    /// Frames of points on this connection.
    number: u64,
    /// A receipt that is not complete.
    partial: Vec<u8>,
}

impl Frames {
    /// `None` for a symbol whose ticks have no 63 bits.
    pub(super) fn new(symbols: &[SymbolShare], zero_wall_ns: u64) -> Option<Frames> {
        let grids = symbols.iter().map(|it| Grid::new(it.instrument.tick));
        Some(Frames {
            names: symbols.iter().map(|it| it.name.clone()).collect(),
            grids: grids.collect::<Option<Vec<Grid>>>()?,
            zero_wall_ns,
            number: 0,
            partial: Vec::with_capacity(FIXED),
        })
    }

    /// A new connection: names the symbols.
    pub(super) fn begin(&mut self, out: &mut Vec<u8>) {
        self.number = 0;
        self.partial.clear();
        for (index, name) in self.names.iter().enumerate() {
            let name = name.as_bytes();
            header(FIXED + name.len(), SYMBOL, 0, out);
            out.extend_from_slice(&(index as u64).to_le_bytes());
            out.extend_from_slice(&[0; 16]);
            out.extend_from_slice(name);
        }
    }

    /// Writes a frame of points, from 1 to [`POINTS_IN_FRAME`], whose numbers follow each other.
    pub(super) fn append(&mut self, points: &[Point], out: &mut Vec<u8>) {
        let Some(first) = points.first() else {
            return;
        };
        debug_assert!(points.len() <= POINTS_IN_FRAME);
        self.number += 1;
        header(FIXED + points.len() * POINT, POINTS, self.number, out);
        out.extend_from_slice(&first.sequence.to_le_bytes());
        out.extend_from_slice(&(self.zero_wall_ns + first.at_ns).to_le_bytes());
        out.extend_from_slice(&(points.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0; 6]);
        for point in points {
            let price = self.grids[point.symbol].units(point.price_ticks);
            let after_ns = u32::try_from(point.at_ns - first.at_ns).unwrap_or(u32::MAX);
            out.extend_from_slice(&price.mantissa.to_le_bytes());
            out.extend_from_slice(&after_ns.to_le_bytes());
            out.extend_from_slice(&(point.symbol as u16).to_le_bytes());
            out.extend_from_slice(&[price.scale, 0]);
        }
    }

    /// Reads receipts; each says up to which frame everything was taken in.
    pub(super) fn hear(
        &mut self,
        mut input: &[u8],
        mut tell: impl FnMut(Heard),
    ) -> Result<(), Wrong> {
        while !input.is_empty() {
            let wanted = (FIXED - self.partial.len()).min(input.len());
            self.partial.extend_from_slice(&input[..wanted]);
            input = &input[wanted..];
            if self.partial.len() < FIXED {
                return Ok(());
            }
            let (length, number) = (&self.partial[..4], &self.partial[8..16]);
            let is_receipt = length == (FIXED as u32).to_le_bytes().as_slice()
                && self.partial[4..6] == [VERSION, RECEIPT];
            let mut eight = [0; 8];
            eight.copy_from_slice(number);
            let number = u64::from_le_bytes(eight);
            self.partial.clear();
            if !is_receipt || number > self.number {
                return Err(Wrong("a receipt is none"));
            }
            tell(Heard::AcknowledgedUpTo(number));
        }
        Ok(())
    }
}

fn header(length: usize, kind: u8, number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&(length as u32).to_le_bytes());
    out.extend_from_slice(&[VERSION, kind, 0, 0]);
    out.extend_from_slice(&number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::symbols;
    use super::*;

    fn points() -> [Point; 2] {
        let point = |sequence, at_ns, symbol, price_ticks| Point {
            sequence,
            at_ns,
            symbol,
            price_ticks,
        };
        [point(17, 3_000, 0, 5_001), point(18, 4_000, 1, 4_999)]
    }

    /// The example of `docs/market-data.md`, byte by byte.
    #[test]
    fn a_frame_of_points_is_written_as_specified() {
        let mut frames = Frames::new(&symbols(), 1_000_000).unwrap();
        let mut out = Vec::new();
        frames.append(&points(), &mut out);
        #[rustfmt::skip]
        let expected = [
            72, 0, 0, 0,  1, 33, 0, 0,  1, 0, 0, 0, 0, 0, 0, 0,
            17, 0, 0, 0, 0, 0, 0, 0,  0xf8, 0x4d, 0x0f, 0, 0, 0, 0, 0,  2, 0,  0, 0, 0, 0, 0, 0,
            0x89, 0x13, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0,  0, 0,  2, 0,
            0x87, 0x13, 0, 0, 0, 0, 0, 0,  0xe8, 3, 0, 0,  1, 0,  2, 0,
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn symbols_are_named_on_each_connection() {
        let mut frames = Frames::new(&symbols(), 0).unwrap();
        let mut out = Vec::new();
        frames.begin(&mut out);
        assert_eq!(out.len(), 2 * (FIXED + 3));
        assert_eq!(&out[4..6], [VERSION, SYMBOL]);
        assert_eq!((out[43 + 16], &out[43 + 40..]), (1, b"BBB".as_slice()));
    }

    #[test]
    fn receipts_are_read_wherever_they_are_cut_and_what_is_none_is_refused() {
        let mut frames = Frames::new(&symbols(), 0).unwrap();
        let mut out = Vec::new();
        (0..9).for_each(|_| frames.append(&points(), &mut out));
        let receipt = |number: u64| {
            let mut bytes = Vec::new();
            header(FIXED, RECEIPT, number, &mut bytes);
            bytes.resize(FIXED, 0);
            bytes
        };
        let stream = [receipt(4), receipt(9)].concat();
        for cut in 0..stream.len() {
            let mut heard = Vec::new();
            for piece in [&stream[..cut], &stream[cut..]] {
                frames.hear(piece, |it| heard.push(it)).unwrap();
            }
            let expected = [4, 9].map(Heard::AcknowledgedUpTo);
            assert_eq!(heard, expected, "cut at {cut}");
        }
        assert!(frames.hear(&receipt(10), |_| ()).is_err(), "never written");
        assert!(frames.hear(&[7; FIXED], |_| ()).is_err());
    }
}

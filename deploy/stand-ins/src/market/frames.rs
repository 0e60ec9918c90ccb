//! Points in frames (`docs/market-data.md`), read where they lie.

const VERSION: u8 = 1;
const SYMBOL: u8 = 32;
const POINTS: u8 = 33;
const RECEIPT: u8 = 160;

const MAX_FRAME_BYTES: usize = 1024;
const FIXED_BYTES: usize = 40;
const POINT_BYTES: usize = 16;

/// Units of a price by its scale.
const UNITS: [f64; 19] = [
    1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18,
];

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

/// A point of a symbol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// The connection's number for the symbol.
    pub symbol: usize,
    /// When it was made, in nanoseconds since 1970.
    pub at_ns: u64,
    pub price: f64,
}

/// Who is told what frames say.
pub(super) trait Hear {
    /// The next number has this name.
    fn symbol(&mut self, name: &str);
    fn point(&mut self, point: Point);
}

/// How far one connection is.
#[derive(Debug, Default)]
pub(super) struct Reader {
    symbols: usize,
    /// The number of the last frame of points, and of the last that has a receipt.
    number: u64,
    told: u64,
    /// Points of this connection.
    points: u64,
}

impl Reader {
    /// Reads whole frames from `input`; returns how many bytes they have.
    pub(super) fn read(&mut self, input: &[u8], hear: &mut impl Hear) -> Result<usize, FrameError> {
        let mut used = 0;
        while let Some(length) = input[used..].first_chunk::<4>() {
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            if !(FIXED_BYTES..=MAX_FRAME_BYTES).contains(&length) {
                return Err(FrameError::Length(length));
            }
            let Some(frame) = input.get(used..used + length) else {
                break;
            };
            match (frame[4], frame[5]) {
                (VERSION, SYMBOL) => self.symbol(frame, hear)?,
                (VERSION, POINTS) => self.take(frame, hear)?,
                (version, kind) => return Err(FrameError::Kind(version, kind)),
            }
            used += length;
        }
        Ok(used)
    }

    /// Points of this connection until now.
    pub(super) fn points(&self) -> u64 {
        self.points
    }

    fn symbol(&mut self, frame: &[u8], hear: &mut impl Hear) -> Result<(), FrameError> {
        let name = std::str::from_utf8(&frame[FIXED_BYTES..]).map_err(|_| FrameError::Fields)?;
        if eight(frame, 16) != self.symbols as u64 || self.symbols > usize::from(u16::MAX) {
            return Err(FrameError::Fields);
        }
        self.symbols += 1;
        hear.symbol(name);
        Ok(())
    }

    fn take(&mut self, frame: &[u8], hear: &mut impl Hear) -> Result<(), FrameError> {
        let count = usize::from(u16::from_le_bytes([frame[32], frame[33]]));
        let points = &frame[FIXED_BYTES..];
        let number = eight(frame, 8);
        if count == 0 || points.len() != count * POINT_BYTES || number != self.number + 1 {
            return Err(FrameError::Fields);
        }
        let base_ns = eight(frame, 24);
        for point in points.chunks_exact(POINT_BYTES) {
            let symbol = usize::from(u16::from_le_bytes([point[12], point[13]]));
            let after_ns = u32::from_le_bytes([point[8], point[9], point[10], point[11]]);
            let unit = UNITS.get(usize::from(point[14]));
            if symbol >= self.symbols || point[15] != 0 {
                return Err(FrameError::Fields);
            }
            let mantissa = i64::from_le_bytes(eight(point, 0).to_le_bytes());
            hear.point(Point {
                symbol,
                at_ns: base_ns.saturating_add(u64::from(after_ns)),
                price: mantissa as f64 / unit.ok_or(FrameError::Fields)?,
            });
        }
        self.number = number;
        self.points += count as u64;
        Ok(())
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
        frame[16..24].copy_from_slice(&self.points.to_le_bytes());
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

    #[derive(Debug, Default)]
    struct Heard(Vec<String>, Vec<Point>);

    impl Hear for Heard {
        fn symbol(&mut self, name: &str) {
            self.0.push(name.to_owned());
        }

        fn point(&mut self, point: Point) {
            self.1.push(point);
        }
    }

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

    fn named(heard: &mut Heard) -> Reader {
        let mut reader = Reader::default();
        for (index, name) in [(0, "AAA"), (1, "BBB")] {
            assert_eq!(reader.read(&symbol(index, name), heard), Ok(43));
        }
        reader
    }

    #[test]
    fn the_example_is_two_points_and_has_one_receipt() {
        let mut heard = Heard::default();
        let mut reader = named(&mut heard);
        assert_eq!(reader.receipt(), None);
        let input = [EXAMPLE.as_slice(), &[72, 0]].concat();
        assert_eq!(reader.read(&input, &mut heard), Ok(72));
        let point = |symbol, at_ns, price| Point {
            symbol,
            at_ns,
            price,
        };
        assert_eq!(heard.0, ["AAA", "BBB"]);
        assert_eq!(
            heard.1,
            [point(0, 1_003_000, 50.01), point(1, 1_004_000, 49.99)]
        );
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
            (54, 19, FrameError::Fields),
        ] {
            let mut wrong = EXAMPLE;
            wrong[at] = byte;
            let mut heard = Heard::default();
            let mut reader = named(&mut heard);
            assert_eq!(reader.read(&wrong, &mut heard), Err(why), "{byte} at {at}");
        }
    }
}

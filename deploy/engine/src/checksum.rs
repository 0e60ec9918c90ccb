//! CRC-32C (Castagnoli), which guards every record of the log and every snapshot against torn writes.

const POLYNOMIAL: u32 = 0x82F6_3B78;

const TABLE: [u32; 256] = build_table();

const fn build_table() -> [u32; 256] {
    let mut table = [0u32; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                (value >> 1) ^ POLYNOMIAL
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
}

/// A running CRC-32C over data that arrives in pieces.
#[derive(Debug, Clone, Copy)]
pub struct Crc32c(u32);

impl Crc32c {
    /// Starts over no data.
    pub fn new() -> Self {
        Self(u32::MAX)
    }

    /// Adds the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        let mut value = self.0;
        for byte in bytes {
            value = (value >> 8) ^ TABLE[((value ^ u32::from(*byte)) & 0xFF) as usize];
        }
        self.0 = value;
    }

    /// The checksum of everything added so far.
    pub fn value(self) -> u32 {
        !self.0
    }
}

impl Default for Crc32c {
    fn default() -> Self {
        Self::new()
    }
}

/// The CRC-32C of `bytes`.
pub fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = Crc32c::new();
    crc.update(bytes);
    crc.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_vectors() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0u8; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFFu8; 32]), 0x62A8_AB43);
    }

    #[test]
    fn pieces_give_the_same_as_the_whole_and_a_flipped_bit_does_not() {
        let mut crc = Crc32c::new();
        crc.update(b"12345");
        crc.update(b"6789");
        assert_eq!(crc.value(), crc32c(b"123456789"));
        assert_ne!(crc32c(b"123456788"), crc32c(b"123456789"));
    }
}

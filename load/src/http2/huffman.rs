//! The Huffman code of HPACK (RFC 7541, appendix B). It is canonical: the lengths of its codes say all.

use std::sync::LazyLock;

/// Length of each byte's code, in bits.
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// The code that ends a text; it never occurs in one.
const END: u16 = 256;

const LONGEST: usize = 30;

static CODE: LazyLock<Code> = LazyLock::new(Code::new);

/// The codes by their length: of each length the first one, how many there are, and where their bytes begin.
struct Code {
    first: [u32; LONGEST + 1],
    count: [u32; LONGEST + 1],
    begins: [usize; LONGEST + 1],
    symbols: Vec<u16>,
}

impl Code {
    fn new() -> Code {
        let length = |symbol: u16| match symbol {
            END => LONGEST,
            byte => usize::from(LENGTHS[usize::from(byte)]),
        };
        let mut symbols: Vec<u16> = (0..=END).collect();
        symbols.sort_by_key(|symbol| (length(*symbol), *symbol));
        let mut code = Code {
            first: [0; LONGEST + 1],
            count: [0; LONGEST + 1],
            begins: [0; LONGEST + 1],
            symbols,
        };
        for symbol in 0..=END {
            code.count[length(symbol)] += 1;
        }
        for bits in 1..=LONGEST {
            code.first[bits] = (code.first[bits - 1] + code.count[bits - 1]) << 1;
            code.begins[bits] = code.begins[bits - 1] + code.count[bits - 1] as usize;
        }
        code
    }

    fn symbol(&self, code: u32, bits: usize) -> Option<u16> {
        let place = code.checked_sub(self.first[bits])?;
        let found = self.begins[bits] + place as usize;
        (place < self.count[bits]).then(|| self.symbols[found])
    }
}

/// Appends the text that `bytes` are the code of; `None`: of none.
pub(super) fn decode(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (mut code, mut bits) = (0u32, 0);
    for byte in bytes {
        for shift in (0..8).rev() {
            code = code << 1 | u32::from(byte >> shift & 1);
            bits += 1;
            match CODE.symbol(code, bits) {
                Some(symbol) => {
                    out.push(u8::try_from(symbol).ok()?);
                    (code, bits) = (0, 0);
                }
                None if bits == LONGEST => return None,
                None => {}
            }
        }
    }
    // What fills up the last byte is the beginning of the code that ends texts.
    (bits < 8 && code == (1 << bits) - 1).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(hex: &str) -> Option<String> {
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let mut out = Vec::new();
        decode(&bytes, &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_examples_of_the_specification_are_read() {
        for (hex, expected) in [
            ("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"),
            ("a8eb10649cbf", "no-cache"),
            ("25a849e95ba97d7f", "custom-key"),
            ("6402", "302"),
            ("aec3771a4b", "private"),
            (
                "d07abe941054d444a8200595040b8166e082a62d1bff",
                "Mon, 21 Oct 2013 20:13:21 GMT",
            ),
            ("07", "0"),
            ("", ""),
        ] {
            assert_eq!(text(hex).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        // The end of a text within it; eight bits of filling; filling with zeros.
        for hex in ["ffffffff", "f1e3c2e5f23a6ba0ab90f4ffff", "00"] {
            assert_eq!(text(hex), None, "{hex}");
        }
    }
}

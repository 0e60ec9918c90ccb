//! Headers as HPACK writes them (RFC 7541), without a dynamic table.

use super::{Malformed, huffman, table::COMMON};

/// Longest name or value, in bytes.
const LONGEST_TEXT: usize = 64 * 1024;

/// Appends a number with a prefix of `bits` bits, the rest of the first byte being `first`.
pub(super) fn append_number(first: u8, bits: u32, number: usize, out: &mut Vec<u8>) {
    let most = (1usize << bits) - 1;
    if number < most {
        out.push(first | number as u8);
        return;
    }
    out.push(first | most as u8);
    let mut rest = number - most;
    while rest >= 128 {
        out.push(rest as u8 | 128);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Appends a text as it is.
pub(super) fn append_text(text: &[u8], out: &mut Vec<u8>) {
    append_number(0, 7, text.len(), out);
    out.extend_from_slice(text);
}

/// How a header is written of which only the value follows: it enters no table. `secret`: nor that of anybody who
/// passes it on.
pub(super) fn append_name(name: &str, secret: bool, out: &mut Vec<u8>) {
    let first = if secret { 0x10 } else { 0 };
    match COMMON.iter().position(|(common, _)| *common == name) {
        Some(place) => append_number(first, 4, place + 1, out),
        None => {
            out.push(first);
            append_text(name.as_bytes(), out);
        }
    }
}

/// Appends a header that is written once and for all: as one number, where it is a common one.
pub(super) fn append_header(name: &str, value: &str, secret: bool, out: &mut Vec<u8>) {
    match COMMON.iter().position(|common| *common == (name, value)) {
        Some(place) => append_number(0x80, 7, place + 1, out),
        None => {
            append_name(name, secret, out);
            append_text(value.as_bytes(), out);
        }
    }
}

/// Reads a block of headers, each of which `take` is told.
///
/// # Errors
/// When it is damaged, or uses a table although we have none.
pub(super) fn read(
    block: &[u8],
    mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut reader = Reader { rest: block };
    let (mut name, mut value) = (Vec::new(), Vec::new());
    while let Some(first) = reader.rest.first().copied() {
        let bits = match first {
            0x80.. => {
                let (name, value) = common(reader.number(7)?)?;
                take(name.as_bytes(), value.as_bytes())?;
                continue;
            }
            // To remember it or not: we do not.
            0x40.. => 6,
            0x20.. => {
                // A new size of our table, which is none.
                match reader.number(5)? {
                    0 => continue,
                    _ => return Err(Malformed::Headers),
                }
            }
            _ => 4,
        };
        name.clear();
        value.clear();
        match reader.number(bits)? {
            0 => reader.text(&mut name)?,
            place => name.extend_from_slice(common(place)?.0.as_bytes()),
        }
        reader.text(&mut value)?;
        take(&name, &value)?;
    }
    Ok(())
}

fn common(place: usize) -> Result<(&'static str, &'static str), Malformed> {
    let found = place.checked_sub(1).and_then(|place| COMMON.get(place));
    found.copied().ok_or(Malformed::Headers)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed::Headers)?;
        self.rest = rest;
        Ok(*first)
    }

    fn number(&mut self, bits: u32) -> Result<usize, Malformed> {
        let most = (1usize << bits) - 1;
        let mut number = usize::from(self.byte()?) & most;
        if number < most {
            return Ok(number);
        }
        for shift in [0, 7, 14] {
            let byte = usize::from(self.byte()?);
            number += (byte & 127) << shift;
            if byte < 128 {
                return Ok(number);
            }
        }
        Err(Malformed::Headers)
    }

    fn text(&mut self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let is_coded = self.rest.first().is_some_and(|byte| *byte >= 128);
        let length = self.number(7)?;
        if length > LONGEST_TEXT || length > self.rest.len() {
            return Err(Malformed::Headers);
        }
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        if is_coded {
            return huffman::decode(text, out).ok_or(Malformed::Headers);
        }
        out.extend_from_slice(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(block: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
        let mut found = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        read(block, |name, value| {
            found.push((text(name), text(value)));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn headers_are_read_as_they_were_written() {
        let mut block = Vec::new();
        let long = "x".repeat(300);
        let headers = [
            (":method", "POST"),
            (":path", "/orders"),
            ("authorization", "Bearer x"),
            ("x-own", long.as_str()),
        ];
        for (name, value) in headers {
            append_header(name, value, name == "authorization", &mut block);
        }
        assert_eq!(block[0], 0x83, "a common header is one byte");
        let found = all(&block).unwrap();
        for (found, (name, value)) in found.iter().zip(headers) {
            assert_eq!((found.0.as_str(), found.1.as_str()), (name, value));
        }
        assert_eq!(found.len(), headers.len());
    }

    #[test]
    fn the_answer_of_the_specification_is_read() {
        // RFC 7541, C.6.1, whose encoder remembers: of a first block, that changes nothing.
        let block = [
            0x48, 0x82, 0x64, 0x02, 0x58, 0x85, 0xae, 0xc3, 0x77, 0x1a, 0x4b,
        ];
        let found = all(&block).unwrap();
        assert_eq!(found[0], (":status".to_string(), "302".to_string()));
        assert_eq!(
            found[1],
            ("cache-control".to_string(), "private".to_string())
        );
    }

    #[test]
    fn a_table_that_we_do_not_have_is_refused() {
        assert_eq!(all(&[0x20]), Ok(Vec::new()), "it has the size 0");
        for block in [
            &[0xbe][..],
            &[0x80],
            &[0x3f, 0xe1, 0x1f],
            &[0x40],
            &[0x00, 0x05, b'a'],
            &[0xff, 0xff, 0xff, 0xff],
            &[0x7f, 0x00],
        ] {
            assert_eq!(all(block), Err(Malformed::Headers), "{block:x?}");
        }
    }
}

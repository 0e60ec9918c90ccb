//! Records on disk: length, CRC-32C, payload. The log and the snapshots are made of them.

use std::io::{self, Read, Write};

use crate::checksum::crc32c;

/// Bytes before the payload of a record.
pub const RECORD_HEADER_BYTES: usize = 8;

/// The longest payload: what is longer is damage, not data.
const MAX_PAYLOAD_BYTES: usize = 256 * 1024 * 1024;

/// What reading a record found.
#[derive(Debug, PartialEq, Eq)]
pub enum Record {
    /// A whole record.
    Whole(Vec<u8>),
    /// The data ends here, cleanly.
    End,
    /// The data ends within a record, or a record does not match its checksum.
    Torn,
}

/// Appends a record with this payload to `out`.
pub fn push_record(out: &mut Vec<u8>, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("records are far below four gigabytes");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc32c(payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// Writes a record with this payload.
///
/// # Errors
/// Those of the writer.
pub fn write_record(out: &mut impl Write, payload: &[u8]) -> io::Result<()> {
    let mut record = Vec::with_capacity(RECORD_HEADER_BYTES + payload.len());
    push_record(&mut record, payload);
    out.write_all(&record)
}

/// Reads the next record.
///
/// # Errors
/// Those of the reader; damage is no error but [`Record::Torn`].
pub fn read_record(input: &mut impl Read) -> io::Result<Record> {
    let mut header = [0u8; RECORD_HEADER_BYTES];
    match read_up_to(input, &mut header)? {
        0 => return Ok(Record::End),
        RECORD_HEADER_BYTES => {}
        _ => return Ok(Record::Torn),
    }
    let [l0, l1, l2, l3, c0, c1, c2, c3] = header;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length == 0 || length > MAX_PAYLOAD_BYTES {
        return Ok(Record::Torn);
    }
    let mut payload = Vec::new();
    let got = input
        .by_ref()
        .take(length as u64)
        .read_to_end(&mut payload)?;
    if got != length || crc32c(&payload) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Ok(Record::Torn);
    }
    Ok(Record::Whole(payload))
}

fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_was_written_and_then_the_end() {
        let mut data = Vec::new();
        push_record(&mut data, b"one");
        write_record(&mut data, b"two").unwrap();
        let mut input = data.as_slice();
        assert_eq!(
            read_record(&mut input).unwrap(),
            Record::Whole(b"one".to_vec())
        );
        assert_eq!(
            read_record(&mut input).unwrap(),
            Record::Whole(b"two".to_vec())
        );
        assert_eq!(read_record(&mut input).unwrap(), Record::End);
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_seen() {
        let mut data = Vec::new();
        push_record(&mut data, b"payload");
        for length in 1..data.len() {
            assert_eq!(
                read_record(&mut &data[..length]).unwrap(),
                Record::Torn,
                "cut at {length}"
            );
        }
        for bit in 0..data.len() * 8 {
            let mut flipped = data.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                read_record(&mut flipped.as_slice()).unwrap(),
                Record::Torn,
                "bit {bit}"
            );
        }
    }

    #[test]
    fn a_tail_of_zeros_is_torn_not_an_empty_record() {
        assert_eq!(
            read_record(&mut [0u8; 64].as_slice()).unwrap(),
            Record::Torn
        );
    }
}

//! Frames: a length of four bytes, a kind of one, and what was said.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest frame in bytes; a longer one is no frame of ours.
const MOST_BYTES: usize = 1 << 28;

/// Text: a message as JSON.
const WORDS: u8 = 1;

/// A block of the ledger.
const BLOCK: u8 = 2;

/// What came over the wire.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<M> {
    Words(M),
    Block(Vec<u8>),
}

/// Writes a message.
///
/// # Errors
/// When the other end is gone.
pub(super) fn say<M: Serialize>(out: &mut (impl Write + ?Sized), message: &M) -> io::Result<()> {
    write(out, WORDS, &serde_json::to_vec(message)?)
}

/// Writes a block of the ledger.
///
/// # Errors
/// When the other end is gone.
pub(super) fn send_block(out: &mut (impl Write + ?Sized), block: &[u8]) -> io::Result<()> {
    write(out, BLOCK, block)
}

fn write(out: &mut (impl Write + ?Sized), kind: u8, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut frame = Vec::with_capacity(bytes.len() + 5);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.push(kind);
    frame.extend_from_slice(bytes);
    out.write_all(&frame)?;
    out.flush()
}

/// Reads a frame; `None` when the other end closed between two frames.
///
/// # Errors
/// When it closed within a frame, or said what is none.
pub(super) fn read<M: DeserializeOwned>(
    from: &mut (impl Read + ?Sized),
) -> io::Result<Option<Frame<M>>> {
    let mut head = [0u8; 5];
    let mut filled = 0;
    while filled < head.len() {
        match from.read(&mut head[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What was said to it last it has not read: it closed all the same.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && filled == 0 => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    let [a, b, c, d, kind] = head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > MOST_BYTES {
        return Err(foreign(format!("a frame of {length} bytes")));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    match kind {
        WORDS => Ok(Some(Frame::Words(serde_json::from_slice(&bytes)?))),
        BLOCK => Ok(Some(Frame::Block(bytes))),
        other => Err(foreign(format!("a frame of kind {other}"))),
    }
}

fn foreign(what: String) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{what} is none of ours"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_round_trip_one_after_the_other() {
        let mut wire = Vec::new();
        say(&mut wire, &"ready").unwrap();
        send_block(&mut wire, &[1, 2, 3]).unwrap();
        let mut from = wire.as_slice();
        let words = Frame::Words("ready".to_string());
        assert_eq!(read(&mut from).unwrap(), Some(words));
        let block: Option<Frame<String>> = read(&mut from).unwrap();
        assert_eq!(block, Some(Frame::Block(vec![1, 2, 3])));
        assert_eq!(read::<String>(&mut from).unwrap(), None);
    }

    #[test]
    fn whoever_closed_without_reading_has_closed() {
        let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        say(&mut ours, &"ping").unwrap();
        say(&mut &theirs, &"last").unwrap();
        drop(theirs);
        let last = Frame::Words("last".to_string());
        assert_eq!(read(&mut ours).unwrap(), Some(last));
        assert_eq!(read::<String>(&mut ours).unwrap(), None);
    }

    #[test]
    fn half_a_frame_and_a_foreign_one_are_errors() {
        let mut wire = Vec::new();
        say(&mut wire, &"ready").unwrap();
        for cut in 1..wire.len() {
            assert!(read::<String>(&mut &wire[..cut]).is_err(), "{cut}");
        }
        let mut other_kind = wire.clone();
        other_kind[4] = 9;
        assert!(read::<String>(&mut other_kind.as_slice()).is_err());
        let text = b"HTTP/1.1 400 Bad Request\r\n";
        assert!(read::<String>(&mut text.as_slice()).is_err());
    }
}

//! Messages as bytes: a tag, a length that counts itself, a body.

use std::mem;

/// Longest message that is taken: a page of a read-back comes row by row.
const LONGEST: usize = 16 << 20;

/// Tag and length.
const HEAD: usize = 5;

/// Cuts what a server says into messages.
#[derive(Debug, Default)]
pub struct Frames {
    /// A message that is not complete, or the last one that was told.
    partial: Vec<u8>,
    is_told: bool,
}

/// What the next bytes hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Framed<'a> {
    /// All of them are taken in, and no message is complete.
    More,
    Message {
        /// Bytes that are taken in.
        used: usize,
        tag: u8,
        body: &'a [u8],
    },
    /// This is not the protocol.
    Malformed,
}

impl Frames {
    /// A new connection: what was half read is forgotten.
    pub fn reset(&mut self) {
        self.partial.clear();
        self.is_told = false;
    }

    /// The next message of a connection.
    pub fn take<'a>(&'a mut self, bytes: &'a [u8]) -> Framed<'a> {
        if mem::take(&mut self.is_told) {
            self.partial.clear();
        }
        if self.partial.is_empty() {
            let total = match length(bytes) {
                Err(()) => return Framed::Malformed,
                Ok(Some(total)) if total <= bytes.len() => total,
                Ok(_) => {
                    self.partial.extend_from_slice(bytes);
                    return Framed::More;
                }
            };
            return Framed::Message {
                used: total,
                tag: bytes[0],
                body: &bytes[HEAD..total],
            };
        }
        let mut used = self.fill(bytes, HEAD);
        let Ok(total) = length(&self.partial) else {
            return Framed::Malformed;
        };
        let Some(total) = total else {
            return Framed::More;
        };
        used += self.fill(&bytes[used..], total);
        if self.partial.len() < total {
            return Framed::More;
        }
        self.is_told = true;
        Framed::Message {
            used,
            tag: self.partial[0],
            body: &self.partial[HEAD..],
        }
    }

    /// Takes in bytes until so many are there.
    fn fill(&mut self, bytes: &[u8], wanted: usize) -> usize {
        let missing = wanted.saturating_sub(self.partial.len());
        let taken = missing.min(bytes.len());
        self.partial.extend_from_slice(&bytes[..taken]);
        taken
    }
}

/// Bytes of a message whose head is there.
fn length(bytes: &[u8]) -> Result<Option<usize>, ()> {
    let Some(head) = bytes.get(1..HEAD) else {
        return Ok(None);
    };
    let length = head
        .iter()
        .fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
    match length {
        4..=LONGEST => Ok(Some(1 + length)),
        _ => Err(()),
    }
}

/// A message, appended to `out`.
pub(super) fn append(tag: u8, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    append_length(out, body);
}

/// A body behind its length, appended to `out`.
pub(super) fn append_length(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = (out.len() - at) as u32;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

/// A text that ends with a zero; one inside would end it early, and is left out.
pub(super) fn append_text(text: &str, out: &mut Vec<u8>) {
    out.extend(text.bytes().filter(|byte| *byte != 0));
    out.push(0);
}

/// The end of what is asked together: the server commits, and says that it is ready.
pub fn append_sync(out: &mut Vec<u8>) {
    append(b'S', out, |_| {});
}

/// Statements without parameters, several at once: one transaction.
pub fn append_query(sql: &str, out: &mut Vec<u8>) {
    append(b'Q', out, |out| append_text(sql, out));
}

/// The last words on a connection.
pub fn append_terminate(out: &mut Vec<u8>) {
    append(b'X', out, |_| {});
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_out_wherever_the_bytes_are_cut() {
        let mut said = Vec::new();
        append(b'A', &mut said, |out| out.extend_from_slice(b"one"));
        append(b'B', &mut said, |_| {});
        append(b'C', &mut said, |out| out.extend_from_slice(&[7; 300]));
        for cut in 1..said.len() {
            let mut frames = Frames::default();
            let mut heard = Vec::new();
            for piece in said.chunks(cut) {
                let mut rest = piece;
                while !rest.is_empty() {
                    match frames.take(rest) {
                        Framed::More => break,
                        Framed::Message { used, tag, body } => {
                            heard.push((tag, body.len()));
                            rest = &rest[used..];
                        }
                        Framed::Malformed => panic!("cut at {cut}"),
                    }
                }
            }
            assert_eq!(heard, [(b'A', 3), (b'B', 0), (b'C', 300)], "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_message_is_told_at_once() {
        assert_eq!(Frames::default().take(b"HTTP/1.1 400"), Framed::Malformed);
        assert_eq!(
            Frames::default().take(&[b'Z', 0, 0, 0, 3]),
            Framed::Malformed
        );
        let mut slow = Frames::default();
        assert_eq!(slow.take(b"HT"), Framed::More);
        assert_eq!(slow.take(b"TP/"), Framed::Malformed);
    }
}

//! A stream that comes in pieces: whole messages are read where they lie, only torn ones are copied.

use super::message::{Garbled, Message, Next, NotFix, next};

/// What was received of a connection and not read yet.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    torn: Vec<u8>,
    /// What is in `torn` has been read.
    read: bool,
}

/// What the next bytes were.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken<'a> {
    /// All of them are taken in, and nothing is complete.
    More,
    Message {
        used: usize,
        message: Message<'a>,
    },
    /// Passed over.
    Garbled {
        used: usize,
        why: Garbled,
    },
}

impl Inbound {
    /// Forgets what was half read.
    pub fn reset(&mut self) {
        self.torn.clear();
        self.read = false;
    }

    /// Reads on; `bytes` are new since what was used of the last ones.
    ///
    /// # Errors
    /// [`NotFix`] when this is another protocol.
    pub fn next<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Taken<'a>, NotFix> {
        if self.read {
            self.reset();
        }
        if self.torn.is_empty() {
            return match next(bytes)? {
                Next::More => {
                    self.torn.extend_from_slice(bytes);
                    Ok(Taken::More)
                }
                Next::Message { used, message } => Ok(Taken::Message { used, message }),
                Next::Garbled { used, why } => Ok(Taken::Garbled { used, why }),
            };
        }
        let before = self.torn.len();
        self.torn.extend_from_slice(bytes);
        match next(&self.torn)? {
            Next::More => Ok(Taken::More),
            Next::Message { used, message } => {
                self.read = true;
                let used = used - before;
                Ok(Taken::Message { used, message })
            }
            Next::Garbled { used, why } => {
                self.read = true;
                // What is passed over may end within what was there before: then all of that goes.
                let used = used.saturating_sub(before);
                Ok(Taken::Garbled { used, why })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::Pen;

    #[test]
    fn a_stream_may_be_cut_anywhere() {
        let mut pen = Pen::default();
        let mut stream = Vec::new();
        for number in 1..=3 {
            pen.begin(b"0");
            pen.number(34, number);
            pen.finish(&mut stream);
        }
        for length in 1..stream.len() {
            let mut inbound = Inbound::default();
            let mut seen = Vec::new();
            for piece in stream.chunks(length) {
                let mut rest = piece;
                while !rest.is_empty() {
                    match inbound.next(rest).unwrap() {
                        Taken::More => break,
                        Taken::Message { used, message } => {
                            seen.push(message.number(34).unwrap());
                            rest = &rest[used..];
                        }
                        Taken::Garbled { .. } => panic!("nothing is garbled"),
                    }
                }
            }
            assert_eq!(seen, [1, 2, 3], "in pieces of {length}");
        }
    }
}

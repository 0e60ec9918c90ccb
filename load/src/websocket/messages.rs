//! Messages out of a stream of bytes, however it is cut and however they are fragmented: one [`Messages`] for each
//! connection.

use super::frame::{Head, Malformed, Opcode, head};

/// Longest message, in bytes. No acknowledgement of an order needs more.
pub const LONGEST_MESSAGE: usize = 1024 * 1024;

/// Longest head of a server's frame, in bytes.
const LONGEST_HEAD: usize = 10;

/// What a server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole message, as text or as bytes.
    Message(&'a [u8]),
    /// Wants a pong with the same payload.
    Ping(&'a [u8]),
    Pong,
    /// Wants the connection closed.
    Close,
}

/// Cuts the stream of one connection into messages.
#[derive(Debug, Default)]
pub struct Messages {
    /// A frame that is not complete.
    frame: Vec<u8>,
    /// The fragments of a message that is not complete, or that was returned last.
    message: Vec<u8>,
    /// What the message in fragments is.
    begun: Option<Opcode>,
    /// What was returned last is in `frame`, or in `message`.
    spent: Spent,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Spent {
    #[default]
    Nothing,
    Frame,
    Message,
}

impl Messages {
    /// Forgets what is half read: the connection is a new one.
    pub fn reset(&mut self) {
        self.frame.clear();
        self.message.clear();
        self.begun = None;
        self.spent = Spent::Nothing;
    }

    /// Reads on. `Some`: what was said, and how many bytes of `input` belong to it; call again with the rest. `None`: all
    /// of `input` was taken in and nothing is complete.
    ///
    /// # Errors
    /// When no server says such a thing; the connection must be closed.
    pub fn next<'a>(
        &'a mut self,
        input: &'a [u8],
    ) -> Result<Option<(usize, Event<'a>)>, Malformed> {
        self.forget_spent();
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            if self.frame.is_empty()
                && let Some(found) = head(rest)?
                && found.length <= rest.len()
            {
                at += found.length;
                let payload = &rest[found.begins..found.length];
                if let Some(event) = self.whole(found, payload)? {
                    return Ok(Some((at, self.event(event, payload))));
                }
                continue;
            }
            let Some((found, used)) = self.read_frame(rest)? else {
                return Ok(None);
            };
            at += used;
            let frame = std::mem::take(&mut self.frame);
            let event = self.whole(found, &frame[found.begins..]);
            self.frame = frame;
            match event? {
                None => self.frame.clear(),
                Some(event) => {
                    if self.spent == Spent::Nothing {
                        self.spent = Spent::Frame;
                    } else {
                        self.frame.clear();
                    }
                    let payload = self.frame.get(found.begins..).unwrap_or_default();
                    return Ok(Some((at, shown(event, payload, &self.message))));
                }
            }
        }
        Ok(None)
    }

    fn forget_spent(&mut self) {
        match self.spent {
            Spent::Nothing => {}
            Spent::Frame => self.frame.clear(),
            Spent::Message => self.message.clear(),
        }
        self.spent = Spent::Nothing;
    }

    /// Takes in the bytes of a frame that is not all in one read.
    fn read_frame(&mut self, input: &[u8]) -> Result<Option<(Head, usize)>, Malformed> {
        let mut used = 0;
        loop {
            let found = head(&self.frame)?;
            let wanted = found.map_or(LONGEST_HEAD, |found| found.length);
            if let Some(found) = found
                && self.frame.len() == wanted
            {
                return Ok(Some((found, used)));
            }
            if used == input.len() {
                return Ok(None);
            }
            // A head is taken in byte by byte: it says how long it is.
            let step = match found {
                None => 1,
                Some(_) => (wanted - self.frame.len()).min(input.len() - used),
            };
            self.frame.extend_from_slice(&input[used..used + step]);
            used += step;
        }
    }

    /// What a whole frame completes; nothing when its message goes on.
    fn whole(&mut self, found: Head, payload: &[u8]) -> Result<Option<Said>, Malformed> {
        match found.opcode {
            Opcode::Close => Ok(Some(Said::Close)),
            Opcode::Ping => Ok(Some(Said::Ping)),
            Opcode::Pong => Ok(Some(Said::Pong)),
            Opcode::Text | Opcode::Binary if self.begun.is_some() => Err(Malformed::Fragment),
            Opcode::Text | Opcode::Binary if found.is_last => {
                checked(found.opcode, payload)?;
                Ok(Some(Said::Payload))
            }
            Opcode::Text | Opcode::Binary => {
                self.begun = Some(found.opcode);
                self.gather(payload)?;
                Ok(None)
            }
            Opcode::Continuation => {
                let begun = self.begun.ok_or(Malformed::Fragment)?;
                self.gather(payload)?;
                if !found.is_last {
                    return Ok(None);
                }
                self.begun = None;
                checked(begun, &self.message)?;
                self.spent = Spent::Message;
                Ok(Some(Said::Gathered))
            }
        }
    }

    fn gather(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        if self.message.len() + payload.len() > LONGEST_MESSAGE {
            return Err(Malformed::TooLong);
        }
        self.message.extend_from_slice(payload);
        Ok(())
    }

    fn event<'a>(&'a self, said: Said, payload: &'a [u8]) -> Event<'a> {
        shown(said, payload, &self.message)
    }
}

/// What a frame completed, and where its content lies.
#[derive(Debug, Clone, Copy)]
enum Said {
    Payload,
    Gathered,
    Ping,
    Pong,
    Close,
}

fn shown<'a>(said: Said, payload: &'a [u8], message: &'a [u8]) -> Event<'a> {
    match said {
        Said::Payload => Event::Message(payload),
        Said::Gathered => Event::Message(message),
        Said::Ping => Event::Ping(payload),
        Said::Pong => Event::Pong,
        Said::Close => Event::Close,
    }
}

fn checked(opcode: Opcode, message: &[u8]) -> Result<(), Malformed> {
    if opcode == Opcode::Text && std::str::from_utf8(message).is_err() {
        return Err(Malformed::Text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![first];
        match payload.len() {
            short @ 0..126 => out.push(short as u8),
            long => {
                out.push(126);
                out.extend_from_slice(&(long as u16).to_be_bytes());
            }
        }
        out.extend_from_slice(payload);
        out
    }

    /// Texts short and long, one in three fragments with a ping between them, a pong, bytes, a close.
    fn stream() -> (Vec<u8>, Vec<String>) {
        let long = "x".repeat(200);
        let frames = [
            frame(0x81, b"{\"a\":1}"),
            frame(0x81, long.as_bytes()),
            frame(0x01, "gr\u{fc}".as_bytes().get(..3).unwrap()),
            frame(0x89, b"are you there"),
            frame(0x00, b"\xbc"),
            frame(0x80, b"n"),
            frame(0x8a, b""),
            frame(0x82, b"\xff\x00"),
            frame(0x81, b""),
            frame(0x88, b"\x03\xe9bye"),
        ];
        let said = [
            "message {\"a\":1}".to_string(),
            format!("message {long}"),
            "ping are you there".to_string(),
            "message gr\u{fc}n".to_string(),
            "pong".to_string(),
            "message \u{fffd}\u{0}".to_string(),
            "message ".to_string(),
            "close".to_string(),
        ];
        (frames.concat(), said.to_vec())
    }

    fn read(pieces: &[&[u8]]) -> Result<Vec<String>, Malformed> {
        let mut reader = Messages::default();
        let mut said = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let Some((used, event)) = reader.next(rest)? else {
                    break;
                };
                said.push(match event {
                    Event::Message(bytes) => format!("message {}", String::from_utf8_lossy(bytes)),
                    Event::Ping(bytes) => format!("ping {}", String::from_utf8_lossy(bytes)),
                    Event::Pong => "pong".to_string(),
                    Event::Close => "close".to_string(),
                });
                rest = &rest[used..];
            }
        }
        Ok(said)
    }

    #[test]
    fn messages_are_the_same_wherever_the_stream_is_cut() {
        let (stream, said) = stream();
        assert_eq!(read(&[&stream]).unwrap(), said);
        for first in 0..=stream.len() {
            let (left, right) = stream.split_at(first);
            assert_eq!(read(&[left, right]).unwrap(), said, "cut at {first}");
        }
        for step in 1..=stream.len() {
            let pieces: Vec<&[u8]> = stream.chunks(step).collect();
            assert_eq!(read(&pieces).unwrap(), said, "pieces of {step}");
        }
    }

    #[test]
    fn a_truncated_message_is_never_a_message() {
        let whole = frame(0x81, b"{\"state\":\"accepted\"}");
        for length in 0..whole.len() {
            assert_eq!(read(&[&whole[..length]]).unwrap(), Vec::<String>::new());
        }
    }

    #[test]
    fn fragments_that_do_not_fit_together_are_refused() {
        for (frames, why) in [
            (vec![frame(0x80, b"n")], Malformed::Fragment),
            (
                vec![frame(0x01, b"a"), frame(0x81, b"b")],
                Malformed::Fragment,
            ),
            (vec![frame(0x81, b"\xff")], Malformed::Text),
            (
                vec![frame(0x01, b"\xc3"), frame(0x80, b"\x28")],
                Malformed::Text,
            ),
        ] {
            let stream = frames.concat();
            assert_eq!(read(&[&stream]), Err(why));
            let single: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(read(&single), Err(why), "byte by byte");
        }
    }

    #[test]
    fn a_message_without_an_end_is_bounded() {
        let mut reader = Messages::default();
        let fragment = frame(0x00, &[b'x'; 60_000]);
        assert_eq!(reader.next(&frame(0x01, b"x")), Ok(None));
        let mut refused = false;
        for _ in 0..20 {
            refused |= reader.next(&fragment) == Err(Malformed::TooLong);
        }
        assert!(refused);
    }

    #[test]
    fn a_new_connection_begins_with_a_new_message() {
        let mut reader = Messages::default();
        assert_eq!(reader.next(&frame(0x01, b"half")), Ok(None));
        assert_eq!(reader.next(&[0x80, 9]), Ok(None));
        reader.reset();
        let whole = frame(0x81, b"{}");
        assert_eq!(reader.next(&whole), Ok(Some((4, Event::Message(b"{}")))));
    }
}

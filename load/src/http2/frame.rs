//! Frames: nine bytes of header, and what they hold.

use super::Malformed;

/// What a connection of ours begins with.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a frame's header.
pub(super) const HEADER: usize = 9;

/// Longest payload that we take: we ask for no longer one than the specification's default.
pub(super) const LONGEST: usize = 16 * 1024;

pub(super) const END_STREAM: u8 = 0x1;
pub(super) const ACK: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Priority,
    Reset,
    Settings,
    Promise,
    Ping,
    Away,
    Window,
    Continuation,
    /// Of an extension: to be ignored.
    Other(u8),
}

impl Kind {
    fn of(code: u8) -> Kind {
        match code {
            0 => Kind::Data,
            1 => Kind::Headers,
            2 => Kind::Priority,
            3 => Kind::Reset,
            4 => Kind::Settings,
            5 => Kind::Promise,
            6 => Kind::Ping,
            7 => Kind::Away,
            8 => Kind::Window,
            9 => Kind::Continuation,
            other => Kind::Other(other),
        }
    }

    fn code(self) -> u8 {
        match self {
            Kind::Data => 0,
            Kind::Headers => 1,
            Kind::Priority => 2,
            Kind::Reset => 3,
            Kind::Settings => 4,
            Kind::Promise => 5,
            Kind::Ping => 6,
            Kind::Away => 7,
            Kind::Window => 8,
            Kind::Continuation => 9,
            Kind::Other(other) => other,
        }
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub length: usize,
    pub kind: Kind,
    pub flags: u8,
    pub stream: u32,
}

impl Head {
    /// The header at the beginning of `bytes`, when all of it is there.
    ///
    /// # Errors
    /// When the frame is longer than we take.
    pub fn read(bytes: &[u8]) -> Result<Option<Head>, Malformed> {
        let Some([a, b, c, kind, flags, stream @ ..]) = bytes.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        if length > LONGEST {
            return Err(Malformed::FrameTooLong(length));
        }
        Ok(Some(Head {
            length,
            kind: Kind::of(*kind),
            flags: *flags,
            stream: u32::from_be_bytes(*stream) & 0x7fff_ffff,
        }))
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Appends a frame.
pub(super) fn append(kind: Kind, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    let length = (payload.len() as u32).to_be_bytes();
    out.extend_from_slice(&length[1..]);
    out.extend_from_slice(&[kind.code(), flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// What a frame of headers or data holds, without what fills it up.
///
/// # Errors
/// When there is more filling than frame.
pub(super) fn content<'a>(head: &Head, payload: &'a [u8]) -> Result<&'a [u8], Malformed> {
    let mut rest = payload;
    let mut filling = 0;
    if head.has(PADDED) {
        let (length, after) = rest.split_first().ok_or(Malformed::Frame)?;
        (filling, rest) = (usize::from(*length), after);
    }
    if head.kind == Kind::Headers && head.has(PRIORITY) {
        rest = rest.get(5..).ok_or(Malformed::Frame)?;
    }
    let end = rest.len().checked_sub(filling).ok_or(Malformed::Frame)?;
    Ok(&rest[..end])
}

/// A number of 32 bits at the beginning of `bytes`.
pub(super) fn number(bytes: &[u8]) -> Result<u32, Malformed> {
    let four = bytes.first_chunk().ok_or(Malformed::Frame)?;
    Ok(u32::from_be_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        for code in 0..=11 {
            let mut bytes = Vec::new();
            append(Kind::of(code), 5, 77, b"abc", &mut bytes);
            let head = Head::read(&bytes).unwrap().unwrap();
            assert_eq!(
                (head.length, head.kind.code(), head.flags, head.stream),
                (3, code, 5, 77)
            );
            assert_eq!(Head::read(&bytes[..HEADER - 1]), Ok(None));
        }
        assert!(Head::read(&[0, 64, 1, 0, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn filling_and_priorities_are_left_out() {
        let head = |flags| Head {
            length: 0,
            kind: Kind::Headers,
            flags,
            stream: 1,
        };
        assert_eq!(content(&head(0), b"abc").unwrap(), b"abc");
        assert_eq!(content(&head(PADDED), b"\x02abc..").unwrap(), b"abc");
        assert_eq!(content(&head(PRIORITY), b"12345abc").unwrap(), b"abc");
        assert_eq!(
            content(&head(PADDED | PRIORITY), b"\x0112345abc.").unwrap(),
            b"abc"
        );
        assert!(content(&head(PADDED), b"\x04abc").is_err());
        assert!(content(&head(PADDED), b"").is_err() && content(&head(PRIORITY), b"1234").is_err());
    }
}

//! Frames: how they begin, and how ours are written.

use super::messages::LONGEST_MESSAGE;

/// Longest payload of a frame that controls the connection, in bytes.
const LONGEST_CONTROL: u64 = 125;

/// Why bytes are no frame of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a frame uses bits that no extension was agreed for")]
    Reserved,
    #[error("a frame of type {0:#x} is not known")]
    Opcode(u8),
    #[error("a server does not mask its frames")]
    Masked,
    #[error("the length of a frame is not written in the shortest way, or is none")]
    Length,
    #[error("a frame that controls the connection is cut or longer than {LONGEST_CONTROL} bytes")]
    Control,
    #[error("a message is longer than {LONGEST_MESSAGE} bytes")]
    TooLong,
    #[error("a message goes on that was not begun, or begins in the middle of another")]
    Fragment,
    #[error("a text is not UTF-8")]
    Text,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn of(number: u8) -> Result<Opcode, Malformed> {
        match number {
            0x0 => Ok(Opcode::Continuation),
            0x1 => Ok(Opcode::Text),
            0x2 => Ok(Opcode::Binary),
            0x8 => Ok(Opcode::Close),
            0x9 => Ok(Opcode::Ping),
            0xa => Ok(Opcode::Pong),
            other => Err(Malformed::Opcode(other)),
        }
    }

    fn number(self) -> u8 {
        match self {
            Opcode::Continuation => 0x0,
            Opcode::Text => 0x1,
            Opcode::Binary => 0x2,
            Opcode::Close => 0x8,
            Opcode::Ping => 0x9,
            Opcode::Pong => 0xa,
        }
    }

    fn is_control(self) -> bool {
        match self {
            Opcode::Continuation | Opcode::Text | Opcode::Binary => false,
            Opcode::Close | Opcode::Ping | Opcode::Pong => true,
        }
    }
}

/// How a server's frame begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) opcode: Opcode,
    /// The last frame of its message.
    pub(super) is_last: bool,
    /// Where the payload begins, in bytes.
    pub(super) begins: usize,
    /// Length of the whole frame, in bytes.
    pub(super) length: usize,
}

/// The head of the frame that begins here, once all of it is there. What is wrong is told at its first byte.
pub(super) fn head(bytes: &[u8]) -> Result<Option<Head>, Malformed> {
    let Some(first) = bytes.first() else {
        return Ok(None);
    };
    if first & 0x70 != 0 {
        return Err(Malformed::Reserved);
    }
    let (opcode, is_last) = (Opcode::of(first & 0x0f)?, first & 0x80 != 0);
    if opcode.is_control() && !is_last {
        return Err(Malformed::Control);
    }
    let Some(second) = bytes.get(1) else {
        return Ok(None);
    };
    if second & 0x80 != 0 {
        return Err(Malformed::Masked);
    }
    let Some((begins, payload)) = payload_length(*second, &bytes[2..])? else {
        return Ok(None);
    };
    if opcode.is_control() && payload > LONGEST_CONTROL {
        return Err(Malformed::Control);
    }
    if payload > LONGEST_MESSAGE as u64 {
        return Err(Malformed::TooLong);
    }
    Ok(Some(Head {
        opcode,
        is_last,
        begins,
        length: begins + payload as usize,
    }))
}

/// Where the payload begins and how long it is.
fn payload_length(short: u8, rest: &[u8]) -> Result<Option<(usize, u64)>, Malformed> {
    let (begins, length, least) = match short {
        126 => match rest.first_chunk::<2>() {
            Some(bytes) => (4, u64::from(u16::from_be_bytes(*bytes)), 126),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(bytes) => (10, u64::from_be_bytes(*bytes), 1 << 16),
            None => return Ok(None),
        },
        short => (2, u64::from(short), 0),
    };
    if length < least || length >= 1 << 63 {
        return Err(Malformed::Length);
    }
    Ok(Some((begins, length)))
}

/// Appends a client's frame, which is a whole message; allocates nothing when `out` has room.
pub fn append(opcode: Opcode, payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    const MASKED: u8 = 0x80;
    out.push(0x80 | opcode.number());
    match payload.len() {
        short @ 0..126 => out.push(MASKED | short as u8),
        middle @ 126..0x1_0000 => {
            out.push(MASKED | 126);
            out.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    let begins = out.len();
    out.extend_from_slice(payload);
    for (byte, mask) in out[begins..].iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_masked_example_of_the_standard() {
        let mut out = Vec::new();
        append(Opcode::Text, b"Hello", [0x37, 0xfa, 0x21, 0x3d], &mut out);
        let expected = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn lengths_are_written_in_the_shortest_way() {
        for (length, head) in [
            (125, [0x82, 0xfd].as_slice()),
            (126, &[0x82, 0xfe, 0, 126]),
            (65_535, &[0x82, 0xfe, 0xff, 0xff]),
            (65_536, &[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            append(Opcode::Binary, &vec![7; length], [0; 4], &mut out);
            assert_eq!(&out[..head.len()], head);
            assert_eq!(out.len(), head.len() + 4 + length);
        }
    }

    #[test]
    fn what_no_server_sends_is_refused() {
        for (bytes, why) in [
            ([0xc1].as_slice(), Malformed::Reserved),
            (&[0x83], Malformed::Opcode(3)),
            (&[0x8f], Malformed::Opcode(15)),
            (&[0x81, 0x80], Malformed::Masked),
            (&[0x09], Malformed::Control),
            (&[0x88, 126, 0, 126], Malformed::Control),
            (&[0x81, 126, 0, 125], Malformed::Length),
            (
                &[0x81, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
                Malformed::Length,
            ),
            (&[0x81, 127, 0x80, 0, 0, 0, 0, 1, 0, 0], Malformed::Length),
            (&[0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 1], Malformed::TooLong),
        ] {
            assert_eq!(head(bytes), Err(why), "{bytes:x?}");
        }
    }
}

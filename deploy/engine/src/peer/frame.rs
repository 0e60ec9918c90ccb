//! The frames: a length, a request number, and a payload; and the greeting before the first of them.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest frame: what is longer is not from an engine.
pub const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;

const HEADER_BYTES: usize = 12;
const MAGIC: [u8; 4] = *b"SHK1";
const HELLO_BYTES: usize = 16;

/// A connection on which the other side takes nothing for so long is given up, and a new one is dialled: after a
/// network fault the kernel's own patience would last far longer than the fault.
const GIVE_UP_MS: u32 = 2_000;

/// Sets a peer connection up: no waiting for more data to send, and no waiting for a peer that is gone.
///
/// # Errors
/// Those of the socket.
pub fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    Ok(rustix::net::sockopt::set_tcp_user_timeout(
        stream, GIVE_UP_MS,
    )?)
}

/// What the dialling side says first: a node must not take part in a cluster that is not its own, only because
/// a port was given out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// The cluster.
    pub fingerprint: u32,
    /// The node that is meant.
    pub target: u64,
}

/// Why a connection cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection broke or ended.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// A frame longer than any engine sends.
    #[error("a frame of {0} bytes is longer than any engine sends")]
    TooLong(usize),
    /// A payload that is not what an engine of this version sends.
    #[error("a frame cannot be decoded: {0}; do all nodes run the same version?")]
    Foreign(String),
    /// The other side wanted another node, or is no engine.
    #[error("the other side is not of this cluster, or meant another node")]
    Stranger,
}

impl Hello {
    /// Says it.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn send(self, out: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(HELLO_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.fingerprint.to_le_bytes());
        bytes.extend_from_slice(&self.target.to_le_bytes());
        out.write_all(&bytes).await
    }

    /// Hears it, and refuses any other.
    ///
    /// # Errors
    /// [`FrameError::Stranger`] for another greeting, [`FrameError::Io`] from the connection.
    pub async fn expect(self, input: &mut (impl AsyncRead + Unpin)) -> Result<(), FrameError> {
        let mut bytes = [0u8; HELLO_BYTES];
        input.read_exact(&mut bytes).await?;
        let mut expected = Vec::with_capacity(HELLO_BYTES);
        self.send(&mut expected).await?;
        if bytes.as_slice() == expected.as_slice() {
            Ok(())
        } else {
            Err(FrameError::Stranger)
        }
    }
}

/// A frame as bytes.
///
/// # Errors
/// [`FrameError`] when the message is too long or cannot be encoded.
pub fn write_frame(number: u64, message: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    let frame = postcard::to_extend(message, vec![0u8; HEADER_BYTES])
        .map_err(|error| FrameError::Foreign(error.to_string()))?;
    finish_frame(frame, number)
}

fn finish_frame(mut frame: Vec<u8>, number: u64) -> Result<Vec<u8>, FrameError> {
    let length = frame.len() - HEADER_BYTES;
    let Some(length_bytes) = u32::try_from(length)
        .ok()
        .filter(|_| length <= MAX_FRAME_BYTES)
    else {
        return Err(FrameError::TooLong(length));
    };
    frame[..4].copy_from_slice(&length_bytes.to_le_bytes());
    frame[4..HEADER_BYTES].copy_from_slice(&number.to_le_bytes());
    Ok(frame)
}

/// Reads the next frame; none when the other side ended the connection between two frames.
///
/// # Errors
/// [`FrameError`]; the connection is of no use after it.
pub async fn read_frame<M: DeserializeOwned>(
    input: &mut (impl AsyncRead + Unpin),
) -> Result<Option<(u64, M)>, FrameError> {
    let mut header = [0u8; HEADER_BYTES];
    if input.read(&mut header[..1]).await? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut header[1..]).await?;
    let [l0, l1, l2, l3, number @ ..] = header;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length > MAX_FRAME_BYTES {
        return Err(FrameError::TooLong(length));
    }
    let mut payload = vec![0u8; length];
    input.read_exact(&mut payload).await?;
    let message =
        postcard::from_bytes(&payload).map_err(|error| FrameError::Foreign(error.to_string()))?;
    Ok(Some((u64::from_le_bytes(number), message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_out_as_they_went_in() {
        let mut wire = write_frame(7, &"hello".to_owned()).unwrap();
        wire.extend(write_frame(8, &String::new()).unwrap());
        let mut input = wire.as_slice();
        assert_eq!(
            read_frame::<String>(&mut input).await.unwrap(),
            Some((7, "hello".to_owned()))
        );
        assert_eq!(
            read_frame::<String>(&mut input).await.unwrap(),
            Some((8, String::new()))
        );
        assert!(read_frame::<String>(&mut input).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_cut_frame_and_an_endless_one_are_errors() {
        let wire = write_frame(7, &"hello".to_owned()).unwrap();
        for length in 1..wire.len() {
            assert!(
                read_frame::<String>(&mut &wire[..length]).await.is_err(),
                "cut at {length}"
            );
        }
        let endless = [0xFF; 64];
        assert!(matches!(
            read_frame::<String>(&mut endless.as_slice()).await,
            Err(FrameError::TooLong(_))
        ));
    }

    #[tokio::test]
    async fn a_stranger_is_refused() {
        let mine = Hello {
            fingerprint: 1,
            target: 2,
        };
        let mut wire = Vec::new();
        mine.send(&mut wire).await.unwrap();
        mine.expect(&mut wire.as_slice()).await.unwrap();
        for other in [
            Hello {
                fingerprint: 9,
                ..mine
            },
            Hello { target: 3, ..mine },
        ] {
            assert!(matches!(
                other.expect(&mut wire.as_slice()).await,
                Err(FrameError::Stranger)
            ));
        }
    }
}

//! HTTP/2 (RFC 9113) from the client's side, without a socket: frames out, answers in.
//!
//! Of HPACK (RFC 7541) we use no dynamic table in either direction: nothing of one answer is needed to read another, and a
//! request is bytes that were made once, with holes.

mod connection;
mod flow;
mod frame;
mod hpack;
mod huffman;
mod request;
mod stream;
mod table;

pub(crate) use connection::{Connection, Event};
pub(crate) use request::{Http2Request, Http2Scratch};

/// Why a stream of bytes is no HTTP/2 that we could go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("this is no HTTP/2: it does not begin with settings")]
    NoSettings,
    #[error("a frame of {0} bytes is longer than we allow")]
    FrameTooLong(usize),
    #[error("a frame is damaged or at a place where it cannot be")]
    Frame,
    #[error("an answer's headers are damaged or too long")]
    Headers,
    #[error("an answer's body is longer than we keep")]
    BodyTooLong,
    #[error("an answer to what was never asked")]
    Unasked,
    #[error("flow control went beyond what is possible")]
    Window,
}

//! A connection for one question, and why there is no answer.

use std::io;
use std::time::Duration;

use tokio::net::{TcpStream, ToSocketAddrs};

/// How long a dial may take, as of the HTTP client.
const DIAL_WITHIN: Duration = Duration::from_secs(2);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("connection refused")]
    Refused,
    /// Nothing was asked.
    #[error("{0}")]
    Unreachable(String),
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// It was asked, and may have been done.
    #[error("{0}")]
    Broken(String),
}

/// A new connection: no pool and no retry could hide who answered, and when.
pub(super) async fn dial(address: impl ToSocketAddrs) -> Result<TcpStream, AskError> {
    match tokio::time::timeout(DIAL_WITHIN, TcpStream::connect(address)).await {
        Err(_) => Err(AskError::Unreachable("the dial takes too long".to_string())),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err(AskError::Refused)
        }
        Ok(Err(error)) => Err(AskError::Unreachable(error.to_string())),
        Ok(Ok(stream)) => Ok(stream),
    }
}

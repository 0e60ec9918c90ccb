//! Why a link cannot be had.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::condition::ConditionError;
use crate::mechanisms::net::NetnsError;

/// Why a userspace link could not be started, changed or measured.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error(
        "a userspace link cannot listen on {address}: {source}; give another address, or port 0"
    )]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("the thread of the userspace links cannot be started: {0}")]
    Thread(io::Error),
    #[error("the userspace links cannot wait for sockets (Linux 5.11 or newer is needed): {0}")]
    Poller(io::Error),
    #[error("the thread of the userspace links has ended; its links carry nothing any more")]
    Ended,
    #[error(
        "the userspace link did not take its new condition within {within:?}: the machine is overloaded"
    )]
    Late { within: Duration },
    #[error(transparent)]
    Netns(#[from] NetnsError),
    #[error(transparent)]
    Condition(#[from] ConditionError),
    #[error("the overhead of a userspace link cannot be measured: {0}")]
    Overhead(io::Error),
}

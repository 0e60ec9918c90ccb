//! How the generator's threads reached their sockets, and why so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A way through the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IoWay {
    Epoll,
    IoUring,
}

impl IoWay {
    /// As in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            IoWay::Epoll => "epoll",
            IoWay::IoUring => "io-uring",
        }
    }
}

/// The way that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IoReport {
    pub way: IoWay,
    /// In words.
    pub why: String,
    /// Processor time of a request over epoll in nanoseconds, where it was measured before the load began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoll_ns: Option<f64>,
    /// The same over io_uring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io_uring_ns: Option<f64>,
}

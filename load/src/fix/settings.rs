//! Who speaks with whom, and how.

use shakedown_record::monotonic_ns;

use crate::http::unix_ms;

/// Which end of a session this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Connects and logs on first.
    Initiator,
    /// Is connected to.
    Acceptor,
}

/// What both ends of a session agree on beforehand.
#[derive(Clone)]
pub struct Settings {
    pub role: Role,
    /// SenderCompID of what we write.
    pub own: String,
    /// SenderCompID of what we read.
    pub other: String,
    /// SenderSubID of what we write, if any.
    pub own_sub: Option<String>,
    /// HeartBtInt in seconds, 1 at least; an acceptor takes the initiator's.
    pub heartbeat_s: u32,
    /// Application messages that can be sent again; older ones, and all with 0, are filled as gaps.
    pub kept: usize,
    /// User and password of the Logon.
    pub login: Option<Login>,
    /// UTC minus the monotonic clock, in nanoseconds.
    pub utc_offset_ns: u64,
}

/// User and password of a Logon.
#[derive(Clone)]
pub struct Login {
    pub user: String,
    pub password: String,
}

impl std::fmt::Debug for Login {
    /// Both may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(***)")
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {} with {}", self.role, self.own, self.other)
    }
}

/// UTC minus the monotonic clock now, in nanoseconds, as exactly as FIX writes moments.
pub fn utc_offset_ns() -> u64 {
    (unix_ms() * 1_000_000).saturating_sub(monotonic_ns())
}

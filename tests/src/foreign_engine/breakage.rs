//! How the foreign engine can be broken: each way blinds one of Shakedown's sensors.

use std::str::FromStr;

/// What is broken, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakage {
    None,
    /// `/status/ready` says 503 for ever.
    NeverReady,
    /// New orders are answered by a status that no profile lists.
    NeverAcks,
    /// Orders cannot be read back: every read is a 500.
    Unreadable,
    /// Reads say of every order that there is none.
    Empty,
    /// The metrics page lacks the latency histogram.
    NoMetric,
    /// One acknowledged order in fifty is not kept.
    Forgets,
    /// Every 50th new order is answered by a 500 that echoes the request's token.
    Echoes,
    /// Half of the usual load is already too much: 429.
    Throttles,
}

impl FromStr for Breakage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Breakage::None),
            "never-ready" => Ok(Breakage::NeverReady),
            "never-acks" => Ok(Breakage::NeverAcks),
            "unreadable" => Ok(Breakage::Unreadable),
            "empty" => Ok(Breakage::Empty),
            "no-metric" => Ok(Breakage::NoMetric),
            "forgets" => Ok(Breakage::Forgets),
            "echoes" => Ok(Breakage::Echoes),
            "throttles" => Ok(Breakage::Throttles),
            other => Err(format!("no such way to break: {other}")),
        }
    }
}

//! What the platform that runs a system did of itself: pods and nodes that change their state.

use serde::{Deserialize, Serialize};

/// A pod or a node is in another state than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformChange {
    /// When Shakedown heard of it: `CLOCK_MONOTONIC` in nanoseconds.
    pub at_mono_ns: u64,
    /// Such as `pod engine-0` or `node node-1`.
    pub subject: String,
    /// Which replica that pod is.
    pub replica: Option<String>,
    pub step: PlatformStep,
    pub detail: Option<String>,
    /// When it happened by the platform's own clock, in whole seconds: RFC 3339, UTC.
    pub own_time: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlatformStep {
    Created,
    Scheduled,
    /// The pod takes traffic.
    Ready,
    NotReady,
    ContainerStarted,
    ContainerEnded,
    ContainerWaits,
    Terminating,
    Deleted,
    NodeReady,
    NodeNotReady,
    Cordoned,
    Uncordoned,
    Tainted,
    Untainted,
    Rebooted,
    /// Nothing is heard of the platform: what happens is seen late.
    Blind,
    Sees,
}

impl PlatformStep {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            PlatformStep::Created => "created",
            PlatformStep::Scheduled => "scheduled",
            PlatformStep::Ready => "ready",
            PlatformStep::NotReady => "not ready",
            PlatformStep::ContainerStarted => "container started",
            PlatformStep::ContainerEnded => "container ended",
            PlatformStep::ContainerWaits => "container waits",
            PlatformStep::Terminating => "terminating",
            PlatformStep::Deleted => "gone",
            PlatformStep::NodeReady => "ready",
            PlatformStep::NodeNotReady => "not ready",
            PlatformStep::Cordoned => "cordoned",
            PlatformStep::Uncordoned => "uncordoned",
            PlatformStep::Tainted => "tainted",
            PlatformStep::Untainted => "without the taint",
            PlatformStep::Rebooted => "started anew",
            PlatformStep::Blind => "not heard any more",
            PlatformStep::Sees => "heard again",
        }
    }
}

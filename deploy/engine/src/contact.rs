//! When this node last heard from a leader, and how far that leader had committed: what readiness rests on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(Debug)]
struct Inner {
    started: Instant,
    /// Milliseconds after `started`, plus one; 0 for never.
    last_append_ms: AtomicU64,
    /// The leader's committed index plus one; 0 for nothing.
    leader_committed: AtomicU64,
}

/// Shared between the peer server, which notes, and those who ask.
#[derive(Debug, Clone)]
pub struct Contact(Arc<Inner>);

impl Contact {
    /// Nothing heard yet.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            started: Instant::now(),
            last_append_ms: AtomicU64::new(0),
            leader_committed: AtomicU64::new(0),
        }))
    }

    /// A leader sent entries or a heartbeat, having committed up to this index.
    pub fn heard(&self, committed_index: Option<u64>) {
        let elapsed_ms =
            u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.0
            .last_append_ms
            .store(elapsed_ms + 1, Ordering::Relaxed);
        if let Some(index) = committed_index {
            self.0
                .leader_committed
                .fetch_max(index + 1, Ordering::Relaxed);
        }
    }

    /// How long the leader has been silent; none if none was ever heard.
    pub fn silence(&self) -> Option<Duration> {
        let last_ms = self
            .0
            .last_append_ms
            .load(Ordering::Relaxed)
            .checked_sub(1)?;
        Some(
            self.0
                .started
                .elapsed()
                .saturating_sub(Duration::from_millis(last_ms)),
        )
    }

    /// The highest index that a leader said to be committed.
    pub fn leader_committed(&self) -> Option<u64> {
        self.0
            .leader_committed
            .load(Ordering::Relaxed)
            .checked_sub(1)
    }
}

impl Default for Contact {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_begins_with_the_first_word() {
        let contact = Contact::new();
        assert_eq!(contact.silence(), None);
        assert_eq!(contact.leader_committed(), None);
        contact.heard(None);
        assert!(contact.silence().is_some());
        assert_eq!(contact.leader_committed(), None);
        contact.heard(Some(7));
        contact.heard(Some(5));
        assert_eq!(contact.leader_committed(), Some(7));
    }
}

//! Whom of several servers to try first: the one that answered last, and never again first the one that kept somebody waiting.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Turns(AtomicUsize);

impl Turns {
    /// All of `count` servers, by their places, beginning with the one whose turn it is.
    pub(super) fn all(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        let first = self.0.load(Ordering::Relaxed);
        (0..count).map(move |further| (first + further) % count)
    }

    /// The one at this place is tried: should that never end, the next one is first.
    pub(super) fn tried(&self, place: usize) {
        self.0.store(place + 1, Ordering::Relaxed);
    }

    /// It answered.
    pub(super) fn answered(&self, place: usize) {
        self.0.store(place, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answered_is_first_and_who_did_not_is_last() {
        let turns = Turns::default();
        let all = || turns.all(3).collect::<Vec<_>>();
        assert_eq!(all(), [0, 1, 2]);
        turns.tried(0);
        assert_eq!(all(), [1, 2, 0]);
        turns.tried(2);
        assert_eq!(all(), [0, 1, 2]);
        turns.answered(2);
        assert_eq!(all(), [2, 0, 1]);
        assert_eq!(turns.all(0).count(), 0);
    }
}

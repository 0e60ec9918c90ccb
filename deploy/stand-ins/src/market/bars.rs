//! Bars: what became of a price within a second. Pure.
//!
//! A bar stays for a while after its second, for points that come late, and is written again when one did: with what it holds
//! then, so that writing it twice does no harm.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Seconds for which a bar waits for points that come late.
const WAITS_S: u64 = 10;

/// A bar without news for so long is written though no later point came.
const QUIET: Duration = Duration::from_secs(2);

/// Most bars that wait to be written; beyond it the oldest are given up.
const MOST: usize = 100_000;

/// Prices of a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bar {
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub points: u64,
}

#[derive(Debug)]
struct Kept {
    bar: Bar,
    /// What it holds is not written yet.
    is_dirty: bool,
    touched: Instant,
}

/// A symbol's second.
pub(super) type Key = (u64, Arc<str>);

/// All bars that are not done with.
#[derive(Debug, Default)]
pub(super) struct Bars {
    kept: BTreeMap<Key, Kept>,
    newest_s: u64,
    /// Points of seconds that were done with.
    pub late: u64,
    /// Bars that were given up.
    pub dropped: u64,
}

impl Bar {
    /// Of one price.
    pub(super) fn of(price: f64) -> Self {
        Self {
            open: price,
            high: price,
            low: price,
            close: price,
            points: 1,
        }
    }

    /// Takes what came after it.
    pub(super) fn then(&mut self, later: &Bar) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.points += later.points;
    }
}

impl Bars {
    /// Takes a part of a symbol's second.
    pub(super) fn take(&mut self, second: u64, symbol: &Arc<str>, part: &Bar) {
        if second + WAITS_S < self.newest_s {
            self.late += part.points;
            return;
        }
        self.newest_s = self.newest_s.max(second);
        let touched = Instant::now();
        let kept = self.kept.entry((second, Arc::clone(symbol)));
        kept.and_modify(|kept| {
            kept.bar.then(part);
            (kept.is_dirty, kept.touched) = (true, touched);
        })
        .or_insert(Kept {
            bar: *part,
            is_dirty: true,
            touched,
        });
        while self.kept.len() > MOST {
            self.kept.pop_first();
            self.dropped += 1;
        }
    }

    /// What is to be written now; with `all` also what may still grow.
    pub(super) fn due(&self, all: bool) -> Vec<(Key, Bar)> {
        let is_due = |key: &Key, kept: &Kept| {
            kept.is_dirty && (all || key.0 < self.newest_s || kept.touched.elapsed() >= QUIET)
        };
        let due = self.kept.iter().filter(|(key, kept)| is_due(key, kept));
        due.map(|(key, kept)| (key.clone(), kept.bar)).collect()
    }

    /// These were written as they were then; bars that are done with go.
    pub(super) fn written(&mut self, bars: &[(Key, Bar)]) {
        for (key, bar) in bars {
            if let Some(kept) = self.kept.get_mut(key)
                && kept.bar == *bar
            {
                kept.is_dirty = false;
            }
        }
        let done_before = self.newest_s.saturating_sub(WAITS_S);
        self.kept
            .retain(|key, kept| kept.is_dirty || key.0 >= done_before);
    }

    /// How many wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.kept.values().filter(|kept| kept.is_dirty).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol() -> Arc<str> {
        Arc::from("A")
    }

    #[test]
    fn a_bar_is_written_when_its_second_is_over_and_again_when_it_grew() {
        let mut bars = Bars::default();
        bars.take(7, &symbol(), &Bar::of(3.0));
        bars.take(7, &symbol(), &Bar::of(1.0));
        assert_eq!((bars.due(false), bars.due(true).len()), (Vec::new(), 1));
        bars.take(8, &symbol(), &Bar::of(2.0));
        let due = bars.due(false);
        let expected = Bar {
            open: 3.0,
            high: 3.0,
            low: 1.0,
            close: 1.0,
            points: 2,
        };
        assert_eq!(due, [((7, symbol()), expected)]);
        bars.written(&due);
        assert_eq!((bars.due(false), bars.waiting()), (Vec::new(), 1));
        bars.take(7, &symbol(), &Bar::of(4.0));
        assert_eq!(bars.due(false)[0].1.points, 3);
    }

    #[test]
    fn what_grew_while_it_was_written_is_written_again() {
        let mut bars = Bars::default();
        bars.take(7, &symbol(), &Bar::of(3.0));
        bars.take(8, &symbol(), &Bar::of(3.0));
        let due = bars.due(false);
        bars.take(7, &symbol(), &Bar::of(5.0));
        bars.written(&due);
        assert_eq!(bars.due(false)[0].1.points, 2);
    }

    #[test]
    fn points_of_long_ago_are_counted_and_change_nothing() {
        let mut bars = Bars::default();
        bars.take(100, &symbol(), &Bar::of(3.0));
        bars.take(89, &symbol(), &Bar::of(3.0));
        bars.take(90, &symbol(), &Bar::of(3.0));
        assert_eq!((bars.late, bars.due(true).len()), (1, 2));
        let due = bars.due(true);
        bars.written(&due);
        bars.take(120, &symbol(), &Bar::of(1.0));
        bars.written(&[]);
        assert_eq!(bars.kept.len(), 1);
    }
}

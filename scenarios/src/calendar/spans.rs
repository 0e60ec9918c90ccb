//! Stretches of time, and what lies between them.

use jiff::Timestamp;

/// From an instant up to, and without, another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Span {
    /// True when both share an instant.
    pub fn overlaps(&self, other: &Span) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// True when every instant of the other is in this one.
    pub fn contains(&self, other: &Span) -> bool {
        self.from <= other.from && other.to <= self.to
    }
}

/// The same instants in as few spans as possible, in order.
pub(crate) fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| span.from < span.to);
    spans.sort_unstable();
    let mut out: Vec<Span> = Vec::new();
    for span in spans {
        match out.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            Some(_) | None => out.push(span),
        }
    }
    out
}

/// What of `whole` is in none of the spans.
pub(crate) fn gaps(whole: Span, spans: Vec<Span>) -> Vec<Span> {
    let mut out = Vec::new();
    let mut from = whole.from;
    for span in merged(spans) {
        if span.from > from {
            out.push(Span {
                from,
                to: span.from.min(whole.to),
            });
        }
        from = from.max(span.to);
    }
    out.push(Span { from, to: whole.to });
    out.retain(|span| span.from < span.to);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(from: i64, to: i64) -> Span {
        let at = |second| Timestamp::from_second(second).expect("a second of our time");
        Span {
            from: at(from),
            to: at(to),
        }
    }

    #[test]
    fn touching_spans_become_one_and_empty_ones_vanish() {
        let spans = vec![span(5, 7), span(0, 2), span(2, 3), span(9, 9)];
        assert_eq!(merged(spans), [span(0, 3), span(5, 7)]);
        assert_eq!(gaps(span(1, 6), vec![span(0, 3), span(5, 7)]), [span(3, 5)]);
        assert_eq!(gaps(span(0, 4), vec![]), [span(0, 4)]);
        assert!(!span(0, 2).overlaps(&span(2, 3)));
    }

    proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        /// Every second is either in a span or in a gap, never in both.
        #[test]
        fn spans_and_gaps_share_nothing_and_miss_nothing(
            ends in prop::collection::vec((0i64..60, 0i64..60), 0..8),
        ) {
            let spans: Vec<Span> = ends.iter().map(|(from, to)| span(*from, *to)).collect();
            let whole = span(0, 60);
            let gaps = gaps(whole, spans.clone());
            let spans = merged(spans);
            for second in 0..60 {
                let one = span(second, second + 1);
                let busy = spans.iter().any(|span| span.overlaps(&one));
                let free = gaps.iter().any(|gap| gap.contains(&one));
                prop_assert!(busy != free, "second {}", second);
            }
        }
    }
}

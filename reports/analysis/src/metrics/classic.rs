//! What a classic histogram grew by between two looks.

use std::collections::BTreeMap;

use super::parts::{Part, Parts};

/// A classic histogram at one look: how many observations are at most as large as each bound.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cumulative(BTreeMap<Ordered, f64>);

/// A bound, as floats are ordered.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Cumulative {
    pub fn put(&mut self, bound: f64, count: f64) {
        self.0.insert(Ordered(bound), count);
    }

    /// The only bucket is the one that holds everything.
    pub fn is_bucketless(&self) -> bool {
        self.0.len() < 2
    }

    pub fn has_bound(&self, bound: f64) -> bool {
        self.0.contains_key(&Ordered(bound))
    }

    fn at(&self, bound: Ordered) -> Option<f64> {
        self.0.get(&bound).copied()
    }
}

/// What was observed between two looks, by bucket; `None` when a bucket fell, or is gone: it began anew. Without an earlier look
/// it began empty.
pub(crate) fn growth(before: Option<&Cumulative>, after: &Cumulative) -> Option<Parts> {
    let fell = |(bound, count): (&Ordered, &f64)| after.at(*bound).is_none_or(|now| now < *count);
    if before.is_some_and(|before| before.0.iter().any(fell)) {
        return None;
    }
    let mut parts = Parts::default();
    let mut below = 0.0f64;
    let mut lower = None;
    for (bound, count) in &after.0 {
        let grown = count - before.and_then(|before| before.at(*bound)).unwrap_or(0.0);
        let upper = bound.0;
        // Prometheus' own custom: the first bucket begins at 0, unless it ends below.
        let from = lower.unwrap_or(if upper > 0.0 { 0.0 } else { f64::NEG_INFINITY });
        parts.add(Part {
            lower: from,
            with_lower: lower.is_none(),
            upper,
            count: grown - below,
        });
        below = below.max(grown);
        lower = Some(upper);
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cumulative(counts: &[(f64, f64)]) -> Cumulative {
        let mut own = Cumulative::default();
        counts
            .iter()
            .for_each(|(bound, count)| own.put(*bound, *count));
        own
    }

    #[test]
    fn buckets_are_told_apart_by_their_bounds() {
        let before = cumulative(&[(1.0, 5.0), (2.0, 5.0), (f64::INFINITY, 5.0)]);
        let after = cumulative(&[(1.0, 10.0), (2.0, 13.0), (f64::INFINITY, 14.0)]);
        let grown = growth(Some(&before), &after).unwrap();
        let lies = grown.quantile(0.5).unwrap();
        assert_eq!((lies.lower, lies.value, lies.upper), (0.0, Some(0.9), 1.0));
        let above = grown.above(1.0);
        assert_eq!((above.total, above.surely, above.maybe), (9.0, 4.0, 4.0));
        assert_eq!(grown.quantile(1.0).unwrap().value, None);
        assert!(after.has_bound(2.0) && !after.has_bound(1.5));
    }

    #[test]
    fn a_bucket_that_fell_or_is_gone_is_a_beginning() {
        let before = cumulative(&[(1.0, 5.0), (f64::INFINITY, 5.0)]);
        let fell = cumulative(&[(1.0, 4.0), (f64::INFINITY, 9.0)]);
        assert_eq!(growth(Some(&before), &fell), None);
        let gone = cumulative(&[(f64::INFINITY, 9.0)]);
        assert_eq!(growth(Some(&before), &gone), None);
        assert_eq!(growth(None, &gone).unwrap().above(0.0).total, 9.0);
    }

    #[test]
    fn values_below_zero_have_a_place() {
        let own = cumulative(&[(-1.0, 2.0), (0.0, 3.0), (f64::INFINITY, 3.0)]);
        let above = growth(None, &own).unwrap().above(-1.0);
        assert_eq!((above.surely, above.maybe), (1.0, 1.0));
    }
}

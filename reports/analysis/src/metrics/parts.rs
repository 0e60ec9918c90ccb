//! Observations of which only the bounds are known, those of their buckets.

use std::cmp::Ordering;

/// Observations, and those of them that are above a limit. Fractions, where a server computes its counts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Above {
    pub total: f64,
    /// In buckets that lie above it as a whole.
    pub surely: f64,
    /// In buckets that end above it.
    pub maybe: f64,
}

impl Above {
    pub fn add(&mut self, other: Above) {
        self.total += other.total;
        self.surely += other.surely;
        self.maybe += other.maybe;
    }
}

/// Observations between two values. The upper one may be among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Part {
    pub lower: f64,
    /// The lower one may be among them too.
    pub with_lower: bool,
    pub upper: f64,
    pub count: f64,
}

/// Where a quantile lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lies {
    pub lower: f64,
    /// Interpolated within its bucket; `None` where that has no end.
    pub value: Option<f64>,
    pub upper: f64,
}

/// A histogram, whatever its buckets are; those of several may overlap.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Parts(Vec<Part>);

impl Parts {
    /// Adds observations; none are not kept.
    pub fn add(&mut self, part: Part) {
        if part.count <= 0.0 {
            return;
        }
        let same = |known: &Part| {
            (known.lower, known.with_lower, known.upper)
                == (part.lower, part.with_lower, part.upper)
        };
        match self.0.iter().position(same) {
            Some(at) => self.0[at].count += part.count,
            None => self.0.push(part),
        }
    }

    pub fn merge(&mut self, other: &Parts) {
        other.0.iter().for_each(|part| self.add(*part));
    }

    pub fn above(&self, limit: f64) -> Above {
        let mut above = Above::default();
        for part in &self.0 {
            let surely = part.lower > limit || (part.lower == limit && !part.with_lower);
            above.add(Above {
                total: part.count,
                surely: if surely { part.count } else { 0.0 },
                maybe: if part.upper > limit { part.count } else { 0.0 },
            });
        }
        above
    }

    /// A quantile (0 to 1): no lower than if all observations were at the lower bounds of their buckets, no higher than if they
    /// were at the upper ones; `None` without observations.
    pub fn quantile(&self, quantile: f64) -> Option<Lies> {
        let total: f64 = self.0.iter().map(|part| part.count).sum();
        let rank = quantile * total;
        let lower = self.at_rank(rank, |part| part.lower)?.0.lower;
        let (part, below) = self.at_rank(rank, |part| part.upper)?;
        let within = ((rank - below) / part.count).clamp(0.0, 1.0);
        let value = part.lower + (part.upper - part.lower) * within;
        Some(Lies {
            lower,
            value: value.is_finite().then(|| value.max(lower)),
            upper: part.upper,
        })
    }

    /// The part in which a rank lies when all are ordered by one of their bounds, and how many come before it.
    fn at_rank(&self, rank: f64, by: fn(&Part) -> f64) -> Option<(Part, f64)> {
        let mut sorted = self.0.clone();
        sorted.sort_by(|one, other| {
            let order = by(one).total_cmp(&by(other));
            order.then_with(|| match one.lower.total_cmp(&other.lower) {
                Ordering::Equal => one.upper.total_cmp(&other.upper),
                unequal => unequal,
            })
        });
        let mut below = 0.0;
        for part in &sorted {
            if below + part.count >= rank {
                return Some((*part, below));
            }
            below += part.count;
        }
        let last = sorted.last()?;
        Some((*last, below - last.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(lower: f64, upper: f64, count: f64) -> Part {
        Part {
            lower,
            with_lower: false,
            upper,
            count,
        }
    }

    fn parts(all: &[Part]) -> Parts {
        let mut parts = Parts::default();
        all.iter().for_each(|part| parts.add(*part));
        parts
    }

    #[test]
    fn a_limit_within_a_bucket_leaves_its_observations_open() {
        let all = parts(&[part(0.0, 1.0, 90.0), part(1.0, 2.0, 10.0)]);
        let above = |limit| {
            let above = all.above(limit);
            (above.surely, above.maybe)
        };
        assert_eq!(above(0.5), (10.0, 100.0));
        assert_eq!(above(1.0), (10.0, 10.0));
        assert_eq!(above(1.5), (0.0, 10.0));
        assert_eq!(above(2.0), (0.0, 0.0));
        let mut zero = part(-1.0, 1.0, 5.0);
        zero.with_lower = true;
        assert_eq!(parts(&[zero]).above(-1.0).surely, 0.0);
    }

    #[test]
    fn a_quantile_lies_between_the_bounds_of_its_bucket() {
        let all = parts(&[part(0.0, 1.0, 90.0), part(1.0, 2.0, 10.0)]);
        let lies = all.quantile(0.95).unwrap();
        assert_eq!((lies.lower, lies.value, lies.upper), (1.0, Some(1.5), 2.0));
        assert_eq!(all.quantile(0.9).unwrap().upper, 1.0);
        let open = parts(&[part(0.0, 1.0, 1.0), part(1.0, f64::INFINITY, 9.0)]);
        let lies = open.quantile(0.5).unwrap();
        assert_eq!((lies.lower, lies.value), (1.0, None));
        assert_eq!(Parts::default().quantile(0.5), None);
    }

    #[test]
    fn buckets_that_overlap_widen_the_bounds_and_never_narrow_them() {
        let all = parts(&[part(0.0, 4.0, 10.0), part(1.0, 2.0, 10.0)]);
        let lies = all.quantile(0.5).unwrap();
        assert_eq!((lies.lower, lies.upper), (0.0, 2.0));
        let lies = all.quantile(0.99).unwrap();
        assert_eq!((lies.lower, lies.upper), (1.0, 4.0));
    }
}

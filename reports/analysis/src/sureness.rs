//! How sure one can be of a share, or of a quantile, by so many observations.
//!
//! Bounds by Chernoff and Hoeffding: whoever is outside of them would have shown what was observed with the stated chance at
//! most, for every number of observations and every share, however small. They are a little wider than exact ones, and need
//! neither tables nor approximations. That observations do not depend on each other is taken for granted.

use shakedown_record::histogram::LatencyHistogram;

/// Steps of a search by halves: as fine as a float of this size gets.
const HALVES: usize = 60;

/// The lowest and the highest share that are still likely, after `found` of `of`; each is wrong with a chance of `wrong` at
/// most. Of nothing nothing is known.
pub(crate) fn share_bounds(found: u64, of: u64, wrong: f64) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let share = found as f64 / of as f64;
    let reach = (1.0 / wrong).ln() / of as f64;
    let is_likely = |candidate: f64| divergence(share, candidate) <= reach;
    (last(share, 0.0, is_likely), last(share, 1.0, is_likely))
}

/// Between which values a quantile of what was recorded from lies; each end is wrong with a chance of `wrong` at most. An end is
/// `None` where the recorded values are too few to tell.
pub(crate) fn quantile_bounds_ns(
    histogram: &LatencyHistogram,
    quantile: f64,
    wrong: f64,
) -> (Option<u64>, Option<u64>) {
    let of = histogram.count();
    if of == 0 {
        return (None, None);
    }
    let reach = (1.0 / wrong).ln() / of as f64;
    // How many values lie below a quantile is a matter of chance itself; beyond these shares it hardly is.
    let is_likely = |share: f64| divergence(share, quantile) <= reach;
    let ends = (!is_likely(0.0), !is_likely(1.0));
    let (low, high) = (
        last(quantile, 0.0, is_likely),
        last(quantile, 1.0, is_likely),
    );
    (
        ends.0.then(|| histogram.quantile_ns(low)).flatten(),
        ends.1.then(|| histogram.quantile_ns(high)).flatten(),
    )
}

/// The candidate farthest towards `end` that is likely still; `from` is.
fn last(from: f64, end: f64, is_likely: impl Fn(f64) -> bool) -> f64 {
    if is_likely(end) {
        return end;
    }
    let (mut near, mut far) = (from, end);
    for _ in 0..HALVES {
        let middle = f64::midpoint(near, far);
        match is_likely(middle) {
            true => near = middle,
            false => far = middle,
        }
    }
    far
}

/// How much a share speaks against a candidate, per observation (Kullback and Leibler).
fn divergence(share: f64, candidate: f64) -> f64 {
    let part = |of: f64, against: f64| match (of, against) {
        (0.0, _) => 0.0,
        (_, 0.0) => f64::INFINITY,
        (of, against) => of * (of / against).ln(),
    };
    part(share, candidate) + part(1.0 - share, 1.0 - candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRONG: f64 = 0.0125;

    #[test]
    fn nothing_found_bounds_a_share_as_the_exact_bound_does() {
        let (low, high) = share_bounds(0, 1_000, WRONG);
        // (1 - p)^n = 0.0125
        let exact = 1.0 - WRONG.powf(1.0 / 1_000.0);
        assert_eq!(low, 0.0);
        assert!((high - exact).abs() < 1e-9, "{high} {exact}");
        assert_eq!(share_bounds(0, 0, WRONG), (0.0, 1.0));
        let (low, high) = share_bounds(1_000, 1_000, WRONG);
        assert!((low - (1.0 - exact)).abs() < 1e-9 && high == 1.0);
    }

    /// The chance of so many or more, and of so many or fewer, by summing up.
    fn tails(found: u64, of: u64, share: f64) -> (f64, f64) {
        let log_choose = |k: u64| -> f64 {
            let steps = 1..=k;
            steps.map(|i| ((of - k + i) as f64 / i as f64).ln()).sum()
        };
        let chance = |k: u64| {
            let (k_f, rest) = (k as f64, (of - k) as f64);
            (log_choose(k) + k_f * share.ln() + rest * (1.0 - share).ln()).exp()
        };
        let above = (found..=of).map(chance).sum();
        let below = (0..=found).map(chance).sum();
        (above, below)
    }

    /// At the ends what was observed has at most the stated chance: no share outside is a likely one.
    #[test]
    fn what_lies_outside_is_as_unlikely_as_stated() {
        let all = [1, 2, 7, 40, 250].into_iter();
        for (of, found) in all.flat_map(|of| (0..=of).map(move |found| (of, found))) {
            let (low, high) = share_bounds(found, of, WRONG);
            let share = found as f64 / of as f64;
            assert!(low <= share && share <= high, "{found} of {of}");
            if low > 0.0 {
                assert!(tails(found, of, low).0 <= WRONG * 1.001, "{found} of {of}");
            }
            if high < 1.0 {
                assert!(tails(found, of, high).1 <= WRONG * 1.001, "{found} of {of}");
            }
        }
    }

    #[test]
    fn a_quantile_needs_enough_values_on_both_of_its_sides() {
        let of = |n: u64| {
            let mut histogram = LatencyHistogram::default();
            (1..=n).for_each(|us| histogram.record(us * 1_000));
            quantile_bounds_ns(&histogram, 0.99, WRONG)
        };
        assert_eq!(of(0), (None, None));
        let (low, high) = of(400);
        assert!(low.is_some() && high.is_none(), "{low:?} {high:?}");
        let (Some(low), Some(high)) = of(10_000) else {
            panic!("10,000 are enough");
        };
        assert!((9_800_000..9_900_000).contains(&low), "{low}");
        assert!((9_900_001..9_960_000).contains(&high), "{high}");
    }
}

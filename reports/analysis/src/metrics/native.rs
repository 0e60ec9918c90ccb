//! What a native histogram grew by between two looks.
//!
//! Its resolution may have become coarser in between, and its bucket for zero wider: then the earlier look is taken as coarse
//! as the later one. Finer, or narrower, it only becomes when it begins anew.

use std::collections::BTreeMap;

use shakedown_record::series::NativeHistogram;

use super::parts::{Part, Parts};

/// A histogram at the resolution of another.
#[derive(Debug, Clone, PartialEq)]
struct Even {
    zero: f64,
    positive: BTreeMap<i32, f64>,
    negative: BTreeMap<i32, f64>,
    count: f64,
}

impl Even {
    fn in_buckets(&self) -> f64 {
        let sides = self.positive.values().chain(self.negative.values());
        self.zero + sides.sum::<f64>()
    }
}

/// What was observed between two looks, by bucket; `None` when the histogram began anew in between, so that what it had
/// counted last is not known. Without an earlier look it began empty.
pub(crate) fn growth(before: Option<&NativeHistogram>, after: &NativeHistogram) -> Option<Parts> {
    let empty = NativeHistogram {
        schema: after.schema,
        ..NativeHistogram::default()
    };
    let before = before.unwrap_or(&empty);
    if is_finer(before, after) {
        return None;
    }
    let old = at_resolution(before, after)?;
    let new = at_resolution(after, after)?;
    if fell(&old, &new) {
        return None;
    }
    Some(between(&old, &new, after))
}

/// It says itself that it began anew, or is finer than before.
fn is_finer(before: &NativeHistogram, after: &NativeHistogram) -> bool {
    let created = before.created_s.zip(after.created_s);
    let is_other = created.is_some_and(|(before, after)| (before - after).abs() > 1e-3);
    is_other
        || after.schema > before.schema
        || after.zero_threshold < before.zero_threshold
        || after.count < before.count
}

/// `None` when the wider bucket for zero would end within a bucket that has something in it.
fn at_resolution(own: &NativeHistogram, of: &NativeHistogram) -> Option<Even> {
    let steps = u32::try_from(own.schema - of.schema).ok()?;
    let mut even = Even {
        zero: own.zero_count,
        positive: BTreeMap::new(),
        negative: BTreeMap::new(),
        count: own.count,
    };
    let is_wider = of.zero_threshold > own.zero_threshold;
    let sides = [
        (&own.positive, &mut even.positive),
        (&own.negative, &mut even.negative),
    ];
    for (buckets, into) in sides {
        for (index, count) in buckets.iter().filter(|(_, count)| *count > 0.0) {
            let upper = NativeHistogram::bound(own.schema, *index);
            if is_wider && upper <= of.zero_threshold {
                even.zero += count;
                continue;
            }
            let lower = NativeHistogram::bound(own.schema, index.saturating_sub(1));
            if is_wider && lower < of.zero_threshold {
                return None;
            }
            // Bounds of a coarser schema are bounds of a finer one: every 2^steps-th.
            let coarse = (index.saturating_sub(1) >> steps).saturating_add(1);
            *into.entry(coarse).or_default() += count;
        }
    }
    Some(even)
}

fn fell(old: &Even, new: &Even) -> bool {
    let fell = |old: &BTreeMap<i32, f64>, new: &BTreeMap<i32, f64>| {
        let now = |index: &i32| new.get(index).copied().unwrap_or(0.0);
        old.iter().any(|(index, count)| now(index) < *count)
    };
    new.zero < old.zero || fell(&old.positive, &new.positive) || fell(&old.negative, &new.negative)
}

fn between(old: &Even, new: &Even, of: &NativeHistogram) -> Parts {
    let mut parts = Parts::default();
    let grown = |old: &BTreeMap<i32, f64>, index: i32, count: f64| {
        count - old.get(&index).copied().unwrap_or(0.0)
    };
    for (index, count) in &new.positive {
        parts.add(Part {
            lower: NativeHistogram::bound(of.schema, index.saturating_sub(1)),
            with_lower: false,
            upper: NativeHistogram::bound(of.schema, *index),
            count: grown(&old.positive, *index, *count),
        });
    }
    for (index, count) in &new.negative {
        parts.add(Part {
            lower: -NativeHistogram::bound(of.schema, *index),
            with_lower: true,
            upper: -NativeHistogram::bound(of.schema, index.saturating_sub(1)),
            count: grown(&old.negative, *index, *count),
        });
    }
    parts.add(Part {
        lower: -of.zero_threshold,
        with_lower: true,
        upper: of.zero_threshold,
        count: new.zero - old.zero,
    });
    // Observations that are no number are in no bucket: they may be anything.
    let nowhere = (new.count - new.in_buckets()) - (old.count - old.in_buckets());
    parts.add(Part {
        lower: f64::NEG_INFINITY,
        with_lower: true,
        upper: f64::INFINITY,
        count: if nowhere > 1e-6 { nowhere } else { 0.0 },
    });
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sorts values into the buckets of a schema, as a client library does it.
    fn observed(schema: i32, zero_threshold: f64, values: &[f64]) -> NativeHistogram {
        let mut own = NativeHistogram {
            schema,
            zero_threshold,
            ..NativeHistogram::default()
        };
        let (mut positive, mut negative) = (BTreeMap::new(), BTreeMap::new());
        for value in values {
            own.count += 1.0;
            let size = value.abs();
            if value.is_nan() {
                continue;
            }
            if size <= zero_threshold {
                own.zero_count += 1.0;
                continue;
            }
            let guess = (size.log2() * 2f64.powi(schema)).floor() as i32 - 2;
            let index = (guess..).find(|index| size <= NativeHistogram::bound(schema, *index));
            let side = match *value > 0.0 {
                true => &mut positive,
                false => &mut negative,
            };
            *side.entry(index.unwrap()).or_default() += 1.0;
        }
        own.positive = positive.into_iter().collect();
        own.negative = negative.into_iter().collect();
        own
    }

    fn values(count: usize, mut seed: u64) -> Vec<f64> {
        let mut values = Vec::new();
        for _ in 0..count {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let exponent = (seed >> 40) as f64 / (1u64 << 24) as f64 * 16.0 - 12.0;
            let sign = if seed >> 33 & 7 == 0 { -1.0 } else { 1.0 };
            values.push(sign * exponent.exp2());
        }
        values
    }

    #[test]
    fn quantiles_and_shares_hold_the_values_that_were_put_in() {
        for schema in -4..=8 {
            let before = values(300, 7);
            let mut all = before.clone();
            let mut own = values(1_000, 99);
            all.extend(&own);
            let (before, after) = (
                observed(schema, 0.001, &before),
                observed(schema, 0.001, &all),
            );
            let grown = growth(Some(&before), &after).unwrap();
            own.sort_by(f64::total_cmp);
            for quantile in [0.01, 0.25, 0.5, 0.9, 0.99, 0.999] {
                let real = own[(quantile * own.len() as f64).ceil() as usize - 1];
                let lies = grown.quantile(quantile).unwrap();
                assert!(
                    lies.lower <= real && real <= lies.upper,
                    "{schema} {quantile}: {real} in {lies:?}"
                );
                let value = lies.value.unwrap();
                assert!(lies.lower <= value && value <= lies.upper, "{lies:?}");
            }
            for limit in [-0.5, 0.0, 0.0005, 0.03, 1.0, 3.7] {
                let real = own.iter().filter(|value| **value > limit).count() as f64;
                let above = grown.above(limit);
                assert_eq!(above.total, 1_000.0);
                assert!(
                    above.surely <= real && real <= above.maybe,
                    "{schema} {limit}: {real} in {above:?}"
                );
            }
        }
    }

    #[test]
    fn finer_schemas_narrow_the_bounds() {
        let all = values(1_000, 5);
        let width = |schema| {
            let grown = growth(None, &observed(schema, 0.0, &all)).unwrap();
            let lies = grown.quantile(0.9).unwrap();
            lies.upper / lies.lower
        };
        assert!(width(8) < 1.003 && width(3) < 1.1 && width(0) <= 2.0 + 1e-9);
    }

    #[test]
    fn a_coarser_resolution_and_a_wider_zero_in_between_lose_nothing() {
        let before = values(200, 3);
        let mut all = before.clone();
        all.extend(values(100, 4));
        let old = observed(5, 2f64.powi(-10), &before);
        let new = observed(1, 2f64.powi(-8), &all);
        let grown = growth(Some(&old), &new).unwrap();
        assert_eq!(grown.above(0.0).total, 100.0);
        let alone = observed(1, 2f64.powi(-8), &all[200..]);
        let alone = growth(None, &alone).unwrap();
        for limit in [0.01, 0.5, 2.0] {
            assert_eq!(grown.above(limit), alone.above(limit), "{limit}");
        }
    }

    #[test]
    fn every_way_of_beginning_anew_is_told() {
        let old = observed(3, 0.001, &[1.0, 2.0, 2.0, -4.0]);
        let grown = |new: &NativeHistogram| growth(Some(&old), new).is_some();
        let mut more = observed(3, 0.001, &[1.0, 2.0, 2.0, -4.0, 8.0]);
        assert!(grown(&more));
        // A bucket that fell while others grew by more.
        assert!(!grown(&observed(3, 0.001, &[2.0, 2.0, -4.0, 8.0, 8.0])));
        assert!(!grown(&observed(3, 0.001, &[1.0, 2.0, 2.0, 8.0, 8.0])));
        assert!(!grown(&observed(3, 0.001, &[1.0])));
        assert!(!grown(&observed(4, 0.001, &[1.0, 2.0, 2.0, -4.0, 8.0])));
        assert!(!grown(&observed(3, 0.000_5, &[1.0, 2.0, 2.0, -4.0, 8.0])));
        // The bucket for zero ends within a bucket that is not empty.
        assert!(!grown(&observed(3, 1.95, &[1.0, 2.0, 2.0, -4.0, 8.0])));
        let mut told = old.clone();
        told.created_s = Some(10.0);
        more.created_s = Some(11.0);
        assert!(growth(Some(&told), &more).is_none());
        more.created_s = Some(10.0);
        assert!(growth(Some(&told), &more).is_some());
    }

    #[test]
    fn what_is_no_number_may_be_anything() {
        let grown = growth(None, &observed(3, 0.0, &[1.0, f64::NAN])).unwrap();
        let above = grown.above(100.0);
        assert_eq!((above.total, above.surely, above.maybe), (2.0, 0.0, 1.0));
    }

    #[test]
    fn without_an_earlier_look_it_began_empty() {
        let grown = growth(None, &observed(0, 0.0, &[3.0, 3.0])).unwrap();
        let lies = grown.quantile(0.5).unwrap();
        assert_eq!((lies.lower, lies.upper), (2.0, 4.0));
    }
}

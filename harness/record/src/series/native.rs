//! A native histogram of Prometheus as it is kept: the bounds of its buckets follow from its schema, so that only counts are
//! written.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Schemas that are known: a power of two holds 2^schema buckets.
pub const NATIVE_SCHEMAS: RangeInclusive<i32> = -4..=8;

/// A native histogram at one time. Counts may be fractions: some servers compute them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NativeHistogram {
    /// One of [`NATIVE_SCHEMAS`].
    pub schema: i32,
    /// Observations from minus this to this are in the bucket for zero.
    pub zero_threshold: f64,
    pub zero_count: f64,
    /// All observations, those that are no number included, which are in no bucket.
    pub count: f64,
    /// By index, ascending: bucket `i` holds what is above 2^((i-1)/2^schema) and at most 2^(i/2^schema).
    pub positive: Vec<(i32, f64)>,
    /// The same of what is below zero, mirrored.
    pub negative: Vec<(i32, f64)>,
    /// When it began to count, in seconds since 1970 by the target's clock; `None` when it does not say.
    pub created_s: Option<f64>,
}

/// A native histogram to be written, before its series has a number.
#[derive(Debug, Clone, PartialEq)]
pub struct NativeSample {
    pub name: String,
    pub labels: std::collections::BTreeMap<String, String>,
    pub histogram: NativeHistogram,
}

impl NativeHistogram {
    /// The upper bound of a bucket of a schema; the lower bound of the next.
    pub fn bound(schema: i32, index: i32) -> f64 {
        let index = i64::from(index);
        let (whole, part) = match u32::try_from(schema) {
            Ok(schema) => {
                let in_one = 1i64 << schema.min(32);
                let part = index.rem_euclid(in_one) as f64 / in_one as f64;
                (index.div_euclid(in_one), part)
            }
            Err(_) => (index << schema.unsigned_abs().min(16), 0.0),
        };
        match (whole, part > 0.0) {
            // The last bucket of finite values ends with the last of them.
            (1024, false) => f64::MAX,
            (1024.., _) => f64::INFINITY,
            _ => part.exp2() * (whole as f64).exp2(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_bounds_of_every_schema_and_exact() {
        for schema in NATIVE_SCHEMAS {
            let at_one = NativeHistogram::bound(schema, 0);
            assert!(at_one == 1.0, "{schema}");
            let sixteen = match schema {
                0.. => 4 << schema,
                -1 => 2,
                -2 => 1,
                _ => continue,
            };
            assert!(
                NativeHistogram::bound(schema, sixteen) == 16.0,
                "{schema}: {}",
                NativeHistogram::bound(schema, sixteen)
            );
            assert!(NativeHistogram::bound(schema, -sixteen) == 0.0625);
        }
    }

    #[test]
    fn a_schema_divides_a_power_of_two_evenly() {
        let ratio = NativeHistogram::bound(3, 6) / NativeHistogram::bound(3, 5);
        assert!((ratio - 2f64.powf(0.125)).abs() < 1e-12, "{ratio}");
        let ratio = NativeHistogram::bound(-4, 1) / NativeHistogram::bound(-4, 0);
        assert!((ratio - 65_536.0).abs() < 1e-6, "{ratio}");
    }

    #[test]
    fn the_last_finite_bucket_ends_with_the_last_finite_value() {
        assert!(NativeHistogram::bound(0, 1024) == f64::MAX);
        assert!(NativeHistogram::bound(0, 1025) == f64::INFINITY);
        assert!(NativeHistogram::bound(2, 4097) == f64::INFINITY);
        assert!(NativeHistogram::bound(-4, 64) == f64::MAX);
        assert!(NativeHistogram::bound(8, i32::MIN) == 0.0);
        assert!(NativeHistogram::bound(-4, i32::MAX) == f64::INFINITY);
    }
}

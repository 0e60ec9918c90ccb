//! Logarithm and exponential from additions, multiplications and divisions only.
//!
//! IEEE 754 defines these to the bit; the system's own `ln` and `exp` differ in the last bit from one C library to the
//! next, and every seeded stream would with them.

use std::f64::consts::{LN_2, SQRT_2};

/// ln(x) for normal x above 0.
///
/// `ln(m * 2^e) = e * ln 2 + 2 atanh((m - 1) / (m + 1))` with m in [1/sqrt 2, sqrt 2); the series of atanh is cut where
/// its terms fall below 2^-53.
pub(crate) fn natural_log(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let mut series = 0.0;
    for odd in (1..=21).rev().step_by(2) {
        series = series * square + 1.0 / f64::from(odd);
    }
    exponent as f64 * LN_2 + 2.0 * ratio * series
}

/// High and low part of ln 2: the high part times any exponent is exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// e^x; 0 and infinity where the result is beyond the normal numbers.
///
/// `e^x = 2^k * e^r` with r in [-ln 2 / 2, ln 2 / 2]; the series of e^r is cut where its terms fall below 2^-54.
pub(crate) fn exponential(x: f64) -> f64 {
    let power = (x / LN_2).round();
    if power < -1022.0 {
        return 0.0;
    }
    if power > 1023.0 {
        return f64::INFINITY;
    }
    let rest = (x - power * LN_2_HIGH) - power * LN_2_LOW;
    let mut series = 1.0;
    for term in (1..=14).rev() {
        series = 1.0 + series * rest / f64::from(term);
    }
    let scale = f64::from_bits(((power as i64 + 1023) as u64) << 52);
    series * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_good_to_fifteen_digits() {
        for x in [
            1.0,
            0.999_999,
            0.75,
            0.707,
            0.5,
            0.1,
            1e-9,
            2f64.powi(-53),
            3.0,
            6e11,
        ] {
            let error = (natural_log(x) - x.ln()).abs();
            assert!(
                error <= 4e-16 * x.ln().abs().max(0.1),
                "ln {x}: off by {error}"
            );
        }
    }

    #[test]
    fn the_exponential_is_good_to_fifteen_digits() {
        for step in -14_000..=1_400 {
            let x = f64::from(step) / 20.0;
            let error = (exponential(x) / x.exp() - 1.0).abs();
            assert!(error <= 1e-15, "e^{x}: off by {error}");
        }
        assert_eq!(exponential(0.0), 1.0);
        assert_eq!(exponential(-1e9), 0.0);
        assert_eq!(exponential(1e9), f64::INFINITY);
    }
}

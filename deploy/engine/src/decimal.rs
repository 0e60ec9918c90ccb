//! Exact decimals: prices and quantities arrive as text and become whole ticks and lots, never floats.

use serde::{Deserialize, Serialize};

/// Digits that a decimal may have in all; more is malformed (and would not fit an `i64`).
const MAX_DIGITS: usize = 18;

/// A number as it was written: `units / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decimal {
    units: i64,
    scale: u8,
}

/// Why a text is no decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Nothing, or only a sign or a point.
    #[error("a number has no digits")]
    Empty,
    /// A character that is neither a digit, nor a leading minus, nor the one point.
    #[error("a number may hold digits, one point and a leading minus, nothing else")]
    BadCharacter,
    /// More digits than can be kept exactly.
    #[error("a number may have at most 18 digits")]
    TooLong,
}

/// Why a decimal is no whole number of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It lies between two steps.
    #[error("not a whole number of steps")]
    OffStep,
    /// Zero or less.
    #[error("not above zero")]
    NotPositive,
    /// More steps than the engine counts.
    #[error("too large")]
    TooLarge,
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let (units, one) = (self.units.unsigned_abs(), 10u64.pow(u32::from(self.scale)));
        match self.scale {
            0 => write!(f, "{sign}{units}"),
            scale => {
                let (whole, rest) = (units / one, units % one);
                write!(
                    f,
                    "{sign}{whole}.{rest:0width$}",
                    width = usize::from(scale)
                )
            }
        }
    }
}

impl Decimal {
    /// Reads `text`, for example `50000.01`.
    ///
    /// # Errors
    /// [`DecimalError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(DecimalError::Empty);
        }
        if whole.len() + fraction.len() > MAX_DIGITS {
            return Err(DecimalError::TooLong);
        }
        let mut units = 0i64;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return Err(DecimalError::BadCharacter);
            }
            units = units * 10 + i64::from(byte - b'0');
        }
        let scale = u8::try_from(fraction.len()).map_err(|_| DecimalError::TooLong)?;
        Ok(Self {
            units: if negative { -units } else { units },
            scale,
        })
    }

    /// The number `units / 10^scale`.
    ///
    /// # Errors
    /// [`DecimalError::TooLong`] when it has more digits than can be kept exactly.
    pub fn from_units(units: i64, scale: u8) -> Result<Self, DecimalError> {
        let most = 10u64.pow(MAX_DIGITS as u32);
        if usize::from(scale) > MAX_DIGITS || units.unsigned_abs() >= most {
            return Err(DecimalError::TooLong);
        }
        Ok(Self { units, scale })
    }

    /// How many steps of `10^-decimals` this is.
    ///
    /// # Errors
    /// [`StepError`] when it is not positive, lies between two steps, or is beyond `u32::MAX` times a million steps.
    pub fn steps(self, decimals: u32) -> Result<u64, StepError> {
        if self.units <= 0 {
            return Err(StepError::NotPositive);
        }
        let scaled = i128::from(self.units) * 10i128.pow(decimals);
        let divisor = 10i128.pow(u32::from(self.scale));
        if scaled % divisor != 0 {
            return Err(StepError::OffStep);
        }
        let steps = u64::try_from(scaled / divisor).map_err(|_| StepError::TooLarge)?;
        if steps > MAX_STEPS {
            return Err(StepError::TooLarge);
        }
        Ok(steps)
    }
}

/// The most ticks or lots the engine counts; sums of them stay far from overflow.
const MAX_STEPS: u64 = 4_000_000_000_000_000;

/// Writes `steps` of `10^-decimals` with exactly that many decimals, for example `0.010`.
pub fn format_steps(steps: u64, decimals: u32) -> String {
    if decimals == 0 {
        return steps.to_string();
    }
    let base = 10u64.pow(decimals);
    let width = decimals as usize;
    format!("{}.{:0width$}", steps / base, steps % base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_exactly() {
        assert_eq!(Decimal::parse("50000.01").unwrap().steps(2), Ok(5_000_001));
        assert_eq!(Decimal::parse("0.010").unwrap().steps(3), Ok(10));
        assert_eq!(Decimal::parse("7").unwrap().steps(2), Ok(700));
        assert_eq!(Decimal::parse(".5").unwrap().steps(1), Ok(5));
        assert_eq!(Decimal::parse("1.500").unwrap().steps(1), Ok(15));
    }

    #[test]
    fn units_are_what_was_written() {
        assert_eq!(Decimal::from_units(-15, 1), Decimal::parse("-1.5"));
        let most = 999_999_999_999_999_999;
        assert_eq!(
            Decimal::from_units(most, 18),
            Decimal::parse(".999999999999999999")
        );
        for text in ["0.05", "-1.50", "7", "-7", "50000.01"] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), text);
        }
        for (units, scale) in [(1, 19), (most + 1, 0), (i64::MIN, 0)] {
            let refused = Decimal::from_units(units, scale);
            assert_eq!(refused, Err(DecimalError::TooLong), "{units} {scale}");
        }
    }

    #[test]
    fn refuses_what_is_between_steps_or_not_positive() {
        assert_eq!(
            Decimal::parse("0.015").unwrap().steps(2),
            Err(StepError::OffStep)
        );
        assert_eq!(
            Decimal::parse("0").unwrap().steps(2),
            Err(StepError::NotPositive)
        );
        assert_eq!(
            Decimal::parse("-1").unwrap().steps(2),
            Err(StepError::NotPositive)
        );
        assert_eq!(
            Decimal::parse("999999999999999999").unwrap().steps(3),
            Err(StepError::TooLarge)
        );
    }

    #[test]
    fn refuses_what_is_no_number() {
        assert_eq!(Decimal::parse(""), Err(DecimalError::Empty));
        assert_eq!(Decimal::parse("-."), Err(DecimalError::Empty));
        assert_eq!(Decimal::parse("1e5"), Err(DecimalError::BadCharacter));
        assert_eq!(Decimal::parse("1.2.3"), Err(DecimalError::BadCharacter));
        assert_eq!(
            Decimal::parse("1234567890123456789"),
            Err(DecimalError::TooLong)
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(steps in 1u64..MAX_STEPS / 1000, decimals in 0u32..4) {
            let text = format_steps(steps, decimals);
            prop_assert_eq!(Decimal::parse(&text).unwrap().steps(decimals), Ok(steps));
        }
    }
}

//! Exact decimal numbers for prices and quantities.
//!
//! Engines print the same number as `"0.10"`, `0.1` or `1e-1`. Comparing floats would call equal values
//! different, or different values equal; ticks and lots are integers and a decimal is an integer with a scale.

use std::fmt;
use std::str::FromStr;

/// `mantissa / 10^scale`, always normalised (no trailing zero in the mantissa while `scale > 0`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// Why a text is not a decimal number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a decimal number (expected digits like 12.50)")]
pub struct NotADecimal {
    /// The offending text.
    pub text: String,
}

/// Largest number of digits after the point that is accepted.
const MAX_SCALE: u32 = 18;

impl Decimal {
    /// A whole number of units of `10^-scale`.
    pub fn new(mantissa: i128, scale: u32) -> Self {
        // Divisions of 128 bits take long, and hardly any number needs them.
        if let Ok(short) = i64::try_from(mantissa) {
            return Self::of_short(short, scale);
        }
        let (mut mantissa, mut scale) = (mantissa, scale);
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        Self { mantissa, scale }
    }

    #[inline]
    fn of_short(mut mantissa: i64, mut scale: u32) -> Self {
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        Self {
            mantissa: i128::from(mantissa),
            scale,
        }
    }

    /// True for a number above zero.
    pub fn is_positive(self) -> bool {
        self.mantissa > 0
    }

    /// How many whole `unit`s this number is, or `None` when it is not a multiple of `unit` (or does not fit).
    ///
    /// ```
    /// # use shakedown_record::Decimal;
    /// let tick: Decimal = "0.01".parse().unwrap();
    /// assert_eq!("50000.05".parse::<Decimal>().unwrap().in_units_of(tick), Some(5_000_005));
    /// assert_eq!("0.005".parse::<Decimal>().unwrap().in_units_of(tick), None);
    /// ```
    pub fn in_units_of(self, unit: Decimal) -> Option<i64> {
        let scale = self.scale.max(unit.scale);
        let own = self
            .mantissa
            .checked_mul(10i128.checked_pow(scale - self.scale)?)?;
        let other = unit
            .mantissa
            .checked_mul(10i128.checked_pow(scale - unit.scale)?)?;
        if other == 0 || own % other != 0 {
            return None;
        }
        i64::try_from(own / other).ok()
    }

    /// `count` times this number.
    #[inline]
    pub fn times(self, count: i64) -> Decimal {
        let short = i64::try_from(self.mantissa).ok();
        match short.and_then(|mantissa| mantissa.checked_mul(count)) {
            Some(mantissa) => Self::of_short(mantissa, self.scale),
            None => Decimal::new(self.mantissa * i128::from(count), self.scale),
        }
    }

    /// Digits after the point.
    pub fn scale(self) -> u32 {
        self.scale
    }

    /// The nearest float: for arithmetic on bands only, never for comparing orders.
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 / 10f64.powi(self.scale as i32)
    }
}

impl FromStr for Decimal {
    type Err = NotADecimal;

    #[inline]
    fn from_str(text: &str) -> Result<Self, NotADecimal> {
        usual(text.as_bytes()).map_or_else(|| unusual(text), Ok)
    }
}

/// A number as nearly all are written: a few digits, with a point among them or without. `None`: written otherwise.
#[inline]
fn usual(text: &[u8]) -> Option<Decimal> {
    if text.len() > MAX_SCALE as usize || !text.last()?.is_ascii_digit() {
        return None;
    }
    let (mut mantissa, mut point) = (0i64, None);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + i64::from(byte - b'0'),
            b'.' if at > 0 && point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    let scale = point.map_or(0, |at| text.len() - 1 - at);
    Some(Decimal::of_short(mantissa, scale as u32))
}

/// A number in any spelling.
fn unusual(text: &str) -> Result<Decimal, NotADecimal> {
    let fail = || NotADecimal {
        text: text.to_string(),
    };
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().map_err(|_| fail())?),
        None => (text, 0),
    };
    let (sign, digits) = match number.strip_prefix('-') {
        Some(rest) => (-1i128, rest),
        None => (1, number),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || digits.ends_with('.') {
        return Err(fail());
    }
    let scale = (fraction.len() as i32).saturating_sub(exponent);
    if whole.len() + fraction.len() > 30 || scale.unsigned_abs() > MAX_SCALE {
        return Err(fail());
    }
    let mantissa = [whole, fraction].into_iter().fold(0, digits_after);
    if scale >= 0 {
        return Ok(Decimal::new(sign * mantissa, scale as u32));
    }
    let whole = mantissa.checked_mul(10i128.pow(scale.unsigned_abs()));
    Ok(Decimal::new(sign * whole.ok_or_else(fail)?, 0))
}

/// `before` with the digits of a text behind it; 30 digits in all at most.
fn digits_after(before: i128, text: &str) -> i128 {
    let (mut low, mut unit) = (0u64, 1u64);
    let mut value = before;
    for digit in text.bytes() {
        low = low * 10 + u64::from(digit - b'0');
        unit *= 10;
        if unit == 10_000_000_000_000_000_000 {
            value = value * i128::from(unit) + i128::from(low);
            (low, unit) = (0, 1);
        }
    }
    value * i128::from(unit) + i128::from(low)
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale == 0 {
            return write!(f, "{}", self.mantissa);
        }
        let unit = 10i128.pow(self.scale);
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let (whole, fraction) = (self.mantissa.abs() / unit, self.mantissa.abs() % unit);
        write!(
            f,
            "{sign}{whole}.{fraction:0width$}",
            width = self.scale as usize
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_in_three_spellings_is_equal() {
        let spellings = ["0.10", "0.1", "1e-1"];
        let parsed: Vec<Decimal> = spellings.iter().map(|text| text.parse().unwrap()).collect();
        assert!(parsed.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(parsed[0].to_string(), "0.1");
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "1.",
            "1.2.3",
            "0x10",
            "1e99",
            "NaN",
            "12345678901234567890123456789012345",
        ] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn long_numbers_keep_every_digit() {
        for text in [
            "123456789012345678901234567890",
            "-9999999999999999999.9999999999",
            "18446744073709551616.5",
            "10000000000000000000",
            "0.000000000000000001",
        ] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
        let spelt: Decimal = "100000000000000000000.000".parse().unwrap();
        assert_eq!(spelt, Decimal::new(10i128.pow(20), 0));
    }

    #[test]
    fn the_usual_spelling_is_read_as_any_spelling_is() {
        for text in [
            "0",
            "00",
            "7",
            "0.0",
            "0.10",
            "50000.05",
            "1.",
            ".5",
            "",
            ".",
            "1..2",
            "1.2.3",
            "-1",
            "+1",
            "1e2",
            " 1",
            "999999999999999999",
            "9999999999999999999",
            "0.0000000000000001",
        ] {
            if let Some(number) = usual(text.as_bytes()) {
                assert_eq!(unusual(text), Ok(number), "{text}");
            }
            assert_eq!(text.parse(), unusual(text), "{text}");
        }
        assert_eq!(usual(b"50000.050"), Some(Decimal::new(5_000_005, 2)));
        let large = Decimal::new(i128::from(i64::MAX), 3);
        assert_eq!(large.times(20), Decimal::new(i128::from(i64::MAX) * 20, 3));
    }

    #[test]
    fn numbers_beyond_all_bits_are_refused() {
        for text in ["1e-2147483648", "1e2147483647", "1e-2147483649"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        let digits = "9".repeat(30);
        assert!(digits.parse::<Decimal>().is_ok());
        assert!(format!("{digits}e18").parse::<Decimal>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_as_any_spelling_is(text in "[-+ 0-9.eE]{0,24}|[0-9]{0,19}[.]?[0-9]{0,19}") {
            let read: Result<Decimal, NotADecimal> = text.parse();
            proptest::prop_assert_eq!(read, unusual(&text));
        }

        #[test]
        fn a_multiple_is_the_same_in_few_bits_and_in_many(
            mantissa in proptest::prelude::any::<i64>(),
            scale in 0..=MAX_SCALE,
            count in proptest::prelude::any::<i64>(),
        ) {
            let number = Decimal::new(i128::from(mantissa), scale);
            let wide = Decimal::new(number.mantissa * i128::from(count), number.scale);
            proptest::prop_assert_eq!(number.times(count), wide);
        }
    }

    #[test]
    fn off_tick_is_not_a_whole_number_of_ticks() {
        let tick: Decimal = "0.05".parse().unwrap();
        assert_eq!(
            "1.15".parse::<Decimal>().unwrap().in_units_of(tick),
            Some(23)
        );
        assert_eq!("1.16".parse::<Decimal>().unwrap().in_units_of(tick), None);
        assert_eq!(tick.times(23).to_string(), "1.15");
    }
}

//! Shares.

use shakedown_record::Decimal;

use crate::decode::HINT_MARK;
use crate::yaml::shortened;

use super::macros::scalar;

/// A share of the whole, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Percent {
    pub(crate) fraction: f64,
}

scalar!(Percent, {
    "type": "string",
    "description": "A share from 0% to 100%.",
    "pattern": "^[0-9]+(\\.[0-9]+)?%$",
    "examples": ["99%", "99.99%"],
});

impl Percent {
    pub(super) fn read(text: &str) -> Result<Percent, String> {
        let refuse = |why: &str| {
            format!(
                "`{}` is not a share: {why}{HINT_MARK}write a number with a percent sign, such as 99% or 99.99%",
                shortened(text)
            )
        };
        let Some(number) = text.strip_suffix('%') else {
            return Err(refuse("the percent sign is missing"));
        };
        if number.contains(['e', 'E']) || number.parse::<Decimal>().is_err() {
            return Err(refuse("the number cannot be read"));
        }
        // Moving the point in the text keeps 99.99 % at exactly the float nearest to 0.9999.
        let fraction: f64 = match format!("{number}e-2").parse::<Decimal>() {
            Ok(exact) => exact.to_string().parse().unwrap_or(f64::NAN),
            Err(_) => return Err(refuse("it has too many digits")),
        };
        if !(0.0..=1.0).contains(&fraction) {
            return Err(refuse("it is not between 0% and 100%"));
        }
        Ok(Percent { fraction })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_the_nearest_float() {
        assert_eq!(Percent::read("99.99%").unwrap().fraction, 0.9999);
        assert_eq!(Percent::read("99%").unwrap().fraction, 0.99);
        assert_eq!(Percent::read("0%").unwrap().fraction, 0.0);
        assert_eq!(Percent::read("100%").unwrap().fraction, 1.0);
        for text in [
            "99",
            "101%",
            "-1%",
            "x%",
            "%",
            "9e1%",
            "0.1234567890123456789%",
        ] {
            assert!(Percent::read(text).is_err(), "{text}");
        }
    }
}

//! Rates.

use shakedown_record::Decimal;

use crate::decode::HINT_MARK;
use crate::yaml::shortened;

use super::macros::scalar;

/// Events in a time.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Rate {
    pub(crate) per_s: f64,
}

scalar!(Rate, {
    "type": "string",
    "description": "Events in a second, minute or hour.",
    "pattern": "^[0-9]+(\\.[0-9]+)?/(s|min|h)$",
    "examples": ["1500/s", "90000/min"],
});

impl Rate {
    pub(crate) fn read(text: &str) -> Result<Rate, String> {
        let refuse = |why: &str| {
            format!(
                "`{}` is not a rate: {why}{HINT_MARK}write a number for a time, such as 1500/s or 90000/min",
                shortened(text)
            )
        };
        let Some((number, unit)) = text.split_once('/') else {
            return Err(refuse("it does not say for which time"));
        };
        let seconds = match unit {
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3600.0,
            other => return Err(refuse(&format!("there is no time `{}`", shortened(other)))),
        };
        match number.parse::<Decimal>() {
            Ok(number) if number.to_f64() >= 0.0 => Ok(Rate {
                per_s: number.to_f64() / seconds,
            }),
            Ok(_) => Err(refuse("it is below 0")),
            Err(_) => Err(refuse("the number cannot be read")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_for_a_second() {
        assert_eq!(Rate::read("1500/s").unwrap().per_s, 1500.0);
        assert_eq!(Rate::read("90000/min").unwrap().per_s, 1500.0);
        assert_eq!(Rate::read("1.5/s").unwrap().per_s, 1.5);
        for text in ["1500", "1500/x", "x/s", "-1/s", "/s", "1500 /s", "inf/s"] {
            assert!(Rate::read(text).is_err(), "{text}");
        }
    }
}

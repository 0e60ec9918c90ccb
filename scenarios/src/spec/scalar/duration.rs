//! Durations.

use crate::decode::HINT_MARK;
use crate::yaml::shortened;

use super::macros::scalar;

/// A duration in whole nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Duration {
    pub(crate) ns: u64,
}

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// A hundred years and more are a slip of the pen.
const LONGEST_NS: u64 = 36_500 * 86_400_000_000_000;

scalar!(Duration, {
    "type": "string",
    "description": "A duration with its unit: ns, us, ms, s, m, h or d; parts may follow each other.",
    "pattern": "^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+$",
    "examples": ["20s", "500ms", "10us", "1m30s"],
});

impl Duration {
    pub(crate) fn read(text: &str) -> Result<Duration, String> {
        let refuse = |why: &str| {
            format!(
                "`{}` is not a duration: {why}{HINT_MARK}write a number with its unit, such as 20s, 500ms, 10us or 1m30s",
                shortened(text)
            )
        };
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(refuse("it is empty"));
        }
        let mut total_ns = 0u64;
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            let (number, behind) = rest.split_at(digits);
            let letters = behind
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(behind.len());
            let (unit, next) = behind.split_at(letters);
            if number.is_empty() {
                return Err(refuse("a number is missing"));
            }
            if unit.is_empty() {
                return Err(refuse("it has no unit"));
            }
            let Some((_, unit_ns)) = UNITS.iter().find(|(name, _)| *name == unit) else {
                return Err(refuse(&format!("there is no unit `{}`", shortened(unit))));
            };
            let part_ns = whole_ns(number, *unit_ns).ok_or_else(|| {
                refuse("the number cannot be read as whole nanoseconds of a sensible length")
            })?;
            total_ns = total_ns
                .checked_add(part_ns)
                .filter(|total| *total <= LONGEST_NS)
                .ok_or_else(|| refuse("it is longer than 100 years"))?;
            rest = next;
        }
        Ok(Duration { ns: total_ns })
    }
}

/// `number` times `unit_ns`, when that is a whole number of nanoseconds.
fn whole_ns(number: &str, unit_ns: u64) -> Option<u64> {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (number, ""),
    };
    if fraction.len() > 18 {
        return None;
    }
    let mantissa: u128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    let scaled = mantissa.checked_mul(u128::from(unit_ns))?;
    if scaled % scale != 0 {
        return None;
    }
    u64::try_from(scaled / scale)
        .ok()
        .filter(|ns| *ns <= LONGEST_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_exact() {
        for (text, ns) in [
            ("20s", 20_000_000_000),
            ("500ms", 500_000_000),
            ("10us", 10_000),
            ("10µs", 10_000),
            ("1m30s", 90_000_000_000),
            ("1.5s", 1_500_000_000),
            ("0s", 0),
            ("1h", 3_600_000_000_000),
        ] {
            assert_eq!(Duration::read(text), Ok(Duration { ns }), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_reason() {
        for (text, why) in [
            ("20", "no unit"),
            ("s", "number is missing"),
            ("20 s", "no unit"),
            ("20sec", "no unit `sec`"),
            ("-1s", "number is missing"),
            ("1.s", "cannot be read"),
            ("0.5ns", "whole nanoseconds"),
            ("1e3s", "no unit `e`"),
            ("99999999999999999999s", "cannot be read"),
            ("40000d", "cannot be read"),
            ("30000d30000d", "longer than 100 years"),
            ("", "empty"),
        ] {
            let message = Duration::read(text).unwrap_err();
            assert!(message.contains(why), "{text}: {message}");
            assert!(message.contains("1m30s"), "{text}: {message}");
        }
    }
}

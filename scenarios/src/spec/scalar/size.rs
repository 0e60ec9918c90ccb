//! Sizes.

use crate::decode::HINT_MARK;
use crate::yaml::shortened;

use super::macros::scalar;

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size {
    pub(crate) bytes: u64,
}

const UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

scalar!(Size, {
    "type": "string",
    "description": "A whole number with its unit: B, kB, MB, GB, KiB, MiB or GiB.",
    "pattern": "^[0-9]+(B|kB|MB|GB|KiB|MiB|GiB)$",
    "examples": ["64MiB", "1GB"],
});

impl Size {
    pub(crate) fn read(text: &str) -> Result<Size, String> {
        let refuse = |why: &str| {
            format!(
                "`{}` is not a size: {why}{HINT_MARK}write a whole number with its unit, such as 64MiB or 1GB",
                shortened(text)
            )
        };
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            let known: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
            return Err(refuse(&format!(
                "its unit must be one of {}",
                known.join(" ")
            )));
        };
        let number: u64 = number
            .parse()
            .map_err(|_| refuse("the number cannot be read"))?;
        let bytes = number.checked_mul(*factor);
        bytes
            .map(|bytes| Size { bytes })
            .ok_or_else(|| refuse("it is too large"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_bytes() {
        assert_eq!(Size::read("64MiB").unwrap().bytes, 64 << 20);
        assert_eq!(Size::read("1GB").unwrap().bytes, 1_000_000_000);
        assert_eq!(Size::read("0B").unwrap().bytes, 0);
        for text in ["64", "64mb", "MiB", "1.5MiB", "-1B", "99999999999GiB", ""] {
            assert!(Size::read(text).is_err(), "{text}");
        }
    }
}

//! Rates of bytes.

use crate::decode::HINT_MARK;
use crate::yaml::shortened;

use super::Size;
use super::macros::scalar;

/// Bytes in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByteRate {
    pub(crate) bytes_per_s: u64,
}

scalar!(ByteRate, {
    "type": "string",
    "description": "A whole number of B, kB, MB, GB, KiB, MiB or GiB in a second.",
    "pattern": "^[0-9]+(B|kB|MB|GB|KiB|MiB|GiB)/s$",
    "examples": ["1MB/s", "512KiB/s"],
});

impl ByteRate {
    pub(crate) fn read(text: &str) -> Result<ByteRate, String> {
        let size = text.strip_suffix("/s").map(Size::read);
        match size {
            Some(Ok(size)) => Ok(ByteRate {
                bytes_per_s: size.bytes,
            }),
            Some(Err(_)) | None => Err(format!(
                "`{}` is not a rate of bytes{HINT_MARK}write a whole number with its unit for a second, such as 1MB/s \
                 or 512KiB/s",
                shortened(text)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_in_bytes_for_a_second() {
        assert_eq!(ByteRate::read("1MB/s").unwrap().bytes_per_s, 1_000_000);
        assert_eq!(ByteRate::read("512KiB/s").unwrap().bytes_per_s, 512 << 10);
        for text in ["1MB", "1/s", "1MB/min", "1.5MB/s", "8Mbit/s", "/s", ""] {
            assert!(ByteRate::read(text).is_err(), "{text}");
        }
    }
}

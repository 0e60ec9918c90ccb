//! Exact numbers.

use shakedown_record::Decimal;

use crate::decode::HINT_MARK;
use crate::yaml::shortened;

use super::macros::scalar;

/// A decimal number, exactly as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) Decimal);

scalar!(Number, {
    "type": ["number", "string"],
    "description": "A decimal number; it is read exactly as it is written.",
    "pattern": "^-?[0-9]+(\\.[0-9]+)?$",
    "examples": [0.01, 50000],
});

impl Number {
    pub(super) fn read(text: &str) -> Result<Number, String> {
        text.parse().map(Number).map_err(|_| {
            format!(
                "`{}` is not a decimal number{HINT_MARK}write digits like 0.01 or 50000",
                shortened(text)
            )
        })
    }
}

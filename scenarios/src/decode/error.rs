//! A mistake, as it travels up through serde.

use std::fmt;

use serde::de;

use crate::yaml::{Side, Spot};

/// Parts a message from its hint in texts that serde carries: its errors are plain texts.
pub(crate) const HINT_MARK: &str = "\u{1f}";

/// What is wrong, and where as soon as that is known.
#[derive(Debug, Clone)]
pub(super) struct DecodeError {
    pub(super) cause: Cause,
    pub(super) place: Option<Place>,
}

#[derive(Debug, Clone)]
pub(super) enum Cause {
    UnknownField {
        field: String,
        expected: &'static [&'static str],
    },
    UnknownVariant {
        variant: String,
        expected: &'static [&'static str],
    },
    MissingField {
        field: &'static str,
    },
    /// A message, with a hint behind [`HINT_MARK`].
    Wrong(String),
}

/// Where a mistake is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Path of the node that has to go.
    pub(super) path: Vec<String>,
    pub(super) spot: Spot,
    pub(super) side: Side,
    /// The type that a map was read as.
    pub(super) type_name: Option<&'static str>,
}

impl DecodeError {
    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self {
            cause: Cause::Wrong(message.into()),
            place: None,
        }
    }

    /// The same mistake with a place, if it has none yet: the innermost place wins.
    pub(super) fn at(mut self, place: impl FnOnce() -> Place) -> Self {
        if self.place.is_none() {
            self.place = Some(place());
        }
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::UnknownField { field, .. } => write!(f, "there is no field `{field}`"),
            Cause::UnknownVariant { variant, .. } => write!(f, "there is no choice `{variant}`"),
            Cause::MissingField { field } => write!(f, "`{field}` is missing"),
            Cause::Wrong(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::wrong(message.to_string())
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self {
            cause: Cause::UnknownField {
                field: field.to_string(),
                expected,
            },
            place: None,
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self {
            cause: Cause::UnknownVariant {
                variant: variant.to_string(),
                expected,
            },
            place: None,
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            cause: Cause::MissingField { field },
            place: None,
        }
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::wrong(format!("expected {expected}, found {unexpected}"))
    }
}

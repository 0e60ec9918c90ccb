//! The types of a line.

use std::collections::BTreeMap;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::native::NativeHistogram;

/// Who a value was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The target itself, which answered with its metrics.
    Scrape,
    /// The machine or the platform that runs it.
    Machine,
    /// The system's own monitoring, which says what fires.
    Alerts,
    /// A pod of Shakedown's that knocks at doors.
    Isolation,
}

/// What a series says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeriesKind {
    Counter,
    Gauge,
    Histogram,
    Summary,
    /// Nothing was said, or something that has no place here.
    Untyped,
}

/// One series of one target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Series {
    /// The replica.
    pub target: String,
    pub origin: Origin,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub kind: SeriesKind,
}

/// A value as it was read; infinities and not-a-number are words in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleValue(pub f64);

impl Serialize for SampleValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_nan() => serializer.serialize_str("NaN"),
            f64::INFINITY => serializer.serialize_str("+Inf"),
            f64::NEG_INFINITY => serializer.serialize_str("-Inf"),
            value => serializer.serialize_f64(value),
        }
    }
}

impl<'de> Deserialize<'de> for SampleValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;

        impl Visitor<'_> for Words {
            type Value = SampleValue;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, NaN, +Inf or -Inf")
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<SampleValue, E> {
                Ok(SampleValue(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<SampleValue, E> {
                Ok(SampleValue(value as f64))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<SampleValue, E> {
                Ok(SampleValue(value as f64))
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<SampleValue, E> {
                match word {
                    "NaN" => Ok(SampleValue(f64::NAN)),
                    "+Inf" => Ok(SampleValue(f64::INFINITY)),
                    "-Inf" => Ok(SampleValue(f64::NEG_INFINITY)),
                    other => Err(E::custom(format!("`{other}` is no value"))),
                }
            }
        }

        deserializer.deserialize_any(Words)
    }
}

/// A value to be written, before its series has a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub kind: SeriesKind,
    pub value: f64,
}

/// Everything that was read of one target at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    pub target: String,
    pub origin: Origin,
    /// `CLOCK_MONOTONIC` in nanoseconds before the question was sent: no value is older.
    pub asked_ns: u64,
    /// The same once the answer was complete: no value is newer.
    pub answered_ns: u64,
    /// When the target's process began, in seconds by the target's own clock; `None` when it does not say.
    pub started_s: Option<f64>,
    /// Numbers of series, with their values.
    pub values: Vec<(u32, SampleValue)>,
    /// Numbers of series that are native histograms, with what they held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histograms: Vec<(u32, NativeHistogram)>,
}

/// A look that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub target: String,
    pub origin: Origin,
    pub asked_ns: u64,
    pub answered_ns: u64,
    pub reason: String,
    /// It is known that there was no such process or pod then: there was nothing to read.
    pub absent: bool,
}

/// Everything that a file holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeriesRecord {
    /// A series' number is its place here.
    pub series: Vec<Series>,
    pub looks: Vec<Look>,
    pub gaps: Vec<Gap>,
    /// The file had reached its greatest size: what came later was not kept.
    pub full: bool,
}

/// A line as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
pub(super) enum Line {
    Series {
        id: u32,
        #[serde(flatten)]
        series: Series,
    },
    Look(Look),
    Gap(Gap),
    Full,
}

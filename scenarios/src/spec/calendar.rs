//! A market calendar, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Entries;
use super::scalar::{Date, Id, TimeOfDay, Zone};

/// A market calendar: when a market trades. A run that must stay outside market hours is held against it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CalendarSpec {
    /// Name of the calendar, as it appears in messages.
    pub(crate) calendar: Id,
    /// All times below are times of this zone.
    pub(crate) zone: Zone,
    /// First day that the calendar knows. Default: it knows every day up to `valid-until`.
    pub(crate) valid_from: Option<Date>,
    /// Last day that the calendar knows. Behind it every run is refused until somebody has looked again.
    pub(crate) valid_until: Date,
    /// Trading hours by the day of the week on which they begin; days that are not named have none.
    pub(crate) sessions: Entries<DaySpec, Vec<TradingSpec>>,
    /// Days on which no session begins, with their names.
    #[serde(default)]
    pub(crate) holidays: Entries<Date, String>,
    /// Days on which trading ends earlier.
    #[serde(default)]
    pub(crate) early_closes: Entries<Date, TimeOfDay>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DaySpec {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// One session. A close at or before the open lies on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TradingSpec {
    pub(crate) open: TimeOfDay,
    pub(crate) close: TimeOfDay,
}

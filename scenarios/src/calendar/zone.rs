//! Time zones, from the database that is built in: the same files mean the same on every machine.

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A time zone by its IANA name.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

//! Dates, times of day and time zones, as a calendar on the wall has them.

use jiff::civil::Date as CivilDate;
use jiff::tz::TimeZone;

use crate::decode::HINT_MARK;
use crate::yaml::shortened;

use super::macros::scalar;

/// A date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date(pub(crate) CivilDate);

scalar!(Date, {
    "type": "string",
    "description": "A date, year first.",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "examples": ["2026-12-24"],
});

impl Date {
    pub(crate) fn read(text: &str) -> Result<Date, String> {
        let shaped = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        text.parse()
            .ok()
            .filter(|_| shaped)
            .map(Date)
            .ok_or_else(|| {
                format!(
                    "`{}` is no date{HINT_MARK}write year, month and day: 2026-12-24",
                    shortened(text)
                )
            })
    }
}

/// A time of day to the minute, as minutes since midnight: 0 to 1440.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimeOfDay {
    pub(crate) minutes: u16,
}

scalar!(TimeOfDay, {
    "type": "string",
    "description": "A time of day from 00:00 to 24:00.",
    "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
    "examples": ["09:30", "24:00"],
});

impl TimeOfDay {
    pub(crate) fn read(text: &str) -> Result<TimeOfDay, String> {
        let two = |text: &str| match text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()) {
            true => text.parse::<u16>().ok(),
            false => None,
        };
        let read = text
            .split_once(':')
            .and_then(|(hours, minutes)| Some((two(hours)?, two(minutes)?)));
        match read {
            Some((hours, minutes)) if minutes < 60 && hours * 60 + minutes <= 1440 => {
                Ok(TimeOfDay {
                    minutes: hours * 60 + minutes,
                })
            }
            Some(_) | None => Err(format!(
                "`{}` is no time of day{HINT_MARK}write hours and minutes, 00:00 to 24:00: \"09:30\"",
                shortened(text)
            )),
        }
    }
}

/// A time zone by its IANA name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Zone(pub(crate) TimeZone);

scalar!(Zone, {
    "type": "string",
    "description": "A time zone of the IANA database.",
    "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$",
    "examples": ["America/New_York", "Europe/Zurich", "UTC"],
});

impl Zone {
    pub(crate) fn read(text: &str) -> Result<Zone, String> {
        crate::calendar::zone(text).map(Zone).ok_or_else(|| {
            format!(
                "`{}` is no time zone{HINT_MARK}write its IANA name, such as America/New_York, Europe/Zurich or UTC",
                shortened(text)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_dates_and_zones_are_checked() {
        assert_eq!(TimeOfDay::read("09:30").unwrap().minutes, 570);
        assert_eq!(TimeOfDay::read("24:00").unwrap().minutes, 1440);
        for text in [
            "9:30", "24:01", "12:60", "12", "", "12:3x", "+1:00", "99:99",
        ] {
            assert!(TimeOfDay::read(text).is_err(), "{text}");
        }
        assert!(Date::read("2028-02-29").is_ok());
        for text in ["2027-02-29", "20270101", "2027-1-1", "", "2027-01-01T00:00"] {
            assert!(Date::read(text).is_err(), "{text}");
        }
        assert!(Zone::read("America/New_York").is_ok() && Zone::read("UTC").is_ok());
        for text in ["America/Gotham", "", "+01:00"] {
            assert!(Zone::read(text).is_err(), "{text}");
        }
    }
}

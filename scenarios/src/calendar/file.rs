//! A calendar, read and checked.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use crate::decode::{Decoded, decode};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::source::SourceFile;
use crate::spec::calendar::{CalendarSpec, DaySpec};
use crate::yaml::{Document, Side};

/// When a market trades.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    pub name: String,
    pub(super) zone: TimeZone,
    /// First day that it knows; `None`: every day up to the last.
    pub valid_from: Option<Date>,
    /// Last day that it knows.
    pub valid_until: Date,
    /// By the weekday on which they begin, Monday first; in order of their opens.
    pub(super) sessions: [Vec<Trading>; 7],
    pub(super) holidays: BTreeMap<Date, String>,
    /// Minutes since midnight.
    pub(super) early_closes: BTreeMap<Date, u16>,
}

/// One session, in minutes since midnight; a close at or before the open lies on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trading {
    pub(super) open: u16,
    pub(super) close: u16,
}

impl Trading {
    pub(super) fn ends_next_day(self) -> bool {
        self.close <= self.open
    }
}

impl Calendar {
    /// Reads a calendar.
    ///
    /// # Errors
    /// Every mistake, in order of position.
    pub fn parse(file: &SourceFile) -> Result<Calendar, Diagnostics> {
        let document = Document::parse(file)?;
        let decoded: Decoded<CalendarSpec> = decode(&document, &[]);
        let mut told = decoded.diagnostics;
        let Some(spec) = decoded.value.filter(|_| told.is_empty()) else {
            told.into_result()?;
            return Err(Diagnostics(vec![Diagnostic::of_file(
                &file.name,
                "this is no calendar".to_string(),
            )]));
        };
        let calendar = Calendar {
            name: spec.calendar.0.clone(),
            zone: spec.zone.0.clone(),
            valid_from: spec.valid_from.map(|date| date.0),
            valid_until: spec.valid_until.0,
            sessions: sessions(&spec, &document, &mut told),
            holidays: spec
                .holidays
                .iter()
                .map(|(date, name)| (date.0, name.clone()))
                .collect(),
            early_closes: spec
                .early_closes
                .iter()
                .map(|(date, time)| (date.0, time.minutes))
                .collect(),
        };
        check_days(&calendar, &document, &mut told);
        told.into_result().map(|()| calendar)
    }

    /// Days on which no session begins, in order.
    pub fn holidays(&self) -> impl Iterator<Item = &Date> {
        self.holidays.keys()
    }

    /// Days on which trading ends early, in order.
    pub fn early_closes(&self) -> impl Iterator<Item = &Date> {
        self.early_closes.keys()
    }

    /// IANA name of its time zone.
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The time zone of all its times.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// True when the calendar knows that day.
    pub fn knows(&self, date: Date) -> bool {
        date <= self.valid_until && self.valid_from.is_none_or(|from| from <= date)
    }

    pub(super) fn sessions_of(&self, weekday: Weekday) -> &[Trading] {
        &self.sessions[(weekday.to_monday_zero_offset()) as usize]
    }
}

/// The weekday as the files write it.
pub(crate) fn weekday(day: DaySpec) -> Weekday {
    match day {
        DaySpec::Mon => Weekday::Monday,
        DaySpec::Tue => Weekday::Tuesday,
        DaySpec::Wed => Weekday::Wednesday,
        DaySpec::Thu => Weekday::Thursday,
        DaySpec::Fri => Weekday::Friday,
        DaySpec::Sat => Weekday::Saturday,
        DaySpec::Sun => Weekday::Sunday,
    }
}

fn sessions(spec: &CalendarSpec, document: &Document, told: &mut Diagnostics) -> [Vec<Trading>; 7] {
    let mut week: [Vec<Trading>; 7] = Default::default();
    for (index, (day, written)) in spec.sessions.iter().enumerate() {
        let of_day = &mut week[weekday(*day).to_monday_zero_offset() as usize];
        *of_day = written
            .iter()
            .map(|session| Trading {
                open: session.open.minutes,
                close: session.close.minutes,
            })
            .collect();
        of_day.sort_unstable();
        let overlap = of_day
            .windows(2)
            .any(|pair| pair[0].ends_next_day() || pair[1].open < pair[0].close);
        let late = of_day.iter().any(|session| session.open == 1440);
        if overlap || late {
            let path = path_of(document, "sessions", index);
            told.0.push(
                at(document, &path, "these sessions overlap, or begin at 24:00")
                    .with_hint("such as [{ open: \"09:00\", close: \"11:30\" }, { open: \"12:30\", close: \"15:00\" }]"),
            );
        }
    }
    if week.iter().all(Vec::is_empty) {
        told.0.push(
            at(document, &["sessions".to_string()], "no day has a session")
                .with_hint("such as mon: [{ open: \"09:30\", close: \"16:00\" }]"),
        );
    }
    week
}

/// Exceptions that change nothing are slips: a date mistyped, a year forgotten.
fn check_days(calendar: &Calendar, document: &Document, told: &mut Diagnostics) {
    if calendar
        .valid_from
        .is_some_and(|from| from > calendar.valid_until)
    {
        told.0.push(at(
            document,
            &["valid-from".to_string()],
            "this lies behind `valid-until`: the calendar would know no day",
        ));
    }
    let mut slip = |section: &str, date: &Date, message: &str| {
        let path = [section.to_string(), date.to_string()];
        told.0.push(
            at(document, &path, message)
                .with_hint("mend the date, or take it out: it changes nothing"),
        );
    };
    for date in calendar.holidays.keys() {
        if calendar.sessions_of(date.weekday()).is_empty() {
            slip("holidays", date, "no session begins on that weekday anyhow");
        } else if !calendar.knows(*date) {
            slip("holidays", date, "the calendar does not know that day");
        }
    }
    for (date, time) in &calendar.early_closes {
        let sessions = calendar.sessions_of(date.weekday());
        let cuts = |session: &Trading| session.ends_next_day() || *time < session.close;
        if calendar.holidays.contains_key(date) {
            slip("early-closes", date, "that day is a holiday");
        } else if !calendar.knows(*date) {
            slip("early-closes", date, "the calendar does not know that day");
        } else if !sessions.iter().any(cuts) && !ends_on(calendar, *date, *time) {
            slip(
                "early-closes",
                date,
                "no session of that day ends later than this",
            );
        }
    }
}

/// True when a session of the day before is still on at that time.
fn ends_on(calendar: &Calendar, date: Date, minutes: u16) -> bool {
    let before = date.yesterday().map(Date::weekday);
    before.is_ok_and(|weekday| {
        let sessions = calendar.sessions_of(weekday).iter();
        sessions
            .filter(|session| session.ends_next_day())
            .any(|session| minutes < session.close)
    })
}

fn path_of(document: &Document, section: &str, index: usize) -> Vec<String> {
    let keys = document.root.find(&[section]);
    let key = keys.and_then(|node| node.keys().nth(index).map(str::to_string));
    std::iter::once(section.to_string()).chain(key).collect()
}

fn at(document: &Document, path: &[String], message: &str) -> Diagnostic {
    let spot = document.locate(path, Side::Key);
    document.diagnostic(spot, path, message.to_string())
}

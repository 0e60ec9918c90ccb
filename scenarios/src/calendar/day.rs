//! What a day is, and when its market trades.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::file::{Calendar, Trading};
use super::spans::{Span, merged};

/// A day as a calendar knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    pub date: Date,
    pub kind: DayKind,
    /// Trading on that day, from one midnight of the calendar's zone to the next; also what the day before left open.
    pub trading: Vec<Span>,
}

/// What a day is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayKind {
    /// Before `valid-from` or behind `valid-until`: nothing can be said.
    Unknown,
    /// No session begins: its name.
    Holiday(String),
    /// No session ever begins on that weekday.
    NoSession,
    Trading,
    /// Trading ends early, at these minutes since midnight.
    EarlyClose(u16),
}

impl Calendar {
    /// What a day is.
    pub fn day(&self, date: Date) -> Day {
        let kind = self.kind(date);
        let whole = Span {
            from: self.instant(date, 0),
            to: self.instant(date, 1440),
        };
        let trading = match kind {
            DayKind::Unknown => Vec::new(),
            DayKind::Holiday(_)
            | DayKind::NoSession
            | DayKind::Trading
            | DayKind::EarlyClose(_) => self.trading_in(whole),
        };
        Day {
            date,
            kind,
            trading,
        }
    }

    /// Trading within a span, clipped to it. Days that the calendar does not know have none: ask [`Calendar::knows`].
    pub fn trading_in(&self, whole: Span) -> Vec<Span> {
        let clipped = self.sessions_touching(whole).into_iter().map(|span| Span {
            from: span.from.max(whole.from),
            to: span.to.min(whole.to),
        });
        merged(clipped.collect())
    }

    /// Sessions that share an instant with a span, whole, in order.
    pub fn sessions_touching(&self, whole: Span) -> Vec<Span> {
        let first = whole.from.to_zoned(self.zone.clone()).date();
        let last = whole.to.to_zoned(self.zone.clone()).date();
        let mut date = first.yesterday().unwrap_or(first);
        let mut spans = Vec::new();
        while date <= last {
            spans.extend(self.sessions_from(date));
            match date.tomorrow() {
                Ok(next) => date = next,
                Err(_) => break,
            }
        }
        spans.retain(|span| span.overlaps(&whole));
        merged(spans)
    }

    /// Sessions that begin on a day.
    fn sessions_from(&self, date: Date) -> Vec<Span> {
        if self.holidays.contains_key(&date) {
            return Vec::new();
        }
        let sessions = self.sessions_of(date.weekday()).iter();
        let spans = sessions.filter_map(|session| self.session_from(date, *session));
        spans.collect()
    }

    fn session_from(&self, date: Date, session: Trading) -> Option<Span> {
        let next_day = date.checked_add(1.day()).unwrap_or(date);
        let closes_on = if session.ends_next_day() {
            next_day
        } else {
            date
        };
        let from = self.instant(date, session.open);
        let mut to = self.instant(closes_on, session.close);
        let today = self.early_closes.get(&date).copied();
        if let Some(early) = today {
            let opens_later = session.open >= early;
            if opens_later && !session.ends_next_day() {
                return None;
            }
            if !opens_later {
                to = to.min(self.instant(date, early));
            }
        }
        if closes_on != date
            && let Some(early) = self.early_closes.get(&closes_on)
        {
            to = to.min(self.instant(closes_on, *early));
        }
        Some(Span { from, to })
    }

    fn kind(&self, date: Date) -> DayKind {
        if !self.knows(date) {
            return DayKind::Unknown;
        }
        match (self.holidays.get(&date), self.early_closes.get(&date)) {
            (Some(name), _) => DayKind::Holiday(name.clone()),
            (None, Some(early)) => DayKind::EarlyClose(*early),
            (None, None) if self.sessions_of(date.weekday()).is_empty() => DayKind::NoSession,
            (None, None) => DayKind::Trading,
        }
    }

    /// The instant at which clocks of the zone show a time; where they are put forward over it, the next one that
    /// they show.
    pub fn instant(&self, date: Date, minutes: u16) -> Timestamp {
        instant_in(&self.zone, date, minutes)
    }
}

/// The instant at which clocks of a zone show a time on a day; 1440 minutes are the next midnight.
pub(crate) fn instant_in(zone: &jiff::tz::TimeZone, date: Date, minutes: u16) -> Timestamp {
    let (date, minutes) = match minutes {
        1440.. => (date.checked_add(1.day()).unwrap_or(date), 0),
        minutes => (date, minutes),
    };
    let time = date.at((minutes / 60) as i8, (minutes % 60) as i8, 0, 0);
    zone.to_ambiguous_timestamp(time)
        .compatible()
        .unwrap_or(Timestamp::MAX)
}

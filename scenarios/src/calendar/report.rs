//! What a calendar says of a day, for people and for scripts.

use jiff::civil::Date;
use serde::Serialize;

use super::day::DayKind;
use super::file::Calendar;
use super::spans::{Span, gaps};

/// A day, as `shakedown calendar check` tells it. Times are RFC 3339 with the offset of the calendar's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayReport {
    pub calendar: String,
    pub zone: String,
    pub date: String,
    pub weekday: String,
    /// `trading`, `early-close`, `holiday`, `no-session` or `unknown`.
    pub kind: &'static str,
    /// Name of the holiday.
    pub holiday: Option<String>,
    /// When the market trades on that day.
    pub trading: Vec<Stretch>,
    /// When a run that keeps out of market hours may go on; it has to end before such a stretch does.
    pub clear: Vec<Stretch>,
    pub valid_from: Option<String>,
    pub valid_until: String,
    #[serde(skip)]
    sentence: String,
}

/// A stretch of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stretch {
    pub from: String,
    pub to: String,
    #[serde(skip)]
    words: String,
}

impl Calendar {
    /// What the calendar says of a day.
    pub fn report(&self, date: Date) -> DayReport {
        let day = self.day(date);
        let whole = Span {
            from: self.instant(date, 0),
            to: self.instant(date, 1440),
        };
        let clear = match day.kind {
            DayKind::Unknown => Vec::new(),
            DayKind::Holiday(_)
            | DayKind::NoSession
            | DayKind::Trading
            | DayKind::EarlyClose(_) => gaps(whole, day.trading.clone()),
        };
        let (kind, holiday, sentence) = match &day.kind {
            DayKind::Unknown => ("unknown", None, self.unknown()),
            DayKind::Holiday(name) => (
                "holiday",
                Some(name.clone()),
                format!("a holiday ({name}): no session begins"),
            ),
            DayKind::NoSession => (
                "no-session",
                None,
                "no session begins on this weekday".to_string(),
            ),
            DayKind::Trading => ("trading", None, "an ordinary trading day".to_string()),
            DayKind::EarlyClose(minutes) => (
                "early-close",
                None,
                format!("an early close, at {:02}:{:02}", minutes / 60, minutes % 60),
            ),
        };
        DayReport {
            calendar: self.name.clone(),
            zone: self.zone_name().to_string(),
            date: date.to_string(),
            weekday: date.strftime("%A").to_string(),
            kind,
            holiday,
            trading: self.stretches(&day.trading, whole),
            clear: self.stretches(&clear, whole),
            valid_from: self.valid_from.map(|from| from.to_string()),
            valid_until: self.valid_until.to_string(),
            sentence,
        }
    }

    fn unknown(&self) -> String {
        let from = self.valid_from.map(|from| format!("from {from} "));
        format!(
            "not known: the calendar is valid {}until {}, and a run on this day would be refused",
            from.unwrap_or_default(),
            self.valid_until
        )
    }

    fn stretches(&self, spans: &[Span], whole: Span) -> Vec<Stretch> {
        let zoned = |at: jiff::Timestamp| at.to_zoned(self.zone.clone());
        let stretch = |span: &Span| {
            let until = match span.to == whole.to {
                true => "24:00".to_string(),
                false => zoned(span.to).strftime("%H:%M").to_string(),
            };
            Stretch {
                from: zoned(span.from)
                    .strftime("%Y-%m-%dT%H:%M:%S%:z")
                    .to_string(),
                to: zoned(span.to).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
                words: format!("{} to {until}", zoned(span.from).strftime("%H:%M")),
            }
        };
        spans.iter().map(stretch).collect()
    }
}

impl DayReport {
    /// False when the calendar does not know the day: a run on it is refused.
    pub fn is_known(&self) -> bool {
        self.kind != "unknown"
    }

    /// The day for people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{} {}: {}", self.weekday, self.date, self.sentence)];
        if !self.is_known() {
            return lines;
        }
        let words = |stretches: &[Stretch]| {
            let words: Vec<&str> = stretches.iter().map(|it| it.words.as_str()).collect();
            match words.is_empty() {
                true => "at no time".to_string(),
                false => words.join(", "),
            }
        };
        lines.push(format!("  trading          {}", words(&self.trading)));
        lines.push(format!("  a run may go on  {}", words(&self.clear)));
        lines.push(format!(
            "  calendar         {}, times of {}, valid until {}",
            self.calendar, self.zone, self.valid_until
        ));
        lines
    }
}

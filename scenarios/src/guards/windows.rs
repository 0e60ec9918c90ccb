//! Time windows and market hours: they hold from the start of a run until its planned end.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::calendar::{Calendar, Span, gaps, instant_in, merged, zone};
use crate::plan::{Hours, Plan, Window, WindowKind};

use super::before::{Calendars, Circumstances};
use super::guard::{Guard, Refusal};
use super::length::planned_longest_ns;

/// How far ahead a better start is looked for.
const AHEAD: SignedDuration = SignedDuration::from_hours(15 * 24);

/// Windows that do not hold for the whole run.
pub(super) fn refusals(plan: &Plan, now: &Circumstances) -> Vec<Refusal> {
    let windows = &plan.guards.windows;
    if windows.is_empty() {
        return Vec::new();
    }
    let run = Span {
        from: now.now,
        to: later(now.now, planned_longest_ns(plan)),
    };
    let hours: Vec<(&Window, &Hours)> = windows
        .iter()
        .filter_map(|window| match &window.kind {
            WindowKind::Allowed(hours) => Some((window, hours)),
            WindowKind::OutsideMarketHours { .. } => None,
        })
        .collect();
    let markets = windows.iter().filter_map(|window| match &window.kind {
        WindowKind::OutsideMarketHours {
            calendar,
            margin_ns,
        } => outside(window, calendar, *margin_ns, run, now.calendars).err(),
        WindowKind::Allowed(_) => None,
    });
    allowed(&hours, run)
        .err()
        .into_iter()
        .chain(markets)
        .collect()
}

/// The run must lie in the union of the hours.
fn allowed(windows: &[(&Window, &Hours)], run: Span) -> Result<(), Refusal> {
    let Some((_, first)) = windows.first() else {
        return Ok(());
    };
    let ahead = Span {
        from: run.from,
        to: add(run.to, AHEAD),
    };
    let open = windows.iter().flat_map(|(_, hours)| hours_in(hours, ahead));
    let open = merged(open.collect());
    if open.iter().any(|span| span.contains(&run)) {
        return Ok(());
    }
    let zone = zone_of(first);
    let said: Vec<String> = windows
        .iter()
        .map(|(window, hours)| format!("'{}' allows {}", window.id, hours_text(hours)))
        .collect();
    Err(Refusal::new(
        Guard::TimeWindow,
        format!(
            "the run would go on {}, and {}",
            span_text(run, &zone),
            said.join(", ")
        ),
        next_start(&open, run, &zone),
    ))
}

/// The run must keep clear of the market's hours, and the calendar must know every day of it.
fn outside(
    window: &Window,
    reference: &str,
    margin_ns: u64,
    run: Span,
    calendars: &Calendars,
) -> Result<(), Refusal> {
    let refuse = |saw: String, mend: String| Err(Refusal::new(Guard::MarketHours, saw, mend));
    let calendar = match calendars.get(reference) {
        Some(Ok(calendar)) => calendar,
        Some(Err(why)) => {
            return refuse(
                format!("'{}' needs the calendar {reference}, and {why}", window.id),
                "mend it".to_string(),
            );
        }
        None => {
            return refuse(
                format!(
                    "'{}' needs the calendar {reference}, which is missing",
                    window.id
                ),
                "put it there".to_string(),
            );
        }
    };
    let kept_clear = widened(run, margin_ns);
    if let Some(why) = not_known(calendar, kept_clear) {
        return refuse(why, "bring the calendar up to date".to_string());
    }
    let trading = calendar.sessions_touching(kept_clear);
    let Some(session) = trading.first() else {
        return Ok(());
    };
    let zone = calendar.zone();
    let ahead = Span {
        from: run.from,
        to: add(run.to, AHEAD),
    };
    let busy = calendar.sessions_touching(widened(ahead, margin_ns));
    let busy = busy.into_iter().map(|session| widened(session, margin_ns));
    let free: Vec<Span> = gaps(ahead, busy.collect());
    let margin = match margin_ns {
        0 => String::new(),
        ns => format!(
            ", with {} kept clear around it",
            crate::compile::time_text(ns)
        ),
    };
    refuse(
        format!(
            "the run would go on {}, and '{}' trades {}{margin}",
            span_text(run, zone),
            calendar.name,
            span_text(*session, zone)
        ),
        next_start(&free, run, zone),
    )
}

fn not_known(calendar: &Calendar, span: Span) -> Option<String> {
    let day = |at: Timestamp| at.to_zoned(calendar.zone().clone()).date();
    let (first, last) = (day(span.from), day(span.to));
    if last > calendar.valid_until {
        let when = if first > calendar.valid_until {
            ""
        } else {
            " before the run would end"
        };
        return Some(format!(
            "the calendar '{}' has expired{when}: it is valid until {}, and the run would reach {last}",
            calendar.name, calendar.valid_until
        ));
    }
    let from = calendar.valid_from.filter(|from| first < *from)?;
    Some(format!(
        "the calendar '{}' begins on {from}, and the run on {first}",
        calendar.name
    ))
}

/// The hours of the week as spans of time around another span.
fn hours_in(hours: &Hours, around: Span) -> Vec<Span> {
    let zone = zone_of(hours);
    let mut date = around.from.to_zoned(zone.clone()).date();
    let last = around.to.to_zoned(zone.clone()).date();
    date = date.yesterday().unwrap_or(date);
    let mut spans = Vec::new();
    while date <= last {
        let Ok(next) = date.tomorrow() else { break };
        let number = date.weekday().to_monday_one_offset() as u8;
        if hours.days.contains(&number) {
            let ends_on = match hours.to_minutes <= hours.from_minutes {
                true => next,
                false => date,
            };
            spans.push(Span {
                from: instant_in(&zone, date, hours.from_minutes),
                to: instant_in(&zone, ends_on, hours.to_minutes),
            });
        }
        date = next;
    }
    spans
}

/// The compiler has found the zone already, in the same database.
fn zone_of(hours: &Hours) -> TimeZone {
    zone(&hours.zone).unwrap_or(TimeZone::UTC)
}

fn next_start(free: &[Span], run: Span, zone: &TimeZone) -> String {
    let length = run.to.duration_since(run.from);
    let start = free
        .iter()
        .map(|span| (span.from.max(run.from), span.to))
        .find(|(from, to)| add(*from, length) <= *to)
        .map(|(from, _)| from);
    match start {
        Some(from) => format!("start it at {} or later", at_text(from, zone)),
        None => format!(
            "no window of the next {} days is long enough: shorten the run",
            AHEAD.as_hours() / 24
        ),
    }
}

/// `Mon to Fri 18:00 to 06:00 (America/New_York)`.
pub(super) fn hours_text(hours: &Hours) -> String {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let names: Vec<&str> = (1u8..=7)
        .filter(|number| hours.days.contains(number))
        .map(|number| NAMES[usize::from(number) - 1])
        .collect();
    let days = match names.len() {
        7 => "every day".to_string(),
        _ => names.join(" "),
    };
    format!(
        "{days} {} to {} ({})",
        minutes_text(hours.from_minutes),
        minutes_text(hours.to_minutes),
        hours.zone
    )
}

fn minutes_text(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn span_text(span: Span, zone: &TimeZone) -> String {
    let (from, to) = (
        span.from.to_zoned(zone.clone()),
        span.to.to_zoned(zone.clone()),
    );
    let end = match from.date() == to.date() {
        true => to.strftime("%H:%M").to_string(),
        false => to.strftime("%a %Y-%m-%d %H:%M").to_string(),
    };
    format!(
        "from {} to {end} ({})",
        from.strftime("%a %Y-%m-%d %H:%M"),
        zone.iana_name().unwrap_or("UTC")
    )
}

fn at_text(at: Timestamp, zone: &TimeZone) -> String {
    let shown = at.to_zoned(zone.clone());
    format!(
        "{} ({})",
        shown.strftime("%a %Y-%m-%d %H:%M"),
        zone.iana_name().unwrap_or("UTC")
    )
}

fn widened(span: Span, by_ns: u64) -> Span {
    let by = SignedDuration::from_nanos(i64::try_from(by_ns).unwrap_or(i64::MAX));
    Span {
        from: span.from.checked_sub(by).unwrap_or(Timestamp::MIN),
        to: add(span.to, by),
    }
}

fn later(at: Timestamp, by_ns: u64) -> Timestamp {
    add(
        at,
        SignedDuration::from_nanos(i64::try_from(by_ns).unwrap_or(i64::MAX)),
    )
}

fn add(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

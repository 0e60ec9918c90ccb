use jiff::civil::{Date, Weekday, date};
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::*;
use crate::library;
use crate::source::SourceFile;

fn read(text: &str) -> Result<Calendar, String> {
    let file = SourceFile {
        name: "c.yaml".to_string(),
        text: text.to_string(),
    };
    Calendar::parse(&file).map_err(|told| told.to_string())
}

fn shipped() -> Calendar {
    read(library::find("us-equities-example").unwrap().text).unwrap()
}

/// Two sessions a day, and one over midnight.
const ODD: &str = r#"
calendar: odd
zone: Europe/Zurich
valid-until: 2026-12-31
sessions:
  mon: [{ open: "12:30", close: "15:00" }, { open: "09:00", close: "11:30" }]
  wed: [{ open: "18:00", close: "17:00" }]
holidays: { 2026-03-02: carnival }
early-closes: { 2026-03-09: "10:00", 2026-03-12: "06:00" }
"#;

fn words(calendar: &Calendar, date: Date) -> String {
    calendar.report(date).lines().join("\n")
}

#[test]
fn a_day_says_what_it_is_and_when_a_run_may_go_on() {
    let us = shipped();
    for (day, kind, said) in [
        (
            date(2026, 11, 25),
            "trading",
            "00:00 to 09:30, 16:00 to 24:00",
        ),
        (date(2026, 11, 26), "holiday", "Thanksgiving"),
        (date(2026, 11, 27), "early-close", "13:00 to 24:00"),
        (
            date(2026, 11, 28),
            "no-session",
            "a run may go on  00:00 to 24:00",
        ),
        (date(2028, 1, 3), "unknown", "would be refused"),
        (date(2025, 12, 31), "unknown", "would be refused"),
    ] {
        let report = us.report(day);
        assert_eq!(report.kind, kind, "{day}");
        assert!(words(&us, day).contains(said), "{}", words(&us, day));
        assert_eq!(report.is_known(), kind != "unknown");
    }
    let report = us.report(date(2026, 7, 6));
    assert_eq!(report.trading[0].from, "2026-07-06T09:30:00-04:00");
    assert!(us.report(date(2028, 1, 3)).clear.is_empty());
}

#[test]
fn several_sessions_and_sessions_over_midnight() {
    let odd = read(ODD).unwrap();
    let trading = |day| {
        let report = odd.report(day);
        let times = report.trading.iter();
        times
            .map(|it| format!("{}-{}", &it.from[11..16], &it.to[11..16]))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(trading(date(2026, 3, 16)), "09:00-11:30 12:30-15:00");
    assert_eq!(trading(date(2026, 3, 2)), "", "a holiday");
    assert_eq!(trading(date(2026, 3, 9)), "09:00-10:00", "an early close");
    assert_eq!(trading(date(2026, 3, 18)), "18:00-00:00");
    assert_eq!(
        trading(date(2026, 3, 19)),
        "00:00-17:00",
        "from the day before"
    );
    assert_eq!(
        trading(date(2026, 3, 12)),
        "00:00-06:00",
        "cut on its second day"
    );
}

#[test]
fn clocks_that_are_put_forward_move_the_open_with_them() {
    let us = shipped();
    let open = |day| us.day(day).trading[0].from;
    let before = open(date(2026, 3, 6));
    let after = open(date(2026, 3, 9));
    let days_s = 3 * 86_400;
    assert_eq!(after.as_second() - before.as_second(), days_s - 3600);
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (from, to, said) in [
        ("zone: Europe/Zurich", "zone: Europe/Gotham", "no time zone"),
        ("valid-until: 2026-12-31\n", "", "valid-until"),
        (
            "valid-until: 2026-12-31",
            "valid-until: 2026-02-30",
            "no date",
        ),
        ("12:30", "25:30", "no time of day"),
        ("12:30", "10:30", "overlap"),
        ("mon:", "mo:", "mo"),
        (
            "2026-03-02: carnival",
            "2026-03-03: carnival",
            "no session begins",
        ),
        (
            "2026-03-02: carnival",
            "2027-03-01: carnival",
            "does not know that day",
        ),
        (
            "2026-03-09: \"10:00\"",
            "2026-03-09: \"15:00\"",
            "ends later",
        ),
        (
            "2026-03-09: \"10:00\"",
            "2026-03-02: \"10:00\"",
            "is a holiday",
        ),
        (
            "calendar: odd",
            "calendar: odd\nvalid-from: 2027-01-01",
            "would know no day",
        ),
        ("holidays:", "holiday:", "holiday"),
    ] {
        assert!(ODD.contains(from), "{from}");
        let told = read(&ODD.replacen(from, to, 1)).expect_err(said);
        assert!(told.contains(said) && told.contains("c.yaml:"), "{told}");
    }
    assert!(read("calendar: x\nzone: UTC\nvalid-until: 2026-01-01\nsessions: {}\n").is_err());
}

/// The n-th weekday of a month; counted from its end when n is negative.
fn nth(year: i16, month: i8, n: i8, weekday: Weekday) -> Date {
    date(year, month, 1)
        .nth_weekday_of_month(n, weekday)
        .unwrap()
}

/// Easter Sunday by the Gregorian computus.
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    date(year, (n / 31) as i8, (n % 31 + 1) as i8)
}

/// A holiday on a Saturday is kept on Friday, one on a Sunday on Monday.
fn observed(day: Date) -> Date {
    match day.weekday() {
        Weekday::Saturday => day.yesterday().unwrap(),
        Weekday::Sunday => day.tomorrow().unwrap(),
        _ => day,
    }
}

#[test]
fn the_shipped_example_follows_the_rules_that_it_names() {
    let us = shipped();
    let mut expected: Vec<Date> = Vec::new();
    let mut early: Vec<Date> = Vec::new();
    for year in [2026i16, 2027] {
        use Weekday::{Monday, Thursday};
        let thanksgiving = nth(year, 11, 4, Thursday);
        expected.extend([
            observed(date(year, 1, 1)),
            nth(year, 1, 3, Monday),
            nth(year, 2, 3, Monday),
            easter(year).checked_sub(2.days()).unwrap(),
            nth(year, 5, -1, Monday),
            observed(date(year, 6, 19)),
            observed(date(year, 7, 4)),
            nth(year, 9, 1, Monday),
            thanksgiving,
            observed(date(year, 12, 25)),
        ]);
        early.push(thanksgiving.tomorrow().unwrap());
        let eve = date(year, 12, 24);
        let trades = eve.weekday() != Weekday::Saturday && eve.weekday() != Weekday::Sunday;
        if trades && observed(date(year, 12, 25)) != eve {
            early.push(eve);
        }
    }
    let kept: Vec<Date> = us.holidays().copied().collect();
    assert_eq!(kept, expected);
    let kept: Vec<Date> = us.early_closes().copied().collect();
    assert_eq!(kept, early);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Trading and clear time share nothing, and together they are the whole day, on any day, also when clocks change.
    #[test]
    fn a_day_is_either_trading_or_clear(offset in 0i32..700, odd in any::<bool>()) {
        let calendar = if odd { read(ODD).unwrap() } else { shipped() };
        let day = date(2026, 1, 1).checked_add(offset.days()).unwrap();
        prop_assume!(calendar.knows(day));
        let (from, to) = (calendar.instant(day, 0), calendar.instant(day, 1440));
        let trading = calendar.day(day).trading;
        let clear = gaps(Span { from, to }, trading.clone());
        let mut at = from;
        while at < to {
            let next = at + 60.seconds();
            let minute = Span { from: at, to: next };
            let busy = trading.iter().any(|span| span.overlaps(&minute));
            let free = clear.iter().any(|span| span.contains(&minute));
            prop_assert!(busy != free, "{} {}", calendar.name, at);
            at = next;
        }
        prop_assert!(trading.iter().all(|span| from <= span.from && span.to <= to));
    }

    /// Whatever stands in a file, reading it ends in a calendar or in words, never in a panic.
    #[test]
    fn no_text_breaks_the_reader(text in "(calendar|zone|sessions|mon|holidays|:|\\{|\\}|\\[|\\]|2026-01-01|09:30|\"| |\n){0,40}") {
        let _ = read(&text);
    }

    #[test]
    fn no_session_touches_a_span_that_it_does_not_overlap(hour in 0i64..16_000, length in 1i64..200) {
        let us = shipped();
        let from = Timestamp::from_second(1_767_300_000 + hour * 3600).unwrap();
        let span = Span { from, to: from + length.hours() };
        let touching = us.sessions_touching(span);
        prop_assert!(touching.iter().all(|session| session.overlaps(&span)));
        prop_assert!(touching.windows(2).all(|pair| pair[0].to < pair[1].from));
    }
}

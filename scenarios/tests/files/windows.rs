//! Windows and market hours: a run must lie within them from its start to its planned end.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use shakedown_scenarios::Override;
use shakedown_scenarios::calendar::Calendar;
use shakedown_scenarios::guards::{
    Calendars, Circumstances, Guard, calendars_of, planned_longest_ns, refusals,
};
use shakedown_scenarios::plan::WindowKind;

use crate::common::{QUICKSTART, compile_both, file, only, set, shipped, with};
use crate::guards::{SATURDAY, at, plan, said_at, the_one};

fn us() -> Calendars {
    let calendar = Calendar::parse(&shipped("us-equities-example"));
    let calendar = calendar.expect("it is shipped");
    BTreeMap::from([("us-equities-example".to_string(), Ok(calendar))])
}

fn outside(margin: &str) -> [Override; 1] {
    [set(
        "guards.windows.market",
        &format!(
            "{{ outside-market-hours: {{ calendar: us-equities-example, margin: {margin} }} }}"
        ),
    )]
}

fn allowed(hours: &str) -> [Override; 1] {
    [set(
        "guards.windows.nights",
        &format!("{{ allowed: {hours} }}"),
    )]
}

#[test]
fn a_run_must_end_within_its_window_not_only_begin_there() {
    let plan = plan(&allowed(
        "{ days: [sat], from: \"10:00\", to: \"14:00\", zone: America/New_York }",
    ));
    let length_s = planned_longest_ns(&plan) / 1_000_000_000;
    assert!((60..3600).contains(&length_s), "{length_s} s");
    let none = BTreeMap::new();
    assert_eq!(said_at(&plan, SATURDAY, &none), []);
    let close = at("2026-11-21T19:00:00Z").as_second();
    for (start, refused) in [
        (close - length_s as i64 - 1, false),
        (close - length_s as i64 + 1, true),
        (close - 1, true),
        (close, true),
        (at("2026-11-21T14:59:59Z").as_second(), true),
        (at("2026-11-21T15:00:00Z").as_second(), false),
        (at("2026-11-22T17:00:00Z").as_second(), true),
    ] {
        let now = Timestamp::from_second(start).unwrap();
        let refusals = refusals(
            &plan,
            &Circumstances {
                now,
                calendars: &none,
            },
        );
        assert_eq!(!refusals.is_empty(), refused, "{now}");
        for refusal in refusals {
            assert_eq!(refusal.guard, Guard::TimeWindow);
            let said = refusal.to_string();
            assert!(said.contains("start it at Sat 2026-11-2"), "{said}");
        }
    }
}

#[test]
fn windows_add_up_over_midnight_and_over_their_seams() {
    let mut overrides =
        allowed("{ days: [fri], from: \"18:00\", to: \"24:00\", zone: Europe/Zurich }").to_vec();
    overrides.push(set(
        "guards.windows.saturday",
        "{ allowed: { days: [sat], from: \"00:00\", to: \"06:00\", zone: Europe/Zurich } }",
    ));
    let two = plan(&overrides);
    let one = plan(&allowed(
        "{ days: [fri], from: \"18:00\", to: \"06:00\", zone: Europe/Zurich }",
    ));
    let none = BTreeMap::new();
    for (now, refused) in [
        ("2026-11-20T22:59:30Z", false),
        ("2026-11-20T17:00:00Z", false),
        ("2026-11-20T16:59:00Z", true),
        ("2026-11-21T04:59:00Z", true),
        ("2026-11-21T22:59:30Z", true),
    ] {
        assert_eq!(!said_at(&two, now, &none).is_empty(), refused, "{now}");
        assert_eq!(!said_at(&one, now, &none).is_empty(), refused, "{now}");
    }
    for (hours, said) in [
        (
            "{ days: [], from: \"18:00\", to: \"06:00\", zone: UTC }",
            "no day",
        ),
        (
            "{ from: \"24:00\", to: \"06:00\", zone: UTC }",
            "end of a day",
        ),
        (
            "{ from: \"6pm\", to: \"06:00\", zone: UTC }",
            "no time of day",
        ),
        (
            "{ from: \"18:00\", to: \"06:00\", zone: Moon/Base }",
            "no time zone",
        ),
        ("{ from: \"18:00\", to: \"06:00\" }", "zone"),
    ] {
        let told = with(QUICKSTART, &allowed(hours)).unwrap_err().to_string();
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn market_hours_are_kept_clear_until_the_planned_end() {
    let plan = plan(&outside("30m"));
    assert_eq!(
        calendars_of(&plan).into_iter().collect::<Vec<_>>(),
        ["us-equities-example"]
    );
    for (now, refused) in [
        (SATURDAY, false),
        ("2026-11-20T15:00:00Z", true), // Friday, 10:00
        ("2026-11-20T13:30:00Z", true), // an hour before the open: would not end in time
        ("2026-11-20T12:00:00Z", false),
        ("2026-11-20T21:15:00Z", true), // within the margin behind the close
        ("2026-11-20T21:30:00Z", false),
        ("2026-11-26T15:00:00Z", false), // Thanksgiving
        ("2026-11-27T17:00:00Z", true),  // the day after, before the early close
        ("2026-11-27T18:30:00Z", false), // and half an hour behind it
    ] {
        let refusals = said_at(&plan, now, &us());
        // 13:30 is refused only if the run is longer than the half hour that is left.
        if now.contains("T13:30") {
            let ends = at(now).as_second() + (planned_longest_ns(&plan) / 1_000_000_000) as i64;
            let clear = ends <= at("2026-11-20T14:00:00Z").as_second();
            assert_eq!(refusals.is_empty(), clear, "{now}");
            continue;
        }
        assert_eq!(!refusals.is_empty(), refused, "{now}: {refusals:?}");
        for refusal in refusals {
            assert_eq!(refusal.guard, Guard::MarketHours);
            let said = refusal.to_string();
            for words in ["trades from", "start it at", "--override market-hours"] {
                assert!(said.contains(words), "{said}");
            }
        }
    }
}

#[test]
fn a_calendar_that_is_missing_broken_or_expired_allows_nothing() {
    let plan = plan(&outside("0s"));
    let broken = BTreeMap::from([(
        "us-equities-example".to_string(),
        Err("line 3 is wrong".to_string()),
    )]);
    for (now, calendars, said) in [
        (SATURDAY, &BTreeMap::new(), "is missing"),
        (SATURDAY, &broken, "line 3 is wrong"),
        (
            "2028-01-01T17:00:00Z",
            &us(),
            "has expired: it is valid until 2027-12-31",
        ),
        (
            "2028-01-01T04:59:00Z",
            &us(),
            "has expired before the run would end",
        ),
        ("2025-12-31T17:00:00Z", &us(), "begins on 2026-01-01"),
    ] {
        let refusal = the_one(said_at(&plan, now, calendars));
        assert_eq!(refusal.guard, Guard::MarketHours);
        assert!(refusal.saw.contains(said), "{refusal}");
    }
    assert_eq!(said_at(&plan, "2027-12-31T22:00:00Z", &us()), []);
    for (rule, said) in [
        ("{ calendar: \"\" }", "no calendar is named"),
        ("{ calendar: x.yaml, margin: 2d }", "longer than a day"),
    ] {
        let rule = format!("{{ outside-market-hours: {rule} }}");
        let told = only(with(QUICKSTART, &[set("guards.windows.market", &rule)]));
        assert!(told.message.contains(said), "{told}");
    }
}

#[test]
fn resolved_texts_with_guards_give_the_same_plan_a_hundred_times() {
    let mut overrides = outside("15m").to_vec();
    overrides.extend(allowed(
        "{ days: [mon, fri], from: \"20:00\", to: \"06:00\", zone: Europe/Zurich }",
    ));
    overrides.push(set(
        "guards.protected",
        "{ names: [engine-3], labels: { b: x, a: y } }",
    ));
    overrides.push(set(
        "faults.leader-dies.repeat",
        "{ times: 3, every: 30s, jitter: 2s }",
    ));
    let first = with(QUICKSTART, &overrides).unwrap();
    for _ in 0..100 {
        assert_eq!(
            with(QUICKSTART, &overrides).unwrap().plan.digest,
            first.plan.digest
        );
        let again = compile_both(
            &file("scenario.yaml", &first.scenario_yaml),
            &file("system.yaml", &first.system_yaml),
            &[],
        )
        .unwrap_or_else(|told| panic!("{told}"));
        assert_eq!(again.plan.digest, first.plan.digest);
        assert_eq!(again.scenario_yaml, first.scenario_yaml);
        assert_eq!(again.system_yaml, first.system_yaml);
    }
    let windows = &first.plan.guards.windows;
    assert!(matches!(
        windows[0].kind,
        WindowKind::OutsideMarketHours {
            margin_ns: 900_000_000_000,
            ..
        }
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    /// A run that is let through lies clear of every session, minute for minute, from its start to its planned end;
    /// one that is refused does not, or its calendar does not know it.
    #[test]
    fn no_run_that_is_let_through_touches_the_market(hours in 0i64..17_600, minutes in 0i64..60, margin in 0u32..90) {
        let plan = plan(&outside(&format!("{margin}m")));
        let calendars = us();
        let calendar = calendars["us-equities-example"].as_ref().unwrap();
        let now = Timestamp::from_second(1_767_200_000 + hours * 3600 + minutes * 60).unwrap();
        let refused = !refusals(&plan, &Circumstances { now, calendars: &calendars }).is_empty();
        let end = now.as_second() + planned_longest_ns(&plan).div_ceil(1_000_000_000) as i64;
        let margin_s = i64::from(margin) * 60;
        let (from, to) = (now.as_second() - margin_s, end + margin_s);
        let mut touches = false;
        let mut at = from;
        while at < to {
            let zoned = Timestamp::from_second(at).unwrap().to_zoned(calendar.zone().clone());
            let day = calendar.day(zoned.date());
            touches |= !calendar.knows(zoned.date());
            touches |= day.trading.iter().any(|it| it.from.as_second() <= at && at < it.to.as_second());
            at += 30;
        }
        // The last instants lie between two looks.
        let near = |second: i64| {
            let zoned = Timestamp::from_second(second).unwrap().to_zoned(calendar.zone().clone());
            let trading = calendar.day(zoned.date()).trading;
            trading.iter().any(|it| (it.from.as_second() - second).abs() <= 31 || (it.to.as_second() - second).abs() <= 31)
        };
        prop_assert!(touches == refused || near(from) || near(to), "{} {}", now, refused);
    }
}

//! Guards as files ask for them, and what the pure decisions say of the plans that come of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use shakedown_scenarios::calendar::Calendar;
use shakedown_scenarios::guards::{
    Calendars, Circumstances, Guard, Refusal, calendars_of, confirmation, planned_longest_ns,
    refusals,
};
use shakedown_scenarios::plan::{Plan, WindowKind};
use shakedown_scenarios::{Override, compile_profile, describe};

use crate::common::{
    FOREIGN, QUICKSTART, REFERENCE, compile_both, file, only, set, shipped, swapped, with,
};

/// A quiet Saturday noon in New York.
const SATURDAY: &str = "2026-11-21T17:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn plan(overrides: &[Override]) -> Plan {
    with(QUICKSTART, overrides)
        .unwrap_or_else(|told| panic!("{told}"))
        .plan
}

fn said_at(plan: &Plan, now: &str, calendars: &Calendars) -> Vec<Refusal> {
    let now = at(now);
    refusals(plan, &Circumstances { now, calendars })
}

fn said(plan: &Plan) -> Vec<Refusal> {
    said_at(plan, SATURDAY, &BTreeMap::new())
}

fn the_one(refusals: Vec<Refusal>) -> Refusal {
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals.into_iter().next().expect("there is one")
}

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
fn a_shipped_scenario_is_refused_by_nothing() {
    for name in [
        QUICKSTART,
        "baseline",
        "follower-kill",
        "leader-freeze",
        "rolling-restart",
    ] {
        let plan = with(name, &[]).unwrap().plan;
        assert_eq!(said(&plan), [], "{name}");
        assert_eq!(confirmation(&plan), None, "local needs no yes");
    }
}

#[test]
fn no_more_than_the_quorum_spares_may_be_down_at_once() {
    for to in ["{ part: engine }", "{ random: { part: engine, count: 2 } }"] {
        let refusal = the_one(said(&plan(&[set("faults.leader-dies.to", to)])));
        assert_eq!(refusal.guard, Guard::Quorum);
        for words in ["'leader-dies'", "spare 1 (quorum 2)"] {
            assert!(refusal.saw.contains(words), "{refusal}");
        }
        assert!(refusal.to_string().contains("--override quorum --because"));
    }
}

#[test]
fn faults_that_overlap_count_together_and_others_do_not() {
    let second = |to: &str, when: &str| {
        plan(&[set(
            "faults.second",
            &format!("{{ do: {{ freeze: {{}} }}, to: {to}, when: {when}, for: 5s }}"),
        )])
    };
    let name = "{ name: engine-1 }";
    let soon = "{ after: { fault: leader-dies, by: 1s } }";
    let refusal = the_one(said(&second(name, soon)));
    assert!(
        refusal.saw.contains("leader-dies, second together"),
        "{refusal}"
    );
    assert!(refusal.saw.contains("2 of the 3 replicas"), "{refusal}");
    // It is healed after 8 s, and a replica that comes back counts for a little longer.
    let at_heal = "{ after: { fault: leader-dies, by: 8s } }";
    assert_eq!(said(&second(name, at_heal)).len(), 1);
    let later = "{ after: { fault: leader-dies, by: 20s } }";
    assert_eq!(said(&second(name, later)), []);
    let other_clock = "{ at: 60s }";
    assert_eq!(said(&second(name, other_clock)).len(), 1, "not comparable");
}

#[test]
fn what_nobody_starts_again_stays_down() {
    let mut profile = shipped(REFERENCE);
    profile.text = swapped(
        &profile.text,
        "restarted-by: platform",
        "restarted-by: nobody",
    );
    let second = "{ do: { freeze: {} }, to: { name: engine-1 }, when: { after: { fault: leader-dies, by: 60s } }, for: 5s }";
    let change = [set("faults.second", second)];
    let refused = |profile| {
        let compiled = compile_both(&shipped(QUICKSTART), profile, &change);
        let plan = compiled.unwrap_or_else(|told| panic!("{told}")).plan;
        !said(&plan).is_empty()
    };
    assert!(refused(&profile));
    assert!(!refused(&shipped(REFERENCE)));
}

#[test]
fn two_faults_on_one_replica_take_one() {
    let on = |to: &str| {
        plan(&[
            set("faults.leader-dies.to", "{ name: engine-2 }"),
            set(
                "faults.second",
                &format!(
                    "{{ do: {{ disk-full: {{}} }}, to: {to}, when: {{ after: {{ fault: leader-dies, by: 1s }} }}, for: 5s }}"
                ),
            ),
        ])
    };
    assert_eq!(said(&on("{ name: engine-2 }")), []);
    assert_eq!(said(&on("{ name: engine-3 }")).len(), 1);
    assert_eq!(
        said(&on("{ role: leader }")).len(),
        1,
        "that may be another one"
    );
}

#[test]
fn the_blast_radius_is_a_count_a_share_or_both() {
    for (radius, refused) in [
        ("{ count: 1 }", false),
        ("{ count: 0 }", true),
        ("{ percent: 34% }", false),
        ("{ percent: 33% }", true),
        ("{ count: 2, percent: 10% }", true),
    ] {
        let refusals = said(&plan(&[set("guards.blast-radius", radius)]));
        let guards: Vec<Guard> = refusals.iter().map(|it| it.guard).collect();
        assert_eq!(
            guards.contains(&Guard::BlastRadius),
            refused,
            "{radius}: {refusals:?}"
        );
    }
    let told = only(with(QUICKSTART, &[set("guards.blast-radius", "{}")]));
    assert!(told.message.contains("limits nothing"), "{told}");
}

#[test]
fn what_is_protected_is_not_a_target() {
    for (protected, to, refused) in [
        ("{ names: [engine-2] }", "{ name: engine-2 }", true),
        ("{ names: [engine-2] }", "{ name: engine-1 }", false),
        ("{ names: [engine-2] }", "{ role: leader }", false),
        ("{ parts: [engine] }", "{ role: leader }", true),
        (
            "{ names: [engine-1, engine-2, engine-3] }",
            "{ role: leader }",
            true,
        ),
        ("{ parts: [engine] }", "{ random: { part: engine } }", true),
        (
            "{ names: [engine-1, engine-2] }",
            "{ random: { part: engine } }",
            false,
        ),
        ("{ names: [engine-1] }", "{ part: engine }", true),
    ] {
        let plan = plan(&[
            set("guards.protected", protected),
            set("faults.leader-dies.to", to),
        ]);
        let refusals = said(&plan);
        let found = refusals.iter().find(|it| it.guard == Guard::Protected);
        assert_eq!(found.is_some(), refused, "{protected} {to}: {refusals:?}");
        if let Some(found) = found {
            assert!(found.saw.contains("is protected"), "{found}");
            assert!(found.to_string().contains("cannot be overruled"), "{found}");
        }
    }
    let told = only(with(
        QUICKSTART,
        &[set("guards.protected", "{ names: [engine-7] }")],
    ));
    assert!(told.message.contains("nothing is protected"), "{told}");
    let told = only(with(
        QUICKSTART,
        &[set("guards.protected", "{ parts: [engin] }")],
    ));
    assert_eq!(told.hint.as_deref(), Some("did you mean `engine`?"));
}

#[test]
fn the_guards_of_profile_and_scenario_both_hold() {
    let mut profile = shipped(REFERENCE);
    profile.text = swapped(
        &profile.text,
        "accounts: [",
        "guards:\n  protected: { names: [engine-1] }\n  blast-radius: { count: 0 }\n  windows: { nights: { allowed: { from: \"20:00\", to: \"06:00\", zone: UTC } } }\naccounts: [",
    );
    let more = [
        set(
            "guards.protected",
            "{ names: [engine-2], labels: { tier: gold } }",
        ),
        set("guards.blast-radius", "{ count: 3 }"),
    ];
    let plan = compile_both(&shipped(QUICKSTART), &profile, &more)
        .unwrap_or_else(|told| panic!("{told}"))
        .plan;
    assert_eq!(plan.guards.protected.names, ["engine-1", "engine-2"]);
    let guards: Vec<Guard> = said(&plan).iter().map(|it| it.guard).collect();
    assert_eq!(guards, [Guard::BlastRadius, Guard::TimeWindow]);
    let text = describe(&plan);
    for words in [
        "protected: engine-1, engine-2, tier=gold",
        "blast-radius: at most 0",
        "blast-radius WILL REFUSE",
        "time-window nights: only every day 20:00 to 06:00 (UTC)",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    let again = [set(
        "guards.windows.nights",
        "{ allowed: { from: \"00:00\", to: \"24:00\", zone: UTC } }",
    )];
    let told = only(compile_both(&shipped(QUICKSTART), &profile, &again));
    assert!(told.message.contains("a window `nights` too"), "{told}");
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
fn outside_local_a_proof_and_a_yes_are_needed() {
    let compiled = compile_profile(&file("p.yaml", FOREIGN), None).unwrap();
    let refusal = the_one(said(&compiled.plan));
    assert_eq!(refusal.guard, Guard::NotProduction);
    assert!(
        refusal.to_string().contains("cannot be overruled"),
        "{refusal}"
    );
    let proven =
        format!("{FOREIGN}not-production: [ {{ get: /info, where: {{ /env: staging }} }} ]\n");
    let plan = compile_profile(&file("p.yaml", &proven), None)
        .unwrap()
        .plan;
    assert_eq!(said(&plan), []);
    let asked = confirmation(&plan).unwrap();
    for words in ["http://127.0.0.1:9100", "1/s", "no faults", "foreign"] {
        assert!(asked.contains(words), "{asked}");
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

    /// How many may be down at once, against a count second by second.
    #[test]
    fn the_worst_moment_is_never_less_than_any_moment(
        faults in prop::collection::vec((1u8..4, 0u64..60, 1u64..30), 1..5),
    ) {
        let mut overrides = vec![set(
            "faults",
            "{ f0: { do: { freeze: {} }, to: { name: engine-1 }, when: { after: { phase: steady } }, for: 1s } }",
        )];
        for (index, (replica, start, hold)) in faults.iter().enumerate() {
            overrides.push(set(
                &format!("faults.f{index}"),
                &format!(
                    "{{ do: {{ freeze: {{}} }}, to: {{ name: engine-{replica} }}, when: {{ after: {{ phase: steady, by: {start}s }} }}, for: {hold}s }}"
                ),
            ));
        }
        let plan = with("leader-freeze", &overrides);
        prop_assume!(plan.is_ok());
        let plan = plan.unwrap().plan;
        let worst = (0..120u64)
            .map(|second| {
                let down: std::collections::BTreeSet<u8> = faults
                    .iter()
                    .filter(|(_, start, hold)| *start <= second && second < start + hold)
                    .map(|(replica, _, _)| *replica)
                    .collect();
                down.len()
            })
            .max()
            .unwrap();
        let refused = said(&plan).iter().any(|it| it.guard == Guard::Quorum);
        prop_assert!(worst <= 1 || refused, "{} down at once", worst);
        // Far apart, nothing is refused.
        let mut times: Vec<(u64, u64, u8)> = faults.iter().map(|(replica, start, hold)| (*start, *hold, *replica)).collect();
        times.sort_unstable();
        let apart = times.windows(2).all(|pair| pair[0].0 + pair[0].1 + 3 <= pair[1].0);
        prop_assert!(!apart || !refused, "{:?}", times);
    }
}

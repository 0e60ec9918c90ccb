//! Guards as files ask for them, and what the pure decisions say of the plans that come of it. Those of time are in
//! `windows.rs`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use shakedown_scenarios::guards::{
    Calendars, Circumstances, Guard, Refusal, confirmation, refusals,
};
use shakedown_scenarios::plan::Plan;
use shakedown_scenarios::{Override, compile_profile, describe};

use crate::common::{
    FOREIGN, QUICKSTART, REFERENCE, compile_both, file, only, set, shipped, swapped, with,
};

/// A quiet Saturday noon in New York.
pub const SATURDAY: &str = "2026-11-21T17:00:00Z";

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

pub fn plan(overrides: &[Override]) -> Plan {
    with(QUICKSTART, overrides)
        .unwrap_or_else(|told| panic!("{told}"))
        .plan
}

pub fn said_at(plan: &Plan, now: &str, calendars: &Calendars) -> Vec<Refusal> {
    let now = at(now);
    refusals(plan, &Circumstances { now, calendars })
}

pub fn said(plan: &Plan) -> Vec<Refusal> {
    said_at(plan, SATURDAY, &BTreeMap::new())
}

pub fn the_one(refusals: Vec<Refusal>) -> Refusal {
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals.into_iter().next().expect("there is one")
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

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

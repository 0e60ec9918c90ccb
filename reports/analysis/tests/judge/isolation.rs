//! Doors that must stay shut, from the files of a run to the check: one knock that gets through is proof, and that none does is
//! evidence only beside a friend who does.

use std::collections::BTreeMap;

use shakedown_analysis::analyse;
use shakedown_record::Verdict;
use shakedown_record::event::Event;
use shakedown_record::run_record::Check;
use shakedown_record::series::{Gap, Origin, REACHED, Sample, SeriesKind, SeriesWriter};
use shakedown_scenarios::plan::RuleKind;
use shakedown_scenarios::plan::isolation::{Door, DoorAt, GuestPlan, IsolationRule};

use crate::build::*;
use crate::metrics::small;
use crate::plan::rule;

const DOORS: [&str; 2] = ["10.1.0.1:8080", "10.1.0.2:8080"];
const OPEN: &str = "connected";
const SHUT: &str = "silent";

fn guest(app: &str) -> GuestPlan {
    GuestPlan {
        labels: BTreeMap::from([("app".to_string(), app.to_string())]),
        namespace: None,
    }
}

fn wall() -> RuleKind {
    let service = DoorAt::Service {
        namespace: None,
        name: "web".into(),
        port: 80,
    };
    RuleKind::Isolation(Box::new(IsolationRule {
        to: Door {
            at: DoorAt::Part {
                part: "engine".into(),
                port: None,
            },
            http: None,
        },
        intruder: guest("stranger"),
        friend: guest("desk"),
        control: Door {
            at: service,
            http: None,
        },
        every_ns: 500 * MS,
    }))
}

fn sample(door: &str, address: &str, how: &str) -> Sample {
    let labels = [("door", door), ("address", address), ("how", how)];
    Sample {
        name: REACHED.into(),
        labels: labels
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .into(),
        kind: SeriesKind::Gauge,
        value: f64::from(u8::from(how == OPEN)),
    }
}

/// How knocks go, by the tenth of a second in which they are asked for; `None`: the guest does not knock.
struct Knocks<I, F, C> {
    intruder: I,
    friend: F,
    control: C,
}

fn judged<I, F, C>(run: Run, knocks: &Knocks<I, F, C>) -> Check
where
    I: Fn(u64, &str) -> Option<&'static str>,
    F: Fn(u64, &str) -> Option<&'static str>,
    C: Fn(u64) -> &'static str,
{
    let mut run = run;
    run.plan.rules.push(rule("walls", wall()));
    let (_folder, dir) = run.write();
    let mut writer = SeriesWriter::create(&dir.series(), 1 << 30).unwrap();
    for tenth in (0..260).step_by(5) {
        let at = ZERO + tenth * 100 * MS;
        let at_wall = |how: &dyn Fn(u64, &str) -> Option<&'static str>| -> Vec<Sample> {
            let doors = DOORS.iter();
            doors
                .filter_map(|address| Some(sample("wall", address, how(tenth, address)?)))
                .collect()
        };
        for (target, mut samples) in [
            ("walls/intruder", at_wall(&knocks.intruder)),
            ("walls/friend", at_wall(&knocks.friend)),
        ] {
            if samples.is_empty() {
                writer
                    .gap(Gap {
                        target: target.into(),
                        origin: Origin::Isolation,
                        asked_ns: at,
                        answered_ns: at + MS,
                        reason: "its pod is gone".into(),
                        absent: false,
                    })
                    .unwrap();
                continue;
            }
            if target.ends_with("intruder") {
                samples.push(sample("control", "10.9.0.1:80", (knocks.control)(tenth)));
            }
            let of = (target, Origin::Isolation);
            writer.look(of, (at, at + 20 * MS), None, samples).unwrap();
        }
    }
    the(&analyse(&dir, &run.plan).unwrap(), "walls").clone()
}

fn always(how: &'static str) -> impl Fn(u64, &str) -> Option<&'static str> {
    move |_, _| Some(how)
}

#[test]
fn a_door_that_is_shut_for_one_and_open_for_the_other_passes() {
    let check = judged(
        small(),
        &Knocks {
            intruder: always(SHUT),
            friend: always(OPEN),
            control: |_| OPEN,
        },
    );
    assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
    assert_eq!(check.observed.value, Some(0.0));
    assert_eq!(
        check.observed.text,
        "none of 104 knocks got through; 104 of them tell something"
    );
}

#[test]
fn one_knock_that_gets_through_is_told_with_its_time_and_place_whatever_else_is_missing() {
    let once = |tenth: u64, address: &str| {
        Some(if tenth == 130 && address == DOORS[1] {
            OPEN
        } else {
            SHUT
        })
    };
    let check = judged(
        small(),
        &Knocks {
            intruder: once,
            friend: |_: u64, _: &str| None,
            control: |_| SHUT,
        },
    );
    assert_eq!(check.verdict, Verdict::Fail, "{check:?}");
    assert_eq!(check.observed.value, Some(1.0));
    assert!(
        check.observed.text.contains(
            "1 of 104 knocks got through, the first at 13.020 s to 10.1.0.2:8080 (connected)"
        ),
        "{check:?}"
    );
}

#[test]
fn what_is_shut_for_everybody_is_no_wall() {
    let check = judged(
        small(),
        &Knocks {
            intruder: always(SHUT),
            friend: always("refused"),
            control: |_| OPEN,
        },
    );
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:?}");
    assert!(
        check
            .why
            .contains("the friend did not get through either (refused at last"),
        "{check:?}"
    );
    let none = judged(
        small(),
        &Knocks {
            intruder: always(SHUT),
            friend: |_: u64, _: &str| None,
            control: |_| OPEN,
        },
    );
    assert_eq!(none.verdict, Verdict::Inconclusive, "{none:?}");
    assert!(none.why.contains("its pod is gone"), "{none:?}");
}

#[test]
fn an_intruder_that_can_go_nowhere_shows_no_wall() {
    let check = judged(
        small(),
        &Knocks {
            intruder: always(SHUT),
            friend: always(OPEN),
            control: |_| "unreachable",
        },
    );
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:?}");
    assert!(
        check.why.contains("its control either, service web:80"),
        "{check:?}"
    );
}

#[test]
fn knocks_say_nothing_while_the_door_is_dead_and_enough_around_it() {
    // From 12 s to 18 s nobody gets through.
    let dead = |tenth: u64, _: &str| {
        Some(if (120..180).contains(&tenth) {
            SHUT
        } else {
            OPEN
        })
    };
    let check = judged(
        small(),
        &Knocks {
            intruder: always(SHUT),
            friend: dead,
            control: |_| OPEN,
        },
    );
    assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
    // Two seconds from a moment at which it was open still tell.
    assert!(
        check.observed.text.ends_with("96 of them tell something"),
        "{check:?}"
    );
    let mostly = |tenth: u64, _: &str| Some(if tenth < 200 { SHUT } else { OPEN });
    let check = judged(
        small(),
        &Knocks {
            intruder: always(SHUT),
            friend: mostly,
            control: |_| OPEN,
        },
    );
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:?}");
    assert!(check.why.contains("knocks tell something"), "{check:?}");
}

#[test]
fn a_guest_that_knocks_for_a_part_of_the_run_or_never_leaves_it_open() {
    let early = |tenth: u64, _: &str| (tenth < 100).then_some(SHUT);
    let check = judged(
        small(),
        &Knocks {
            intruder: early,
            friend: always(OPEN),
            control: |_| OPEN,
        },
    );
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:?}");
    assert!(
        check.why.contains("% of the run only: its pod is gone"),
        "{check:?}"
    );
    let never = judged(
        small(),
        &Knocks {
            intruder: |_: u64, _: &str| None,
            friend: always(OPEN),
            control: |_| OPEN,
        },
    );
    assert_eq!(never.verdict, Verdict::Inconclusive, "{never:?}");
    assert!(
        never
            .why
            .contains("the intruder never knocked: its pod is gone"),
        "{never:?}"
    );
    // Without the file nobody has knocked at all.
    let mut run = small();
    run.plan.rules.push(rule("walls", wall()));
    let check = the(&run.judge(), "walls").clone();
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:?}");
}

#[test]
fn a_wall_that_held_says_nothing_of_a_fault_that_was_never_seen() {
    let run = small().without(|event| matches!(event, Event::FaultEffect { .. }));
    let check = judged(
        run,
        &Knocks {
            intruder: always(SHUT),
            friend: always(OPEN),
            control: |_| OPEN,
        },
    );
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:?}");
}

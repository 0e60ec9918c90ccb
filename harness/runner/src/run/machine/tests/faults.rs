//! Faults: prepared, injected, confirmed, healed; several of them, and those that are refused.

use super::*;

#[test]
fn a_kill_is_prepared_injected_confirmed_healed_and_followed_by_five_healthy_seconds() {
    let mut world = World::new(config(vec![leader_dies()]));
    let load = |index: usize| {
        if (150..180).contains(&index) {
            bad()
        } else {
            good()
        }
    };
    world.run(200 * S, load, works);
    assert!(world.machine.is_done());
    let names: Vec<&str> = world
        .done
        .iter()
        .filter_map(|(_, action)| match action {
            Action::Emit(Event::FaultPrepared { .. }) => Some("prepared"),
            Action::Inject(_) => Some("inject"),
            Action::Emit(Event::FaultEffect { effect, .. }) if effect.confirmed => Some("effect"),
            Action::Emit(Event::FaultHealing { .. }) => Some("healing"),
            Action::Emit(Event::FaultHealed { .. }) => Some("healed"),
            Action::Emit(Event::FaultClean { .. }) => Some("clean"),
            Action::StopLoad => Some("stop"),
            _ => None,
        })
        .collect();
    assert_eq!(
        names,
        [
            "prepared", "inject", "effect", "healing", "healed", "clean", "stop"
        ]
    );
    let clean_ns = world.times(|event| matches!(event, Event::FaultClean { .. }))[0];
    assert_eq!(world.injections(), [15_020 * MS]);
    assert!((20 * S..21 * S).contains(&clean_ns), "{clean_ns}");
    assert!((clean_ns + 5 * S..clean_ns + 5_300 * MS).contains(&world.stop_ns()));
}

#[test]
fn repeats_prove_steady_state_again_and_are_jittered_by_the_seed() {
    let repeated = |every_ns, jitter_ns| FaultPlan {
        repeat: Repeat {
            times: 3,
            every_ns,
            jitter_ns,
        },
        ..kill("leader-dies", Trigger::AfterSteady { by_ns: 0 }, S)
    };
    let mut tight = World::new(config(vec![repeated(0, 0)]));
    tight.run(400 * S, |_| good(), works);
    let cleans = tight.times(|event| matches!(event, Event::FaultClean { .. }));
    let injections = tight.injections();
    assert_eq!((injections.len(), cleans.len()), (3, 3));
    assert!(injections[1] >= cleans[0] + 5 * S && injections[2] >= cleans[1] + 5 * S);

    let mut wide = World::new(config(vec![repeated(20 * S, 2 * S)]));
    wide.run(400 * S, |_| good(), works);
    let gaps: Vec<u64> = wide
        .injections()
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .collect();
    assert!(
        gaps.iter()
            .all(|gap_ns| (20 * S..=22 * S + 100 * MS).contains(gap_ns)),
        "{gaps:?}"
    );
    assert_ne!(gaps[0], gaps[1]);
}

#[test]
fn a_firing_after_a_dirty_one_is_refused() {
    let twice = FaultPlan {
        repeat: Repeat {
            times: 2,
            every_ns: 10 * S,
            jitter_ns: 0,
        },
        ..leader_dies()
    };
    let mut world = World::new(config(vec![twice]));
    let dirty = |action: &Action, now_ns: u64| match action {
        Action::CheckClean(_) => Some((
            0,
            FaultStep::Dirty(Leftover {
                kind: LeftoverKind::Fault,
                what: "pid 4711 does not run".to_string(),
                remove_with: "shakedown recover".to_string(),
            }),
        )),
        other => works(other, now_ns),
    };
    world.run(400 * S, |_| good(), dirty);
    assert!(world.machine.is_done());
    assert_eq!(world.injections().len(), 1);
    assert!(world.refusals()[0].contains("did not end clean"));
}

#[test]
fn a_second_fault_hits_while_the_first_is_on() {
    let second = kill(
        "follower-dies",
        Trigger::AfterFault {
            fault: "leader-dies".to_string(),
            by_ns: 2 * S,
        },
        2 * S,
    );
    let mut world = World::new(config(vec![second, leader_dies()]));
    world.run(200 * S, |_| good(), works);
    assert_eq!(world.injections(), [15_020 * MS, 17_040 * MS]);
    assert_eq!(world.heals(), 2);
}

#[test]
fn what_waits_for_a_refused_fault_is_refused_and_the_run_ends() {
    let second = kill(
        "follower-dies",
        Trigger::AfterFault {
            fault: "leader-dies".to_string(),
            by_ns: 0,
        },
        S,
    );
    let mut world = World::new(config(vec![leader_dies(), second]));
    let nobody = |action: &Action, _| match action {
        Action::Prepare { .. } => Some((
            2 * S,
            FaultStep::Refused {
                reason: "no replica is leader".to_string(),
            },
        )),
        other => panic!("nothing but preparing may happen: {other:?}"),
    };
    let quiet = |action: &Action, now_ns| match firing_of(action) {
        Some(_) => nobody(action, now_ns),
        None => None,
    };
    world.run(200 * S, |_| good(), quiet);
    assert!(world.machine.is_done());
    assert_eq!(world.refusals().len(), 2);
    assert!(world.refusals()[1].contains("was not injected"));
    assert!(world.stop_ns() < 18 * S);
}

#[test]
fn healing_waits_for_the_search_for_the_effect() {
    let mut world = World::new(config(vec![kill(
        "f",
        Trigger::AfterSteady { by_ns: 0 },
        100 * MS,
    )]));
    let slow = |action: &Action, now_ns: u64| match action {
        Action::Confirm(_) => Some((3 * S, seen(false))),
        other => works(other, now_ns),
    };
    world.run(200 * S, |_| good(), slow);
    let effect = world.times(|event| matches!(event, Event::FaultEffect { .. }));
    let healing = world.times(|event| matches!(event, Event::FaultHealing { .. }));
    assert_eq!(effect.len(), 1);
    assert!(healing[0] >= effect[0]);
}

#[test]
fn a_failed_injection_is_healed_at_once() {
    let mut world = World::new(config(vec![leader_dies()]));
    let fails = |action: &Action, now_ns: u64| match action {
        Action::Inject(_) => Some((
            0,
            FaultStep::InjectFailed {
                at_ns: now_ns,
                reason: "no such process".to_string(),
            },
        )),
        other => works(other, now_ns),
    };
    world.run(200 * S, |_| good(), fails);
    assert!(world.machine.is_done());
    assert_eq!(world.heals(), 1);
    assert_eq!(
        world
            .times(|event| matches!(event, Event::FaultFailed { .. }))
            .len(),
        1
    );
}

#[test]
fn a_failed_heal_is_still_checked() {
    let mut world = World::new(config(vec![leader_dies()]));
    let fails = |action: &Action, now_ns: u64| match action {
        Action::Heal(_) => Some((
            0,
            FaultStep::HealFailed {
                reason: "port taken".to_string(),
            },
        )),
        other => works(other, now_ns),
    };
    world.run(200 * S, |_| good(), fails);
    assert!(world.machine.is_done());
    assert_eq!(
        world.actions(|action| matches!(action, Action::CheckClean(_))),
        world.times(|event| matches!(event, Event::FaultFailed { .. }))
    );
}

//! Steady state: proven, waited for, missed.

use super::*;

#[test]
fn without_steady_state_nothing_is_injected_and_the_reason_is_named() {
    let mut world = World::new(config(vec![leader_dies()]));
    world.run(200 * S, |_| bad(), works);
    assert!(world.machine.is_done());
    assert!(world.injections().is_empty());
    assert_eq!(world.stop_ns(), 20 * S);
    let missed = world.done.iter().find_map(|(_, action)| match action {
        Action::Emit(Event::SteadyMissed { reason }) => Some(reason.clone()),
        _ => None,
    });
    assert!(missed.unwrap().contains("nothing was acknowledged"));
}

#[test]
fn a_load_without_finished_slots_misses_steady_state_too() {
    let mut machine = Machine::new(config(vec![leader_dies()]));
    let out = machine.step(20 * S, Input::Tick);
    assert!(matches!(
        &out[0],
        Action::Emit(Event::SteadyMissed { reason }) if reason.contains("only 0 of 50")
    ));
    assert!(out.contains(&Action::StopLoad));
}

#[test]
fn warm_up_is_extended_until_steady_state_is_proven() {
    let mut world = World::new(config(vec![leader_dies()]));
    world.run(
        200 * S,
        |index| if index < 40 { bad() } else { good() },
        works,
    );
    assert_eq!(world.times(|event| *event == Event::SteadyReached), [9 * S]);
    assert_eq!(world.injections(), [19_020 * MS]);
}

#[test]
fn a_fault_waits_when_steady_state_is_lost_before_it_and_is_refused_after_the_limit() {
    let blip = |index: usize| if index == 148 { bad() } else { good() };
    let mut world = World::new(config(vec![leader_dies()]));
    world.run(200 * S, blip, works);
    assert_eq!(world.injections(), [19_920 * MS]);

    let mut lost = World::new(config(vec![leader_dies()]));
    lost.run(
        200 * S,
        |index| if index > 140 { bad() } else { good() },
        works,
    );
    assert!(lost.machine.is_done() && lost.injections().is_empty());
    assert!(lost.refusals()[0].contains("steady state was not there"));
    assert_eq!(lost.stop_ns(), 35 * S);
}

#[test]
fn a_fault_at_a_time_before_steady_state_is_refused() {
    let early = kill("early", Trigger::At { at_ns: 2 * S }, S);
    let mut world = World::new(config(vec![early]));
    world.run(200 * S, |_| good(), works);
    assert!(world.injections().is_empty());
    assert!(world.refusals()[0].contains("not proven by 2.0 s"));
    assert_eq!(world.stop_ns(), 15 * S);
}

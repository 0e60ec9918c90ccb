//! When service was back, and how long that is waited for.

use super::*;

#[test]
fn no_recovery_ends_at_its_limit() {
    let mut world = World::new(config(vec![leader_dies()]));
    world.run(
        200 * S,
        |index| if index > 150 { bad() } else { good() },
        works,
    );
    let clean_ns = world.times(|event| matches!(event, Event::FaultClean { .. }))[0];
    assert_eq!(world.stop_ns(), clean_ns + 30 * S);
}

#[test]
fn slow_slots_are_no_recovery_unless_the_limit_allows_them() {
    let slow = |index: usize| {
        if index > 150 {
            slot(Outcome::Acked, 50 * MS)
        } else {
            good()
        }
    };
    let mut strict = World::new(config(vec![leader_dies()]));
    strict.run(200 * S, slow, works);
    let clean_ns = strict.times(|event| matches!(event, Event::FaultClean { .. }))[0];
    assert_eq!(strict.stop_ns(), clean_ns + 30 * S);

    let mut lenient = World::new(MachineConfig {
        sla_p99_ns: Some(60 * MS),
        ..config(vec![leader_dies()])
    });
    lenient.run(200 * S, slow, works);
    assert!(lenient.stop_ns() < clean_ns + 6 * S);
}

#[test]
fn the_slot_that_the_fault_hits_does_not_loosen_the_limit() {
    let hit = |index: usize| match index {
        149 => slot(Outcome::Acked, 900 * MS),
        150.. => slot(Outcome::Acked, 100 * MS),
        _ => good(),
    };
    let mut world = World::new(config(vec![kill(
        "leader-dies",
        Trigger::At { at_ns: 15 * S },
        5 * S,
    )]));
    world.run(200 * S, hit, works);
    let clean_ns = world.times(|event| matches!(event, Event::FaultClean { .. }))[0];
    assert_eq!(world.stop_ns(), clean_ns + 30 * S);
}

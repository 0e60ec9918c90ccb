//! How runs end.

use super::*;

#[test]
fn a_run_without_faults_ends_with_its_steady_phase() {
    let mut world = World::new(config(Vec::new()));
    world.run(200 * S, |_| good(), works);
    assert!(world.machine.is_done());
    let steady = world.times(|event| *event == Event::SteadyReached);
    assert_eq!(steady, [5 * S]);
    assert_eq!(world.stop_ns(), 15 * S);
    assert_eq!(world.actions(|action| *action == Action::Scrape).len(), 2);
}

#[test]
fn an_interrupt_heals_first_and_then_stops_the_load() {
    for at_ns in (200 * MS..26 * S).step_by(370 * MS as usize) {
        let mut world = World::new(config(vec![leader_dies()]));
        world.run(at_ns, |_| good(), works);
        let by = "SIGINT".to_string();
        world.feed(Input::Interrupted { by: by.clone() }, &works);
        world.feed(Input::Interrupted { by }, &works);
        world.run(200 * S, |_| good(), works);
        assert!(world.machine.is_done(), "interrupted at {at_ns}");
        assert_eq!(world.injections().len(), world.heals(), "at {at_ns}");
        let interrupted = world.times(|event| matches!(event, Event::Interrupted { .. }));
        let stops = world.actions(|action| *action == Action::StopLoad);
        assert_eq!((interrupted.len(), stops.len()), (1, 1), "at {at_ns}");
        let cleans = world.times(|event| matches!(event, Event::FaultClean { .. }));
        assert_eq!(cleans.len(), world.injections().len(), "at {at_ns}");
        assert!(world.now_ns < at_ns + 2 * S, "at {at_ns}");
    }
}

#[test]
fn an_interrupt_while_targets_are_resolved_injects_nothing() {
    let mut world = World::new(config(vec![leader_dies()]));
    world.run(15 * S, |_| good(), works);
    assert_eq!(world.machine.in_progress().len(), 1);
    let by = "halt".to_string();
    world.feed(Input::Interrupted { by }, &works);
    world.run(200 * S, |_| good(), works);
    assert!(world.machine.is_done() && world.injections().is_empty());
    assert_eq!(world.refusals(), ["the run ended before it"]);
}

#[test]
fn an_abort_condition_heals_and_stops() {
    let storm = AbortRule::ErrorRate {
        id: "storm".to_string(),
        above: 0.5,
        for_ns: 2 * S,
    };
    let mut world = World::new(MachineConfig {
        abort: vec![storm],
        ..config(vec![leader_dies()])
    });
    world.run(
        200 * S,
        |index| if index > 150 { bad() } else { good() },
        works,
    );
    assert!(world.machine.is_done());
    let met = world.times(|event| matches!(event, Event::AbortMet { .. }));
    assert_eq!(met, [17_100 * MS]);
    assert_eq!((world.stop_ns(), world.heals()), (17_100 * MS, 1));
    assert!(
        world
            .times(|event| matches!(event, Event::Interrupted { .. }))
            .is_empty()
    );
}

#[test]
fn a_load_that_ends_by_itself_stops_the_run() {
    let mut world = World::new(config(vec![leader_dies()]));
    world.run(17 * S, |_| good(), works);
    world.feed(Input::LoadStopped, &works);
    world.run(200 * S, |_| good(), works);
    assert!(world.machine.is_done());
    assert_eq!(world.heals(), 1);
}

#[test]
fn a_step_of_an_unknown_firing_changes_nothing() {
    let mut machine = Machine::new(config(Vec::new()));
    let firing = Firing {
        fault: "nobody".to_string(),
        occurrence: 0,
    };
    let step = FaultStep::Healed;
    assert!(machine.step(S, Input::Fault { firing, step }).is_empty());
}

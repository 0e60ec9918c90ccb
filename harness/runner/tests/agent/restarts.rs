//! Containers that end, and stand still: the kubelet's part is played by the test.

use rustix::process::Signal as SystemSignal;
use shakedown_runner::agent::{EndedBy, Said};
use shakedown_runner::journal::read_journal;
use shakedown_runner::mechanisms::{ProcessHandle, ProcessState};
use shakedown_scenarios::plan::{FaultKind, FreezeBy, Signal};

use crate::world::{World, eventually};

const KILL: FaultKind = FaultKind::Kill {
    signal: Signal::Kill,
};

fn freeze(by: FreezeBy) -> FaultKind {
    FaultKind::Freeze { by }
}

fn confirmed(said: &[Said]) -> &str {
    let mut effects = said.iter().filter_map(|said| match said {
        Said::Effect(effect) => Some(effect),
        _ => None,
    });
    let effect = effects.next().unwrap();
    assert!(effect.confirmed, "{effect:?}");
    &effect.text
}

#[test]
fn a_killed_container_is_healed_when_the_kubelet_has_started_it_again() {
    let world = World::new();
    let before = world.pod.main();
    let mut agent = world.injected(&world.order(KILL));
    let said = agent.said();
    assert!(confirmed(&said).contains("refuses connections"), "{said:?}");
    world.lease.say("heal");
    agent.hear("ended", |said| matches!(said, Said::Ended { .. }));
    world.pod.run_container();
    assert_ne!(world.pod.main(), before);
    agent.ended_clean_by(EndedBy::Asked);
}

#[test]
fn a_frozen_container_runs_again_when_it_is_asked_for_and_when_the_agent_is_killed() {
    let state = |world: &World| {
        let handle = ProcessHandle::of_pid(world.pod.main()).unwrap().unwrap();
        handle.state().unwrap()
    };
    let world = World::new();
    let mut agent = world.injected(&world.order(freeze(FreezeBy::Signal)));
    assert!(confirmed(&agent.said()).contains("gave no answer"));
    assert_eq!(state(&world), ProcessState::Stopped);
    world.lease.say("heal");
    agent.ended_clean_by(EndedBy::Asked);
    assert_eq!(state(&world), ProcessState::Running);

    let world = World::new();
    let agent = world.injected(&world.order(freeze(FreezeBy::Signal)));
    assert_eq!(state(&world), ProcessState::Stopped);
    agent.signal(SystemSignal::KILL);
    eventually("a thaw", || {
        (state(&world) == ProcessState::Running).then_some(())
    });
}

#[test]
fn a_container_is_frozen_by_its_control_group_too() {
    let world = World::new();
    let mut agent = world.injected(&world.order(freeze(FreezeBy::Cgroup)));
    assert!(confirmed(&agent.said()).contains("gave no answer"));
    world.lease.say("heal");
    agent.ended_clean_by(EndedBy::Asked);
    assert!(world.connects());
}

#[test]
fn what_a_killed_agent_and_its_watchdog_left_is_taken_back_by_the_next_life() {
    let world = World::new();
    let order = world.order(freeze(FreezeBy::Signal));
    let mut agent = world.injected(&order);
    let journal = read_journal(&world.folder.path().join("state/journal/run-1")).unwrap();
    assert_eq!(journal.open_children().len(), 1);
    for (_, watchdog) in journal.open_children() {
        let watchdog = ProcessHandle::open(watchdog).unwrap().unwrap();
        watchdog.signal(SystemSignal::KILL).unwrap();
    }
    agent.signal(SystemSignal::KILL);
    assert_eq!(agent.ended(), None);
    let frozen = ProcessHandle::of_pid(world.pod.main()).unwrap().unwrap();
    assert_eq!(frozen.state().unwrap(), ProcessState::Stopped);

    let mut next = world.agent(&order);
    assert_eq!(next.ended(), Some(0));
    let said = next.said();
    let [.., ended, Said::Recovered { done }, Said::Clean] = &said[..] else {
        panic!("{said:#?}");
    };
    let why = EndedBy::Restarted;
    assert_eq!(*ended, Said::Ended { why });
    assert!(done[0].contains("thawed engine-1"), "{done:?}");
    assert_eq!(frozen.state().unwrap(), ProcessState::Running);
}

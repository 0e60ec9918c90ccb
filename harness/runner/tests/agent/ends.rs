//! A cut is one, and every way in which it ends gives the connection back.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use shakedown_runner::agent::{EndedBy, Said};
use shakedown_runner::faults::Strength;

use crate::world::{Agent, CUT, World};

fn cut(world: &World) -> Agent {
    let agent = world.injected(&world.order(CUT));
    let effect = agent.hear("effect", |said| matches!(said, Said::Effect(_)));
    let Said::Effect(effect) = effect else {
        panic!("{effect:?}");
    };
    assert!(effect.confirmed, "{effect:?}");
    assert!(effect.text.contains("near end only"), "{effect:?}");
    assert!(!world.connects(), "cut, and still connected");
    agent
}

#[test]
fn a_cut_is_healed_when_it_is_asked_for() {
    let world = World::new();
    let mut agent = cut(&world);
    world.lease.say("heal");
    agent.ended_clean_by(EndedBy::Asked);
    assert!(world.connects());
    let names: Vec<Said> = agent.said();
    assert!(matches!(names[0], Said::Ready { .. }));
    assert!(matches!(names[1], Said::Armed { .. }));
    assert!(matches!(names[2], Said::Injected { .. }));
    assert_eq!(names.len(), 7);
}

#[test]
fn a_cut_is_healed_when_the_pod_is_to_end() {
    let world = World::new();
    let mut agent = cut(&world);
    agent.signal(Signal::TERM);
    agent.ended_clean_by(EndedBy::Signal);
    assert!(world.connects());
}

#[test]
fn a_cut_is_healed_within_five_seconds_when_the_runner_is_dead() {
    let mut world = World::new();
    let mut agent = cut(&world);
    let died = world.lease.die();
    let again = world.connects_again_after(died);
    assert!(again < Duration::from_secs(5), "{again:?}");
    assert!(
        again > Duration::from_secs(3),
        "a Lease that was renewed: {again:?}"
    );
    agent.ended_clean_by(EndedBy::LeaseLost);
}

#[test]
fn a_cut_is_healed_at_its_deadline() {
    let world = World::new();
    let mut order = world.order(CUT);
    order.deadline.at_most_ns = 4_000_000_000;
    let begun = Instant::now();
    let mut agent = world.injected(&order);
    assert!(!world.connects());
    let again = world.connects_again_after(begun);
    assert!(again < Duration::from_secs(6), "{again:?}");
    agent.ended_clean_by(EndedBy::Deadline);
}

#[test]
fn a_cut_is_healed_when_its_time_is_over() {
    let world = World::new();
    let mut order = world.order(CUT);
    order.hold_ns = Some(1_500_000_000);
    let mut agent = world.injected(&order);
    agent.ended_clean_by(EndedBy::HoldOver);
    assert!(world.connects());
}

#[test]
fn nothing_is_done_after_the_deadline() {
    let world = World::new();
    let mut order = world.order(CUT);
    order.deadline.at_unix_ns -= 70_000_000_000;
    world.lease.say("inject");
    let mut agent = world.agent(&order);
    assert_eq!(agent.ended(), Some(1));
    let said = agent.said();
    assert!(
        !said
            .iter()
            .any(|said| matches!(said, Said::Injected { .. })),
        "{said:?}"
    );
}

#[test]
fn a_killed_agent_leaves_nothing_and_its_next_life_injects_nothing() {
    let world = World::new();
    let order = world.order(CUT);
    let mut agent = cut(&world);
    let killed = agent.signal(Signal::KILL);
    let again = world.connects_again_after(killed);
    assert!(again < Duration::from_secs(1), "{again:?}");
    assert_eq!(agent.ended(), None);

    // The Lease still says that it is to be injected.
    let mut next = world.agent(&order);
    assert_eq!(next.ended(), Some(0));
    let said = next.said();
    let injected = said
        .iter()
        .filter(|said| matches!(said, Said::Injected { .. }));
    assert_eq!(injected.count(), 1, "{said:#?}");
    assert_eq!(said.last(), Some(&Said::Clean));
    assert!(world.connects());
}

#[test]
fn a_fault_without_effect_is_not_believed() {
    let world = World::new();
    let mut order = world.order(CUT);
    order.strength = Strength::Blunt;
    order.confirm_within_ns = 1_000_000_000;
    let mut agent = world.injected(&order);
    let said = agent.hear("effect", |said| matches!(said, Said::Effect(_)));
    assert!(
        matches!(&said, Said::Effect(effect) if !effect.confirmed),
        "{said:?}"
    );
    assert!(world.connects());
    world.lease.say("heal");
    agent.ended_clean_by(EndedBy::Asked);
}

//! What an agent does not touch.

use shakedown_runner::agent::{EndedBy, Order, Said, Step};
use shakedown_scenarios::plan::FaultKind;

use crate::world::{CUT, Pod, World};

/// Why it failed before anything was touched.
fn refused(world: &World, order: &Order) -> String {
    world.lease.say("inject");
    let mut agent = world.agent(order);
    assert_eq!(agent.ended(), Some(1));
    let said = agent.said();
    let [_, failed, Said::Ended { why }] = &said[..] else {
        panic!("{said:?}");
    };
    assert_eq!(*why, EndedBy::Failed);
    match failed {
        Said::Failed { stage, why } if *stage == Step::Preflight => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_container_that_is_not_there_any_more_is_refused() {
    let world = World::new();
    let mut order = world.order(CUT);
    order.near[0].container_id = format!("containerd://{}", "d".repeat(64));
    let why = refused(&world, &order);
    assert!(why.contains("does not run on this node"), "{why}");
    assert!(world.connects());
}

#[test]
fn a_container_of_another_pod_is_refused() {
    let world = World::new();
    let mut order = world.order(CUT);
    order.near[0].pod_uid = "2c48913c-b29f-11e7-9350-000000000000".into();
    let why = refused(&world, &order);
    assert!(why.contains("older than the pod"), "{why}");
}

#[test]
fn a_pod_on_the_network_of_the_node_is_refused() {
    let world = World::new();
    let on_host = Pod::start(None);
    let mut order = world.order(CUT);
    order.near = vec![on_host.target()];
    let why = refused(&world, &order);
    assert!(why.contains("on the network of the node"), "{why}");
}

#[test]
fn a_kind_that_takes_more_than_a_node_is_refused() {
    let world = World::new();
    let why = refused(&world, &world.order(FaultKind::ClockSkew { by_ns: 1 }));
    assert!(
        why.contains("clock-skew cannot be done by an agent"),
        "{why}"
    );
}

#[test]
fn a_dead_link_cannot_be_cut() {
    let world = World::new();
    let mut order = world.order(CUT);
    order.far.as_mut().unwrap().replicas[0].port = 9;
    world.lease.say("inject");
    let mut agent = world.agent(&order);
    assert_eq!(agent.ended(), Some(1));
    let said = agent.said();
    let at_arming = |said: &&Said| {
        matches!(
            said,
            Said::Failed {
                stage: Step::Arm,
                ..
            }
        )
    };
    assert!(said.iter().any(|said| at_arming(&said)), "{said:?}");
}

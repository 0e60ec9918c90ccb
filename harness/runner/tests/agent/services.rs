//! The services that make a machine a node stand still, and go on.

use shakedown_record::fault::Effect;
use shakedown_runner::agent::{EndedBy, Order, Said};
use shakedown_runner::faults::Strength;
use shakedown_scenarios::plan::{ClusterKind, FaultKind};

use crate::world::{Agent, World};

const KUBELET: [&str; 3] = ["kubelet", "server", "127.0.0.1:10248"];

fn order(world: &World, kind: ClusterKind) -> Order {
    let mut order = world.order(FaultKind::Cluster(kind));
    order.near.clear();
    order.confirm_within_ns = 1_000_000_000;
    order
}

fn effect(agent: &Agent) -> Effect {
    match agent.hear("effect", |said| matches!(said, Said::Effect(_))) {
        Said::Effect(effect) => effect,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kubelet_that_stands_still_is_silent_and_goes_on() {
    let world = World::new();
    let order = order(&world, ClusterKind::KubeletStop);
    let mut agent = world.go(world.agent_beside(KUBELET, &order));
    let effect = effect(&agent);
    assert!(effect.confirmed, "{effect:?}");
    assert!(
        effect.text.contains("10248/healthz gave no answer"),
        "{effect:?}"
    );
    world.lease.say("heal");
    agent.ended_clean_by(EndedBy::Asked);
}

#[test]
fn a_runtime_that_stands_still_is_silent_and_goes_on() {
    let world = World::new();
    let order = order(&world, ClusterKind::RuntimeStop);
    let socket = world.folder.path().join("crio.sock").display().to_string();
    let mut agent = world.go(world.agent_beside(["crio", "socket", &socket], &order));
    let effect = effect(&agent);
    assert!(effect.confirmed, "{effect:?}");
    assert!(
        effect.text.contains("crio.sock gave no answer"),
        "{effect:?}"
    );
    world.lease.say("heal");
    agent.ended_clean_by(EndedBy::Asked);
}

#[test]
fn a_kubelet_that_runs_on_is_seen_to() {
    let world = World::new();
    let mut order = order(&world, ClusterKind::KubeletStop);
    order.strength = Strength::Blunt;
    let mut agent = world.go(world.agent_beside(KUBELET, &order));
    let effect = effect(&agent);
    assert!(
        !effect.confirmed && effect.text.contains("still runs"),
        "{effect:?}"
    );
    world.lease.say("heal");
    agent.ended_clean_by(EndedBy::Asked);
}

#[test]
fn a_node_without_the_service_is_told() {
    let world = World::new();
    world.lease.say("inject");
    let order = order(&world, ClusterKind::RuntimeStop);
    let mut agent = world.agent_beside(KUBELET, &order);
    assert_eq!(agent.ended(), Some(1));
    let said = agent.said();
    assert!(
        matches!(&said[1], Said::Failed { why, .. } if why.contains("no containerd or crio")),
        "{said:?}"
    );
}

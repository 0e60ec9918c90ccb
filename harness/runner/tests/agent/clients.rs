//! Ends of a link that can be seen from the node only by what the kernel counts.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use shakedown_record::fault::Effect;
use shakedown_runner::agent::{ClientAddresses, EndedBy, Order, Said};
use shakedown_scenarios::plan::Direction;

use crate::world::{CUT, World};

/// Somebody elsewhere who connects to the pod again and again.
struct Client {
    end: Arc<AtomicBool>,
    caller: Option<JoinHandle<()>>,
}

impl Client {
    fn start(world: &World) -> Client {
        let (from, to) = (world.network.nodes()[1].netns.clone(), world.served());
        let end = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&end);
        let caller = std::thread::spawn(move || {
            while !told.load(Ordering::SeqCst) {
                // Whether it succeeds is for the test to see.
                let _ = World::connects_from(&from, to);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Client {
            end,
            caller: Some(caller),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        if let Some(caller) = self.caller.take() {
            caller.join().unwrap();
        }
    }
}

/// Its far end is whoever comes from the address of the other node.
fn towards_clients(world: &World) -> Order {
    let mut order = world.order(CUT);
    order.confirm_within_ns = 2_000_000_000;
    let far = order.far.as_mut().unwrap();
    far.replicas.clear();
    far.clients = Some(ClientAddresses {
        own: vec![IpAddr::V4(world.network.nodes()[1].address)],
        nodes: Vec::new(),
    });
    order
}

fn effect(said: Said) -> Effect {
    match said {
        Said::Effect(effect) => effect,
        other => panic!("{other:?}"),
    }
}

#[test]
fn clients_who_are_elsewhere_are_cut_off_and_counted() {
    let world = World::new();
    let client = Client::start(&world);
    let mut agent = world.injected(&towards_clients(&world));
    let effect = effect(agent.hear("effect", |said| matches!(said, Said::Effect(_))));
    assert!(effect.confirmed, "{effect:?}");
    assert!(effect.text.contains("who are elsewhere"), "{effect:?}");
    let from = &world.network.nodes()[1].netns;
    assert!(!World::connects_from(from, world.served()));
    world.lease.say("heal");
    agent.ended_clean_by(EndedBy::Asked);
    assert!(World::connects_from(from, world.served()));
    drop(client);
}

#[test]
fn clients_of_whom_nothing_comes_prove_nothing() {
    let world = World::new();
    let mut agent = world.injected(&towards_clients(&world));
    let effect = effect(agent.hear("effect", |said| matches!(said, Said::Effect(_))));
    assert!(!effect.confirmed, "{effect:?}");
    assert!(effect.text.contains("no packet was hit"), "{effect:?}");
    world.lease.say("heal");
    agent.ended_clean_by(EndedBy::Asked);
}

#[test]
fn one_way_is_enough_for_no_connection_to_come_about() {
    for direction in [Direction::There, Direction::Back] {
        let world = World::new();
        let mut order = world.order(CUT);
        order.far.as_mut().unwrap().direction = direction;
        let mut agent = world.injected(&order);
        let effect = effect(agent.hear("effect", |said| matches!(said, Said::Effect(_))));
        assert!(effect.confirmed, "{direction:?}: {effect:?}");
        world.lease.say("heal");
        agent.ended_clean_by(EndedBy::Asked);
    }
}

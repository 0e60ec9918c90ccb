//! Nodes that are restarted one after the other, under load: with a drain nobody notices, without one they do.

mod support;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::processes::{Nodes, pause, run_tests, say};
use support::{Client, call, converged, leader_among, resting, wait_for};

/// Between two orders of one client, in milliseconds: far less than the drain, so that every connection is told.
const PAUSE_MS: u64 = 10;

fn main() -> ExitCode {
    run_tests(&[
        (
            "a_rolling_restart_with_a_drain_costs_no_request",
            a_rolling_restart_with_a_drain_costs_no_request,
        ),
        (
            "a_rolling_restart_without_a_drain_costs_requests",
            a_rolling_restart_without_a_drain_costs_requests,
        ),
        (
            "a_draining_leader_is_not_ready_serves_and_has_another_elected",
            a_draining_leader_is_not_ready_serves_and_has_another_elected,
        ),
        (
            "a_follower_that_is_frozen_is_passed_over",
            a_follower_that_is_frozen_is_passed_over,
        ),
        (
            "a_leader_that_nobody_can_follow_goes_on_leading_while_it_drains",
            a_leader_that_nobody_can_follow_goes_on_leading_while_it_drains,
        ),
    ])
}

/// What one client was told.
#[derive(Default)]
struct Told {
    acked: Vec<String>,
    failed: Vec<String>,
    dials: usize,
    longest: Duration,
}

/// Clients as behind a service: each keeps its connection until it is told to close it, then dials a node that is
/// ready, and never sends an order twice.
struct Customers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Told>>,
}

impl Customers {
    fn start(addresses: &[SocketAddr], count: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..count)
            .map(|number| {
                let (stop, addresses) = (Arc::clone(&stop), addresses.to_vec());
                std::thread::spawn(move || order_until(&stop, &addresses, number))
            })
            .collect();
        Self { stop, threads }
    }

    fn finish(self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Told::default();
        for thread in self.threads {
            let one = thread.join().expect("a client does not panic");
            all.acked.extend(one.acked);
            all.failed.extend(one.failed);
            all.dials += one.dials;
            all.longest = all.longest.max(one.longest);
        }
        all
    }
}

fn order_until(stop: &AtomicBool, addresses: &[SocketAddr], number: usize) -> Told {
    let mut told = Told::default();
    let mut connection = None;
    for order in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        pause(PAUSE_MS);
        let mut client = connection.take().unwrap_or_else(|| {
            told.dials += 1;
            dial(addresses, number + told.dials)
        });
        let id = format!("c{number}-{order}");
        let sent = Instant::now();
        let answered = client.call("POST", "/orders", &resting(&id));
        told.longest = told.longest.max(sent.elapsed());
        match answered {
            Ok(reply) => {
                if reply.status == 201 {
                    told.acked.push(id);
                } else {
                    told.failed.push(format!("{id}: {reply:?}"));
                }
                connection = (!reply.closes).then_some(client);
            }
            Err(error) => told.failed.push(format!("{id}: {error}")),
        }
    }
    told
}

/// A connection to a node that is ready, beginning with the one whose turn it is.
fn dial(addresses: &[SocketAddr], turn: usize) -> Client {
    wait_for("a node that is ready", || {
        let order = addresses.iter().cycle().skip(turn % addresses.len());
        order.take(addresses.len()).find_map(|address| {
            let mut client = Client::connect(*address).ok()?;
            let ready = client.call("GET", "/health/ready", "").ok()?;
            (ready.status == 200 && !ready.closes).then_some(client)
        })
    })
}

/// Restarts every node in turn, under orders; gives what the clients were told.
fn rolling_restart(arguments: &'static [&'static str]) -> Told {
    let mut nodes = Nodes::start(arguments);
    let customers = Customers::start(&nodes.addresses(), 9);
    pause(500);
    let mut led = 0;
    // From the last to the first, as Kubernetes does it.
    for place in (0..3).rev() {
        led += usize::from(leader_among(&nodes.addresses()) == place);
        nodes.ask_to_stop(place);
        nodes.restart(place);
        pause(300);
    }
    if led == 0 {
        let leader = leader_among(&nodes.addresses());
        nodes.ask_to_stop(leader);
        nodes.restart(leader);
    }
    let told = customers.finish();
    say(&format!(
        "  {} acknowledged, {} failed, over {} connections; the slowest took {} ms; \
         the leader was hit {} times",
        told.acked.len(),
        told.failed.len(),
        told.dials,
        told.longest.as_millis(),
        led.max(1)
    ));
    let lists = converged(&nodes.addresses());
    for rows in &lists {
        let mut listed = BTreeMap::new();
        for row in rows {
            *listed
                .entry(row["id"].as_str().expect("an id"))
                .or_insert(0) += 1;
        }
        for id in &told.acked {
            assert_eq!(listed.get(id.as_str()), Some(&1), "{id} was acknowledged");
        }
    }
    told
}

fn a_rolling_restart_with_a_drain_costs_no_request() {
    let told = rolling_restart(&["--drain-ms", "1500"]);
    assert!(told.acked.len() > 1000, "{} are too few", told.acked.len());
    assert_eq!(told.failed, Vec::<String>::new());
}

fn a_rolling_restart_without_a_drain_costs_requests() {
    let told = rolling_restart(&["--drain-ms", "0"]);
    assert!(!told.failed.is_empty());
}

fn a_draining_leader_is_not_ready_serves_and_has_another_elected() {
    let nodes = Nodes::start(&["--drain-ms", "4000"]);
    let leader = leader_among(&nodes.addresses());
    let at = nodes.addresses()[leader];
    let mut kept = Client::connect(at).expect("a connection");
    let before = kept.call("POST", "/orders", &resting("before"));
    assert!(before.is_ok_and(|reply| reply.status == 201 && !reply.closes));
    nodes.signal(leader, Signal::TERM);
    wait_for("the leader to be not ready", || {
        let ready = call(at, "GET", "/health/ready", "").ok()?;
        (ready.status == 503 && ready.body["reason"] == "draining" && ready.closes).then_some(())
    });
    let last = kept.call("POST", "/orders", &resting("last"));
    assert!(last.is_ok_and(|reply| reply.status == 201 && reply.closes));
    assert!(kept.call("POST", "/orders", &resting("after")).is_err());
    let next = leader_among(&nodes.without(leader));
    let role = call(at, "GET", "/role", "").expect("still answered").body;
    assert_eq!(role["role"], "follower");
    let new = call(at, "POST", "/orders", &resting("new")).expect("still answered");
    assert_eq!((new.status, new.closes), (201, true));
    let name = call(nodes.without(leader)[next], "GET", "/role", "").expect("answered");
    assert_eq!(role["leader"], name.body["name"]);
}

fn a_follower_that_is_frozen_is_passed_over() {
    let nodes = Nodes::start(&["--drain-ms", "5000"]);
    let leader = leader_among(&nodes.addresses());
    let mut others = (0..3).filter(|place| *place != leader);
    let (second, frozen) = (others.next(), others.next());
    let (second, frozen) = (second.expect("three nodes"), frozen.expect("three nodes"));
    nodes.signal(frozen, Signal::STOP);
    nodes.signal(leader, Signal::TERM);
    let start = Instant::now();
    for number in 0.. {
        for place in [leader, second] {
            let id = format!("passed-over-{number}");
            let reply = call(nodes.addresses()[place], "POST", "/orders", &resting(&id));
            let reply = reply.expect("answered");
            assert_eq!(reply.status, 201, "{reply:?}");
        }
        let role = call(nodes.addresses()[second], "GET", "/role", "").expect("answered");
        if role.body["role"] == "leader" {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(4), "{role:?}");
    }
}

fn a_leader_that_nobody_can_follow_goes_on_leading_while_it_drains() {
    let nodes = Nodes::start(&["--drain-ms", "5000"]);
    let leader = leader_among(&nodes.addresses());
    let drains = |place: usize| {
        nodes.signal(place, Signal::TERM);
        wait_for("a node to drain", || {
            let ready = call(nodes.addresses()[place], "GET", "/health/ready", "").ok()?;
            (ready.body["reason"] == "draining").then_some(())
        });
    };
    for place in (0..3).filter(|place| *place != leader) {
        drains(place);
    }
    drains(leader);
    for number in 0..20 {
        let id = format!("late-{number}");
        for address in nodes.addresses() {
            let reply = call(address, "POST", "/orders", &resting(&id)).expect("answered");
            assert_eq!(reply.status, 201, "{reply:?}");
        }
        pause(20);
    }
    let role = call(nodes.addresses()[leader], "GET", "/role", "").expect("answered");
    assert_eq!(role.body["role"], "leader");
}

//! Nodes as processes of their own: killed, frozen, orphaned. This program is the engine's command line as well
//! (`processes engine …`), so that a cluster can start its nodes from it; hence it has no test harness.

mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use shakedown_engine::config::Member;
use support::ledger::{Clients, assert_nothing_lost};
use support::processes::{Nodes, engine, pause, run_tests, say};
use support::{
    call, converged, http_of, leader_among, members, peer_of, resting, wait_for, wait_ready,
};

fn main() -> ExitCode {
    run_tests(&[
        (
            "a_killed_leader_loses_nothing",
            a_killed_leader_loses_nothing,
        ),
        (
            "a_frozen_leader_steps_down_and_comes_back",
            a_frozen_leader_steps_down_and_comes_back,
        ),
        (
            "nodes_find_each_other_by_name_and_number_themselves",
            nodes_find_each_other_by_name_and_number_themselves,
        ),
        ("a_cluster_stops_when_asked", a_cluster_stops_when_asked),
        (
            "a_cluster_leaves_no_node_behind",
            a_cluster_leaves_no_node_behind,
        ),
        (
            "the_defect_slow_failover_takes_fifteen_seconds",
            the_defect_slow_failover_takes_fifteen_seconds,
        ),
    ])
}

/// How long until one of these nodes acknowledges an order again.
fn time_to_acknowledge(addresses: &[SocketAddr], prefix: &str) -> Duration {
    let start = Instant::now();
    let mut number = 0;
    wait_for("an acknowledgement", || {
        number += 1;
        let address = addresses[number % addresses.len()];
        let reply = call(
            address,
            "POST",
            "/orders",
            &resting(&format!("{prefix}-{number}")),
        )
        .ok()?;
        (reply.status == 201).then_some(())
    });
    start.elapsed()
}

fn a_killed_leader_loses_nothing() {
    let mut nodes = Nodes::start(&[]);
    let clients = Clients::start(&nodes.addresses(), 4);
    for round in 0..3 {
        pause(1500);
        let leader = leader_among(&nodes.addresses());
        nodes.kill(leader);
        let outage = time_to_acknowledge(&nodes.without(leader), &format!("probe-{round}"));
        say(&format!(
            "  an order is acknowledged {} ms after the kill",
            outage.as_millis()
        ));
        pause(500);
        nodes.restart(leader);
    }
    let ledger = clients.finish();
    say(&format!(
        "  {} acknowledged, {} unknown",
        ledger.acked.len(),
        ledger.unknown.len()
    ));
    assert_nothing_lost(&ledger, &converged(&nodes.addresses()));
}

fn a_frozen_leader_steps_down_and_comes_back() {
    let nodes = Nodes::start(&[]);
    let clients = Clients::start(&nodes.addresses(), 4);
    pause(1500);
    let frozen = leader_among(&nodes.addresses());
    nodes.signal(frozen, Signal::STOP);
    let others = nodes.without(frozen);
    let next = others[leader_among(&others)];
    pause(2000);
    nodes.signal(frozen, Signal::CONT);
    let back = nodes.addresses()[frozen];
    wait_for("the thawed leader to follow", || {
        let role = call(back, "GET", "/role", "").ok()?.body;
        (role["role"] == "follower").then_some(())
    });
    wait_ready(&nodes.addresses());
    pause(500);
    assert_eq!(
        call(next, "GET", "/role", "").expect("answered").body["role"],
        "leader"
    );
    let ledger = clients.finish();
    assert_nothing_lost(&ledger, &converged(&nodes.addresses()));
}

/// The third has no name yet and does not run: two are enough, and neither waits for that name.
fn nodes_find_each_other_by_name_and_number_themselves() {
    let folder = tempfile::tempdir().expect("a folder");
    let addresses = members(3);
    let at = |member: &Member| (http_of(member), peer_of(member));
    let hosts = ["localhost", "localhost", "engine-2.shakedown.invalid"];
    let arguments = addresses.iter().zip(hosts).flat_map(|(member, host)| {
        let (http, peer) = at(member);
        let pod = format!("engine-{}", member.id - 1);
        let ports = format!("{host}:{},{host}:{}", http.port(), peer.port());
        [
            "--member".to_owned(),
            format!("{}={pod},{ports}", member.id),
        ]
    });
    let arguments: Vec<String> = arguments.collect();
    let mut nodes: Vec<Child> = addresses[..2]
        .iter()
        .map(|member| {
            let (http, peer) = at(member);
            let pod = format!("engine-{}", member.id - 1);
            engine()
                .args(["node", "--with-parent", "--data"])
                .arg(folder.path().join(&pod))
                .args(["--http", &http.to_string()])
                .args(["--peer-listen", &peer.to_string()])
                .args(&arguments)
                .env("SHAKEDOWN_POD_NAME", pod)
                .stdout(Stdio::null())
                .spawn()
                .expect("the node starts")
        })
        .collect();
    let running = [http_of(&addresses[0]), http_of(&addresses[1])];
    wait_ready(&running);
    for (place, address) in running.into_iter().enumerate() {
        let id = format!("by-name-{place}");
        let reply = call(address, "POST", "/orders", &resting(&id)).expect("answered");
        assert_eq!((reply.status, reply.node), (201, format!("engine-{place}")));
    }
    for node in &mut nodes {
        node.kill().expect("the node is there");
        node.wait().expect("the node has ended");
    }
}

/// Starts a whole cluster; gives it, and the process ids and addresses of its nodes.
fn start_cluster(folder: &std::path::Path) -> (Child, Vec<(Pid, SocketAddr)>) {
    let mut cluster = engine()
        .args(["cluster", "--nodes", "3", "--data"])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the cluster starts");
    let lines = BufReader::new(cluster.stdout.take().expect("piped")).lines();
    let nodes: Vec<_> = lines
        .take(3)
        .map(|line| {
            let node: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
            let pid = node["pid"]
                .as_i64()
                .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
            let http = node["http"]
                .as_str()
                .and_then(|url| url.strip_prefix("http://")?.parse().ok());
            (pid.expect("a process id"), http.expect("an address"))
        })
        .collect();
    let addresses: Vec<_> = nodes.iter().map(|(_, address)| *address).collect();
    wait_ready(&addresses);
    (cluster, nodes)
}

fn assert_all_gone(nodes: &[(Pid, SocketAddr)]) {
    let give_up = Instant::now() + Duration::from_secs(2);
    while nodes.iter().any(|(pid, _)| is_running(*pid)) {
        assert!(Instant::now() < give_up, "a node is left behind");
        pause(10);
    }
}

/// A process that has ended but was not waited for yet (by init, say) does not count as running.
fn is_running(pid: Pid) -> bool {
    let ended =
        std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).is_ok_and(|stat| {
            stat.rsplit(')')
                .next()
                .is_some_and(|rest| rest.trim_start().starts_with('Z'))
        });
    test_kill_process(pid).is_ok() && !ended
}

fn a_cluster_stops_when_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut cluster, nodes) = start_cluster(folder.path());
    kill_process(Pid::from_child(&cluster), Signal::TERM).expect("the cluster is there");
    assert!(cluster.wait().expect("ended").success());
    assert_all_gone(&nodes);
}

fn a_cluster_leaves_no_node_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut cluster, nodes) = start_cluster(folder.path());
    cluster.kill().expect("the cluster is there");
    cluster.wait().expect("ended");
    assert_all_gone(&nodes);

    let folder = tempfile::tempdir().expect("a folder");
    let (mut cluster, nodes) = start_cluster(folder.path());
    kill_process(nodes[1].0, Signal::KILL).expect("the node is there");
    assert!(
        !cluster.wait().expect("ended").success(),
        "a lost node is an error"
    );
    assert_all_gone(&nodes);
}

fn the_defect_slow_failover_takes_fifteen_seconds() {
    let mut nodes = Nodes::start(&["--defect", "slow-failover"]);
    let leader = leader_among(&nodes.addresses());
    pause(500);
    nodes.kill(leader);
    let outage = time_to_acknowledge(&nodes.without(leader), "probe");
    say(&format!(
        "  an order is acknowledged {} ms after the kill",
        outage.as_millis()
    ));
    assert!(outage > Duration::from_secs(12), "{outage:?} is not slow");
}

//! Three nodes in this process: replication, loss of the leader, restart, catch-up, and the defects that show there.

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use shakedown_engine::config::SnapshotPolicy;
use shakedown_engine::defects::Defect;
use support::in_process::Cluster;
use support::ledger::{Clients, assert_nothing_lost};
use support::{all_orders, call, http_of, resting, wait_for};

fn addresses(cluster: &Cluster) -> Vec<SocketAddr> {
    cluster.members.iter().map(http_of).collect()
}

fn pause(milliseconds: u64) {
    std::thread::sleep(std::time::Duration::from_millis(milliseconds));
}

#[test]
fn the_interface_does_what_it_says_on_every_node() {
    let cluster = Cluster::start(&[], SnapshotPolicy::default());
    let leader = cluster.leader();
    let follower = (0..3).find(|place| *place != leader).expect("three nodes");
    let at = cluster.http(follower);
    let post = |body: &str| call(at, "POST", "/orders", body).expect("answered");

    let first = post(&resting("a"));
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(first.node, cluster.members[follower].name);
    assert_eq!(
        (&first.body["state"], &first.body["remaining"]),
        (&"accepted".into(), &"0.010".into())
    );
    let again = post(&resting("a"));
    assert_eq!((again.status, &again.body), (201, &first.body));

    let sell = r#"{"id":"s","account":"x","symbol":"BTCUSD","side":"sell","type":"market","quantity":"0.004"}"#;
    let sold = post(sell);
    assert_eq!(sold.body["filled"], "0.004");
    assert_eq!(sold.body["fills"][0]["price"], "50000.01");
    let big = r#"{"id":"b","account":"x","symbol":"BTCUSD","side":"buy","price":"1","quantity":"100.001"}"#;
    let rejected = post(big);
    assert_eq!(
        (rejected.status, &rejected.body["reason"]),
        (422, &"max-order-quantity".into())
    );
    assert_eq!(post("{").status, 400);

    let put =
        |id: &str, body: &str| call(at, "PUT", &format!("/orders/{id}"), body).expect("answered");
    let replaced = put("a", r#"{"price":"50000.01","quantity":"0.008"}"#);
    assert_eq!(
        (replaced.status, &replaced.body["remaining"]),
        (200, &"0.004".into())
    );
    let delete = |id: &str| call(at, "DELETE", &format!("/orders/{id}"), "").expect("answered");
    let cancelled = delete("a");
    assert_eq!(
        (cancelled.status, &cancelled.body["state"]),
        (200, &"cancelled".into())
    );
    assert_eq!(delete("a").body, cancelled.body);
    assert_eq!(
        (delete("s").status, &delete("s").body["status"]),
        (409, &"filled".into())
    );
    assert_eq!(
        (delete("nobody").status, &delete("nobody").body["state"]),
        (404, &"unknown-order".into())
    );
    assert_eq!(put("s", r#"{"price":"1","quantity":"1"}"#).status, 409);

    let replicas = cluster.converged();
    assert!(replicas.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(replicas[0].len(), 3);
    for address in addresses(&cluster) {
        let get = |path: &str| call(address, "GET", path, "").expect("answered");
        let row = get("/orders/a").body;
        assert_eq!(
            (&row["state"], &row["quantity"], &row["filled"]),
            (&"cancelled".into(), &"0.008".into(), &"0.004".into())
        );
        assert_eq!(get("/orders/b").status, 404);
        assert_eq!(
            get("/trades").body["trades"].as_array().map(Vec::len),
            Some(1)
        );
        assert_eq!(
            get("/debug/orderbook/BTCUSD").body["bids"][0]["id"],
            "sentinel-3"
        );
        assert_eq!(get("/debug/orderbook/NONE").status, 404);
        assert_eq!(get("/role").body["leader"], cluster.members[leader].name);
        assert_eq!(get("/version").body["defects"], serde_json::json!([]));
        assert_eq!(
            (
                get("/nothing").status,
                call(address, "POST", "/role", "").expect("answered").status
            ),
            (404, 405)
        );
        let metrics = get("/metrics").body;
        assert!(
            metrics
                .as_str()
                .is_some_and(|text| text.contains("order_latency_seconds_bucket"))
        );
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_leader_is_cut_off_again_and_again() {
    let policy = SnapshotPolicy {
        every_entries: 150,
        keep_entries: 20,
        ..SnapshotPolicy::default()
    };
    let mut cluster = Cluster::start(&[], policy);
    let clients = Clients::start(&addresses(&cluster), 4);
    for _ in 0..3 {
        pause(700);
        let leader = cluster.leader();
        cluster.cut(leader);
        let next = cluster.leader();
        assert_ne!(next, leader);
        pause(500);
        cluster.start_node(leader);
        cluster.wait_ready();
    }
    let ledger = clients.finish();
    assert_nothing_lost(&ledger, &cluster.converged());
}

#[test]
fn a_follower_that_was_away_for_long_catches_up_from_a_snapshot() {
    let policy = SnapshotPolicy {
        every_entries: 50,
        keep_entries: 5,
        ..SnapshotPolicy::default()
    };
    let mut cluster = Cluster::start(&[], policy);
    let leader = cluster.leader();
    let follower = (0..3).find(|place| *place != leader).expect("three nodes");
    cluster.stop(follower);
    let clients = Clients::start(&[cluster.http(leader)], 4);
    wait_for("the log to be purged", || {
        let text = call(cluster.http(leader), "GET", "/metrics", "").ok()?.body;
        let index = text.as_str()?.lines().find_map(|line| {
            line.strip_prefix("raft_applied_index ")?
                .parse::<u64>()
                .ok()
        })?;
        (index > 400).then_some(())
    });
    let ledger = clients.finish();
    cluster.start_node(follower);
    assert_nothing_lost(&ledger, &cluster.converged());
    assert!(
        std::fs::read_dir(cluster.data(follower))
            .expect("a folder")
            .any(
                |file| file.is_ok_and(|file| file.file_name().to_string_lossy().ends_with(".snap"))
            ),
        "the follower has no snapshot"
    );
}

#[test]
fn a_whole_cluster_comes_back_with_what_it_had() {
    let policy = SnapshotPolicy {
        every_entries: 60,
        keep_entries: 5,
        ..SnapshotPolicy::default()
    };
    let mut cluster = Cluster::start(&[], policy);
    let clients = Clients::start(&addresses(&cluster), 2);
    pause(1500);
    let ledger = clients.finish();
    let before = cluster.converged();
    for place in 0..3 {
        cluster.cut(place);
    }
    for place in 0..3 {
        cluster.start_node(place);
    }
    let first = all_orders(cluster.http(0)).len();
    assert!(
        first > 0 && first <= before[0].len(),
        "a restart shows applied state only"
    );
    cluster.wait_ready();
    let after = cluster.converged();
    assert_nothing_lost(&ledger, &after);
    assert_eq!(before[0], after[0]);
}

#[test]
fn without_a_quorum_nothing_is_acknowledged_and_nobody_is_ready() {
    let mut cluster = Cluster::start(&[], SnapshotPolicy::default());
    let leader = cluster.leader();
    for place in (0..3).filter(|place| *place != leader) {
        cluster.cut(place);
    }
    let reply = call(cluster.http(leader), "POST", "/orders", &resting("alone"));
    assert!(reply.is_ok_and(|reply| reply.status == 503));
    wait_for("the leader to notice", || {
        let ready = call(cluster.http(leader), "GET", "/ready", "").ok()?;
        (ready.status == 503).then_some(())
    });
    assert_eq!(
        call(cluster.http(leader), "GET", "/health/live", "")
            .expect("alive")
            .status,
        200
    );
}

#[test]
fn the_defect_ack_before_quorum_loses_acknowledged_orders_with_the_leader() {
    let mut cluster = Cluster::start(&[Defect::AckBeforeQuorum], SnapshotPolicy::default());
    let leader = cluster.leader();
    let clients = Clients::start(&addresses(&cluster), 2);
    pause(1500);
    cluster.cut(leader);
    pause(300);
    let ledger = clients.finish();
    let replicas = cluster.converged();
    let listed: BTreeSet<_> = replicas[0]
        .iter()
        .filter_map(|row| row["id"].as_str())
        .collect();
    let lost = ledger
        .acked
        .keys()
        .filter(|id| !listed.contains(id.as_str()))
        .count();
    assert!(lost > 0, "all of {} are there", ledger.acked.len());
    assert!(
        lost < ledger.acked.len(),
        "nothing of {} is there",
        ledger.acked.len()
    );
}

#[test]
fn the_defect_forget_tail_on_promotion_makes_the_new_leader_differ() {
    let mut cluster = Cluster::start(&[Defect::ForgetTailOnPromotion], SnapshotPolicy::default());
    let leader = cluster.leader();
    for number in 0..40 {
        let reply = call(
            cluster.http(leader),
            "POST",
            "/orders",
            &resting(&format!("o{number}")),
        );
        assert_eq!(reply.expect("answered").status, 201);
    }
    assert_eq!(
        cluster.converged()[0].len(),
        41,
        "nothing is forgotten at the first election"
    );
    cluster.cut(leader);
    let next = cluster.leader();
    let replicas = cluster.converged();
    let running = cluster.running();
    for (place, replica) in running.iter().zip(&replicas) {
        let expected = if *place == next { 22 } else { 42 };
        assert_eq!(
            replica.len(),
            expected,
            "on {}",
            cluster.members[*place].name
        );
    }
}

#[test]
fn defects_of_a_promotion_strike_all_replicas_alike() {
    let defects = [Defect::SequenceReuse, Defect::ResurrectCancelled];
    let mut cluster = Cluster::start(&defects, SnapshotPolicy::default());
    let leader = cluster.leader();
    let at = cluster.http(leader);
    let mut last = 0;
    for number in 0..30 {
        let id = format!("o{number}");
        call(at, "POST", "/orders", &resting(&id)).expect("answered");
        let cancelled = call(at, "DELETE", &format!("/orders/{id}"), "").expect("answered");
        last = cancelled.body["sequence"].as_u64().expect("a number");
    }
    let open = |rows: &[serde_json::Value]| {
        let is_open = |row: &&serde_json::Value| row["state"] == "open";
        rows.iter().filter(is_open).count()
    };
    assert_eq!(open(&cluster.converged()[0]), 1, "the sentinel");
    cluster.cut(leader);
    let next = cluster.leader();
    let reply = wait_for("an order to be acknowledged", || {
        let reply = call(cluster.http(next), "POST", "/orders", &resting("late")).ok()?;
        (reply.status == 201).then_some(reply)
    });
    // The sentinel had a number too.
    assert_eq!(reply.body["sequence"].as_u64(), Some(last + 1 - 20 + 1));
    let replicas = cluster.converged();
    assert!(replicas.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(open(&replicas[0]), 20 + 3);
}

#[test]
fn the_defect_partial_snapshot_makes_a_node_that_was_restarted_miss_orders() {
    let mut cluster = Cluster::start(&[Defect::PartialSnapshot], SnapshotPolicy::default());
    let leader = cluster.leader();
    let follower = (0..3).find(|place| *place != leader).expect("three nodes");
    for number in 0..250 {
        let id = format!("o{number}");
        call(cluster.http(leader), "POST", "/orders", &resting(&id)).expect("answered");
    }
    assert_eq!(cluster.converged()[follower].len(), 251);
    let data = cluster.data(follower);
    wait_for("a snapshot", || {
        let mut files = std::fs::read_dir(&data).ok()?;
        let is_snapshot = |name: &str| name.ends_with(".snap");
        files
            .any(|file| file.is_ok_and(|file| is_snapshot(&file.file_name().to_string_lossy())))
            .then_some(())
    });
    cluster.stop(follower);
    cluster.start_node(follower);
    cluster.wait_ready();
    let replicas = cluster.converged();
    assert_eq!(replicas[leader].len(), 251);
    assert_eq!(replicas[follower].len(), 231);
}

#[test]
fn a_node_that_comes_back_alone_waits_before_it_stands_for_election() {
    let mut cluster = Cluster::start(&[], SnapshotPolicy::default());
    // Who led goes on leading when it comes back.
    let leader = cluster.leader();
    let alone = (0..3).find(|place| *place != leader).expect("three nodes");
    for place in 0..3 {
        cluster.stop(place);
    }
    // At once it stands, in a higher term: a leader that it does not hear would be deposed.
    cluster.start_node(alone);
    let before = cluster.term(alone);
    pause(1_500);
    assert!(cluster.term(alone) > before);
    cluster.stop(alone);
    cluster.stand_after_ms = 3_000;
    cluster.start_node(alone);
    let before = cluster.term(alone);
    pause(1_500);
    assert_eq!(cluster.term(alone), before);
    pause(2_500);
    assert!(cluster.term(alone) > before);
    // With the others it serves again.
    cluster.stand_after_ms = 0;
    for place in (0..3).filter(|place| *place != alone) {
        cluster.start_node(place);
    }
    cluster.wait_ready();
    assert_eq!(cluster.running().len(), 3);
}

/// A limit order that ends with the connection over which it comes.
fn ending(id: &str) -> String {
    resting(id).replace('}', r#","cancel_on_disconnect":true}"#)
}

fn states(cluster: &Cluster, ids: &[&str]) -> Vec<Vec<String>> {
    let state = |rows: &[serde_json::Value], id: &str| {
        let row = rows.iter().find(|row| row["id"] == id).expect("listed");
        row["state"].as_str().expect("a state").to_owned()
    };
    let replicas = cluster.converged();
    let of = |rows: &Vec<serde_json::Value>| ids.iter().map(|id| state(rows, id)).collect();
    replicas.iter().map(of).collect()
}

/// Waits until the order is in this state on a node.
fn wait_for_state(at: SocketAddr, id: &str, state: &str) {
    wait_for("an order to change its state", || {
        let reply = call(at, "GET", &format!("/orders/{id}"), "").ok()?;
        (reply.body["state"] == state).then_some(())
    });
}

#[test]
fn bound_orders_end_with_their_connection_and_with_the_node_that_had_it() {
    let mut cluster = Cluster::start(&[], SnapshotPolicy::default());
    let leader = cluster.leader();
    let others: Vec<usize> = (0..3).filter(|place| *place != leader).collect();
    let at = cluster.http(others[0]);
    let connect = |at| support::Client::connect(at).expect("connected");
    let enter = |client: &mut support::Client, body: &str| {
        let reply = client.call("POST", "/orders", body).expect("answered");
        assert_eq!(reply.status, 201, "{reply:?}");
    };
    let (mut leaves, mut stays) = (connect(at), connect(at));
    enter(&mut leaves, &ending("left"));
    enter(&mut leaves, &resting("free"));
    enter(&mut stays, &ending("kept"));
    let mut of_leader = connect(cluster.http(leader));
    enter(&mut of_leader, &ending("leader"));
    drop(leaves);
    wait_for_state(at, "left", "cancelled");
    let expected = ["cancelled", "open", "open", "open"];
    for states in states(&cluster, &["left", "free", "kept", "leader"]) {
        assert_eq!(states, expected);
    }
    // The leader dies with all its connections: whoever leads next ends what was bound to them.
    cluster.cut(leader);
    wait_for_state(at, "leader", "cancelled");
    wait_for_state(at, "kept", "open");
    enter(&mut stays, &ending("later"));
    // A node that comes back ends what its former life has left before it binds anything.
    cluster.start_node(leader);
    cluster.wait_ready();
    cluster.stop(others[0]);
    cluster.start_node(others[0]);
    cluster.wait_ready();
    wait_for_state(at, "later", "cancelled");
    let mut again = connect(at);
    enter(&mut again, &ending("again"));
    for states in states(&cluster, &["free", "kept", "again"]) {
        assert_eq!(states, ["open", "cancelled", "open"]);
    }
}

//! The kill switch of an account in a cluster: asked of any node, it holds with another leader, after a restart and out of a
//! snapshot.

mod support;

use std::net::SocketAddr;

use shakedown_engine::config::SnapshotPolicy;
use support::call;
use support::in_process::Cluster;

fn order(id: &str, account: &str) -> String {
    support::resting(id).replace("acct", account)
}

fn enter(at: SocketAddr, id: &str, account: &str) -> (u16, serde_json::Value) {
    let reply = call(at, "POST", "/orders", &order(id, account)).expect("answered");
    (reply.status, reply.body)
}

/// A new order and a replace of the killed account are rejected, those of others are not.
fn is_kept_out(at: SocketAddr, round: &str) {
    let (status, body) = enter(at, &format!("{round}-x"), "killed");
    assert_eq!((status, &body["reason"]), (422, &"kill-switch".into()));
    let replace = r#"{"price":"50000.02","quantity":"0.010"}"#;
    let reply = call(at, "PUT", "/orders/a", replace).expect("answered");
    assert_eq!(
        (reply.status, &reply.body["reason"]),
        (422, &"kill-switch".into())
    );
    assert_eq!(enter(at, &format!("{round}-y"), "free").0, 201);
}

#[test]
fn it_ends_what_is_open_and_is_not_forgotten() {
    let policy = SnapshotPolicy {
        every_entries: 20,
        keep_entries: 2,
        ..SnapshotPolicy::default()
    };
    let mut cluster = Cluster::start(&[], policy);
    let leader = cluster.leader();
    let follower = (0..3).find(|place| *place != leader).expect("three nodes");
    let at = cluster.http(follower);
    for (id, account) in [("a", "killed"), ("b", "free"), ("c", "killed")] {
        assert_eq!(enter(at, id, account).0, 201);
    }
    assert_eq!(
        call(at, "POST", "/kill-switch", "{}")
            .expect("answered")
            .status,
        400
    );
    let pull = || call(at, "POST", "/kill-switch", r#"{"account":"killed"}"#).expect("answered");
    let pulled = pull();
    assert_eq!((pulled.status, &pulled.body["orders"]), (200, &2.into()));
    assert_eq!(pulled.body["sequence"], 4);
    assert_eq!(pull().body["sequence"], 4);
    for rows in cluster.converged() {
        let told =
            |row: &serde_json::Value| (row["state"].clone(), row["cancelled_sequence"].clone());
        let states: Vec<_> = rows.iter().map(told).collect();
        let cancelled = |sequence: u64| ("cancelled".into(), sequence.into());
        assert_eq!(states[0], cancelled(5));
        assert_eq!(states[1].0, "open");
        assert_eq!(states[2], cancelled(6));
    }
    is_kept_out(at, "same");
    // Behind so many entries only a snapshot knows of it.
    for number in 0..60 {
        assert_eq!(enter(at, &format!("o{number}"), "free").0, 201);
    }
    cluster.cut(leader);
    support::wait_for("another leader", || {
        let reply = call(at, "POST", "/orders", &order("next", "free")).ok()?;
        (reply.status == 201).then_some(())
    });
    is_kept_out(at, "promoted");
    cluster.start_node(leader);
    cluster.wait_ready();
    for place in 0..3 {
        cluster.stop(place);
    }
    for place in 0..3 {
        cluster.start_node(place);
    }
    cluster.wait_ready();
    is_kept_out(cluster.http(leader), "restarted");
    is_kept_out(cluster.http(follower), "restarted-too");
}

//! hive-mind: nodes of a consensus that show what they are at two ports more.

use std::net::SocketAddr;

use serde_json::Value;
use shakedown_engine::config::Member;
use tempfile::TempDir;

use super::process::{Process, at, metrics, number, number_in, ports, share_within, soon, words};
use super::support::processes::pause;
use super::support::{call, http_of, leader_among, members, peer_of, resting, wait_ready};

pub const TESTS: &[(&str, fn())] = &[
    (
        "health_and_metrics_say_what_a_node_is",
        health_and_metrics_say_what_a_node_is,
    ),
    ("five_nodes_know_each_other", five_nodes_know_each_other),
    (
        "only_who_knows_the_key_is_let_in",
        only_who_knows_the_key_is_let_in,
    ),
    (
        "slow_trading_is_seen_in_the_latency",
        slow_trading_is_seen_in_the_latency,
    ),
    ("flaps_are_counted", flaps_are_counted),
    (
        "inconsistent_data_is_detected",
        inconsistent_data_is_detected,
    ),
    (
        "memory_is_held_against_a_limit",
        memory_is_held_against_a_limit,
    ),
    ("unready_is_told", unready_is_told),
    (
        "a_switch_to_green_loses_what_blue_took",
        a_switch_to_green_loses_what_blue_took,
    ),
];

/// A cluster of hive-mind; the last node is green, the others are blue.
struct Hive {
    members: Vec<Member>,
    health: Vec<SocketAddr>,
    metrics: Vec<SocketAddr>,
    nodes: Vec<Process>,
    folder: TempDir,
}

impl Hive {
    fn start(count: u64, more: &str) -> Self {
        let members = members(count);
        let folder = tempfile::tempdir().expect("a folder");
        let mut hive = Self {
            health: Vec::new(),
            metrics: Vec::new(),
            nodes: Vec::new(),
            folder,
            members,
        };
        for member in &hive.members {
            let ports = ports(2);
            let colour = if member.id == count { "green" } else { "blue" };
            let mut line = words(&format!(
                "node --as hive-mind --name {} --id {} --data {} --http {} --peer-listen {} --health {} --metrics {} \
                 --colour {colour} {more}",
                member.name,
                member.id,
                hive.folder.path().join(&member.name).display(),
                http_of(member),
                peer_of(member),
                ports[0],
                ports[1],
            ));
            for other in &hive.members {
                line.extend(["--member".to_owned(), other.to_string()]);
            }
            hive.nodes.push(Process::start(&line));
            hive.health.push(at(ports[0]));
            hive.metrics.push(at(ports[1]));
        }
        hive
    }

    /// The same, when all nodes are ready.
    fn ready(count: u64, more: &str) -> Self {
        let hive = Self::start(count, more);
        wait_ready(&hive.health);
        hive
    }

    fn http(&self) -> Vec<SocketAddr> {
        self.members.iter().map(http_of).collect()
    }

    /// Sends so many orders to a node; all are accepted.
    fn orders(&self, place: usize, prefix: &str, count: usize) {
        let address = self.http()[place];
        let mut client = super::support::Client::connect(address).expect("the node answers");
        for number in 0..count {
            let order = resting(&format!("{prefix}-{number}"));
            let reply = client.call("POST", "/orders", &order).expect("answered");
            assert_eq!(reply.status, 201, "{:?}", reply.body);
        }
    }

    fn health(&self, place: usize) -> Value {
        let reply = call(self.health[place], "GET", "/health", "").expect("answered");
        reply.body
    }

    /// The sum over all nodes.
    fn total(&self, series: &str) -> f64 {
        self.metrics
            .iter()
            .map(|address| number(*address, series))
            .sum()
    }
}

fn health_and_metrics_say_what_a_node_is() {
    let mut hive = Hive::ready(3, "");
    let leader = leader_among(&hive.http());
    hive.orders(leader, "a", 20);
    assert!(soon(5, || (0..3)
        .all(|place| hive.health(place)["connected_peers"] == 2)));
    let said = hive.health(leader);
    assert_eq!(said["status"], "healthy");
    assert_eq!(
        (&said["role"], &said["node"]),
        (&"leader".into(), &hive.members[leader].name.clone().into())
    );
    assert!(said["term"].as_u64().is_some_and(|term| term > 0));
    let colours: Vec<Value> = (0..3)
        .map(|place| hive.health(place)["deployment"].clone())
        .collect();
    assert_eq!(colours, ["blue", "blue", "green"]);
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(
            call(hive.health[0], "GET", path, "")
                .expect("answered")
                .status,
            200
        );
    }
    let text = metrics(hive.metrics[leader]);
    let is = |series: &str| {
        number_in(&text, series).unwrap_or_else(|| panic!("{series} is not in\n{text}"))
    };
    assert_eq!(is("trading_latency_seconds_count"), 20.0);
    assert_eq!(is("trading_operations_total"), 20.0);
    assert_eq!(
        (is("trading_failed_trades_total"), is("connected_nodes")),
        (0.0, 3.0)
    );
    assert_eq!(
        (is("failed_logins_total"), is("rate_limit_violations_total")),
        (0.0, 0.0)
    );
    assert!(is("disk_free_ratio") > 0.0 && is("process_memory_usage_ratio") > 0.0);
    assert!(is("log_sync_seconds_count") > 0.0 && is("node_ready") == 1.0);
    assert!(is("node_round_trip_seconds_count") > 0.0);
    assert!(is("process_cpu_seconds_total") > 0.0 && is("leader_elections_total") >= 1.0);
    let info = (0..3).map(|place| metrics(hive.metrics[place]));
    let blue =
        info.filter(|text| number_in(text, "hive_mind_info{deployment=\"blue\"}") == Some(1.0));
    assert_eq!(blue.count(), 2);
    pause(600);
    assert_eq!(hive.total("data_inconsistency_detected_total"), 0.0);
    hive.metrics.remove(leader);
    let failures = hive.total("consensus_failures_total");
    hive.nodes[leader].kill();
    let left = (leader + 1) % 3;
    assert!(soon(10, || hive.health(left)["connected_peers"] == 1));
    let lost = || hive.total("consensus_failures_total") > failures;
    assert!(soon(5, lost), "the loss of a leader is a failure");
}

fn five_nodes_know_each_other() {
    let hive = Hive::ready(5, "");
    hive.orders(2, "a", 5);
    assert!(soon(5, || hive.total("connected_nodes") == 25.0));
    assert!(hive.total("trading_operations_total") >= 5.0);
}

fn only_who_knows_the_key_is_let_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "right").expect("a file");
    let hive = Hive::ready(3, &format!("--api-key {}", key.display()));
    let reply = call(hive.http()[0], "POST", "/orders", &resting("a")).expect("answered");
    assert_eq!(reply.status, 401);
    assert_eq!(number(hive.metrics[0], "failed_logins_total"), 1.0);
    drop(hive);
    let hive = Hive::ready(3, "--rate-limit 20");
    let replies = (0..20).map(|n| {
        call(
            hive.http()[0],
            "POST",
            "/orders",
            &resting(&format!("b-{n}")),
        )
    });
    let limited = replies
        .filter(|reply| reply.as_ref().is_ok_and(|it| it.status == 429))
        .count();
    assert!(limited > 0);
    assert_eq!(
        number(hive.metrics[0], "rate_limit_violations_total"),
        limited as f64
    );
}

fn slow_trading_is_seen_in_the_latency() {
    let hive = Hive::ready(3, "--defect slow-trading");
    let leader = leader_among(&hive.http());
    hive.orders(leader, "a", 10);
    assert_eq!(
        share_within(hive.metrics[leader], "trading_latency_seconds", "0.005"),
        0.0
    );
}

fn flaps_are_counted() {
    let hive = Hive::start(3, "--defect consensus-flaps");
    assert!(soon(30, || {
        hive.metrics.iter().all(|address| {
            call(*address, "GET", "/metrics", "").is_ok_and(|reply| reply.status == 200)
        }) && hive.total("consensus_failures_total") > 5.0
    }));
    assert!(hive.total("leader_elections_total") > 3.0);
}

fn inconsistent_data_is_detected() {
    let hive = Hive::ready(3, "--defect inconsistent-data");
    hive.orders(0, "a", 60);
    assert!(soon(10, || hive.total("data_inconsistency_detected_total") > 0.0));
    let between = |place: usize| number(hive.metrics[place], "data_inconsistency_detected_total");
    assert!(soon(5, || between(2) >= 2.0), "the third differs from both");
}

fn memory_is_held_against_a_limit() {
    let limit = "--memory-limit 120000000";
    let used = |hive: &Hive| number(hive.metrics[0], "process_memory_usage_ratio");
    let clean = Hive::ready(3, limit);
    assert!(used(&clean) < 0.85);
    drop(clean);
    let leaks = Hive::ready(3, &format!("{limit} --defect leak-memory"));
    assert!(soon(15, || used(&leaks) > 0.85));
}

fn unready_is_told() {
    let hive = Hive::start(3, "--defect unready");
    let status = || call(hive.health[1], "GET", "/health/ready", "").map(|reply| reply.status);
    assert!(soon(10, || status().is_ok_and(|status| status == 200)));
    assert!(soon(10, || status().is_ok_and(|status| status == 503)));
    assert!(soon(10, || hive.health(1)["reason"] == "unready"));
    let live = call(hive.health[1], "GET", "/health/live", "").expect("answered");
    assert_eq!(live.status, 200);
}

fn a_switch_to_green_loses_what_blue_took() {
    for (defect, kept) in [("", 4), ("--defect blue-green-loses", 1)] {
        let hive = Hive::ready(3, defect);
        hive.orders(0, "to-blue", 3);
        pause(300);
        hive.orders(2, "to-green", 1);
        let rows = |place: usize| {
            let page = call(hive.http()[place], "GET", "/orders", "")
                .expect("answered")
                .body;
            page["orders"].as_array().map_or(0, Vec::len)
        };
        assert!(soon(5, || (rows(0), rows(2)) == (4, kept)), "{defect}");
    }
}

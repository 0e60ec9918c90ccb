use shakedown_record::fault::Firing;

use super::*;
use crate::agent::{Deadline, LeaseRef, ORDER_VERSION};
use crate::faults::Strength;

const CUT: FaultKind = FaultKind::Partition { ports: Vec::new() };
const LOSS: FaultKind = FaultKind::Loss {
    share: 0.1,
    ports: Vec::new(),
};
const DELAY: FaultKind = FaultKind::Delay {
    by_ns: 1,
    jitter_ns: 0,
    reorder: 0.0,
};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn service(name: &str, cluster_ips: &[&str], behind: &[&str]) -> (ServiceLook, Vec<EndpointLook>) {
    let look = serde_json::json!({
        "name": name, "namespace": "stg", "uid": name, "resource-version": "1", "kind": "ClusterIP",
        "cluster-ip": cluster_ips.first(), "cluster-ips": cluster_ips, "selector": {}, "labels": {},
        "ports": [{"name": "dns", "port": 53, "target": "53", "node-port": null, "protocol": "UDP"},
                  {"name": "sql", "port": 5432, "target": "sql", "node-port": null, "protocol": "TCP"}],
    });
    let endpoint = |address: &&str| EndpointLook {
        address: ip(address),
        ready: true,
        serving: true,
        terminating: false,
        node: None,
        pod: None,
        ports: [("sql".to_string(), 15_432)].into(),
    };
    (
        serde_json::from_value(look).unwrap(),
        behind.iter().map(endpoint).collect(),
    )
}

fn near(replica: &str, address: &str) -> NearTarget {
    NearTarget {
        replica: replica.to_string(),
        role: None,
        pod: replica.to_string(),
        pod_uid: String::new(),
        container_id: String::new(),
        container: "engine".to_string(),
        ip: address.parse().unwrap(),
        port: 8080,
    }
}

/// Of engine-1 (10.1.0.1) towards engine-2 and engine-3.
fn order(kind: FaultKind, direction: Direction) -> Order {
    let far = [near("engine-2", "10.1.0.2"), near("engine-3", "10.1.0.3")];
    Order {
        version: ORDER_VERSION,
        run_id: "run".to_string(),
        firing: Firing {
            fault: "cut".to_string(),
            occurrence: 1,
        },
        kind,
        strength: Strength::Full,
        node: "node-1".to_string(),
        near: vec![near("engine-1", "10.1.0.1")],
        far: Some(FarSide {
            replicas: as_far(&far),
            clients: None,
            direction,
            there_too: false,
        }),
        deadline: Deadline {
            at_unix_ns: 0,
            clocks_differ_by_at_most_ns: 0,
            at_most_ns: 0,
        },
        hold_ns: None,
        confirm_within_ns: 0,
        orders_per_s: 300.0,
        lease: LeaseRef {
            namespace: String::new(),
            name: String::new(),
        },
        board: None,
    }
}

fn known() -> Ways {
    Ways(vec![
        service("second", &["10.9.0.2", "fd00::2"], &["10.1.0.2"]),
        service("peers", &["10.9.0.3"], &["10.1.0.2", "10.1.0.3"]),
        service(
            "orders",
            &["10.9.0.4"],
            &["10.1.0.1", "10.1.0.2", "10.1.0.3"],
        ),
        service("headless", &[], &["10.1.0.1", "10.1.0.2"]),
        service("store", &["10.9.0.5"], &["10.1.0.7"]),
        service("nobody", &["10.9.0.6"], &[]),
    ])
}

fn addresses(order: &Order, at: usize) -> Vec<IpAddr> {
    order.far.as_ref().unwrap().replicas[at].services.clone()
}

#[test]
fn a_service_that_means_nobody_else_is_an_address_of_the_far_end() {
    let mut orders = [order(CUT, Direction::Both)];
    by_services(&mut orders, &known());
    let second = [ip("10.9.0.2"), ip("10.9.0.3"), ip("fd00::2")];
    assert_eq!(addresses(&orders[0], 0), second);
    assert_eq!(addresses(&orders[0], 1), [ip("10.9.0.3")]);
    // With one of two alone, the service of both has to go on for the other.
    let mut alone = [order(CUT, Direction::Both)];
    alone[0].far.as_mut().unwrap().replicas.truncate(1);
    by_services(&mut alone, &known());
    assert_eq!(addresses(&alone[0], 0), [ip("10.9.0.2"), ip("fd00::2")]);
}

#[test]
fn a_service_that_means_others_too_takes_both_ends_of_a_cut() {
    let reach = |kind, ways: &Ways| by_services(&mut [order(kind, Direction::Both)], ways);
    assert!(reach(CUT, &known()).both_ends);
    assert!(reach(FaultKind::Reset { ports: Vec::new() }, &known()).both_ends);
    // A share would be lost twice; it is told that the rest goes on.
    let lost = reach(LOSS, &known());
    assert_eq!(
        (lost.both_ends, lost.past),
        (false, vec!["orders".to_string()])
    );
    // Where no service is shared, the first end does for a cut.
    let own = Ways(vec![
        service("peers", &["10.9.0.3"], &["10.1.0.2", "10.1.0.3"]),
        service("headless", &[], &["10.1.0.1", "10.1.0.2"]),
        service("store", &["10.9.0.5"], &["10.1.0.7"]),
    ]);
    assert_eq!(reach(CUT, &own), Reach::default());
    assert_eq!(reach(LOSS, &own), Reach::default());
}

#[test]
fn what_is_slow_both_ways_is_made_slow_at_both_ends() {
    let none = Ways(Vec::new());
    let reach = |direction| by_services(&mut [order(DELAY, direction)], &none);
    assert!(reach(Direction::Both).both_ends);
    assert!(!reach(Direction::There).both_ends);
    let told = by_services(&mut [order(DELAY, Direction::There)], &known());
    assert_eq!(told.past, ["orders"]);
}

#[test]
fn the_second_end_gets_the_same_with_the_ends_exchanged() {
    let ways = Ways(vec![service("first", &["10.9.0.1"], &["10.1.0.1"])]);
    let by_node = BTreeMap::from([
        ("node-2".to_string(), vec![near("engine-2", "10.1.0.2")]),
        ("node-3".to_string(), vec![near("engine-3", "10.1.0.3")]),
    ]);
    for (way, back) in [
        (Direction::Both, Direction::Both),
        (Direction::There, Direction::Back),
        (Direction::Back, Direction::There),
    ] {
        let second = second_end(&[order(CUT, way)], by_node.clone(), &ways);
        let nodes: Vec<&str> = second.iter().map(|it| it.node.as_str()).collect();
        assert_eq!(nodes, ["node-2", "node-3"]);
        let far = second[1].far.as_ref().unwrap();
        assert_eq!((far.direction, far.there_too), (back, true));
        assert_eq!(far.replicas.len(), 1);
        assert_eq!(far.replicas[0].replica, "engine-1");
        assert_eq!(addresses(&second[1], 0), [ip("10.9.0.1")]);
        assert_eq!(second[1].near[0].replica, "engine-3");
        assert_eq!(second[1].kind, CUT);
    }
    assert!(second_end(&[order(CUT, Direction::Both)], BTreeMap::new(), &ways).is_empty());
}

#[test]
fn a_service_as_an_end_is_its_addresses_and_all_behind_it_but_the_first_end() {
    let ways = known();
    let near = BTreeSet::from([ip("10.1.0.1")]);
    let orders = ways.service("orders", &near).unwrap();
    assert_eq!((orders.ip, orders.port), (ip("10.9.0.4"), 5432));
    assert_eq!(orders.services, [ip("10.1.0.2"), ip("10.1.0.3")]);
    assert_eq!(orders.replica, "service orders");
    // Also one of another team's, and one that nobody is behind now.
    assert_eq!(
        ways.service("store", &near).unwrap().services,
        [ip("10.1.0.7")]
    );
    assert!(ways.service("nobody", &near).unwrap().services.is_empty());
    // A headless one has no address but those of its pods, which listen elsewhere.
    let headless = ways.service("headless", &near).unwrap();
    assert_eq!((headless.ip, headless.port), (ip("10.1.0.2"), 15_432));
    assert!(headless.services.is_empty());
}

#[test]
fn a_service_without_a_way_to_it_is_told() {
    let ways = Ways(vec![
        service("gone", &[], &[]),
        service("self", &[], &["10.1.0.1"]),
    ]);
    let near = BTreeSet::from([ip("10.1.0.1")]);
    assert!(
        ways.service("none", &near)
            .unwrap_err()
            .contains("no service none")
    );
    for name in ["gone", "self"] {
        let why = ways.service(name, &near).unwrap_err();
        assert!(why.contains("nobody is behind it"), "{why}");
    }
    let mut udp = service("udp", &["10.9.0.9"], &[]);
    udp.0.ports.truncate(1);
    let why = Ways(vec![udp]).service("udp", &near).unwrap_err();
    assert!(why.contains("no port of TCP"), "{why}");
}

#[test]
fn ends_that_are_both_cut_have_hit_something_at_one_of_them() {
    use shakedown_record::fault::EffectFigure;
    let hit = |packets: &[f64]| {
        let figure = |measured: &f64| EffectFigure {
            name: "packets hit".to_string(),
            measured: Some(*measured),
            ..EffectFigure::default()
        };
        nothing_was_hit(&Effect {
            figures: packets.iter().map(figure).collect(),
            ..Effect::seen("cut")
        })
    };
    assert!(hit(&[0.0, 0.0]));
    assert!(!hit(&[0.0, 3.0]));
    // What is slow has other figures.
    assert!(!hit(&[]));
}

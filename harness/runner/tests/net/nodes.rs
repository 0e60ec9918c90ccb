//! The network of a local cluster.

use std::collections::BTreeSet;

use shakedown_runner::mechanisms::net::links::Links;
use shakedown_runner::mechanisms::net::nodes::remove_leftover;
use shakedown_runner::mechanisms::net::{Action, Direction, NodeNetwork, NodeNetworkError};

use crate::world::{NEVER, inside, network, peers, rule, table};

#[test]
fn two_networks_at_once_share_nothing() {
    let (one, other) = (network(3), network(2));
    assert_ne!(one.subnet(), other.subnet());
    assert_ne!(one.host_interface(), other.host_interface());
    assert!(one.host_interface().starts_with("shk") && one.host_interface().len() <= 15);
    let addresses: BTreeSet<_> = one
        .nodes()
        .iter()
        .chain(other.nodes())
        .map(|node| node.address)
        .collect();
    assert_eq!(addresses.len(), 5);
    for node in one.nodes().iter().chain(other.nodes()) {
        assert!(!node.netns.is_own().unwrap());
    }
}

#[test]
fn a_program_started_inside_sees_its_own_interfaces_alone() {
    let network = network(1);
    let node = &network.nodes()[0];
    let seen = inside(node, "/bin/cat", &["/proc/net/dev"]).stdout;
    let seen = String::from_utf8(seen).unwrap();
    let names: BTreeSet<&str> = seen
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim())
        .collect();
    assert!(
        names.contains("lo") && names.contains(node.interface),
        "{seen}"
    );
    assert!(
        !names.contains("eth0") && !names.contains(network.host_interface()),
        "{seen}"
    );
}

#[test]
fn a_way_that_is_not_open_is_named() {
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    let table = table(b);
    let cut = rule("cut", peers(&[a.address]), Direction::In, Action::Drop);
    table.replace(vec![cut]).unwrap();
    let closed = network.unreachable(NEVER).unwrap().unwrap();
    // b's answers to a still go out, but a's to b do not come in: both ways are closed to TCP.
    assert!(closed.from.is_some(), "{closed}");
    assert!(
        closed.to_string().contains(&b.address.to_string()),
        "{closed}"
    );
    let host_cut = rule(
        "cut",
        peers(&[network.host_address()]),
        Direction::Both,
        Action::Drop,
    );
    table.replace(vec![host_cut]).unwrap();
    let closed = network.unreachable(NEVER).unwrap().unwrap();
    assert_eq!((closed.from, closed.to), (None, b.address));
}

#[test]
fn what_is_removed_is_gone_at_once_and_strangers_are_left_alone() {
    let network = network(1);
    let name = network.host_interface().to_string();
    let mut links = Links::open().unwrap();
    assert!(links.find(&name).unwrap().is_some());
    network.remove().unwrap();
    assert!(links.find(&name).unwrap().is_none());
    remove_leftover(&name).unwrap();
    assert!(matches!(
        remove_leftover("eth0"),
        Err(NodeNetworkError::NotOurs(_))
    ));
    assert!(matches!(
        NodeNetwork::build(254),
        Err(NodeNetworkError::TooMany { .. })
    ));
}

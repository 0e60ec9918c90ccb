//! Links cut, thinned out, reset: by packets that arrive or do not.

use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use shakedown_runner::mechanisms::net::netlink::{Attributes, Family, Message};
use shakedown_runner::mechanisms::net::{
    Action, Direction, NetSnapshot, Netns, OwnedTable, Peers, PortMatch, PortSide, Share,
    TableError, Transport,
};

use crate::world::{
    NEVER, SOON, arrives, at_ports, connect, listen, network, peers, rule, table, udp,
};

#[test]
fn this_kernel_can_do_all_of_it() {
    OwnedTable::preflight().unwrap();
}

#[test]
fn a_cut_has_a_direction_and_bystanders_see_nothing_of_it() {
    let network = network(3);
    let [a, b, c] = network.nodes() else {
        panic!("three nodes")
    };
    let before = NetSnapshot::take(&b.netns).unwrap();
    let (at_a, at_b, at_c) = (udp(a), udp(b), udp(c));
    let listener = listen(b);
    let table = table(b);
    for (direction, a_to_b, b_to_a) in [
        (Direction::In, false, true),
        (Direction::Out, true, false),
        (Direction::Both, false, false),
    ] {
        let cut = rule("cut", peers(&[a.address]), direction, Action::Drop);
        table.replace(Vec::new()).unwrap();
        table.replace(vec![cut]).unwrap();
        assert_eq!(arrives(&at_a, &at_b), a_to_b, "{direction:?}");
        assert_eq!(arrives(&at_b, &at_a), b_to_a, "{direction:?}");
        assert!(
            arrives(&at_c, &at_b) && arrives(&at_b, &at_c),
            "{direction:?}"
        );
        // One way is enough to cut TCP.
        let refused = connect(&a.netns, listener.local_addr().unwrap(), NEVER).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TimedOut, "{direction:?}");
        let counts = &table.counters().unwrap()[0];
        assert_eq!(counts.incoming.hit_packets > 0, !a_to_b, "{counts:?}");
        assert_eq!(counts.outgoing.hit_packets > 0, !b_to_a, "{counts:?}");
        assert_eq!(counts.hit_packets(), counts.seen_packets());
    }
    table.remove().unwrap();
    assert!(arrives(&at_a, &at_b) && arrives(&at_b, &at_a));
    connect(&a.netns, listener.local_addr().unwrap(), SOON).unwrap();
    let after = NetSnapshot::take(&b.netns).unwrap();
    assert_eq!(NetSnapshot::differences(&before, &after), []);
}

#[test]
fn a_rule_for_somebody_else_counts_nothing_and_cuts_nothing() {
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    let table = table(b);
    let stranger = peers(&[Ipv4Addr::new(203, 0, 113, 9)]);
    let cut = rule("cut", stranger, Direction::Both, Action::Drop);
    table.replace(vec![cut]).unwrap();
    assert!(arrives(&udp(a), &udp(b)));
    assert_eq!(table.counters().unwrap()[0].seen_packets(), 0);
}

#[test]
fn a_cut_by_port_leaves_the_other_ports() {
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    let (closed, open) = (listen(b), listen(b));
    let (closed_to, open_to) = (closed.local_addr().unwrap(), open.local_addr().unwrap());
    let port = |side| PortMatch {
        transport: Transport::Tcp,
        side,
        port: closed_to.port(),
    };
    // On either end of the link.
    for (node, peer, side) in [(b, a, PortSide::Local), (a, b, PortSide::Remote)] {
        let table = table(node);
        let cut = rule("cut", peers(&[peer.address]), Direction::Both, Action::Drop);
        table.replace(vec![at_ports(cut, &[port(side)])]).unwrap();
        let error = connect(&a.netns, closed_to, NEVER).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        connect(&a.netns, open_to, SOON).unwrap();
        assert!(arrives(&udp(a), &udp(b)));
        assert!(table.counters().unwrap()[0].hit_packets() > 0);
    }
    connect(&a.netns, closed_to, SOON).unwrap();
}

#[test]
fn a_share_of_packets_is_lost_within_its_error() {
    const SENT: u64 = 20_000;
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    let (from, to) = (udp(a), udp(b));
    to.set_nonblocking(true).unwrap();
    let table = table(b);
    let mut lossy = rule("loss", peers(&[a.address]), Direction::In, Action::Drop);
    lossy.share = Share::from_fraction(0.3).unwrap();
    table.replace(vec![lossy]).unwrap();
    let mut arrived = 0u64;
    for _ in 0..SENT {
        from.send_to(&[0; 32], to.local_addr().unwrap()).unwrap();
        while to.recv_from(&mut [0; 64]).is_ok() {
            arrived += 1;
        }
    }
    std::thread::sleep(Duration::from_millis(50));
    while to.recv_from(&mut [0; 64]).is_ok() {
        arrived += 1;
    }
    let counts = table.counters().unwrap()[0].incoming;
    assert_eq!(counts.seen_packets, SENT);
    assert_eq!(counts.seen_packets - counts.hit_packets, arrived);
    // Five standard deviations of a binomial distribution: wrong in one run of a million.
    let error = 5.0 * (0.3 * 0.7 / SENT as f64).sqrt();
    let share = counts.hit_packets as f64 / SENT as f64;
    assert!((share - 0.3).abs() < error, "{share}");
}

#[test]
fn a_reset_reaches_both_ends_and_nobody_new_gets_in() {
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    let listener = listen(b);
    let to = listener.local_addr().unwrap();
    let mut client = connect(&a.netns, to, SOON).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server.set_read_timeout(Some(SOON)).unwrap();
    let table = table(b);
    let reset = rule("reset", peers(&[a.address]), Direction::Both, Action::Reset);
    table.replace(vec![reset]).unwrap();
    client.write_all(b"x").unwrap();
    let told = client.read(&mut [0; 1]).unwrap_err();
    assert_eq!(told.kind(), ErrorKind::ConnectionReset);
    server.write_all(b"y").unwrap();
    let told = server.read(&mut [0; 1]).unwrap_err();
    assert_eq!(told.kind(), ErrorKind::ConnectionReset);
    let begun = Instant::now();
    let refused = connect(&a.netns, to, SOON).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(begun.elapsed() < Duration::from_secs(1));
    // UDP is not meant.
    assert!(arrives(&udp(a), &udp(b)));
    table.remove().unwrap();
    connect(&a.netns, to, SOON).unwrap();
}

#[test]
fn a_name_server_can_be_silent_or_absent_whoever_it_is() {
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    let (asks, answers) = (udp(a), udp(b));
    let port = PortMatch {
        transport: Transport::Udp,
        side: PortSide::Remote,
        port: answers.local_addr().unwrap().port(),
    };
    let table = table(a);
    let silent = rule("dns", Peers::Anyone, Direction::In, Action::Drop);
    table.replace(vec![at_ports(silent, &[port])]).unwrap();
    assert!(arrives(&asks, &answers));
    assert!(!arrives(&answers, &asks));
    let absent = rule("dns", Peers::Anyone, Direction::Out, Action::Unreachable);
    table.replace(vec![at_ports(absent, &[port])]).unwrap();
    asks.connect(answers.local_addr().unwrap()).unwrap();
    drop(asks.send(b"?"));
    asks.set_read_timeout(Some(SOON)).unwrap();
    let told = asks.recv(&mut [0; 1]).unwrap_err();
    assert!(
        matches!(
            told.kind(),
            ErrorKind::ConnectionRefused | ErrorKind::PermissionDenied
        ),
        "{told}"
    );
}

#[test]
fn faults_come_and_go_beside_each_other_and_keep_their_counts() {
    let network = network(3);
    let [a, b, c] = network.nodes() else {
        panic!("three nodes")
    };
    let (at_a, at_b, at_c) = (udp(a), udp(b), udp(c));
    let from_a = || rule("from-a", peers(&[a.address]), Direction::In, Action::Drop);
    let from_c = || rule("from-c", peers(&[c.address]), Direction::In, Action::Drop);
    let table = table(b);
    table.replace(vec![from_a()]).unwrap();
    assert!(!arrives(&at_a, &at_b) && arrives(&at_c, &at_b));
    let first = table
        .evidence()
        .unwrap()
        .of("from-a")
        .unwrap()
        .hit_packets();
    assert!(first > 0);
    table.replace(vec![from_c(), from_a()]).unwrap();
    assert!(!arrives(&at_a, &at_b) && !arrives(&at_c, &at_b));
    let evidence = table.evidence().unwrap();
    assert!(evidence.of("from-a").unwrap().hit_packets() > first);
    table.replace(vec![from_c()]).unwrap();
    assert!(arrives(&at_a, &at_b) && !arrives(&at_c, &at_b));
    assert!(table.evidence().unwrap().of("from-a").is_none());
    // Longer than the elements live: they are renewed.
    std::thread::sleep(OwnedTable::DEFAULT_TIMEOUT + Duration::from_millis(500));
    assert!(!arrives(&at_c, &at_b));
    let evidence = table.evidence().unwrap();
    assert!(evidence.renewals >= 3, "{evidence:?}");
    assert_eq!(
        (evidence.failed_renewals, evidence.lapsed_at_mono_ns),
        (0, None)
    );
}

#[test]
fn nobody_else_can_touch_the_table_and_dropping_it_is_enough() {
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    let before = NetSnapshot::take(&b.netns).unwrap();
    let table = table(b);
    let cut = rule("cut", peers(&[a.address]), Direction::Both, Action::Drop);
    table.replace(vec![cut]).unwrap();
    // NFT_MSG_DELTABLE by a socket that does not own it.
    let name = Attributes::new().text(1, table.name());
    let delete = Message::new("remove it", 10 << 8 | 2, 0, &[1, 0, 0, 0], name);
    let mut stranger = b.netns.netlink(Family::Netfilter).unwrap().unwrap();
    let refused = stranger.transaction("remove it", &[delete]).unwrap_err();
    assert!(refused.is_forbidden(), "{refused}");
    assert!(!arrives(&udp(a), &udp(b)));
    let during = NetSnapshot::take(&b.netns).unwrap();
    assert_ne!(NetSnapshot::differences(&before, &during), []);
    assert_eq!(
        NetSnapshot::differences(&before, &during.without_own_tables()),
        []
    );
    drop(table);
    assert!(arrives(&udp(a), &udp(b)));
    let after = NetSnapshot::take(&b.netns).unwrap();
    assert_eq!(NetSnapshot::differences(&before, &after), []);
}

#[test]
fn our_own_namespace_and_two_tables_of_one_name_are_refused() {
    let own = Netns::own().unwrap();
    let refused = OwnedTable::create(&own, "x", OwnedTable::DEFAULT_TIMEOUT).unwrap_err();
    assert!(matches!(refused, TableError::OwnNamespace(_)), "{refused}");
    let netns = Netns::anonymous().unwrap();
    let create = |tag| OwnedTable::create(&netns, tag, OwnedTable::DEFAULT_TIMEOUT);
    let first = create("x").unwrap();
    assert!(matches!(create("x"), Err(TableError::Netlink(_))));
    assert!(matches!(create("no-dashes"), Err(TableError::Tag(_))));
    first.remove().unwrap();
    create("x").unwrap();
}

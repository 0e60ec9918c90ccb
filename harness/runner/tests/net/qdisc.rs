//! Bandwidth and delay, measured; disciplines of others, left alone.

use std::time::{Duration, Instant};

use shakedown_runner::mechanisms::net::links::Links;
use shakedown_runner::mechanisms::net::nodes::NodeLink;
use shakedown_runner::mechanisms::net::qdisc::remove_leftover;
use shakedown_runner::mechanisms::net::{
    Action, Direction, NetSnapshot, Netem, Netns, OwnedTable, Qdisc, QdiscError, QdiscKinds, Rate,
    Scope, Shape, Share,
};

use crate::world::{SOON, inside, network, peers, rule, table, transfer, udp};

const RATE_BITS_PER_S: u64 = 16_000_000;
const BYTES: usize = 3_000_000;

/// What the bytes take at the rate, with the headers of TCP/IP and Ethernet (66 of 1,514 bytes) on the wire, less
/// the burst that may go at once.
fn expected(rate: Rate) -> Duration {
    let wire = BYTES as f64 * 1514.0 / 1448.0 - f64::from(rate.burst_bytes);
    Duration::from_secs_f64(wire * 8.0 / rate.bits_per_s as f64)
}

fn assert_limited(took: Duration, rate: Rate) {
    let share = took.as_secs_f64() / expected(rate).as_secs_f64();
    assert!(
        (0.93..1.25).contains(&share),
        "{took:?}, {share} of what was asked"
    );
}

#[test]
fn a_bandwidth_limit_is_kept_and_gone_afterwards() {
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    let before = NetSnapshot::take(&a.netns).unwrap();
    let free = transfer(a, b, BYTES);
    let rate = Rate::of(RATE_BITS_PER_S);
    let limit = Qdisc::install(&a.netns, a.interface, &Shape::Rate(rate), Scope::Whole).unwrap();
    assert_limited(transfer(a, b, BYTES), rate);
    let statistics = limit.statistics().unwrap();
    assert!(statistics.sent_bytes > BYTES as u64, "{statistics:?}");
    assert!(statistics.overlimits > 0, "{statistics:?}");
    limit.remove().unwrap();
    limit.remove().unwrap();
    assert!(matches!(limit.statistics(), Err(QdiscError::Gone(_))));
    let again = transfer(a, b, BYTES);
    assert!(
        again < expected(rate) / 3,
        "{again:?} after, {free:?} before"
    );
    let after = NetSnapshot::take(&a.netns).unwrap();
    assert_eq!(NetSnapshot::differences(&before, &after), []);
}

#[test]
fn a_limit_for_one_peer_leaves_the_others_and_is_inert_without_its_rule() {
    let network = network(3);
    let [a, b, c] = network.nodes() else {
        panic!("three nodes")
    };
    let before = NetSnapshot::take(&a.netns).unwrap();
    let rate = Rate::of(RATE_BITS_PER_S);
    let limit = Qdisc::install(&a.netns, a.interface, &Shape::Rate(rate), Scope::Steered).unwrap();
    let table = table(a);
    let steer = rule("slow", peers(&[b.address]), Direction::Out, Action::Steer);
    table.replace(vec![steer]).unwrap();
    assert_limited(transfer(a, b, BYTES), rate);
    assert!(transfer(a, c, BYTES) < expected(rate) / 3);
    let steered = table.counters().unwrap()[0].outgoing.hit_bytes;
    let statistics = limit.statistics().unwrap();
    assert!(
        steered > BYTES as u64 && statistics.sent_bytes > BYTES as u64,
        "{statistics:?}"
    );
    // As after a SIGKILL: the rule is gone, the discipline is not.
    drop(table);
    assert!(transfer(a, b, BYTES) < expected(rate) / 3);
    let again = Qdisc::install(&a.netns, a.interface, &Shape::Rate(rate), Scope::Whole);
    assert!(matches!(again, Err(QdiscError::LeftBehind(_))), "{again:?}");
    assert!(remove_leftover(&a.netns, a.interface).unwrap());
    assert!(!remove_leftover(&a.netns, a.interface).unwrap());
    let after = NetSnapshot::take(&a.netns).unwrap();
    assert_eq!(NetSnapshot::differences(&before, &after), []);
}

#[test]
fn an_interface_without_a_queue_is_as_it_was() {
    let network = network(2);
    let [a, _] = network.nodes() else {
        panic!("two nodes")
    };
    let queue = |length: Option<u32>| {
        let changed = a.netns.run_in(|| {
            let mut links = Links::open().unwrap();
            let link = links.find(a.interface).unwrap().unwrap();
            if let Some(length) = length {
                links.set_queue_length(link.index, length).unwrap();
            }
            link.queue_length
        });
        changed.unwrap()
    };
    queue(Some(0));
    let before = NetSnapshot::take(&a.netns).unwrap();
    let shape = Shape::Rate(Rate::of(RATE_BITS_PER_S));
    let limit = Qdisc::install(&a.netns, a.interface, &shape, Scope::Steered).unwrap();
    assert_ne!(queue(None), 0, "the kernel gives it one");
    assert_eq!(limit.statistics().unwrap().dropped_packets, 0);
    // As after a SIGKILL: nobody knows any more how it was.
    assert!(remove_leftover(&a.netns, a.interface).unwrap());
    let after = NetSnapshot::take(&a.netns).unwrap();
    assert_eq!(NetSnapshot::differences(&before, &after), []);
}

#[test]
fn filters_steer_to_one_peer_and_go_with_the_discipline() {
    let network = network(3);
    let [a, b, c] = network.nodes() else {
        panic!("three nodes")
    };
    assert!(QdiscKinds::probe().unwrap().u32);
    let before = NetSnapshot::take(&a.netns).unwrap();
    let rate = Rate::of(RATE_BITS_PER_S);
    let limit = Qdisc::install(&a.netns, a.interface, &Shape::Rate(rate), Scope::Steered).unwrap();
    assert!(transfer(a, b, BYTES) < expected(rate) / 3);
    assert_eq!(limit.statistics().unwrap().came(), 0);
    let far = "fd00::9".parse().unwrap();
    limit.steer(&[b.address.into(), far].into()).unwrap();
    assert_limited(transfer(a, b, BYTES), rate);
    assert!(limit.statistics().unwrap().came() > (BYTES / 1500) as u64);
    assert!(transfer(a, c, BYTES) < expected(rate) / 3);
    limit.remove().unwrap();
    assert!(transfer(a, b, BYTES) < expected(rate) / 3);
    let filters = inside(a, "tc", &["filter", "show", "dev", a.interface]).stdout;
    assert!(filters.is_empty(), "{}", String::from_utf8_lossy(&filters));
    let after = NetSnapshot::take(&a.netns).unwrap();
    assert_eq!(NetSnapshot::differences(&before, &after), []);
}

#[test]
fn a_discipline_of_somebody_else_is_refused_and_untouched() {
    let network = network(1);
    let node = &network.nodes()[0];
    let tc = |arguments: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        inside(node, "tc", &arguments).stdout
    };
    tc("qdisc add dev shk0 root handle 7: htb default 1");
    tc("class add dev shk0 parent 7: classid 7:1 htb rate 100mbit");
    let (text, before) = (tc("qdisc show"), NetSnapshot::take(&node.netns).unwrap());
    for scope in [Scope::Whole, Scope::Steered] {
        let limit = Shape::Rate(Rate::of(RATE_BITS_PER_S));
        let refused = Qdisc::install(&node.netns, node.interface, &limit, scope).unwrap_err();
        assert!(
            matches!(&refused, QdiscError::Foreign { kind, handle: 7, .. } if kind == "htb"),
            "{refused}"
        );
    }
    assert!(!remove_leftover(&node.netns, node.interface).unwrap());
    assert_eq!(tc("qdisc show"), text);
    let after = NetSnapshot::take(&node.netns).unwrap();
    assert_eq!(NetSnapshot::differences(&before, &after), []);
    let own = Qdisc::install(
        &Netns::own().unwrap(),
        "lo",
        &Shape::Rate(Rate::of(RATE_BITS_PER_S)),
        Scope::Whole,
    );
    assert!(matches!(own, Err(QdiscError::OwnNamespace(_))), "{own:?}");
}

fn round_trip(a: &NodeLink, b: &NodeLink) -> Duration {
    let (from, to) = (udp(a), udp(b));
    from.set_read_timeout(Some(SOON)).unwrap();
    to.set_read_timeout(Some(SOON)).unwrap();
    let begun = Instant::now();
    from.send_to(b"?", to.local_addr().unwrap()).unwrap();
    let (_, asker) = to.recv_from(&mut [0; 8]).unwrap();
    to.send_to(b"!", asker).unwrap();
    from.recv_from(&mut [0; 8]).unwrap();
    begun.elapsed()
}

fn late(delay: Duration) -> Shape {
    let none = Share::from_millionths(0).unwrap();
    Shape::Netem(Netem {
        delay,
        jitter: Duration::ZERO,
        loss: none,
        reorder: none,
        limit_packets: Netem::limit_for(1000, delay, Duration::ZERO),
    })
}

/// Where the kernel has netem, packets are late; where it has none, it is said, and nothing stays.
#[test]
fn netem_delays_or_is_said_to_be_missing() {
    let kinds = QdiscKinds::probe().unwrap();
    assert!(kinds.tbf && kinds.htb, "{kinds:?}");
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    let delay = Duration::from_millis(80);
    let before = NetSnapshot::take(&a.netns).unwrap();
    for scope in [Scope::Whole, Scope::Steered] {
        match Qdisc::install(&a.netns, a.interface, &late(delay), scope) {
            Ok(installed) => {
                assert!(kinds.netem);
                let table = (scope == Scope::Steered).then(|| steer_all(&installed, a, b));
                round_trip(a, b);
                let took = round_trip(a, b);
                assert!(took >= delay && took < delay * 2, "{took:?}");
                assert!(installed.statistics().unwrap().sent_packets > 0);
                drop(table);
                installed.remove().unwrap();
            }
            Err(QdiscError::NoKind { kind: "netem", .. }) => assert!(!kinds.netem),
            Err(error) => panic!("{error}"),
        }
        assert!(round_trip(a, b) < delay);
    }
    let after = NetSnapshot::take(&a.netns).unwrap();
    assert_eq!(NetSnapshot::differences(&before, &after), []);
}

/// By a rule, or on a kernel whose nftables does not know the family `inet` (User-Mode Linux) by a filter.
fn steer_all(installed: &Qdisc, a: &NodeLink, b: &NodeLink) -> Option<OwnedTable> {
    if OwnedTable::preflight().is_ok() {
        let table = table(a);
        let steer = rule("late", peers(&[b.address]), Direction::Out, Action::Steer);
        table.replace(vec![steer]).unwrap();
        return Some(table);
    }
    installed.steer(&[b.address.into()].into()).unwrap();
    None
}

/// As asked, within what chance allows: a share of packets is lost, and some overtake others.
#[test]
fn netem_loses_and_reorders_as_asked() {
    const SENT: u32 = 4000;
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    let delay = Duration::from_millis(20);
    let worse = Shape::Netem(Netem {
        delay,
        jitter: Duration::ZERO,
        loss: Share::from_fraction(0.2).unwrap(),
        reorder: Share::from_fraction(0.1).unwrap(),
        limit_packets: Netem::limit_for(u64::from(SENT) * 50, delay, Duration::ZERO),
    });
    let (from, to) = (udp(a), udp(b));
    let installed = match Qdisc::install(&a.netns, a.interface, &worse, Scope::Whole) {
        Ok(installed) => installed,
        Err(error) => {
            // Only where there is none.
            assert!(!QdiscKinds::probe().unwrap().netem, "{error}");
            assert!(matches!(error, QdiscError::NoKind { .. }), "{error}");
            return;
        }
    };
    // Room for all at once: what a full socket drops, the discipline does not count.
    rustix::net::sockopt::set_socket_recv_buffer_size_force(&to, SENT as usize * 2048).unwrap();
    let mut arrived = Vec::new();
    let mut word = [0; 4];
    to.set_nonblocking(true).unwrap();
    for number in 0..SENT {
        from.send_to(&number.to_ne_bytes(), to.local_addr().unwrap())
            .unwrap();
        while to.recv_from(&mut word).is_ok() {
            arrived.push(u32::from_ne_bytes(word));
        }
    }
    to.set_nonblocking(false).unwrap();
    while to.recv_from(&mut word).is_ok() {
        arrived.push(u32::from_ne_bytes(word));
    }
    let lost = 1.0 - arrived.len() as f64 / f64::from(SENT);
    let error = 5.0 * (0.2 * 0.8 / f64::from(SENT)).sqrt();
    assert!((lost - 0.2).abs() < error, "{lost}");
    let statistics = installed.statistics().unwrap();
    assert_eq!(
        u64::from(statistics.dropped_packets),
        u64::from(SENT) - arrived.len() as u64
    );
    let overtaken = arrived.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(overtaken > 10, "{overtaken}");
}

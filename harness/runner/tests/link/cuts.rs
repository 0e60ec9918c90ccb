//! Cuts: nothing comes through, nobody is told, and after the heal everything is there once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use shakedown_record::monotonic_ns;
use shakedown_runner::mechanisms::link::{Direction, LinkCondition, LinkGroup, LinkState, Silence};

use super::world::{LONG, SHORT, Seen, World, echo, say, see, silences, text};

fn cut() -> LinkState {
    LinkState {
        cut: true,
        ..LinkState::default()
    }
}

/// So many numbers are more than a cut's time alone could hold back.
const ENOUGH: u32 = 500;

/// Sends ascending numbers for a second, longer when the machine lets few be sent in one, and returns how many.
fn count_up(client: &TcpStream) -> u32 {
    let end_ns = monotonic_ns() + 1_000_000_000;
    let mut to = client;
    let mut next = 0u32;
    while monotonic_ns() < end_ns || next <= ENOUGH {
        to.write_all(&next.to_be_bytes()).unwrap();
        next += 1;
        std::thread::sleep(Duration::from_micros(500));
    }
    next
}

#[test]
fn no_byte_is_lost_or_doubled_by_a_cut_of_300_ms() {
    for silence in silences() {
        let group = LinkGroup::start_with(silence).unwrap();
        let world = World::with(&group, 1);
        let (client, server) = world.connect();
        echo(server);
        let (sent, got) = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let sent = count_up(&client);
                client.shutdown(std::net::Shutdown::Write).unwrap();
                sent
            });
            let reader = scope.spawn(|| {
                let mut got = Vec::new();
                let mut from = &client;
                from.read_to_end(&mut got).unwrap();
                got
            });
            std::thread::sleep(Duration::from_millis(200));
            world.set(LinkCondition::both(cut()));
            std::thread::sleep(Duration::from_millis(300));
            let evidence = world.link.evidence().now;
            assert_eq!(evidence.to_destination.bytes + evidence.to_source.bytes, 0);
            if silence == Silence::Segments {
                assert!(evidence.dropped_segments > 0, "no segment was dropped");
            }
            world.heal();
            (writer.join().unwrap(), reader.join().unwrap())
        });
        let numbers: Vec<u32> = got
            .chunks_exact(4)
            .map(|four| u32::from_be_bytes(four.try_into().unwrap()))
            .collect();
        assert!(numbers.iter().copied().eq(0..sent), "{silence:?}");
    }
}

#[test]
fn a_cut_drops_attempts_to_connect_and_lets_them_through_after_it() {
    for silence in silences() {
        let world = World::with(&LinkGroup::start_with(silence).unwrap(), 1);
        assert!(world.accepts());
        for direction in Direction::BOTH {
            world.set(LinkCondition::one_way(direction, cut()));
            assert!(!world.accepts(), "{direction:?}, {silence:?}");
            let dropped = world.link.evidence().now.dropped_segments;
            assert!(dropped > 0, "the kernel counted no attempt");
            world.heal();
            assert!(world.accepts(), "{direction:?}, {silence:?}");
        }
        world.set(LinkCondition::both(cut()));
        let address = world.link.address();
        let waiting = std::thread::spawn(move || TcpStream::connect(address));
        std::thread::sleep(SHORT);
        assert!(!waiting.is_finished());
        world.heal();
        let client = waiting.join().unwrap().unwrap();
        // Those of `accepts` come first, and have gone.
        let mut server = world.server.accept().unwrap().0;
        while server.peer_addr().is_err() || see(&server, SHORT) == Seen::End {
            server = world.server.accept().unwrap().0;
        }
        say(&client, "at last");
        assert_eq!(see(&server, LONG), text("at last"));
        let accepted = world.link.evidence().total.connections.accepted;
        assert_eq!(accepted, 4, "a connection of the link's own was let in");
    }
}

#[test]
fn a_cut_of_one_way_leaves_the_other_open() {
    for silence in silences() {
        let world = World::with(&LinkGroup::start_with(silence).unwrap(), 1);
        for direction in Direction::BOTH {
            let (client, server) = world.connect();
            let (from, to) = match direction {
                Direction::ToDestination => (&client, &server),
                Direction::ToSource => (&server, &client),
            };
            say(from, "before");
            assert_eq!(see(to, LONG), text("before"));
            world.set(LinkCondition::one_way(direction, cut()));
            say(from, "held");
            say(to, "passes");
            assert_eq!(see(to, SHORT), Seen::Nothing, "{direction:?}, {silence:?}");
            assert_eq!(
                see(from, LONG),
                text("passes"),
                "{direction:?}, {silence:?}"
            );
            world.heal();
            assert_eq!(see(to, LONG), text("held"), "{direction:?}, {silence:?}");
            assert_eq!(see(from, SHORT), Seen::Nothing, "something came twice");
        }
    }
}

#[test]
fn the_end_of_a_connection_is_held_like_its_bytes() {
    for silence in silences() {
        let world = World::with(&LinkGroup::start_with(silence).unwrap(), 1);
        let (client, server) = world.connect();
        world.set(LinkCondition::both(cut()));
        say(&client, "last words");
        drop(client);
        assert_eq!(see(&server, SHORT), Seen::Nothing, "{silence:?}");
        world.heal();
        assert_eq!(see(&server, LONG), text("last words"), "{silence:?}");
        assert_eq!(see(&server, LONG), Seen::End, "{silence:?}");
    }
}

#[test]
fn what_a_delay_had_in_hand_is_held_by_a_cut_and_counted() {
    let world = World::new(1);
    let (client, server) = world.connect();
    let slow = LinkState {
        delay_ns: 400_000_000,
        ..LinkState::default()
    };
    world.set(LinkCondition::both(slow));
    say(&client, "on its way");
    std::thread::sleep(SHORT);
    world.set(LinkCondition::both(LinkState { cut: true, ..slow }));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(see(&server, SHORT), Seen::Nothing);
    assert_eq!(world.link.evidence().held_bytes, [10, 0]);
    world.heal();
    assert_eq!(see(&server, LONG), text("on its way"));
    assert_eq!(world.link.evidence().held_bytes, [0, 0]);
}

//! Resets, half-open connections, and destinations that are not there.

use std::net::{TcpListener, TcpStream};

use shakedown_runner::mechanisms::link::{
    ConnectionRule, LinkCondition, LinkGroup, Side, UserspaceLink,
};

use super::world::{LONG, SHORT, Seen, World, loopback, say, see, silences, text};

#[test]
fn a_reset_is_seen_as_one_on_both_ends_and_by_newcomers() {
    let world = World::new(1);
    let (client, server) = world.connect();
    say(&client, "fine");
    assert_eq!(see(&server, LONG), text("fine"));
    world.set(LinkCondition::of_connections(ConnectionRule::Reset));
    assert_eq!(see(&client, LONG), Seen::Reset);
    assert_eq!(see(&server, LONG), Seen::Reset);
    let newcomer = TcpStream::connect(world.link.address()).unwrap();
    assert_eq!(see(&newcomer, LONG), Seen::Reset);
    let counts = world.link.evidence().now.connections;
    assert_eq!((counts.reset, counts.accepted, counts.opened), (2, 1, 0));
    world.heal();
    let (client, server) = world.connect();
    say(&client, "again");
    assert_eq!(see(&server, LONG), text("again"));
}

#[test]
fn half_open_is_silence_for_those_who_were_there_until_it_is_healed() {
    for silence in silences() {
        for gone in [Side::Source, Side::Destination] {
            let world = World::with(&LinkGroup::start_with(silence).unwrap(), 1);
            let (client, server) = world.connect();
            say(&client, "fine");
            assert_eq!(see(&server, LONG), text("fine"));
            let rule = ConnectionRule::HalfOpen { gone };
            world.set(LinkCondition::of_connections(rule));
            say(&client, "anybody");
            say(&server, "there?");
            assert_eq!(see(&client, SHORT), Seen::Nothing, "{silence:?}");
            assert_eq!(see(&server, SHORT), Seen::Nothing, "{silence:?}");
            let (newcomer, newcomers_server) = world.connect();
            say(&newcomer, "me");
            assert_eq!(see(&newcomers_server, LONG), text("me"));
            let evidence = world.link.evidence();
            assert_eq!(evidence.now.connections.forgotten, 1);
            let discarded = evidence.now.to_destination.discarded_bytes
                + evidence.now.to_source.discarded_bytes;
            assert!(discarded > 0, "{silence:?}");
            assert_eq!(evidence.now.connections.reset, 0);
            world.heal();
            assert_eq!(see(&client, LONG), Seen::Reset, "{silence:?}");
            assert_eq!(see(&server, LONG), Seen::Reset, "{silence:?}");
            say(&newcomer, "and I");
            assert_eq!(see(&newcomers_server, LONG), text("and I"));
        }
    }
}

#[test]
fn a_half_open_connection_hides_that_an_end_went_away() {
    let world = World::new(1);
    let (client, server) = world.connect();
    let gone = Side::Destination;
    world.set(LinkCondition::of_connections(ConnectionRule::HalfOpen {
        gone,
    }));
    drop(server);
    assert_eq!(see(&client, SHORT), Seen::Nothing);
}

#[test]
fn a_reset_by_one_end_reaches_the_other() {
    for by_client in [true, false] {
        let world = World::new(1);
        let (client, server) = world.connect();
        let (who, other) = match by_client {
            true => (client, server),
            false => (server, client),
        };
        // Closing with something unread makes the kernel send a RST.
        say(&other, "unread");
        std::thread::sleep(SHORT);
        drop(who);
        assert_eq!(see(&other, LONG), Seen::Reset);
        assert_eq!(world.link.evidence().total.connections.reset, 1);
    }
}

#[test]
fn a_dead_destination_resets_the_source_at_once() {
    let dead = {
        let listener = TcpListener::bind(loopback()).unwrap();
        listener.local_addr().unwrap()
    };
    let link = UserspaceLink::start(dead, loopback(), 1).unwrap();
    let client = TcpStream::connect(link.address()).unwrap();
    assert_eq!(see(&client, LONG), Seen::Reset);
    let counts = link.evidence().total.connections;
    assert_eq!((counts.accepted, counts.opened, counts.refused), (1, 0, 1));
    // Once it lives, the link needs no telling.
    let server = TcpListener::bind(dead).unwrap();
    let client = TcpStream::connect(link.address()).unwrap();
    say(&client, "welcome back");
    assert_eq!(see(&server.accept().unwrap().0, LONG), text("welcome back"));
}

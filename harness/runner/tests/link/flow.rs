//! A healthy link is a wire: every byte, in order, with its ends, for one connection and for a thousand.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shakedown_runner::mechanisms::link::{LinkCondition, LinkGroup, LinkState, UserspaceLink};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::world::{LONG, Seen, World, calm, echo, loopback, say, see, text};

/// Bytes that never repeat within a few megabytes.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u64;
    (0..len)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .collect()
}

/// Sends noise through an echo and closes its half; returns what came back until the end.
fn there_and_back(client: &TcpStream, sent: &[u8]) -> Vec<u8> {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut to = client;
            to.write_all(sent).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
        });
        let mut got = Vec::new();
        let mut from = client;
        from.read_to_end(&mut got).unwrap();
        got
    })
}

#[test]
fn every_byte_comes_through_and_the_ends_too_over_both_families() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let listen: SocketAddr = listen.parse().unwrap();
        let server = TcpListener::bind(listen).unwrap();
        let link = UserspaceLink::start(server.local_addr().unwrap(), listen, 1).unwrap();
        let client = TcpStream::connect(link.address()).unwrap();
        client.set_read_timeout(Some(LONG)).unwrap();
        echo(server.accept().unwrap().0);
        let sent = noise(3_000_000);
        assert!(there_and_back(&client, &sent) == sent, "bytes differ");
        let evidence = link.evidence();
        for direction in [&evidence.total.to_destination, &evidence.total.to_source] {
            assert_eq!(direction.bytes, 3_000_000);
            assert_eq!((direction.delayed, direction.discarded_bytes), (0, 0));
        }
        let counts = evidence.total.connections;
        assert_eq!((counts.accepted, counts.opened, counts.closed), (1, 1, 1));
        assert_eq!(evidence.open, 0);
    }
}

#[test]
fn every_byte_comes_through_a_delay_with_jitter_and_a_throttle() {
    let world = World::new(3);
    let (client, server) = world.connect();
    echo(server);
    world.set(LinkCondition::both(LinkState {
        delay_ns: 2_000_000,
        jitter: Some(shakedown_runner::mechanisms::link::Jitter::Uniform { by_ns: 2_000_000 }),
        bandwidth_bytes_per_s: Some(4_000_000),
        ..LinkState::default()
    }));
    let sent = noise(1_000_000);
    assert!(there_and_back(&client, &sent) == sent, "bytes differ");
    let evidence = world.link.evidence();
    assert!(evidence.now.to_source.throttled > 0 && evidence.now.to_source.delayed > 0);
}

#[test]
fn one_half_may_close_while_the_other_speaks_on() {
    let world = World::new(1);
    let (client, server) = world.connect();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(see(&server, LONG), Seen::End);
    say(&server, "still here");
    assert_eq!(see(&client, LONG), text("still here"));
    drop(server);
    assert_eq!(see(&client, LONG), Seen::End);
}

#[test]
fn a_receiver_that_does_not_read_stops_the_sender() {
    let world = World::new(1);
    let (client, server) = world.connect();
    client.set_nonblocking(true).unwrap();
    let piece = noise(64 * 1024);
    let mut sent = 0u64;
    let mut stuck = 0;
    while stuck < 20 {
        match (&client).write(&piece) {
            Ok(len) => {
                sent += len as u64;
                stuck = 0;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                stuck += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("{error}"),
        }
        assert!(sent < 100_000_000, "nothing stops the sender");
    }
    client.shutdown(Shutdown::Write).unwrap();
    let got = std::io::copy(&mut &server, &mut std::io::sink()).unwrap();
    assert_eq!(got, sent);
    assert!(world.link.evidence().total.to_destination.blocked > 0);
}

#[test]
fn a_dropped_link_ends_its_connections_and_listens_no_more() {
    let World { server, link } = World::new(1);
    let client = TcpStream::connect(link.address()).unwrap();
    let (server, _) = server.accept().unwrap();
    let address = link.address();
    drop(link);
    assert_eq!(see(&client, LONG), Seen::End);
    assert_eq!(see(&server, LONG), Seen::End);
    assert_eq!(
        TcpStream::connect(address).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
}

/// As many connections as there are descriptors for, up to a thousand: each takes four here.
fn crowd() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let most = limit.maximum.unwrap_or(u64::MAX) / 4;
    (most.saturating_sub(100) as usize).min(1_000)
}

async fn echo_to_all(server: tokio::net::TcpListener) {
    while let Ok((mut socket, _)) = server.accept().await {
        tokio::spawn(async move {
            let (mut from, mut to) = socket.split();
            drop(tokio::io::copy(&mut from, &mut to).await);
        });
    }
}

async fn ask_all(clients: &mut [tokio::net::TcpStream], what: u32) {
    for (number, client) in clients.iter_mut().enumerate() {
        client.write_u32(what + number as u32).await.unwrap();
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let answer = tokio::time::timeout(LONG, client.read_u32());
        assert_eq!(answer.await.unwrap().unwrap(), what + number as u32);
    }
}

#[test]
fn a_thousand_connections_are_served_cut_and_healed_together() {
    let _calm = calm();
    let count = crowd();
    assert!(count > 100, "too few descriptors for this test: {count}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(serve_cut_and_heal(count));
}

async fn serve_cut_and_heal(count: usize) {
    let server = tokio::net::TcpListener::bind(loopback()).await.unwrap();
    let upstream = server.local_addr().unwrap();
    tokio::spawn(echo_to_all(server));
    for silence in super::world::silences() {
        let group = LinkGroup::start_with(silence).unwrap();
        let link = group.add(upstream, loopback(), 1).unwrap();
        let mut clients = Vec::new();
        for _ in 0..count {
            clients.push(
                tokio::net::TcpStream::connect(link.address())
                    .await
                    .unwrap(),
            );
        }
        ask_all(&mut clients, 0).await;
        let cut = LinkState {
            cut: true,
            ..LinkState::default()
        };
        link.set(LinkCondition::both(cut), LONG).unwrap();
        for client in &mut clients {
            client.write_u32(7).await.unwrap();
        }
        let silent = tokio::time::timeout(Duration::from_millis(200), clients[0].read_u32());
        assert!(silent.await.is_err(), "a cut link let something through");
        let before = link.evidence().now;
        assert_eq!(before.to_destination.bytes + before.to_source.bytes, 0);
        link.set(LinkCondition::healthy(), LONG).unwrap();
        for client in &mut clients {
            let answer = tokio::time::timeout(LONG, client.read_u32());
            assert_eq!(answer.await.unwrap().unwrap(), 7);
        }
        ask_all(&mut clients, 1_000_000).await;
        let counts = link.evidence().total.connections;
        assert_eq!(counts.opened, count as u64);
        assert_eq!((counts.reset, counts.refused), (0, 0));
    }
}

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use std::os::fd::OwnedFd;

use shakedown_record::monotonic_ns;

use super::Ring;
use crate::engine::poller::Ready;
use crate::engine::socket::{self, ReadEnd, Written};

const SECOND_NS: u64 = 1_000_000_000;

/// A ring of two sessions and somebody to talk to.
struct Pair {
    ring: Ring,
    listener: TcpListener,
}

impl Pair {
    fn new() -> Pair {
        let mut ring = Ring::new(2).unwrap();
        ring.begin().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Pair { ring, listener }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Connects a session; the other side's socket is the second.
    fn connect(&mut self, session: usize, generation: u32) -> (OwnedFd, TcpStream) {
        let socket = socket::dial(self.address(), u64::MAX).unwrap();
        let token = u64::from(generation) << 32 | session as u64;
        self.ring.watch(&socket, token).unwrap();
        let ready = self.next();
        assert_eq!((ready.token, ready.writable), (token, true));
        assert_eq!(socket::dialled(&socket), Ok(()));
        (socket, self.listener.accept().unwrap().0)
    }

    fn next(&mut self) -> Ready {
        assert!(self.ring.wait(SECOND_NS).unwrap() > 0, "nothing happened");
        self.ring.ready(0)
    }

    fn nothing_happens(&mut self) {
        assert_eq!(self.ring.wait(20_000_000).unwrap(), 0);
    }
}

#[test]
fn bytes_go_out_and_come_in() {
    let mut pair = Pair::new();
    let (_socket, mut peer) = pair.connect(1, 7);
    assert_eq!(pair.ring.write(1, b"hello", 1), Written::Bytes(5));
    assert_eq!(pair.ring.write(1, b", you", 1), Written::Bytes(5));
    pair.nothing_happens();
    let mut heard = [0; 10];
    peer.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello, you");
    peer.write_all(b"hello back").unwrap();
    let ready = pair.next();
    assert_eq!((ready.token, ready.readable), (7 << 32 | 1, true));
    let mut inbox = [0; 6];
    assert_eq!(pair.ring.read(1, &mut inbox), ReadEnd::Bytes(6));
    assert_eq!(&inbox, b"hello ");
    assert_eq!(pair.ring.read(1, &mut inbox), ReadEnd::Bytes(4));
    assert_eq!(&inbox[..4], b"back");
    assert_eq!(pair.ring.read(1, &mut inbox), ReadEnd::Empty);
    drop(peer);
    assert!(pair.next().ending);
    assert_eq!(pair.ring.read(1, &mut inbox), ReadEnd::Closed);
}

#[test]
fn a_refused_dial_is_told() {
    let mut pair = Pair::new();
    let address = pair.address();
    drop(std::mem::replace(
        &mut pair.listener,
        TcpListener::bind("127.0.0.1:0").unwrap(),
    ));
    let socket = socket::dial(address, u64::MAX).unwrap();
    pair.ring.watch(&socket, 1 << 32).unwrap();
    assert!(pair.next().writable);
    assert_eq!(socket::dialled(&socket), Err(socket::DialFailure::Refused));
}

#[test]
fn what_is_heard_on_a_closed_connection_is_dropped() {
    let mut pair = Pair::new();
    let (socket, mut old) = pair.connect(0, 1);
    old.write_all(b"late").unwrap();
    let began = pair.ring.buffers.tail;
    pair.ring.forget(0);
    drop(socket);
    let (_socket, mut new) = pair.connect(0, 2);
    // The old connection is closed: with bytes that nobody read, so that its other side sees a reset or an end.
    assert!(!matches!(old.read(&mut [0; 1]), Ok(1..)));
    new.write_all(b"new").unwrap();
    assert_eq!(pair.next().token, 2 << 32);
    let mut inbox = [0; 16];
    assert_eq!(pair.ring.read(0, &mut inbox), ReadEnd::Bytes(3));
    assert_eq!(&inbox[..3], b"new");
    // One buffer for what came late, one for the new words.
    assert_eq!(pair.ring.buffers.tail, began + 2);
}

#[test]
fn what_was_written_leaves_before_its_socket_is_closed_and_not_on_the_next() {
    let mut pair = Pair::new();
    let (socket, mut old) = pair.connect(0, 1);
    assert_eq!(pair.ring.write(0, b"last words", 1), Written::Bytes(10));
    pair.ring.forget(0);
    drop(socket);
    let (_socket, mut new) = pair.connect(0, 2);
    let mut heard = Vec::new();
    old.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"last words");
    new.set_nonblocking(true).unwrap();
    pair.nothing_happens();
    assert!(new.read(&mut [0; 1]).is_err(), "nothing was said here");
}

#[test]
fn a_full_socket_takes_the_rest_later_and_in_order() {
    let mut pair = Pair::new();
    let (_socket, mut peer) = pair.connect(0, 1);
    let all: Vec<u8> = (0..6_000_000u32).map(|at| (at / 7) as u8).collect();
    let expected = all.clone();
    let mut unsent = all;
    let flush = |ring: &mut Ring, unsent: &mut Vec<u8>| {
        ring.give_back(0, unsent);
        while !unsent.is_empty() {
            match ring.write(0, unsent, 0) {
                Written::Bytes(0) => return,
                Written::Bytes(count) => drop(unsent.drain(..count)),
                Written::Broken => panic!("the connection is whole"),
            }
        }
    };
    flush(&mut pair.ring, &mut unsent);
    while pair.ring.wait(20_000_000).unwrap() > 0 {
        flush(&mut pair.ring, &mut unsent);
    }
    assert!(!unsent.is_empty(), "the socket is full");
    let reader = std::thread::spawn(move || {
        let mut heard = vec![0; 6_000_000];
        peer.read_exact(&mut heard).map(|()| heard)
    });
    while !reader.is_finished() {
        let count = pair.ring.wait(SECOND_NS / 100).unwrap();
        if (0..count).any(|at| pair.ring.ready(at).writable) {
            flush(&mut pair.ring, &mut unsent);
        }
    }
    assert!(reader.join().unwrap().unwrap() == expected);
}

#[test]
fn a_broken_connection_tells_what_it_did_not_take() {
    let mut pair = Pair::new();
    let (socket, peer) = pair.connect(0, 1);
    rustix::net::shutdown(&socket, rustix::net::Shutdown::Write).unwrap();
    assert_eq!(pair.ring.write(0, b"one and two", 2), Written::Bytes(11));
    let ready = pair.next();
    assert_eq!((ready.ending, ready.untaken), (true, 2));
    assert_eq!(pair.ring.write(0, b"three", 1), Written::Broken);
    assert_eq!(pair.ring.read(0, &mut [0; 9]), ReadEnd::Broken);
    drop(peer);
}

#[test]
fn more_than_all_buffers_can_hold_is_heard_in_order() {
    let mut pair = Pair::new();
    let (_socket, mut peer) = pair.connect(0, 1);
    let all: Vec<u8> = (0..8_000_000u32).map(|at| (at / 5) as u8).collect();
    let expected = all.clone();
    let writer = std::thread::spawn(move || peer.write_all(&all));
    std::thread::sleep(std::time::Duration::from_millis(50));
    let (mut heard, mut inbox) = (Vec::new(), vec![0; 65_536]);
    while heard.len() < expected.len() {
        pair.next();
        while let ReadEnd::Bytes(count) = pair.ring.read(0, &mut inbox) {
            heard.extend_from_slice(&inbox[..count]);
        }
    }
    assert!(heard == expected);
    writer.join().unwrap().unwrap();
}

#[test]
fn waits_end_in_time() {
    let mut pair = Pair::new();
    let before_ns = monotonic_ns();
    assert_eq!(pair.ring.wait(0).unwrap(), 0);
    assert_eq!(pair.ring.wait(2_000_000).unwrap(), 0);
    let waited_ns = monotonic_ns() - before_ns;
    assert!((2_000_000..500_000_000).contains(&waited_ns), "{waited_ns}");
}

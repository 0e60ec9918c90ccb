//! Nodes that speak to each other, and whether they still do.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use shakedown_runner::mechanisms::net::nodes::NodeLink;
use shakedown_runner::mechanisms::net::{
    Action, Direction, Netns, NodeNetwork, OwnedTable, Peers, PortMatch, Rule, Share,
};

/// Long enough for a loaded machine, short against the tests.
pub const SOON: Duration = Duration::from_secs(5);
/// After which a packet that has not come will not come.
pub const NEVER: Duration = Duration::from_millis(400);

static TABLES: AtomicU32 = AtomicU32::new(0);

pub fn network(nodes: usize) -> NodeNetwork {
    let network = NodeNetwork::build(nodes).expect("these tests take root");
    let unreachable = network.unreachable(SOON).unwrap();
    assert!(unreachable.is_none(), "{}", unreachable.unwrap());
    network
}

pub fn table(node: &NodeLink) -> OwnedTable {
    let tag = format!("t{}", TABLES.fetch_add(1, Ordering::Relaxed));
    OwnedTable::create(&node.netns, &tag, OwnedTable::DEFAULT_TIMEOUT).unwrap()
}

pub fn peers(addresses: &[Ipv4Addr]) -> Peers {
    let all: BTreeSet<IpAddr> = addresses.iter().copied().map(IpAddr::from).collect();
    Peers::Addresses(all)
}

pub fn rule(name: &str, peers: Peers, direction: Direction, action: Action) -> Rule {
    Rule {
        name: name.to_string(),
        peers,
        direction,
        ports: Vec::new(),
        share: Share::ALL,
        action,
    }
}

pub fn at_ports(mut rule: Rule, ports: &[PortMatch]) -> Rule {
    rule.ports = ports.to_vec();
    rule
}

/// A UDP socket inside a node.
pub fn udp(node: &NodeLink) -> UdpSocket {
    let socket = node
        .netns
        .run_in(|| UdpSocket::bind((node.address, 0)))
        .unwrap()
        .unwrap();
    socket.set_read_timeout(Some(NEVER)).unwrap();
    socket
}

/// Whether a datagram arrives. That it cannot even be sent is a no.
pub fn arrives(from: &UdpSocket, to: &UdpSocket) -> bool {
    static WORDS: AtomicU32 = AtomicU32::new(0);
    let word = WORDS.fetch_add(1, Ordering::Relaxed).to_ne_bytes();
    if from.send_to(&word, to.local_addr().unwrap()).is_err() {
        return false;
    }
    let mut heard = [0; 4];
    loop {
        match to.recv_from(&mut heard) {
            // Late ones of earlier questions do not count.
            Ok(_) if heard == word => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) => panic!("{error}"),
        }
    }
}

pub fn listen(node: &NodeLink) -> TcpListener {
    node.netns
        .run_in(|| TcpListener::bind((node.address, 0)))
        .unwrap()
        .unwrap()
}

pub fn connect(from: &Netns, to: SocketAddr, within: Duration) -> io::Result<TcpStream> {
    let stream = from
        .run_in(|| TcpStream::connect_timeout(&to, within))
        .unwrap()?;
    stream.set_read_timeout(Some(SOON))?;
    Ok(stream)
}

/// Sends so many bytes from one node to the other over TCP, and tells how long that took until the last was there.
pub fn transfer(from: &NodeLink, to: &NodeLink, bytes: usize) -> Duration {
    let listener = listen(to);
    let mut sender = connect(&from.netns, listener.local_addr().unwrap(), SOON).unwrap();
    let (mut receiver, _) = listener.accept().unwrap();
    receiver.set_read_timeout(Some(SOON)).unwrap();
    let begun = Instant::now();
    let sending = std::thread::spawn(move || {
        let piece = vec![7u8; 16 * 1024];
        let mut left = bytes;
        while left > 0 {
            let now = left.min(piece.len());
            sender.write_all(&piece[..now]).unwrap();
            left -= now;
        }
    });
    let mut buffer = vec![0u8; 64 * 1024];
    let mut got = 0;
    while got < bytes {
        let read = receiver.read(&mut buffer).unwrap();
        assert!(read > 0, "the connection ended after {got} bytes");
        got += read;
    }
    let took = begun.elapsed();
    sending.join().unwrap();
    took
}

/// Sends every millisecond from one node to another, and notes when the last one arrived.
pub struct Beat {
    end: Arc<AtomicBool>,
    listener: UdpSocket,
    sender: Option<std::thread::JoinHandle<()>>,
}

impl Beat {
    pub fn start(from: &NodeLink, to: &NodeLink) -> Beat {
        let (sender, listener) = (udp(from), udp(to));
        let to = listener.local_addr().unwrap();
        let end = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&end);
        let sender = std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                // A cut on the way out is an error of the call.
                drop(sender.send_to(&[1], to));
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Beat {
            end,
            listener,
            sender: Some(sender),
        }
    }

    /// Forgets what has arrived, and says how long it takes until something arrives again.
    pub fn next_within(&self, at_most: Duration) -> Option<Duration> {
        self.forget();
        let begun = Instant::now();
        self.listener.set_read_timeout(Some(at_most)).unwrap();
        self.listener
            .recv_from(&mut [0; 8])
            .ok()
            .map(|_| begun.elapsed())
    }

    fn forget(&self) {
        self.listener.set_nonblocking(true).unwrap();
        while self.listener.recv_from(&mut [0; 8]).is_ok() {}
        self.listener.set_nonblocking(false).unwrap();
    }

    /// Waits until nothing arrives any more.
    pub fn wait_silence(&self) {
        let deadline = Instant::now() + SOON;
        while self.next_within(Duration::from_millis(60)).is_some() {
            assert!(Instant::now() < deadline, "the cut does not bite");
        }
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(sender) = self.sender.take() {
            sender.join().unwrap();
        }
    }
}

/// Runs a program of the machine inside a node, as an administrator would.
pub fn inside(node: &NodeLink, program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments);
    node.netns.enter_on_exec(&mut command);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

//! What the tests need to talk to nodes: a plain HTTP client, and waiting. Each test program uses a part of it.
#![allow(dead_code)]

pub mod in_process;
pub mod ledger;
pub mod processes;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;
use shakedown_engine::config::Member;
use shakedown_engine::ports::free_ports;

/// Nothing in these tests takes this long unless it never happens.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// A keep-alive connection to one node.
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// A reply.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub node: String,
    pub body: Value,
    /// The node closes the connection after this reply.
    pub closes: bool,
}

impl Client {
    pub fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(8)))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    pub fn call(&mut self, method: &str, path: &str, body: &str) -> std::io::Result<Reply> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: engine\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let broken = || std::io::Error::other("no HTTP reply");
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or_else(broken)?;
        let (mut length, mut node, mut closes) = (0usize, String::new(), false);
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(broken());
            }
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().map_err(|_| broken())?,
                "connection" => closes = value.trim().eq_ignore_ascii_case("close"),
                "x-node" => node = value.trim().to_owned(),
                _ => {}
            }
        }
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Reply {
            status,
            node,
            body,
            closes,
        })
    }
}

/// One request over a connection of its own.
pub fn call(address: SocketAddr, method: &str, path: &str, body: &str) -> std::io::Result<Reply> {
    Client::connect(address)?.call(method, path, body)
}

/// A limit order that does not trade.
pub fn resting(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","account":"acct","symbol":"BTCUSD","side":"buy","price":"50000.01","quantity":"0.010"}}"#
    )
}

/// All orders of one replica, over pages.
pub fn all_orders(address: SocketAddr) -> Vec<Value> {
    let mut client = Client::connect(address).expect("the node answers");
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client
            .call("GET", &format!("/orders?limit=700&after={cursor}"), "")
            .expect("the node answers")
            .body;
        rows.extend(page["orders"].as_array().expect("a list").clone());
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => {
                assert_eq!(page["count"], rows.len());
                return rows;
            }
        }
    }
}

/// Waits until `check` gives something.
pub fn wait_for<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < give_up, "gave up waiting for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The members of a cluster on ports that are free.
pub fn members(count: u64) -> Vec<Member> {
    let ports = free_ports(count as usize * 2).expect("free ports");
    let address = |place: u64| SocketAddr::from((Ipv4Addr::LOCALHOST, ports[place as usize]));
    (1..=count)
        .map(|id| Member {
            id,
            name: format!("engine-{id}"),
            http: address(id * 2 - 2).into(),
            peer: address(id * 2 - 1).into(),
        })
        .collect()
}

/// Where a member of such a cluster serves clients.
pub fn http_of(member: &Member) -> SocketAddr {
    member.http.address().expect("no name")
}

/// Where a member of such a cluster serves the others.
pub fn peer_of(member: &Member) -> SocketAddr {
    member.peer.address().expect("no name")
}

/// Waits until one of these nodes leads and is ready, and says which.
pub fn leader_among(addresses: &[SocketAddr]) -> usize {
    wait_for("a leader", || {
        addresses.iter().position(|address| {
            call(*address, "GET", "/role", "").is_ok_and(|reply| reply.body["role"] == "leader")
                && call(*address, "GET", "/health/ready", "").is_ok_and(|reply| reply.status == 200)
        })
    })
}

/// Waits until all of these nodes are ready.
pub fn wait_ready(addresses: &[SocketAddr]) {
    for address in addresses {
        wait_for("all nodes to be ready", || {
            call(*address, "GET", "/health/ready", "")
                .is_ok_and(|reply| reply.status == 200)
                .then_some(())
        });
    }
}

/// Waits until all of these nodes have applied a sentinel order, and gives what each of them lists.
pub fn converged(addresses: &[SocketAddr]) -> Vec<Vec<Value>> {
    let sentinel = format!("sentinel-{}", addresses.len());
    let sequence = wait_for("a sentinel to be acknowledged", || {
        let leader = leader_among(addresses);
        let reply = call(addresses[leader], "POST", "/orders", &resting(&sentinel)).ok()?;
        (reply.status == 201).then(|| reply.body["sequence"].as_u64())?
    });
    addresses
        .iter()
        .map(|address| {
            wait_for("a replica to catch up", || {
                let role = call(*address, "GET", "/role", "").ok()?;
                (role.body["sequence"].as_u64()? >= sequence).then_some(())
            });
            all_orders(*address)
        })
        .collect()
}

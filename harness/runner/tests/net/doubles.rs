//! Processes that do something to the network and are then killed or stopped.

use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use shakedown_runner::mechanisms::ProcessHandle;
use shakedown_runner::mechanisms::net::nodes::NodeLink;
use shakedown_runner::mechanisms::net::{
    Action, Direction, Netns, NodeNetwork, OwnedTable, Peers, Rule, Share,
};

const ROLE: &str = "SHAKEDOWN_TEST_NET_ROLE";
const TARGET: &str = "SHAKEDOWN_TEST_NET_TARGET";
const PEER: &str = "SHAKEDOWN_TEST_NET_PEER";
const READY: &str = "READY ";
const LIFE: Duration = Duration::from_secs(60);

/// Plays the role that the environment names, if any.
pub fn play() {
    match std::env::var(ROLE).as_deref() {
        Ok("cut") => cut(),
        Ok("network") => network(),
        _ => {}
    }
}

fn cut() {
    let pid = std::env::var(TARGET).unwrap().parse().unwrap();
    let peer: IpAddr = std::env::var(PEER).unwrap().parse().unwrap();
    let target = ProcessHandle::of_pid(pid).unwrap().unwrap();
    let netns = Netns::of_process(&target).unwrap().unwrap();
    let table = OwnedTable::create(&netns, "cut", OwnedTable::DEFAULT_TIMEOUT).unwrap();
    let all = Rule {
        name: "cut".into(),
        peers: Peers::Addresses([peer].into()),
        direction: Direction::Both,
        ports: Vec::new(),
        share: Share::ALL,
        action: Action::Drop,
    };
    table.replace(vec![all]).unwrap();
    ready(table.name());
    std::thread::sleep(LIFE);
}

fn network() {
    let network = NodeNetwork::build(2).unwrap();
    ready(network.host_interface());
    std::thread::sleep(LIFE);
}

fn ready(word: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{READY}{word}").unwrap();
    out.flush().unwrap();
}

/// A process that plays a role. Killed when dropped.
pub struct Double {
    child: Child,
    /// What it said when it was ready.
    pub word: String,
}

impl Double {
    /// Cuts `peer` off from the namespace of the process `target`.
    pub fn cut(target: u32, peer: IpAddr) -> Double {
        let (target, peer) = (target.to_string(), peer.to_string());
        Self::start("cut", &[(TARGET, &target), (PEER, &peer)])
    }

    /// Makes a network of two nodes.
    pub fn network() -> Double {
        Self::start("network", &[])
    }

    fn start(role: &str, more: &[(&str, &str)]) -> Double {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["double", "--exact", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .envs(more.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let word = out
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(READY).map(str::to_string))
            .expect("the double says when it is ready");
        Double { child, word }
    }

    pub fn signal(&self, signal: Signal) {
        let process = ProcessHandle::of_pid(self.child.id()).unwrap().unwrap();
        process.signal(signal).unwrap();
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A process that does nothing inside a node, so that others can find the namespace by it.
pub struct Resident(Child);

impl Resident {
    pub fn of(node: &NodeLink) -> Resident {
        let mut command = Command::new("/bin/sleep");
        command.arg("120").stdin(Stdio::null());
        node.netns.enter_on_exec(&mut command);
        Resident(command.spawn().unwrap())
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

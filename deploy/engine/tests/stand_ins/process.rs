//! A process of an engine, and what it says of itself in numbers.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use shakedown_engine::ports::free_ports;

use super::support::processes::engine;
use super::support::{call, wait_for};

/// A process that ends with the test.
pub struct Process(Child);

impl Process {
    /// Starts `shakedown engine` with these arguments.
    pub fn start(arguments: &[String]) -> Self {
        let mut command = engine();
        command.args(arguments).arg("--with-parent");
        let process = command.stdout(Stdio::null()).spawn();
        Self(process.expect("the engine starts"))
    }

    pub fn kill(&mut self) {
        self.0.kill().expect("the engine is there");
        self.0.wait().expect("the engine has ended");
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).expect("the engine is there");
        let ended = self.0.wait().expect("the engine has ended");
        assert!(ended.success(), "{ended}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

pub fn ports(count: usize) -> Vec<u16> {
    free_ports(count).expect("free ports")
}

pub fn at(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// These words as arguments.
pub fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// Waits until a GET is answered with 200.
pub fn wait_until_well(address: SocketAddr, path: &str) {
    wait_for(&format!("{path} at {address}"), || {
        call(address, "GET", path, "")
            .is_ok_and(|reply| reply.status == 200)
            .then_some(())
    });
}

/// The metrics as text.
pub fn metrics(address: SocketAddr) -> String {
    let reply = call(address, "GET", "/metrics", "").expect("metrics are served");
    assert_eq!(reply.status, 200);
    reply.body.as_str().expect("a text").to_owned()
}

/// The number of a series, with its labels as they are written; none that is not there.
pub fn number_in(text: &str, series: &str) -> Option<f64> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

pub fn number(address: SocketAddr, series: &str) -> f64 {
    let text = metrics(address);
    number_in(&text, series).unwrap_or_else(|| panic!("{series} is not in\n{text}"))
}

/// The share of a histogram's observations that are at most at a bound.
pub fn share_within(address: SocketAddr, histogram: &str, bound: &str) -> f64 {
    let text = metrics(address);
    let within = number_in(&text, &format!("{histogram}_bucket{{le=\"{bound}\"}}"));
    let all = number_in(&text, &format!("{histogram}_count"));
    let share = within.zip(all).map(|(within, all)| within / all);
    share.unwrap_or_else(|| panic!("{histogram} up to {bound} is not in\n{text}"))
}

/// Whether something is so within this time.
pub fn soon(seconds: u64, mut check: impl FnMut() -> bool) -> bool {
    let give_up = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < give_up {
        if check() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    false
}

//! Rounds of a partition whose owner is killed.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shakedown_record::monotonic_ns;
use shakedown_runner::mechanisms::net::{NetSnapshot, NodeNetwork};

use super::owner::{CUT, Owner};
use super::traffic::{Arrivals, send};
use crate::proc::with_command_line;

/// Traffic that is not back after this time does not come back.
const NEVER: Duration = Duration::from_secs(5);
const REACHABLE_WITHIN: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(1);

/// Two namespaces joined by a pair of interfaces over a bridge, with traffic from the first to the second.
#[derive(Debug)]
pub struct CutWorld {
    network: NodeNetwork,
    /// Lives in the second namespace, so that an owner finds it.
    resident: Child,
    arrivals: Arrivals,
    sent: Arc<AtomicU64>,
    end: Arc<AtomicBool>,
    sender: Option<JoinHandle<()>>,
    before: NetSnapshot,
}

/// One kill.
#[derive(Debug, Clone)]
pub struct CutRound {
    pub number: u64,
    /// From the proof of the cut to the kill, in milliseconds.
    pub after_ms: f64,
    /// Datagrams that were sent from the proof of the cut, which is 25 ms without an arrival, to the kill.
    pub sent_while_cut: u64,
    /// Datagrams that arrived from the beginning of these 25 ms to the kill.
    pub received_while_cut: u64,
    /// From SIGKILL to the first datagram that arrived, in milliseconds; `None`: never.
    pub back_ms: Option<f64>,
    /// From SIGKILL until the namespace was as before: its rules, and everything else; `None`: never.
    pub gone_ms: Option<f64>,
    /// What is left of the fault in the end, in words.
    pub left: Vec<String>,
}

impl CutWorld {
    /// Makes the namespaces and starts the traffic.
    ///
    /// # Panics
    /// Without root.
    pub fn new() -> CutWorld {
        let network = NodeNetwork::build(2).expect("namespaces take root");
        let unreachable = network.unreachable(REACHABLE_WITHIN);
        let unreachable = unreachable.expect("the namespaces can be entered");
        assert!(unreachable.is_none(), "{unreachable:?}");
        let [near, far] = network.nodes() else {
            panic!("two namespaces were asked for");
        };
        let mut resident = Command::new("cat");
        // Ends when its standard input does, so with this process.
        resident.stdin(Stdio::piped()).stdout(Stdio::null());
        far.netns.enter_on_exec(&mut resident);
        let resident = resident.spawn().expect("`cat` can be started");
        let udp = |node: &shakedown_runner::mechanisms::net::nodes::NodeLink| {
            let bound = node.netns.run_in(|| UdpSocket::bind((node.address, 0)));
            let bound = bound.expect("the namespace can be entered");
            bound.expect("an address of its own can be bound")
        };
        let (from, to) = (udp(near), udp(far));
        let address = to.local_addr().expect("it is bound");
        let (sent, end) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (count, told) = (Arc::clone(&sent), Arc::clone(&end));
        let before = NetSnapshot::take(&far.netns).expect("the namespace can be read");
        CutWorld {
            sender: Some(thread::spawn(move || send(&from, address, &count, &told))),
            arrivals: Arrivals::at(to),
            network,
            resident,
            sent,
            end,
            before,
        }
    }

    /// One round: `campaign` is started as the owner and killed `after` the cut was proven.
    ///
    /// # Panics
    /// When no traffic flows before, or the owner cannot cut it: such a round shows nothing.
    pub fn round(&self, number: u64, campaign: &Path, after: Duration) -> CutRound {
        assert!(
            self.arrivals.wait_flow(),
            "no traffic before round {number}"
        );
        let (pid, peer) = (self.resident.id(), self.network.nodes()[0].address);
        let (pid, peer) = (pid.to_string(), peer.to_string());
        let mut owner = Owner::start(campaign, CUT, &["--pid", &pid, "--peer", &peer]);
        let silent_ns = self.arrivals.wait_silence();
        let silent_ns = silent_ns.expect("the owner cuts the traffic");
        let sent_before = self.sent.load(Ordering::Relaxed);
        thread::sleep(after);
        let sent_while_cut = self.sent.load(Ordering::Relaxed) - sent_before;
        let killed_ns = monotonic_ns();
        owner.kill();
        let back_ns = self.arrivals.first_from(killed_ns, NEVER);
        owner.wait();
        let (gone_ns, left) = self.gone(&pid);
        let since_kill = |at_ns: u64| (at_ns - killed_ns) as f64 / 1e6;
        CutRound {
            number,
            after_ms: after.as_secs_f64() * 1e3,
            sent_while_cut,
            received_while_cut: self.arrivals.between(silent_ns, killed_ns),
            back_ms: back_ns.map(since_kill),
            gone_ms: gone_ns.map(since_kill),
            left,
        }
    }

    /// Waits until nothing of the fault is left: when that was, or what is left.
    fn gone(&self, pid: &str) -> (Option<u64>, Vec<String>) {
        let until_ns = monotonic_ns() + NEVER.as_nanos() as u64;
        let owners = format!("{CUT}\0--pid\0{pid}\0");
        loop {
            let now = NetSnapshot::take(&self.network.nodes()[1].netns);
            let now = now.expect("the namespace can be read");
            let seen_ns = monotonic_ns();
            let mut left: Vec<String> = NetSnapshot::differences(&self.before, &now)
                .iter()
                .map(ToString::to_string)
                .collect();
            let owners = with_command_line(&owners);
            left.extend(owners.iter().map(|pid| format!("process {pid}")));
            if left.is_empty() {
                return (Some(seen_ns), left);
            }
            if seen_ns > until_ns {
                return (None, left);
            }
            thread::sleep(POLL);
        }
    }
}

impl Default for CutWorld {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for CutWorld {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(sender) = self.sender.take() {
            let sent = sender.join();
            assert!(sent.is_ok() || thread::panicking(), "the sender panicked");
        }
        // It ends with its standard input as well.
        let _ = self.resident.kill();
        let _ = self.resident.wait();
    }
}

impl CutRound {
    /// Its row in the table.
    pub fn row(&self) -> Vec<String> {
        vec![
            self.number.to_string(),
            format!("{:.1}", self.after_ms),
            self.sent_while_cut.to_string(),
            self.received_while_cut.to_string(),
            millis(self.back_ms),
            millis(self.gone_ms),
            self.left.len().to_string(),
        ]
    }
}

/// Milliseconds, or `-` for never.
pub(super) fn millis(ms: Option<f64>) -> String {
    ms.map_or("-".to_string(), |ms| format!("{ms:.2}"))
}

//! Rounds: a run that cuts a member off, a kill in the middle of it, and a look at what is left.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use shakedown_record::monotonic_ns;

use super::Killed;
use super::picture::{Picture, processes_of};
use super::prober::Prober;
use crate::pods::{AGENTS, Pods, pod_of};
use crate::shakedown::{Finished, Running, Sandbox, run_arguments, within_s};

/// The kill comes so long after the first try that had no answer: a cut is proven by then.
const EARLIEST_MS: f64 = 500.0;
const LATEST_MS: f64 = 4000.0;
/// The planned end is further from [`LATEST_MS`] than the limit of a dead agent; a dead runner ends nothing.
const CUT_FOR_MS: u64 = 5500;

const PORT: u16 = 8080;
const FLOWS_WITHIN: Duration = Duration::from_secs(10);
const CUT_WITHIN: Duration = Duration::from_secs(60);
/// Traffic that is not back after this time does not come back.
const NEVER: Duration = Duration::from_secs(30);
const READY_WITHIN_S: f64 = 20.0;
const ENDED_WITHIN_S: f64 = 2.0;

/// Little load, and the shortest way to a proven steady state: evenly spaced, since random arrivals leave slots empty.
fn scenario(replica: &str, seed: u64) -> String {
    format!(
        "scenario: kubernetes-sigkill\n\
         about: A member of the engine is cut off from the clients, for a campaign that kills whoever holds the cut.\n\
         system: reference\n\
         environment: kubernetes\n\
         seed: {seed}\n\
         load:\n  \
           arrival: {{ constant: {{ rate: 20/s }} }}\n  \
           mix: {{ new: 70, cancel: 25, replace: 5 }}\n  \
           symbols: {{ names: [BTCUSD, ETHUSD], skew: {{ zipf: 1.1 }} }}\n  \
           sessions: 4\n  \
           timeout: 1s\n\
         phases: {{ warm-up: {{ at-most: 40s }}, steady: 1s, recovery: {{ at-most: 12s }} }}\n\
         faults:\n  \
           cut:\n    \
             do: {{ partition: {{}} }}\n    \
             to: {{ link: {{ from: {{ name: {replica} }}, to: {{ clients: {{}} }} }} }}\n    \
             when: {{ after: {{ phase: steady }} }}\n    \
             for: {CUT_FOR_MS}ms\n\
         sla:\n  \
           lost: {{ lost-orders: {{ at-most: 0 }} }}\n"
    )
}

/// A cluster with the engine on it, between two rounds.
#[derive(Debug)]
pub struct ClusterKillWorld {
    pods: Pods,
    /// Of the end of the round before.
    before: Option<Picture>,
}

/// One kill.
#[derive(Debug, Clone)]
pub struct ClusterKillRound {
    pub number: u64,
    pub killed: Killed,
    /// The replica that was cut off.
    pub replica: String,
    /// From the first try without an answer to the kill, in milliseconds.
    pub moment_ms: Option<f64>,
    /// Tries from the first without an answer to the kill.
    pub sent_while_cut: usize,
    /// When tries that were sent in this time were answered in it, in milliseconds since its beginning.
    pub answers_while_cut_ms: Vec<f64>,
    /// From the kill to the first connection after which all came about for a second, in milliseconds; `None`: never.
    pub back_ms: Option<f64>,
    /// The longest time from the first try without an answer until traffic was back in which the prober did not try, in
    /// milliseconds: what it was held up by the machine.
    pub pause_ms: Option<f64>,
    /// How the run ended.
    pub runner: Option<Finished>,
    /// How `recover` ended, run from another folder.
    pub recover: Option<Finished>,
    /// How a second `recover` ended, which finds nothing to do.
    pub again: Option<Finished>,
    /// In words, what was left after `recover`.
    pub left: Vec<String>,
    /// In words, why the round broke off.
    pub broken: Option<String>,
}

impl ClusterKillWorld {
    /// The cluster of `SHAKEDOWN_CLUSTER`.
    ///
    /// # Panics
    /// When there is none, or it is not ready.
    pub fn new() -> ClusterKillWorld {
        ClusterKillWorld {
            pods: Pods::ready(),
            before: None,
        }
    }

    /// One round. What goes wrong is told by it, and the cluster is as before when it returns.
    ///
    /// # Panics
    /// When the cluster does not become as before.
    pub fn round(&mut self, number: u64, killed: Killed, fraction: f64) -> ClusterKillRound {
        let before = self.before.take().filter(Picture::is_ready);
        let before = before.unwrap_or_else(|| {
            // Whatever an earlier round left is gone, or there is no round more.
            self.pods = Pods::ready();
            Picture::take(&self.pods)
        });
        let mut round = ClusterKillRound::new(number, killed);
        let after_ns = ((EARLIEST_MS + fraction * (LATEST_MS - EARLIEST_MS)) * 1e6) as u64;
        let sandbox = Sandbox::new();
        let played = catch_unwind(AssertUnwindSafe(|| {
            self.play(&mut round, &sandbox, &before, after_ns);
        }));
        match played {
            Ok(()) if round.left.is_empty() => {
                let now = Picture::take(&self.pods);
                self.before = Some(now).filter(|now| before.left(now).is_empty());
            }
            Ok(()) => {}
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                round.broken = Some(text.unwrap_or_else(|| "it panicked".to_string()));
                // What is left of it must not disturb the next one.
                for process in sandbox.processes() {
                    if let Some(pid) = Pid::from_raw(process.pid as i32) {
                        let _ = kill_process(pid, Signal::KILL);
                    }
                }
                sandbox.run(&["recover"]);
            }
        }
        round
    }

    fn play(&self, round: &mut ClusterKillRound, sandbox: &Sandbox, before: &Picture, after: u64) {
        let pod = pod_of(&round.replica);
        let member = before.members.get(&pod);
        let ip = member.and_then(|member| member.ip.parse().ok());
        let ip = ip.unwrap_or_else(|| panic!("{pod} has no address"));
        let prober = Prober::of(SocketAddr::new(ip, PORT));
        assert!(prober.wait_flow(FLOWS_WITHIN), "{pod} cannot be reached");
        let text = scenario(&round.replica, round.number);
        let (path, dir) = (sandbox.write("cut.yaml", text), sandbox.new_run_dir());
        let running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
        let Some((silent_ns, agent)) = self.cut(&prober) else {
            // It may have ended already.
            let _ = kill_process(pid_of(running.pid()), Signal::KILL);
            panic!("nothing was cut: {}", running.finish().said());
        };
        let now_ns = monotonic_ns();
        thread::sleep(Duration::from_nanos(
            (silent_ns + after).saturating_sub(now_ns),
        ));
        let killed_ns = monotonic_ns();
        if round.killed != Killed::Runner {
            kill_process(pid_of(agent), Signal::KILL).expect("the agent still runs");
        }
        if round.killed != Killed::Agent {
            running.signal(Signal::KILL);
        }
        let back_ns = prober.wait_back(killed_ns, NEVER);
        let seen = prober.seen();
        let since_ms = |from_ns: u64, at_ns: u64| at_ns.saturating_sub(from_ns) as f64 / 1e6;
        let until_ns = back_ns.unwrap_or_else(monotonic_ns);
        round.moment_ms = Some(since_ms(silent_ns, killed_ns));
        round.sent_while_cut = seen.sent(silent_ns, killed_ns);
        let answers = seen.answers(silent_ns, killed_ns).into_iter();
        round.answers_while_cut_ms = answers.map(|at_ns| since_ms(silent_ns, at_ns)).collect();
        round.back_ms = back_ns.map(|at_ns| since_ms(killed_ns, at_ns));
        round.pause_ms = Some(seen.pause_ns(silent_ns, until_ns) as f64 / 1e6);
        if round.killed == Killed::Agent {
            running.signal(Signal::INT);
        }
        round.runner = Some(running.finish());
        self.recover(round, sandbox, before);
    }

    /// Waits for the cut: since when nothing is answered, and the process of the agent. What the machine holds up for a
    /// moment looks the same, but then there is no agent, or answers come again.
    fn cut(&self, prober: &Prober) -> Option<(u64, u32)> {
        let until_ns = monotonic_ns() + CUT_WITHIN.as_nanos() as u64;
        loop {
            let left = Duration::from_nanos(until_ns.saturating_sub(monotonic_ns()));
            let silent_ns = prober.wait_cut(left)?;
            let agent = self.agent();
            if prober.wait_cut(Duration::ZERO) == Some(silent_ns)
                && let Some(agent) = agent
            {
                return Some((silent_ns, agent));
            }
            if left.is_zero() {
                return None;
            }
        }
    }

    /// From another folder, as somebody would who finds the run dead.
    fn recover(&self, round: &mut ClusterKillRound, sandbox: &Sandbox, before: &Picture) {
        let elsewhere = Sandbox::new();
        let recover = || {
            let mut recover = sandbox.command(&["recover"]);
            recover.current_dir(elsewhere.path());
            Running::start(recover).finish()
        };
        round.recover = Some(recover());
        let now = Picture::take(&self.pods);
        round.left = before.left(&now);
        round.again = Some(recover());
        let processes = sandbox.left_after_s(ENDED_WITHIN_S);
        round
            .left
            .extend(processes.iter().map(|it| format!("{it:?}")));
        let is_ready = || Picture::take(&self.pods).is_ready();
        if !now.is_ready() && !within_s(READY_WITHIN_S, is_ready) {
            round.left.push("a member is not ready".to_string());
        }
    }

    /// The process of the only agent: that of its container, not what holds its pod or what it has started.
    fn agent(&self) -> Option<u32> {
        let pods = self.pods.json(&["-n", AGENTS, "get", "pods"]);
        let pods = pods["items"].as_array().cloned().unwrap_or_default();
        let uids = pods
            .iter()
            .filter_map(|pod| pod["metadata"]["uid"].as_str());
        let pids: Vec<u32> = uids
            .flat_map(processes_of)
            .filter(|pid| is_agent(*pid))
            .collect();
        match pids.as_slice() {
            [pid] => Some(*pid),
            _ => None,
        }
    }
}

impl Default for ClusterKillWorld {
    fn default() -> Self {
        Self::new()
    }
}

fn is_agent(pid: u32) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0);
    let is_ours = words
        .next()
        .is_some_and(|program| program.ends_with(b"shakedown"));
    is_ours && words.next() == Some(b"agent")
}

fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(pid as i32).expect("a process has a pid above 0")
}

impl ClusterKillRound {
    /// Members are cut off in turn, each by each kind.
    fn new(number: u64, killed: Killed) -> ClusterKillRound {
        ClusterKillRound {
            number,
            killed,
            replica: format!("engine-{}", 1 + (number / 3) % 3),
            moment_ms: None,
            sent_while_cut: 0,
            answers_while_cut_ms: Vec::new(),
            back_ms: None,
            pause_ms: None,
            runner: None,
            recover: None,
            again: None,
            left: Vec::new(),
            broken: None,
        }
    }

    /// Its row in the table.
    pub fn row(&self) -> Vec<String> {
        let ms = |ms: Option<f64>| ms.map_or("-".to_string(), |ms| format!("{ms:.1}"));
        let ended = |finished: &Option<Finished>| match finished {
            Some(finished) if finished.signal == Some(9) => "killed".to_string(),
            Some(finished) => finished.code.unwrap_or(-1).to_string(),
            None => "-".to_string(),
        };
        vec![
            self.number.to_string(),
            self.killed.name().to_string(),
            self.replica.clone(),
            ms(self.moment_ms),
            self.sent_while_cut.to_string(),
            self.answers_while_cut_ms.len().to_string(),
            ms(self.back_ms),
            self.killed.limit_ms().to_string(),
            ms(self.pause_ms),
            ended(&self.runner),
            ended(&self.recover),
            match self.found_nothing_again() {
                true => "clean".to_string(),
                false => format!("exit {}", ended(&self.again)),
            },
            self.left.len().to_string(),
            self.why(),
        ]
    }

    /// What it does not show, in one line; `-` when all is well but for times.
    fn why(&self) -> String {
        let mut why: Vec<String> = self.broken.iter().cloned().collect();
        if !self.answers_while_cut_ms.is_empty() {
            let at_ms = &self.answers_while_cut_ms;
            why.push(format!("answers {at_ms:.0?} ms after the cut began"));
        }
        why.extend(self.left.iter().cloned());
        match why.is_empty() {
            true => "-".to_string(),
            false => why
                .join("; ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    /// The second `recover` said that there was nothing.
    pub fn found_nothing_again(&self) -> bool {
        let again = self.again.as_ref();
        again.is_some_and(|it| it.code == Some(0) && it.stdout.contains("clean: no run"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_cuts_every_member_off() {
        let mut met: Vec<(Killed, String)> = (1..=9)
            .map(|number| ClusterKillRound::new(number, Killed::of_round(number)))
            .map(|round| (round.killed, round.replica))
            .collect();
        met.sort();
        met.dedup();
        assert_eq!(met.len(), 9, "{met:?}");
    }

    #[test]
    fn a_round_that_broke_off_is_a_row_that_shows_nothing() {
        let mut round = ClusterKillRound::new(4, Killed::Runner);
        round.broken = Some("nothing was\ncut".to_string());
        let row = round.row();
        assert_eq!(
            row.len(),
            crate::evidence::Campaign::KubernetesSigkill.columns().len()
        );
        assert_eq!(row[6], "-");
        assert_eq!(row[13], "nothing was cut");
        assert!(!round.found_nothing_again());
        round.broken = None;
        assert_eq!(round.row()[13], "-");
        round.answers_while_cut_ms = vec![12.3];
        assert_eq!(round.row()[5], "1");
        assert!(round.row()[13].contains("[12] ms"), "{:?}", round.row());
    }
}

//! A store that Shakedown knows nothing of, by a profile alone: etcd, over HTTP.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use shakedown_record::Verdict;
use shakedown_record::run_record::RunRecord;
use shakedown_tests::calm::soundly;
use shakedown_tests::drill::has_told;
use shakedown_tests::fixture::instantiate;
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, beside, check, run_arguments, within_s,
};

use super::program;

const MEMBERS: usize = 3;

/// Members of an etcd on loopback.
struct Etcd {
    folder: PathBuf,
    /// For clients, then for each other.
    ports: Vec<u16>,
    members: Vec<Child>,
}

impl Etcd {
    fn start(sandbox: &Sandbox) -> Etcd {
        let free: Vec<TcpListener> = (0..2 * MEMBERS)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let ports = free.iter().map(port).collect();
        drop(free);
        let mut etcd = Etcd {
            folder: sandbox.path().to_path_buf(),
            ports,
            members: Vec::new(),
        };
        etcd.members = (0..MEMBERS).map(|member| etcd.member(member)).collect();
        let environment = "/v2/keys/environment?value=test";
        let is_up = within_s(20.0, || {
            etcd.ask(0, "PUT", environment)["action"] == "set" && etcd.leader().is_some()
        });
        assert!(is_up, "no leader");
        etcd
    }

    fn member(&self, member: usize) -> Child {
        let url = |at: usize| format!("http://127.0.0.1:{}", self.ports[at]);
        let peers = (0..MEMBERS).map(|it| format!("member-{it}={}", url(MEMBERS + it)));
        let peers: Vec<String> = peers.collect();
        Command::new(program("SHAKEDOWN_ETCD", "etcd"))
            .arg("--enable-v2")
            .args(["--name", &format!("member-{member}")])
            .arg("--data-dir")
            .arg(self.folder.join(format!("member-{member}")))
            .args(["--listen-client-urls", &url(member)])
            .args(["--advertise-client-urls", &url(member)])
            .args(["--listen-peer-urls", &url(MEMBERS + member)])
            .args(["--initial-advertise-peer-urls", &url(MEMBERS + member)])
            .args(["--initial-cluster", &peers.join(",")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The answer of a member; null when there is none.
    fn ask(&self, member: usize, method: &str, path: &str) -> Value {
        let answer = || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.ports[member])).ok()?;
            write!(
                stream,
                "{method} {path} HTTP/1.0\r\nContent-Length: 0\r\n\r\n"
            )
            .ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).ok()?;
            let (_, body) = text.split_once("\r\n\r\n")?;
            serde_json::from_str(body).ok()
        };
        answer().unwrap_or_default()
    }

    fn leader(&self) -> Option<usize> {
        let is_leader =
            |it: &usize| self.ask(*it, "GET", "/v2/stats/self")["state"] == "StateLeader";
        (0..MEMBERS).find(is_leader)
    }

    fn orders(&self, member: usize) -> Vec<String> {
        let answer = self.ask(member, "GET", "/v2/keys/orders");
        let nodes = answer["node"]["nodes"].as_array().cloned();
        let ids = nodes.into_iter().flatten();
        ids.filter_map(|node| node["value"].as_str().map(str::to_string))
            .collect()
    }

    fn kill(&mut self, member: usize) {
        kill_process(Pid::from_child(&self.members[member]), Signal::KILL).unwrap();
        self.members[member].wait().unwrap();
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for member in &mut self.members {
            let _ = member.kill();
            let _ = member.wait();
        }
    }
}

/// A run, and what is done to its store in the steady state.
fn run(what: impl Fn(&mut Etcd) -> Vec<String>) -> (RunRecord, Vec<String>) {
    soundly(|| {
        let sandbox = Sandbox::new();
        let mut etcd = Etcd::start(&sandbox);
        let ports: Vec<String> = etcd.ports.iter().map(u16::to_string).collect();
        let replacements = [
            ("23790", &ports[0][..]),
            ("23791", &ports[1]),
            ("23792", &ports[2]),
        ];
        instantiate("etcd.yaml", sandbox.path(), &replacements).unwrap();
        let scenario = instantiate("etcd-calm.yaml", sandbox.path(), &[]).unwrap();
        let dir = sandbox.new_run_dir();
        let mut running = Running::start(sandbox.command(&run_arguments(&scenario, &dir, &[])));
        let steady = within_s(60.0, || {
            !running.is_running() || has_told(&dir, "steady-reached", None)
        });
        let mut done = Vec::new();
        if steady && running.is_running() {
            done = what(&mut etcd);
        }
        let run = ScenarioRun {
            finished: running.finish(),
            dir,
        };
        let sound = run.sound();
        assert!(!done.is_empty() || !sound, "{}", run.finished.said());
        ((run.record(), done), sound)
    })
}

#[test]
fn a_store_of_which_nothing_is_known_but_its_profile_keeps_its_orders() {
    let _beside = beside();
    let (record, killed) = run(|etcd| {
        let leader = etcd.leader().unwrap();
        etcd.kill(leader);
        etcd.members[leader] = etcd.member(leader);
        vec![format!("etcd-{}", leader + 1)]
    });
    let loss = &record.data_loss;
    assert!(loss.acknowledged > 500, "{loss:?}");
    assert_eq!(loss.coverage.replicas_read, 3, "{killed:?}: {loss:?}");
    let none = [loss.lost, loss.divergent, loss.phantom, loss.duplicate];
    assert_eq!(none, [Some(0); 4], "{loss:?}");
    for name in ["lost", "divergent", "phantom", "duplicate"] {
        assert_eq!(check(&record, name).verdict, Verdict::Pass);
    }
    // The profile names no price of a key.
    assert_eq!(loss.corrupt, None, "{loss:?}");
}

#[test]
fn orders_that_somebody_took_out_of_a_store_are_named() {
    let _beside = beside();
    let (record, taken) = run(|etcd| {
        let taken = etcd.orders(0).into_iter().take(3);
        let taken = taken.filter(|id| {
            let answer = etcd.ask(1, "DELETE", &format!("/v2/keys/orders/{id}"));
            answer["action"] == "delete"
        });
        taken.collect()
    });
    assert_eq!(taken.len(), 3, "{taken:?}");
    let loss = &record.data_loss;
    assert_eq!(loss.lost, Some(3), "{loss:?}");
    assert_eq!(check(&record, "lost").verdict, Verdict::Fail);
    assert_eq!(record.verdict, Verdict::Fail);
    let told = loss.examples.iter().filter(|it| it.class == "lost");
    let mut told: Vec<&String> = told.map(|it| &it.order).collect();
    let mut taken: Vec<&String> = taken.iter().collect();
    told.sort();
    taken.sort();
    assert_eq!(told, taken);
}

//! Redis behind Sentinel: what a partition of the master costs, against what the servers say by their own client.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use shakedown_record::Verdict;
use shakedown_record::run_record::RunRecord;
use shakedown_tests::calm::soundly;
use shakedown_tests::drill::{has_told, pids_of};
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, beside, binary, check, library, run_arguments, within_s,
    workspace,
};

use super::{
    PASSWORD, acked_before, blunted, data, program, reached_with_a_password, without_faults,
};

const FAULTS: [&str; 2] = ["master-cut", "sentinels-cut"];

/// Addresses of the servers that run in a sandbox; their sentinels are none.
fn servers(sandbox: &Sandbox) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for process in sandbox.processes() {
        let mut words = process.command.split(' ');
        let configuration = words.find(|word| word.ends_with("/redis.conf"));
        let text = configuration.and_then(|path| fs::read_to_string(path).ok());
        let bound = text.as_ref().and_then(|text| {
            let mut lines = text.lines().filter(|_| !text.contains("sentinel monitor"));
            lines.find_map(|line| line.strip_prefix("bind "))
        });
        found.extend(bound.map(|address| address.trim_matches('"').to_string()));
    }
    found.sort();
    found.dedup();
    found
}

/// The orders that a server has, by its own client; `None`: it does not tell.
fn orders(server: &str) -> Option<BTreeSet<String>> {
    let output = Command::new(program("SHAKEDOWN_REDIS", "redis-cli"))
        .args(["-e", "-h", server, "--scan", "--pattern", "order:*"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let keys = text.lines().map(|key| key.strip_prefix("order:"));
    let keys: Option<BTreeSet<String>> = keys.map(|key| key.map(str::to_string)).collect();
    keys.filter(|_| output.status.success())
}

/// What all servers have, once they have the same: nothing is written any more.
fn dump(sandbox: &Sandbox) -> Option<BTreeSet<String>> {
    let servers = servers(sandbox);
    let dumps: Option<Vec<_>> = servers.iter().map(|server| orders(server)).collect();
    let dumps = dumps.filter(|dumps| dumps.len() == 3)?;
    let alike = dumps.iter().all(|dump| *dump == dumps[0]);
    alike.then(|| dumps[0].clone())
}

/// A run and, after its load, the acknowledged orders that no server had by their own account.
fn asked(scenario: &str) -> (RunRecord, usize) {
    soundly(|| {
        let sandbox = Sandbox::new();
        let dir = sandbox.new_run_dir();
        let path = library(scenario);
        let mut running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
        let stopped = within_s(90.0, || {
            !running.is_running() || has_told(&dir, "load-stopped", None)
        });
        let mut there = None;
        if stopped && running.is_running() {
            // Else it would be over as soon as the servers have the same.
            running.signal(Signal::STOP);
            within_s(30.0, || {
                there = dump(&sandbox);
                there.is_some()
            });
            running.signal(Signal::CONT);
        }
        let run = ScenarioRun {
            finished: running.finish(),
            dir,
        };
        assert_eq!(sandbox.left_after_s(2.0), []);
        assert!(!data(&sandbox), "data of servers is left");
        let sound = run.sound();
        assert!(there.is_some() || !sound, "{}", run.finished.said());
        let slot = |id: &String| id.rsplit_once('-')?.1.parse::<u64>().ok();
        let there: BTreeSet<u64> = there.iter().flatten().filter_map(slot).collect();
        let acked = acked_before(&run.dir, f64::MAX);
        ((run.record(), acked.difference(&there).count()), sound)
    })
}

/// What is counted as lost is what the servers' own dump lacks.
fn lost(scenario: &str) -> RunRecord {
    let (record, missing) = asked(scenario);
    let loss = &record.data_loss;
    let lost = loss.lost.unwrap();
    assert_eq!(lost, missing as u64, "{loss:?}");
    assert!(loss.coverage.unread.is_empty(), "{loss:?}");
    for none in [loss.phantom, loss.duplicate, loss.corrupt, loss.divergent] {
        assert_eq!(none, Some(0), "{loss:?}");
    }
    let verdict = match lost {
        0 => Verdict::Pass,
        _ => Verdict::Fail,
    };
    assert_eq!(check(&record, "lost").verdict, verdict);
    assert!(!record.dirty, "{:?}", record.leftovers);
    record
}

#[test]
fn a_master_that_is_cut_off_loses_what_its_clients_go_on_writing() {
    let _beside = beside();
    let record = lost("redis-default");
    let lost = record.data_loss.lost.unwrap();
    // At least until the cut is healed: 10 s of 300 orders each.
    assert!((2_000..12_000).contains(&lost), "{lost}");
    assert_eq!(record.verdict, Verdict::Fail, "{:?}", record.reasons);
}

#[test]
fn a_master_that_wants_a_replica_loses_what_it_took_before_it_noticed() {
    let _beside = beside();
    let record = lost("redis-min-replicas");
    let loss = &record.data_loss;
    // A lag of up to 2 whole seconds, looked at once a second.
    assert!((100..1_500).contains(&loss.lost.unwrap()), "{loss:?}");
    let outcomes = &record.generator.outcomes;
    assert!(outcomes.refused > 2_000, "{outcomes:?}");
    assert_eq!(record.verdict, Verdict::Fail, "{:?}", record.reasons);
}

#[test]
fn an_order_that_a_replica_has_is_there_after_the_failover() {
    let _beside = beside();
    let record = lost("redis-wait");
    let loss = &record.data_loss;
    assert_eq!(loss.lost, Some(0), "{loss:?}");
    assert!(loss.indeterminate > 50, "{loss:?}");
}

#[test]
fn without_a_fault_nothing_is_lost_default() {
    without_faults("redis-default");
}

#[test]
fn without_a_fault_nothing_is_lost_min_replicas() {
    without_faults("redis-min-replicas");
}

#[test]
fn without_a_fault_nothing_is_lost_wait() {
    without_faults("redis-wait");
}

#[test]
fn a_fault_that_is_not_applied_shows_nothing_default() {
    blunted("redis-default", &FAULTS);
}

#[test]
fn a_fault_that_is_not_applied_shows_nothing_min_replicas() {
    blunted("redis-min-replicas", &FAULTS);
}

#[test]
fn a_fault_that_is_not_applied_shows_nothing_wait() {
    blunted("redis-wait", &FAULTS);
}

#[test]
fn servers_and_sentinels_end_with_a_runner_that_is_killed() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let dir = sandbox.new_run_dir();
    let path = library("redis-default");
    let running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
    let begun = within_s(60.0, || has_told(&dir, "fault-effect", Some(FAULTS[0])));
    assert!(begun, "{}", running.finish().said());
    let state = sandbox.path().join("state");
    for name in ["redis-1", "redis-3", "sentinel-2"] {
        assert_eq!(pids_of(&state, name).len(), 1, "{name}");
    }
    kill_process(Pid::from_raw(running.pid() as i32).unwrap(), Signal::KILL).unwrap();
    drop(running.finish());
    assert_eq!(sandbox.left_after_s(5.0), []);
    assert!(data(&sandbox));
    sandbox.run(&["recover"]).expect_code(0);
    assert!(!data(&sandbox));
}

#[test]
fn without_servers_the_package_is_named() {
    let sandbox = Sandbox::new();
    let dir = sandbox.new_run_dir();
    let path = library("redis-default");
    let mut command = sandbox.around(Command::new(binary()), &run_arguments(&path, &dir, &[]));
    command.env("SHAKEDOWN_REDIS", sandbox.path());
    let finished = Running::start(command).finish();
    finished
        .expect_code(69)
        .expect_words(&["apt-get install redis-server"]);
}

/// A server of somebody else's, who asks for a password.
struct Foreign {
    server: Child,
    port: u16,
}

impl Foreign {
    fn start() -> Foreign {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let server = Command::new(program("SHAKEDOWN_REDIS", "redis-server"))
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--requirepass", PASSWORD])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let foreign = Foreign { server, port };
        let marked = within_s(10.0, || foreign.cli(&["SET", "testbed", "yes"]) == "OK\n");
        assert!(marked, "no server at port {port}");
        foreign
    }

    /// What it says to its own client.
    fn cli(&self, words: &[&str]) -> String {
        let output = Command::new(program("SHAKEDOWN_REDIS", "redis-cli"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(words)
            .env("REDISCLI_AUTH", PASSWORD)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.server), Signal::KILL);
        let _ = self.server.wait();
    }
}

#[test]
fn a_server_of_somebody_else_is_reached_with_a_password() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let foreign = Foreign::start();
    let path = workspace().join("scenarios/library/systems/redis-sentinel.yaml");
    let text = fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once("  sentinel:\n").unwrap();
    let (_, after) = rest.split_once("accounts:").unwrap();
    let profile = format!(
        "{}environments: {{ external: {{ entry: [\"redis://127.0.0.1:{}\"] }} }}\nsecrets: {{ password: {{ env: STORE_PASSWORD }} }}\n\
         auth: {{ basic: {{ user: default, password: \"${{password}}\" }} }}\n\
         not-production: [ {{ get: {{ command: [GET, testbed] }}, where: {{ /reply: \"yes\" }} }} ]\n\
         gateway: {{ redis: {{}} }}\naccounts:{after}",
        before.replace("replicas: 3", "replicas: 1"),
        foreign.port
    );
    let load = "mix: { new: 100 }, symbols: { names: [BTCUSD] }";
    let record = reached_with_a_password(&sandbox, profile, load);
    let keys: u64 = foreign.cli(&["DBSIZE"]).trim().parse().unwrap();
    // The mark, and the sentinel order.
    assert!(keys >= record.data_loss.acknowledged + 2, "{keys}");
}

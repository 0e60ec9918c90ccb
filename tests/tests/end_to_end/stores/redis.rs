//! Redis behind Sentinel: what a partition of the master costs, against what the servers say by their own client.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use shakedown_record::Verdict;
use shakedown_record::run_record::RunRecord;
use shakedown_tests::calm::soundly;
use shakedown_tests::drill::{has_told, pids_of};
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, beside, binary, check, library, run_arguments, within_s,
};

use super::{acked_before, blunted, data, program, without_faults};

const FAULTS: [&str; 2] = ["master-cut", "sentinels-cut"];

/// A sentinel order for each symbol.
const SYMBOLS: usize = 2;

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

/// What all servers have, once they have the same and nothing more is written: behind the sentinel orders.
fn dump(sandbox: &Sandbox) -> Option<BTreeSet<String>> {
    let servers = servers(sandbox);
    let dumps: Option<Vec<_>> = servers.iter().map(|server| orders(server)).collect();
    let dumps = dumps.filter(|dumps| dumps.len() == 3)?;
    let is_last = |id: &&String| {
        let number = id.rsplit_once('-').map_or("", |(_, number)| number);
        number.starts_with('s')
    };
    let is_whole = dumps[0].iter().filter(is_last).count() >= SYMBOLS;
    let alike = dumps.iter().all(|dump| *dump == dumps[0]);
    (is_whole && alike).then(|| dumps[0].clone())
}

/// A run and, after it, the acknowledged orders that no server had by their own account.
fn asked(scenario: &str) -> (RunRecord, usize) {
    soundly(|| {
        let sandbox = Sandbox::new();
        let dir = sandbox.new_run_dir();
        let path = library(scenario);
        let mut running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
        let healed = within_s(90.0, || {
            !running.is_running() || has_told(&dir, "fault-clean", Some(FAULTS[0]))
        });
        let mut there = None;
        while healed && running.is_running() && there.is_none() {
            there = dump(&sandbox);
            sleep(Duration::from_millis(50));
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
    assert!(loss.rejected > 500, "{loss:?}");
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

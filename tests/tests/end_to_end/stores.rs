//! Stores behind an engine as the system: what they lose is counted, and it is what their own dump lacks.
//!
//! `tests/stores.sh` runs this module: it sees to it that there are servers.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

mod http;
mod parts;
mod redis;
mod restore;
mod stand_ins;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use shakedown_record::ledger::LedgerReader;
use shakedown_record::run_record::RunRecord;
use shakedown_record::{Outcome, Verdict};
use shakedown_tests::calm::soundly;
use shakedown_tests::drill::{has_told, pids_of};
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, alone, beside, binary, check, library, run_arguments, within_s,
    workspace,
};

/// Somebody acknowledges again no sooner than 1 s after a server was killed: by then it is started again, or another one
/// promoted.
const LAST_ACKED_S: f64 = 0.9;

/// A run and, after the last of its faults, what every server had of it by its own account.
struct Asked {
    record: RunRecord,
    /// For each server, the acknowledged orders from before the kill that it did not have.
    missing: Vec<usize>,
}

fn asked(scenario: &str, kill: &str) -> Asked {
    soundly(|| {
        let sandbox = Sandbox::new();
        let dir = sandbox.new_run_dir();
        let path = library(scenario);
        let mut running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
        let mut ended = false;
        let told = within_s(120.0, || {
            ended = !running.is_running();
            ended || has_told(&dir, "fault-clean", Some(kill))
        });
        let there: Vec<BTreeSet<u64>> = match told && !ended {
            true => servers(&sandbox).iter().map(|at| slots(at)).collect(),
            false => Vec::new(),
        };
        let run = ScenarioRun {
            finished: running.finish(),
            dir,
        };
        assert_eq!(sandbox.left_after_s(2.0), []);
        assert!(!data(&sandbox), "data of servers is left");
        let sound = run.sound();
        assert!(!there.is_empty() || !sound, "{}", run.finished.said());
        let record = run.record();
        let killed = record.faults.iter().find(|fault| fault.name == kill);
        let killed_s = killed.and_then(|fault| fault.injected_at_s).unwrap_or(0.0);
        let acked = acked_before(&run.dir, killed_s + LAST_ACKED_S);
        let lacks = |there: &BTreeSet<u64>| acked.difference(there).count();
        let asked = Asked {
            missing: there.iter().map(lacks).collect(),
            record,
        };
        (asked, sound)
    })
}

/// Addresses of the servers that run in a sandbox.
fn servers(sandbox: &Sandbox) -> Vec<String> {
    let address = |command: &str| {
        let mut words = command.split(' ');
        let found = words.find_map(|word| word.strip_prefix("listen_addresses="));
        found.map(str::to_string)
    };
    let processes = sandbox.processes();
    let mut found: Vec<String> = processes
        .iter()
        .filter_map(|it| address(&it.command))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Slots of the orders that a server has, by its own client.
fn slots(server: &str) -> BTreeSet<u64> {
    let mut psql = Command::new(program("SHAKEDOWN_POSTGRESQL", "psql"));
    psql.args(["-h", server, "-U", "postgres", "-d", "trading", "-At"]);
    let output = psql
        .args(["-c", "copy (select id from orders) to stdout"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let ids = String::from_utf8(output.stdout).unwrap();
    let slot = |id: &str| id.rsplit_once('-')?.1.parse().ok();
    ids.lines().filter_map(slot).collect()
}

fn acked_before(dir: &Path, until_s: f64) -> BTreeSet<u64> {
    let ledger = LedgerReader::open(&dir.join("ledger")).unwrap();
    let entries = ledger.entries().map(Result::unwrap);
    let acked = entries.filter(|(_, entry)| {
        let done_s = entry.done_ns.unwrap_or(u64::MAX) as f64 / 1e9;
        entry.settled() == Outcome::Acked && done_s < until_s
    });
    acked.map(|(slot, _)| slot).collect()
}

/// True when a run left data folders of its servers.
fn data(sandbox: &Sandbox) -> bool {
    let nodes = fs::read_dir(sandbox.path().join("state/shakedown/nodes"));
    nodes.is_ok_and(|mut nodes| nodes.next().is_some())
}

/// Every server lacks what is counted as lost, and has all else.
fn lost(scenario: &str, kill: &str, servers: usize) -> u64 {
    let Asked { record, missing } = asked(scenario, kill);
    let loss = &record.data_loss;
    assert!(loss.rejected > 0, "{loss:?}");
    let lost = loss.lost.unwrap();
    assert_eq!(missing, vec![lost as usize; servers], "{loss:?}");
    assert!(loss.coverage.unread.is_empty(), "{loss:?}");
    for none in [loss.phantom, loss.duplicate, loss.corrupt] {
        assert_eq!(none, Some(0), "{loss:?}");
    }
    assert_eq!(loss.divergent, (servers > 1).then_some(0), "{loss:?}");
    let verdict = match lost {
        0 => Verdict::Pass,
        _ => Verdict::Fail,
    };
    assert_eq!(record.verdict, verdict, "{:?}", record.reasons);
    assert_eq!(check(&record, "lost").verdict, verdict);
    assert!(!record.dirty, "{:?}", record.leftovers);
    lost
}

#[test]
fn a_failover_without_synchronous_replication_loses_what_was_on_its_way() {
    let _beside = beside();
    let lost = lost("postgresql-async", "primary-dies", 2);
    // 2 s of 300 orders each.
    assert!((200..1_200).contains(&lost), "{lost}");
}

#[test]
fn a_failover_with_synchronous_replication_loses_nothing() {
    // To pass it must also be back in time.
    let _alone = alone();
    assert_eq!(lost("postgresql-sync", "primary-dies", 3), 0);
}

#[test]
fn a_crash_with_asynchronous_commits_loses_what_the_last_page_held() {
    let _beside = beside();
    // Killed between two pages, it loses nothing.
    let mut losses = (0..3).map(|_| lost("postgresql-commit-off", "server-dies", 1));
    let lost = losses.find(|lost| *lost > 0);
    assert!(lost.is_some_and(|lost| lost < 300), "{lost:?}");
}

fn without_faults(name: &str) {
    let _beside = beside();
    let text = fs::read_to_string(library(name)).unwrap();
    let (before, rest) = text.split_once("faults:\n").unwrap();
    let (_, rules) = rest.split_once("sla:\n").unwrap();
    let rules = rules.lines().filter(|line| !line.contains("failover:"));
    let rules: Vec<&str> = rules.collect();
    let sandbox = Sandbox::new();
    let path = sandbox.write("calm.yaml", format!("{before}sla:\n{}\n", rules.join("\n")));
    let record = sandbox.run_soundly(&path, &[]).expect_code(0);
    assert_eq!(record.data_loss.lost, Some(0));
    assert!(record.data_loss.acknowledged > 1_000);
}

fn blunted(name: &str, faults: &[&str]) {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let flags: Vec<&str> = faults.iter().flat_map(|id| ["--blunt", id]).collect();
    let record = sandbox.run_scenario(&library(name), &flags).expect_code(2);
    assert_eq!(record.verdict, Verdict::Inconclusive);
    assert_eq!(record.data_loss.lost, Some(0));
    for id in faults {
        let wanted = format!("fault {id} had no effect");
        let told = record.reasons.iter().any(|it| it.contains(&wanted));
        assert!(told, "{:?}", record.reasons);
    }
}

#[test]
fn without_a_fault_nothing_is_lost_async() {
    without_faults("postgresql-async");
}

#[test]
fn without_a_fault_nothing_is_lost_sync() {
    without_faults("postgresql-sync");
}

#[test]
fn without_a_fault_nothing_is_lost_commit_off() {
    without_faults("postgresql-commit-off");
}

#[test]
fn a_fault_that_is_not_applied_shows_nothing_async() {
    blunted("postgresql-async", &["replication-cut", "primary-dies"]);
}

#[test]
fn a_fault_that_is_not_applied_shows_nothing_sync() {
    blunted("postgresql-sync", &["replication-cut", "primary-dies"]);
}

#[test]
fn a_fault_that_is_not_applied_shows_nothing_commit_off() {
    blunted("postgresql-commit-off", &["server-dies"]);
}

#[test]
fn servers_end_with_a_runner_that_is_killed_and_their_data_with_recover() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let dir = sandbox.new_run_dir();
    let path = library("postgresql-async");
    let running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
    let state = sandbox.path().join("state");
    let begun = within_s(60.0, || {
        has_told(&dir, "fault-effect", Some("replication-cut"))
    });
    assert!(begun, "{}", running.finish().said());
    let pids: Vec<u32> = ["postgres-1", "postgres-2"]
        .iter()
        .flat_map(|it| pids_of(&state, it))
        .collect();
    assert_eq!(pids.len(), 2);
    let children: Vec<PathBuf> = pids.iter().flat_map(|pid| children_of(*pid)).collect();
    assert!(children.len() > 6, "{children:?}");
    kill_process(Pid::from_raw(running.pid() as i32).unwrap(), Signal::KILL).unwrap();
    drop(running.finish());
    assert_eq!(sandbox.left_after_s(5.0), []);
    assert!(
        within_s(2.0, || children.iter().all(|it| !it.exists())),
        "{children:?}"
    );
    assert!(data(&sandbox));
    sandbox.run(&["recover"]).expect_code(0);
    assert!(!data(&sandbox));
}

/// Where the children of a process are in `/proc`.
fn children_of(pid: u32) -> Vec<PathBuf> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let folders = children.split_whitespace();
    folders.map(|pid| Path::new("/proc").join(pid)).collect()
}

#[test]
fn without_servers_the_package_is_named() {
    let sandbox = Sandbox::new();
    let dir = sandbox.new_run_dir();
    let path = library("postgresql-async");
    let mut command = sandbox.around(Command::new(binary()), &run_arguments(&path, &dir, &[]));
    command.env("SHAKEDOWN_POSTGRESQL", sandbox.path());
    let finished = Running::start(command).finish();
    finished
        .expect_code(69)
        .expect_words(&["apt-get install postgresql-15"]);
}

/// A server of somebody else's, who asks for a password.
struct Foreign {
    server: Child,
    port: u16,
}

impl Foreign {
    fn start(sandbox: &Sandbox) -> Foreign {
        let data = sandbox.path().join("foreign");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(sandbox.path(), Permissions::from_mode(0o711)).unwrap();
        chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
        let password = sandbox.write("password", format!("{PASSWORD}\n"));
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let made = as_nobody("initdb")
            .arg("-D")
            .arg(&data)
            .arg(format!("--pwfile={}", password.display()))
            .args(["--auth=scram-sha-256", "--username=trader", "--no-sync"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let server = as_nobody("postgres")
            .arg("-D")
            .arg(&data)
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                &format!("port={port}"),
            ])
            .args([
                "-c",
                "unix_socket_directories=",
                "-c",
                "cluster_name=testbed",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let foreign = Foreign { server, port };
        let made = within_s(10.0, || foreign.psql("postgres", "create database trading"));
        assert!(made, "no server at port {port}");
        foreign
    }

    fn psql(&self, database: &str, sql: &str) -> bool {
        let mut psql = Command::new(program("SHAKEDOWN_POSTGRESQL", "psql"));
        psql.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            "trader",
            "-qd",
            database,
        ]);
        let done = psql.args(["-c", sql]).env("PGPASSWORD", PASSWORD).output();
        done.unwrap().status.success()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // At once, and waited for.
        let _ = kill_process(Pid::from_child(&self.server), Signal::QUIT);
        let _ = self.server.wait();
    }
}

const NOBODY: u32 = 65_534;

/// Of the servers of somebody else's.
const PASSWORD: &str = "s3cret-of-traders";

/// One of the programs in the folder that an environment variable names.
fn program(folder: &str, name: &str) -> PathBuf {
    Path::new(&std::env::var(folder).unwrap()).join(name)
}

fn as_nobody(name: &str) -> Command {
    let mut command = Command::new(program("SHAKEDOWN_POSTGRESQL", name));
    command.uid(NOBODY).gid(NOBODY).current_dir("/");
    command
}

#[test]
fn a_server_of_somebody_else_is_reached_with_a_password() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let foreign = Foreign::start(&sandbox);
    let text =
        fs::read_to_string(workspace().join("scenarios/library/systems/postgres-async.yaml"))
            .unwrap();
    let (before, rest) = text.split_once("environments:\n").unwrap();
    let (local, after) = rest.split_once("gateway:\n").unwrap();
    let (_, schema) = local.split_once("schema: >-\n").unwrap();
    let (schema, _) = schema.split_once("promote-after").unwrap();
    assert!(foreign.psql("trading", schema));
    let profile = format!(
        "{}environments: {{ external: {{ entry: [\"postgresql://127.0.0.1:{}\"] }} }}\nsecrets: {{ password: {{ env: STORE_PASSWORD }} }}\n\
         auth: {{ basic: {{ user: trader, password: \"${{password}}\" }} }}\n\
         not-production: [ {{ get: {{ sql: show cluster_name }}, where: {{ /rows/0/cluster_name: testbed }} }} ]\n\
         gateway:\n{after}",
        before.replace("replicas: 2", "replicas: 1"),
        foreign.port
    );
    let load = "mix: { new: 99, oversized: 1 }, symbols: { names: [BTCUSD] }";
    let record = reached_with_a_password(&sandbox, profile, load);
    assert!(record.data_loss.rejected > 0);
}

/// A run against a server of somebody else's, who wants the password [`PASSWORD`]; with another one it comes to nothing.
fn reached_with_a_password(sandbox: &Sandbox, profile: String, load: &str) -> RunRecord {
    let profile = sandbox.write("store.yaml", profile);
    let calm = format!(
        "scenario: calm\nabout: Nothing happens.\nsystem: {}\nenvironment: external\nload: {{ arrival: {{ poisson: {{ rate: 300/s }} }}, \
         {load}, sessions: 16, timeout: 1s }}\nphases: {{ warm-up: {{ at-most: 15s }}, steady: 5s }}\n\
         sla: {{ lost: {{ lost-orders: {{ at-most: 0 }} }} }}\n",
        profile.display()
    );
    let calm = sandbox.write("calm.yaml", calm);
    let with = |password: &str| {
        let dir = sandbox.new_run_dir();
        let mut command = sandbox.command(&run_arguments(&calm, &dir, &[]));
        command.env("STORE_PASSWORD", password);
        let finished = Running::start(command).finish();
        ScenarioRun { finished, dir }
    };
    let run = soundly(|| {
        let run = with(PASSWORD);
        let sound = run.sound();
        (run, sound)
    });
    let record = run.expect_code(0);
    assert_eq!(record.data_loss.lost, Some(0));
    assert!(record.data_loss.acknowledged > 1_000);
    assert!(!run.finished.said().contains(PASSWORD));
    let wrong = with("wrong-of-traders");
    assert!(wrong.finished.code != Some(0), "{}", wrong.finished.said());
    assert!(!wrong.finished.said().contains("wrong-of-traders"));
    record
}

//! Stores behind an engine, each a part of its own: started before those who need them, targets of faults, gone in the end.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use shakedown_record::run_record::RunRecord;
use shakedown_tests::calm::soundly;
use shakedown_tests::drill::{has_told, pids_of};
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, beside, library, run_arguments, within_s,
};

use super::{data, program};

/// Every store behind one engine.
const ALL: &str = r#"base: reference
system: all-stores
environments:
  docker: null
  kubernetes: null
  local:
    stand-in:
      engine: null
      parts:
        engine: { engine: {} }
        pool: { pgbouncer: { of: postgres, settings: { pool_mode: transaction } } }
        postgres: { postgresql: { database: trading, schema: create table t (n int), promote-after: 500ms } }
        bus: { nats: {} }
        series: { influxdb: { database: market } }
parts:
  pool: { replicas: 1 }
  postgres:
    replicas: 2
    roles: { primary: { get: { sql: "select pg_is_in_recovery() as standby" }, where: { /rows/0/standby: "f" } } }
  bus:
    replicas: 3
    roles: { head: { get: /jsz, where: { /meta_cluster/replicas/0/name: [bus-1, bus-2, bus-3] } } }
  series: { replicas: 1 }
"#;

const SCENARIO: &str = r#"scenario: all-stores
about: Each store behind the engine is struck.
system: all.yaml
environment: local
seed: 7
load:
  arrival: { poisson: { rate: 200/s } }
  mix: { new: 1 }
  symbols: { names: [BTCUSD] }
  sessions: 8
  timeout: 1s
phases: { warm-up: { at-most: 15s }, steady: 5s, recovery: { at-most: 30s } }
faults:
  primary-dies: { do: { kill: { signal: KILL } }, to: { role: primary }, when: { after: { phase: steady } }, for: 4s }
  head-dies: { do: { kill: { signal: KILL } }, to: { role: head }, when: { after: { phase: steady } }, for: 2s }
  series-stands-still: { do: { freeze: { by: signal } }, to: { part: series }, when: { after: { phase: steady } }, for: 2s }
  standby-is-held: { do: { freeze: { by: cgroup } }, to: { name: postgres-2 }, when: { after: { fault: primary-dies, by: 8s } }, for: 1s }
  pool-restarts: { do: { restart: { grace: 5s } }, to: { part: pool }, when: { after: { fault: primary-dies, by: 10s } } }
sla:
  lost: { lost-orders: { at-most: 0 } }
"#;

/// Every fault had its effect and is gone.
fn all_bit(record: &RunRecord, faults: &[(&str, &[&str])]) {
    for (id, targets) in faults {
        let fault = record.faults.iter().find(|it| it.name == *id).unwrap();
        let struck: Vec<&str> = fault.targets.iter().map(|it| it.name.as_str()).collect();
        assert!(
            targets.iter().any(|target| struck == [*target]),
            "{id}: {struck:?}"
        );
        assert!(fault.confirmed_at_s.is_some(), "{fault:?}");
        assert!(fault.clean_at_s.is_some(), "{fault:?}");
    }
    assert!(!record.dirty, "{:?}", record.leftovers);
}

#[test]
fn an_engine_goes_on_when_stores_behind_it_die_and_stand_still() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let record = sandbox
        .run_soundly(&library("stores-behind"), &[])
        .expect_code(0);
    all_bit(
        &record,
        &[
            ("database-dies", &["postgres-1"]),
            ("cache-stands-still", &["redis-1"]),
        ],
    );
    let effect = |id: &str| {
        let mut faults = record.faults.iter();
        format!("{:?}", faults.find(|it| it.name == id).unwrap().effect)
    };
    assert!(
        effect("database-dies").contains("refuses connections"),
        "{record:?}"
    );
    assert!(
        effect("cache-stands-still").contains("gave no answer"),
        "{record:?}"
    );
    assert_eq!(record.data_loss.lost, Some(0));
    assert_eq!(sandbox.left_after_s(2.0), []);
    assert!(!data(&sandbox), "data of servers is left");
}

#[test]
fn faults_that_are_not_applied_to_stores_show_nothing() {
    super::blunted("stores-behind", &["database-dies", "cache-stands-still"]);
}

/// The address at which PgBouncer listens in a sandbox.
fn pool(sandbox: &Sandbox) -> Option<String> {
    let nodes = fs::read_dir(sandbox.path().join("state/shakedown/nodes")).ok()?;
    let mut files = nodes
        .flatten()
        .map(|run| run.path().join("pool-1/configuration"));
    let text = files.find_map(|path| fs::read_to_string(path).ok())?;
    let mut lines = text.lines();
    lines.find_map(|line| Some(line.strip_prefix("listen_addr = ")?.to_string()))
}

/// What PostgreSQL's own client is told through PgBouncer.
fn through_the_pool(at: &str, sql: &str) -> Option<String> {
    let mut psql = Command::new(program("SHAKEDOWN_POSTGRESQL", "psql"));
    psql.args([
        "-h", at, "-p", "6432", "-U", "whoever", "-d", "trading", "-Atc", sql,
    ]);
    let output = psql.env("PGCONNECT_TIMEOUT", "2").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| text.trim().to_string())
}

#[test]
fn every_store_is_struck_and_the_pool_leads_to_whoever_is_the_primary() {
    let _beside = beside();
    let record = soundly(|| {
        let sandbox = Sandbox::new();
        sandbox.write("all.yaml", ALL);
        let path = sandbox.write("scenario.yaml", SCENARIO);
        let dir = sandbox.new_run_dir();
        let mut running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
        let write = "insert into t select inet_server_port() returning host(inet_server_addr())";
        let mut led = Vec::new();
        for (event, fault) in [
            ("load-started", None),
            ("fault-clean", Some("primary-dies")),
        ] {
            within_s(60.0, || {
                !running.is_running() || has_told(&dir, event, fault)
            });
            let at = pool(&sandbox);
            let mut answer = None;
            within_s(5.0, || {
                answer = at.as_ref().and_then(|at| through_the_pool(at, write));
                answer.is_some()
            });
            led.push(answer);
        }
        let run = ScenarioRun {
            finished: running.finish(),
            dir,
        };
        let sound = run.sound();
        let record = run.expect_code(0);
        assert_eq!(sandbox.left_after_s(2.0), []);
        assert!(!data(&sandbox), "data of servers is left");
        let [before, after] = led.as_slice() else {
            panic!("{led:?}");
        };
        assert!(
            before.is_some() && after.is_some() && before != after,
            "{led:?}"
        );
        (record, sound)
    });
    all_bit(
        &record,
        &[
            ("primary-dies", &["postgres-1"]),
            ("head-dies", &["bus-1", "bus-2", "bus-3"]),
            ("series-stands-still", &["series-1"]),
            ("standby-is-held", &["postgres-2"]),
            ("pool-restarts", &["pool-1"]),
        ],
    );
}

/// Inserts numbers, one statement each, while told to; those that were acknowledged.
fn numbers(at: &str, goes_on: impl Fn() -> bool) -> BTreeSet<u64> {
    let mut acked = BTreeSet::new();
    for number in 0.. {
        if !goes_on() {
            break;
        }
        let sql = format!("insert into t values ({number}) returning n");
        if through_the_pool(at, &sql).is_some() {
            acked.insert(number);
        }
    }
    acked
}

#[test]
fn a_database_behind_an_engine_keeps_what_it_acknowledged_on_a_slow_disk_and_over_a_power_cut() {
    let _beside = beside();
    let record = soundly(|| {
        let sandbox = Sandbox::new();
        let one = ALL
            .replace(", promote-after: 500ms", "")
            .replace("replicas: 2", "replicas: 1");
        sandbox.write("all.yaml", one);
        let (begin, rest) = SCENARIO.split_once("faults:\n").unwrap();
        let (_, end) = rest.split_once("sla:\n").unwrap();
        let faults = "faults:\n  \
            slow: { do: { slow-disk: { sync-by: 40ms } }, to: { role: primary }, when: { after: { phase: steady } }, for: 3s }\n  \
            power: { do: { power-cut: {} }, to: { role: primary }, when: { after: { fault: slow, by: 7s } }, for: 2s }\n";
        let text = format!("{begin}{faults}sla:\n{end}");
        let path = sandbox.write("scenario.yaml", text);
        let dir = sandbox.new_run_dir();
        let mut running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
        within_s(60.0, || {
            !running.is_running() || has_told(&dir, "load-started", None)
        });
        let at = pool(&sandbox).unwrap_or_else(|| "127.0.0.1".to_string());
        let is_over =
            || has_told(&dir, "fault-clean", Some("power")) || has_told(&dir, "load-stopped", None);
        let acked = numbers(&at, || !is_over());
        let there = through_the_pool(&at, "select n from t").unwrap_or_default();
        let there: BTreeSet<u64> = there.lines().filter_map(|line| line.parse().ok()).collect();
        let run = ScenarioRun {
            finished: running.finish(),
            dir,
        };
        let sound = run.sound();
        let record = run.expect_code(0);
        assert_eq!(sandbox.left_after_s(2.0), []);
        assert!(acked.len() > 50, "{}", acked.len());
        let lost: Vec<&u64> = acked.difference(&there).collect();
        assert!(lost.is_empty(), "{lost:?}");
        (record, sound)
    });
    all_bit(
        &record,
        &[("slow", &["postgres-1"]), ("power", &["postgres-1"])],
    );
}

#[test]
fn parts_end_with_a_runner_that_is_killed() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    sandbox.write("all.yaml", ALL);
    let path = sandbox.write("scenario.yaml", SCENARIO);
    let dir = sandbox.new_run_dir();
    let running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
    let state = sandbox.path().join("state");
    let begun = within_s(60.0, || has_told(&dir, "load-started", None));
    assert!(begun, "{}", running.finish().said());
    let names = [
        "engine-1",
        "pool-1",
        "postgres-1",
        "postgres-2",
        "bus-3",
        "series-1",
    ];
    let pids: Vec<u32> = names.iter().flat_map(|it| pids_of(&state, it)).collect();
    assert_eq!(pids.len(), names.len());
    kill_process(Pid::from_raw(running.pid() as i32).unwrap(), Signal::KILL).unwrap();
    drop(running.finish());
    assert_eq!(sandbox.left_after_s(5.0), []);
    let gone = |pid: &u32| !PathBuf::from(format!("/proc/{pid}")).exists();
    assert!(within_s(2.0, || pids.iter().all(gone)), "{pids:?}");
    sandbox.run(&["recover"]).expect_code(0);
    assert!(!data(&sandbox));
}

#[test]
fn a_part_that_does_not_start_is_named_with_the_reason() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let wrong = "schema: create table t (n int)";
    assert!(ALL.contains(wrong));
    sandbox.write(
        "all.yaml",
        ALL.replace(wrong, "settings: { shared_buffers: none }"),
    );
    let path = sandbox.write("scenario.yaml", SCENARIO);
    sandbox
        .run_scenario(&path, &[])
        .finished
        .expect_code(69)
        .expect_words(&["postgres-1", "before it was ready", "shared_buffers"]);
    sandbox.write("all.yaml", ALL.replace(wrong, "schema: create table"));
    sandbox
        .run_scenario(&path, &[])
        .finished
        .expect_code(69)
        .expect_words(&["postgres-1", "execute `schema`", "syntax error"]);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn every_server_that_is_missing_is_told_with_what_to_install() {
    let sandbox = Sandbox::new();
    sandbox.write("all.yaml", ALL);
    let path = sandbox.write("scenario.yaml", SCENARIO);
    let dir = sandbox.new_run_dir();
    let mut command = sandbox.command(&run_arguments(&path, &dir, &[]));
    for name in ["SHAKEDOWN_NATS", "SHAKEDOWN_INFLUXDB"] {
        command.env(name, "/nonexistent");
    }
    Running::start(command)
        .finish()
        .expect_code(69)
        .expect_words(&["apt-get install nats-server", "apt-get install influxdb"]);
}

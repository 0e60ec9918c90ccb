//! Sensors of the local environment, blinded in turn. The foreign engine's are in `foreign.rs`.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use shakedown_record::Verdict;
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, beside, check, library, run_arguments, within_s,
};

/// So that two clusters may run at once.
const HALF_THE_LOAD: [&str; 6] = [
    "--set",
    "load.arrival.poisson.rate=400/s",
    "--set",
    "sla.steady-rate.throughput.at-least=300/s",
    "--set",
    "phases.steady=5s",
];

#[test]
fn a_fault_without_effect_proves_nothing() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    // The nodes inherit that they ignore this signal: it is sent, and nothing happens.
    let mut program = Command::new("env");
    program.arg("--ignore-signal=USR1");
    program.arg(shakedown_tests::shakedown::binary());
    let dir = sandbox.new_run_dir();
    let scenario = library("quickstart");
    let fault = fault_name(&sandbox);
    let signal = format!("faults.{fault}.do.kill.signal=USR1");
    let command = sandbox.around(
        program,
        &run_arguments(&scenario, &dir, &["--set", &signal]),
    );
    let run = ScenarioRun {
        finished: Running::start(command).finish(),
        dir,
    };
    let record = run.expect_code(2);
    assert_eq!(record.verdict, Verdict::Inconclusive);
    assert!(!record.faults[0].effect.confirmed, "{:?}", record.faults);
    run.finished.expect_words(&["effect"]);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn a_copy_that_does_not_answer_is_not_read_and_not_passed() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let data = sandbox.path().join("cluster");
    let mut command = sandbox.command(&["engine", "cluster", "--data", data.to_str().unwrap()]);
    let printed = sandbox.path().join("nodes");
    command.stdout(std::fs::File::create(&printed).unwrap());
    let mut cluster = command.spawn().unwrap();
    let mut nodes = Vec::new();
    assert!(within_s(20.0, || {
        nodes = printed_nodes(&std::fs::read_to_string(&printed).unwrap());
        nodes.len() == 3 && nodes.iter().any(|node| node.leads())
    }));
    // A follower stands still while orders go through the other two.
    let gone = nodes.iter().position(|node| !node.leads()).unwrap();
    let victim = nodes.remove(gone);
    let external = format!(
        "profile.environments.external={{ entry: [{0}, {1}], parts: {{ engine: [{0}, {1}, {2}] }} }}",
        nodes[0].url, nodes[1].url, victim.url
    );
    let version = env!("CARGO_PKG_VERSION");
    let proof =
        format!("profile.not-production=[{{ get: /version, where: {{ /version: {version} }} }}]");
    let (scenario, dir) = (library("baseline"), sandbox.new_run_dir());
    let mut more = vec![
        "--environment",
        "external",
        "--set",
        &external,
        "--set",
        &proof,
    ];
    more.extend_from_slice(&HALF_THE_LOAD);
    let running = Running::start(sandbox.command(&run_arguments(&scenario, &dir, &more)));
    assert!(within_s(40.0, || {
        std::fs::read_to_string(dir.join("events.jsonl"))
            .is_ok_and(|events| events.contains("steady-reached"))
    }));
    kill_process(Pid::from_raw(victim.pid).unwrap(), Signal::STOP).unwrap();
    let run = ScenarioRun {
        finished: running.finish(),
        dir,
    };
    let stopped = cluster.kill();
    cluster.wait().unwrap();
    stopped.unwrap();
    let record = run.expect_code(2);
    run.finished.expect_words(&["engine-3"]);
    assert_eq!(record.data_loss.coverage.replicas_read, 2);
    assert_eq!(record.data_loss.coverage.replicas_expected, 3);
    assert_eq!(check(&record, "divergent").verdict, Verdict::Inconclusive);
    assert_eq!(record.data_loss.divergent, None);
}

/// The name of the quickstart's only fault.
fn fault_name(sandbox: &Sandbox) -> String {
    let scenario = library("quickstart");
    let plan = sandbox.run(&["plan", scenario.to_str().unwrap(), "--json"]);
    plan.expect_code(0);
    plan.json()["faults"][0]["id"].as_str().unwrap().to_string()
}

/// A node as its cluster prints it.
struct Node {
    url: String,
    pid: i32,
}

impl Node {
    /// True when the node says that it leads.
    fn leads(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut reply = String::new();
            let address = self.url.trim_start_matches("http://");
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(b"GET /role HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n")?;
            stream.read_to_string(&mut reply)?;
            Ok(reply)
        };
        // A node that does not answer does not lead yet.
        ask().is_ok_and(|reply| reply.contains("\"role\":\"leader\""))
    }
}

/// Nodes in the lines that a cluster prints, one JSON object for each.
fn printed_nodes(lines: &str) -> Vec<Node> {
    lines
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|node| {
            Some(Node {
                url: node["http"].as_str()?.to_string(),
                pid: i32::try_from(node["pid"].as_i64()?).ok()?,
            })
        })
        .collect()
}

//! Known truth: figures of `shakedown load` against the log of a server on the same clock.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use serde_json::Value;
use shakedown_tests::calm::soundly;
use shakedown_tests::fixture::Fixture;
use shakedown_tests::shakedown::{Finished, Sandbox, alone};
use shakedown_tests::truth::{Outage, Truth};

const RATE_PER_S: u64 = 1_000;
const SESSIONS: u64 = 64;

/// Quantiles of the record with their names there.
const QUANTILES: [(&str, f64); 4] = [
    ("p50_ns", 0.50),
    ("p95_ns", 0.95),
    ("p99_ns", 0.99),
    ("p999_ns", 0.999),
];

/// What a load run said, and what the server logged of it.
struct Measured {
    finished: Finished,
    truth: Truth,
    down_ns: Vec<u64>,
    up_ns: Vec<u64>,
}

impl Measured {
    fn is_starved(&self) -> bool {
        self.finished.json()["generator"]["saturated"] == true
    }
}

/// Loads a server that follows a program; at a constant rate, unless `more` asks for a closed loop.
fn measure(program: &[&str], seconds: u64, more: &[&str]) -> Measured {
    let sandbox = Sandbox::new();
    let log = sandbox.path().join("replies.csv");
    let mut arguments = vec!["--log", log.to_str().unwrap()];
    arguments.extend_from_slice(program);
    let server = Fixture::start(env!("CARGO_BIN_EXE_truth-server"), &arguments).unwrap();
    let port = server.value("port").unwrap();
    let url = format!("http://127.0.0.1:{port}/orders");
    let (rate, duration) = (format!("{RATE_PER_S}/s"), format!("{seconds}s"));
    let sessions = SESSIONS.to_string();
    let mut arguments = vec!["load", &url, "--duration", &duration];
    arguments.extend_from_slice(&[
        "--sessions",
        &sessions,
        "--json",
        "-H",
        "x-request-id: {{id}}",
    ]);
    if !more.contains(&"--closed") {
        arguments.extend_from_slice(&["--rate", &rate, "--arrival", "constant"]);
    }
    arguments.extend_from_slice(more);
    let finished = sandbox.run(&arguments);
    let lines = server.lines_so_far();
    server.finish().unwrap();
    let of = |name: &str| {
        lines
            .iter()
            .filter_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .collect()
    };
    Measured {
        finished,
        truth: Truth::read(&log, RATE_PER_S).unwrap(),
        down_ns: of("down "),
        up_ns: of("up "),
    }
}

/// The same, until the generator was sound. What a starved one says of a server is told as such, and is not the truth.
fn measure_soundly(program: &[&str], seconds: u64, more: &[&str]) -> Measured {
    soundly(|| {
        let measured = measure(program, seconds, more);
        let starved = measured.is_starved();
        (measured, !starved)
    })
}

/// Every percentile of response time within max(2 %, 1 ms) of the server's log. Service time contains the way to the
/// server and back, which the log does not know: its median is as near, and none of it is below the log.
fn assert_percentiles(program: &[&str]) {
    let measured = measure_soundly(program, 7, &[]);
    let json = measured.finished.expect_code(0).json();
    assert_eq!(
        json["latency"]["run"]["count"],
        measured.truth.count(),
        "{json:#}"
    );
    for (name, quantile) in QUANTILES {
        let truth_ns = measured.truth.response_ns(quantile).unwrap();
        assert_near(&json["latency"]["run"], name, truth_ns, program);
        let truth_ns = measured.truth.service_ns(quantile).unwrap();
        let service = &json["latency_service"]["run"];
        assert!(
            service[name].as_u64().unwrap() + 1_000_000 > truth_ns,
            "{program:?}: service time {name} is below the server's {truth_ns} ns: {service:#}"
        );
    }
    let truth_ns = measured.truth.service_ns(0.5).unwrap();
    assert_near(&json["latency_service"]["run"], "p50_ns", truth_ns, program);
}

#[track_caller]
fn assert_near(latency: &Value, name: &str, truth_ns: u64, program: &[&str]) {
    let observed_ns = latency[name]
        .as_u64()
        .unwrap_or_else(|| panic!("{name} is null: {latency:#}"));
    let tolerance_ns = (truth_ns / 50).max(1_000_000);
    assert!(
        observed_ns.abs_diff(truth_ns) <= tolerance_ns,
        "{program:?}: {name} is {observed_ns} ns, the server's log says {truth_ns} ns"
    );
}

#[test]
fn percentiles_of_an_immediate_server_are_true() {
    let _alone = alone();
    assert_percentiles(&["--delay", "none"]);
}

#[test]
fn percentiles_of_a_server_that_takes_a_millisecond_are_true() {
    let _alone = alone();
    assert_percentiles(&["--delay", "fixed"]);
}

#[test]
fn percentiles_of_a_server_with_two_speeds_are_true() {
    let _alone = alone();
    assert_percentiles(&["--delay", "bimodal"]);
}

#[test]
fn percentiles_of_a_server_that_freezes_are_true() {
    let _alone = alone();
    assert_percentiles(&["--delay", "freeze"]);
}

/// The outage in the JSON and in the log of a server that was gone for `for_ms` in the middle of a run.
///
/// A machine that stands still for a moment makes outages of its own. The log shows them, and then it is done again.
fn outage(for_ms: &str, seconds: u64) -> (Value, Outage) {
    let asked_ns = for_ms.parse::<u64>().unwrap() * 1_000_000;
    let program = ["--gone-after-ms", "2000", "--gone-for-ms", for_ms];
    let measured = soundly(|| {
        let measured = measure(&program, seconds, &[]);
        let (down_ns, up_ns) = (measured.down_ns[0], measured.up_ns[1]);
        let late = up_ns - down_ns > asked_ns + 5_000_000;
        let disturbed = late || measured.truth.was_disturbed(down_ns, up_ns);
        let sound = !disturbed && !measured.is_starved();
        (measured, sound)
    });
    let (down_ns, up_ns) = (measured.down_ns[0], measured.up_ns[1]);
    assert!(up_ns - down_ns >= asked_ns, "{} ns", up_ns - down_ns);
    let json = measured.finished.json();
    let entries = json["failover"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{json:#}");
    assert_eq!(entries[0]["fault"], Value::Null);
    let truth = measured
        .truth
        .outage(down_ns, SESSIONS, seconds * RATE_PER_S);
    (entries[0].clone(), truth)
}

#[track_caller]
fn assert_outage(for_ms: &str, seconds: u64) {
    let (entry, truth) = outage(for_ms, seconds);
    for (name, truth_s, tolerance_s) in [
        ("started_at_s", Some(truth.began_s), 0.02),
        ("first_ack_s", truth.first_ack_s, 0.02),
        ("worst_session_gap_s", truth.worst_session_gap_s, 0.02),
        ("recovered_s", truth.recovered_s, 0.1),
    ] {
        let truth_s = truth_s.expect("the server came back");
        let observed_s = entry[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} is null: {entry:#}"));
        assert!(
            (observed_s - truth_s).abs() <= tolerance_s,
            "gone for {for_ms} ms: {name} is {observed_s}, the log says {truth_s}\n{entry:#}"
        );
    }
    let asked_s = for_ms.parse::<f64>().unwrap() / 1e3;
    let first_ack_s = entry["first_ack_s"].as_f64().unwrap();
    assert!(
        (first_ack_s - asked_s).abs() <= 0.02,
        "gone for {asked_s} s: first acknowledgement after {first_ack_s} s"
    );
    assert_eq!(entry["censored_at_s"], Value::Null);
}

#[test]
fn an_outage_of_half_a_second_is_half_a_second() {
    let _alone = alone();
    assert_outage("500", 9);
}

#[test]
fn an_outage_of_two_seconds_is_two_seconds() {
    let _alone = alone();
    assert_outage("2000", 11);
}

#[test]
fn gone_for_ever_is_null_and_censored_and_fails() {
    let _alone = alone();
    let measured = measure_soundly(&["--gone-after-ms", "2000"], 8, &["--fail-if", "p99>5ms"]);
    measured.finished.expect_code(1);
    let json = measured.finished.json();
    let entry = &json["failover"][0];
    for name in ["first_ack_s", "recovered_s", "worst_session_gap_s"] {
        assert_eq!(entry[name], Value::Null, "{entry:#}");
    }
    let censored_s = entry["censored_at_s"].as_f64().unwrap();
    assert!((3.0..6.5).contains(&censored_s), "{entry:#}");
}

#[test]
fn closed_loop_and_open_loop_differ_where_a_server_freezes() {
    let _alone = alone();
    let measured = |more: &[&str]| {
        measure_soundly(&["--delay", "freeze"], 6, more)
            .finished
            .json()
    };
    let (open, closed) = (measured(&[]), measured(&["--closed"]));
    let p99 = |json: &Value| json["latency"]["run"]["p99_ns"].as_u64().unwrap();
    // A closed loop waits with the server: most of what a freeze costs is never sent, and never measured.
    assert!(
        p99(&open) > 10 * p99(&closed),
        "open {} ns, closed {} ns",
        p99(&open),
        p99(&closed)
    );
}

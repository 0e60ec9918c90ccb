//! Guards refuse with 77 and touch nothing; overrulings go on record; a halt heals at once; a replay says how it differs.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::path::Path;

use shakedown_record::run_record::RunRecord;
use shakedown_tests::foreign::{CANARY_TOKEN, ForeignTarget};
use shakedown_tests::shakedown::{
    Finished, Running, Sandbox, ScenarioRun, beside, library, run_arguments, within_s,
};

const ENGINE: &str = env!("CARGO_BIN_EXE_foreign-engine");

/// A cluster that takes little of the machine.
const SMALL: [&str; 8] = [
    "--set",
    "load.arrival.poisson.rate=400/s",
    "--set",
    "sla.steady-rate.throughput.at-least=300/s",
    "--set",
    "phases.steady=5s",
    "--set",
    "faults.leader-dies.for=2s",
];

fn run_small(sandbox: &Sandbox, more: &[&str]) -> ScenarioRun {
    let (scenario, dir) = (library("quickstart"), sandbox.new_run_dir());
    let all: Vec<&str> = SMALL.iter().chain(more).copied().collect();
    let mut command = sandbox.command(&run_arguments(&scenario, &dir, &all));
    command.env("SHAKEDOWN_OPERATOR", "ada");
    ScenarioRun {
        finished: Running::start(command).finish(),
        dir,
    }
}

/// The binary, run by somebody with a name.
fn replay(sandbox: &Sandbox, arguments: &[&str]) -> Finished {
    let mut command = sandbox.command(arguments);
    command.env("SHAKEDOWN_OPERATOR", "ada");
    Running::start(command).finish()
}

/// No journal, no lock, no node's data: the state folder was never made, and no process is there.
fn untouched(sandbox: &Sandbox, what: &str) {
    let state = sandbox.path().join("state");
    assert!(!state.exists(), "{what}: {} is there", state.display());
    assert_eq!(sandbox.processes(), [], "{what}");
}

#[test]
fn a_guard_that_refuses_says_what_it_saw_and_touches_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "old.yaml",
        "calendar: old\nzone: America/New_York\nvalid-until: 2020-12-31\nsessions: { mon: [{ open: \"09:30\", close: \"16:00\" }] }\n",
    );
    let old = format!(
        "guards.windows.market={{ outside-market-hours: {{ calendar: {} }} }}",
        sandbox.path().join("old.yaml").display()
    );
    let cases: [(&str, &str, &[&str]); 6] = [
        (
            "quorum",
            "faults.leader-dies.to={ part: engine }",
            &[
                "3 of the 3 replicas",
                "quorum 2",
                "--override quorum --because",
            ],
        ),
        (
            "blast-radius",
            "guards.blast-radius={ percent: 10% }",
            &["blast-radius` allows 0", "--override blast-radius"],
        ),
        (
            "protected",
            "guards.protected={ parts: [engine] }",
            &["leader-dies", "cannot be overruled"],
        ),
        (
            "time-window",
            // A minute of the week: no run is that short.
            "guards.windows.never={ allowed: { days: [mon], from: \"00:00\", to: \"00:01\", zone: UTC } }",
            &["Mon 00:00 to 00:01", "shorten the run"],
        ),
        (
            "market-hours",
            "guards.windows.market={ outside-market-hours: { calendar: nobody.yaml } }",
            &["nobody.yaml", "no such file"],
        ),
        ("market-hours", &old, &["expired", "2020-12-31"]),
    ];
    for (guard, change, words) in cases {
        let run = run_small(&sandbox, &["--set", change]);
        run.finished
            .expect_code(77)
            .expect_words(words)
            .expect_words(&[guard]);
        untouched(&sandbox, guard);
    }
}

#[test]
fn outside_local_somebody_has_to_say_yes() {
    let sandbox = Sandbox::new();
    let target = ForeignTarget::start(ENGINE, &sandbox, "none");
    let start = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.env("FOREIGN_TOKEN", CANARY_TOKEN);
        Running::start(command).finish()
    };
    let scenario = target.scenario.to_str().unwrap();
    let refused = start(&["run", scenario, "--out", "asked"]);
    refused
        .expect_code(77)
        .expect_words(&["confirmation", "300/s", "--yes", "no terminal"]);
    assert!(!sandbox.path().join("asked").exists());
    assert!(!sandbox.path().join("state").exists());
    start(&["run", scenario, "--dry-run"]).expect_code(0);
}

#[test]
fn wrong_overrulings_are_mistakes_of_the_command_line() {
    let sandbox = Sandbox::new();
    for (more, words) in [
        (vec!["--override", "quorum"], "reason is missing"),
        (
            vec!["--override", "quorom", "--because", "x"],
            "no such guard",
        ),
        (
            vec!["--override", "protected", "--because", "x"],
            "cannot be overruled",
        ),
        (vec!["--because", "x"], "--override"),
    ] {
        let run = run_small(&sandbox, &more);
        run.finished.expect_code(64).expect_words(&[words]);
        untouched(&sandbox, words);
    }
}

#[test]
fn an_overruled_guard_is_on_the_first_screen_and_its_run_can_be_replayed() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let limit = ["--set", "guards.blast-radius={ count: 0 }"];
    let reason = ["--override", "blast-radius", "--because", "drill 12"];
    let run = run_small(&sandbox, &[&limit[..], &reason[..]].concat());
    let first = run.finished.said();
    assert!(
        first.contains("Guard overruled: blast-radius, by ada: drill 12"),
        "{first}"
    );
    let record = run.record();
    let overruled = &record.run.overrides[0];
    assert_eq!(
        (
            overruled.guard.as_str(),
            overruled.reason.as_str(),
            overruled.operator.as_str()
        ),
        ("blast-radius", "drill 12", "ada")
    );
    assert!(overruled.saw.as_deref().unwrap().contains("leader-dies"));
    assert!(record.faults[0].injected_at_s.is_some());

    // What was overruled once is not overruled for ever.
    let dir = run.dir.to_str().unwrap();
    sandbox
        .run(&["replay", dir, "--out", "refused"])
        .expect_code(77)
        .expect_words(&["blast-radius"]);
    let again = "blast-radius=drill 12, again";
    let again = replay(
        &sandbox,
        &["replay", dir, "--out", "again", "--override", again],
    );
    again.expect_words(&["Replay of", "fault leader-dies:"]);
    let replayed = ScenarioRun {
        finished: again,
        dir: sandbox.path().join("again"),
    };
    let now = replayed.record();
    assert_eq!(
        (now.run.seed, &now.run.environment),
        (record.run.seed, &record.run.environment)
    );
    let name = |record: &RunRecord| record.faults[0].targets[0].name.clone();
    let (was, is) = (name(&record), name(&now));
    let told = match was == is {
        true => format!("fault leader-dies: the same target, {is}"),
        false => format!("fault leader-dies: {was} then, {is} now: another replica was leader"),
    };
    replayed.finished.expect_words(&[&told]);
    for file in ["scenario.yaml", "system.yaml"] {
        let text = |dir: &Path| std::fs::read_to_string(dir.join(file)).unwrap();
        assert_eq!(text(&run.dir), text(&replayed.dir), "{file}");
    }
}

#[test]
fn a_halt_under_load_heals_within_a_second_and_tells_about_orders() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let (scenario, dir) = (library("leader-freeze"), sandbox.new_run_dir());
    let set = |key: &str| ["--set".to_string(), key.to_string()];
    let more: Vec<String> = [
        set("load.arrival.poisson.rate=400/s"),
        set("sla.steady-rate.throughput.at-least=300/s"),
        set("phases.steady=5s"),
    ]
    .concat();
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let running = Running::start(sandbox.command(&run_arguments(&scenario, &dir, &more)));
    let events = dir.join("events.jsonl");
    let on =
        || std::fs::read_to_string(&events).is_ok_and(|text| text.contains("\"fault-effect\""));
    assert!(
        within_s(60.0, on),
        "the fault is never on: {}",
        running.finish().said()
    );
    let halt = sandbox.run(&["halt", "--json"]);
    halt.expect_code(0);
    let run = &halt.json()["runs"][0];
    let healed_s = run["healed_after_s"].as_f64().unwrap();
    assert!(healed_s < 1.0, "healed after {healed_s} s");
    assert_eq!(run["orders_open"], 0, "{run}");
    running.finish().expect_code(130);
    assert_eq!(sandbox.left_after_s(5.0), []);
    sandbox.run(&["recover"]).expect_code(0);
}

#[test]
fn a_calendar_says_what_a_day_is() {
    let sandbox = Sandbox::new();
    for (day, code, words) in [
        (
            "2026-11-25",
            0,
            vec!["trading", "00:00 to 09:30, 16:00 to 24:00"],
        ),
        ("2026-11-26", 0, vec!["Thanksgiving", "00:00 to 24:00"]),
        ("2026-11-27", 0, vec!["early close", "13:00"]),
        ("2026-11-28", 0, vec!["no session"]),
        ("2030-01-02", 77, vec!["valid", "2027-12-31"]),
        ("yesterday", 64, vec!["no date"]),
    ] {
        sandbox
            .run(&["calendar", "check", day])
            .expect_code(code)
            .expect_words(&words);
    }
    let json = sandbox.run(&["calendar", "check", "2026-11-27", "--json"]);
    assert_eq!(json.json()["kind"], "early-close");
    sandbox
        .run(&[
            "calendar",
            "check",
            "2026-11-27",
            "--calendar",
            "nobody.yaml",
        ])
        .expect_code(77);
}

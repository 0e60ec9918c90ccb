//! An engine of another shape, driven by its profile alone; and each of Shakedown's sensors blinded in turn.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

mod canary;

use shakedown_record::Verdict;
use shakedown_tests::foreign::{CANARY_TOKEN, ForeignTarget};
use shakedown_tests::proc::with_command_line;
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, alone, beside, check, run_arguments, within_s,
};

const ENGINE: &str = env!("CARGO_BIN_EXE_foreign-engine");

/// Runs the foreign scenario against an engine that is broken in some way.
fn run_broken(sandbox: &Sandbox, breakage: &str) -> ScenarioRun {
    ForeignTarget::start(ENGINE, sandbox, breakage).run(sandbox, &[])
}

#[test]
fn a_profile_is_enough_for_an_engine_of_another_shape() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let record = run_broken(&sandbox, "none").expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.target.version.as_deref(), Some("foreign 2.3.1"));
    let loss = &record.data_loss;
    assert!(loss.acknowledged > 500, "{loss:?}");
    assert!(
        loss.rejected > 10,
        "oversized orders are rejected: {loss:?}"
    );
    assert_eq!((loss.lost, loss.corrupt), (Some(0), Some(0)), "{loss:?}");
    // Without a list nobody can find what was not asked for.
    assert_eq!(loss.phantom, None, "{loss:?}");
    assert!(
        loss.coverage
            .not_checkable
            .iter()
            .any(|class| class.contains("phantom")),
        "{loss:?}"
    );
    assert_eq!(record.leftovers.orders_open, Some(0));
    assert!(
        record
            .latency_engine
            .values()
            .any(|latency| latency.count > 0)
    );
}

#[test]
fn orders_that_the_engine_forgot_are_lost() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let record = run_broken(&sandbox, "forgets").expect_code(1);
    assert_eq!(check(&record, "no-loss").verdict, Verdict::Fail);
    assert!(record.data_loss.lost.is_some_and(|lost| lost > 5));
    let example = &record.data_loss.examples[0];
    assert!(!example.story.is_empty(), "{example:?}");
}

#[test]
fn orders_that_are_throttled_are_no_acknowledgements() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = run_broken(&sandbox, "throttles");
    let record = run.record();
    assert_ne!(record.verdict, Verdict::Pass);
    let outcomes = record.generator.outcomes;
    assert!(outcomes.throttled > 100, "{outcomes:?}");
    assert_eq!(outcomes.total(), record.generator.scheduled);
}

#[test]
fn an_engine_that_never_becomes_ready_is_unavailable() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = run_broken(&sandbox, "never-ready");
    run.finished.expect_code(69).expect_words(&["ready"]);
}

#[test]
fn an_engine_that_is_not_there_is_unavailable() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let target = ForeignTarget::start(ENGINE, &sandbox, "none");
    let scenario = target.scenario.clone();
    target.crash();
    let dir = sandbox.new_run_dir();
    let mut command = sandbox.command(&run_arguments(&scenario, &dir, &[]));
    command.env("FOREIGN_TOKEN", CANARY_TOKEN);
    Running::start(command)
        .finish()
        .expect_code(69)
        .expect_words(&["127.0.0.1"]);
}

#[test]
fn no_acknowledgement_is_no_verdict() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = run_broken(&sandbox, "never-acks");
    let record = run.expect_code(2);
    assert_eq!(record.data_loss.acknowledged, 0);
    run.finished.expect_words(&["acknowledged"]);
}

/// The wait for a copy that never shows what it must: with few orders it is short.
const FEW_ORDERS: [&str; 6] = [
    "--set",
    "load.arrival.constant.rate=60/s",
    "--set",
    "sla.steady-p99.latency.quantile=90%",
    "--set",
    "sla.steady-rate.throughput.at-least=40/s",
];

fn an_unread_copy_is_no_evidence(breakage: &str) {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let target = ForeignTarget::start(ENGINE, &sandbox, breakage);
    let run = target.run(&sandbox, &FEW_ORDERS);
    let record = run.expect_code(2);
    assert_eq!(check(&record, "no-loss").verdict, Verdict::Inconclusive);
    assert_eq!(record.data_loss.lost, None, "not checked is null");
    assert_eq!(record.data_loss.coverage.replicas_read, 0);
    assert!(!record.data_loss.coverage.unread.is_empty());
    run.finished.expect_words(&["engine-1"]);
}

#[test]
fn a_copy_that_cannot_be_read_is_no_evidence() {
    an_unread_copy_is_no_evidence("unreadable");
}

#[test]
fn a_copy_without_the_sentinel_is_no_evidence() {
    an_unread_copy_is_no_evidence("empty");
}

#[test]
fn a_missing_metric_leaves_its_check_open() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = run_broken(&sandbox, "no-metric");
    let record = run.expect_code(2);
    let open = check(&record, "engine-p95");
    assert_eq!(open.verdict, Verdict::Inconclusive);
    assert!(open.why.contains("foreign_order_seconds"), "{}", open.why);
    assert_eq!(check(&record, "no-loss").verdict, Verdict::Pass);
}

#[test]
fn a_starved_generator_proves_nothing_about_time() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let target = ForeignTarget::start(ENGINE, &sandbox, "none");
    let dir = sandbox.new_run_dir();
    let mut command = sandbox.command(&run_arguments(&target.scenario, &dir, &[]));
    command.env("FOREIGN_TOKEN", CANARY_TOKEN);
    let running = Running::start(command);
    let steady = || {
        std::fs::read_to_string(dir.join("events.jsonl"))
            .is_ok_and(|events| events.contains("steady-reached"))
    };
    assert!(within_s(30.0, steady), "steady state was never reached");
    // The whole of Shakedown stands still for a second: its own fault, whatever the engine did meanwhile.
    running.signal(rustix::process::Signal::STOP);
    std::thread::sleep(std::time::Duration::from_secs(1));
    running.signal(rustix::process::Signal::CONT);
    let run = ScenarioRun {
        finished: running.finish(),
        dir,
    };
    let record = run.expect_code(2);
    assert!(record.generator.saturated, "{:?}", record.generator);
    assert!(!record.generator.why.is_empty());
    assert_eq!(check(&record, "steady-p99").verdict, Verdict::Inconclusive);
    // What was lost does not depend on the generator's health.
    assert_eq!(check(&record, "no-loss").verdict, Verdict::Pass);
}

#[test]
fn a_token_that_the_engine_echoes_appears_nowhere() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let target = ForeignTarget::start(ENGINE, &sandbox, "echoes");
    let dir = sandbox.new_run_dir();
    let scenario = target.scenario.to_str().unwrap();
    let profile = target.profile.to_str().unwrap();
    let mut command = sandbox.command(&run_arguments(&target.scenario, &dir, &["--verbose"]));
    command.env("FOREIGN_TOKEN", CANARY_TOKEN);
    let mut running = Running::start(command);
    let mut seen_on_command_lines = Vec::new();
    while running.is_running() {
        seen_on_command_lines.extend(with_command_line(CANARY_TOKEN));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(seen_on_command_lines, Vec::<u32>::new());
    let run = ScenarioRun {
        finished: running.finish(),
        dir,
    };
    let outcomes = run.record().generator.outcomes;
    assert!(
        outcomes.bad_response > 0,
        "nothing was echoed: {outcomes:?}"
    );
    let mut said = vec![("the run".to_string(), run.finished.said())];
    for arguments in [
        vec!["plan", scenario, "--json"],
        vec!["validate", profile],
        vec!["probe", profile, "--json"],
        vec!["run", scenario, "--dry-run"],
        vec!["report", run.dir.to_str().unwrap(), "--format", "html"],
        vec!["explain", run.dir.to_str().unwrap()],
    ] {
        let mut command = sandbox.command(&arguments);
        command.env("FOREIGN_TOKEN", CANARY_TOKEN);
        said.push((arguments.join(" "), Running::start(command).finish().said()));
    }
    // With a wrong token the engine echoes that one: in the body of a 401.
    let mut command = sandbox.command(&["probe", profile]);
    command.env("FOREIGN_TOKEN", format!("wrong-{CANARY_TOKEN}"));
    let refused = Running::start(command).finish();
    assert_ne!(refused.code, Some(0), "{}", refused.said());
    said.push(("a refused probe".to_string(), refused.said()));
    for (what, text) in &said {
        assert!(
            !text.contains(CANARY_TOKEN),
            "{what} says the token:\n{text}"
        );
    }
    assert_eq!(holding_token(sandbox.path()), Vec::<String>::new());
}

#[test]
fn without_its_secret_nothing_is_sent() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let target = ForeignTarget::start(ENGINE, &sandbox, "none");
    let mut command = sandbox.command(&["probe", target.profile.to_str().unwrap()]);
    command.env_remove("FOREIGN_TOKEN");
    let finished = Running::start(command).finish();
    assert_ne!(finished.code, Some(0));
    finished.expect_words(&["FOREIGN_TOKEN"]);
}

#[test]
fn production_is_refused_before_the_first_order() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let target = ForeignTarget::start(ENGINE, &sandbox, "none");
    let profile = std::fs::read_to_string(&target.profile).unwrap();
    let changed = profile.replace("/env: [test, staging]", "/env: [staging]");
    assert_ne!(changed, profile);
    std::fs::write(&target.profile, changed).unwrap();
    let run = target.run(&sandbox, &[]);
    run.finished.expect_code(77).expect_words(&["production"]);
    assert!(!run.dir.join("ledger/orders-0000.seg").exists());
}

#[test]
fn a_probe_says_what_can_be_proven_and_what_not() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let target = ForeignTarget::start(ENGINE, &sandbox, "none");
    let mut command = sandbox.command(&["probe", target.profile.to_str().unwrap()]);
    command.env("FOREIGN_TOKEN", CANARY_TOKEN);
    let probe = Running::start(command).finish();
    probe
        .expect_code(0)
        .expect_words(&["provable with this profile", "lost", "not", "phantom"]);
    assert!(probe.elapsed_s < 60.0, "{:.0} s", probe.elapsed_s);
    let last = probe.stdout.trim_end().lines().last().unwrap_or_default();
    assert!(probe.stdout.to_lowercase().contains("provable"), "{last}");
    let reference = sandbox.run(&["probe", "reference"]);
    reference
        .expect_code(0)
        .expect_words(&["provable with this profile", "phantom", "duplicate"]);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn a_rule_on_what_cannot_be_checked_is_refused_at_plan_time() {
    let sandbox = Sandbox::new();
    let target = ForeignTarget::start(ENGINE, &sandbox, "none");
    let scenario = std::fs::read_to_string(&target.scenario).unwrap();
    std::fs::write(
        &target.scenario,
        format!("{scenario}  no-phantoms: {{ phantom-orders: {{ at-most: 0 }} }}\n"),
    )
    .unwrap();
    let plan = sandbox.run(&["plan", target.scenario.to_str().unwrap()]);
    plan.expect_code(64)
        .expect_words(&["no-phantoms", "phantom", "foreign-baseline.yaml:"]);
}

/// Files below a folder that hold the token.
fn holding_token(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding_token(&path));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes
                .windows(CANARY_TOKEN.len())
                .any(|window| window == CANARY_TOKEN.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

//! Each defect of the reference engine turns a named check red; the clean engine turns none.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use shakedown_record::Verdict;
use shakedown_tests::shakedown::{Sandbox, alone, beside, check, library};

/// What is switched on, where it shows, and which check must see it.
struct Case {
    defect: &'static str,
    scenario: &'static str,
    check: &'static str,
}

const CASES: [Case; 13] = [
    Case {
        defect: "ack-before-quorum",
        scenario: "quickstart",
        check: "lost",
    },
    Case {
        defect: "forget-tail-on-promotion",
        scenario: "quickstart",
        check: "divergent",
    },
    Case {
        defect: "duplicate-on-retry",
        scenario: "quickstart",
        check: "duplicate",
    },
    Case {
        defect: "accept-rejected",
        scenario: "baseline",
        check: "phantom",
    },
    Case {
        defect: "corrupt-quantity",
        scenario: "baseline",
        check: "corrupt",
    },
    Case {
        defect: "slow-failover",
        scenario: "quickstart",
        check: "failover",
    },
    Case {
        defect: "flaky-replication",
        scenario: "engine-metrics",
        check: "replication",
    },
    Case {
        defect: "leak-memory",
        scenario: "engine-metrics",
        check: "memory",
    },
    Case {
        defect: "feed-gap",
        scenario: "market-data",
        check: "feed-gaps",
    },
    Case {
        defect: "stale-feed",
        scenario: "market-data",
        check: "fresh",
    },
    Case {
        defect: "drops-fills",
        scenario: "venue-kill",
        check: "missing",
    },
    Case {
        defect: "double-counts-fills",
        scenario: "venue-kill",
        check: "twice",
    },
    Case {
        defect: "slow-response",
        scenario: "venue-kill",
        check: "response",
    },
];

/// Checks that no order can be an example of.
const WITHOUT_ORDERS: [&str; 8] = [
    "failover",
    "replication",
    "memory",
    "feed-gaps",
    "fresh",
    "missing",
    "twice",
    "response",
];

/// A loss is a loss at any load; so two clusters may run at once.
const HALF_THE_LOAD: [&str; 6] = [
    "--set",
    "load.arrival.poisson.rate=500/s",
    "--set",
    "sla.steady-rate.throughput.at-least=400/s",
    "--set",
    "phases.steady=5s",
];

fn turns_red(defect: &str) {
    let case = CASES
        .iter()
        .find(|case| case.defect == defect)
        .expect("every defect has its case");
    let sandbox = Sandbox::new();
    let mut more = vec!["--defect", defect];
    more.extend_from_slice(&HALF_THE_LOAD);
    let run = sandbox.run_soundly(&library(case.scenario), &more);
    let record = run.expect_code(1);
    assert_eq!(record.verdict, Verdict::Fail);
    assert_eq!(record.run.defect.as_deref(), Some(defect));
    let red = check(&record, case.check);
    assert_eq!(red.verdict, Verdict::Fail, "{}", run.finished.said());
    assert!(!red.why.is_empty());
    let screen = &run.finished.stdout;
    assert!(screen.starts_with("FAIL"), "{screen}");
    assert!(screen.contains(defect), "the defect is not named\n{screen}");
    // Whatever the engine did, Shakedown leaves nothing of its own behind.
    assert_eq!(sandbox.left_after_s(2.0), []);
    if record.data_loss.examples.is_empty() {
        assert!(
            WITHOUT_ORDERS.contains(&case.check),
            "a loss without an example"
        );
        return;
    }
    let example = &record.data_loss.examples[0];
    let dir = run.dir.to_str().unwrap();
    let story = sandbox.run(&["explain", dir, "--order", &example.order]);
    story.expect_words(&[&example.order]);
}

#[test]
fn acknowledgements_before_the_quorum_lose_orders() {
    let _beside = beside();
    turns_red("ack-before-quorum");
}

#[test]
fn a_forgotten_tail_diverges() {
    let _beside = beside();
    turns_red("forget-tail-on-promotion");
}

#[test]
fn retries_that_execute_twice_are_duplicates() {
    let _beside = beside();
    turns_red("duplicate-on-retry");
}

#[test]
fn rejected_orders_in_the_book_are_phantoms() {
    let _beside = beside();
    turns_red("accept-rejected");
}

#[test]
fn other_quantities_are_corrupt() {
    let _beside = beside();
    turns_red("corrupt-quantity");
}

#[test]
fn a_slow_failover_misses_its_limit() {
    let _alone = alone();
    turns_red("slow-failover");
}

/// Defects that do not hide each other, in one run.
fn turn_red_together(defects: [&str; 2], more: &[&str]) {
    let cases = CASES.iter().filter(|case| defects.contains(&case.defect));
    let cases: Vec<&Case> = cases.collect();
    let sandbox = Sandbox::new();
    let planted = ["--defect", defects[0], "--defect", defects[1]];
    let more = [&planted, HALF_THE_LOAD.as_slice(), more].concat();
    let run = sandbox.run_soundly(&library(cases[0].scenario), &more);
    let record = run.expect_code(1);
    for case in cases {
        let red = check(&record, case.check);
        assert_eq!(red.verdict, Verdict::Fail, "{}", run.finished.said());
    }
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn a_feed_that_leaves_out_and_holds_back_has_gaps_and_is_stale() {
    let _beside = beside();
    turn_red_together(["feed-gap", "stale-feed"], &[]);
}

#[test]
fn fills_that_are_not_booked_are_missing_and_a_market_maker_that_waits_is_late() {
    let _beside = beside();
    turn_red_together(["drops-fills", "slow-response"], &[]);
}

#[test]
fn fills_over_fix_are_held_against_trades_too() {
    let _beside = beside();
    let over_fix = ["--set", "system=market-maker-fix"];
    turn_red_together(["drops-fills", "double-counts-fills"], &over_fix);
}

#[test]
fn fills_that_are_booked_twice_are_duplicates() {
    let _beside = beside();
    turns_red("double-counts-fills");
}

#[test]
fn a_replication_that_fails_shows_in_the_engines_own_metrics() {
    let _beside = beside();
    turns_red("flaky-replication");
}

#[test]
fn a_leak_of_memory_shows_in_the_engines_own_metrics() {
    let _beside = beside();
    turns_red("leak-memory");
}

#[test]
fn every_defect_of_the_engine_has_its_case() {
    let sandbox = Sandbox::new();
    let listed = sandbox.run(&["engine", "defects"]);
    listed.expect_code(0);
    let names: Vec<&str> = listed
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| word.contains('-'))
        .collect();
    let mut cases: Vec<&str> = CASES.iter().map(|case| case.defect).collect();
    let mut listed_names = names.clone();
    cases.sort_unstable();
    listed_names.sort_unstable();
    assert_eq!(listed_names, cases, "{}", listed.stdout);
}

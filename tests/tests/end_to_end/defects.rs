//! Each defect of the reference engine turns a named check red; the clean engine turns none.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use shakedown_record::Verdict;
use shakedown_tests::matrix::{Case, case, table};
use shakedown_tests::shakedown::{Sandbox, alone, beside, check, library, workspace};

/// Checks that no order can be an example of.
const WITHOUT_ORDERS: [&str; 16] = [
    "kept-out",
    "limits",
    "ends",
    "failover",
    "replication",
    "memory",
    "feed-gaps",
    "feed-book",
    "fresh",
    "missing",
    "twice",
    "response",
    "steady-p99",
    "history",
    "invariants",
    "drop-copy",
];

fn turns_red(defect: &str) {
    let case = case(defect);
    let named = case.check;
    let sandbox = Sandbox::new();
    let more = [&["--defect", defect], case.setting.more].concat();
    let run = sandbox.run_soundly(&library(case.setting.scenario), &more);
    let record = run.expect_code(1);
    assert_eq!(record.verdict, Verdict::Fail);
    assert_eq!(record.run.defect.as_deref(), Some(defect));
    let red = check(&record, named);
    assert_eq!(red.verdict, Verdict::Fail, "{}", run.finished.said());
    assert!(!red.why.is_empty());
    let screen = &run.finished.stdout;
    assert!(screen.starts_with("FAIL"), "{screen}");
    assert!(screen.contains(defect), "the defect is not named\n{screen}");
    // Whatever the engine did, Shakedown leaves nothing of its own behind.
    assert_eq!(sandbox.left_after_s(2.0), []);
    if record.data_loss.examples.is_empty() {
        assert!(WITHOUT_ORDERS.contains(&named), "a loss without an example");
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
fn acceptances_that_the_drop_copy_does_not_tell_are_missed() {
    let _beside = beside();
    turns_red("drop-copy-gap");
}

#[test]
fn orders_that_outlive_the_node_of_their_connection_break_the_contract() {
    let _beside = beside();
    turns_red("forgets-lost-node");
}

#[test]
fn a_new_leader_without_the_risk_limits_lets_sessions_exceed_them() {
    let _beside = beside();
    turns_red("resets-limits");
}

#[test]
fn a_new_leader_without_the_kill_switch_lets_the_account_trade() {
    let _beside = beside();
    turns_red("forgets-kill-switch");
}

#[test]
fn a_deposed_leader_that_goes_on_acknowledging_is_told_by_its_term() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let less = [
        "--defect",
        "ack-before-quorum",
        "--set",
        "sla.terms={ terms: {} }",
        "--set",
        "load.arrival.poisson.rate=400/s",
        "--set",
        "sla.steady-rate.throughput.at-least=300/s",
        "--set",
        "phases.steady=3s",
    ];
    let run = sandbox.run_soundly(&library("leader-partition"), &less);
    let record = run.expect_code(1);
    let red = check(&record, "terms");
    assert_eq!(red.verdict, Verdict::Fail, "{}", run.finished.said());
    let terms = record.terms.as_ref().unwrap();
    assert!(terms.terms >= 2 && terms.contradictions >= 1, "{terms:?}");
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn what_waits_and_a_new_leader_does_not_know_of_is_never_set_off_and_never_ends() {
    let _beside = beside();
    turn_red_together(&["forgets-stops", "forgets-timers"], &[]);
}

#[test]
fn orders_of_connections_that_did_not_end_are_not_excused() {
    let _beside = beside();
    turns_red("ends-bystanders");
}

#[test]
fn a_slow_failover_misses_its_limit() {
    let _alone = alone();
    turns_red("slow-failover");
}

/// Defects that do not hide each other, in one run.
fn turn_red_together(defects: &[&str], more: &[&str]) {
    let cases: Vec<Case> = defects.iter().map(|defect| case(defect)).collect();
    let setting = cases[0].setting;
    let sandbox = Sandbox::new();
    let planted = defects.iter().flat_map(|defect| ["--defect", defect]);
    let planted: Vec<&str> = planted.collect();
    let more = [&planted, setting.more, more].concat();
    let run = sandbox.run_soundly(&library(setting.scenario), &more);
    let record = run.expect_code(1);
    for case in cases {
        let red = check(&record, case.check);
        assert_eq!(red.verdict, Verdict::Fail, "{}", run.finished.said());
    }
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn orders_that_are_dropped_missed_unchanged_entered_late_or_answered_late_each_turn_a_check_red() {
    let _beside = beside();
    let defects = [
        "drops-orders",
        "lost-replica-order",
        "ignores-replace",
        "late-ghost",
        "slow-tail",
    ];
    turn_red_together(&defects, &[]);
}

#[test]
fn a_snapshot_without_the_last_orders_diverges() {
    let _beside = beside();
    turns_red("partial-snapshot");
}

#[test]
fn the_youngest_before_the_oldest_contradicts_the_engines_own_order() {
    let _beside = beside();
    turns_red("priority-inversion");
}

#[test]
fn the_youngest_before_the_oldest_is_found_without_any_number_of_the_engine() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let more = [
        "--defect",
        "priority-inversion",
        "--set",
        "phases.steady=8s",
    ];
    let run = sandbox.run_soundly(&library("slow-lane"), &more);
    let record = run.expect_code(1);
    let red = check(&record, "history");
    assert_eq!(red.verdict, Verdict::Fail, "{}", run.finished.said());
    let told = &red.observed.text;
    assert!(told.contains("no order of the"), "{told}");
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn orders_that_are_not_matched_cross_the_book() {
    let _beside = beside();
    turns_red("crossed-book");
}

#[test]
fn trades_that_are_booked_twice_are_more_than_was_filled() {
    let _beside = beside();
    turns_red("duplicate-fill");
}

#[test]
fn trades_that_one_side_does_not_hear_of_do_not_add_up() {
    let _beside = beside();
    turns_red("one-sided-fill");
}

#[test]
fn a_depth_that_is_not_the_sum_of_its_orders_breaks_an_invariant() {
    let _beside = beside();
    turns_red("depth-drift");
}

#[test]
fn cancelled_orders_that_stay_are_resurrected() {
    let _beside = beside();
    turns_red("ignores-cancel");
}

#[test]
fn cancelled_orders_that_come_back_with_a_new_leader_are_resurrected() {
    let _beside = beside();
    turns_red("resurrect-cancelled");
}

#[test]
fn numbers_that_a_new_leader_gives_again_are_against_time() {
    let _beside = beside();
    turns_red("sequence-reuse");
}

#[test]
fn a_feed_that_leaves_out_and_holds_back_has_gaps_and_is_stale() {
    let _beside = beside();
    turn_red_together(&["feed-gap", "stale-feed"], &[]);
}

#[test]
fn a_feed_that_tells_too_much_of_an_order_tells_other_books_than_the_copies_hold() {
    let _beside = beside();
    turns_red("feed-quantity");
}

#[test]
fn fills_that_are_not_booked_are_missing_and_a_market_maker_that_waits_is_late() {
    let _beside = beside();
    turn_red_together(&["drops-fills", "slow-response"], &[]);
}

#[test]
fn fills_over_fix_are_held_against_trades_too() {
    let _beside = beside();
    let over_fix = ["--set", "system=market-maker-fix"];
    turn_red_together(&["drops-fills", "double-counts-fills"], &over_fix);
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
fn the_table_in_the_docs_is_that_of_the_tests() {
    let path = workspace().join("docs/defects.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let expected = table();
    assert_eq!(rows, expected, "expected:\n{}", expected.join("\n"));
}

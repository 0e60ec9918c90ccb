//! Whoever holds a partition in a real cluster is killed in the middle of it: traffic is back in time, and `recover`, run
//! from another folder, leaves nothing. A sample of the campaign `kubernetes-sigkill`, with its limits.
//! `tests/kubernetes.sh` brings a cluster along.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use shakedown_tests::cluster_kill::{ClusterKillRound, ClusterKillWorld, Killed};
use shakedown_tests::shakedown::alone;

/// One round, whose kill lies at this share of the time in which the campaign kills.
fn killed(killed: Killed, number: u64, share: f64) -> ClusterKillRound {
    let _alone = alone();
    let round = ClusterKillWorld::new().round(number, killed, share);
    assert_eq!(round.broken, None);
    assert!(round.sent_while_cut > 0, "{round:?}");
    assert_eq!(round.answers_while_cut_ms, Vec::<f64>::new());
    let back_ms = round.back_ms.expect("traffic comes back");
    assert!(back_ms <= killed.limit_ms(), "{round:?}");
    round.recover.as_ref().unwrap().expect_code(0);
    assert_eq!(round.left, Vec::<String>::new());
    assert!(round.found_nothing_again(), "{round:?}");
    round
}

#[test]
fn traffic_is_back_when_the_agent_is_killed_and_the_runner_ends_its_run() {
    let round = killed(Killed::Agent, 3, 0.1);
    assert_eq!(round.runner.unwrap().code, Some(130));
}

#[test]
fn traffic_is_back_when_the_runner_is_killed() {
    let round = killed(Killed::Runner, 4, 0.2);
    assert_eq!(round.runner.unwrap().signal, Some(9));
}

#[test]
fn traffic_is_back_when_both_are_killed() {
    let round = killed(Killed::Both, 5, 0.3);
    assert_eq!(round.runner.unwrap().signal, Some(9));
}

//! Shakedown is killed at random moments: nothing of it runs on, nothing stays frozen, and `recover` says so.
//!
//! Five kills here; the campaign `sigkill-30` is the same code with thirty.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::thread;

use shakedown_tests::campaign::{GRACE_S, Kill, kill_once};
use shakedown_tests::proc::ProcessSeen;
use shakedown_tests::shakedown::{Running, Sandbox, beside, library, run_arguments, within_s};

use rustix::process::Signal;

const KILLS: u64 = 5;

#[test]
fn a_killed_shakedown_leaves_nothing_behind() {
    let _beside = beside();
    let mut met_a_cluster = 0;
    let kills: Vec<Kill> = thread::scope(|scope| {
        // Each has a state folder of its own; nothing here depends on how fast the machine is.
        let running: Vec<_> = [[1, 4].as_slice(), &[2, 5], &[3]]
            .map(|numbers| {
                scope.spawn(|| numbers.iter().map(|n| kill_once(*n, KILLS, 2)).collect())
            })
            .into_iter()
            .collect();
        let finished = running.into_iter().map(|thread| thread.join().unwrap());
        finished.flat_map(|kills: Vec<Kill>| kills).collect()
    });
    assert_eq!(kills.len() as u64, KILLS);
    for kill in kills {
        assert_eq!(kill.left, Vec::<String>::new(), "{kill:?}");
        kill.recover.expect_code(0);
        kill.again.expect_code(0).expect_words(&["clean"]);
        met_a_cluster += u64::from(kill.processes_before > 3);
    }
    assert!(
        met_a_cluster >= KILLS / 2,
        "{met_a_cluster} kills met a cluster"
    );
}

#[test]
fn an_interrupted_run_heals_first() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let (path, dir) = (library("leader-freeze"), sandbox.new_run_dir());
    let arguments = run_arguments(&path, &dir, &[]);
    let running = Running::start(sandbox.command(&arguments));
    let frozen = || sandbox.processes().iter().any(ProcessSeen::is_frozen);
    assert!(within_s(60.0, frozen), "the leader was never frozen");
    running.signal(Signal::INT);
    let finished = running.finish();
    finished.expect_code(130);
    assert_eq!(sandbox.left_after_s(GRACE_S), []);
    let events = std::fs::read_to_string(dir.join("events.jsonl")).unwrap();
    assert!(events.contains("fault-healed"), "{events}");
    sandbox.run(&["recover"]).expect_code(0);
    sandbox
        .run(&["report", dir.to_str().unwrap()])
        .expect_code(130);
}

#[test]
fn two_runs_against_one_system_refuse_each_other() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let path = library("baseline");
    let (first, second) = (sandbox.path().join("first"), sandbox.path().join("second"));
    let arguments = run_arguments(&path, &first, &[]);
    let running = Running::start(sandbox.command(&arguments));
    assert!(within_s(30.0, || first.join("events.jsonl").exists()));
    sandbox
        .run(&run_arguments(&path, &second, &[]))
        .expect_code(77)
        .expect_words(&["run"]);
    let halt = sandbox.run(&["halt"]);
    halt.expect_code(0);
    running.finish().expect_code(130);
    assert_eq!(sandbox.left_after_s(GRACE_S), []);
}

//! What remains when Shakedown itself is killed: nothing, or what `recover` undoes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::doubles::{
    FROZEN, Habit, Run, Sleeper, eventually, is_alive, read_ids, start_role, write_ids,
};
use rustix::process::Signal;
use shakedown_record::ExitCode;
use shakedown_record::fault::Firing;
use shakedown_runner::environment::{Environment, Handle};
use shakedown_runner::faults::{Aim, FaultTargetRef, Prepared, preflight};
use shakedown_runner::halt::halt;
use shakedown_runner::journal::{Entry, JOURNAL_FILE, OpenOrders, Undo};
use shakedown_runner::mechanisms::{ProcessHandle, ProcessId, ProcessState, Watchdog};
use shakedown_runner::recover::{RecoverError, RunState, orders_closed, recover};
use shakedown_runner::state_dir::StateDir;

const SOON: Duration = Duration::from_secs(2);

/// Plays a role that a test of this file gave to another process of this binary.
pub fn play(role: &str, folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        match role {
            "owner-of-frozen-cluster" => own_a_frozen_cluster(folder).await,
            "owner-that-heals" => heal_when_asked(folder).await,
            "owner-without-watchdog" => freeze_a_stranger(folder, false).await,
            "owner-with-watchdog" => freeze_a_stranger(folder, true).await,
            other => panic!("no such role: {other}"),
        }
    });
}

async fn frozen_cluster(folder: &Path) -> (Run, Environment, Prepared) {
    let run = Run::new(folder, Habit::Sound, 3);
    let environment = run.start().await.unwrap();
    let target = FaultTargetRef {
        name: "engine-2".into(),
        role: None,
    };
    let firing = Firing {
        fault: "freeze".into(),
        occurrence: 0,
    };
    let mut fault = preflight(&firing, &FROZEN, &Aim::at(vec![target]), &environment).unwrap();
    fault.arm(&environment, &run.journal).await.unwrap();
    fault.inject(&environment).await.unwrap();
    assert!(fault.confirm(&environment, SOON).await.confirmed);
    let mut ids: Vec<ProcessId> = (1..=3)
        .filter_map(|n| environment.handle(&format!("engine-{n}")))
        .map(|Handle::Process(process)| process.id())
        .collect();
    ids.extend(watchdogs(&run));
    write_ids(&folder.join("ids"), &ids);
    (run, environment, fault)
}

fn watchdogs(run: &Run) -> Vec<ProcessId> {
    let journal = run.state.journal("run-1").unwrap();
    let view = shakedown_runner::journal::read_journal(&journal).unwrap();
    view.open_children()
        .into_iter()
        .filter(|(name, _)| name.starts_with("watchdog"))
        .map(|(_, id)| id)
        .collect()
}

async fn own_a_frozen_cluster(folder: &Path) {
    let _everything = frozen_cluster(folder).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
}

async fn heal_when_asked(folder: &Path) {
    use tokio::signal::unix::{SignalKind, signal};
    let mut asked = signal(SignalKind::terminate()).unwrap();
    let (run, environment, mut fault) = frozen_cluster(folder).await;
    asked.recv().await;
    fault.heal(&environment, &run.journal).await.unwrap();
    assert_eq!(environment.stop().await, []);
    run.journal.close_clean().unwrap();
}

/// Freezes a process that is not a child of this one.
async fn freeze_a_stranger(folder: &Path, watched: bool) {
    let run = Run::new(folder, Habit::Sound, 1);
    let ids = read_ids(&folder.join("stranger"));
    let stranger = ProcessHandle::open(ids[0]).unwrap().unwrap();
    let _watchdog = match watched {
        true => Some(
            Watchdog::over_stopped(&run.exe, stranger.id())
                .await
                .unwrap(),
        ),
        false => None,
    };
    let intent = Entry::FaultIntent {
        fault: "freeze".into(),
        kind: "freeze".into(),
        targets: vec!["stranger".into()],
        undo: vec![Undo::Thaw {
            name: "stranger".into(),
            process: stranger.id(),
        }],
    };
    run.journal.record(&intent).unwrap();
    if let Some(child) = ids.get(1) {
        let started = Entry::ChildStarted {
            name: "engine-1".into(),
            process: *child,
        };
        run.journal.record(&started).unwrap();
    }
    stranger.signal(Signal::STOP).unwrap();
    write_ids(&folder.join("ids"), &[stranger.id()]);
    tokio::time::sleep(Duration::from_secs(60)).await;
}

/// Starts a role, waits until it has done its work, and returns what it started.
fn started(role: &str, folder: &Path) -> (std::process::Child, Vec<ProcessId>) {
    let owner = start_role(role, folder);
    let ids = read_ids(&folder.join("ids"));
    (owner, ids)
}

fn kill(owner: &mut std::process::Child) {
    owner.kill().unwrap();
    owner.wait().unwrap();
}

#[test]
fn when_shakedown_is_killed_its_children_die_frozen_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let (mut owner, ids) = started("owner-of-frozen-cluster", folder.path());
    assert_eq!(ids.len(), 4, "three nodes and a watchdog");
    assert!(ids.iter().all(|id| is_alive(*id)));
    let state = StateDir::at(&folder.path().join("state"));

    // A live run is named and left alone.
    let early = recover(&state, None).unwrap();
    assert_eq!(early.runs[0].state, RunState::Live { pid: owner.id() });
    assert_eq!(early.exit_code(), ExitCode::Pass);
    assert!(ids.iter().all(|id| is_alive(*id)));

    kill(&mut owner);
    eventually("nothing of it runs", SOON, || {
        !ids.iter().any(|id| is_alive(*id))
    });
    let data = state.nodes("run-1").unwrap();
    assert!(data.exists());
    let report = recover(&state, Some("run-1")).unwrap();
    assert_eq!(report.exit_code(), ExitCode::Pass, "{:?}", report.lines());
    assert_eq!(report.runs[0].state, RunState::Dead);
    assert!(!data.exists());
    assert!(folder.path().join("run").join(JOURNAL_FILE).exists());
    // Nothing is left for a second time, however the run is named.
    assert!(recover(&state, None).unwrap().runs.is_empty());
    let by_path = folder.path().join("run");
    assert!(recover(&state, by_path.to_str()).unwrap().runs.is_empty());
    assert!(matches!(
        recover(&state, Some("run-1")),
        Err(RecoverError::NoSuchRun(_))
    ));
}

#[test]
fn a_watchdog_thaws_when_its_parent_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = Sleeper::start();
    write_ids(&folder.path().join("stranger"), &[stranger.handle.id()]);
    let (mut owner, _) = started("owner-with-watchdog", folder.path());
    eventually("frozen", SOON, || stranger.state() == ProcessState::Stopped);
    kill(&mut owner);
    eventually("thawed", Duration::from_secs(1), || {
        stranger.state() == ProcessState::Running
    });
}

#[test]
fn recover_thaws_the_frozen_and_ends_what_was_started() {
    let folder = tempfile::tempdir().unwrap();
    let (frozen, child) = (Sleeper::start(), Sleeper::start());
    let ids = [frozen.handle.id(), child.handle.id()];
    write_ids(&folder.path().join("stranger"), &ids);
    let (mut owner, _) = started("owner-without-watchdog", folder.path());
    eventually("frozen", SOON, || frozen.state() == ProcessState::Stopped);
    kill(&mut owner);
    assert_eq!(
        frozen.state(),
        ProcessState::Stopped,
        "nobody has thawed it yet"
    );
    let state = StateDir::at(&folder.path().join("state"));
    let report = recover(&state, folder.path().join("run").to_str()).unwrap();
    assert_eq!(report.exit_code(), ExitCode::Pass, "{:?}", report.lines());
    assert_eq!(report.runs[0].done.len(), 2, "{:?}", report.lines());
    assert_eq!(frozen.state(), ProcessState::Running);
    assert_eq!(child.state(), ProcessState::Exited);
}

#[test]
fn halt_waits_until_every_run_has_healed_and_says_how_long_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let (mut owner, ids) = started("owner-that-heals", folder.path());
    let state = StateDir::at(&folder.path().join("state"));
    let report = halt(&state, Duration::from_secs(20)).unwrap();
    assert_eq!(report.exit_code(), ExitCode::Pass, "{:?}", report.lines());
    let run = &report.runs[0];
    assert_eq!(run.pid, Some(owner.id()));
    assert!(run.healed_after_s.unwrap() <= run.ended_after_s.unwrap());
    assert!(owner.wait().unwrap().success());
    assert!(!ids.iter().any(|id| is_alive(*id)));
    assert!(recover(&state, None).unwrap().runs.is_empty());
    assert!(halt(&state, SOON).unwrap().runs.is_empty());
}

#[test]
fn halt_of_a_run_that_just_dies_says_what_to_do_next() {
    let folder = tempfile::tempdir().unwrap();
    let (mut owner, _) = started("owner-of-frozen-cluster", folder.path());
    let state = StateDir::at(&folder.path().join("state"));
    let report = halt(&state, Duration::from_secs(20)).unwrap();
    owner.wait().unwrap();
    assert_eq!(report.exit_code(), ExitCode::Dirty);
    assert!(report.runs[0].to_recover && report.runs[0].healed_after_s.is_none());
    assert!(report.lines()[0].contains("shakedown recover run-1"));
    assert_eq!(recover(&state, None).unwrap().exit_code(), ExitCode::Pass);
}

/// The journal of a run that is dead, after its text went through `change`.
fn dead_journal(folder: &Path, change: impl FnOnce(String) -> String) -> StateDir {
    let stranger = Sleeper::start();
    write_ids(&folder.join("stranger"), &[stranger.handle.id()]);
    let (mut owner, _) = started("owner-without-watchdog", folder);
    kill(&mut owner);
    let state = StateDir::at(&folder.join("state"));
    let path = state.journal("run-1").unwrap().join(JOURNAL_FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, change(text)).unwrap();
    state
}

#[test]
fn a_journal_whose_owner_cannot_be_read_is_reported_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let state = dead_journal(folder.path(), |text| text.replacen("\"owner\"", "\"own", 1));
    let report = recover(&state, None).unwrap();
    assert_eq!(report.runs[0].state, RunState::Unreadable);
    assert_eq!(report.exit_code(), ExitCode::Dirty);
    assert_eq!(recover(&state, None).unwrap().exit_code(), ExitCode::Dirty);
}

#[test]
fn damage_after_the_owner_is_reported_though_the_rest_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    let state = dead_journal(folder.path(), |text| {
        let lines: Vec<&str> = text.lines().collect();
        format!("{}\n\u{0}garbage\n{}\n{{\"event\":\"ch", lines[0], lines[1])
    });
    let report = recover(&state, None).unwrap();
    assert_eq!(report.exit_code(), ExitCode::Dirty);
    assert_eq!(report.leftovers_remaining().len(), 1);
    assert!(report.leftovers_remaining()[0].what.contains("line 2"));
    // The torn last line does not become damage of its own.
    assert_eq!(
        recover(&state, None).unwrap().leftovers_remaining().len(),
        1
    );
}

#[test]
fn a_folder_elsewhere_is_never_removed() {
    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("precious");
    fs::create_dir(&precious).unwrap();
    let line = serde_json::to_string(&Entry::DataFolder {
        path: precious.clone(),
    });
    let state = dead_journal(folder.path(), |text| format!("{text}{}\n", line.unwrap()));
    let report = recover(&state, None).unwrap();
    assert_eq!(report.exit_code(), ExitCode::Dirty);
    assert!(precious.is_dir());
}

#[test]
fn open_orders_stay_a_leftover_until_they_are_said_to_be_closed() {
    let folder = tempfile::tempdir().unwrap();
    let line = serde_json::to_string(&Entry::OrdersMayBeOpen(OpenOrders {
        prefix: "abc123".into(),
        entry: vec!["http://127.0.0.1:8080".into()],
    }));
    let state = dead_journal(folder.path(), |text| format!("{text}{}\n", line.unwrap()));
    let report = recover(&state, None).unwrap();
    assert_eq!(report.runs[0].open_orders[0].prefix, "abc123");
    assert_eq!(report.exit_code(), ExitCode::Dirty);
    let report = orders_closed(&state, "run-1", "abc123").unwrap();
    assert_eq!(report.exit_code(), ExitCode::Pass, "{:?}", report.lines());
    assert!(recover(&state, None).unwrap().runs.is_empty());
}

#[test]
fn a_name_of_nothing_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::at(folder.path());
    assert!(recover(&state, None).unwrap().runs.is_empty());
    for name in ["no-such-run", "/no/such/dir", ""] {
        let error = recover(&state, Some(name)).unwrap_err();
        assert!(matches!(error, RecoverError::NoSuchRun(_)), "{name:?}");
    }
}

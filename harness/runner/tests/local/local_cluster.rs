//! A local cluster and the faults on it, with real processes.

use std::fs;
use std::time::{Duration, Instant};

use crate::doubles::{FROZEN, Habit, Run, eventually, is_alive, listens};
use rustix::process::Signal as SystemSignal;
use shakedown_record::fault::Firing;
use shakedown_runner::environment::{Environment, EnvironmentError, Handle};
use shakedown_runner::faults::{Aim, FaultError, FaultTargetRef, Prepared, preflight};
use shakedown_runner::journal::{Entry, read_journal};
use shakedown_runner::mechanisms::{ProcessHandle, ProcessState};
use shakedown_scenarios::plan::{FaultKind, RestartedBy, Signal};

const SOON: Duration = Duration::from_secs(5);
const KILL: FaultKind = FaultKind::Kill {
    signal: Signal::Kill,
};

fn process(environment: &Environment, name: &str) -> ProcessHandle {
    let Some(Handle::Process(process)) = environment.handle(name) else {
        panic!("{name} does not run");
    };
    process
}

fn firing() -> Firing {
    Firing {
        fault: "it".into(),
        occurrence: 0,
    }
}

fn prepare(
    environment: &Environment,
    kind: &FaultKind,
    names: &[&str],
) -> Result<Prepared, FaultError> {
    let target = |name: &&str| FaultTargetRef {
        name: name.to_string(),
        role: Some("leader".into()),
    };
    let targets: Vec<FaultTargetRef> = names.iter().map(target).collect();
    preflight(&firing(), kind, &Aim::at(targets), environment)
}

async fn inject(
    run: &Run,
    environment: &Environment,
    kind: &FaultKind,
    names: &[&str],
) -> Prepared {
    let mut fault = prepare(environment, kind, names).unwrap();
    fault.arm(environment, &run.journal).await.unwrap();
    fault.inject(environment).await.unwrap();
    fault
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_starts_serves_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Sound, 3);
    let environment = run.start().await.unwrap();
    let names: Vec<&str> = environment
        .replicas()
        .iter()
        .map(|r| r.name.as_str())
        .collect();
    assert_eq!(names, ["engine-1", "engine-2", "engine-3"]);
    assert_eq!(environment.entry().len(), 3);
    assert!(environment.entry().iter().all(|url| listens(url)));
    assert!(run.data().join("engine-3").is_dir());
    assert!(run.run_dir.logs().join("engine-2.log").is_file());
    let processes: Vec<_> = names
        .iter()
        .map(|name| process(&environment, name).id())
        .collect();

    assert_eq!(environment.stop().await, []);
    assert!(!processes.iter().any(|id| is_alive(*id)));
    assert!(!run.data().exists());
    assert_eq!(environment.unexpected_exits(), []);
    assert_eq!(environment.stop().await, [], "a second stop finds nothing");
    run.journal.close_clean().unwrap();
    let view = read_journal(run.run_dir.root()).unwrap();
    assert_eq!(view.open_children(), []);
    assert!(view.open_folders().is_empty() && view.is_closed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_ends_at_once_is_explained_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::EndsAtOnce, 3);
    let error = run.start().await.unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, EnvironmentError::EndedEarly { .. }),
        "{text}"
    );
    assert!(text.contains("exited with code 3"), "{text}");
    assert!(text.contains("cannot open the log"), "{text}");
    assert!(!run.data().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_never_ready_is_given_up_and_taken_down() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::NeverReady, 1);
    let begun = Instant::now();
    let error = run.start().await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(error.to_string().contains("status 503"), "{error}");
    let started = read_journal(&run.state.journal("run-1").unwrap()).unwrap();
    assert_eq!(started.open_children(), []);
    let ids: Vec<_> = started
        .entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::ChildStarted { process, .. } => Some(*process),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 1);
    assert!(!is_alive(ids[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_cluster_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Deaf, 2);
    let environment = run.start().await.unwrap();
    let ids = [
        process(&environment, "engine-1").id(),
        process(&environment, "engine-2").id(),
    ];
    drop(environment);
    assert!(!ids.iter().any(|id| is_alive(*id)));
    assert!(!run.data().exists());
    run.journal.close_clean().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_ends_by_itself_is_noticed_once() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Sound, 1);
    let environment = run.start().await.unwrap();
    process(&environment, "engine-1")
        .signal(SystemSignal::QUIT)
        .unwrap();
    let mut exits = Vec::new();
    eventually("the end is noticed", SOON, || {
        exits = environment.unexpected_exits();
        !exits.is_empty()
    });
    assert_eq!(exits[0].0, "engine-1");
    assert!(exits[0].1.contains("ended by signal 3 (QUIT)"), "{exits:?}");
    assert_eq!(environment.unexpected_exits(), []);
    assert!(environment.handle("engine-1").is_none());
    assert_eq!(environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_is_proven_healed_and_clean() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Sound, 2);
    let environment = run.start().await.unwrap();
    let victim = process(&environment, "engine-1").id();
    let mut fault = inject(&run, &environment, &KILL, &["engine-1"]).await;
    assert_eq!(fault.targets()[0].handle, format!("pid {}", victim.pid));
    let effect = fault.confirm(&environment, SOON).await;
    assert!(effect.confirmed, "{}", effect.text);
    assert!(effect.text.contains("signal 9 (KILL)"), "{}", effect.text);
    assert!(
        effect.text.contains("refuses connections"),
        "{}",
        effect.text
    );
    assert!(!is_alive(victim));
    let down = fault
        .confirm_clean(&environment, &run.journal)
        .await
        .unwrap_err();
    assert!(
        down.left.is_some(),
        "it was killed and not yet started again: {down:?}"
    );

    fault.heal(&environment, &run.journal).await.unwrap();
    fault
        .confirm_clean(&environment, &run.journal)
        .await
        .unwrap();
    assert_ne!(process(&environment, "engine-1").id(), victim);
    assert_eq!(environment.unexpected_exits(), []);
    // Healing again changes nothing.
    let now = process(&environment, "engine-1").id();
    fault.heal(&environment, &run.journal).await.unwrap();
    assert_eq!(process(&environment, "engine-1").id(), now);
    assert_eq!(environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_nobody_restarts_stays_down_and_that_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::new(folder.path(), Habit::Sound, 2);
    run.plan.system.parts[0].restarted_by = RestartedBy::Nobody;
    let environment = run.start().await.unwrap();
    let mut fault = inject(&run, &environment, &KILL, &["engine-2"]).await;
    assert!(fault.confirm(&environment, SOON).await.confirmed);
    fault.heal(&environment, &run.journal).await.unwrap();
    fault
        .confirm_clean(&environment, &run.journal)
        .await
        .unwrap();
    assert!(environment.handle("engine-2").is_none());
    let again = prepare(&environment, &KILL, &["engine-2"]);
    assert!(matches!(again, Err(FaultError::NoHandle { .. })));
    assert_eq!(environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_without_effect_is_not_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Deaf, 1);
    let environment = run.start().await.unwrap();
    let before = process(&environment, "engine-1").id();
    let kind = FaultKind::Kill {
        signal: Signal::Usr1,
    };
    let mut fault = inject(&run, &environment, &kind, &["engine-1"]).await;
    let effect = fault
        .confirm(&environment, Duration::from_millis(300))
        .await;
    assert!(!effect.confirmed);
    assert!(effect.text.contains("still runs"), "{}", effect.text);
    fault.heal(&environment, &run.journal).await.unwrap();
    fault
        .confirm_clean(&environment, &run.journal)
        .await
        .unwrap();
    assert_eq!(process(&environment, "engine-1").id(), before);
    assert_eq!(
        environment.stop().await,
        [],
        "deaf to SIGTERM, so by SIGKILL"
    );
    assert!(!is_alive(before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_is_proven_healed_and_clean() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Sound, 2);
    let environment = run.start().await.unwrap();
    let handle = process(&environment, "engine-2");
    let mut fault = inject(&run, &environment, &FROZEN, &["engine-2"]).await;
    let effect = fault.confirm(&environment, SOON).await;
    assert!(effect.confirmed, "{}", effect.text);
    assert!(effect.text.contains("no answer"), "{}", effect.text);
    assert_eq!(handle.state().unwrap(), ProcessState::Stopped);
    let second = prepare(&environment, &FROZEN, &["engine-2"]);
    assert!(matches!(second, Err(FaultError::AlreadyStopped { .. })));
    let journal = run.state.journal("run-1").unwrap();
    assert_eq!(read_journal(&journal).unwrap().open_faults().len(), 1);

    fault.heal(&environment, &run.journal).await.unwrap();
    fault
        .confirm_clean(&environment, &run.journal)
        .await
        .unwrap();
    let view = read_journal(&journal).unwrap();
    assert!(view.open_faults().is_empty());
    assert_eq!(view.open_children().len(), 2, "the watchdog is gone again");
    assert_eq!(handle.state().unwrap(), ProcessState::Running);
    assert_eq!(environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_faults_at_once_do_not_blame_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Sound, 3);
    let environment = run.start().await.unwrap();
    let mut kill = inject(&run, &environment, &KILL, &["engine-1"]).await;
    assert!(kill.confirm(&environment, SOON).await.confirmed);
    let mut freeze = inject(&run, &environment, &FROZEN, &["engine-2"]).await;
    assert!(freeze.confirm(&environment, SOON).await.confirmed);
    kill.heal(&environment, &run.journal).await.unwrap();
    kill.confirm_clean(&environment, &run.journal)
        .await
        .unwrap();
    freeze.heal(&environment, &run.journal).await.unwrap();
    freeze
        .confirm_clean(&environment, &run.journal)
        .await
        .unwrap();
    assert_eq!(environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bystander_that_falls_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Sound, 2);
    let environment = run.start().await.unwrap();
    let mut fault = inject(&run, &environment, &KILL, &["engine-1"]).await;
    process(&environment, "engine-2")
        .signal(SystemSignal::QUIT)
        .unwrap();
    eventually("it has ended", SOON, || {
        environment.handle("engine-2").is_none()
    });
    fault.heal(&environment, &run.journal).await.unwrap();
    let unclean = fault
        .confirm_clean(&environment, &run.journal)
        .await
        .unwrap_err();
    assert!(
        unclean.reason.contains("engine-2, which was no target"),
        "{unclean:?}"
    );
    assert_eq!(unclean.left, None);
    assert_eq!(environment.unexpected_exits().len(), 1);
    assert_eq!(environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_cluster_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Deaf, 2);
    let environment = run.start().await.unwrap();
    let names = ["engine-1", "engine-2"];
    let ids = names.map(|name| process(&environment, name).id());
    let fault = inject(&run, &environment, &FROZEN, &names).await;
    assert_eq!(environment.stop().await, []);
    assert!(!ids.iter().any(|id| is_alive(*id)));
    drop(fault);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thaw_by_somebody_else_is_no_freeze() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Sound, 1);
    let environment = run.start().await.unwrap();
    let handle = process(&environment, "engine-1");
    let mut fault = inject(&run, &environment, &FROZEN, &["engine-1"]).await;
    eventually("frozen", SOON, || {
        handle.state().unwrap() == ProcessState::Stopped
    });
    handle.signal(SystemSignal::CONT).unwrap();
    eventually("thawed", SOON, || {
        handle.state().unwrap() == ProcessState::Running
    });
    let effect = fault
        .confirm(&environment, Duration::from_millis(200))
        .await;
    assert!(!effect.confirmed);
    assert!(effect.text.contains("still runs"), "{}", effect.text);
    fault.heal(&environment, &run.journal).await.unwrap();
    fault
        .confirm_clean(&environment, &run.journal)
        .await
        .unwrap();
    assert_eq!(environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_vanishes_in_the_middle_is_told_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Sound, 3);
    let environment = run.start().await.unwrap();

    // Before the injection.
    let mut late = prepare(&environment, &KILL, &["engine-1"]).unwrap();
    late.arm(&environment, &run.journal).await.unwrap();
    let first = process(&environment, "engine-1");
    first.signal(SystemSignal::QUIT).unwrap();
    eventually("it is reaped", SOON, || {
        environment.handle("engine-1").is_none()
    });
    let refused = late.inject(&environment).await;
    assert!(
        matches!(refused, Err(FaultError::TargetGone { .. })),
        "{refused:?}"
    );
    let effect = late.confirm(&environment, SOON).await;
    assert!(!effect.confirmed, "{}", effect.text);
    assert!(effect.text.contains("not by our signal"), "{}", effect.text);

    // While it is frozen.
    let mut fault = inject(&run, &environment, &FROZEN, &["engine-2"]).await;
    process(&environment, "engine-2")
        .signal(SystemSignal::KILL)
        .unwrap();
    eventually("it is reaped", SOON, || {
        environment.handle("engine-2").is_none()
    });
    let effect = fault.confirm(&environment, SOON).await;
    assert!(!effect.confirmed, "{}", effect.text);
    assert!(effect.text.contains("gone, not frozen"), "{}", effect.text);
    fault.heal(&environment, &run.journal).await.unwrap();
    let unclean = fault
        .confirm_clean(&environment, &run.journal)
        .await
        .unwrap_err();
    assert_eq!(unclean.left, None, "nothing of ours: {unclean:?}");
    assert!(unclean.reason.contains("engine-2"), "{unclean:?}");
    assert_eq!(environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_takes_one_after_the_other_and_keeps_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Sound, 3);
    let environment = run.start().await.unwrap();
    let names = ["engine-1", "engine-2", "engine-3"];
    let before = names.map(|name| process(&environment, name).id());
    fs::write(run.data().join("engine-2/kept"), "yes").unwrap();
    let kind = FaultKind::Restart {
        grace_ns: 2_000_000_000,
    };
    let mut fault = inject(&run, &environment, &kind, &names).await;
    let effect = fault.confirm(&environment, SOON).await;
    assert!(effect.confirmed, "{}", effect.text);
    let after = names.map(|name| process(&environment, name).id());
    assert!(before.iter().zip(&after).all(|(old, new)| old != new));
    assert!(
        environment.entry().iter().all(|url| listens(url)),
        "each was ready before the next"
    );
    fault.heal(&environment, &run.journal).await.unwrap();
    fault
        .confirm_clean(&environment, &run.journal)
        .await
        .unwrap();
    assert_eq!(names.map(|name| process(&environment, name).id()), after);
    assert!(run.data().join("engine-2/kept").exists());
    assert_eq!(environment.unexpected_exits(), []);
    assert_eq!(environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_a_deaf_node_ends_by_sigkill_after_the_grace() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Deaf, 1);
    let environment = run.start().await.unwrap();
    let kind = FaultKind::Restart {
        grace_ns: 200_000_000,
    };
    let fault = inject(&run, &environment, &kind, &["engine-1"]).await;
    assert!(fault.confirm(&environment, SOON).await.confirmed);
    assert_eq!(environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_is_interrupted_is_finished_by_healing() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Deaf, 1);
    let environment = run.start().await.unwrap();
    let kind = FaultKind::Restart {
        grace_ns: 30_000_000_000,
    };
    let mut fault = prepare(&environment, &kind, &["engine-1"]).unwrap();
    fault.arm(&environment, &run.journal).await.unwrap();
    let begun = tokio::time::timeout(Duration::from_millis(100), fault.inject(&environment)).await;
    assert!(begun.is_err(), "it waits for the grace");
    process(&environment, "engine-1")
        .signal(SystemSignal::KILL)
        .unwrap();
    eventually("it has ended", SOON, || {
        environment.handle("engine-1").is_none()
    });
    fault.heal(&environment, &run.journal).await.unwrap();
    fault
        .confirm_clean(&environment, &run.journal)
        .await
        .unwrap();
    assert_eq!(environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_come_back_fails_the_restart_and_is_not_ours() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::StartsOnce, 1);
    let environment = run.start().await.unwrap();
    let kind = FaultKind::Restart {
        grace_ns: 2_000_000_000,
    };
    let mut fault = prepare(&environment, &kind, &["engine-1"]).unwrap();
    fault.arm(&environment, &run.journal).await.unwrap();
    let failed = fault.inject(&environment).await.unwrap_err();
    assert!(
        failed.to_string().contains("will not start again"),
        "{failed}"
    );
    assert!(!fault.confirm(&environment, SOON).await.confirmed);
    assert_eq!(environment.unexpected_exits().len(), 1);
    assert_eq!(environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_refused_before_anything_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::new(folder.path(), Habit::Sound, 1);
    let environment = run.start().await.unwrap();
    assert!(matches!(
        prepare(&environment, &KILL, &[]),
        Err(FaultError::NoTarget { .. })
    ));
    assert!(matches!(
        prepare(&environment, &KILL, &["engine-9"]),
        Err(FaultError::NoHandle { .. })
    ));
    let mut unarmed = prepare(&environment, &KILL, &["engine-1"]).unwrap();
    let early = unarmed.inject(&environment).await;
    assert!(matches!(early, Err(FaultError::NotArmed { .. })));
    assert_eq!(
        process(&environment, "engine-1").state().unwrap(),
        ProcessState::Running
    );
    assert_eq!(environment.stop().await, []);
}

use std::process::Command;

use shakedown_record::monotonic_ns;
use shakedown_runner::mechanisms::Spawner;
use shakedown_runner::mechanisms::time_ns::{ClockOffsets, TimeNamespace, TimeNamespaceError};

use super::doubles::{LONG, Target, write_exe};

const DAY_NS: i64 = 86_400_000_000_000;
const MINUTE_NS: i64 = 60_000_000_000;

/// What a process with these clocks reads from `CLOCK_MONOTONIC`, less what we read around it.
fn measured_ns(skew: TimeNamespace) -> i64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("reading");
    let mut command = Command::new(write_exe(folder.path()));
    command.args(["clock", file.to_str().unwrap()]);
    skew.prepare(&mut command);
    let before = monotonic_ns();
    assert!(
        command
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap()
            .success()
    );
    let after = monotonic_ns();
    let reading: i64 = std::fs::read_to_string(file).unwrap().parse().unwrap();
    assert!(after - before < LONG.as_nanos() as u64);
    reading - before as i64
}

#[test]
fn a_childs_clock_is_ahead_or_behind_and_ours_is_not() {
    for by_ns in [DAY_NS + 123_456_789, -MINUTE_NS] {
        let skew = TimeNamespace::new(ClockOffsets::both(by_ns)).unwrap();
        skew.preflight().unwrap();
        let ours = monotonic_ns();
        let measured = measured_ns(skew);
        let late_ns = measured - by_ns;
        assert!(
            (0..10_000_000_000).contains(&late_ns),
            "{measured} for {by_ns}"
        );
        assert!(monotonic_ns() - ours < 60_000_000_000);
    }
}

#[tokio::test]
async fn the_kernel_shows_the_offsets_of_a_running_child() {
    let spawner = Spawner::start().unwrap();
    let skew = TimeNamespace::new(ClockOffsets {
        monotonic_ns: DAY_NS,
        boottime_ns: 0,
    })
    .unwrap();
    let started = spawner
        .run(move |here| {
            let mut command = Command::new("/bin/sleep");
            skew.prepare(command.arg("60"));
            here.spawn(&mut command)
        })
        .await
        .unwrap();
    let child = shakedown_runner::mechanisms::Child::adopt(started.unwrap()).unwrap();
    let proof = skew.confirm(child.handle()).unwrap();
    assert_eq!(proof.offsets.monotonic_ns, DAY_NS);
    // It is the same process for us: its start time is told by our clock.
    let id = child.handle().id();
    assert!(
        shakedown_runner::mechanisms::ProcessHandle::open(id)
            .unwrap()
            .is_some()
    );
    let other = TimeNamespace::new(ClockOffsets::both(DAY_NS)).unwrap();
    let error = other.confirm(child.handle()).unwrap_err();
    assert!(matches!(error, TimeNamespaceError::Other { .. }), "{error}");
    // The next child of the same thread has plain clocks, and the end of the thread still ends both.
    let plain = spawner
        .run(|here| here.spawn(Command::new("/bin/sleep").arg("60")))
        .await
        .unwrap();
    let plain = shakedown_runner::mechanisms::Child::adopt(plain.unwrap()).unwrap();
    let error = skew.confirm(plain.handle()).unwrap_err();
    assert!(
        matches!(error, TimeNamespaceError::NotInside { .. }),
        "{error}"
    );
    drop(spawner);
    assert!(child.wait(LONG).await.is_some() && plain.wait(LONG).await.is_some());
}

#[test]
fn a_process_that_is_gone_is_not_proven() {
    let target = Target::sleeper();
    let skew = TimeNamespace::new(ClockOffsets::both(DAY_NS)).unwrap();
    target.kill();
    let error = skew.confirm(&target.handle).unwrap_err();
    assert!(matches!(error, TimeNamespaceError::Gone(_)), "{error}");
}
